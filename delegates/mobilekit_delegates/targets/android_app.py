"""The targets `adb:SERIAL/gpu`, `/npu`, `/nnapi` and `/cpu` on Android: the module's own tests.

Phones have no Python. What runs there is what an app would run: the generated module, in the test
app that Gradle builds of it. It goes to the device with the golden's inputs, answers them on one
accelerator, and its raw outputs come back, to be compared here like any other target's.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError, UnsupportedError
from mobilekit_converters.signature import TensorSpec
from mobilekit_delegates.devices.android import Instrumented, run_tests
from mobilekit_delegates.devices.transport import Transport, UnreachableError
from mobilekit_delegates.targets.android_apk import TestApk, find_test_apk
from mobilekit_delegates.targets.target import Execution, LocalSession, Missing, TargetInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mobilekit_delegates.targets.target import Arrays, Outputs

ACCELERATORS = ("cpu", "gpu", "npu", "nnapi")
"""What can run an artifact in an app; which of them a module knows is its runtime's affair."""

RUN_SECONDS = 1500.0
"""How long all batches of a check may take on a device: less than a check may take by default."""

LEAST_API = 24
"""The generated module's minSdk."""

_ANSWER_SECONDS = 60.0
_OUTPUTS_SCHEMA = "mobilekit/outputs/1"
_REPORT = "report.json"

_PROPERTIES = (
    "ro.product.manufacturer",
    "ro.product.model",
    "ro.soc.model",
    "ro.product.cpu.abi",
    "ro.build.version.release",
    "ro.build.version.sdk",
    "ro.build.id",
)
_DESCRIBE = 'for name; do echo "$(getprop "$name" 2>/dev/null)"; done'


@dataclass(frozen=True, kw_only=True)
class Phone:
    """What an Android device says of itself."""

    model: str
    soc: str
    abi: str
    release: str
    api: int
    build: str

    def __str__(self) -> str:
        model = f"{self.model} ({', '.join(filter(None, (self.soc, self.abi)))})"
        return f"{model}, Android {self.release} (API {self.api}, build {self.build})"


class AndroidApp:
    """A generated module's test app on an accelerator of an Android device."""

    def __init__(self, transport: Transport, accelerator: str, *, emulator: bool) -> None:
        """Connect nothing yet.

        Args:
            transport: the way to the device.
            accelerator: one of `ACCELERATORS`.
            emulator: whether the device is Android's emulator, whose times are nothing's.
        """
        self.info = TargetInfo(
            name=f"{transport.device}/{accelerator}",
            description=f"the generated module on {transport.device}, on its {accelerator.upper()}",
            meaning="The generated Android module, in its own test app, on the device itself: what "
            "an app would get there today, with the drivers that it has.",
            formats=("tflite",),
            budgets_of=accelerator,
            cost=60,
            emulated=emulator,
            repeatable=False,
            in_module=True,
        )
        self._transport = transport
        self._accelerator = accelerator

    def missing(self) -> Missing | None:
        """Say whether the device answers and is one that runs apps; this asks it."""
        phone = self._phone
        return phone if isinstance(phone, Missing) else None

    def version(self) -> str:
        """Return the device and its system."""
        return str(self._phone)

    def open(self, artifact: Artifact) -> AndroidAppSession:
        """Find the test app; it goes to the device with the first batches.

        Raises:
            TargetError: the device cannot be reached.
            UnsupportedError: there is no test app that holds this artifact.
        """
        phone = self._phone
        if isinstance(phone, Missing):
            raise TargetError(str(phone))
        apk = find_test_apk(artifact, self._accelerator)
        return AndroidAppSession(
            artifact, apk, self._transport, accelerator=self._accelerator, phone=phone
        )

    @functools.cached_property
    def _phone(self) -> Phone | Missing:
        """What there is, or why no app can run there; asked once."""
        device = self._transport.device
        try:
            ended = self._transport.run(
                ("sh", "-c", _DESCRIBE, "sh", *_PROPERTIES), folder="/", seconds=_ANSWER_SECONDS
            )
        except UnreachableError as error:
            return Missing(reason=str(error), command=error.command)
        except TargetError as error:
            return Missing(reason=str(error))
        lines = [line.strip() for line in ended.output.splitlines()]
        found = dict(zip(_PROPERTIES, lines, strict=False))
        api = found.get("ro.build.version.sdk", "")
        if not api.isdecimal():
            return Missing(
                reason=f"{device} is no Android device, so there are no apps on it. Of a Linux "
                f"board there are {device}/cpu and {device}/cpu-reference."
            )
        phone = Phone(
            model=f"{found['ro.product.manufacturer']} {found['ro.product.model']}".strip(),
            soc=found["ro.soc.model"],
            abi=found["ro.product.cpu.abi"],
            release=found["ro.build.version.release"],
            api=int(api),
            build=found["ro.build.id"],
        )
        if phone.api < LEAST_API:
            return Missing(
                reason=f"{device} ({phone}) is too old: generated modules run from API "
                f"{LEAST_API}, Android 7, on."
            )
        return phone


class AndroidAppSession(LocalSession):
    """An artifact in a test app on a device."""

    def __init__(
        self,
        artifact: Artifact,
        apk: TestApk,
        transport: Transport,
        *,
        accelerator: str,
        phone: Phone,
    ) -> None:
        """Prepare to run an artifact that the APK is known to hold."""
        self._artifact = artifact
        self._apk = apk
        self._transport = transport
        self._accelerator = accelerator
        self._target = f"{transport.device}/{accelerator}"
        self.execution = Execution(place=str(phone))

    def run(self, inputs: Arrays) -> Outputs:
        """Run one batch; see `Session.run`."""
        return self.run_all([inputs])[0]

    def run_all(self, batches: Sequence[Arrays]) -> list[Outputs]:
        """Run batches in one journey; see `Session.run_all`."""
        with tempfile.TemporaryDirectory(prefix="app-") as name:
            job, result = Path(name, "job"), Path(name, "result")
            write_inputs(job / "inputs", self._artifact, batches)
            result.mkdir()
            # Only one app of a name can be installed.
            with _only_one(self._transport.device):
                ended = run_tests(
                    self._transport,
                    self._apk.app,
                    {
                        "class": self._apk.parity_test,
                        "accelerator": self._accelerator,
                        "variant": self._artifact.variant,
                        "inputs": "{own}/inputs",
                        "output": "{own}/result",
                        "device": self._transport.device,
                    },
                    job,
                    result,
                    seconds=RUN_SECONDS,
                )
            for trace in ended.failures:
                print(trace, file=sys.stderr)  # The check's log holds it.
            self._take_report(result, ended)
            return self._outputs(result, len(batches))

    def _take_report(self, result: Path, ended: Instrumented) -> None:
        """Take what the device's own check says: its word is told, whatever is found here.

        Raises:
            TargetError: nothing ran.
            UnsupportedError: the device lacks the accelerator, or it refused the model.
        """
        if ended.crash:
            raise TargetError(
                f"The module's test app did not come to its end on {self._target} with "
                f"{self._artifact.variant}: {ended.crash}."
            )
        check = self._device_check(result, ended)
        execution = check.get("execution", {})
        place, notes = execution.get("place"), execution.get("notes", [])
        reason = str(check.get("reason", ""))
        if check["status"] == "not_run":
            raise UnsupportedError(f"{self._target}: {reason}")
        if check["status"] != "pass" and not (result / self._outputs_name).exists():
            raise TargetError(f"{self._target}: {reason}")
        self.execution = Execution(
            place=str(place or self.execution.place), notes=tuple(map(str, notes))
        )
        samples = check.get("samples", 0)
        self.note(
            f"The generated test on the device passed on the {samples} samples of the module."
            if check["status"] == "pass"
            else f"The generated test failed on the device, on the {samples} samples of the "
            f"module: {reason}"
        )

    def _device_check(self, result: Path, ended: Instrumented) -> Mapping[str, Any]:
        """Return the check of this artifact on this target in the device's report."""
        path = result / _REPORT
        if not path.is_file():
            why = (ended.failures or ("it said nothing",))[0].splitlines()[0].rstrip(".")
            raise TargetError(f"{self._target} left no report: {why}.")
        report = _read_json(path, self._target)
        try:
            name = report["model"]["name"]
            found = [
                check
                for variant in report["variants"]
                if variant["name"] == self._artifact.variant
                and variant["sha256"] == self._artifact.sha256
                for check in variant["checks"]
                if check["target"] == self._target and isinstance(check["status"], str)
            ]
        except (KeyError, TypeError) as error:
            raise TargetError(
                f"The report that {self._target} left is damaged: {error}."
            ) from error
        if name != self._apk.model or len(found) != 1:
            raise TargetError(
                f"The report that {self._target} left is of another model, or not of "
                f"{self._artifact.variant} there."
            )
        return dict(found[0])

    @property
    def _outputs_name(self) -> str:
        return f"{self._artifact.variant}.{self._accelerator}.json"

    def _outputs(self, result: Path, batches: int) -> list[Outputs]:
        path = result / self._outputs_name
        if not path.is_file():
            raise TargetError(f"{self._target} left no outputs of {self._artifact.variant}.")
        document = _read_json(path, self._target)
        try:
            files = {entry["name"]: entry["file"] for entry in document["outputs"]}
            mine = (document["schema"], document["model"], document["sha256"], document["runs"])
        except (KeyError, TypeError) as error:
            raise TargetError(
                f"The outputs that {self._target} left are damaged: {error}."
            ) from error
        if mine != (_OUTPUTS_SCHEMA, self._apk.model, self._artifact.sha256, batches):
            raise TargetError(f"The outputs that {self._target} left are of another model or run.")
        stacks = {
            spec.name: read_output(result, files.get(spec.name, ""), spec, batches, self._target)
            for spec in self._artifact.signature.outputs
        }
        return [{name: stack[row] for name, stack in stacks.items()} for row in range(batches)]


def write_inputs(folder: Path, artifact: Artifact, batches: Sequence[Arrays]) -> None:
    """Write batches into a new folder as the module's tests read them: a golden without outputs.

    Args:
        folder: where they go.
        artifact: the one that they are for.
        batches: arrays in real values, by input name.

    Raises:
        DataError: a batch does not fit the artifact's signature.
    """
    import numpy as np

    specs = artifact.signature.inputs
    folder.mkdir(parents=True)
    entries = []
    for index, spec in enumerate(specs):
        dtype = _real_dtype(spec)
        file = f"input-{index}.bin"
        with (folder / file).open("wb") as stream:
            for batch in batches:
                if set(batch) != {item.name for item in specs}:
                    raise DataError(
                        f"The artifact's inputs are {sorted(item.name for item in specs)}, not "
                        f"{sorted(batch)}."
                    )
                values = np.asarray(batch[spec.name])
                if values.shape != spec.shape:
                    raise DataError(
                        f"The input {spec.name!r} has the shape {values.shape}, not {spec.shape}."
                    )
                stream.write(np.ascontiguousarray(values, dtype.newbyteorder("<")).tobytes())
        shape = [len(batches), *spec.shape]
        entries.append({"name": spec.name, "file": file, "dtype": dtype.name, "shape": shape})
    document = {
        "schema": "mobilekit/golden/1",
        "samples": len(batches),
        "origin": "The inputs of a check.",
        "inputs": entries,
    }
    (folder / "golden.json").write_text(json.dumps(document), encoding="utf-8")


def read_output(
    folder: Path, file: str, spec: TensorSpec, batches: int, target: str
) -> NDArray[np.generic]:
    """Return all batches of an output, in real values, of shape (batches, *the output's).

    Raises:
        TargetError: the file is missing, or not as long as they are.
    """
    import numpy as np

    dtype, shape = _real_dtype(spec), (batches, *spec.shape)
    path = folder / Path(file).name
    data = path.read_bytes() if file and path.is_file() else b""
    expected = math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise TargetError(
            f"{target} sent {len(data)} bytes for the output {spec.name!r}, not the {expected} "
            f"that its {batches} batches have."
        )
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _real_dtype(spec: TensorSpec) -> np.dtype[Any]:
    """Return how the module shows a tensor: quantised ones as the floats that they mean."""
    import numpy as np

    return np.dtype("float32" if spec.quantisation else spec.dtype)


def _read_json(path: Path, target: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TargetError(f"{path.name}, which {target} left, is damaged: {error}.") from error
    return value if isinstance(value, dict) else {}


@contextlib.contextmanager
def _only_one(device: str) -> Iterator[None]:
    """Wait until no other check of this machine uses a device, and keep others off it."""
    name = hashlib.sha256(f"{os.getuid()} {device}".encode()).hexdigest()[:16]
    with Path(tempfile.gettempdir(), f"mobilekit-device-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

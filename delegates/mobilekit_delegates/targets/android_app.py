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
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import TargetError, UnsupportedError
from mobilekit_delegates.devices.android import Instrumented, run_tests
from mobilekit_delegates.devices.transport import Transport, UnreachableError
from mobilekit_delegates.targets.android_apk import TestApk, find_test_apk
from mobilekit_delegates.targets.android_results import DeviceResults, write_inputs
from mobilekit_delegates.targets.target import Execution, LocalSession, Missing, TargetInfo

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays, Outputs

ACCELERATORS = ("cpu", "gpu", "npu", "nnapi")
"""What can run an artifact in an app; which of them a module knows is its runtime's affair."""

RUN_SECONDS = 1500.0
"""How long all batches of a check may take on a device: less than a check may take by default."""

LEAST_API = 24
"""The generated module's minSdk."""

_ANSWER_SECONDS = 60.0

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
            # All but the CPU compute in 16 bits, as a GPU does.
            budgets_of="cpu" if accelerator == "cpu" else "gpu",
            cost=60,
            emulated=emulator,
            repeatable=False,
            in_module=True,
            timed_by=f"Times on {transport.device} are taken by the generated module's own "
            "benchmark: by `mobilekit bench` where its test APK is built, or with Gradle "
            "(docs/android_devices.md), and `mobilekit bench import` of the benchmark.json.",
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

    def run_benchmark(self, artifact: Artifact, folder: Path) -> None:
        """Have the module's own benchmark time an artifact, on the samples that it carries.

        Args:
            artifact: one that the module's test APK holds.
            folder: an empty folder, for what the benchmark leaves: `benchmark.json`.

        Raises:
            TargetError: the device cannot be reached, or the benchmark did not come to its end.
            UnsupportedError: there is no test app that holds this artifact.
        """
        phone = self._phone
        if isinstance(phone, Missing):
            raise TargetError(str(phone))
        apk = find_test_apk(artifact, self._accelerator)
        with tempfile.TemporaryDirectory(prefix="app-") as name, _only_one(self._transport.device):
            arguments = {
                "class": apk.benchmark,
                "accelerator": self._accelerator,
                "variant": artifact.variant,
                "output": "{own}/result",
                "device": self._transport.device,
                "seconds": str(int(0.9 * RUN_SECONDS)),
            }
            ended = run_tests(
                self._transport, apk.app, arguments, Path(name), folder, seconds=RUN_SECONDS
            )
        for trace in ended.failures:
            print(trace, file=sys.stderr)  # The job's log holds it.
        if ended.crash:
            raise TargetError(
                f"The module's benchmark did not come to its end on {self.info.name} with "
                f"{artifact.variant}: {ended.crash}."
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
        self._target = f"{transport.device}/{accelerator}"
        self.execution = Execution(place=str(phone))

    def run(self, inputs: Arrays) -> Outputs:
        """Run one batch; see `Session.run`."""
        return self.run_all([inputs])[0]

    def run_all(self, batches: Sequence[Arrays]) -> list[Outputs]:
        """Run batches in one journey; see `Session.run_all`."""
        with tempfile.TemporaryDirectory(prefix="app-") as name:
            job, folder = Path(name, "job"), Path(name, "result")
            write_inputs(job / "inputs", self._artifact, batches)
            folder.mkdir()
            # Only one app of a name can be installed.
            with _only_one(self._transport.device):
                ended = run_tests(
                    self._transport,
                    self._apk.app,
                    {
                        "class": self._apk.parity_test,
                        "accelerator": self._target.rpartition("/")[2],
                        "variant": self._artifact.variant,
                        "inputs": "{own}/inputs",
                        "output": "{own}/result",
                        "device": self._transport.device,
                        # What hangs is told by the device itself, if it can.
                        "seconds": str(int(0.9 * RUN_SECONDS)),
                    },
                    job,
                    folder,
                    seconds=RUN_SECONDS,
                )
            for trace in ended.failures:
                print(trace, file=sys.stderr)  # The check's log holds it.
            results = DeviceResults(
                folder=folder,
                artifact=self._artifact,
                target=self._target,
                model=self._apk.model,
            )
            self._require_run(results, ended)
            return results.outputs(len(batches))

    def _require_run(self, results: DeviceResults, ended: Instrumented) -> None:
        """See that the artifact ran, and note what the device's own test says of it.

        Raises:
            TargetError: it did not run.
            UnsupportedError: the device lacks the accelerator, or that refused the model.
        """
        if ended.crash:
            raise TargetError(
                f"The module's test app did not come to its end on {self._target} with "
                f"{self._artifact.variant}: {ended.crash}."
            )
        if not results.has_report():
            why = (ended.failures or ("it said nothing",))[0].splitlines()[0].rstrip(".")
            raise TargetError(f"{self._target} left no report: {why}.")
        check = results.check()
        if check.status == "not_run":
            raise UnsupportedError(f"{self._target}: {check.reason}")
        if check.status != "pass" and not results.has_outputs():
            raise TargetError(f"{self._target}: {check.reason}")
        self.execution = Execution(place=check.place or self.execution.place, notes=check.notes)
        self.note(
            f"The generated test on the device passed on the {check.samples} samples of the module."
            if check.status == "pass"
            else f"The generated test failed on the device, on the {check.samples} samples of the "
            f"module: {check.reason}"
        )


@contextlib.contextmanager
def _only_one(device: str) -> Iterator[None]:
    """Wait until no other check of this machine uses a device, and keep others off it."""
    name = hashlib.sha256(f"{os.getuid()} {device}".encode()).hexdigest()[:16]
    with Path(tempfile.gettempdir(), f"mobilekit-device-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

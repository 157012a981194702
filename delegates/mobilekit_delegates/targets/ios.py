"""The targets `ios-simulator` and `ios:UDID`: the generated Swift package's own tests, from a Mac.

Untested: nobody has run these on a Mac yet. Only the parts that need no Xcode have tests.

Xcode builds a copy of the release's package, with the golden's inputs among its resources, and
runs one of its tests. What that attached is compared here like any other target's outputs.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError, TargetError, UnsupportedError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_delegates.targets.android_results import DeviceResults, write_inputs
from mobilekit_delegates.targets.target import Execution, LocalSession, Missing, TargetInfo

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays, Outputs

UNITS = {"cpu": "Cpu", "gpu": "Gpu", "neural-engine": "NeuralEngine", "all": "All"}
"""The compute units, and how the names of the package's tests call them."""

PACKAGE = "ios"
"""The package's folder in a release."""

RUN_SECONDS = 1500.0
"""How long building and all batches of a check may take."""

_QUICK_SECONDS = 120.0
_INPUTS = "golden/check"
_NO_HOST = "Tool-hosted testing is unavailable"


@dataclass(frozen=True, kw_only=True)
class SwiftPackage:
    """A release's Swift package, which is called as its model."""

    folder: Path
    model: str

    @property
    def resources(self) -> Path:
        """Where it keeps what it carries."""
        return self.folder / "Sources" / self.model / "Resources"


class IosTarget:
    """A Swift package's tests on a device, or on an iPhone of Apple's Simulator."""

    def __init__(self, device: str, unit: str, *, name: str, meaning: str) -> None:
        """Connect nothing yet.

        Args:
            device: `ios-simulator`, or `ios:` and the device's identifier.
            unit: one of `UNITS`.
            name: the target's.
            meaning: what a pass proves.
        """
        self.info = TargetInfo(
            name=name,
            description=f"the generated Swift package on {device}, with the compute unit {unit}",
            meaning=f"{meaning} This target is untested: mobilekit's own tests have never run on a "
            "Mac.",
            formats=("coreml",),
            budgets_of="coreml",
            cost=60,
            emulated=device == "ios-simulator",
            repeatable=False,
            in_module=True,
            timed_by=f"Times on {device} are taken by the generated package's own performance "
            "tests. Run them in Xcode (docs/ios_devices.md), and give the benchmark.json that they "
            "leave to `mobilekit bench import`.",
        )
        self._device = device
        self._unit = unit

    def missing(self) -> Missing | None:
        """Say whether this is a Mac with Xcode."""
        if sys.platform != "darwin":
            return Missing(
                reason="Apps for iOS are built and tested on a Mac only. Run `mobilekit verify` on "
                "the release there."
            )
        if shutil.which("xcrun") is None or not self._xcode:
            return Missing(
                reason="xcodebuild does not run here: install Xcode 16 or newer from the App "
                "Store, and select it.",
                command="sudo xcode-select -s /Applications/Xcode.app",
            )
        return None

    def version(self) -> str:
        """Return Xcode's version, and the device."""
        return f"{self._xcode}, {self._device}"

    def open(self, artifact: Artifact) -> IosSession:
        """Find the package that carries an artifact, and the device.

        Raises:
            TargetError: there is no simulated iPhone.
            UnsupportedError: no package of a release carries the artifact.
        """
        package = find_package(artifact)
        return IosSession(
            artifact, package, device=self._device, unit=self._unit, destination=self._destination()
        )

    @functools.cached_property
    def _xcode(self) -> str:
        ended = _run(("xcrun", "xcodebuild", "-version"), seconds=_QUICK_SECONDS)
        return ended.stdout.splitlines()[0] if ended.returncode == 0 and ended.stdout else ""

    def _destination(self) -> str:
        if self._device != "ios-simulator":
            return f"platform=iOS,id={self._device.partition(':')[2]}"
        ended = _run(
            ("xcrun", "simctl", "list", "devices", "available", "--json"), seconds=_QUICK_SECONDS
        )
        return f"platform=iOS Simulator,id={simulated_iphone(ended.stdout)}"


def ios_simulator() -> IosTarget:
    """Return the target `ios-simulator`: the Simulator has no accelerators of its own."""
    return IosTarget(
        "ios-simulator",
        "cpu",
        name="ios-simulator",
        meaning="The generated Swift package in Apple's Simulator: its code and Core ML's, on the "
        "Mac's processor.",
    )


def ios_device(rest: str) -> IosTarget:
    """Return the target `ios:UDID` or `ios:UDID/UNIT`.

    Raises:
        ProjectError: it is not a device and one of the compute units.
    """
    udid, slash, unit = rest.partition("/")
    if not re.fullmatch(r"[0-9A-Za-z-]+", udid) or (slash and unit not in UNITS):
        forms = ", ".join(f"ios:UDID/{known}" for known in UNITS)
        raise ProjectError(
            f"There is no target 'ios:{rest}'. Name a device as ios:UDID, or {forms}; "
            "`xcrun xctrace list devices` on a Mac lists what is connected."
        )
    return IosTarget(
        f"ios:{udid}",
        unit or "all",
        name=f"ios:{rest}",
        meaning="The generated Swift package on the device itself: what an app would get there "
        "today.",
    )


class IosSession(LocalSession):
    """An artifact in a package's tests on a device."""

    def __init__(
        self, artifact: Artifact, package: SwiftPackage, *, device: str, unit: str, destination: str
    ) -> None:
        """Prepare to run an artifact that the package is known to carry."""
        self.execution = Execution(place=device)
        self._artifact = artifact
        self._package = package
        self._device = device
        self._unit = unit
        self._destination = destination

    def run(self, inputs: Arrays) -> Outputs:
        """Run one batch; see `Session.run`."""
        return self.run_all([inputs])[0]

    def run_all(self, batches: Sequence[Arrays]) -> list[Outputs]:
        """Run batches in one journey; see `Session.run_all`."""
        with tempfile.TemporaryDirectory(prefix="mobilekit-ios-") as name:
            work = Path(name)
            package = copy_with_inputs(self._package, work / "package", self._artifact, batches)
            result = work / "result.xcresult"
            ended = _run(
                xcodebuild_command(
                    package,
                    self._destination,
                    xctest_name(package.model, self._artifact.variant, self._unit),
                    result,
                ),
                folder=package.folder,
                environment=runner_environment(self._device),
                seconds=RUN_SECONDS,
            )
            _run(
                export_command(result, work / "attachments"),
                seconds=_QUICK_SECONDS,
            )
            collect(work / "attachments", work / "results")
            return self._outputs(work / "results", ended.stdout, len(batches))

    def _outputs(self, folder: Path, log: str, batches: int) -> list[Outputs]:
        """Read what the test left, and note what it says itself.

        Raises:
            TargetError: the artifact did not run.
            UnsupportedError: the device lacks the compute unit, or that refused the model.
        """
        results = DeviceResults(
            folder=folder,
            artifact=self._artifact,
            target=f"{self._device}/{self._unit}",
            model=self._package.model,
        )
        if not results.has_report():
            raise TargetError(f"The package's test left no report on {self._device}: {why(log)}")
        check = results.check()
        if check.status == "not_run":
            raise UnsupportedError(f"{self._device}: {check.reason}")
        if check.status != "pass" and not results.has_outputs():
            raise TargetError(f"{self._device}: {check.reason}")
        self.execution = Execution(place=check.place or self._device, notes=check.notes)
        self.note(
            f"The generated test passed on the {check.samples} samples of the package."
            if check.status == "pass"
            else f"The generated test failed on the {check.samples} samples of the package: "
            f"{check.reason}"
        )
        return results.outputs(batches)


def find_package(artifact: Artifact) -> SwiftPackage:
    """Return the Swift package of a release that carries one of its artifacts.

    Raises:
        UnsupportedError: there is none, or it carries another one.
    """
    folder = artifact.path.parent.parent / PACKAGE
    sources = [path for path in (folder / "Sources").glob("*") if path.is_dir()]
    if len(sources) != 1:
        raise UnsupportedError(
            f"{artifact.path.name} lies in no release with a Swift package, whose tests would run "
            "it. Build the release, and run mobilekit verify RELEASE."
        )
    package = SwiftPackage(folder=folder, model=sources[0].name)
    carried = package.resources / f"{artifact.variant}.mlpackage"
    if not carried.is_dir():
        names = sorted(path.stem for path in package.resources.glob("*.mlpackage"))
        raise UnsupportedError(
            f"The package does not carry {artifact.variant}, but {', '.join(names) or 'none'}. "
            "Name it in bundle in [ios] to have it tested on devices."
        )
    if sha256_of_path(carried) != artifact.sha256:
        raise UnsupportedError(
            f"The Swift package holds another {artifact.variant} than the release. Build again."
        )
    return package


def copy_with_inputs(
    package: SwiftPackage, folder: Path, artifact: Artifact, batches: Sequence[Arrays]
) -> SwiftPackage:
    """Copy a package, with the inputs of a check among its resources."""
    shutil.copytree(package.folder, folder, ignore=shutil.ignore_patterns(".build", ".swiftpm"))
    copy = SwiftPackage(folder=folder, model=package.model)
    write_inputs(copy.resources / _INPUTS, artifact, batches)
    return copy


def xctest_name(model: str, variant: str, unit: str) -> str:
    """Return the test that checks a variant on a compute unit, as Xcode identifies it."""
    words = "".join(word.capitalize() for word in variant.split("-"))
    return f"{model}Tests/{model}ParityTests/test{words}On{UNITS[unit]}"


def xcodebuild_command(
    package: SwiftPackage, destination: str, test: str, result: Path
) -> tuple[str, ...]:
    """Return the command that builds and runs a test, in the package's folder.

    Devices run tests inside of an app only. Where the folder has an Xcode project with such an app,
    Xcode takes that and its scheme of the same name, else the package's own.
    """
    projects = sorted(package.folder.glob("*.xcodeproj"))
    project = ("-project", projects[0].name) if projects else ()
    return (
        *("xcrun", "xcodebuild", "test", *project),
        *("-scheme", package.model, "-destination", destination),
        *(f"-only-testing:{test}", "-resultBundlePath", str(result)),
        *("-derivedDataPath", str(result.parent / "derived"), "-allowProvisioningUpdates"),
    )


def export_command(result: Path, folder: Path) -> tuple[str, ...]:
    """Return the command that takes the attachments out of a test's results."""
    paths = ("--path", str(result), "--output-path", str(folder))
    return ("xcrun", "xcresulttool", "export", "attachments", *paths)


def runner_environment(device: str) -> dict[str, str]:
    """Return the variables that xcodebuild hands on to the test, without `TEST_RUNNER_`."""
    return {
        "TEST_RUNNER_MOBILEKIT_DEVICE": device,
        "TEST_RUNNER_MOBILEKIT_INPUTS": _INPUTS,
        # What hangs is told by the device itself, if it can.
        "TEST_RUNNER_MOBILEKIT_SECONDS": str(int(0.8 * RUN_SECONDS)),
    }


def simulated_iphone(listing: str) -> str:
    """Choose from what `simctl list devices available --json` says: one that runs, else the newest.

    Raises:
        TargetError: there is none.
    """
    try:
        runtimes = json.loads(listing)["devices"]
        found = [
            (device["state"] == "Booted", _system(runtime), device["udid"])
            for runtime, devices in runtimes.items()
            if ".iOS-" in runtime
            for device in devices
            if device["name"].startswith("iPhone")
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TargetError(f"simctl's list of devices cannot be read: {error}.") from error
    if not found:
        raise TargetError("There is no simulated iPhone. Get one: xcodebuild -downloadPlatform iOS")
    return str(max(found)[2])


def _system(runtime: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", runtime.rpartition(".iOS-")[2])))


def collect(attachments: Path, folder: Path) -> None:
    """Give attachments, as xcresulttool exports them, the names that the test gave them.

    Xcode adds a number, an identifier and the ending: `report.json_0_<UUID>.json`.

    Raises:
        TargetError: the list of the attachments is damaged.
    """
    folder.mkdir()
    manifest = attachments / "manifest.json"
    if not manifest.is_file():
        return
    try:
        for test in json.loads(manifest.read_bytes()):
            for attachment in test["attachments"]:
                name = attachment["suggestedHumanReadableName"]
                parts = re.fullmatch(r"([^/]+?)_\d+_[0-9A-Fa-f-]{36}(\.\w+)?", name)
                if parts is None:
                    continue
                ending = parts[2] or ""
                own = parts[1] if parts[1].endswith(ending) else parts[1] + ending
                source = attachments / Path(attachment["exportedFileName"]).name
                shutil.copyfile(source, folder / own)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TargetError(f"What the test attached cannot be read: {error}.") from error


def why(log: str) -> str:
    """Say in a sentence why a test left nothing, from what xcodebuild wrote."""
    if _NO_HOST in log:
        return (
            "devices run tests inside of an app only. Put an Xcode project with one into the "
            "release's ios folder, as docs/ios_devices.md says."
        )
    errors = [line for line in log.splitlines() if "error:" in line]
    return errors[0].strip() if errors else "xcodebuild named no error."


def _run(
    command: tuple[str, ...],
    *,
    seconds: float,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command; its output and errors come together.

    Raises:
        TargetError: it took too long or cannot be run.
    """
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetError(f"{command[1]} took longer than {seconds:.0f} s.") from error
    except OSError as error:
        raise TargetError(f"{command[0]} cannot be run: {error}.") from error

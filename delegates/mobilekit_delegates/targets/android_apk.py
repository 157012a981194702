"""The test APK of a generated Android module: what it carries, and whose it is."""

from __future__ import annotations

import hashlib
import json
import shlex
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import UnsupportedError
from mobilekit_delegates.devices.android import InstrumentedApp

MODULE = "android"
"""The module's folder in a release."""

FACTS_ASSET = "mobilekit/tests.json"
"""What the module says of its own tests, among their assets."""

FACTS_SCHEMA = "mobilekit/android-tests/1"

_BUILT = "build/outputs/apk/androidTest/debug"
"""Where Android's Gradle plugin puts the test APK of a library's debug variant."""


@dataclass(frozen=True, kw_only=True)
class TestApk:
    """A test APK of a generated module.

    `model` is its class, `parity_test` and `benchmark` the full names of the tests to run.
    `accelerators` are those that its runtime knows, in small letters.
    """

    __test__ = False

    app: InstrumentedApp
    model: str
    parity_test: str
    benchmark: str
    accelerators: tuple[str, ...]


def find_test_apk(artifact: Artifact, accelerator: str) -> TestApk:
    """Return the test APK that can run an artifact of a release on an accelerator.

    Raises:
        UnsupportedError: there is none, or not for this one; the message says how to get it.
    """
    module = artifact.path.parent.parent / MODULE
    if not module.is_dir():
        raise UnsupportedError(
            f"{artifact.path.name} lies in no release with an Android module, whose tests would "
            "run it. Build the release, then its test APK, and run mobilekit verify RELEASE."
        )
    build = f"Build it: {build_command(module)}"
    found = sorted((module / _BUILT).glob("*.apk"))
    if not found:
        raise UnsupportedError(f"The module's test APK is not built. {build}")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UnsupportedError(f"{module / _BUILT} holds several test APKs: {names}. Leave one.")
    (path,) = found
    try:
        with zipfile.ZipFile(path) as archive:
            facts = _facts(archive)
            asset = facts["artifacts"].get(artifact.variant)
            sha256 = _sha256(archive, asset) if asset else ""
            apk = _apk(path, facts)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnsupportedError(
            f"{path} is no whole test APK of a generated module: {error}. {build}"
        ) from error
    if not asset:
        carried = ", ".join(facts["artifacts"]) or "none"
        raise UnsupportedError(
            f"The module does not carry {artifact.variant}, but {carried}. Name it in bundle in "
            "[android] to have it tested on devices."
        )
    if sha256 != artifact.sha256:
        raise UnsupportedError(
            f"The test APK holds another {artifact.variant} than the release: its sha256 is "
            f"{sha256}, and the release's {artifact.sha256}. {build}"
        )
    if accelerator not in apk.accelerators:
        raise UnsupportedError(
            f"The module's runtime has no {accelerator}. It has: {', '.join(apk.accelerators)}."
        )
    return apk


def build_command(module: Path) -> str:
    """Return the command that builds a module's test APK."""
    return shlex.join(("gradle", "-p", str(module), "assembleDebugAndroidTest"))


def _facts(archive: zipfile.ZipFile) -> Mapping[str, Any]:
    facts: Any = json.loads(archive.read(f"assets/{FACTS_ASSET}"))
    if facts["schema"] != FACTS_SCHEMA:
        raise ValueError(f"its facts have the schema {facts['schema']!r}, not {FACTS_SCHEMA!r}")
    return dict(facts)


def _apk(path: Path, facts: Mapping[str, Any]) -> TestApk:
    return TestApk(
        app=InstrumentedApp(
            apk=path, package=str(facts["test_package"]), runner=str(facts["runner"])
        ),
        model=str(facts["model"]),
        parity_test=str(facts["parity_test"]),
        benchmark=str(facts["benchmark"]),
        accelerators=tuple(map(str, facts["accelerators"])),
    )


def _sha256(archive: zipfile.ZipFile, asset: str) -> str:
    digest = hashlib.sha256()
    with archive.open(f"assets/{asset}") as stream:
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()

"""A stand-in for Android's programs `getprop`, `pm`, `am` and `run-as`: enough to run a test app.

It says and does what the real ones do, as far as a test app needs it: packages are folders, an app
is a process of its own that `am` only watches, and what is not told it to be different is Android
15. `PHONE_FOLDER/settings.json` makes a phone of a kind. It stands alone: the first argument is the
phone's folder, the second the program.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEFAULTS: dict[str, Any] = {
    # What getprop says.
    "properties": {
        "ro.product.manufacturer": "Acme",
        "ro.product.model": "Stand-in 9",
        "ro.soc.model": "SC-1",
        "ro.product.cpu.abi": "x86_64",
        "ro.build.version.release": "15",
        "ro.build.version.sdk": "35",
        "ro.build.id": "AP3A.1",
    },
    "free_bytes": 10**12,
    # How a test app's process is started: `{installed}` stands for its package's folder, and
    # `{arguments}` for what its runner gets, as JSON.
    "app": [],
    # Kills an app's process as a driver's fault would, when it has started.
    "app_crashes": False,
}


def main() -> int:
    folder, program, *arguments = sys.argv[1:]
    phone = Path(folder)
    settings = {**DEFAULTS, **json.loads((phone / "settings.json").read_text())}
    with (phone / "calls.log").open("a") as log:
        print(program, *arguments, file=log)
    return PROGRAMS[program](phone, settings, arguments)


def getprop(phone: Path, settings: dict[str, Any], arguments: list[str]) -> int:  # noqa: ARG001
    print(settings["properties"].get(arguments[0], ""))
    return 0


def pm(phone: Path, settings: dict[str, Any], arguments: list[str]) -> int:
    command, *rest = arguments
    if command == "path":
        there = (phone / "packages" / rest[0]).is_dir()
        if there:
            print(f"package:{phone}/packages/{rest[0]}/base.apk")
        return 0 if there else 1
    if command == "uninstall":
        return _uninstall(phone, rest[0])
    assert command == "install", command
    failure = _install(phone, settings, Path(rest[-1]), rest[:-1])
    print(f"Failure [{failure}]" if failure else "Success")
    return 1 if failure else 0


def _uninstall(phone: Path, package: str) -> int:
    installed = phone / "packages" / package
    if not installed.is_dir():
        print("Failure [DELETE_FAILED_INTERNAL_ERROR]")
        return 1
    _stop(installed)
    shutil.rmtree(installed)
    print("Success")
    return 0


def _install(phone: Path, settings: dict[str, Any], apk: Path, options: list[str]) -> str:
    """Install an APK; return what failed, as `PackageManagerShellCommand` prints it."""
    with zipfile.ZipFile(apk) as archive:
        manifest = json.loads(archive.read("AndroidManifest.xml"))
    package = manifest["package"]
    if manifest.get("testOnly") and "-t" not in options:
        return "INSTALL_FAILED_TEST_ONLY: installPackageLI"
    if apk.stat().st_size > settings["free_bytes"]:
        return "INSTALL_FAILED_INSUFFICIENT_STORAGE: Failed to override installation location"
    installed = phone / "packages" / package
    if installed.is_dir():
        old = json.loads((installed / "manifest.json").read_text())
        if "-r" not in options:
            return f"INSTALL_FAILED_ALREADY_EXISTS: Attempt to re-install {package} without first "
        if old["signature"] != manifest["signature"]:
            return (
                f"INSTALL_FAILED_UPDATE_INCOMPATIBLE: Existing package {package} signatures do not "
                "match newer version; ignoring!"
            )
        if old["versionCode"] > manifest["versionCode"]:
            return (
                "INSTALL_FAILED_VERSION_DOWNGRADE: Downgrade detected: Update version code "
                f"{manifest['versionCode']} is older than current {old['versionCode']}"
            )
        _stop(installed)
    (installed / "data" / "files").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(apk, installed / "base.apk")
    (installed / "manifest.json").write_text(json.dumps(manifest))
    return ""


def run_as(phone: Path, settings: dict[str, Any], arguments: list[str]) -> int:  # noqa: ARG001
    package, *command = arguments
    data = phone / "packages" / package / "data"
    if not data.is_dir():
        print(f"run-as: unknown package: {package}", file=sys.stderr)
        return 1
    os.chdir(data)
    return os.execvp(command[0], command)


def am(phone: Path, settings: dict[str, Any], arguments: list[str]) -> int:
    command, *rest = arguments
    if command == "force-stop":
        _stop(phone / "packages" / rest[0])
        return 0
    assert command == "instrument", command
    return _instrument(phone, settings, rest)


def _instrument(phone: Path, settings: dict[str, Any], arguments: list[str]) -> int:
    package, _, runner = arguments[-1].partition("/")
    installed = phone / "packages" / package
    manifest = installed / "manifest.json"
    if not manifest.exists() or json.loads(manifest.read_text())["runner"] != runner:
        print(
            "INSTRUMENTATION_STATUS: Error=Unable to find instrumentation info for: "
            f"ComponentInfo{{{arguments[-1]}}}\nINSTRUMENTATION_STATUS: id=ActivityManagerService\n"
            "INSTRUMENTATION_STATUS_CODE: -1"
        )
        print(f"android.util.AndroidException: INSTRUMENTATION_FAILED: {arguments[-1]}")
        return 1
    extras = json.dumps(
        {arguments[at + 1]: arguments[at + 2] for at, word in enumerate(arguments) if word == "-e"}
    )
    said = installed / "instrumentation.txt"
    said.write_text("")
    # An app is a child of Android's own, so that it outlives whoever asked for it.
    with (phone / "logcat.txt").open("ab") as log:
        app = subprocess.Popen(
            [
                word.replace("{installed}", str(installed)).replace("{arguments}", extras)
                for word in settings["app"]
            ],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (installed / "pid").write_text(str(app.pid))
    if settings["app_crashes"]:
        time.sleep(0.2)
        app.send_signal(signal.SIGSEGV)
    app.wait()
    text = said.read_text()
    print(text, end="")
    if not re.search("^INSTRUMENTATION_CODE:", text, re.MULTILINE):
        print("INSTRUMENTATION_RESULT: shortMsg=Process crashed.\nINSTRUMENTATION_CODE: 0")
    return 0


def _stop(installed: Path) -> None:
    pid = installed / "pid"
    if pid.exists():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(pid.read_text()), signal.SIGKILL)
        pid.unlink()


PROGRAMS: dict[str, Callable[[Path, dict[str, Any], list[str]], int]] = {
    "getprop": getprop,
    "pm": pm,
    "am": am,
    "run-as": run_as,
}

if __name__ == "__main__":
    sys.exit(main())

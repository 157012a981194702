"""Test apps on Android devices: installed, given files, run, and taken away again.

Sources, all of AOSP: `PackageManagerShellCommand.java` for what `pm` says, `Instrument.java` for
what `am instrument -r` says, and the SELinux policy for who may touch what. An app's files are its
own; `run-as` acts as a debuggable app, and an app may read and write files of the shell, which lie
in /data/local/tmp, where the shell opened them for it (`untrusted_app_all.te`, `app.te`). So files
travel as archives through `run-as`, by redirection, and the app needs no permission for it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mobilekit_converters.errors import TargetError
from mobilekit_delegates.devices.transport import Ended, Transport, UnreachableError

INSTALL_SECONDS = 300.0
"""How long an installation may take: some devices look at apps, and ask their user, first."""

_COPY_SECONDS = 300.0
_APK = "test.apk"
_JOB = "job"
_RESULT = "result"

# What is installed must not stay if the connection breaks, and nobody is there then to say so. But
# the folder goes then. The keeper waits for that in a session of its own, which no hang-up reaches.
_KEEPER = """
while [ -d "$1" ]; do sleep 1; done
am force-stop "$2"
if [ "$3" = 1 ]; then run-as "$2" rm -rf "files/$4"; else pm uninstall "$2"; fi
"""

# First it prints whether an app of this name is there already, then what `pm` says.
_INSTALL = """
package=$1 own=$2 keeper=$3
[ -n "$(pm path "$package" 2>/dev/null)" ] && was_there=1 || was_there=0
echo "$was_there"
setsid sh -c "$keeper" sh "$PWD" "$package" "$was_there" "$own" </dev/null >/dev/null 2>&1 &
echo $! >keeper
pm install -r -t "$PWD/test.apk" 2>&1
"""

_LEAVE = """
package=$1 own=$2 was_there=$3
am force-stop "$package"
if [ "$was_there" = 1 ]; then
    run-as "$package" rm -rf "files/$own"
else
    pm uninstall "$package"
fi
kill -9 "$(cat keeper)"
"""

_SEND = """
package=$1 own=$2
(cd job && LC_ALL=C tar -c -f ../job.tar .) || exit 1
run-as "$package" sh -c 'mkdir -p "files/$1" && tar -x -f - -C "files/$1"' sh "$own" <job.tar
"""

_FETCH = """
package=$1 own=$2
run-as "$package" sh -c '[ ! -d "files/$1/result" ] || tar -c -f - -C "files/$1/result" .' \
    sh "$own" >result.tar || exit 1
mkdir result
[ ! -s result.tar ] || LC_ALL=C tar -x -f result.tar -C result
"""

_INSTALL_FAILURES = {
    "INSTALL_FAILED_UPDATE_INCOMPATIBLE": "one of its name is there that was signed with another "
    "key. Remove that: {uninstall}",
    "INSTALL_FAILED_VERSION_DOWNGRADE": "a newer version of it is there. Remove that: {uninstall}",
    "INSTALL_FAILED_INSUFFICIENT_STORAGE": "it has no room. Remove something there.",
    "INSTALL_FAILED_NO_MATCHING_ABIS": "the APK holds no code for its processor. Build it for "
    "every processor, without abiFilters.",
    "INSTALL_FAILED_OLDER_SDK": "its Android is older than the module's minSdk.",
    "INSTALL_FAILED_USER_RESTRICTED": "its settings do not let adb install apps. Allow it in the "
    "developer options, and answer on its screen.",
    "INSTALL_FAILED_VERIFICATION_FAILURE": "Play Protect refuses it. Turn off 'Verify apps over "
    "USB' in the developer options.",
    "INSTALL_PARSE_FAILED_NO_CERTIFICATES": "the APK is not signed. Build the debug variant.",
}
"""What failures mean and what helps, by what `pm` calls them (`PackageManager.java`)."""


@dataclass(frozen=True, kw_only=True)
class InstrumentedApp:
    """The tests of an app or a library, as an APK of their own.

    `package` is what it is called on a device, `runner` the class that runs its tests.
    """

    apk: Path
    package: str
    runner: str


@dataclass(frozen=True, kw_only=True)
class Instrumented:
    """How `am instrument -r` ended.

    `crash` says what brought the app down, and is empty where it came to its own end. `failures`
    are the stack traces of tests that failed.
    """

    crash: str = ""
    failures: tuple[str, ...] = ()


def run_tests(
    transport: Transport,
    app: InstrumentedApp,
    arguments: Mapping[str, str],
    job: Path,
    result: Path,
    *,
    seconds: float,
) -> Instrumented:
    """Install a test app, run its tests with files for them, and bring back what they left.

    Afterwards the device is as it was. An app of the same name that was there stays, in the version
    that took its place, and what was sent to it goes. The device sees to that by itself where this
    process is killed or the connection breaks.

    Args:
        transport: the way to the device.
        app: the test app.
        arguments: what its runner gets. The files are in the folder `{own}` of the app's files, in
            which tests leave what comes back in `result`: `{own}` in an argument stands for it.
        job: the folder with the files.
        result: an empty folder for what comes back.
        seconds: the tests' time.

    Raises:
        TargetError: the device does not take the app, or its tests could not be run in that time.
        UnreachableError: there is no way to the device, or it went away.
    """
    with transport.folder() as folder, tempfile.TemporaryDirectory(prefix="parcel-") as name:
        parcel = Path(name)
        (parcel / _APK).symlink_to(app.apk.absolute())
        (parcel / _JOB).symlink_to(job.absolute())
        transport.push(parcel, folder)
        own = folder.rpartition("/")[2]
        device = _Device(transport=transport, folder=folder, package=app.package, own=own)
        with device.installed():
            device.shell("taking files into the app", _SEND)
            given = {name: value.replace("{own}", own) for name, value in arguments.items()}
            ended = device.instrument(app.runner, given, seconds)
            device.shell("giving files back from the app", _FETCH)
            transport.pull(folder, [_RESULT], parcel)
        if (parcel / _RESULT).is_dir():
            shutil.copytree(parcel / _RESULT, result, dirs_exist_ok=True)
        return ended


@dataclass(frozen=True, kw_only=True)
class _Device:
    """A device with the shell's `folder` there, and the name `own` of one among the app's files."""

    transport: Transport
    folder: str
    package: str
    own: str

    def shell(self, doing: str, script: str, *arguments: str) -> Ended:
        """Run shell text, which gets the package and `own` first, and see that it succeeds."""
        ended = self.run(script, *arguments)
        if ended.status != 0:
            raise TargetError(
                f"{self.transport.device} failed at {doing}: {_last_line(ended)} (exit status "
                f"{ended.status})."
            )
        return ended

    def run(self, script: str, *arguments: str, seconds: float = _COPY_SECONDS) -> Ended:
        return self.transport.run(
            ("sh", "-c", script, "sh", self.package, self.own, *arguments),
            folder=self.folder,
            seconds=seconds,
        )

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Install the app for as long as a block lasts."""
        ended = self.run(_INSTALL, _KEEPER, seconds=INSTALL_SECONDS)
        was_there, _, said = ended.output.partition("\n")
        try:
            self._require_installed(said)
            yield
        except UnreachableError:
            raise  # The device's keeper removes it.
        except BaseException:
            with contextlib.suppress(TargetError):
                self.run(_LEAVE, was_there)
            raise
        else:
            self.run(_LEAVE, was_there)

    def _require_installed(self, said: str) -> None:
        if any(line.strip() == "Success" for line in said.splitlines()):
            return
        device = self.transport.device
        found = re.search(r"\b(INSTALL_\w+)", said)
        why = (
            found[1]
            if found
            else (said.strip().splitlines() or ["pm said nothing"])[-1].rstrip(".")
        )
        serial = device.partition(":")[2]
        help = _INSTALL_FAILURES.get(why, "").format(
            uninstall=f"adb -s {serial} uninstall {self.package}"
        )
        raise TargetError(
            f"{device} does not install {self.package}"
            + (
                f": {help.rstrip('.')} ({why})."
                if help
                else f": {said.strip().rstrip('.') or why}."
            )
        )

    def instrument(self, runner: str, arguments: Mapping[str, str], seconds: float) -> Instrumented:
        words = [word for name, value in arguments.items() for word in ("-e", name, value)]
        ended = self.transport.run(
            ("am", "instrument", "-w", "-r", *words, f"{self.package}/{runner}"),
            folder=self.folder,
            seconds=seconds,
        )
        return read_instrumentation(ended)


def read_instrumentation(ended: Ended) -> Instrumented:
    """Read what `am instrument -r` said.

    A code of -1, an activity's RESULT_OK, is its word for an end that the runner came to itself.
    """
    said = ended.output + ended.errors
    results = dict(re.findall(r"^INSTRUMENTATION_RESULT: (\w+)=(.*)$", said, re.MULTILINE))
    if (
        re.search(r"^INSTRUMENTATION_CODE: -1\s*$", said, re.MULTILINE)
        and "shortMsg" not in results
    ):
        traces = re.findall(
            r"^INSTRUMENTATION_STATUS: stack=(.*?)^INSTRUMENTATION_STATUS(?:_CODE)?:",
            said,
            re.MULTILINE | re.DOTALL,
        )
        return Instrumented(failures=tuple(trace.strip() for trace in traces))
    failed = re.search(r"^.*INSTRUMENTATION_(?:FAILED|ABORTED): .*$", said, re.MULTILINE)
    words = [results[name] for name in ("shortMsg", "longMsg") if results.get(name)]
    crash = "; ".join(dict.fromkeys(word.rstrip(".") for word in words))
    return Instrumented(crash=crash or (failed[0].strip() if failed else _last_line(ended)))


def _last_line(ended: Ended) -> str:
    lines = [line.strip() for line in (ended.errors or ended.output).splitlines() if line.strip()]
    return (lines or ["it said nothing"])[-1].rstrip(".")

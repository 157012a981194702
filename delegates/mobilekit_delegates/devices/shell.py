"""A device as a shell on it: what adb and ssh have in common.

All that is asked of a device is to run shell text with standard input, output and errors, so any
Unix with `sh`, `mktemp` and `tar` will do, Android and BusyBox included. Folders travel as tar
streams.

Three rules keep answers true and the device clean:

- A command has ended only if the device says so. The clients' exit statuses do not tell: adb's is 0
  where the daemon died, and ssh's 255 may be the command's own. So every command ends with a line
  on standard error that it could not know before.
- What stays on the device for a while, a program or a folder, lives as long as its standard input
  is open. However this side ends, that input ends, and the device kills and removes what is there.
- Where a connection falls silent instead of ending, the device's own clock ends a program.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mobilekit_converters.errors import TargetError
from mobilekit_delegates.devices.transport import Ended, UnreachableError

TRANSFER_SECONDS = 300.0
"""How long a copy may take."""

_GRACE_SECONDS = 10.0
"""How long a client may take to end when it should, and the device's clock to run after ours."""

_KEPT_BYTES = 2**20
"""How much of each end of a command's output is kept."""

# The device hangs up on commands when a connection breaks, and cleaning up comes after that. What
# comes before the first lines are greetings of the user's shell.
_COMMAND = """
trap '' HUP
token=$1; shift
echo "$token started"
echo "$token started" >&2
(%s)
echo "$token ended $?" >&2
"""

_FOLDER = """
umask 077
for base in "$TMPDIR" /data/local/tmp /tmp; do
    [ -d "$base" ] && [ -w "$base" ] && break
done
folder=$(mktemp -d "$base/mobilekit-XXXXXXXX") || exit 1
echo "$folder"
while read -r _; do :; done
rm -rf "$folder" || { sleep 1; rm -rf "$folder"; }
"""

# Times stay behind: boards without a battery live in 1970. Messages come in the words we look for.
_PUSH = 'LC_ALL=C tar -x -m -f - -C "$1"'

# No files are no archive: tar refuses to make an empty one.
_PULL = """
cd "$1" || exit 1
shift
for name; do
    shift
    [ -e "$name" ] && set -- "$@" "$name"
done
[ $# -eq 0 ] || LC_ALL=C tar -c -f - "$@"
"""

# Process group 0 is the command's own: adb's daemon and sshd give each one a group. The clock and
# the lifeline die of a signal that no shell can lose: mksh, Android's, forgets a TERM that comes
# while it forks. They are nobody's children, so that no shell tells of their end.
_RUN = """
cd "$1" || exit 1
seconds=$2; shift 2
exec 3<&0
clock=$(
    (
        sleep "$seconds" 3<&- >/dev/null 2>&1 &
        echo $!
        exec 3<&- >/dev/null 2>&1
        wait $! && kill -9 0
    ) &
)
lifeline=$(
    (
        exec <&3 3<&- >/dev/null 2>&1
        while read -r _; do :; done
        kill -9 0
    ) &
    echo $!
)
"$@" </dev/null 3<&- &
wait $!
status=$?
kill -9 $clock $lifeline
exit $status
"""


_FULL = ("No space left", "Wrote only")
"""What tar says of a full disk: the system's words, and GNU tar's where a part still fitted."""


@dataclass(frozen=True, kw_only=True)
class Help:
    """What to say where a client complains, and the command that helps, where there is one."""

    message: str
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Client:
    """A command line client that runs shell text on a device.

    `command` is the client with its arguments; the shell text follows as one more. `install` is
    the command that gets it. `explain` turns what it says when it cannot reach the device into what
    helps, or None where it is plain enough.
    """

    command: tuple[str, ...]
    install: str
    explain: Callable[[str], Help | None]


class Shell:
    """The `Transport` over a client."""

    def __init__(self, device: str, client: Client) -> None:
        """Connect nothing yet.

        Args:
            device: its name for messages.
            client: what runs shell text on it.
        """
        self.device = device
        self._client = client

    @contextlib.contextmanager
    def folder(self) -> Iterator[str]:
        """Make a folder for as long as a block lasts; see `Transport.folder`."""
        # Its standard input is what keeps it.
        with (
            tempfile.TemporaryFile() as output,
            _pipe() as (receiving, lifeline),
            self._started("making a folder", _FOLDER, (), receiving, subprocess.PIPE) as keeper,
        ):
            receiving.close()
            folder = keeper.first_line(TRANSFER_SECONDS)
            if not folder:
                keeper.wait(_GRACE_SECONDS)
                ended = keeper.ended(output)
                raise TargetError(f"{self.device} has no place for a folder: {_why(ended)}.")
            try:
                yield folder
            finally:
                lifeline.close()
                keeper.wait(_GRACE_SECONDS)
            ended = keeper.ended(output)
            if ended.status != 0:
                raise TargetError(f"{self.device} could not remove {folder}: {_why(ended)}.")

    def push(self, local: Path, remote: str) -> None:
        """Copy a folder to the device; see `Transport.push`."""
        doing = "taking files"
        with tempfile.TemporaryFile() as stream, tempfile.TemporaryFile() as output:
            with tarfile.open(fileobj=stream, mode="w", dereference=True) as archive:
                archive.add(local, arcname=".", filter=_without_owner)
            stream.seek(0)
            ended = self._transfer(doing, _PUSH, (remote,), stream, output)
        self._require_success(doing, ended)

    def pull(self, remote: str, names: Sequence[str], local: Path) -> None:
        """Copy what is in a folder on the device; see `Transport.pull`."""
        doing = "giving files back"
        with tempfile.TemporaryFile() as stream:
            ended = self._transfer(doing, _PULL, (remote, *names), subprocess.DEVNULL, stream)
            self._require_success(doing, ended)
            try:
                _extract(stream, names, local)
            except (tarfile.TarError, OSError, EOFError, ValueError) as error:
                raise TargetError(f"What {self.device} gave back is damaged: {error}.") from error

    def run(self, arguments: Sequence[str], *, folder: str, seconds: float) -> Ended:
        """Run a program on the device; see `Transport.run`."""
        program = arguments[0].rpartition("/")[2]
        clock = str(int(seconds + _GRACE_SECONDS))
        with (
            tempfile.TemporaryFile() as output,
            _pipe() as (receiving, lifeline),
            self._started(
                f"running {program}", _RUN, (folder, clock, *arguments), receiving, output
            ) as command,
        ):
            receiving.close()
            if command.wait(seconds):
                return command.ended(output)
            lifeline.close()
            reached = command.wait(_GRACE_SECONDS)
        if not reached:
            raise UnreachableError(f"{self.device} fell silent while it was running {program}.")
        raise TargetError(
            f"{self.device}: {program} took longer than {seconds:g} s, and was ended there."
        )

    def _transfer(
        self,
        doing: str,
        script: str,
        arguments: Sequence[str],
        stdin: IO[bytes] | int,
        stdout: IO[bytes],
    ) -> Ended:
        with self._started(doing, script, arguments, stdin, stdout) as command:
            if command.wait(TRANSFER_SECONDS):
                return command.ended(stdout)
        raise TargetError(f"{self.device} took longer than {TRANSFER_SECONDS:g} s for {doing}.")

    def _require_success(self, doing: str, ended: Ended) -> None:
        if ended.status == 0:
            return
        if any(said in ended.errors for said in _FULL):
            raise TargetError(f"{self.device} is full: it failed at {doing}.")
        raise TargetError(f"{self.device} failed at {doing}: {_why(ended)}.")

    @contextlib.contextmanager
    def _started(
        self,
        doing: str,
        script: str,
        arguments: Sequence[str],
        stdin: IO[bytes] | int,
        stdout: IO[bytes] | int,
    ) -> Iterator[_Command]:
        """Start shell text on the device; the client here ends with the block at the latest."""
        token = secrets.token_hex(16)
        words = ("sh", "-c", _COMMAND % script, "sh", token, *arguments)
        with tempfile.TemporaryFile() as errors:
            try:
                client = subprocess.Popen(
                    (*self._client.command, f"exec {shlex.join(words)}"),
                    stdin=stdin,
                    stdout=stdout,
                    stderr=errors,
                )
            except FileNotFoundError as error:
                program = self._client.command[0]
                raise UnreachableError(
                    f"{self.device} is reached with {program}, which is not on this machine.",
                    self._client.install,
                ) from error
            with client:
                try:
                    yield _Command(self.device, self._client, doing, token, client, errors)
                finally:
                    client.kill()


@dataclass(frozen=True)
class _Command:
    """One command on a device, with the client that runs it."""

    device: str
    client: Client
    doing: str
    token: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]

    def wait(self, seconds: float) -> bool:
        """Wait for the client; False where it did not end in time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def first_line(self, seconds: float) -> str:
        """Return the first line of standard output, or nothing where none comes in time."""
        assert self.process.stdout is not None
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            lines = iter(self.process.stdout.readline, b"")
            started = any(self._start_line in line for line in lines)
            return next(lines, b"").decode(errors="replace").rstrip("\n") if started else ""
        finally:
            timer.cancel()

    def ended(self, output: IO[bytes]) -> Ended:
        """Return how it ended.

        Args:
            output: the file of its output; it is left where the output starts.

        Raises:
            UnreachableError: the device did not say so.
        """
        self.errors.seek(0)
        started = self._skip_greeting(self.errors)
        said = _text(self.errors)
        end = re.search(rf"{self.token} ended (\d+)\n", said)
        if end is not None:
            output.seek(0)
            self._skip_greeting(output)
            start = output.tell()
            ended = Ended(status=int(end[1]), output=_text(output), errors=said[: end.start()])
            output.seek(start)
            return ended
        if started:
            raise UnreachableError(f"{self.device} vanished while it was {self.doing}.")
        help = self.client.explain(said)
        if help is not None:
            raise UnreachableError(help.message, help.command)
        last = (_lines(said) or [f"{self.client.command[0]} said nothing"])[-1]
        raise UnreachableError(f"{self.device} cannot be reached: {last}.")

    @property
    def _start_line(self) -> bytes:
        return f"{self.token} started\n".encode()

    def _skip_greeting(self, stream: IO[bytes]) -> bool:
        """Go to where the command's own text starts; where it did not start, go nowhere."""
        greeting, started, _ = stream.read(_KEPT_BYTES).partition(self._start_line)
        stream.seek(len(greeting) + len(started) if started else 0)
        return bool(started)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    receiving, sending = os.pipe()
    with os.fdopen(receiving, "rb") as reader, os.fdopen(sending, "wb") as writer:
        yield reader, writer


def _extract(stream: IO[bytes], names: Sequence[str], folder: Path) -> None:
    """Extract from the archive that a stream goes on with; nothing means no files."""
    # tarfile calls garbage an error only where a file starts with it.
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        if copy.tell() == 0:
            return
        copy.seek(0)
        with tarfile.open(fileobj=copy, mode="r:") as archive:
            asked = [member for member in archive if _is_asked_for(member, names)]
            archive.extractall(folder, asked, filter="data")


def _is_asked_for(member: tarfile.TarInfo, names: Sequence[str]) -> bool:
    plain = member.isfile() or member.isdir()
    return plain and any(
        member.name == name or member.name.startswith(f"{name}/") for name in names
    )


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _text(stream: IO[bytes]) -> str:
    """Return what comes in a file from here on; of very much, both ends."""
    start = stream.read(_KEPT_BYTES)
    rest = os.fstat(stream.fileno()).st_size - stream.tell()
    stream.seek(max(rest - _KEPT_BYTES, 0), os.SEEK_CUR)
    return (start + stream.read()).decode(errors="replace")


def _why(ended: Ended) -> str:
    """Return what a tool complained of first: what it says after that is of no use."""
    return f"{(_lines(ended.errors) or ['it said nothing'])[0]} (exit status {ended.status})"


def _lines(text: str) -> list[str]:
    return [line.strip().rstrip(".") for line in text.splitlines() if line.strip()]

"""What both ways to a device must do, over real clients and real daemons."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import textwrap
import threading
from pathlib import Path

import psutil
import pytest
from boards import Board, eventually, is_gone
from tools import require_tool

from mobilekit_converters.errors import TargetError
from mobilekit_delegates.devices import shell as shell_module
from mobilekit_delegates.devices.transport import UnreachableError


@pytest.fixture(params=["adb", "ssh", "busybox", "mksh"])
def board(request: pytest.FixtureRequest) -> Board:
    """A board behind each daemon, and behind ssh one with the tools of small systems and phones."""
    kind: str = request.param
    if kind == "adb":
        adb_board: Board = request.getfixturevalue("on_adb")
        return adb_board
    if kind != "ssh":
        program = require_tool(kind)
    board: Board = request.getfixturevalue("on_ssh")
    if kind == "mksh":  # Android's shell
        board.program("sh", f'exec {program} "$@"')
    if kind == "busybox":
        for applet in ("sh", "tar", "mktemp", "rm", "sleep"):
            board.program(applet, f'exec {program} {applet} "$@"')
    return board


ODD_WORDS = (
    "",
    " ",
    "a  b",
    "$HOME",
    "`id`",
    "'",
    '"',
    "\\",
    "*",
    "-n",
    "é 模型",
    "a\nb",
    "#",
    "!",
    "~",
)


def script(text: str) -> tuple[str, str, str]:
    return ("sh", "-c", text)


def test_a_program_answers_with_its_status_output_and_errors(board: Board) -> None:
    ended = board.shell.run(script("echo out; echo err >&2; exit 3"), folder="/", seconds=20)
    assert (ended.status, ended.output, ended.errors) == (3, "out\n", "err\n")


def test_its_words_arrive_as_they_are(board: Board) -> None:
    ended = board.shell.run(("printf", r"%s\037", *ODD_WORDS), folder="/", seconds=20)
    assert ended.output.split("\037")[:-1] == list(ODD_WORDS)


@pytest.mark.parametrize(
    ("text", "status"),
    [("exit 1", 1), ("exit 255", 255), ("no-such-program", 127), ("kill -9 $$", 137)],
)
def test_a_status_of_its_own_is_not_taken_for_the_clients(
    board: Board, text: str, status: int
) -> None:
    assert board.shell.run(script(text), folder="/", seconds=20).status == status


def test_it_has_no_standard_input_and_runs_in_its_folder(board: Board) -> None:
    ended = board.shell.run(script("cat; pwd"), folder=str(board.programs), seconds=20)
    assert ended.output == f"{board.programs}\n"


def test_errors_that_do_not_end_in_a_line_are_kept(board: Board) -> None:
    ended = board.shell.run(script("printf half >&2; exit 4"), folder="/", seconds=20)
    assert (ended.status, ended.errors) == (4, "half")


def test_of_a_flood_the_ends_are_kept(board: Board) -> None:
    flood = "echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo last"
    ended = board.shell.run(script(f"{flood}; ({flood}) >&2"), folder="/", seconds=60)
    for text in (ended.output, ended.errors):
        assert text.startswith("first\n")
        assert text.endswith("last\n")
        assert len(text) <= 2 * 2**20
    assert ended.status == 0


def test_nothing_stays_that_watched_over_a_program(board: Board) -> None:
    seconds = 12345.0
    clock = ["sleep", str(int(seconds + shell_module._GRACE_SECONDS))]

    def clocks() -> list[int]:
        return [
            process.pid
            for process in psutil.process_iter(["cmdline"])
            if (process.info["cmdline"] or [])[-2:] == clock
        ]

    seen = "while ! pgrep -f 'sleep 12355$'; do sleep 0.01; done"
    ended = board.shell.run(script(seen), folder="/", seconds=seconds)
    assert ended.output.split()
    assert eventually(lambda: clocks() == [])


def test_folders_go_there_and_back(board: Board, tmp_path: Path) -> None:
    there = tmp_path / "there é"
    files = {
        "model.tflite": os.urandom(3_000_000),
        "empty": b"",
        "deep/er/-odd 'name' 模型": b"\0\r\n\xff",
    }
    for name, content in files.items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(content)
    back = tmp_path / "back"
    back.mkdir()
    with board.shell.folder() as remote:
        board.shell.push(there, remote)
        board.shell.pull(remote, ("model.tflite", "deep", "empty", "not there"), back)
        assert not board.is_clean()
    assert board.is_clean()
    assert {name: (back / name).read_bytes() for name in files} == files
    assert not (back / "not there").exists()


def test_where_nothing_is_there_nothing_comes(board: Board, tmp_path: Path) -> None:
    with board.shell.folder() as remote:
        board.shell.pull(remote, ("a", "b"), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_goes_with_the_block_that_fails(board: Board) -> None:
    with pytest.raises(ZeroDivisionError), board.shell.folder():
        _ = 1 / 0
    assert board.is_clean()


def test_a_folder_that_is_not_there_is_an_error(board: Board, tmp_path: Path) -> None:
    with pytest.raises(
        TargetError, match=f"{board.device} failed at giving files back: .*status 1"
    ):
        board.shell.pull("/no such folder", ("a",), tmp_path)
    with pytest.raises(
        TargetError, match=r"failed at taking files: tar: .*/no such folder.*status"
    ):
        board.shell.push(tmp_path, "/no such folder")


def test_a_board_without_a_place_is_an_error(board: Board) -> None:
    board.program("mktemp", "echo 'mktemp: read-only file system' >&2; exit 1")
    with pytest.raises(TargetError, match="no place for a folder: mktemp: read-only file system"):
        board.shell.folder().__enter__()


HANGS = script("sleep 1000 & echo $$ $! > noted; mv noted pids; wait")
"""Writes down its process and one that it starts, and then takes a thousand seconds."""


def pids(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def all_end(processes: list[int]) -> bool:
    return len(processes) == 2 and eventually(lambda: all(map(is_gone, processes)))


def test_a_program_that_takes_too_long_is_ended_with_its_children(
    board: Board, tmp_path: Path
) -> None:
    expected = f"{board.device}: sh took longer than 1 s, and was ended there."
    with pytest.raises(TargetError, match=expected):
        board.shell.run(HANGS, folder=str(tmp_path), seconds=1)
    assert all_end(pids(tmp_path))


def test_a_cable_that_is_pulled_ends_everything_on_both_sides(board: Board) -> None:
    seen: list[int] = []

    def unplug_when_it_runs() -> None:
        eventually(lambda: any(board.folder.glob("*/pids")))
        for job in board.folder.iterdir():
            seen.extend(pids(job))
        board.unplug()

    def run_until_unplugged() -> None:
        cable = threading.Thread(target=unplug_when_it_runs)
        cable.start()
        try:
            with board.shell.folder() as remote:
                board.shell.run(HANGS, folder=remote, seconds=60)
        finally:
            cable.join()

    with pytest.raises(UnreachableError, match=f"{board.device} vanished while it was running sh."):
        run_until_unplugged()
    assert all_end(seen)
    assert eventually(board.is_clean)


def test_a_board_that_was_unplugged_before_is_named(board: Board) -> None:
    board.unplug()
    with pytest.raises(UnreachableError, match=board.device.partition(":")[2]):
        board.shell.run(script("true"), folder="/", seconds=20)


def test_killing_this_side_cleans_the_board(board: Board, tmp_path: Path) -> None:
    family, _, rest = board.device.partition(":")
    code = f"""
        from mobilekit_delegates.devices import {family}
        shell = {family}.shell({rest!r})
        with shell.folder() as remote:
            shell.run({HANGS!r}, folder=remote, seconds=60)
    """
    log = (tmp_path / "log").open("wb")
    user = subprocess.Popen((sys.executable, "-c", textwrap.dedent(code)), stderr=log)
    try:
        assert eventually(lambda: any(board.folder.glob("*/pids")))
        seen = pids(next(board.folder.iterdir()))
    finally:
        user.kill()
        user.wait()
    assert all_end(seen)
    assert eventually(board.is_clean)


def test_a_board_that_falls_silent_ends_a_program_by_its_own_clock(tmp_path: Path) -> None:
    receiving, lifeline = os.pipe()
    command = ("sh", "-c", shell_module._RUN, "sh", str(tmp_path), "1", *HANGS)
    silent = subprocess.Popen(command, stdin=receiving, start_new_session=True)
    assert silent.wait(20) == -9
    os.close(receiving)
    os.close(lifeline)
    assert all_end(pids(tmp_path))


def archive(name: str, **attributes: object) -> bytes:
    """A tar archive of one member; without a type it is a file."""
    member = tarfile.TarInfo(name)
    for attribute, value in attributes.items():
        setattr(member, attribute, value)
    content = b"x" * member.size
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.parametrize(
    "sent",
    [b"garbage", b"\0" * 3, archive("result", size=5000)[:2000], b"\xff" * 1024],
    ids=["text", "zeros", "cut", "ones"],
)
def test_what_is_no_archive_is_an_error(board: Board, tmp_path: Path, sent: bytes) -> None:
    (tmp_path / "sent").write_bytes(sent)
    (board.programs / "result").touch()
    board.program("tar", f"cat '{tmp_path}/sent'")
    back = tmp_path / "back"
    with pytest.raises(TargetError, match=f"What {board.device} gave back is damaged: "):
        board.shell.pull(str(board.programs), ("result",), back)


@pytest.mark.parametrize(
    "sent",
    [
        archive("../escaped", size=3),
        archive("/tmp/escaped", size=3),
        archive("other", size=3),
        archive("result", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        archive("result", type=tarfile.CHRTYPE),
    ],
    ids=["above", "absolute", "not asked for", "link", "device"],
)
def test_nothing_comes_that_was_not_asked_for(on_ssh: Board, tmp_path: Path, sent: bytes) -> None:
    (tmp_path / "sent").write_bytes(sent)
    (on_ssh.programs / "result").touch()
    on_ssh.program("tar", f"cat '{tmp_path}/sent'")
    back = tmp_path / "back"
    back.mkdir()
    on_ssh.shell.pull(str(on_ssh.programs), ("result",), back)
    assert list(back.iterdir()) == []
    assert not (tmp_path / "escaped").exists()


def test_a_member_that_leads_out_is_refused(on_ssh: Board, tmp_path: Path) -> None:
    (tmp_path / "sent").write_bytes(archive("result/../../escaped", size=3))
    (on_ssh.programs / "result").touch()
    on_ssh.program("tar", f"cat '{tmp_path}/sent'")
    back = tmp_path / "back"
    back.mkdir()
    with pytest.raises(TargetError, match="is damaged"):
        on_ssh.shell.pull(str(on_ssh.programs), ("result",), back)
    assert not (tmp_path / "escaped").exists()

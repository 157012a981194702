"""Hosts, and what ssh complains of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from boards import Board, SshKeys, eventually, is_gone, ssh_board
from hypothesis import given
from hypothesis import strategies as st

from mobilekit_converters.errors import ProjectError
from mobilekit_delegates.devices import shell as shell_module
from mobilekit_delegates.devices import ssh
from mobilekit_delegates.devices.ssh import Host, parse_host
from mobilekit_delegates.devices.transport import UnreachableError

MakeBoard = Callable[..., Board]


@pytest.fixture
def make_board(
    sshd_folder: None,  # noqa: ARG001
    ssh_keys: SshKeys,
    clients: Path,
    tmp_path: Path,
) -> Iterator[MakeBoard]:
    with ExitStack() as stack:

        def make(keys: SshKeys = ssh_keys, **options: str) -> Board:
            (tmp_path / "board").mkdir()
            return stack.enter_context(ssh_board(tmp_path / "board", keys, clients, **options))

        yield make


def complaint_of(text: str) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        ssh.shell(text).run(("true",), folder="/", seconds=20)
    return caught.value


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("board", Host(name="board")),
        ("pi@camera.local", Host(name="camera.local", user="pi")),
        ("10.0.0.2:2222", Host(name="10.0.0.2", port="2222")),
        ("[fe80::1%eth0]", Host(name="fe80::1%eth0")),
        ("user@[::1]:22", Host(name="::1", user="user", port="22")),
    ],
)
def test_hosts_are_read(text: str, host: Host) -> None:
    assert parse_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-oProxyCommand=reboot",
        "user@-oProxyCommand=reboot",
        "-lroot@board",
        "fe80::1",
        "board:",
        "board:ssh",
        "board:0",
        "board:65536",
        "a b",
        "a@b@c",
        "[board]",
        "board/path",
    ],
)
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ProjectError, match=f"^{re.escape(repr(text))} is no host. Write it as "):
        parse_host(text)


@given(st.text())
def test_no_host_can_become_an_option(text: str) -> None:
    try:
        arguments = parse_host(text).arguments()
    except ProjectError:
        return
    assert not arguments[-1].startswith("-")
    assert arguments[0] in ("-l", "-p", arguments[-1])


def test_a_host_that_is_not_known_says_to_look_at_its_key(make_board: MakeBoard) -> None:
    make_board(known="")
    error = complaint_of("board")
    assert "host key of board is not known here" in str(error)
    assert error.command == "ssh board"


def test_a_host_with_another_key_says_so(make_board: MakeBoard) -> None:
    make_board(known="other")
    error = complaint_of("board")
    assert "host key of board is not the one that it had" in str(error)
    assert error.command == "ssh-keygen -R board"


def test_a_user_without_a_key_is_told_how_to_give_one(
    make_board: MakeBoard, tmp_path: Path
) -> None:
    make_board()
    (tmp_path / "board" / "authorized_keys").write_text("")
    error = complaint_of("board")
    assert "takes none of the keys" in str(error)
    assert error.command == "ssh-copy-id board"


def test_a_host_where_nothing_listens(on_ssh: Board) -> None:
    on_ssh.unplug()
    assert str(complaint_of("board")) == "Nothing listens for ssh at board. Start sshd there."


def test_a_host_that_does_not_exist(on_ssh: Board) -> None:  # noqa: ARG001
    assert "There is no host no-such-board.invalid" in str(complaint_of("no-such-board.invalid"))


def test_without_ssh_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = complaint_of("board")
    assert str(error) == "ssh:board is reached with ssh, which is not on this machine."
    assert error.command == "apt install openssh-client"


def test_other_complaints_are_told_as_they_are(make_board: MakeBoard) -> None:
    make_board(greeting="echo 'This account is closed.' >&2; exit 1")
    assert str(complaint_of("board")) == "ssh:board cannot be reached: This account is closed."


def test_greetings_are_not_taken_for_answers(make_board: MakeBoard, tmp_path: Path) -> None:
    board = make_board(greeting="echo Welcome; echo Bienvenue >&2")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("content")
    ended = board.shell.run(("sh", "-c", "echo out; echo err >&2"), folder="/", seconds=20)
    assert (ended.output, ended.errors) == ("out\n", "err\n")
    back = tmp_path / "back"
    back.mkdir()
    with board.shell.folder() as remote:
        board.shell.push(tmp_path / "there", remote)
        board.shell.pull(remote, ("file",), back)
        board.shell.pull(remote, ("nothing",), back)
    assert (back / "file").read_text() == "content"
    assert board.is_clean()


# The board's side of the connection is the parent of the shell that runs the program's shell.
FREEZE = "kill -STOP $(ps -o ppid= -p $(ps -o ppid= -p $PPID))"


def test_a_cable_that_falls_silent_is_noticed(
    make_board: MakeBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ssh._OPTIONS, "ServerAliveInterval", "1")
    make_board()
    with pytest.raises(UnreachableError, match="ssh:board vanished while it was running sh"):
        ssh.shell("board").run(("sh", "-c", f"{FREEZE}; sleep 1000"), folder="/", seconds=60)


def test_a_program_on_a_silent_board_is_ended_by_the_boards_clock(
    make_board: MakeBoard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shell_module, "_GRACE_SECONDS", 1.0)
    make_board()
    noted = ("sh", "-c", f"echo $$ > pid; {FREEZE}; exec sleep 1000")
    with pytest.raises(UnreachableError, match="ssh:board fell silent while it was running sh"):
        ssh.shell("board").run(noted, folder=str(tmp_path), seconds=2)
    assert eventually(lambda: is_gone(int((tmp_path / "pid").read_text())))

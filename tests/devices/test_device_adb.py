"""Serials, states, and what adb complains of."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from boards import Board, adb_board, answers, eventually, write_program
from hypothesis import given
from hypothesis import strategies as st
from tools import require_tool

from mobilekit_converters.errors import TargetError
from mobilekit_delegates.devices import adb
from mobilekit_delegates.devices.adb import Device, parse_devices
from mobilekit_delegates.devices.transport import UnreachableError
from mobilekit_delegates.targets.adb import connected_devices

NAMES = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" "), min_size=1
).filter(lambda name: name.strip() == name)


def complaint_of(serial: str) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        adb.shell(serial).run(("true",), folder="/", seconds=20)
    return caught.value


@given(
    st.lists(st.tuples(NAMES, st.sampled_from(["device", "offline", "no permissions; see [x]"])))
)
def test_the_list_of_devices_is_read(rows: list[tuple[str, str]]) -> None:
    lines = ["* daemon started successfully", "List of devices attached"]
    lines += [f"{serial}\t{state}" for serial, state in rows]
    expected = [Device(serial=serial, state=state) for serial, state in rows]
    assert parse_devices("\n".join([*lines, "", ""])) == expected


def test_a_serial_that_is_not_there_names_those_that_are(on_adb: Board) -> None:
    serial = on_adb.device.partition(":")[2]
    for odd in ("nope", "a b", "$(reboot)", "-d", "*", "模型"):
        error = complaint_of(odd)
        assert str(error) == f"There is no device {odd}. Connected: {serial}."
        assert error.command == ""


def test_an_address_that_is_not_there_says_how_to_connect(adb_server: None) -> None:  # noqa: ARG001
    error = complaint_of("127.0.0.1:9")
    assert str(error) == "There is no device 127.0.0.1:9. Connected: none."
    assert error.command == "adb connect 127.0.0.1:9"


def test_a_device_that_went_away_is_offline(on_adb: Board) -> None:
    on_adb.unplug()
    serial = on_adb.device.partition(":")[2]
    assert eventually(lambda: Device(serial=serial, state="offline") in adb.devices())
    error = complaint_of(serial)
    assert str(error) == f"adb:{serial} is offline: its cable or its network is gone."
    assert error.command == "adb reconnect offline"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("adb: device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", "not trust"),
        ("error: target doesn't support PTY args -Tt", "older than Android 7"),
        ("adb: insufficient permissions for device", "reached: adb: insufficient permissions"),
    ],
)
def test_what_only_phones_say(clients: Path, said: str, expected: str) -> None:
    # No daemon for Linux says these: a stand-in for the client does.
    write_program(clients / "adb", f'printf "%s\\n" "{said}" | sed "s/PTY/PTY/" >&2; exit 1')
    assert expected in str(complaint_of("R5CT20"))


def test_without_adb_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = complaint_of("R5CT20")
    assert "which is not on this machine" in str(error)
    assert "apt install adb" in error.command
    with pytest.raises(UnreachableError, match="adb is not on this machine"):
        adb.devices()


def test_an_adb_that_does_not_work_is_told(clients: Path) -> None:
    write_program(clients / "adb", "echo 'cannot bind listener' >&2; exit 1")
    with pytest.raises(UnreachableError, match="adb does not work here: cannot bind listener"):
        adb.devices()


def test_connected_devices_are_targets(on_adb: Board) -> None:
    assert connected_devices() == [f"{on_adb.device}/cpu", f"{on_adb.device}/cpu-reference"]
    on_adb.unplug()
    assert eventually(lambda: connected_devices() == [])


def test_looking_for_devices_starts_no_server(adb_port: int) -> None:
    assert connected_devices() == []
    assert not answers(adb_port)


def test_a_full_device_is_told_and_left_clean(
    adb_server: None,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    probe = (require_tool("unshare"), "--map-root-user", "--mount", "true")
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system lets nobody mount a small file system")
    there = tmp_path / "there"
    there.mkdir()
    (there / "model.tflite").write_bytes(os.urandom(3_000_000))
    (tmp_path / "board").mkdir()
    with adb_board(tmp_path / "board", room="1m") as board:
        message = f"{board.device} is full: it failed at taking files."
        with board.shell.folder() as remote:
            with pytest.raises(TargetError, match=message):
                board.shell.push(there, remote)
            used = board.shell.run(("ls", remote), folder="/", seconds=20)
            assert used.output == "model.tflite\n"
        left = board.shell.run(("ls", str(board.folder)), folder="/", seconds=20)
        assert (left.status, left.output) == (0, "")

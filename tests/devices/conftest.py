from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from boards import (
    Board,
    SshKeys,
    adb_board,
    answers,
    daemon,
    eventually,
    free_port,
    ssh_board,
)
from dense_layer import freeze_dense_layer
from tools import require_tool

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant


@pytest.fixture(scope="session")
def sshd_folder() -> Iterator[None]:
    """The folder that sshd wants where root starts it, and that its service makes."""
    folder = Path("/run/sshd")
    wanted = os.geteuid() == 0 and not folder.exists()
    if wanted:
        folder.mkdir(mode=0o755)
    yield
    if wanted:
        folder.rmdir()


@pytest.fixture
def clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on this side's search path."""
    folder = tmp_path / "clients"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


@pytest.fixture
def adb_port(monkeypatch: pytest.MonkeyPatch) -> int:
    """The port of an adb server that is nobody's, and does not run."""
    port = free_port()
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    return port


@pytest.fixture
def adb_server(adb_port: int, tmp_path: Path) -> Iterator[None]:
    """An adb server of the test's own, so that the user's is left alone."""
    command = (require_tool("adb"), "-P", str(adb_port), "nodaemon", "server")
    with daemon(command, tmp_path / "server.log", {**os.environ, "HOME": str(tmp_path)}):
        assert eventually(lambda: answers(adb_port))
        yield


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory: pytest.TempPathFactory) -> SshKeys:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("host", "user", "other"):
        subprocess.run(
            (require_tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", folder / name),
            check=True,
        )
    return SshKeys(folder=folder)


@pytest.fixture
def on_adb(adb_server: None, tmp_path: Path) -> Iterator[Board]:  # noqa: ARG001
    (tmp_path / "board").mkdir()
    with adb_board(tmp_path / "board") as board:
        yield board


@pytest.fixture
def on_ssh(
    sshd_folder: None,  # noqa: ARG001
    ssh_keys: SshKeys,
    clients: Path,
    tmp_path: Path,
) -> Iterator[Board]:
    (tmp_path / "board").mkdir()
    with ssh_board(tmp_path / "board", ssh_keys, clients) as board:
        yield board


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = freeze_dense_layer(tmp_path_factory.mktemp("artifact"), 4)
    path = folder / "odd name é.tflite"
    return convert(variant("tflite-fp32"), folder, path, TFLiteOptions(), None)


@pytest.fixture(params=["adb", "ssh"])
def board(request: pytest.FixtureRequest) -> Board:
    """A board behind each daemon."""
    board: Board = request.getfixturevalue(f"on_{request.param}")
    return board

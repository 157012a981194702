"""Downloads, packages and folders: whole or not at all, and only what is pinned."""

from __future__ import annotations

import errno
import functools
import hashlib
import http.server
import io
import re
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilekit_converters.errors import ToolMissingError
from mobilekit_delegates.installing import debian, places, system
from mobilekit_delegates.installing.debian import unpack
from mobilekit_delegates.installing.downloads import download
from mobilekit_delegates.installing.places import make_whole, pinned, place_of
from mobilekit_delegates.installing.proofs import prove
from mobilekit_delegates.installing.wheels import install_wheels, pinned_version

CONTENT = b"the file"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "http://127.0.0.1:9/"


class Mirror:
    """A folder over HTTP, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        asked: list[str] = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, format: str, *arguments: object) -> None:
                del format, arguments
                asked.append(self.path)

        self.folder, self.asked = folder, asked
        handler = functools.partial(Handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    folder = tmp_path / "mirror"
    (folder / "pool").mkdir(parents=True)
    (folder / "pool" / "file").write_bytes(CONTENT)
    mirror = Mirror(folder)
    thread = threading.Thread(target=mirror.server.serve_forever)
    thread.start()
    yield mirror
    mirror.server.shutdown()
    thread.join()
    mirror.server.server_close()


def package(file: Path, files: dict[str, bytes]) -> Path:
    """Write a Debian package: an `ar` archive with a tar archive of files."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:xz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": b"odd",
        "data.tar.xz": stream.getvalue(),
    }
    data = b"!<arch>\n"
    for name, content in members.items():
        data += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        data += content + b"\n" * (len(content) % 2)
    file.write_bytes(data)
    return file


def wheel(folder: Path) -> str:
    """Write a wheel of a package `tiny`; return its sha256."""
    file = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tiny.py", "NAME = 'tiny'\n")
        archive.writestr(
            "tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
        )
        archive.writestr(
            "tiny-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_comes_from_the_first_mirror_that_has_it(mirror: Mirror, tmp_path: Path) -> None:
    mirrors = (NOWHERE, f"{mirror.address}wrong/", mirror.address)
    file = download("pool/file", SHA256, mirrors, tmp_path / "downloads")
    assert file == tmp_path / "downloads" / "file"
    assert file.read_bytes() == CONTENT


def test_what_has_arrived_is_not_got_again_unless_it_is_damaged(
    mirror: Mirror, tmp_path: Path
) -> None:
    get = functools.partial(
        download, "pool/file", SHA256, (mirror.address,), tmp_path / "downloads"
    )
    get()
    asked = len(mirror.asked)
    get().write_bytes(b"damaged")
    assert len(mirror.asked) == asked
    assert get().read_bytes() == CONTENT
    assert len(mirror.asked) > asked


def test_a_tampered_file_is_refused_and_not_kept(mirror: Mirror, tmp_path: Path) -> None:
    (mirror.folder / "pool" / "file").write_bytes(b"another file")
    with pytest.raises(ToolMissingError, match=f"its sha256 is [0-9a-f]{{64}}, not {SHA256}"):
        download("pool/file", SHA256, (mirror.address,), tmp_path / "downloads")
    assert not (tmp_path / "downloads").exists()


def test_without_a_network_it_says_so_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match=r"refused.*Check the network, and run the same"):
        download("pool/file", SHA256, (NOWHERE,), tmp_path / "downloads")
    assert list(tmp_path.iterdir()) == []


def test_a_package_is_unpacked_without_debians_tools(tmp_path: Path) -> None:
    file = package(tmp_path / "tiny.deb", {"usr/bin/tiny": b"program", "etc/odd": b"x"})
    unpack(file, tmp_path / "root")
    assert (tmp_path / "root" / "usr" / "bin" / "tiny").read_bytes() == b"program"
    assert (tmp_path / "root" / "etc" / "odd").read_bytes() == b"x"


@pytest.mark.parametrize("data", [b"", b"!<arch>\n", b"<html>not found</html>"])
def test_what_is_no_package_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "odd.deb").write_bytes(data)
    with pytest.raises(ToolMissingError, match=r"odd\.deb is no Debian package"):
        unpack(tmp_path / "odd.deb", tmp_path / "root")


def test_pinned_packages_are_got_and_unpacked(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "MIRRORS", (mirror.address,))
    file = package(mirror.folder / "pool" / "tiny.deb", {"usr/tiny": b"tiny"})
    pins = tmp_path / "pins.txt"
    pins.write_text(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  pool/tiny.deb\n")
    debian.unpack_pinned(pins, tmp_path / "downloads", tmp_path / "root")
    assert (tmp_path / "root" / "usr" / "tiny").read_bytes() == b"tiny"


def test_wheels_are_installed_only_with_the_hashes_that_are_pinned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    pins = tmp_path / "pins.txt"
    install = functools.partial(
        install_wheels, pins, python="3.11", platforms=["manylinux2014_aarch64"]
    )
    pins.write_text(f"tiny==1.0 --hash=sha256:{wheel(tmp_path)}\n")
    install(tmp_path / "good")
    assert (tmp_path / "good" / "tiny.py").is_file()
    pins.write_text(f"tiny==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(ToolMissingError, match=r"pip could not install pins\.txt"):
        install(tmp_path / "bad")
    assert not (tmp_path / "bad" / "tiny.py").exists()


def test_without_pip_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(ToolMissingError, match=r"has no pip\. Get it: .* -m ensurepip"):
        install_wheels(tmp_path / "pins.txt", tmp_path, python="3.11", platforms=[])


def test_a_folder_appears_whole_and_once(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "thing"
    built = []

    def build(folder: Path) -> None:
        assert folder != place
        assert not place.exists()
        (folder / "file").write_text("whole")
        built.append(folder)

    make_whole(place, build)
    make_whole(place, build)
    assert (place / "file").read_text() == "whole"
    assert len(built) == 1
    assert not built[0].exists()


def test_what_an_interrupted_attempt_left_goes(tmp_path: Path) -> None:
    place = tmp_path / "thing"
    left = tmp_path / "thing.building"
    left.mkdir()
    (left / "half").touch()
    make_whole(place, lambda folder: (folder / "file").touch())
    assert [item.name for item in place.iterdir()] == ["file"]
    assert not left.exists()


@pytest.mark.parametrize(
    ("error", "raised", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ToolMissingError, "No space.*Make room"),
        (ToolMissingError("not there"), ToolMissingError, "^not there$"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_a_failed_attempt_leaves_nothing(
    tmp_path: Path, error: BaseException, raised: type[BaseException], message: str | None
) -> None:
    def build(folder: Path) -> None:
        (folder / "half").touch()
        raise error

    with pytest.raises(raised, match=message):
        make_whole(tmp_path / "cache" / "thing", build)
    assert [item.name for item in (tmp_path / "cache").iterdir()] == ["lock"]


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ToolMissingError, match="could not be made"):
        make_whole(tmp_path / "cache" / "thing", lambda _: None)


def test_other_pins_are_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(places, "_PINS", tmp_path)
    (tmp_path / "pins").write_text("one")
    one = place_of("thing", "pins")
    assert one == place_of("thing", "pins")
    (tmp_path / "pins").write_text("two")
    assert place_of("thing", "pins") != one
    assert one.name.startswith("thing-")


def test_every_pin_has_a_hash() -> None:
    for line in pinned("arm64-debian.txt").read_text().splitlines():
        assert re.fullmatch(r"[0-9a-f]{64}  pool/main/[^ ]+_arm64\.deb", line)
    for name in ("arm64-wheels.txt", "tflite-floor-wheels.txt"):
        joined = pinned(name).read_text().replace("\\\n", "")
        for line in joined.splitlines():
            assert re.fullmatch(r"[a-z-]+==[0-9.]+( +--hash=sha256:[0-9a-f]{64})+", line)


def test_a_version_is_read_from_its_pin() -> None:
    assert pinned_version(pinned("arm64-wheels.txt"), "numpy").startswith("numpy 2.")
    with pytest.raises(ValueError, match="pins no scipy"):
        pinned_version(pinned("arm64-wheels.txt"), "scipy")


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, "sudo apt-get install qemu-user"),
        (
            {"ID": "debian", "VERSION_CODENAME": "bookworm"},
            "sudo apt-get install -t bookworm-backports qemu-user",
        ),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "sudo apt-get install qemu-user"),
        ({"ID": "fedora"}, "sudo dnf install qemu-user"),
        ({"ID": "strange"}, ""),
    ],
)
def test_the_command_for_a_system_package_is_the_systems_own(
    monkeypatch: pytest.MonkeyPatch, release: dict[str, str], command: str
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: release)
    assert system.install_command("qemu-user", backported=True) == command


def test_what_runs_proves_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert prove((sys.executable, "-I")).startswith("ai-edge-litert ")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("python", "message"),
    [
        (("false",), "does not run, so it was removed: false ended with exit status 1"),
        (("sh", "-c", "kill -SEGV $$"), "does not run.*SIGSEGV"),
        ((sys.executable, "-I", "-S"), "does not run.*has no TFLite runtime"),
    ],
)
def test_what_does_not_run_is_not_taken_for_installed(
    python: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ToolMissingError, match=message):
        prove(python)


def test_what_computes_wrongly_is_not_taken_for_installed(tmp_path: Path) -> None:
    (tmp_path / "runner.py").write_text(
        "import runpy, sys, pathlib\n"
        "sys.argv = sys.argv[1:]\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n    pathlib.Path(sys.argv[1], 'output-0.bin').write_bytes(bytes(16))\n"
    )
    with pytest.raises(ToolMissingError, match=r"computes wrongly.*says that relu"):
        prove((sys.executable, str(tmp_path / "runner.py")))

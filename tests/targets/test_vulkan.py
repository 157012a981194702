from __future__ import annotations

import ctypes.util
import json
import os
import platform
from pathlib import Path

import pytest
from tools import require_target

from mobilekit_delegates.targets import vulkan
from mobilekit_delegates.targets.vulkan import (
    Device,
    devices,
    drivers_version,
    how_to_get,
    manifests,
)


def manifest(folder: Path, name: str, library: str = "./driver.so") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_icd.json"
    path.write_text(json.dumps({"ICD": {"library_path": library, "api_version": "1.3"}}))
    return path


def device(name: str, kind: str, *, fp16: bool = True, sufficient: bool = True) -> Device:
    return Device(
        manifest=Path(name),
        name=name,
        kind=kind,
        driver="",
        api="1.3",
        has_fp16=fp16,
        sufficient=sufficient,
    )


def test_the_loaders_own_variable_chooses_files_and_folders_in_its_order(tmp_path: Path) -> None:
    alone = manifest(tmp_path / "alone", "b")
    first, second = manifest(tmp_path / "folder", "a"), manifest(tmp_path / "folder", "c")
    chosen = os.pathsep.join(map(str, (alone, tmp_path / "nothing.json", tmp_path / "folder")))
    assert manifests({"VK_DRIVER_FILES": chosen}) == (alone, first, second)
    assert manifests({"VK_ICD_FILENAMES": str(second)}) == (second,)


def test_manifests_are_found_where_the_loader_looks(tmp_path: Path) -> None:
    home = manifest(tmp_path / "home/.local/share/vulkan/icd.d", "home")
    config = manifest(tmp_path / "config/vulkan/icd.d", "config")
    data = manifest(tmp_path / "data/vulkan/icd.d", "data")
    found = manifests(
        {
            "HOME": str(tmp_path / "home"),
            "XDG_CONFIG_DIRS": str(tmp_path / "config"),
            "XDG_DATA_DIRS": f"{tmp_path / 'none'}:{tmp_path / 'data'}",
        }
    )
    ours = [path for path in found if tmp_path in path.parents]
    assert ours == [config, home, data]


def test_a_missing_loader_or_driver_is_said_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "fedora"})
    monkeypatch.setenv("VK_DRIVER_FILES", str(tmp_path / "nothing.json"))
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: "libvulkan.so.1")
    assert str(vulkan.why_vulkan_is_missing()) == (
        "No Vulkan driver is installed here. "
        "Get it: sudo dnf install mesa-vulkan-drivers vulkan-loader"
    )
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: None)
    assert "libvulkan.so.1, is not here" in str(vulkan.why_vulkan_is_missing())
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert "needs Linux" in str(vulkan.why_vulkan_is_missing())


@pytest.mark.parametrize(
    ("release", "command"),
    [
        (
            {"ID": "debian", "VERSION_CODENAME": "bookworm"},
            "apt-get install -t bookworm-backports ",
        ),
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, "apt-get install mesa-vulkan-drivers "),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, "apt-get install mesa-vulkan-drivers libvulkan1"),
        ({"ID": "opensuse-leap", "ID_LIKE": "suse opensuse"}, "zypper install"),
        ({"ID": "arch"}, "pacman -S vulkan-swrast"),
    ],
)
def test_the_command_is_this_systems(
    release: dict[str, str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    assert f"sudo {command}" in how_to_get()


def test_an_unknown_system_has_no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> dict[str, str]:
        raise OSError

    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "plan9"})
    assert how_to_get() == ""
    monkeypatch.setattr(platform, "freedesktop_os_release", unknown)
    assert how_to_get() == ""


def test_the_version_changes_with_a_manifest_and_with_its_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = manifest(tmp_path, "lvp")
    library = tmp_path / "driver.so"
    library.write_bytes(b"1")
    monkeypatch.setenv("VK_DRIVER_FILES", str(path))
    first = drivers_version()
    assert first.startswith("Vulkan drivers lvp (")
    assert drivers_version() == first
    library.write_bytes(b"22")
    second = drivers_version()
    path.write_text(path.read_text() + " ")
    assert len({first, second, drivers_version()}) == 3


def test_what_cannot_be_loaded_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_target("gpu")
    broken = tmp_path / "broken_icd.json"
    broken.write_text("{")
    listed = tmp_path / "listed_icd.json"
    listed.write_text("[1]")
    absent = manifest(tmp_path, "absent")
    monkeypatch.setenv("VK_DRIVER_FILES", os.pathsep.join(map(str, (broken, listed, absent))))
    assert devices() == ()
    assert drivers_version().startswith("Vulkan drivers broken, listed, absent (")


def test_this_machines_devices_say_what_they_are() -> None:
    require_target("gpu")
    before = dict(os.environ)
    first = devices()[0]
    assert dict(os.environ) == before
    assert first.sufficient
    assert first.manifest in manifests()
    assert first.name
    assert first.name in str(first)
    assert f"Vulkan {first.api}" in str(first)
    major, minor = map(int, first.api.split("."))
    assert (major, minor) >= (1, 1)


def test_the_best_device_comes_first() -> None:
    swiftshader = device("SwiftShader", "software", fp16=False)
    ordered = [
        device("new card", "discrete GPU"),
        device("laptop", "integrated GPU", fp16=False),
        device("llvmpipe", "software"),
        swiftshader,
        device("old card", "discrete GPU", sufficient=False),
    ]
    shuffled = [ordered[index] for index in (3, 0, 4, 2, 1)]
    assert sorted(shuffled, key=vulkan._rank) == ordered


def test_one_driver_is_shown_for_a_while(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VK_DRIVER_FILES", "before")
    with vulkan.only(tmp_path / "one.json"):
        assert os.environ["VK_DRIVER_FILES"] == str(tmp_path / "one.json")
    assert os.environ["VK_DRIVER_FILES"] == "before"
    monkeypatch.delenv("VK_DRIVER_FILES")
    with vulkan.only(tmp_path / "one.json"):
        pass
    assert "VK_DRIVER_FILES" not in os.environ

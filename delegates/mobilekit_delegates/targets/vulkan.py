"""The Vulkan drivers of this machine: which there are, and what they drive.

The GPU accelerator takes whatever device the Vulkan loader shows it and does not say which one that
was. So the loader is asked here, one driver at a time, and is then shown the best driver alone.

The structures and numbers are those of the Vulkan specification (`vulkan_core.h`), the places of
driver manifests those of the loader's own documentation ("Loader and Driver Interface").
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mobilekit_delegates.targets.target import Missing

LOADER = "libvulkan.so.1"

DRIVERS = "VK_DRIVER_FILES"
"""The loader's own variable: the manifests to use instead of those in the usual folders."""

SWIFTSHADER = (
    Path("/usr/lib/chromium/vk_swiftshader_icd.json"),
    Path("/usr/lib64/chromium-browser/vk_swiftshader_icd.json"),
    Path("/opt/google/chrome/vk_swiftshader_icd.json"),
)
"""Where browsers keep a software device of their own. It has no 16-bit floats."""

_KINDS = {1: "integrated GPU", 2: "discrete GPU", 3: "virtual GPU", 4: "software"}
_PREFERENCE = ("discrete GPU", "integrated GPU", "virtual GPU", "other", "software")


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device, and the driver manifest that leads to it.

    `has_fp16` says whether it computes in 16-bit floats. One that is not `sufficient` cannot index
    all kinds of arrays in a shader, without which the accelerator says that there is no adapter.
    """

    manifest: Path
    name: str
    kind: str
    driver: str
    api: str
    has_fp16: bool
    sufficient: bool

    def __str__(self) -> str:
        parts = (self.name, self.kind, self.driver, f"Vulkan {self.api}")
        return ", ".join(part for part in parts if part)


def manifests(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the driver manifests in the order of the loader, then those of browsers.

    Args:
        environment: where the loader's variables and the XDG base folders are looked up.
    """
    chosen = environment.get(DRIVERS) or environment.get("VK_ICD_FILENAMES")
    if chosen:
        places = [Path(entry) for entry in chosen.split(os.pathsep) if entry]
    else:
        places = [folder / "vulkan" / "icd.d" for folder in _data_folders(environment)]
        places += SWIFTSHADER
    found = (
        path
        for place in places
        for path in (sorted(place.glob("*.json")) if place.is_dir() else [place])
        if path.is_file()
    )
    return tuple(dict.fromkeys(found))


def why_vulkan_is_missing() -> Missing | None:
    """Say what this machine lacks to have a Vulkan device. The drivers are not loaded for it."""
    if platform.system() != "Linux":
        return Missing(reason="The accelerator is reached through Vulkan, which needs Linux here.")
    if ctypes.util.find_library("vulkan") is None:
        return Missing(reason=f"The Vulkan loader, {LOADER}, is not here.", command=how_to_get())
    if not manifests():
        return Missing(reason="No Vulkan driver is installed here.", command=how_to_get())
    return None


# By the identifier in /etc/os-release, that of a family of systems too.
_MESA = {
    "debian": "sudo apt-get install mesa-vulkan-drivers libvulkan1",
    "fedora": "sudo dnf install mesa-vulkan-drivers vulkan-loader",
    "arch": "sudo pacman -S vulkan-swrast vulkan-icd-loader",
    "suse": "sudo zypper install libvulkan_lvp libvulkan1",
}


def how_to_get() -> str:
    """Return the command that installs Mesa, whose software device is enough.

    It is empty on a system that is none of those known here.
    """
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        return ""
    if system.get("VERSION_CODENAME") == "bookworm":
        # Its own Mesa 22.3 lacks a feature that the accelerator needs.
        return "sudo apt-get install -t bookworm-backports mesa-vulkan-drivers libvulkan1"
    families = (system.get("ID", ""), *system.get("ID_LIKE", "").split())
    return next((_MESA[family] for family in families if family in _MESA), "")


def drivers_version() -> str:
    """Return a text that changes when drivers come, go or are replaced."""
    found = manifests()
    files = (file for path in found for file in (path, Path(_library(path))) if file.is_file())
    states = (f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
    digest = hashlib.sha256("\n".join(states).encode()).hexdigest()[:12]
    names = (path.stem.removesuffix("_icd") for path in found)
    return f"Vulkan drivers {', '.join(names)} ({digest})"


def devices() -> tuple[Device, ...]:
    """Return every device, the best first. This loads the drivers.

    A driver that cannot be loaded, or has no device here, is left out; the loader says why on
    standard error.
    """
    found = []
    for manifest in manifests():
        if not _library(manifest):
            continue  # The loader itself ends the process at some manifests that are no manifests.
        with only(manifest):
            found += _devices_of(manifest)
    return tuple(sorted(found, key=_rank))


def _rank(device: Device) -> tuple[bool, int, bool]:
    """Order devices: sufficient ones first, GPUs before software, fp16 before none."""
    return not device.sufficient, _PREFERENCE.index(device.kind), not device.has_fp16


@contextlib.contextmanager
def only(manifest: Path) -> Iterator[None]:
    """Let the loader see one driver, in whatever this process begins meanwhile."""
    _load_apart(manifest)
    before = os.environ.get(DRIVERS)
    os.environ[DRIVERS] = str(manifest)
    try:
        yield
    finally:
        if before is None:
            del os.environ[DRIVERS]
        else:
            os.environ[DRIVERS] = before


def _data_folders(environment: Mapping[str, str]) -> list[Path]:
    home = Path(environment.get("HOME") or "/nonexistent")
    variables = (
        ("XDG_CONFIG_HOME", str(home / ".config")),
        ("XDG_CONFIG_DIRS", "/etc/xdg"),
        ("", "/etc"),
        ("XDG_DATA_HOME", str(home / ".local" / "share")),
        ("XDG_DATA_DIRS", "/usr/local/share:/usr/share"),
    )
    texts = (environment.get(name) or default for name, default in variables)
    return [Path(entry) for text in texts for entry in text.split(os.pathsep) if entry]


def _library(manifest: Path) -> str:
    """Return the library that a manifest names, by its path or for the dynamic linker to find."""
    try:
        name = json.loads(manifest.read_text(encoding="utf-8"))["ICD"]["library_path"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return str(manifest.parent / name) if "/" in str(name) else str(name)


def _load_apart(manifest: Path) -> None:
    """Load a driver so that it uses its own libraries, not those of the same name in this process.

    TensorFlow brings an LLVM whose symbols everybody sees. Mesa's software device, bound to that
    one and not to the LLVM that it was built with, ends the process.
    """
    # What cannot be loaded the loader leaves out, and says so.
    with contextlib.suppress(OSError):
        ctypes.CDLL(_library(manifest), mode=os.RTLD_NOW | os.RTLD_DEEPBIND)


# --- The part of Vulkan's C interface that is needed to ask a device what it is. ---

_SUCCESS = 0
_APPLICATION_INFO = 0
_INSTANCE_CREATE_INFO = 1
_FEATURES_2 = 1000059000
_PROPERTIES_2 = 1000059001
_16BIT_STORAGE_FEATURES = 1000083000
_FLOAT16_INT8_FEATURES = 1000082000
_DRIVER_PROPERTIES = 1000196000
_API_1_1 = 1 << 22 | 1 << 12
_ARRAY_INDEXING = (33, 34, 35, 36)
"""Where `VkPhysicalDeviceFeatures` has `shader…ArrayDynamicIndexing`, for uniform buffers, sampled
images, storage buffers and storage images. Mesa's software device has them since version 23."""


class _ApplicationInfo(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("application", ctypes.c_char_p),
        ("application_version", ctypes.c_uint32),
        ("engine", ctypes.c_char_p),
        ("engine_version", ctypes.c_uint32),
        ("api", ctypes.c_uint32),
    )


class _InstanceCreateInfo(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.POINTER(_ApplicationInfo)),
        ("layer_count", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("extension_count", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    )


class _DriverProperties(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("id", ctypes.c_uint32),
        ("name", ctypes.c_char * 256),
        ("info", ctypes.c_char * 256),
        ("conformance", ctypes.c_uint8 * 4),
    )


class _Properties(ctypes.Structure):
    """`VkPhysicalDeviceProperties2`; the limits, which nobody reads here, stay one block."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("api", ctypes.c_uint32),
        ("driver_version", ctypes.c_uint32),
        ("vendor", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
        ("name", ctypes.c_char * 256),
        ("cache_id", ctypes.c_uint8 * 16),
        ("limits", ctypes.c_uint64 * 128),
    )


class _Storage16(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("storage_buffer", ctypes.c_uint32),
        ("uniform_and_storage_buffer", ctypes.c_uint32),
        ("push_constant", ctypes.c_uint32),
        ("input_output", ctypes.c_uint32),
    )


class _Float16(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("shader_float16", ctypes.c_uint32),
        ("shader_int8", ctypes.c_uint32),
    )


class _Features(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("features", ctypes.c_uint32 * 64),
    )


def _devices_of(manifest: Path) -> list[Device]:
    """Return the devices of the only driver that the loader sees."""
    library = ctypes.CDLL(LOADER)
    application = _ApplicationInfo(type=_APPLICATION_INFO, api=_API_1_1)
    create = _InstanceCreateInfo(
        type=_INSTANCE_CREATE_INFO, application=ctypes.pointer(application)
    )
    instance = ctypes.c_void_p()
    if library.vkCreateInstance(ctypes.byref(create), None, ctypes.byref(instance)) != _SUCCESS:
        return []
    try:
        count = ctypes.c_uint32()
        library.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), None)
        handles = (ctypes.c_void_p * count.value)()
        library.vkEnumeratePhysicalDevices(instance, ctypes.byref(count), handles)
        return [_device(library, ctypes.c_void_p(handle), manifest) for handle in handles]
    finally:
        library.vkDestroyInstance(instance, None)


def _device(library: ctypes.CDLL, handle: ctypes.c_void_p, manifest: Path) -> Device:
    driver = _DriverProperties(type=_DRIVER_PROPERTIES)
    properties = _Properties(type=_PROPERTIES_2, next=ctypes.addressof(driver))
    library.vkGetPhysicalDeviceProperties2(handle, ctypes.byref(properties))
    storage = _Storage16(type=_16BIT_STORAGE_FEATURES)
    float16 = _Float16(type=_FLOAT16_INT8_FEATURES, next=ctypes.addressof(storage))
    features = _Features(type=_FEATURES_2, next=ctypes.addressof(float16))
    library.vkGetPhysicalDeviceFeatures2(handle, ctypes.byref(features))
    name, maker, version = (
        text.decode(errors="replace") for text in (properties.name, driver.name, driver.info)
    )
    return Device(
        manifest=manifest,
        name=name,
        kind=_KINDS.get(properties.kind, "other"),
        driver=" ".join(word for word in (maker, version) if word not in name),
        api=f"{properties.api >> 22 & 0x7F}.{properties.api >> 12 & 0x3FF}",
        has_fp16=bool(float16.shader_float16 and storage.storage_buffer),
        sufficient=all(features.features[index] for index in _ARRAY_INDEXING),
    )

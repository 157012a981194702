"""The jars that Android's tests need: pinned by sha256, from Maven Central, in the user's cache.

`python tests/android/maven.py` gets them.
"""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import platformdirs

from mobilekit_converters.errors import ToolMissingError
from mobilekit_delegates.installing.downloads import download, forget

MAVEN_CENTRAL = "https://repo1.maven.org/maven2/"
PINS = Path(__file__).with_name("jars.txt")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A jar, or an Android library (AAR) whose classes are wanted."""

    sha256: str
    path: str

    @property
    def jar(self) -> Path:
        """Where its classes are in the cache; what is there is whole."""
        name = Path(self.path).name
        return _cache() / self.sha256[:16] / name.replace(".aar", ".jar")

    @property
    def libraries(self) -> list[Path]:
        """Where an Android library's own native libraries for x86-64 are in the cache."""
        return sorted(self.jar.parent.glob("*.so"))

    def get(self) -> None:
        """Download it, unless it is there.

        Raises:
            ToolMissingError: it could not be downloaded.
        """
        if self.jar.is_file():
            return
        print(self.path.rpartition("/")[2], flush=True)
        downloads = _cache() / "downloads"
        file = download(self.path, self.sha256, (MAVEN_CENTRAL,), downloads)
        self.jar.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".aar":
            part = self.jar.with_suffix(".part")
            with zipfile.ZipFile(file) as archive:
                for name in archive.namelist():
                    if name.startswith("jni/x86_64/") and name.endswith(".so"):
                        (self.jar.parent / Path(name).name).write_bytes(archive.read(name))
                part.write_bytes(archive.read("classes.jar"))
            part.replace(self.jar)
        else:
            file.replace(self.jar)


@cache
def classpaths() -> dict[str, tuple[Pin, ...]]:
    """Return the jars by the name of what they are for, as `jars.txt` has them."""
    found: dict[str, tuple[Pin, ...]] = {}
    for line in PINS.read_text(encoding="utf-8").splitlines():
        name, sha256, path = line.split()
        found[name] = (*found.get(name, ()), Pin(sha256=sha256, path=path))
    return found


def missing() -> str | None:
    """Say which jars are not there and how to get them, or return None."""
    names = [
        pin.jar.name for pins in classpaths().values() for pin in pins if not pin.jar.is_file()
    ]
    if not names:
        return None
    return (
        f"Jars are not here: {', '.join(names)}. `./dev test` gets them, and so does: "
        "python tests/android/maven.py"
    )


def get_all() -> None:
    """Download all jars that are not there.

    Raises:
        ToolMissingError: one could not be downloaded.
    """
    for pins in classpaths().values():
        for pin in pins:
            pin.get()
    forget(_cache() / "downloads")


def _cache() -> Path:
    return Path(platformdirs.user_cache_dir("mobilekit")) / "jars"


if __name__ == "__main__":
    try:
        get_all()
    except (ToolMissingError, OSError) as error:
        sys.exit(str(error))

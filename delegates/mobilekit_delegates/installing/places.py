"""Where what a target needs is kept, and how it comes to be there whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from mobilekit_converters.errors import ToolMissingError

_PINS = Path(__file__).parent / "pins"


def targets_folder() -> Path:
    """Return the folder of all that targets need, in the user's cache."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("mobilekit")) / "targets"


def pinned(name: str) -> Path:
    """Return a file of pins."""
    return _PINS / name


def place_of(name: str, *pins: str) -> Path:
    """Return the folder of what files of pins ask for; it is there once it was made whole."""
    digest = hashlib.sha256(b"".join(pinned(pin).read_bytes() for pin in pins))
    return targets_folder() / f"{name}-{digest.hexdigest()[:8]}"


def make_whole(place: Path, build: Callable[[Path], None]) -> None:
    """Make a folder, beside its place, and move it there when it is whole.

    One at a time: whoever comes second waits, and finds it there. What an interrupted attempt left
    goes when the next one begins.

    Args:
        place: where it will be. What is there already is kept, and nothing is built.
        build: fills the folder that it is given.

    Raises:
        ToolMissingError: there is no room, or the folder cannot be written.
    """
    building = place.with_name(f"{place.name}.building")
    try:
        with _only_one(place.parent):
            if place.is_dir():
                return
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir()
            try:
                build(building)
                building.rename(place)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    except OSError as error:
        raise ToolMissingError(
            f"{place} could not be made: {error}. Make room or change its permissions, and run the "
            "same command again."
        ) from error


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Wait until no other process works in a folder, and keep others out; make it if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

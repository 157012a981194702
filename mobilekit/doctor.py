"""Which targets can run here, and getting those that can be had without root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilekit_converters.errors import MobilekitError, ToolMissingError
from mobilekit_delegates.targets import TARGETS, Missing, Target, known_targets, target
from mobilekit_delegates.targets.adb import connected_devices

ALL = "all"


@dataclass(frozen=True, kw_only=True)
class TargetState:
    """Whether a target can run here.

    `version` is what runs there, where it is `ready`; else `reason` says why not and `command` is
    the one that gets it (empty where there is none). `installable` ones `doctor --install` gets.
    """

    name: str
    description: str
    ready: bool
    version: str = ""
    reason: str = ""
    command: str = ""
    installable: bool = False
    emulated: bool = False


def states() -> tuple[TargetState, ...]:
    """Look at every target: those without options, and those on the devices that are connected."""
    return tuple(state_of(target(name)) for name in (*TARGETS, *connected_devices()))


def other_names() -> tuple[str, ...]:
    """Return how targets are named that are not listed one by one."""
    return tuple(name for name in known_targets() if name not in TARGETS)


def state_of(place: Target) -> TargetState:
    """Look at one target."""
    missing, version = place.missing(), ""
    if missing is None:
        try:
            version = place.version()
        except MobilekitError as error:
            # A device may go between one question and the next.
            missing = Missing(reason=str(error))
    return TargetState(
        name=place.info.name,
        description=place.info.description,
        ready=missing is None,
        version=version,
        reason=missing.reason if missing else "",
        command=missing.command if missing else "",
        installable=is_installable(place),
        emulated=place.info.emulated,
    )


def is_installable(place: Target) -> bool:
    """Say whether `doctor --install` can get a target."""
    return hasattr(place, "install")


def install(names: Sequence[str]) -> None:
    """Get targets, `all` for every one that can be got; what is done goes to standard output.

    One that fails does not keep the others from being tried.

    Raises:
        ProjectError: there is no target of a name; nothing was done.
        ToolMissingError: one could not be got, with the command that gets it where there is one.
    """
    every = [name for name, place in TARGETS.items() if is_installable(place)]
    wanted = [name for asked in names for name in (every if asked == ALL else [asked])]
    failures = []
    for place in [target(name) for name in dict.fromkeys(wanted)]:
        try:
            _install(place)
        except ToolMissingError as error:
            failures.append(f"{place.info.name}: {error}")
    if failures:
        raise ToolMissingError("\n".join(failures))


def _install(place: Target) -> None:
    missing = place.missing()
    if missing is None:
        print(f"{place.info.name} is ready: {place.version()}.", flush=True)
        return
    if not hasattr(place, "install"):
        raise ToolMissingError(str(missing))
    print(f"Getting {place.info.name}:", flush=True)
    place.install()
    print(f"{place.info.name} is ready: {place.version()}.", flush=True)

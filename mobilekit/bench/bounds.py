"""`[latency]` of the project file: which bounds there are, what they apply to, and what wins.

[latency]
adb = { p90_ms = 8 }              # every artifact, on every Android device
"adb/gpu" = { first_run_ms = 900 }

[latency.tflite-int8]             # one variant; over what stands above
adb = { p90_ms = 4 }
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mobilekit_converters.errors import ProjectError, nearest
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.targets import TARGETS, known_targets, target

FIGURES: Mapping[str, str] = {
    "median_ms": "the median of steady runs",
    "p90_ms": "the time that 90 % of steady runs keep",
    "p95_ms": "the time that 95 % of steady runs keep",
    "p99_ms": "the time that 99 % of steady runs keep",
    "load_ms": "the median over cold starts from the file to what can run, the delegate included",
    "first_run_ms": "the median over cold starts of the first inference",
    "peak_memory_mb": "the process's peak memory, in millions of bytes",
}
"""What can be bounded, always from above, and what it is."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """One bound. `place` is a target's name, its family or `FAMILY/DELEGATE`.

    `variant` is the only one that it holds for, or empty.
    """

    variant: str
    place: str
    figure: str
    most: float

    @property
    def rule(self) -> str:
        """The bound in words."""
        return f"{self.figure} <= {self.most:g}"

    def rank(self, variant: str, target: str) -> int | None:
        """Return how closely this names an artifact on a target, or None where it does not."""
        places = _places(target)
        if self.place not in places or self.variant not in ("", variant):
            return None
        return (len(places) if self.variant else 0) + places.index(self.place)


def bounds_of(table: Mapping[str, Any], *, place: str = "[latency]") -> tuple[Bound, ...]:
    """Return the bounds of a table `[latency]`, in its order.

    Args:
        table: as read from TOML.
        place: what errors name.

    Raises:
        ProjectError: a name, a key or a number is wrong, or a target is emulated.
    """
    found: list[Bound] = []
    for name, content in table.items():
        if name in VARIANTS:
            where = f"{place.removesuffix(']')}.{name}]"
            for target_name, figures in _table(content, where).items():
                found += _bounds(name, target_name, figures, where)
        else:
            found += _bounds("", name, content, place)
    return tuple(found)


def bounds_for(bounds: tuple[Bound, ...], variant: str, target: str) -> tuple[Bound, ...]:
    """Return the bounds of one artifact on one target: of each figure the one that names it best.

    A variant's bound goes before one for all, and a target's before its family's.
    """
    ranked = [
        (rank, bound) for bound in bounds if (rank := bound.rank(variant, target)) is not None
    ]
    best: dict[str, Bound] = {}
    for _, bound in sorted(ranked, key=lambda pair: pair[0]):
        best[bound.figure] = bound
    return tuple(best[figure] for figure in FIGURES if figure in best)


def _bounds(variant: str, name: str, content: Any, place: str) -> Iterator[Bound]:
    _check_target(name, place, of_variant=bool(variant))
    where = f"{place} {name}"
    for figure, most in _table(content, where).items():
        if figure not in FIGURES:
            raise ProjectError(
                f"{where}: there is no figure {figure!r}.{nearest(figure, FIGURES)} "
                f"Known: {', '.join(FIGURES)}."
            )
        number = isinstance(most, (int, float)) and not isinstance(most, bool)
        if not number or not math.isfinite(most) or most <= 0:
            raise ProjectError(f"{where}: {figure} = {most!r} is no number above zero.")
        yield Bound(variant=variant, place=name, figure=figure, most=float(most))


def _check_target(name: str, place: str, *, of_variant: bool) -> None:
    # A family stands for its targets, whatever they are called.
    known = known_targets()
    forms = [form for form in known if ":" in form]
    families = {part for form in forms for part in _places(form)[:-1]}
    if name in families and name not in known:
        return
    try:
        found = target(name)
    except ProjectError as error:
        if name.partition(":")[0] in families:
            raise ProjectError(f"{place} {name}: {error}") from None
        names = (*sorted(families - set(known)), *known)
        variants = () if of_variant else tuple(VARIANTS)
        raise ProjectError(
            f"{place} {name}: there is no {'target or variant' if variants else 'target'} of that "
            f"name.{nearest(name, (*names, *variants))} Known: {', '.join(names + variants)}."
        ) from None
    # What is named with a serial is a device; asking it belongs to measuring.
    if name.partition(":")[0] in TARGETS and found.info.emulated:
        raise ProjectError(
            f"{place} {name}: {name!r} is emulated, and an emulator's time is not a device's. "
            "Bound the times of a device or of this computer's CPU instead."
        )


def _places(target: str) -> tuple[str, ...]:
    """Return the names that a target goes by, the most general first."""
    family, colon, rest = target.partition(":")
    if not colon:
        return (target,)
    _, slash, delegate = rest.rpartition("/")
    return (family, f"{family}/{delegate}", target) if slash else (family, target)


def _table(content: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(content, Mapping) or not content:
        raise ProjectError(
            f"{place}: give bounds, such as {{ p90_ms = 8 }}; known: {', '.join(FIGURES)}."
        )
    return content

"""What has to be known of single measurements, said once for all that it is true of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from mobilekit.bench.results import Benchmark

NO_OPERATORS = "No times of operators: "
"""How a note begins that says why a case has no profile."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")

_NAMED = 2
_REASONS = 3


def shared_notes(benchmarks: Iterable[Benchmark]) -> Iterator[str]:
    """Yield what disturbed cases, and their notes, each with the cases that it is of.

    Notes that differ in numbers alone are one, with the numbers from the least to the largest, and
    so are all that say why there are no times of operators. What disturbed an emulated case says
    nothing: no gate reads its time.
    """
    kinds: dict[str, list[tuple[str, str]]] = {}
    for item in benchmarks:
        title = f"{item.variant} on {item.target}"
        for note in filter(None, ("" if item.emulated else item.disturbed, *item.notes)):
            kind = NO_OPERATORS if note.startswith(NO_OPERATORS) else _NUMBER.sub("0", note)
            kinds.setdefault(kind, []).append((title, note))
    for kind, found in kinds.items():
        titles = list(dict.fromkeys(title for title, _ in found))
        notes = [note for _, note in found]
        yield f"{_named(titles)}: {_reasons(notes) if kind == NO_OPERATORS else _ranges(notes)}"


def _named(titles: Sequence[str]) -> str:
    more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
    return f"{', '.join(titles[:_NAMED])}{more}"


def _reasons(notes: Iterable[str]) -> str:
    """Return one note with all reasons, those of one kind as one, the most frequent first."""
    kinds: dict[str, list[str]] = {}
    for note in notes:
        reason = note.removeprefix(NO_OPERATORS).rstrip(".")
        kinds.setdefault(_NUMBER.sub("0", reason), []).append(reason)
    reasons = [_ranges(kind) for kind in sorted(kinds.values(), key=len, reverse=True)]
    rest = len(reasons) - _REASONS
    more = f"; and for {rest} other reason{'s' if rest > 1 else ''}" if rest > 0 else ""
    return f"{NO_OPERATORS}{'; '.join(reasons[:_REASONS])}{more}."


def _ranges(notes: Sequence[str]) -> str:
    """Return notes that differ in numbers alone as one: `0.9 to 1.3 cores`."""
    numbers = [
        sorted(set(column), key=float)
        for column in zip(*(_NUMBER.findall(note) for note in notes), strict=True)
    ]
    spans = iter(" to ".join(dict.fromkeys((few[0], few[-1]))) for few in numbers)
    return _NUMBER.sub(lambda _: next(spans), notes[0])

"""What the default checks say of every mutant, kept so that each target can be asked on its own."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from mutants import ask, ask_clean, is_fed, kinds, mutant, places
from subjects import SUBJECTS, Subject, prepare, variants

from mobilekit.parity.budgets import PROGRAM
from mobilekit_converters.variants import VARIANTS, Format

STORED = Path(__file__).with_name("verdicts.json")

CLEAN = "no fault"
"""A row of its own: the clean artifacts, of which none may be caught."""

CAUGHT, MISSED, NO_EFFECT, NOT_ASKED = "c", "m", "o", "."

UNITS = tuple((name, variant) for name in SUBJECTS for variant in variants())
"""The artifacts that faults are put into: a model in a variant."""

THOROUGH = (
    PROGRAM, "cpu", "cpu-reference", "cpu-fp16", "coreml", "coreml-fp32",
)  # fmt: skip
"""Places that are quick enough for every artifact. The others are asked about one variant of each
model and kind, another one for the next kind."""

ONE_MODEL = ("arm64",)
"""Places that are so slow that they are asked about one model for each kind, another for the next.
"""

_QUICK: dict[Format, str] = {"tflite": "cpu", "coreml": "coreml"}

Verdicts = dict[str, dict[str, str]]
"""By place and kind: a letter for each unit."""


def load() -> Verdicts:
    """Return what was stored last."""
    stored: Verdicts = json.loads(STORED.read_text("utf-8"))
    return stored


def store(verdicts: Verdicts) -> None:
    """Store verdicts, one line for each kind."""
    STORED.write_text(json.dumps(verdicts, indent=1) + "\n", encoding="utf-8")


def collect(
    asked: tuple[str, ...],
    folder: Path,
    wanted: Iterable[tuple[str, str, str]] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Verdicts:
    """Ask places about mutants.

    Args:
        asked: `PROGRAM` and targets.
        folder: where models are prepared; what is there already is used.
        wanted: kinds with units, all of them where this is None.
        say: hears of each unit.
    """
    chosen = None if wanted is None else set(wanted)
    found = {place: {kind: [NOT_ASKED] * len(UNITS) for kind in rows()} for place in asked}
    subjects = {name: prepare(name, folder) for name in SUBJECTS}
    for index, (name, variant) in enumerate(UNITS):
        if not subjects[name].has(variant):
            continue
        say(f"{name} {variant}")
        for place in places(variant, asked):
            if chosen is None or (CLEAN, name, variant) in chosen:
                verdict = ask_clean(subjects[name], variant, place)
                if verdict is not None:
                    found[place][CLEAN][index] = CAUGHT if verdict.caught else MISSED
                    if verdict.caught:
                        say(f"flagged on {place}: {verdict.reason}")
        for kind in kinds():
            if chosen is not None and (kind, name, variant) not in chosen:
                continue
            here = _asked(asked, kind, index)
            for place, letter in _letters(kind, subjects[name], variant, here).items():
                found[place][kind][index] = letter
    return {
        place: {kind: "".join(letters) for kind, letters in by_kind.items()}
        for place, by_kind in found.items()
    }


def rows() -> tuple[str, ...]:
    """Return the rows of the table: no fault, and every kind."""
    return (CLEAN, *kinds())


def _asked(asked: tuple[str, ...], kind: str, unit: int) -> tuple[str, ...]:
    return tuple(place for place in asked if place in THOROUGH or unit in sampled(place, kind))


def sampled(place: str, kind: str) -> tuple[int, ...]:
    """Return the units that a slow place is asked about for a kind.

    They are chosen, by what was stored of a quick target, among those in which it has an effect.
    """
    number, stored = kinds().index(kind), load()
    units = []
    for start, name in enumerate(SUBJECTS):
        taken = [
            index
            for index, (subject, variant) in enumerate(UNITS)
            if subject == name
            and places(variant, (place,))
            and stored[_QUICK[VARIANTS[variant].format]][kind][index] in (CAUGHT, MISSED)
        ]
        if taken:
            units.append(taken[(number + start) % len(taken)])
    if place in ONE_MODEL and units:
        return (units[number % len(units)],)
    return tuple(units)


def _letters(kind: str, subject: Subject, variant: str, asked: tuple[str, ...]) -> dict[str, str]:
    here = places(variant, asked)
    if not here:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        made = mutant(kind, subject, variant, Path(folder))
        if made is None:
            return {}
        letters = {}
        for place in here:
            verdict = ask(made, place)
            if verdict is not None:
                letters[place] = (
                    CAUGHT if verdict.caught else MISSED if verdict.has_effect else NO_EFFECT
                )
    return letters


def together(verdicts: Verdicts, kind: str) -> dict[str, str]:
    """Return one letter for each artifact, or for each model where the fault is in all of it.

    Caught is what any check catches. What no target shows an effect of has none: that the program
    was not found to differ says nothing about effects.
    """
    letters: dict[str, list[str]] = {}
    for place, by_kind in verdicts.items():
        for (name, variant), letter in zip(UNITS, by_kind[kind], strict=True):
            unit = f"{name} {variant.split('-')[0]}" if is_fed(kind) else f"{name} {variant}"
            silent = place == PROGRAM and letter == MISSED and len(verdicts) > 1
            letters.setdefault(unit, []).append(NOT_ASKED if silent else letter)
    return {unit: _any(found) for unit, found in letters.items()}


def by_place(verdicts: Verdicts, place: str, kind: str) -> dict[str, str]:
    """As `together`, for one place."""
    return together({place: verdicts[place]}, kind)


def _any(letters: list[str]) -> str:
    # A fault that one target shows and another does not is a fault.
    return next((letter for letter in (CAUGHT, MISSED, NO_EFFECT) if letter in letters), NOT_ASKED)

"""What is asked: which delegates, at which levels, and whether somebody named them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mobilekit_converters.variants import Format
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.delegates import (
    DELEGATES,
    Delegate,
    DelegateAt,
    delegate_at,
    delegate_of,
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A delegate, and the format of artifacts that it can be asked about.

    Where there is a table for it, `at` is the delegate at a level; else only it itself can tell.
    One that somebody `named` must not take nothing.
    """

    delegate: str
    format: Format
    at: DelegateAt | None
    named: bool = False

    @property
    def name(self) -> str:
        """The delegate with its level, as options name it; without where it has none."""
        return self.delegate if self.at is None else f"{self.delegate}@{self.at.level:g}"


def delegates_of(format: Format) -> tuple[str, ...]:
    """Return the delegates that run artifacts of a format on phones."""
    return tuple(
        delegate.name
        for delegate in DELEGATES.values()
        if delegate.usual and delegate.format == format
    )


def own_delegates(rules: Iterable[Path]) -> dict[str, Delegate]:
    """Return the delegates of somebody's own tables by their names.

    Raises:
        ProjectError: a table cannot be read, or holds a mistake; the message names file and line.
    """
    return {delegate.name: delegate for delegate in map(delegate_of, rules)}


def questions(
    names: Iterable[str] = (), rules: Iterable[Path] = (), *, measure: bool = False
) -> tuple[Question, ...]:
    """Return what is asked: the delegates that are named, or all of phones.

    Args:
        names: delegates, with a level behind an `@` where another than the usual one is meant.
        rules: somebody's own tables. Each stands in for that of its delegate, which is named by it.
        measure: whether delegates are asked themselves, those without a table too.

    Raises:
        ProjectError: a delegate or a level is not known, or a table holds a mistake.
        ToolMissingError: there is no table for a delegate, and it cannot be asked here.
    """
    own = own_delegates(rules)
    known = {**DELEGATES, **own}
    names = tuple(names)
    asked = [
        _itself(name) if measure and _can_only_be_asked(name, known) else _by_table(name, known)
        for name in names
    ]
    named = {question.delegate for question in asked}
    usual = (*delegates_of("tflite"), *delegates_of("coreml"))
    others = own if names else dict.fromkeys((*usual, *own))
    asked += [
        replace(_by_table(name, known), named=name in own) for name in others if name not in named
    ]
    return tuple({question.name: question for question in asked}.values())


def _can_only_be_asked(name: str, known: Mapping[str, Delegate]) -> bool:
    """Say whether a delegate has no table and can answer for itself here: a vendor's compiler."""
    return name not in known and name in ASKERS and ASKERS[name].missing() is None


def _itself(name: str) -> Question:
    return Question(delegate=name, format="tflite", at=None, named=True)


def _by_table(name: str, known: Mapping[str, Delegate]) -> Question:
    at = delegate_at(name, known)
    return Question(delegate=at.delegate.name, format=at.delegate.format, at=at, named=True)

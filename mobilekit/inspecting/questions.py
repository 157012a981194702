"""What is asked: which delegates, at which levels, and whether somebody named them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mobilekit_converters.variants import Format
from mobilekit_delegates.coverage.delegates import (
    DELEGATES,
    Delegate,
    DelegateAt,
    delegate_at,
    delegate_of,
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A delegate at a level. One that somebody `named` must not take nothing."""

    at: DelegateAt
    named: bool = False

    @property
    def delegate(self) -> str:
        """The delegate's name."""
        return self.at.delegate.name

    @property
    def format(self) -> Format:
        """The format of artifacts that it can be asked about."""
        return self.at.delegate.format

    @property
    def name(self) -> str:
        """The delegate with its level, as options name it."""
        return f"{self.delegate}@{self.at.level:g}"


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


def questions(names: Iterable[str] = (), rules: Iterable[Path] = ()) -> tuple[Question, ...]:
    """Return what is asked: the delegates that are named, or all of phones.

    Args:
        names: delegates, with a level behind an `@` where another than the usual one is meant.
        rules: somebody's own tables. Each stands in for that of its delegate, which is named by it.

    Raises:
        ProjectError: a delegate or a level is not known, or a table holds a mistake.
    """
    own = own_delegates(rules)
    known = {**DELEGATES, **own}
    names = tuple(names)
    asked = [Question(at=delegate_at(name, known), named=True) for name in names]
    named = {question.delegate for question in asked}
    usual = (*delegates_of("tflite"), *delegates_of("coreml"))
    others = own if names else dict.fromkeys((*usual, *own))
    asked += [
        Question(at=delegate_at(name, known), named=name in own)
        for name in others
        if name not in named
    ]
    return tuple({question.name: question for question in asked}.values())

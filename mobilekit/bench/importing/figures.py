"""Numbers of result files, seen to be what they are said to be. Files are not to be trusted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from mobilekit_converters.errors import DataError

_LONGEST_MS = 3.6e6
"""An hour: nobody waits that long for one inference, and a clock that jumped shows."""

_MOST_COUNT = 10**9
_MOST_BYTES = 2**46
"""64 TiB."""


def milliseconds(value: Any, what: str, *, unit: float = 1.0) -> float:
    """Return a time in milliseconds.

    Args:
        value: a number, or what should be one.
        what: the file and the figure, for errors.
        unit: how many milliseconds one of it is.

    Raises:
        DataError: it is no number, negative, or longer than any inference.
    """
    return _number(value, what, unit, _LONGEST_MS, "ms")


def optional_milliseconds(
    values: Mapping[str, Any], key: str, name: str, *, unit: float = 1.0
) -> float:
    """Return a time of an object, as `milliseconds`; NaN where it is absent or null."""
    value = values.get(key)
    return math.nan if value is None else milliseconds(value, f"{name}: {key}", unit=unit)


def count(value: Any, what: str) -> int:
    """Return a number of things.

    Raises:
        DataError: it is no whole number, negative, or absurd.
    """
    number = _number(value, what, 1.0, _MOST_COUNT, "")
    if number != int(number):
        raise DataError(f"{what} is {value}, which is no whole number.")
    return int(number)


def memory(value: Any, what: str, *, unit: float) -> int:
    """Return a number of bytes, of which one of the value has `unit`.

    Raises:
        DataError: it is no number, negative, or absurd.
    """
    return round(_number(value, what, unit, _MOST_BYTES, "bytes"))


def require_order(figures: Mapping[str, float], name: str) -> None:
    """See that figures that are known do not get smaller, as percentiles never do.

    Raises:
        DataError: one does.
    """
    known = [(key, value) for key, value in figures.items() if not math.isnan(value)]
    for (key, value), (above, more) in itertools.pairwise(known):
        # Files hold rounded numbers, and single precision.
        if value > more * (1 + 1e-5) + 1e-9:
            raise DataError(
                f"{name} cannot be right: its {key} is {value:g} ms and its {above} {more:g} ms."
            )


def _number(value: Any, what: str, unit: float, most: float, word: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else _scaled(float(value), unit)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if math.isnan(number):
        raise DataError(f"{what} is {str(value)[:40]!r}, which is no number.")
    if not 0 <= number <= most:
        raise DataError(
            f"{what} is {number:g}{f' {word}' if word else ''}, which cannot be: it must lie "
            f"between 0 and {most:g}."
        )
    return number


def _scaled(number: float, unit: float) -> float:
    """Return a number times a unit; a power of ten below 1 has no exact form, but its inverse."""
    return number * unit if unit >= 1 else number / round(1 / unit)

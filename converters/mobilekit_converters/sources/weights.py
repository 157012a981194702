"""Weights that no release may hold: NaN and Inf."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import SourceError


def refuse_non_finite(path: Path, weights: Iterable[tuple[str, NDArray[np.generic]]]) -> None:
    """Check named weights, one after another, so that an iterator need hold only one.

    Raises:
        SourceError: one holds NaN or Inf; the message names it and counts them.
    """
    for name, values in weights:
        _refuse(path, name, values, wrong=~np.isfinite(values) if _is_float(values) else None)


def refuse_non_finite_constants(
    path: Path, constants: Iterable[tuple[str, NDArray[np.generic]]]
) -> None:
    """Check constants of a graph, among which weights cannot be told from the graph's own numbers.

    A graph may rightly hold an infinite number, such as the padding of a maximum or the value of a
    mask, so infinity is refused only where finite numbers stand beside it. NaN always is.

    Raises:
        SourceError: one holds NaN, or Inf among finite numbers.
    """
    for name, values in constants:
        if not _is_float(values):
            continue
        finite = np.isfinite(values)
        _refuse(path, name, values, wrong=~finite if finite.any() else np.isnan(values))


def _is_float(values: NDArray[np.generic]) -> bool:
    # numpy does not count bfloat16, which comes from another package, among its own.
    return bool(np.issubdtype(values.dtype, np.inexact)) or values.dtype.name == "bfloat16"


def _refuse(
    path: Path, name: str, values: NDArray[np.generic], *, wrong: NDArray[np.bool_] | None
) -> None:
    if wrong is None or not wrong.any():
        return
    raise SourceError(
        f"Weight {name!r} of {path.name} holds NaN or Inf in {int(wrong.sum())} of {values.size} "
        "numbers, so no answer of the model can be trusted. Train it again, or restore an earlier "
        "checkpoint."
    )

"""How far outputs are from the reference, in numbers. Pure functions of arrays.

The reference is always the source's own output. Nothing here ever turns a broken comparison into a
number: shapes that differ, empty arrays, NaN and Inf raise `IncomparableError`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mobilekit.results import Histogram

Reals = NDArray[np.float64]

DB_CAP = 200.0
"""What identical outputs get instead of infinity, in dB; -200 dB is the floor likewise.

Float64 itself carries 53 bits, about 319 dB; no float32 computation comes near 200.
"""

Z_95 = 1.959963984540054
"""The standard normal's 97.5 % quantile: 95 % of the mass lies within it on both sides."""

TIE = 1e-6
"""Scores closer than this share of a sample's range of scores are one score: float32 noise."""

HISTOGRAM_EDGES = tuple(step / 2 for step in range(-16, 5))
"""log10 of the relative error, from 1e-8, below float32's resolution, to 100 times the signal."""


class IncomparableError(ValueError):
    """The outputs cannot be compared with the reference. The message says why."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that a budget can bound.

    `gate` is the metric that is held against the bound: for shares of samples not the share itself
    but the end of its 95 % interval that is kinder to the artifact, so that only evidence fails it.
    `of` says what it is computed from: outputs on a target, or the stored program.
    """

    name: str
    better: Literal["higher", "lower"]
    gate: str
    description: str
    of: Literal["outputs", "program"] = "outputs"


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="snr_db",
            better="higher",
            gate="snr_db",
            description="signal-to-noise ratio: the reference's power over the error's, in dB",
        ),
        Metric(
            name="psnr_db",
            better="higher",
            gate="psnr_db",
            description="peak signal-to-noise ratio: the reference's largest value, squared, over "
            "the mean squared error, in dB",
        ),
        Metric(
            name="max_abs",
            better="lower",
            gate="max_abs",
            description="largest absolute error of any value, in the output's own unit",
        ),
        Metric(
            name="cosine",
            better="higher",
            gate="cosine",
            description="cosine of the angle to the reference, averaged over the samples",
        ),
        Metric(
            name="agreement",
            better="higher",
            gate="agreement_high",
            description="share of samples with the reference's top-1 class",
        ),
        Metric(
            name="accuracy",
            better="higher",
            gate="accuracy_high",
            description="share of labelled samples whose top-1 class is their label",
        ),
        Metric(
            name="accuracy_drop",
            better="lower",
            gate="accuracy_drop_low",
            description="the source's accuracy less the artifact's, on the same samples",
        ),
        Metric(
            name="weight_error",
            better="lower",
            gate="weight_error",
            description="largest relative error of the weights of one output channel, read back "
            "from the artifact, against the finer variant's",
            of="program",
        ),
        Metric(
            name="range_snr_db",
            better="higher",
            gate="range_snr_db",
            description="what the ranges of an artifact's integers leave of the finer variant's "
            "activations: their power over that of what is cut off, in dB, for the worst operator",
            of="program",
        ),
    )
}


def tensor_metrics(output: NDArray[np.generic], reference: NDArray[np.generic]) -> dict[str, float]:
    """Compare one output with its reference.

    Args:
        output: the artifact's, of shape (samples, …), of any real dtype.
        reference: the source's, of the same shape.

    Returns:
        `snr_db`, `psnr_db` (both within ±200 dB: 200 where there is no error, -200 where the
        reference is all zero and the output is not), `max_abs`, and the samples' mean
        `cosine` (1 where both are all zero, 0 where one of them is).

    Raises:
        IncomparableError: shapes differ, there are no values, or one is NaN or infinite.
    """
    actual, expected = comparable(output, reference)
    # Squares of the largest float64 values would overflow; no ratio below depends on the unit.
    unit = max(float(np.abs(expected).max()), float(np.abs(actual).max())) or 1.0
    error = actual / unit - expected / unit
    noise = float(np.mean(np.square(error)))
    signal = float(np.mean(np.square(expected / unit)))
    peak = float(np.abs(expected / unit).max())
    return {
        "snr_db": decibels(signal, noise),
        "psnr_db": decibels(peak**2, noise),
        "max_abs": float(np.abs(actual - expected).max()),
        "cosine": float(np.mean(list(map(_cosine, actual / unit, expected / unit)))),
    }


def comparable(output: NDArray[np.generic], reference: NDArray[np.generic]) -> tuple[Reals, Reals]:
    """Return both as float64, of shape (samples, values), or raise `IncomparableError`."""
    if output.shape != reference.shape:
        raise IncomparableError(
            f"its shape is {output.shape} and the reference's {reference.shape}"
        )
    if output.size == 0:
        raise IncomparableError("it is empty")
    if output.dtype.kind not in "fiub" or reference.dtype.kind not in "fiub":
        raise IncomparableError(f"{output.dtype} and {reference.dtype} are not both real numbers")
    arrays = []
    for whose, array in (("it", output), ("the reference", reference)):
        values = np.asarray(array, dtype=np.float64).reshape(len(array), -1)
        if not np.isfinite(values).all():
            bad = int((~np.isfinite(values)).sum())
            raise IncomparableError(
                f"{whose} has {bad} values of {values.size} that are NaN or Inf"
            )
        arrays.append(values)
    return arrays[0], arrays[1]


def decibels(signal: float, noise: float) -> float:
    """Return the ratio of two powers in dB, within ±`DB_CAP`."""
    if noise == 0:
        return DB_CAP
    if signal == 0:
        return -DB_CAP
    return min(max(10 * (math.log10(signal) - math.log10(noise)), -DB_CAP), DB_CAP)


def _cosine(actual: Reals, expected: Reals) -> float:
    lengths = float(np.linalg.norm(actual)), float(np.linalg.norm(expected))
    if 0.0 in lengths:
        return 1.0 if lengths == (0.0, 0.0) else 0.0
    return float(np.clip(np.dot(actual / lengths[0], expected / lengths[1]), -1.0, 1.0))


def error_histogram(output: NDArray[np.generic], reference: NDArray[np.generic]) -> Histogram:
    """Count the errors by size, relative to the reference's root mean square (1 where that is 0).

    Raises:
        IncomparableError: as `tensor_metrics`.
    """
    actual, expected = comparable(output, reference)
    unit = max(float(np.abs(expected).max()), float(np.abs(actual).max())) or 1.0
    level = math.sqrt(float(np.mean(np.square(expected / unit)))) or 1.0
    relative = np.abs(actual / unit - expected / unit) / level
    with np.errstate(divide="ignore"):
        sizes = np.log10(relative).ravel()
    inside = np.clip(sizes, HISTOGRAM_EDGES[0], HISTOGRAM_EDGES[-1])
    counts, _ = np.histogram(inside, bins=np.asarray(HISTOGRAM_EDGES))
    return Histogram(edges=HISTOGRAM_EDGES, counts=tuple(map(int, counts)))


def top_1(scores: NDArray[np.generic]) -> NDArray[np.intp]:
    """Return the class of each sample: the first of the highest scores.

    Args:
        scores: of shape (samples, classes); with one class, a probability that 0.5 and more is
            class 1, as a sigmoid's.
    """
    flat = np.asarray(scores, dtype=np.float64).reshape(len(scores), -1)
    if flat.shape[1] == 1:
        return (flat[:, 0] >= 0.5).astype(np.intp)
    first: NDArray[np.intp] = np.argmax(flat, axis=1)
    return first


def agreement_metrics(
    output: NDArray[np.generic], reference: NDArray[np.generic]
) -> dict[str, float]:
    """Return `agreement` and its 95 % Wilson interval, `agreement_low` to `agreement_high`.

    A sample agrees where the class that the artifact ranks first has the reference's highest score.
    Where the reference itself has several classes at its top, within `TIE`, any of them agrees:
    which one comes first is then an accident. Ties of the artifact get no such grace, because an
    app would show its first.

    Raises:
        IncomparableError: as `tensor_metrics`.
    """
    actual, expected = comparable(output, reference)
    chosen = top_1(actual)
    if expected.shape[1] == 1:
        agrees = chosen == top_1(expected)
    else:
        highest = expected.max(axis=1)
        slack = TIE * (highest - expected.min(axis=1))
        agrees = expected[np.arange(len(expected)), chosen] >= highest - slack
    return proportion("agreement", int(agrees.sum()), len(agrees))


def accuracy_metrics(
    output: NDArray[np.generic],
    reference: NDArray[np.generic],
    labels: NDArray[np.integer],
) -> dict[str, float]:
    """Return `accuracy` with its interval, `source_accuracy`, and `accuracy_drop` with its own.

    The drop's interval is that of a difference of paired shares: with b samples that only the
    source has right and c that only the artifact has, of n, the drop is (b - c) / n and its
    standard error sqrt(b + c - (b - c)² / n) / n (Agresti, Categorical Data Analysis, on matched
    pairs).

    Raises:
        IncomparableError: as `tensor_metrics`, or there is not one label per sample.
    """
    actual, expected = comparable(output, reference)
    if labels.shape != (len(actual),):
        raise IncomparableError(
            f"there are labels of shape {labels.shape} for {len(actual)} samples"
        )
    right, source_right = top_1(actual) == labels, top_1(expected) == labels
    count = len(labels)
    lost = int((source_right & ~right).sum())
    gained = int((right & ~source_right).sum())
    drop = (lost - gained) / count
    spread = Z_95 * math.sqrt(max(lost + gained - (lost - gained) ** 2 / count, 0.0)) / count
    return {
        **proportion("accuracy", int(right.sum()), count),
        "source_accuracy": float(source_right.mean()),
        "accuracy_drop": drop,
        "accuracy_drop_low": max(drop - spread, -1.0),
        "accuracy_drop_high": min(drop + spread, 1.0),
    }


def proportion(name: str, hits: int, trials: int) -> dict[str, float]:
    """Return a share and its 95 % Wilson score interval under `name`, `name_low`, `name_high`."""
    low, high = wilson_interval(hits, trials)
    return {name: hits / trials, f"{name}_low": low, f"{name}_high": high}


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share of `hits` in `trials` (Wilson, 1927).

    Raises:
        ValueError: there are no trials, or more hits than trials.
    """
    if trials < 1 or not 0 <= hits <= trials:
        raise ValueError(f"{hits} of {trials} is no share")
    share = hits / trials
    squared = Z_95**2
    centre = share + squared / (2 * trials)
    spread = Z_95 * math.sqrt(share * (1 - share) / trials + squared / (4 * trials**2))
    scale = 1 + squared / trials
    low = 0.0 if hits == 0 else (centre - spread) / scale
    high = 1.0 if hits == trials else (centre + spread) / scale
    return low, high

"""What most likely made a layer's output differ, told from its values alone.

A table of hypotheses, the simpler ones first. Each predicts the artifact's values from the
source's; the one whose prediction fits best is named, if it fits much better than none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.metrics import DB_CAP, decibels

Values = NDArray[Any]
Change = Callable[[NDArray[np.generic]], NDArray[np.generic]]

LARGEST_FP16 = 65504.0
"""The largest finite number of IEEE 754 binary16."""

LIMITS: dict[str, tuple[float, float]] = {"Relu": (0.0, math.inf), "Relu6": (0.0, 6.0)}
"""Where TensorFlow's activations that are straight in between cut their input off."""

# How many dB a prediction must fit better than the source's own values, and how well at least.
_BETTER = 8.0
_FITS = 12.0

# What a later hypothesis must gain over an earlier one, which has fewer free numbers, in dB.
_SIMPLER = 6.0


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A layer's values in the artifact and in the source, of the shape (batches, …, channels).

    `unactivated` is what the source's activation reads, and what it gives where there is none;
    `limits` are its cuts. `quantised` says whether the artifact stores the values as integers.
    `with_inputs` computes the source's values for changed inputs; it is None where no input
    reaches the layer directly.
    """

    actual: Values
    expected: Values
    unactivated: Values
    activation: str = ""
    quantised: bool = False
    with_inputs: Callable[[Change], Values] | None = None

    @property
    def limits(self) -> tuple[float, float]:
        """Where the activation cuts off."""
        return LIMITS.get(self.activation, (-math.inf, math.inf))

    def activated(self, values: Any) -> Values:
        """Return values cut off as the activation does it, where that is a cut."""
        return np.asarray(np.clip(values, *self.limits))

    @property
    def straight(self) -> Values:
        """What a straight function of has the artifact's values: the cut is undone for the source.

        Activations that bend cannot be undone, so there it is what they give.
        """
        return self.unactivated if self.activation in LIMITS else self.expected

    def uncut(self) -> NDArray[np.bool_]:
        """Mark the artifact's values that nothing cut off: an end at which many lie is a cut."""
        values = self.actual
        low, high = self.limits
        marked = (values > low) & (values < high)
        for end in (values.min(), values.max()):
            there = np.abs(values - end) <= 1e-6 * max(abs(float(end)), 1.0)
            if there.mean() > 0.01:
                marked &= ~there
        return marked


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A likely cause, and the values that the artifact would then have."""

    cause: str
    values: Values


def likely_cause(evidence: Evidence) -> str:
    """Name in a clause what most likely happened, with the numbers that speak for it."""
    # Squares of large float32 values would overflow.
    evidence = replace(
        evidence,
        actual=evidence.actual.astype(np.float64),
        expected=evidence.expected.astype(np.float64),
        unactivated=evidence.unactivated.astype(np.float64),
    )
    certain = next((cause for rule in _CERTAIN if (cause := rule(evidence))), None)
    if certain:
        return certain
    best, least = "", max(_snr(evidence, evidence.expected) + _BETTER, _FITS)
    for rule in _HYPOTHESES:
        for found in rule(evidence):
            fit = _snr(evidence, found.values)
            if fit > least:
                best, least = found.cause, fit + _SIMPLER
    return best or _unexplained(evidence)


def odd_channels(actual: Values, expected: Values) -> list[int]:
    """Return the few of many channels that carry nearly all of the error, if there are such."""
    noise = np.square(_rows(actual) - _rows(expected)).sum(0)
    order = np.argsort(noise)[::-1]
    for count in range(1, max(len(order) // 8, 1) + 1):
        if len(order) >= 4 and 10 * noise[order[count:]].sum() < noise.sum():
            return sorted(order[:count].tolist())
    return []


def odd_channel(actual: Values, expected: Values) -> int | None:
    """Return the one of 16 channels or more that carries two thirds of the error, if there is."""
    with np.errstate(invalid="ignore"):
        error = np.subtract(_rows(actual), _rows(expected), dtype=np.float64)
    noise = np.square(error).sum(0)
    if len(noise) < 16 or not 3 * noise.max() > 2 * noise.sum():
        return None
    return int(noise.argmax())


def _not_finite(evidence: Evidence) -> str | None:
    broken = ~np.isfinite(evidence.actual)
    if not broken.any():
        return None
    largest = float(np.abs(evidence.expected).max())
    if largest > LARGEST_FP16:
        return (
            f"the source's values reach {largest:.4g}, beyond the largest number of float16, "
            f"{LARGEST_FP16:.0f}"
        )
    kind = "NaN" if np.isnan(evidence.actual).any() else "Inf"
    channels = np.flatnonzero(_rows(broken).any(0)).tolist()
    where = "" if len(channels) == broken.shape[-1] else f" in {_named(channels)}"
    return f"{kind} first appears here{where}: a weight of it is {kind}, or a sum overflows"


def _beyond_fp16(evidence: Evidence) -> str | None:
    largest, reached = (float(np.abs(v).max()) for v in (evidence.expected, evidence.actual))
    if largest <= LARGEST_FP16 or reached > LARGEST_FP16:
        return None
    return (
        f"the source's values reach {largest:.4g}, and the artifact's stop at {reached:.4g}: "
        f"float16 holds no more than {LARGEST_FP16:.0f}"
    )


def _constant(evidence: Evidence) -> str | None:
    actual, expected = evidence.actual, evidence.expected
    if np.ptp(expected) == 0 or np.ptp(actual) > 1e-6 * np.ptp(expected):
        return None
    return f"it gives {actual.flat[0]:.4g} for everything: its weights are zero or were lost"


def _softmax(evidence: Evidence) -> str | None:
    """Shares that add up to one along the last axis in the source do so along another."""
    actual, expected = evidence.actual, evidence.expected
    if evidence.activation != "Softmax" or _sums_to_one(actual, -1):
        return None
    for axis in range(1, actual.ndim - 1):
        if expected.shape[axis] > 1 and _sums_to_one(actual, axis):
            return f"its values add up to 1 along axis {axis - 1}: the softmax is on the wrong axis"
    return None


def _sums_to_one(values: Values, axis: int) -> bool:
    return bool(np.abs(values.sum(axis) - 1).max() < 0.05)


_CERTAIN: tuple[Callable[[Evidence], str | None], ...] = (
    _not_finite,
    _beyond_fp16,
    _constant,
    _softmax,
)


def _sign(evidence: Evidence) -> Iterator[Prediction]:
    yield Prediction(
        cause="the sign of its values is flipped",
        values=evidence.activated(-evidence.straight),
    )


def _missing_activation(evidence: Evidence) -> Iterator[Prediction]:
    if evidence.activation:
        actual, expected = evidence.actual, evidence.expected
        yield Prediction(
            cause=f"its activation, {evidence.activation}, is missing: the source's values lie "
            f"within {_range(expected)}, and these within {_range(actual)}",
            values=evidence.unactivated,
        )


def _saturated(evidence: Evidence) -> Iterator[Prediction]:
    actual, expected = evidence.actual, evidence.expected
    what = (
        "the range of its quantisation is too small for these inputs"
        if evidence.quantised
        else "something limits them"
    )
    yield Prediction(
        cause=f"its values stop at {_range(actual)}, and the source's reach {_range(expected)}: "
        f"{what}",
        values=np.clip(expected, actual.min(), actual.max()),
    )


def _scale(evidence: Evidence) -> Iterator[Prediction]:
    uncut = evidence.uncut()
    actual, straight = evidence.actual[uncut], evidence.straight[uncut]
    power = float(np.square(straight).sum())
    if actual.size >= 8 and power:
        gain = float((actual * straight).sum()) / power
        yield Prediction(
            cause=f"its values are {gain:.4g} times the source's: a scale is wrong",
            values=evidence.activated(gain * evidence.straight),
        )


def _offset(evidence: Evidence) -> Iterator[Prediction]:
    uncut = evidence.uncut()
    if uncut.sum() >= 8:
        shift = float(np.mean((evidence.actual - evidence.straight)[uncut]))
        what = "a zero point is off" if evidence.quantised else "a constant was added or dropped"
        yield Prediction(
            cause=f"all its values are off by {shift:+.4g}: {what}",
            values=evidence.activated(evidence.straight + shift),
        )


def _few_channels(evidence: Evidence) -> Iterator[Prediction]:
    actual, expected = evidence.actual, evidence.expected
    odd = odd_channels(actual, expected)
    if odd:
        values = expected.copy()
        values[..., odd] = actual[..., odd]
        yield Prediction(
            cause=f"only {_named(odd)} of {actual.shape[-1]} {'differ' if odd[1:] else 'differs'}"
            f"{_how(actual[..., odd[0]]) if len(odd) == 1 else ''}: weights or bias of "
            f"{'them' if odd[1:] else 'it'} were changed",
            values=values,
        )


def _how(actual: Values) -> str:
    return "" if np.ptp(actual) else f", being {actual.flat[0]:.4g} throughout"


def _moved(evidence: Evidence) -> Iterator[Prediction]:
    """Pictures, (batches, batch, height, width, channels), that are shifted or turned."""
    expected = evidence.expected
    if expected.ndim != 5 or min(expected.shape[2:4]) < 4:
        return
    if expected.shape[2] == expected.shape[3]:
        yield Prediction(cause="height and width are transposed", values=expected.swapaxes(2, 3))
    for axis, what in ((2, "upside down"), (3, "mirrored")):
        yield Prediction(cause=f"it is {what}", values=np.flip(expected, axis))
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                yield Prediction(
                    cause=f"it is shifted by {down} rows and {right} columns: the padding is on "
                    "the wrong side",
                    values=_shifted(evidence, down, right),
                )


def _shifted(evidence: Evidence, down: int, right: int) -> Values:
    """Shift the source's values; what comes in from outside is taken as it is."""
    moved = np.roll(evidence.expected, (down, right), (2, 3))
    values = evidence.actual.copy()
    values[:, :, 1:-1, 1:-1] = moved[:, :, 1:-1, 1:-1]
    return values


def _other_inputs(evidence: Evidence) -> Iterator[Prediction]:
    """The source itself gives these values, for inputs that are read in another way."""
    if evidence.with_inputs is None:
        return
    for cause, change in _INPUT_CHANGES:
        try:
            values = evidence.with_inputs(change)
        except _DoesNotApplyError:
            continue
        yield Prediction(cause=f"it answers as if {cause}", values=values)


class _DoesNotApplyError(Exception):
    """An input is not of the kind that can be changed so."""


def _picture(values: NDArray[np.generic]) -> NDArray[np.generic]:
    if values.ndim != 4:
        raise _DoesNotApplyError
    return values


def _swapped_colours(values: NDArray[np.generic]) -> NDArray[np.generic]:
    if _picture(values).shape[-1] != 3:
        raise _DoesNotApplyError
    return values[..., ::-1]


def _transposed(values: NDArray[np.generic]) -> NDArray[np.generic]:
    if _picture(values).shape[1] != values.shape[2]:
        raise _DoesNotApplyError
    return values.swapaxes(1, 2)


def _affine(gain: float, shift: float = 0.0) -> Change:
    def change(values: NDArray[np.generic]) -> NDArray[np.generic]:
        if values.dtype.kind != "f":
            raise _DoesNotApplyError
        return (values.astype(np.float64) * gain + shift).astype(values.dtype)

    return change


_INPUT_CHANGES: tuple[tuple[str, Change], ...] = (
    ("red and blue of its input were swapped: RGB is taken for BGR", _swapped_colours),
    ("height and width of its input were transposed", _transposed),
    ("its input were upside down", lambda values: np.flip(_picture(values), 1)),
    ("its input were mirrored", lambda values: np.flip(_picture(values), 2)),
    ("its input were shifted by one row", lambda values: np.roll(_picture(values), 1, 1)),
    ("its input were shifted by one column", lambda values: np.roll(_picture(values), 1, 2)),
    ("its input were 255 times smaller: it is scaled twice", _affine(1 / 255)),
    ("its input were 255 times larger: its scaling is missing", _affine(255)),
    ("its input, or its weights, were twice as large", _affine(2)),
    ("its input, or its weights, were half as large", _affine(0.5)),
    ("its input went from -1 to 1 instead of 0 to 1", _affine(2, -1)),
    ("its input went from 0 to 1 instead of -1 to 1", _affine(0.5, 0.5)),
    ("its input were off by 128: signed bytes are taken for unsigned ones", _affine(1, -128)),
    ("the sign of its input were flipped", _affine(-1)),
)


def _permuted_channels(evidence: Evidence) -> Iterator[Prediction]:
    actual, expected = _rows(evidence.actual), _rows(evidence.expected)
    channels = actual.shape[-1]
    if not 2 <= channels <= 2048:
        return
    order = np.argmax(_correlations(actual, expected), axis=1)
    if len(set(order.tolist())) == channels and (order != np.arange(channels)).any():
        reverse = (order == np.arange(channels)[::-1]).all()
        moved = int((order != np.arange(channels)).sum())
        yield Prediction(
            cause=f"{'its' if reverse else f'{moved} of its {channels}'} channels are in "
            f"{'reverse' if reverse else 'another'} order",
            values=evidence.expected[..., order],
        )


def _correlations(left: Values, right: Values) -> NDArray[np.float64]:
    def normal(values: Values) -> NDArray[np.float64]:
        centred = values - values.mean(0)
        lengths = np.sqrt(np.square(centred).sum(0))
        return np.asarray(centred / np.where(lengths == 0, 1, lengths))

    return np.asarray(normal(left).T @ normal(right))


def _weight_scale(evidence: Evidence) -> Iterator[Prediction]:
    """The weights are larger, and the bias is as it was."""
    actual, straight = _uncut_rows(evidence)
    if actual.count() >= 8 * actual.shape[-1] > 8:
        means = actual.mean(0), straight.mean(0)
        varying, expected = actual - means[0], straight - means[1]
        gain = float((varying * expected).sum() / max((expected * expected).sum(), 1e-30))
        if abs(gain - 1) > 0.05:
            yield Prediction(
                cause="the sign of its weights is flipped"
                if abs(gain + 1) < 0.1
                else f"its weights are {gain:.4g} times the source's: a scale is wrong",
                values=evidence.activated(
                    gain * evidence.straight + (means[0] - gain * means[1]).filled(0)
                ),
            )


def _channel_offsets(evidence: Evidence) -> Iterator[Prediction]:
    actual, straight = _uncut_rows(evidence)
    if actual.count() >= 8 * actual.shape[-1] > 8:
        shift = (actual - straight).mean(0).filled(0)
        yield Prediction(
            cause="each channel is off by a constant of its own: its bias was dropped or changed",
            values=evidence.activated(evidence.straight + shift),
        )


def _channel_gains(evidence: Evidence) -> Iterator[Prediction]:
    actual, straight = _uncut_rows(evidence)
    if actual.count() >= 8 * actual.shape[-1] > 8:
        gain = ((actual * straight).sum(0) / (straight * straight).sum(0)).filled(1)
        yield Prediction(
            cause="each channel is off by a factor of its own: the scales of its weights, or of "
            "the batch normalisation folded into them, are wrong",
            values=evidence.activated(evidence.straight * gain),
        )


def _uncut_rows(evidence: Evidence) -> tuple[Any, Any]:
    """Return the artifact's and the source's values as masked arrays of (positions, channels)."""
    cut = ~_rows(evidence.uncut())
    return (
        np.ma.array(_rows(evidence.actual), mask=cut),
        np.ma.array(_rows(evidence.straight), mask=cut),
    )


_HYPOTHESES: tuple[Callable[[Evidence], Iterator[Prediction]], ...] = (
    _sign,
    _missing_activation,
    _scale,
    _offset,
    _saturated,
    _few_channels,
    _moved,
    _other_inputs,
    _permuted_channels,
    _channel_offsets,
    _weight_scale,
    _channel_gains,
)


def _unexplained(evidence: Evidence) -> str:
    odd = odd_channel(evidence.actual, evidence.expected)
    if odd is not None:
        return (
            f"mostly channel {odd} of {evidence.actual.shape[-1]} differs: weights or bias of it "
            "were changed"
        )
    actual, expected = (
        np.asarray(v, np.float64).ravel() for v in (evidence.actual, evidence.expected)
    )
    lengths = math.sqrt(float(actual @ actual) * float(expected @ expected))
    cosine = float(actual @ expected) / lengths if lengths else 0.0
    return (
        f"no simple change explains it (cosine {cosine:.2f}): its weights are others, or a kernel "
        "computes something else"
    )


def _snr(evidence: Evidence, predicted: Values) -> float:
    noise = float(np.square(evidence.actual - predicted).sum())
    signal = float(np.square(evidence.expected).sum())
    return decibels(signal, noise) if math.isfinite(noise) else -DB_CAP


def _rows(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(-1, values.shape[-1])


def _range(values: Values) -> str:
    return f"{values.min():.4g} to {values.max():.4g}"


def _named(channels: list[int]) -> str:
    shown = ", ".join(map(str, channels[:4])) + (", …" if channels[4:] else "")
    return f"channel{'s' if channels[1:] else ''} {shown}"

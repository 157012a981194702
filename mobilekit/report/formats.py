"""Numbers in words: sizes, times, decibels, percentages."""

from __future__ import annotations

import math

_NOT_A_NUMBER = "not a number"


def size(count: int) -> str:
    """Return a number of bytes in decimal units and three digits, such as `1.24 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{_three_digits(value)} {unit}" if unit != "B" else f"{count} B"
        value /= 1000
    return f"{_three_digits(value)} GB"


def axis_size(count: int) -> str:
    """Return a number of bytes without the zeros that say nothing on an axis, such as `20 kB`."""
    number, unit = size(count).split(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def moment(started: str) -> str:
    """Return an ISO 8601 time for people: `2026-03-14 09:26:53 UTC`."""
    return started.replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC")


def duration(seconds: float) -> str:
    """Return a duration such as `4 ms`, `1.4 s` or `2 min 05 s`."""
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def milliseconds(value: float) -> str:
    """Return a time of milliseconds with three digits, such as `0.96 ms`."""
    if not math.isfinite(value):
        return "unknown"
    if 0 < value < 0.0995:
        return f"{value:.2g} ms"
    return f"{_three_digits(value)} ms"


def decibels(value: float) -> str:
    """Return decibels; the infinite SNR of equal tensors is `exact`."""
    if value == math.inf:
        return "exact"
    if not math.isfinite(value):
        return significant(value)
    return f"{value:.1f} dB".replace("-", "−")


def percent(fraction: float) -> str:
    """Return a fraction of one in per cent, rounded away from a whole that it does not reach."""
    if not math.isfinite(fraction):
        return significant(fraction)
    text = f"{100 * fraction:.1f}"
    if text == "100.0":
        text = "100" if fraction >= 1 else "99.9"
    return f"{text} %"


def percent_points(fraction: float) -> str:
    """Return a difference of two fractions in percentage points."""
    if not math.isfinite(fraction):
        return significant(fraction)
    points = round(100 * fraction, 2) + 0.0
    return f"{points:g} pt".replace("-", "−")


def interval(low: float, high: float) -> str:
    """Return an interval of two fractions in per cent, such as `96.1–99.0 %`."""
    return f"{percent(low).removesuffix(' %')}–{percent(high)}"


def significant(value: float) -> str:
    """Return a number with four significant digits, and NaN and infinity in words."""
    if math.isnan(value):
        return _NOT_A_NUMBER
    if math.isinf(value):
        return "infinite" if value > 0 else "−infinite"
    return f"{value:.4g}".replace("-", "−")


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, such as `1 check` or `2 checks`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _three_digits(value: float) -> str:
    return (
        f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    )

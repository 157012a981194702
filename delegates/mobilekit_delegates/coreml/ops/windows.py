"""What convolutions and pools share: strides and padding in ONNX's terms."""

from __future__ import annotations

from typing import Any

from mobilekit_delegates.coreml.op import Op

_AUTO_PAD = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}


def window_attributes(op: Op, reaches: list[int]) -> dict[str, Any]:
    """Return the ONNX attributes for padding and strides of an operator that moves a window.

    Args:
        op: the operation; it has `x`, `pad_type`, `pad` and `strides`.
        reaches: how many values a window covers along each spatial dimension, gaps included.
    """
    kind = op.text("pad_type", "valid").lower()
    pad = op.integers("pad", [0] * len(reaches) * 2)
    strides = op.integers("strides", [1] * len(reaches))
    if kind == "custom":
        # MIL has (before, after) for each dimension, ONNX all of before and then all of after.
        return {"strides": strides, "pads": [*pad[::2], *pad[1::2]]}
    if kind not in _AUTO_PAD:
        raise op.unsupported(f"the pad_type {kind!r}")
    sizes = [size for size in op.input("x").shape[2:] if size is not None]
    if kind == "valid" or len(sizes) != len(reaches):
        return {"strides": strides, "auto_pad": _AUTO_PAD[kind]}
    # ONNX Runtime has no padding of its own for windows with gaps.
    totals = [
        max(0, (-(-size // stride) - 1) * stride + reach - size)
        for size, stride, reach in zip(sizes, strides, reaches, strict=True)
    ]
    less, more = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return {"strides": strides, "pads": [*less, *more] if kind == "same" else [*more, *less]}

"""What convolutions and pools share: strides, dilations and padding in ONNX's terms."""

from __future__ import annotations

from typing import Any

from mobilekit_delegates.coreml.op import Op

AUTO_PAD = {"same": "SAME_UPPER", "same_lower": "SAME_LOWER", "valid": "VALID"}


def window_attributes(op: Op, dimensions: int) -> dict[str, Any]:
    """Return the ONNX attributes for padding and strides of an operator that moves a window.

    Args:
        op: the operation; it has `pad_type`, `pad` and `strides`.
        dimensions: how many spatial dimensions there are.
    """
    kind = op.text("pad_type", "valid").lower()
    pad = op.integers("pad", [0] * dimensions * 2)
    attributes: dict[str, Any] = {"strides": op.integers("strides", [1] * dimensions)}
    if kind == "custom":
        # MIL has (before, after) for each dimension, ONNX all of before and then all of after.
        return {**attributes, "pads": [*pad[::2], *pad[1::2]]}
    if kind not in AUTO_PAD:
        raise op.unsupported(f"the pad_type {kind!r}")
    return {**attributes, "auto_pad": AUTO_PAD[kind]}

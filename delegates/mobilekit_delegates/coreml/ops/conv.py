"""Convolutions."""

from __future__ import annotations

from collections.abc import Iterator

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op
from mobilekit_delegates.coreml.ops.windows import window_attributes


@op("conv")
def conv(graph: Graph, op: Op) -> str:
    """A convolution of 1 to 3 spatial dimensions, with groups."""
    dilations = op.integers("dilations", [1] * (op.input("weight").rank - 2))
    return graph.node(
        "Conv",
        op.tensor("x"),
        op.tensor("weight"),
        op.optional("bias"),
        dilations=dilations,
        group=op.integer("groups", 1),
        **window_attributes(op, _reaches(op, dilations)),
    )


def _reaches(op: Op, dilations: list[int]) -> list[int]:
    """How many values the kernel covers along each spatial dimension, gaps included."""
    kernel = op.input("weight").shape[2:]
    return [
        (int(size or 0) - 1) * dilation + 1
        for size, dilation in zip(kernel, dilations, strict=True)
    ]


@op("conv_transpose")
def conv_transpose(graph: Graph, op: Op) -> str:
    """The transpose of a convolution; an `output_shape` says which of the possible shapes."""
    ones = [1] * (op.input("weight").rank - 2)
    strides, dilations = op.integers("strides", ones), op.integers("dilations", ones)
    begins, ends, extra = zip(*_cuts(op, _reaches(op, dilations), strides), strict=True)
    return graph.node(
        "ConvTranspose",
        op.tensor("x"),
        op.tensor("weight"),
        op.optional("bias"),
        strides=strides,
        dilations=dilations,
        group=op.integer("groups", 1),
        pads=[*begins, *ends],
        output_padding=extra,
    )


def _cuts(op: Op, reaches: list[int], strides: list[int]) -> Iterator[tuple[int, int, int]]:
    """What to cut off before and after all that the kernel reaches, or to add after it, by axis.

    `same` cuts as TensorFlow does: where the sum is odd, one more after.
    """
    kind = op.text("pad_type", "valid")
    if kind not in ("same", "valid", "custom"):
        raise op.unsupported(f"the pad_type {kind!r}")
    pad = op.integers("pad", [0] * 2 * len(reaches))
    given = op.integers("output_shape", [])[2:]
    sizes = op.input("x").shape[2:]
    for axis, (size, reach, stride) in enumerate(zip(sizes, reaches, strides, strict=True)):
        begin, end = pad[2 * axis : 2 * axis + 2] if kind == "custom" else (0, 0)
        if kind != "same" and not given:
            yield begin, end, 0
            continue
        if size is None:
            raise op.unsupported("an input whose size is not fixed")
        whole = (size - 1) * stride + reach
        wanted = given[axis] if given else size * stride
        if kind == "same":
            begin = max(0, whole - wanted) // 2
        end = whole - begin - wanted
        yield begin, max(end, 0), max(-end, 0)

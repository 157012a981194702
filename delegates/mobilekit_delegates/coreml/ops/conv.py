"""Convolutions."""

from __future__ import annotations

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op
from mobilekit_delegates.coreml.ops.windows import window_attributes


@op("conv")
def conv(graph: Graph, op: Op) -> str:
    """A convolution of 1 to 3 spatial dimensions, with groups."""
    dimensions = op.input("weight").rank - 2
    return graph.node(
        "Conv",
        op.tensor("x"),
        op.tensor("weight"),
        op.optional("bias"),
        dilations=op.integers("dilations", [1] * dimensions),
        group=op.integer("groups", 1),
        **window_attributes(op, dimensions),
    )


@op("conv_transpose")
def conv_transpose(graph: Graph, op: Op) -> str:
    """The transpose of a convolution; an `output_shape` says which of the possible shapes."""
    weight = op.input("weight")
    dimensions = weight.rank - 2
    strides = op.integers("strides", [1] * dimensions)
    dilations = op.integers("dilations", [1] * dimensions)
    kind = op.text("pad_type", "valid")
    pad = op.integers("pad", [0] * 2 * dimensions)
    given = op.integers("output_shape", [])[2:]
    sizes = op.input("x").shape[2:]
    begins, ends, extra = [], [], []
    for axis in range(dimensions):
        # The whole of what the kernel reaches; padding takes off from both ends of it.
        reach = (int(weight.shape[axis + 2] or 0) - 1) * dilations[axis] + 1
        begin, end = pad[2 * axis : 2 * axis + 2] if kind == "custom" else (0, 0)
        size = sizes[axis]
        if kind == "same" or given:
            if size is None:
                raise op.unsupported("an input whose size is not fixed")
            whole = (size - 1) * strides[axis] + reach
            wanted = given[axis] if given else size * strides[axis]
            if kind == "same":
                begin, end = _halves(max(0, whole - wanted))
            else:
                end = max(end, 0)
            missing = wanted - (whole - begin - end)
            end, missing = (end - missing, 0) if missing < 0 else (end, missing)
        else:
            missing = 0
        begins.append(begin)
        ends.append(end)
        extra.append(missing)
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


def _halves(total: int) -> tuple[int, int]:
    """Split a padding as TensorFlow's SAME does: the odd one comes after."""
    return total // 2, total - total // 2

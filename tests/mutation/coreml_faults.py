"""Faults in the programs of `.mlpackage` folders. Each says whether it has what it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from coreml_editing import Package
from weight_faults import Fault, middle

RELUS = {"relu": "relu6", "relu6": "relu"}


def activation_left_out(package: Package) -> bool:
    for operation in package.operations(*RELUS):
        package.remove(operation)
        return True
    return False


def relu6_for_relu(package: Package) -> bool:
    operations = package.operations(*RELUS)
    for operation in operations:
        operation.type = RELUS[operation.type]
    return bool(operations)


def softmax_left_out(package: Package) -> bool:
    for operation in package.operations("softmax"):
        package.remove(operation)
        return True
    return False


def softmax_on_the_wrong_axis(package: Package) -> bool:
    """Over the batch."""
    for operation in package.operations("softmax"):
        axis = package.bound(operation, "axis").attributes["val"]
        package.write(axis, np.asarray(0))
        return True
    return False


def _number(package: Package, operation: Any, name: str) -> list[int]:
    constant = package.bound(operation, name).attributes["val"]
    return [int(value) for value in package.read(constant).ravel()]


def _text(package: Package, operation: Any, name: str) -> Any:
    return package.bound(operation, name).attributes["val"].immediateValue.tensor.strings


def _padding(package: Package, operation: Any) -> list[tuple[int, int]]:
    """What is padded before and behind, in rows and columns."""
    kind = _text(package, operation, "pad_type").values[0]
    if kind == "valid":
        return [(0, 0), (0, 0)]
    if kind == "custom":
        pads = _number(package, operation, "pad")
        return [(pads[0], pads[1]), (pads[2], pads[3])]
    strides = _number(package, operation, "strides")
    source = package.shape(operation.inputs["x"].arguments[0].name)
    result = package.shape(operation.outputs[0].name)
    window = package.shape(operation.inputs["weight"].arguments[0].name)
    padding = []
    for axis in (2, 3):
        reach = (result[axis] - 1) * strides[axis - 2] + window[axis]
        total = max(reach - source[axis], 0)
        padding.append((total // 2, total - total // 2))
    return padding


def _set_padding(package: Package, operation: Any, padding: list[tuple[int, int]]) -> None:
    _text(package, operation, "pad_type").values[0] = "custom"
    pad = package.bound(operation, "pad").attributes["val"]
    package.write(pad, np.asarray([side for pair in padding for side in pair]))


def padding_shifted(package: Package) -> bool:
    """The first layer that pads does so one more before and one less behind, or the other way."""

    def shifted(pair: tuple[int, int]) -> tuple[int, int]:
        before, after = pair
        if after:
            return before + 1, after - 1
        return (before - 1, after + 1) if before else pair

    for operation in package.operations("conv"):
        padding = _padding(package, operation)
        if any(map(sum, padding)):
            _set_padding(package, operation, [shifted(pair) for pair in padding])
            return True
    return False


def dilation_doubled(package: Package) -> bool:
    """A layer of stride 1 looks at every second pixel, with twice the padding."""
    for operation in package.operations("conv"):
        padding = _padding(package, operation)
        if any(map(sum, padding)) and max(_number(package, operation, "strides")) == 1:
            _set_padding(package, operation, [(2 * a, 2 * b) for a, b in padding])
            dilations = package.bound(operation, "dilations").attributes["val"]
            package.write(dilations, np.asarray([2, 2]))
            return True
    return False


def pooling_of_another_kind(package: Package) -> bool:
    for operation in package.operations("avg_pool"):
        operation.type = "max_pool"
        del operation.inputs["exclude_padding_from_average"]
        return True
    for operation in package.operations("reduce_mean"):
        operation.type = "reduce_max"
        return True
    return False


def skip_connection_left_out(package: Package) -> bool:
    """The block's own result is added to itself."""
    adds = [
        operation
        for operation in package.operations("add")
        if package.bound(operation, "x").type != "const"
        and package.bound(operation, "y").type != "const"
    ]
    if not adds:
        return False
    operation = middle(adds)
    operation.inputs["y"].arguments[0].name = operation.inputs["x"].arguments[0].name
    return True


def palette_doubled(package: Package) -> bool:
    return _with_palette(package, lambda palette: 2 * palette)


def palette_reversed(package: Package) -> bool:
    return _with_palette(package, lambda palette: palette[::-1])


def palette_with_nan(package: Package) -> bool:
    return _with_palette(package, lambda palette: np.concatenate([[np.nan], palette[1:]]))


def _with_palette(package: Package, change: Any) -> bool:
    layers = [layer for layer in package.layers() if layer.palette() is not None]
    if not layers:
        return False
    layer = middle(layers)
    layer.set_palette(change(layer.palette()))
    return True


COREML_FAULTS: dict[str, Fault] = {
    "an activation left out": activation_left_out,
    "RELU6 for RELU, or RELU for RELU6": relu6_for_relu,
    "softmax left out": softmax_left_out,
    "softmax on the wrong axis": softmax_on_the_wrong_axis,
    "padding shifted by one": padding_shifted,
    "dilation doubled": dilation_doubled,
    "pooling of another kind": pooling_of_another_kind,
    "a skip connection left out": skip_connection_left_out,
    "a palette doubled": palette_doubled,
    "a palette in another order": palette_reversed,
    "NaN in a palette": palette_with_nan,
}

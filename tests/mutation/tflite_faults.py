"""Faults in the graphs of `.tflite` files. Each says whether the file has what it takes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tflite_editing import Graph
from weight_faults import Fault, middle

RELUS = (
    schema.ActivationFunctionType.RELU,
    schema.ActivationFunctionType.RELU6,
    schema.ActivationFunctionType.RELU_N1_TO_1,
)


def activation_left_out(graph: Graph) -> bool:
    """The first one: what it cuts off is what images and sounds are made of."""
    for operator in graph.graph.operators:
        options = operator.builtinOptions
        if getattr(options, "fusedActivationFunction", 0) in RELUS:
            options.fusedActivationFunction = schema.ActivationFunctionType.NONE
            return True
    return False


def relu6_for_relu(graph: Graph) -> bool:
    """All of them: where values stay under six, nothing changes, and nothing is counted."""
    found = False
    for operator in graph.graph.operators:
        options = operator.builtinOptions
        kind = getattr(options, "fusedActivationFunction", 0)
        if kind in RELUS:
            # RELU is 1 and RELU6 is 3.
            options.fusedActivationFunction = 4 - kind
            found = True
    return found


def softmax_left_out(graph: Graph) -> bool:
    """The scores' consumers read the logits."""
    for operator in graph.operators("SOFTMAX"):
        _bypass(graph, int(operator.outputs[0]), int(operator.inputs[0]))
        graph.graph.operators.remove(operator)
        return True
    return False


def softmax_on_the_wrong_axis(graph: Graph) -> bool:
    """Over the batch: TFLite's softmax takes the last axis, so the classes move to the first."""
    for operator in graph.operators("SOFTMAX"):
        source, result = int(operator.inputs[0]), int(operator.outputs[0])
        classes = int(graph.tensor(source).shape[-1])
        shape = graph.add_constant("classes first", np.asarray([classes, 1], np.int32))
        before = graph.add_tensor("logits", source, [classes, 1])
        options = (
            schema.BuiltinOptions.ReshapeOptions,
            schema.ReshapeOptionsT(newShape=np.asarray([classes, 1], np.int32)),
        )
        graph.insert(operator, "RESHAPE", [source, shape], before, options)
        after = graph.add_tensor("scores", result, [classes, 1])
        operator.inputs = np.asarray([before], np.int32)
        operator.outputs = np.asarray([after], np.int32)
        back = graph.add_constant("classes last", np.asarray([1, classes], np.int32))
        options = (
            schema.BuiltinOptions.ReshapeOptions,
            schema.ReshapeOptionsT(newShape=np.asarray([1, classes], np.int32)),
        )
        last = graph.graph.operators[-1]
        graph.insert(last, "RESHAPE", [after, back], result, options)
        # `insert` puts it before the last operator, which is the softmax itself in a float file.
        if last is operator:
            operators = graph.graph.operators
            operators[-1], operators[-2] = operators[-2], operators[-1]
        return True
    return False


def _bypass(graph: Graph, old: int, new: int) -> None:
    for operator in graph.graph.operators:
        operator.inputs = np.asarray(
            [new if index == old else index for index in operator.inputs], np.int32
        )
    graph.graph.outputs = np.asarray(
        [new if index == old else index for index in graph.graph.outputs], np.int32
    )
    for signature in graph.model.signatureDefs or []:
        for item in signature.outputs:
            if item.tensorIndex == old:
                item.tensorIndex = new


def _windows(graph: Graph, stride: int | None = None) -> list[Any]:
    """Return the convolutions whose `SAME` padding pads something."""
    found = []
    for layer in graph.layers():
        operator = layer.operator
        options = operator.builtinOptions
        if layer.kind == "FULLY_CONNECTED" or options.padding != schema.Padding.SAME:
            continue
        if stride is not None and options.strideH != stride:
            continue
        if max(sum(pair) for pair in _same_padding(graph, operator)) > 0:
            found.append(operator)
    return found


def _same_padding(graph: Graph, operator: Any) -> list[tuple[int, int]]:
    """What `SAME` means: TensorFlow puts the odd one behind."""
    options = operator.builtinOptions
    source, weights, result = (
        graph.tensor(int(index)).shape
        for index in (operator.inputs[0], operator.inputs[1], operator.outputs[0])
    )
    padding = []
    for axis, stride in ((1, options.strideH), (2, options.strideW)):
        total = max((int(result[axis]) - 1) * stride + int(weights[axis]) - int(source[axis]), 0)
        padding.append((total // 2, total - total // 2))
    return padding


def padding_shifted(graph: Graph) -> bool:
    """The first layer that pads does so one more before and one less behind, or the other way."""
    windows = _windows(graph)
    if not windows:
        return False
    operator = windows[0]
    rows, columns = _same_padding(graph, operator)

    def shifted(pair: tuple[int, int]) -> tuple[int, int]:
        before, after = pair
        if after:
            return before + 1, after - 1
        return (before - 1, after + 1) if before else pair

    pad_before(graph, operator, [(0, 0), shifted(rows), shifted(columns), (0, 0)])
    return True


def pad_before(graph: Graph, operator: Any, pads: list[tuple[int, int]]) -> None:
    """Give a convolution an operator that pads, and none of its own padding."""
    source = int(operator.inputs[0])
    shape = [int(n) + sum(p) for n, p in zip(graph.tensor(source).shape, pads, strict=True)]
    constant = graph.add_constant("paddings", np.asarray(pads, np.int32))
    padded = graph.add_tensor("padded", source, shape)
    options = (schema.BuiltinOptions.PadOptions, schema.PadOptionsT())
    graph.insert(operator, "PAD", [source, constant], padded, options)
    operator.inputs = np.asarray([padded, *operator.inputs[1:]], np.int32)
    operator.builtinOptions.padding = schema.Padding.VALID


def dilation_doubled(graph: Graph) -> bool:
    """A layer of stride 1 looks at every second pixel; with `SAME` padding the shape stays."""
    windows = _windows(graph, stride=1)
    if not windows:
        return False
    options = windows[0].builtinOptions
    options.dilationHFactor = options.dilationWFactor = 2
    return True


def pooling_of_another_kind(graph: Graph) -> bool:
    for operator in graph.operators("AVERAGE_POOL_2D"):
        graph.rename(operator, "MAX_POOL_2D")
        return True
    for operator in graph.operators("MEAN"):
        graph.rename(operator, "REDUCE_MAX")
        return True
    return False


def skip_connection_left_out(graph: Graph) -> bool:
    """The block's own result is added to itself."""
    adds = graph.operators("ADD")
    if not adds:
        return False
    operator = middle(adds)
    operator.inputs = np.asarray([operator.inputs[0]] * 2, np.int32)
    return True


def activation_zero_point_off(graph: Graph) -> bool:
    """A layer's results are stored three steps higher; those who read them know."""
    for layer in graph.layers()[1:]:
        index = int(layer.operator.outputs[0])
        if graph.tensor(index).type == schema.TensorType.INT8 and graph.is_quantised(index):
            parameters = graph.tensor(index).quantization
            point = int(parameters.zeroPoint[0])
            parameters.zeroPoint = np.asarray([point + 3 if point < 100 else point - 3], np.int64)
            return True
    return False


def output_zero_point_off(graph: Graph) -> bool:
    index = int(graph.graph.outputs[0])
    for operator in graph.operators("DEQUANTIZE"):
        if operator.outputs[0] == index:
            index = int(operator.inputs[0])
    if not graph.is_quantised(index) or graph.tensor(index).type != schema.TensorType.INT8:
        return False
    parameters = graph.tensor(index).quantization
    parameters.zeroPoint = np.asarray(parameters.zeroPoint, np.int64) + 3
    return True


def range_too_narrow(graph: Graph) -> bool:
    """Calibrated on data a quarter as large: a layer's results are cut off early."""
    layers = graph.layers()
    for layer, following in itertools.pairwise(layers[1:]):
        index = int(layer.operator.outputs[0])
        if graph.tensor(index).type not in (schema.TensorType.INT8, schema.TensorType.INT16):
            continue
        bias = following.bias()
        if int(following.operator.inputs[0]) != index or bias is None:
            continue
        parameters = graph.tensor(index).quantization
        parameters.scale = np.asarray(parameters.scale, np.float32) / 4
        following.rescale_bias(bias)
        return True
    return False


TFLITE_FAULTS: dict[str, Fault] = {
    "an activation left out": activation_left_out,
    "RELU6 for RELU, or RELU for RELU6": relu6_for_relu,
    "softmax left out": softmax_left_out,
    "softmax on the wrong axis": softmax_on_the_wrong_axis,
    "padding shifted by one": padding_shifted,
    "dilation doubled": dilation_doubled,
    "pooling of another kind": pooling_of_another_kind,
    "a skip connection left out": skip_connection_left_out,
    "a zero-point off by three, of an activation": activation_zero_point_off,
    "a zero-point off by three, of the output": output_zero_point_off,
    "an activation's range a quarter of what it needs": range_too_narrow,
}

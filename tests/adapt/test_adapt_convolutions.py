"""Groups of convolutions, padding before them, and dense layers as convolutions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapting import adapted

from mobilekit_converters.adaptations.split_groups import groups_together
from mobilekit_converters.frozen import load_frozen

RANDOM = np.random.default_rng(0)


def weights(*shape: int) -> Any:
    return (RANDOM.normal(size=shape) * 0.3).astype("f4")


def convolution(kernel: Any, strides: Any = 1, dilations: int = 1, padding: str = "SAME") -> Any:
    def call(x: Any) -> Any:
        import tensorflow as tf

        return tf.nn.conv2d(x, kernel, strides, padding, dilations=dilations)

    return call


GROUPED = [(18, 18, 3, 1), (24, 12, 4, 2), (8, 20, 2, 1), (12, 12, 6, 1)]


@pytest.mark.parametrize(("channels", "filters", "groups", "strides"), GROUPED)
def test_a_convolution_for_each_group(
    channels: int, filters: int, groups: int, strides: int, tmp_path: Path
) -> None:
    call = convolution(weights(3, 3, channels // groups, filters), strides)
    run = adapted("split_groups", call, (1, 7, 8, channels), tmp_path, ["nnapi"])
    assert run.before["Conv2D"] == 1
    assert run.after["Conv2D"] == run.after["Slice"] == groups
    assert run.snr_db > 120
    assert run.adapted.snr_db is not None
    assert run.adapted.snr_db > 120


@pytest.mark.parametrize(("channels", "filters", "groups", "strides"), GROUPED)
def test_groups_that_trouble_the_gpu_are_put_together(
    channels: int, filters: int, groups: int, strides: int, tmp_path: Path
) -> None:
    call = convolution(weights(3, 3, channels // groups, filters), strides)
    run = adapted("split_groups", call, (2, 7, 8, channels), tmp_path, ["gpu"])
    assert len(run.adapted.places) == 1
    assert (run.after["Conv2D"], run.after["Slice"]) == (1, 0)
    assert run.snr_db > 120


def test_too_many_groups_to_put_together_are_split(tmp_path: Path) -> None:
    call = convolution(weights(1, 1, 3, 15))
    run = adapted("split_groups", call, (1, 4, 4, 15), tmp_path, ["gpu"])
    assert run.after["Conv2D"] == 5
    assert run.snr_db > 120


@pytest.mark.parametrize(
    ("sizes", "together"),
    [((16, 2, 2), 2), ((8, 1, 2), 4), ((3, 6, 6), 3), ((4, 6, 3), 4), ((8, 4, 8), 1)],
)
def test_how_many_groups_are_put_together(sizes: tuple[int, int, int], together: int) -> None:
    assert groups_together(*sizes) == together


@pytest.mark.parametrize(("channels", "filters", "strides"), [(8, 16, 1), (6, 18, 2)])
def test_groups_of_one_channel_are_depthwise(
    channels: int, filters: int, strides: int, tmp_path: Path
) -> None:
    call = convolution(weights(3, 3, 1, filters), strides)
    run = adapted("split_groups", call, (2, 7, 8, channels), tmp_path, ["gpu"])
    assert (run.after["Conv2D"], run.after["DepthwiseConv2dNative"]) == (0, 1)
    assert run.snr_db > 120


def test_dilated_groups_of_one_channel_are_put_together(tmp_path: Path) -> None:
    call = convolution(weights(3, 3, 1, 16), dilations=2)
    run = adapted("split_groups", call, (1, 9, 9, 8), tmp_path, ["gpu"])
    assert (run.after["Conv2D"], run.after["DepthwiseConv2dNative"]) == (1, 0)
    assert run.snr_db > 120


@pytest.mark.parametrize(("inside", "filters"), [(4, 32), (8, 16), (1, 32)])
def test_groups_that_the_gpu_takes_stay_for_it_alone(
    inside: int, filters: int, tmp_path: Path
) -> None:
    call = convolution(weights(3, 3, inside, filters))
    gpu = adapted("split_groups", call, (1, 6, 6, 32), tmp_path / "gpu", ["gpu"])
    assert gpu.adapted.places == ()
    nnapi = adapted("split_groups", call, (1, 6, 6, 32), tmp_path / "nnapi", ["gpu", "nnapi"])
    assert len(nnapi.adapted.places) == 1
    assert nnapi.snr_db > 120


def test_without_groups_nothing_is_split(tmp_path: Path) -> None:
    run = adapted("split_groups", convolution(weights(3, 3, 6, 6)), (1, 6, 6, 6), tmp_path)
    assert run.adapted.places == ()


def test_more_groups_than_a_graph_should_grow_by(tmp_path: Path) -> None:
    run = adapted("split_groups", convolution(weights(1, 1, 2, 130)), (1, 4, 4, 130), tmp_path)
    assert run.adapted.places == ()


def padded(call: Any, before: int, after: int, value: float = 0) -> Any:
    def padding(x: Any) -> Any:
        import tensorflow as tf

        both = [before, after]
        return call(tf.pad(x, [[0, 0], both, both, [0, 0]], constant_values=value))

    return padding


def maximum(x: Any) -> Any:
    import tensorflow as tf

    return tf.nn.max_pool2d(x, 3, 2, "VALID")


def after_relu(call: Any) -> Any:
    def activated(x: Any) -> Any:
        import tensorflow as tf

        return call(tf.nn.relu(x))

    return activated


FOLDED = {
    "one all around": (padded(convolution(weights(3, 3, 4, 5), 1, 1, "VALID"), 1, 1), (1, 8, 8, 4)),
    "strides over an even size": (
        padded(convolution(weights(3, 3, 4, 5), 2, 1, "VALID"), 0, 1),
        (1, 8, 8, 4),
    ),
    "strides over an odd size": (
        padded(convolution(weights(3, 3, 4, 5), 2, 1, "VALID"), 1, 1),
        (2, 7, 9, 4),
    ),
    "a dilated one": (
        padded(convolution(weights(3, 3, 4, 5), 1, 2, "VALID"), 2, 2),
        (1, 8, 9, 4),
    ),
    "explicit": (
        convolution(weights(3, 3, 4, 5), 1, 1, [[0, 0], [1, 1], [1, 1], [0, 0]]),  # type: ignore[arg-type]
        (1, 8, 8, 4),
    ),
    "maximum after relu": (after_relu(padded(maximum, 1, 1)), (1, 7, 7, 4)),
    "maximum of the lowest": (padded(maximum, 1, 1, -3.4e38), (1, 7, 7, 4)),
}


def depthwise(x: Any) -> Any:
    import tensorflow as tf

    return tf.nn.depthwise_conv2d(x, weights(3, 3, 4, 1), [1, 2, 2, 1], "VALID")


FOLDED["depthwise"] = (padded(depthwise, 0, 1), (1, 8, 8, 4))

LEFT = {
    "it pads before the first": (
        padded(convolution(weights(3, 3, 4, 5), 2, 1, "VALID"), 1, 1),
        (1, 8, 8, 4),
    ),
    "it pads more than the kernel reads": (
        padded(convolution(weights(3, 3, 4, 5), 1, 1, "VALID"), 2, 2),
        (1, 8, 8, 4),
    ),
    "it pads ones": (
        padded(convolution(weights(3, 3, 4, 5), 1, 1, "VALID"), 1, 1, 1),
        (1, 8, 8, 4),
    ),
    "values below zero": (padded(maximum, 1, 1), (1, 7, 7, 4)),
    "explicit elsewhere": (
        convolution(weights(3, 3, 4, 5), 2, 1, [[0, 0], [1, 1], [1, 1], [0, 0]]),  # type: ignore[arg-type]
        (1, 8, 8, 4),
    ),
}


def mean_of_windows(x: Any) -> Any:
    import tensorflow as tf

    return tf.nn.avg_pool2d(x, 3, 1, "VALID")


LEFT["a mean counts what is padded"] = (padded(mean_of_windows, 1, 1), (1, 8, 8, 4))


@pytest.mark.parametrize("case", FOLDED)
def test_padding_that_same_says_is_folded(case: str, tmp_path: Path) -> None:
    call, shape = FOLDED[case]
    run = adapted("padding", call, shape, tmp_path)
    assert len(run.adapted.places) == 1, run.adapted.refused
    assert run.after["Pad"] + run.after["PadV2"] == 0
    assert run.snr_db > 120


@pytest.mark.parametrize("case", LEFT)
def test_other_padding_stays(case: str, tmp_path: Path) -> None:
    call, shape = LEFT[case]
    run = adapted("padding", call, shape, tmp_path)
    assert run.adapted.places == ()
    assert run.before == run.after


def dense(kernel: Any, bias: Any, activation: str = "") -> Any:
    def call(x: Any) -> Any:
        import keras

        y = x @ kernel + bias
        return getattr(keras.activations, activation)(y) if activation else y

    return call


@pytest.mark.parametrize("activation", ["", "relu", "hard_silu", "gelu", "silu"])
@pytest.mark.parametrize("shape", [(1, 6), (5, 6), (2, 3, 6)])
def test_dense_layers_are_convolutions(
    shape: tuple[int, ...], activation: str, tmp_path: Path
) -> None:
    call = dense(weights(6, 4), weights(4), activation)
    run = adapted("dense_as_convolution", call, shape, tmp_path)
    assert len(run.adapted.places) == 1, run.adapted.refused
    assert run.after["Conv2D"] == 1
    assert run.after["MatMul"] == run.after["BatchMatMulV2"] == 0
    assert run.snr_db > 110


def test_a_hard_swish_after_a_dense_layer_has_four_dimensions(tmp_path: Path) -> None:
    from mobilekit_converters.frozen import load_frozen

    adapted("dense_as_convolution", dense(weights(6, 4), weights(4), "hard_silu"), (1, 6), tmp_path)
    graph = load_frozen(tmp_path / "after").graph_def()
    ranks = {
        len(node.attr["_output_shapes"].list.shape[0].dim)
        for node in graph.node
        if node.op in ("Relu6", "AddV2", "Mul")
    }
    assert ranks == {4}


def test_dense_layers_in_a_row(tmp_path: Path) -> None:
    first, second = dense(weights(6, 8), weights(8), "hard_silu"), dense(weights(8, 3), weights(3))
    run = adapted("dense_as_convolution", lambda x: second(first(x)), (1, 6), tmp_path)
    assert len(run.adapted.places) == 2
    assert run.after["Conv2D"] == 2
    assert run.snr_db > 110


def test_a_layer_whose_result_is_used_twice(tmp_path: Path) -> None:
    kernel, bias = weights(6, 4), weights(4)

    def call(x: Any) -> Any:
        import tensorflow as tf

        y = tf.nn.relu(x @ kernel + bias)
        return tf.nn.softmax(y) + tf.reduce_sum(y)

    run = adapted("dense_as_convolution", call, (1, 6), tmp_path)
    assert run.after["MatMul"] == 0
    assert run.snr_db > 110


def test_a_product_of_two_activations_is_no_dense_layer(tmp_path: Path) -> None:
    def call(x: Any) -> Any:
        return x @ x

    run = adapted("dense_as_convolution", call, (4, 4), tmp_path)
    assert run.adapted.places == ()


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("strides", [(2, 2), (3, 3), (2, 1), (1, 2)])
@pytest.mark.parametrize("size", [(8, 8), (7, 9)])
def test_a_strided_kernel_of_one_pixel_gets_a_second_of_zeros(
    tmp_path: Path, size: tuple[int, int], strides: tuple[int, int], padding: str
) -> None:
    call = convolution(weights(1, 1, 4, 6), strides, padding=padding)
    run = adapted("pointwise_strides", call, (1, *size, 4), tmp_path)
    assert len(run.adapted.places) == 1
    assert run.snr_db > 120
    nodes = {node.name: node for node in load_frozen(tmp_path / "after").graph_def().node}
    (kernel,) = (nodes[node.input[1]] for node in nodes.values() if node.op == "Conv2D")
    sizes = [dim.size for dim in kernel.attr["_output_shapes"].list.shape[0].dim]
    assert sizes == ([1, 2, 4, 6] if strides[1] > 1 else [2, 1, 4, 6])


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 2)])
def test_other_kernels_keep_their_size(tmp_path: Path, kernel: int, stride: int) -> None:
    call = convolution(weights(kernel, kernel, 4, 4), stride)
    run = adapted("pointwise_strides", call, (1, 8, 8, 4), tmp_path)
    assert run.adapted.places == ()

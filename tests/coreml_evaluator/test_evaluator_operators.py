"""Operators whose cases in coreml's own suite need PyTorch, against TensorFlow and numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from programs import Build

from mobilekit_delegates.coreml.evaluator import predict

RANDOM = np.random.default_rng(23)


def floats(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv(build: Build, padding: str, stride: int, dilation: int, groups: int) -> None:
    import tensorflow as tf

    weight, bias, x = floats(6, 4 // groups, 3, 2), floats(6), floats(1, 4, 9, 10)

    def conv(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        return mb.conv(
            x=x,
            weight=weight,
            bias=bias,
            pad_type=padding,
            strides=[stride] * 2,
            dilations=[dilation] * 2,
            groups=groups,
            name="out",
        )

    parts = [
        tf.nn.conv2d(
            tf.transpose(part, [0, 2, 3, 1]),
            tf.transpose(kernel, [2, 3, 1, 0]),
            stride,
            padding.upper(),
            dilations=dilation,
        )
        for part, kernel in zip(np.split(x, groups, 1), np.split(weight, groups), strict=True)
    ]
    expected = np.moveaxis(tf.concat(parts, -1).numpy() + bias, -1, 1)
    output = predict(build(conv, x.shape, precision="FLOAT32"), {"x": x})["out"]
    np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_pools(build: Build, padding: str) -> None:
    import tensorflow as tf

    x = floats(1, 3, 8, 7)

    def pools(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        window = {"kernel_sizes": [3, 2], "strides": [2, 2], "pad_type": padding}
        mean = mb.avg_pool(x=x, exclude_padding_from_average=True, name="mean", **window)
        return mb.max_pool(x=x, name="most", **window), mean

    outputs = predict(build(pools, x.shape, precision="FLOAT32"), {"x": x})
    image = np.moveaxis(x, 1, -1)
    for name, kind in (("most", "MAX"), ("mean", "AVG")):
        expected = tf.nn.pool(image, [3, 2], kind, strides=[2, 2], padding=padding.upper())
        np.testing.assert_allclose(outputs[name], np.moveaxis(expected, -1, 1), atol=1e-6)


def test_padding_counts_in_a_mean_unless_excluded(build: Build) -> None:
    def mean(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        return mb.avg_pool(
            x=x, kernel_sizes=[3], strides=[1], pad_type="custom", pad=[1, 1], name="out"
        )

    x = np.ones((1, 1, 3), np.float32)
    output = predict(build(mean, x.shape, precision="FLOAT32"), {"x": x})["out"]
    np.testing.assert_allclose(output[0, 0], [2 / 3, 1, 2 / 3], rtol=1e-6)


@pytest.mark.parametrize("mode", ["ALIGN_CORNERS", "UNALIGN_CORNERS"])
def test_crop_resize_is_tensorflow_s(build: Build, mode: str) -> None:
    """With aligned corners as `crop_and_resize`; otherwise a whole image, resized by centres."""
    import tensorflow as tf

    x = floats(2, 3, 9, 8)
    boxes = np.array([[0.1, 0.2, 0.9, 0.7], [0.3, -0.2, 1.2, 0.6]], np.float32)
    if mode == "UNALIGN_CORNERS":
        boxes = np.array([[0, 0, 1, 1]] * 2, np.float32)
    indices = np.array([1, 0], np.int32)

    def crop(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        return mb.crop_resize(
            x=x,
            boxes=boxes,
            box_indices=indices,
            target_height=5,
            target_width=6,
            normalized_coordinates=True,
            sampling_mode=mode,
            pad_value=3.5,
            name="out",
        )

    image = np.moveaxis(x, 1, -1)
    expected = (
        tf.image.crop_and_resize(image, boxes, indices, [5, 6], extrapolation_value=3.5)
        if mode == "ALIGN_CORNERS"
        else tf.image.resize(image, [5, 6]).numpy()[indices]
    )
    output = predict(build(crop, x.shape, precision="FLOAT32", minimum="iOS17"), {"x": x})["out"]
    np.testing.assert_allclose(output, np.moveaxis(expected, -1, 1), atol=1e-5)


def test_quantised_activations(build: Build) -> None:
    """Rounded to steps, halves to even, and held within the range of the dtype."""
    scale = np.array([0.5, 0.25], np.float32)
    zero_point = np.array([3, -7], np.int8)

    def there_and_back(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        parameters = {"scale": scale, "zero_point": zero_point, "axis": 1}
        stored = mb.quantize(input=x, output_dtype="int8", **parameters)
        return mb.dequantize(input=stored, name="out", **parameters)

    x = np.array([[[0.25, 0.75, -100.0, 100.0], [0.125, 0.3, -100.0, 100.0]]], np.float32)
    package = build(there_and_back, x.shape, precision="FLOAT32", minimum="iOS17")
    steps = np.clip(np.round(x / scale[:, None]) + zero_point[:, None], -128, 127)
    expected = (steps - zero_point[:, None]) * scale[:, None]
    np.testing.assert_array_equal(predict(package, {"x": x})["out"], expected)


def test_attention(build: Build) -> None:
    query, key, value = floats(1, 2, 5, 8), floats(1, 2, 7, 8), floats(1, 2, 7, 3)
    mask = RANDOM.random((5, 7)) < 0.7

    def attention(query: Any, key: Any, value: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        return mb.scaled_dot_product_attention(
            query=query, key=key, value=value, attn_mask=mask, name="out"
        )

    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(8) + np.where(mask, 0, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    expected = weights / weights.sum(-1, keepdims=True) @ value
    package = build(
        attention, query.shape, key.shape, value.shape, precision="FLOAT32", minimum="iOS18"
    )
    output = predict(package, {"query": query, "key": key, "value": value})["out"]
    np.testing.assert_allclose(output, expected, atol=1e-5)


def test_norms_over_channels(build: Build) -> None:
    import tensorflow as tf

    x = floats(1, 6, 4, 5)

    def norms(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        local = mb.local_response_norm(x=x, size=3, alpha=0.3, beta=0.7, k=1.5, name="local")
        return local, mb.l2_norm(x=x, epsilon=1e-6, name="length")

    outputs = predict(build(norms, x.shape, precision="FLOAT32"), {"x": x})
    local = tf.nn.local_response_normalization(
        np.moveaxis(x, 1, -1), depth_radius=1, bias=1.5, alpha=0.1, beta=0.7
    )
    np.testing.assert_allclose(outputs["local"], np.moveaxis(local, -1, 1), atol=1e-5)
    np.testing.assert_allclose(outputs["length"], x / np.linalg.norm(x), atol=1e-5)

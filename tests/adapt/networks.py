"""Networks whose usual form accelerators refuse in part, small and with realistic statistics."""

from __future__ import annotations

from typing import Any

import numpy as np


def shufflenet_v2(size: int = 64, classes: int = 10, *, layers: str = "reshape") -> Any:
    """ShuffleNet V2 0.5× (Ma et al. 2018, table 5), with fewer units in a stage.

    `layers` is how channels are shuffled: `reshape` with functions, `permute` with layers.
    """
    import keras

    shuffle = {"reshape": _reshaping_shuffle, "permute": _permuting_shuffle}[layers]
    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 3), name="image")
    x = _convolution(image, 24, 3, strides=2)
    x = keras.layers.MaxPooling2D(3, 2, "same")(x)
    for channels, units in ((48, 2), (96, 2), (192, 1)):
        x = _down(x, channels, shuffle)
        for _ in range(units):
            x = _unit(x, channels, shuffle)
    x = _convolution(x, 256, 1)
    x = keras.layers.GlobalAveragePooling2D()(x)
    scores = keras.layers.Dense(classes, activation="softmax", name="scores")(x)
    return with_statistics(keras.Model(image, scores))


def resnext(size: int = 32, classes: int = 10, *, cardinality: int = 8) -> Any:
    """A stem and two ResNeXt blocks (Xie et al. 2017, figure 3c), the second one with strides.

    Padding is explicit, as in networks that come from PyTorch.
    """
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((size, size, 3), name="image")
    x = keras.layers.ZeroPadding2D(1)(image)
    x = keras.layers.Conv2D(32, 3, use_bias=False)(x)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = _block(x, 64, 1, cardinality)
    x = _block(x, 128, 2, cardinality)
    x = keras.ops.mean(keras.ops.mean(x, axis=-2), axis=1)
    scores = keras.layers.Dense(classes, activation="softmax", name="scores")(x)
    return with_statistics(keras.Model(image, scores), contrast=2)


def mobilenet_v3(size: int = 64, classes: int = 10) -> Any:
    """MobileNetV3 small as `keras.applications` has it, without weights of its own."""
    import keras

    keras.utils.set_random_seed(0)
    return with_statistics(
        keras.applications.MobileNetV3Small(
            input_shape=(size, size, 3), weights=None, classes=classes, include_preprocessing=False
        )
    )


NETWORKS = {
    "shufflenet_v2": shufflenet_v2,
    "resnext": resnext,
    "mobilenet_v3": mobilenet_v3,
}


def with_statistics(model: Any, *, contrast: float = 10) -> Any:
    """Give a model's batch normalisations the statistics of a trained one, so that values live.

    `contrast` is how much further apart its classes get: without training they are nearly alike.
    """
    import keras

    generator = np.random.default_rng(0)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.moving_mean.shape
            layer.moving_mean.assign(generator.normal(0, 0.1, shape))
            layer.moving_variance.assign(generator.uniform(0.5, 1.5, shape))
    # Without training all classes are nearly alike.
    last = [
        layer for layer in model._flatten_layers() if getattr(layer, "kernel", None) is not None
    ][-1]
    last.kernel.assign(last.kernel * contrast)
    return model


def _block(x: Any, channels: int, strides: int, cardinality: int) -> Any:
    import keras

    y = _convolution(x, channels // 2, 1)
    y = keras.layers.ZeroPadding2D(1)(y)
    y = keras.layers.Conv2D(channels // 2, 3, strides, groups=cardinality, use_bias=False)(y)
    y = keras.layers.ReLU()(keras.layers.BatchNormalization()(y))
    y = keras.layers.BatchNormalization()(keras.layers.Conv2D(channels, 1, use_bias=False)(y))
    x = keras.layers.Conv2D(channels, 1, strides, use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    return keras.layers.ReLU()(keras.layers.Add()([x, y]))


def _convolution(x: Any, channels: int, size: int, strides: int = 1) -> Any:
    import keras

    x = keras.layers.Conv2D(channels, size, strides, "same", use_bias=False)(x)
    return keras.layers.ReLU()(keras.layers.BatchNormalization()(x))


def _depthwise(x: Any, strides: int = 1) -> Any:
    import keras

    x = keras.layers.DepthwiseConv2D(3, strides, "same", use_bias=False)(x)
    return keras.layers.BatchNormalization()(x)


def _down(x: Any, channels: int, shuffle: Any) -> Any:
    import keras

    left = _convolution(_depthwise(x, 2), channels // 2, 1)
    right = _convolution(_depthwise(_convolution(x, channels // 2, 1), 2), channels // 2, 1)
    return shuffle(keras.layers.Concatenate()([left, right]))


def _unit(x: Any, channels: int, shuffle: Any) -> Any:
    import keras

    half = channels // 2
    left, right = x[..., :half], x[..., half:]
    right = _convolution(_depthwise(_convolution(right, half, 1)), half, 1)
    return shuffle(keras.layers.Concatenate()([left, right]))


def _reshaping_shuffle(x: Any) -> Any:
    import keras

    _, height, width, channels = x.shape
    x = keras.ops.reshape(x, (-1, height, width, 2, channels // 2))
    x = keras.ops.transpose(x, (0, 1, 2, 4, 3))
    return keras.ops.reshape(x, (-1, height, width, channels))


def _permuting_shuffle(x: Any) -> Any:
    import keras

    _, height, width, channels = x.shape
    x = keras.layers.Reshape((height, width, 2, channels // 2))(x)
    x = keras.layers.Permute((1, 2, 4, 3))(x)
    return keras.layers.Reshape((height, width, channels))(x)

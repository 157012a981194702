"""Faults in weights, alike in every format. Each says whether an artifact has what it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
T = Any


class Layer(Protocol):
    """An operator with weights. Setting them stores them as a converter would.

    The axes are those of the weights: output channels, input channels, height and width.
    """

    @property
    def axis(self) -> int: ...
    @property
    def input_axis(self) -> int: ...
    @property
    def window_axes(self) -> tuple[int, ...]: ...
    @property
    def depthwise(self) -> bool: ...

    def weights(self) -> Reals: ...
    def set_weights(self, values: Reals) -> None: ...
    def bias(self) -> Reals | None: ...
    def set_bias(self, values: Reals) -> None: ...

    def scales(self) -> Reals | None:
        """One per output channel, or None where there are none."""

    def set_scales(self, scales: Reals) -> None:
        """Change the scales and leave the stored weights as they are."""

    def shift_zero_point(self, steps: int) -> bool:
        """Change the weights' zero-point, where they have one."""


class Editable(Protocol):
    def layers(self) -> list[Any]:
        """Return what has weights, in running order."""


Fault = Callable[[Any], bool]
"""Puts the fault in, and returns whether the artifact has what it takes."""


def middle(items: list[Any]) -> Any:
    return items[len(items) // 2]


def _by_channel(layer: Layer, values: Reals) -> Reals:
    """A view of weights with the output channels first."""
    return np.moveaxis(values, layer.axis, 0)


def largest_channel(layer: Layer) -> int:
    """Return the output channel with the largest weights: one that certainly does something."""
    values = _by_channel(layer, layer.weights())
    return int(np.argmax(np.square(values.reshape(len(values), -1)).sum(axis=1)))


def _with_channel(layer: Layer, change: Callable[[Reals], Reals]) -> bool:
    values = layer.weights()
    channels, channel = _by_channel(layer, values), largest_channel(layer)
    channels[channel] = change(channels[channel])
    layer.set_weights(values)
    return True


def _zero(channel: Reals) -> Reals:
    return channel * 0


def channel_zeroed_first(artifact: Editable) -> bool:
    return _with_channel(artifact.layers()[0], _zero)


def channel_zeroed(artifact: Editable) -> bool:
    return _with_channel(middle(artifact.layers()), _zero)


def channel_zeroed_last(artifact: Editable) -> bool:
    return _with_channel(artifact.layers()[-1], _zero)


def channel_negated(artifact: Editable) -> bool:
    return _with_channel(middle(artifact.layers()), lambda channel: -channel)


def channel_doubled(artifact: Editable) -> bool:
    return _with_channel(middle(artifact.layers()), lambda channel: 2 * channel)


def channels_swapped(artifact: Editable) -> bool:
    layer = middle(artifact.layers())
    values = layer.weights()
    channels = _by_channel(layer, values)
    first = largest_channel(layer)
    second = (first + 1) % len(channels)
    channels[[first, second]] = channels[[second, first]]
    layer.set_weights(values)
    return True


def layer_zeroed(artifact: Editable) -> bool:
    layer = middle(artifact.layers())
    layer.set_weights(layer.weights() * 0)
    return True


def layer_negated(artifact: Editable) -> bool:
    layer = middle(artifact.layers())
    layer.set_weights(-layer.weights())
    return True


def scale_doubled(artifact: Editable) -> bool:
    """Where weights are quantised only the scale: what is stored is right."""
    layer = middle(artifact.layers())
    scales = layer.scales()
    if scales is None:
        layer.set_weights(layer.weights() * 2)
    else:
        layer.set_scales(scales * 2)
    return True


def scales_permuted(artifact: Editable) -> bool:
    """Per-channel scales in another order than their channels."""
    scaled = [
        (layer, scales)
        for layer in artifact.layers()
        if (scales := layer.scales()) is not None and len(scales) > 1
    ]
    if not scaled:
        return False
    layer, scales = middle(scaled)
    layer.set_scales(np.roll(scales, 1))
    return True


def zero_point_off(artifact: Editable) -> bool:
    return any(layer.shift_zero_point(3) for layer in artifact.layers())


def bias_dropped(artifact: Editable) -> bool:
    """In the middle one of the layers that have a bias worth the name."""
    layer = middle(
        [
            layer
            for layer in artifact.layers()
            if (bias := layer.bias()) is not None and np.abs(bias).max() > 1e-3
        ]
    )
    layer.set_bias(layer.bias() * 0)
    return True


def bias_dropped_last(artifact: Editable) -> bool:
    layer = artifact.layers()[-1]
    layer.set_bias(layer.bias() * 0)
    return True


def nan_weight(artifact: Editable) -> bool:
    """One weight; where weights are quantised, a scale."""
    layer = middle(artifact.layers())
    scales = layer.scales()
    if scales is None:
        values = layer.weights()
        values.flat[values.size // 2] = np.nan
        layer.set_weights(values)
    else:
        layer.set_scales(np.concatenate([[np.nan], scales[1:]]))
    # A palette takes its nearest value instead.
    return bool(np.isnan(layer.weights()).any())


def older_weights(artifact: Editable) -> bool:
    """Every weight as it might have been some epochs ago: off by half of its layer's spread."""
    random = np.random.default_rng(0)
    for layer in artifact.layers():
        values = layer.weights()
        layer.set_weights(values + random.normal(0, 0.5 * values.std(), values.shape))
    return True


def weights_of_another_run(artifact: Editable) -> bool:
    """A stale `weight.bin`: what another training run left, under this program."""
    random = np.random.default_rng(0)
    for layer in artifact.layers():
        values = layer.weights()
        layer.set_weights(random.permutation(values.ravel()).reshape(values.shape))
    return True


def kernel_transposed(artifact: Editable) -> bool:
    """Height and width of a kernel swapped."""
    for layer in artifact.layers():
        values = layer.weights()
        sides = [values.shape[axis] for axis in layer.window_axes]
        if len(sides) == 2 and sides[0] == sides[1] > 1:
            layer.set_weights(np.swapaxes(values, *layer.window_axes))
            return True
    return False


def kernel_flipped(artifact: Editable) -> bool:
    """Convolution taken for correlation: a kernel turned around."""
    for layer in artifact.layers():
        values = layer.weights()
        if np.prod([values.shape[axis] for axis in layer.window_axes]) > 1:
            layer.set_weights(np.flip(values, layer.window_axes))
            return True
    return False


def head_shuffled(artifact: Editable) -> bool:
    """The head reads its features in another order: a wrong flatten, or a wrong concatenation."""
    layer = artifact.layers()[-1]
    values = layer.weights()
    half = values.shape[layer.input_axis] // 2
    layer.set_weights(np.roll(values, half, axis=layer.input_axis))
    return True


def labels_off_by_one(artifact: Editable) -> bool:
    layer = artifact.layers()[-1]
    bias = layer.bias()
    layer.set_weights(np.roll(layer.weights(), 1, axis=layer.axis))
    layer.set_bias(np.roll(bias, 1))
    return True


def first_channels_reversed(artifact: Editable) -> bool:
    """RGB taken for BGR, inside of the artifact."""
    layer = artifact.layers()[0]
    values = layer.weights()
    if layer.depthwise or values.shape[layer.input_axis] != 3:
        return False
    layer.set_weights(np.flip(values, layer.input_axis))
    return True


WEIGHT_FAULTS: dict[str, Fault] = {
    "one channel zeroed, first layer": channel_zeroed_first,
    "one channel zeroed, middle layer": channel_zeroed,
    "one channel zeroed, last layer": channel_zeroed_last,
    "one channel negated": channel_negated,
    "one channel doubled": channel_doubled,
    "two channels swapped": channels_swapped,
    "a layer zeroed": layer_zeroed,
    "a layer negated": layer_negated,
    "a scale doubled": scale_doubled,
    "per-channel scales permuted": scales_permuted,
    "a zero-point off by three, of weights": zero_point_off,
    "a bias dropped, middle layer": bias_dropped,
    "a bias dropped, last layer": bias_dropped_last,
    "NaN in a weight": nan_weight,
    "weights of an older training run": older_weights,
    "a stale weight.bin, of another training run": weights_of_another_run,
    "a kernel's height and width transposed": kernel_transposed,
    "a kernel flipped": kernel_flipped,
    "features of the head in another order": head_shuffled,
    "labels off by one": labels_off_by_one,
    "RGB as BGR, in the artifact": first_channels_reversed,
}

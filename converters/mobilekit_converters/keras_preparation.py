"""What a Keras model needs before it is traced for phones."""

from __future__ import annotations

from typing import Any

LONGEST_UNROLLED = 64
"""Time steps up to which a recurrent layer becomes straight-line operations.

Accelerators and int8 quantisation take straight-line operations and no loops. Each step repeats the
cell's dozen operations (not its weights), so longer sequences stay loops, to keep files small.
"""


def prepare_keras_model(model: Any) -> None:
    """Let the recurrent layers of a model unroll wherever they are traced over a short sequence.

    The results stay the same. A layer that is traced over more than `LONGEST_UNROLLED` steps, or
    over an unknown number, stays a loop.

    Args:
        model: a built model or layer of Keras 3 or `tf_keras`; it is changed in place.
    """
    for layer in model._flatten_layers():
        if hasattr(layer, "unroll") and hasattr(layer, "cell"):
            _unroll_when_short(layer)


def _unroll_when_short(layer: Any) -> None:
    """Decide at each call, because a model may leave its steps open until it is traced."""
    call = layer.call

    def unrolling_call(sequences: Any, *arguments: Any, **keywords: Any) -> Any:
        steps = sequences.shape[1]
        layer.unroll = steps is not None and steps <= LONGEST_UNROLLED
        if layer.unroll and hasattr(layer, "_could_use_gpu_kernel"):
            # tf_keras asks this first, and then takes a loop whatever `unroll` says.
            layer._could_use_gpu_kernel = False
        return call(sequences, *arguments, **keywords)

    layer.call = unrolling_call

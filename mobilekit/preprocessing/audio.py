"""Audio samples in, the model's values out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.inputs import InputFacts
from mobilekit_converters.errors import DataError, ProjectError

PCM_SCALE = np.float32(32768)
"""What a 16-bit sample is divided by, so that it lies in -1 to 1."""


def audio_to_input(
    samples: NDArray[np.int16] | NDArray[np.float32], facts: InputFacts, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Turn audio samples into a model's input, as a generated wrapper does.

    Nothing is resampled, cut or filled up: which part of a longer recording a model gets, and at
    which rate, is the app's business.

    Args:
        samples: as many as the model takes, in one dimension. int16 is divided by 32768; float32 or
            float64 is taken as it is, -1 to 1. Several channels are interleaved.
        facts: what the project file says of the input, of kind `audio`.
        shape: of the model's input, the batch of one included.

    Returns:
        float32 of that shape: `sample * scale + offset`.

    Raises:
        DataError: the samples have another dtype, or are more or fewer than the model takes.
        ProjectError: the input is no audio.
    """
    if facts.kind != "audio":
        raise ProjectError(f'The input is of kind {facts.kind!r}; set kind = "audio" for samples.')
    if isinstance(facts.scale, tuple) or isinstance(facts.offset, tuple):
        raise ProjectError("scale and offset have one number each for audio.")
    if samples.dtype not in (np.int16, np.float32, np.float64):
        raise DataError(f"Audio samples are int16 or floats; these are {samples.dtype}.")
    count = math.prod(shape)
    if samples.shape != (count,):
        given = "×".join(map(str, samples.shape))
        raise DataError(
            f"The model takes {count} audio samples in one dimension; these are {given or 'none'}. "
            "Cut them or fill them up as the app will."
        )
    values = samples.astype(np.float32)
    if samples.dtype == np.int16:
        values /= PCM_SCALE
    return (values * np.float32(facts.scale) + np.float32(facts.offset)).reshape(shape)

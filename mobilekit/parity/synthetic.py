"""Inputs made from a seed, for models that come without data.

White noise is no input that a model ever sees: it has no edges and no smooth parts, so activations
stay far from where training put them. These have the structure and the range of real inputs:

- image: a natural image's spectrum, whose amplitude falls as 1/f (Field, 1987), made of octaves of
  smooth noise, shared in part between the channels; over it flat shapes with sharp edges, and a
  brightness and contrast of its own per image; rounded to the 256 steps of a pixel.
- audio: voiced syllables with a fundamental between 90 and 250 Hz at 16 kHz, harmonics that fall
  off, rises and decays, pauses, a little noise; rounded to the steps of 16-bit PCM.
- tensor: a smooth part and white noise, over the input's range.
- integers: each value of the range equally often; booleans: fair coins.

Only `Generator.random` of PCG64 and elementwise arithmetic are used, so that a seed gives the same
values in every release of numpy.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.inputs import InputFacts

Reals = NDArray[np.float64]

OCTAVES = 7
SHAPES = 3
SAMPLE_RATE = 16_000
PCM_STEPS = 32767


def generate(
    facts: InputFacts, shape: tuple[int, ...], dtype: str, *, samples: int, seed: int
) -> NDArray[np.generic]:
    """Make samples of one input.

    Args:
        facts: what the input means. Without a range, floats are made in -1 to 1, integers in 0 to
            1, which every table of embeddings has.
        shape: of one sample, without the batch.
        dtype: numpy's name.
        samples: how many.
        seed: the same seed gives the same samples.

    Returns:
        An array of shape (samples, *shape).
    """
    random = np.random.Generator(np.random.PCG64(seed))
    whole = (samples, *shape)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return random.random(whole) < 0.5
    if facts.kind == "image" and len(shape) in (2, 3):
        values = _image_values(random, samples, shape, facts)
    elif kind in "iu":
        low, high = facts.bounds or (0.0, 1.0)
        values = np.floor(low + random.random(whole) * (high - low + 1))
    elif facts.kind == "audio":
        values = _in_range(_speech(random, samples, math.prod(shape)), facts).reshape(whole)
    else:
        values = _in_range(_smooth(random, samples, math.prod(shape)), facts).reshape(whole)
    return np.rint(values).astype(dtype) if kind in "iu" else values.astype(dtype)


def _image_values(
    random: np.random.Generator, samples: int, shape: tuple[int, ...], facts: InputFacts
) -> Reals:
    """Return images as the model's values; channels come last unless the shape says else."""
    channels = 1 if facts.color == "grayscale" else 3
    first = len(shape) == 3 and shape[2] != channels and shape[0] == channels
    pixels = _pixels(random, samples, (*shape[1:], shape[0]) if first else shape)
    values: Reals = pixels * np.asarray(facts.scale) + np.asarray(facts.offset)
    return np.moveaxis(values, -1, 1) if first else values


def _in_range(unit: Reals, facts: InputFacts) -> Reals:
    """Map values of -1 to 1 to the input's range."""
    low, high = facts.bounds or (-1.0, 1.0)
    values: Reals = low + (unit + 1) / 2 * (high - low)
    return values


def _pixels(random: np.random.Generator, samples: int, shape: tuple[int, ...]) -> Reals:
    """Return images of whole pixels, 0 to 255, of shape (samples, height, width[, channels])."""
    height, width = shape[:2]
    channels = shape[2] if len(shape) == 3 else 1
    images = np.empty((samples, height, width, channels), np.float64)
    for image in images:
        # Brightness is common to the channels of natural images, colour varies less.
        light = _octaves(random, height, width)
        for channel in range(channels):
            image[..., channel] = light
            if channels > 1:
                image[..., channel] += 0.4 * _octaves(random, height, width, octaves=4)
        for _ in range(SHAPES):
            _draw_shape(random, image)
        contrast = 35 + 45 * random.random()
        brightness = 90 + 75 * random.random()
        image *= contrast
        image += brightness
    return np.clip(np.rint(images), 0, 255).reshape(samples, *shape)


def _octaves(random: np.random.Generator, height: int, width: int, octaves: int = OCTAVES) -> Reals:
    """Sum smooth noise whose cells halve and whose amplitude halves with them: 1/f."""
    total = np.zeros((height, width))
    for octave in range(octaves):
        cells = 2**octave
        if cells > max(height, width):
            break
        grid = random.random((cells + 1, cells + 1)) * 4 - 2
        rows = _interpolated(grid, height)
        total += _interpolated(rows.T, width).T / cells
    return total


def _interpolated(grid: Reals, length: int) -> Reals:
    """Stretch the first axis to `length` points, linearly."""
    places = np.arange(length) * ((len(grid) - 1) / length)
    left = places.astype(np.intp)
    part = (places - left)[:, None]
    values: Reals = grid[left] * (1 - part) + grid[left + 1] * part
    return values


def _draw_shape(random: np.random.Generator, image: Reals) -> None:
    """Put a flat ellipse or rectangle anywhere, partly see-through."""
    height, width, channels = image.shape
    middle_y, middle_x, size_y, size_x, kind, cover = random.random(6)
    color = random.random(channels) * 4 - 2
    rows = (np.arange(height) / height - middle_y)[:, None] / (0.05 + 0.3 * size_y)
    columns = (np.arange(width) / width - middle_x)[None, :] / (0.05 + 0.3 * size_x)
    if kind < 0.5:
        inside = rows * rows + columns * columns < 1
    else:
        inside = np.maximum(np.abs(rows), np.abs(columns)) < 1
    opacity = 0.4 + 0.6 * cover
    image[inside] = image[inside] * (1 - opacity) + color * opacity


def _speech(random: np.random.Generator, samples: int, length: int) -> Reals:
    """Return sounds in -1 to 1, of shape (samples, length)."""
    time = np.arange(length) / SAMPLE_RATE
    sounds = np.empty((samples, length))
    for sound in sounds:
        pitch = 90 + 160 * random.random()
        # The pitch drifts by a tenth, as a voice's does.
        phase = pitch * time + 0.1 * pitch * np.sin(2 * np.pi * (1 + random.random()) * time)
        voice = np.zeros(length)
        for harmonic in range(1, 17):
            voice += np.sin(2 * np.pi * (harmonic * phase + random.random())) / harmonic
        syllables = _interpolated(random.random((max(length // 3200, 1) + 2, 1)), length)[:, 0]
        sound[:] = voice * np.square(syllables) + 0.02 * (random.random(length) * 2 - 1)
        sound *= (0.2 + 0.7 * random.random()) / max(float(np.abs(sound).max()), 1e-12)
    return np.rint(sounds * PCM_STEPS) / PCM_STEPS


def _smooth(random: np.random.Generator, samples: int, length: int) -> Reals:
    """Return curves in -1 to 1, half of their height smooth and half of it noise."""
    knots = random.random((max(length // 8, 1) + 2, samples)) * 2 - 1
    smooth = _interpolated(knots, length).T
    noise = random.random((samples, length)) * 2 - 1
    values: Reals = 0.6 * smooth + 0.4 * noise
    return values

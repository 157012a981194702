"""Pixels in, the model's values out: crop, grey, resize, pad, channel order, scale and offset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mobilekit.parity.inputs import InputFacts
from mobilekit.preprocessing.contract import ImageContract, image_contract
from mobilekit.preprocessing.resize import Box, Windows, boxes, windows
from mobilekit_converters.errors import DataError

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]


def image_to_input(
    pixels: Pixels, facts: InputFacts, shape: tuple[int, ...], dtype: str = "float32"
) -> NDArray[np.generic]:
    """Turn an image of any size into a model's input, as a generated wrapper does.

    Args:
        pixels: uint8 of shape (height, width, 1, 3 or 4), or (height, width) for grey. Colours are
            red, green, blue; a fourth number, alpha, is ignored.
        facts: what the project file says of the input, of kind `image`:
            `load_project(path).model.inputs["image"].facts()`.
        shape: of the model's input, the batch of one included.
        dtype: of the model's input: `float32`, or `uint8` or `int8` where it takes integers, to
            which values are rounded, halves to even, and clipped.

    Returns:
        An array of that shape and dtype.

    Raises:
        DataError: the pixels are no image.
        ProjectError: the input cannot be an image.
    """
    contract = image_contract(facts, shape, dtype)
    _require_image(pixels)
    target = (contract.height, contract.width)
    used, filled = boxes(contract.fit, (pixels.shape[0], pixels.shape[1]), target)
    columns = windows(contract.resize, used.width, filled.width)
    rows = windows(contract.resize, used.height, filled.height)
    coloured = _channels(_cut(pixels, used), contract)
    values = _padded(_resize_rows(_resize_columns(coloured, columns), rows), filled, contract)
    values = values * np.array(contract.scale, np.float32) + np.array(contract.offset, np.float32)
    if contract.channels_first:
        values = values.transpose(2, 0, 1)
    return _rounded(values, contract.dtype).reshape(contract.shape)


def _require_image(pixels: Pixels) -> None:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        kind = getattr(pixels, "dtype", type(pixels).__name__)
        raise DataError(f"An image's pixels are uint8, 0 to 255; these are {kind}.")
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise DataError(
            "An image has the shape height×width×channels with 1, 3 or 4 channels, or height×width;"
            f" this one has {'×'.join(map(str, pixels.shape)) or 'none'}."
        )
    if 0 in pixels.shape:
        raise DataError(f"The image is empty: {'×'.join(map(str, pixels.shape))}.")


def _cut(pixels: Pixels, box: Box) -> Pixels:
    part = pixels[box.top : box.top + box.height, box.left : box.left + box.width]
    return part if part.ndim == 3 else part[:, :, None]


def _channels(pixels: Pixels, contract: ImageContract) -> Pixels:
    """Bring pixels to the model's channels. Grey is ITU-R 601's, in Pillow's whole numbers."""
    if pixels.shape[2] == 1:
        return np.repeat(pixels, contract.channels, axis=2)
    red, green, blue = (pixels[:, :, channel] for channel in range(3))
    if contract.color == "grayscale":
        weighted = 19595 * red.astype(np.uint32) + 38470 * green.astype(np.uint32)
        weighted += 7471 * blue.astype(np.uint32) + 32768
        return (weighted >> 16).astype(np.uint8)[:, :, None]
    return np.stack((red, green, blue) if contract.color == "rgb" else (blue, green, red), axis=2)


def _resize_columns(pixels: Pixels, table: Windows) -> Values:
    outputs, taps = table.weights.shape
    values = np.zeros((pixels.shape[0], outputs, pixels.shape[2]), np.float32)
    for tap in range(taps):
        columns = np.minimum(table.start + tap, pixels.shape[1] - 1)
        values += table.weights[:, tap, None] * pixels[:, columns]
    return values


def _resize_rows(lines: Values, table: Windows) -> Values:
    outputs, taps = table.weights.shape
    values = np.zeros((outputs, *lines.shape[1:]), np.float32)
    for tap in range(taps):
        rows = np.minimum(table.start + tap, lines.shape[0] - 1)
        values += table.weights[:, tap, None, None] * lines[rows]
    return values


def _padded(values: Values, box: Box, contract: ImageContract) -> Values:
    if values.shape[:2] == (contract.height, contract.width):
        return values
    whole = np.empty((contract.height, contract.width, contract.channels), np.float32)
    whole[:] = np.array(contract.pad, np.float32)
    whole[box.top : box.top + box.height, box.left : box.left + box.width] = values
    return whole


def _rounded(values: Values, dtype: str) -> NDArray[np.generic]:
    if dtype == "float32":
        return values
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)

"""An image input's facts and shape in one: all that turning pixels into values depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mobilekit.parity.inputs import Color, Fit, InputFacts, Numbers, Resize
from mobilekit_converters.errors import ProjectError

ImageDType = Literal["float32", "uint8", "int8"]

_DTYPES: dict[str, ImageDType] = {"float32": "float32", "uint8": "uint8", "int8": "int8"}
_CHANNELS: dict[Color, int] = {"grayscale": 1, "rgb": 3, "bgr": 3}


@dataclass(frozen=True, kw_only=True)
class ImageContract:
    """How pixels become a model's input.

    `shape` is the input's, the batch of one included where it has one; `height`, `width` and
    `channels_first` say what its dimensions mean. `scale`, `offset` and `pad` have one number per
    channel, in the order of `color`.
    """

    shape: tuple[int, ...]
    dtype: ImageDType
    height: int
    width: int
    channels_first: bool
    color: Color
    resize: Resize
    fit: Fit
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    pad: tuple[float, ...]

    @property
    def channels(self) -> int:
        """How many numbers a pixel has in the model."""
        return len(self.scale)


def image_contract(
    facts: InputFacts, shape: tuple[int, ...], dtype: str = "float32"
) -> ImageContract:
    """Join an input's facts with its shape.

    Args:
        facts: of kind `image`.
        shape: 1×height×width×channels, 1×channels×height×width, the same without the batch of one,
            or 1×height×width for grayscale. Where both ends could be channels, the last ones are.
        dtype: `float32`, `uint8` or `int8`.

    Raises:
        ProjectError: the facts are not of an image, or an image cannot have this shape or dtype.
    """
    if facts.kind != "image":
        raise ProjectError(f'The input is of kind {facts.kind!r}; set kind = "image" for pixels.')
    if dtype not in _DTYPES:
        raise ProjectError(
            f"An image input of {dtype} is not supported, only of float32, uint8 and int8. Set its "
            "kind to 'tensor'."
        )
    channels = _CHANNELS[facts.color]
    height, width, channels_first = _dimensions(shape, facts.color)
    return ImageContract(
        shape=shape,
        dtype=_DTYPES[dtype],
        height=height,
        width=width,
        channels_first=channels_first,
        color=facts.color,
        resize=facts.resize,
        fit=facts.fit,
        scale=_per_channel("scale", facts.scale, channels),
        offset=_per_channel("offset", facts.offset, channels),
        pad=_per_channel("pad", facts.pad, channels),
    )


def _dimensions(shape: tuple[int, ...], color: Color) -> tuple[int, int, bool]:
    """Return height, width, and whether the channels come first."""
    channels = _CHANNELS[color]
    sides = shape[1:] if len(shape) == 4 and shape[0] == 1 else shape
    if len(sides) == 3 and sides[2] == channels:
        return sides[0], sides[1], False
    if len(sides) == 3 and sides[0] == channels:
        return sides[1], sides[2], True
    given = "×".join(map(str, shape)) or "()"
    raise ProjectError(
        f"An input of the shape {given} cannot be a {color} image: that needs "
        f"1×height×width×{channels} or 1×{channels}×height×width, a batch of one. Change its "
        "color, or set its kind to 'tensor'."
    )


def _per_channel(key: str, numbers: Numbers, channels: int) -> tuple[float, ...]:
    if not isinstance(numbers, tuple):
        return (float(numbers),) * channels
    if len(numbers) != channels:
        raise ProjectError(f"{key} has {len(numbers)} numbers; the image has {channels} channels.")
    return tuple(map(float, numbers))

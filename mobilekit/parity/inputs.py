"""What the project file says of an input's values: kind, range, how pixels become values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Numbers = float | tuple[float, ...]

Kind = Literal["tensor", "image", "audio"]
Color = Literal["grayscale", "rgb", "bgr"]
Resize = Literal["bilinear", "bilinear-antialias", "nearest"]
Fit = Literal["stretch", "crop", "pad"]


@dataclass(frozen=True, kw_only=True)
class InputFacts:
    """What one input means.

    An image's value is `pixel * scale + offset` for pixels 0 to 255, `scale` and `offset` one
    number or one per channel, in the order of `color`. Audio's is `sample * scale + offset` for
    samples -1 to 1. `low` and `high` bound the values where they are known; an image's and audio's
    follow from scale and offset.

    `resize`, `fit` and `pad` say how an image of another size becomes one of the model's;
    `mobilekit.preprocessing` does it. `pad` is a pixel's value, before scale and offset.
    """

    kind: Kind = "tensor"
    color: Color = "rgb"
    scale: Numbers = 1.0
    offset: Numbers = 0.0
    resize: Resize = "bilinear"
    fit: Fit = "stretch"
    pad: Numbers = 0.0
    low: float | None = None
    high: float | None = None

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The lowest and the highest value that the input takes, where that is known."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        if self.kind == "tensor":
            return None
        ends = [
            end * scale + offset
            for end in ((0, 255) if self.kind == "image" else (-1, 1))
            for scale, offset in _per_channel(self.scale, self.offset)
        ]
        return min(ends), max(ends)


def _per_channel(scale: Numbers, offset: Numbers) -> list[tuple[float, float]]:
    scales = scale if isinstance(scale, tuple) else (scale,)
    offsets = offset if isinstance(offset, tuple) else (offset,)
    channels = max(len(scales), len(offsets))
    return list(zip(_spread(scales, channels), _spread(offsets, channels), strict=True))


def _spread(numbers: tuple[float, ...], count: int) -> tuple[float, ...]:
    return numbers * count if len(numbers) == 1 else numbers

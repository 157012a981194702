"""What a user may choose about the Core ML packages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from mobilekit_converters.errors import ProjectError

Color = Literal["grayscale", "rgb", "bgr"]

CHANNELS: dict[Color, int] = {"grayscale": 1, "rgb": 3, "bgr": 3}

MINIMUMS = ("iOS15", "iOS16", "iOS17", "iOS18")
"""Systems whose opset coremltools 9 writes as an ML program; older ones cannot hold one."""


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """An input that takes an image: the model's value is `pixel * scale + offset`, pixels 0 to 255.

    `scale` and `offset` are one number, or one for each channel in the order of `color`.
    """

    name: str
    color: Color = "rgb"
    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0


@dataclass(frozen=True, kw_only=True)
class CoreMLOptions:
    """How to convert to Core ML. `minimum` is the oldest system that must load the package."""

    minimum: str = "iOS16"
    images: tuple[ImageInput, ...] = ()

    @property
    def minimum_version(self) -> int:
        """The number in `minimum`.

        Raises:
            ProjectError: no such system, or one that cannot hold an ML program.
        """
        if self.minimum not in MINIMUMS:
            raise ProjectError(
                f"The minimum system {self.minimum!r} is not one of {', '.join(MINIMUMS)}. "
                "Set [ios] minimum to one of them."
            )
        return int(re.sub(r"\D", "", self.minimum))

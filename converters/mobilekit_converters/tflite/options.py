"""What the project file says about TFLite artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mobilekit_converters.errors import ProjectError, nearest

IoDtype = Literal["float32", "int8", "uint8"]


@dataclass(frozen=True, kw_only=True)
class TFLiteOptions:
    """What the project file says about TFLite artifacts.

    `io_dtype` is the dtype of the inputs and outputs of the `int8` variant; the others keep the
    source's. `allowed_operators` names the custom operators that an artifact may hold, and those
    that TensorFlow itself would have to run, such as `FlexErf`.
    """

    io_dtype: IoDtype = "float32"
    allowed_operators: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.io_dtype not in get_args(IoDtype):
            raise ProjectError(
                f"A TFLite artifact cannot have inputs and outputs of {self.io_dtype!r}."
                f"{nearest(self.io_dtype, get_args(IoDtype))} "
                f"Known: {', '.join(get_args(IoDtype))}."
            )

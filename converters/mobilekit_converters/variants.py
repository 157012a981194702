"""The table of variants: a format and a precision recipe each. A new variant is one new row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mobilekit_converters.errors import ProjectError, nearest

Format = Literal["tflite", "coreml"]


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What to produce.

    `precision` is the recipe's name in `[android]` and `[ios]` lists. `calibrated` variants need
    calibration data. `parent` names the variant whose artifact this one is made from. `cost` is a
    rough share of a build's time, which only orders the work: the longest first.
    """

    format: Format
    precision: str
    description: str
    calibrated: bool = False
    parent: str | None = None
    cost: int = 1

    @property
    def name(self) -> str:
        """The variant's full name, such as `tflite-int8`."""
        return f"{self.format}-{self.precision}"

    @property
    def file_name(self) -> str:
        """The artifact's name in `models/`."""
        return f"{self.name}.{SUFFIXES[self.format]}"


SUFFIXES: dict[Format, str] = {"tflite": "tflite", "coreml": "mlpackage"}

_ROWS = (
    Variant(format="tflite", precision="fp32", description="float32 throughout"),
    Variant(format="tflite", precision="fp16", description="float16 weights, float32 arithmetic"),
    Variant(
        format="tflite",
        precision="w8",
        description="int8 weights, unpacked when the file loads; float32 arithmetic",
    ),
    Variant(
        format="tflite",
        precision="dynamic",
        description="int8 weights, activations quantised while it runs",
    ),
    Variant(
        format="tflite",
        precision="int8",
        description="int8 weights and activations, from calibration data",
        calibrated=True,
        cost=4,
    ),
    Variant(
        format="tflite",
        precision="int16x8",
        description="int16 activations and int8 weights, from calibration data",
        calibrated=True,
        cost=6,
    ),
    Variant(format="coreml", precision="fp32", description="float32 throughout", cost=3),
    Variant(format="coreml", precision="fp16", description="float16 throughout", cost=15),
    Variant(
        format="coreml",
        precision="w8",
        description="int8 weights, float16 arithmetic",
        parent="coreml-fp16",
    ),
    Variant(
        format="coreml",
        precision="palette4",
        description="weights from palettes of 16 values, float16 arithmetic",
        parent="coreml-fp16",
        cost=2,
    ),
    Variant(
        format="coreml",
        precision="palette6",
        description="weights from palettes of 64 values, float16 arithmetic",
        parent="coreml-fp16",
        cost=5,
    ),
    Variant(
        format="coreml",
        precision="palette8",
        description="weights from palettes of 256 values, float16 arithmetic",
        parent="coreml-fp16",
        cost=14,
    ),
    Variant(
        format="coreml",
        precision="w8a8",
        description="int8 weights and 8-bit activations, from calibration data",
        calibrated=True,
        parent="coreml-fp16",
        cost=8,
    ),
)

VARIANTS: dict[str, Variant] = {row.name: row for row in _ROWS}


def precisions(format: Format) -> tuple[str, ...]:
    """Return the precisions that a format offers, in the table's order."""
    return tuple(row.precision for row in _ROWS if row.format == format)


def variant(name: str) -> Variant:
    """Return the variant of a full name.

    Raises:
        ProjectError: there is none of that name.
    """
    if name not in VARIANTS:
        raise ProjectError(
            f"There is no variant {name!r}.{nearest(name, VARIANTS)} Known: {', '.join(VARIANTS)}."
        )
    return VARIANTS[name]

"""TFLite artifacts: the converter's recipes, and the reader that checks what came out."""

from __future__ import annotations

from mobilekit_converters.tflite.convert import convert
from mobilekit_converters.tflite.options import TFLiteOptions
from mobilekit_converters.tflite.positions import Positions, read_positions
from mobilekit_converters.tflite.read_back import precision_of, read_artifact

__all__ = [
    "Positions",
    "TFLiteOptions",
    "convert",
    "precision_of",
    "read_artifact",
    "read_positions",
]

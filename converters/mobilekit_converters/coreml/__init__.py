"""Core ML packages from frozen models: `convert` makes one, `read_artifact` reads one back."""

from __future__ import annotations

from mobilekit_converters.coreml.options import CoreMLOptions, ImageInput
from mobilekit_converters.coreml.precision import precision_of
from mobilekit_converters.coreml.ranges import Calibration, Trace
from mobilekit_converters.coreml.read_back import read_artifact, stored_variant
from mobilekit_converters.coreml.recipes import convert

__all__ = [
    "Calibration",
    "CoreMLOptions",
    "ImageInput",
    "Trace",
    "convert",
    "precision_of",
    "read_artifact",
    "stored_variant",
]

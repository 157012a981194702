"""Convert a SavedModel with TensorFlow's own converter, as its guide shows.

python make_plain.py SAVED_MODEL CALIBRATION OUT
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf


def main(saved_model: str, calibration: str, out: Path) -> None:
    with np.load(calibration) as file:
        (samples,) = (file[name] for name in file.files)

    def representative() -> Iterator[list[Any]]:
        for index in range(len(samples)):
            yield [samples[index : index + 1]]

    for name in ("fp32", "fp16", "dynamic", "int8"):
        converter = tf.lite.TFLiteConverter.from_saved_model(saved_model)
        if name != "fp32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if name == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        if name == "int8":
            converter.representative_dataset = representative
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        (out / f"plain-{name}.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

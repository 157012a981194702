"""Quantise a float file with the recipes of ai-edge-quantizer.

python make_quantizer.py FLOAT_TFLITE CALIBRATION OUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ai_edge_quantizer import quantizer, recipe


def main(model: str, calibration: str, out: Path) -> None:
    with np.load(calibration) as file:
        (samples,) = (file[name] for name in file.files)
    recipes = {
        "dynamic_wi8_afp32": recipe.dynamic_wi8_afp32(),
        "weight_only_wi8_afp32": recipe.weight_only_wi8_afp32(),
        "static_wi8_ai8": recipe.static_wi8_ai8(),
    }
    for name, content in recipes.items():
        made = quantizer.Quantizer(model, content)
        statistics = None
        if made.need_calibration:
            ((signature, details),) = _signatures(model).items()
            (given,) = details["inputs"]
            batches = [{given: samples[i : i + 1]} for i in range(len(samples))]
            statistics = made.calibrate({signature: batches})
        result = made.quantize(statistics)
        (out / f"quantizer-{name}.tflite").write_bytes(bytes(result.quantized_model))


def _signatures(model: str) -> dict[str, dict[str, list[str]]]:
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_path=model).get_signature_list()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

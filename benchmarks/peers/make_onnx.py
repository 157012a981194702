"""Convert a SavedModel to ONNX with tf2onnx, and quantise it with ONNX Runtime's static quantiser.

python make_onnx.py SAVED_MODEL CALIBRATION OUT
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Samples(CalibrationDataReader):
    def __init__(self, model: Path, calibration: str) -> None:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        with np.load(calibration) as file:
            (samples,) = (file[name] for name in file.files)
        self._batches = iter([{given.name: samples[i : i + 1]} for i in range(len(samples))])

    def get_next(self) -> dict[str, Any] | None:
        return next(self._batches, None)


def main(saved_model: str, calibration: str, out: Path) -> None:
    model = out / "onnx-fp32.onnx"
    command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", saved_model]
    subprocess.run([*command, "--output", str(model), "--opset", "17"], check=True)
    prepared = out / "prepared.onnx"
    quant_pre_process(str(model), str(prepared))
    quantize_static(
        str(prepared),
        str(out / "onnx-int8.onnx"),
        Samples(prepared, calibration),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
    )
    prepared.unlink()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

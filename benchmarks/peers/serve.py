"""Answer and time one file in one runtime, by commands on standard input. Runs in any environment.

    python serve.py KIND FILE INPUTS

KIND is `tflite`, `onnx` or `executorch`. The file has one input and one output; INPUTS is an .npz
with the input's array, samples first. Each line of standard input is a command, each line of
standard output its answer, in JSON:

    {"answer": OUT}   run every sample and store the outputs in OUT: {"done": true}
    {"runs": COUNT}   time COUNT calls, from arrays to arrays: {"nanoseconds": [NUMBER]}

One thread each. What libraries print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[[dict[str, Any]], dict[str, Any]]


def open_tflite(path: str) -> Call:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()

    def call(arrays: dict[str, Any]) -> dict[str, Any]:
        (array,) = arrays.values()
        interpreter.set_tensor(given["index"], _stored(array, given))
        interpreter.invoke()
        return {"output": _real(interpreter.get_tensor(wanted["index"]), wanted)}

    return call


def _stored(array: Any, details: dict[str, Any]) -> Any:
    scale, zero_point = details["quantization"]
    if not scale:
        return array.astype(details["dtype"])
    limits = np.iinfo(details["dtype"])
    return np.clip(np.round(array / scale) + zero_point, limits.min, limits.max).astype(
        details["dtype"]
    )


def _real(array: Any, details: dict[str, Any]) -> Any:
    scale, zero_point = details["quantization"]
    return (array.astype(np.float32) - zero_point) * scale if scale else array


def open_onnx(path: str) -> Call:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (given,), (wanted,) = session.get_inputs(), session.get_outputs()

    def call(arrays: dict[str, Any]) -> dict[str, Any]:
        (array,) = arrays.values()
        return {"output": session.run([wanted.name], {given.name: array})[0]}

    return call


def open_executorch(path: str) -> Call:
    import torch
    from executorch.runtime import Runtime

    torch.set_num_threads(1)
    method = Runtime.get().load_program(path).load_method("forward")

    def call(arrays: dict[str, Any]) -> dict[str, Any]:
        (array,) = arrays.values()
        (result,) = method.execute([torch.from_numpy(array)])
        return {"output": result.numpy()}

    return call


OPENERS = {"tflite": open_tflite, "onnx": open_onnx, "executorch": open_executorch}


def main(kind: str, path: str, inputs: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    # Whatever a library prints may not be taken for an answer.
    os.dup2(2, 1)
    with np.load(inputs) as file:
        samples = [
            {name: file[name][index : index + 1] for name in file.files}
            for index in range(len(file[file.files[0]]))
        ]
    call = OPENERS[kind](path)
    for line in sys.stdin:
        command = json.loads(line)
        if "answer" in command:
            results = [call(sample) for sample in samples]
            np.savez(
                command["answer"],
                **{name: np.concatenate([r[name] for r in results]) for name in results[0]},
            )
            reply: dict[str, Any] = {"done": True}
        else:
            reply = {
                "nanoseconds": [
                    _timed(call, samples[i % len(samples)]) for i in range(command["runs"])
                ]
            }
        print(json.dumps(reply), file=answers, flush=True)


def _timed(call: Call, sample: dict[str, Any]) -> int:
    started = time.perf_counter_ns()
    call(sample)
    return time.perf_counter_ns() - started


if __name__ == "__main__":
    main(*sys.argv[1:4])

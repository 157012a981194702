"""Runs files on the GPU accelerator, in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilekit_delegates.targets import vulkan


def run_on_gpu(
    path: Path, inputs: Sequence[Any], like: Any, *, resize: Sequence[int] | None = None
) -> Any:
    """Return the first output, of the shape and dtype of `like`, after resizing the first input."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_run, (path, inputs, like, resize))


def all_on_gpu(
    path: Path,
    inputs: Sequence[Any],
    like: Sequence[Any],
    *,
    resize: Sequence[int] | None = None,
    rest_on_cpu: bool = False,
) -> list[Any]:
    """Return as many outputs as `like` has, of their shapes and dtypes, in this very process."""
    from ai_edge_litert.compiled_model import CompiledModel, CpuOptions, GpuOptions, Options
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator

    accelerators = HardwareAccelerator.GPU
    if rest_on_cpu:
        accelerators |= HardwareAccelerator.CPU
    options = Options(
        hardware_accelerators=accelerators,
        gpu_options=GpuOptions(enforce_f32=True),
        cpu_options=CpuOptions(num_threads=1),
    )
    with vulkan.only(vulkan.devices()[0].manifest):
        model: Any = CompiledModel.from_file(str(path), options=options)
        if resize is not None:
            model.resize_input_tensor(0, list(resize))
        given, found = model.create_input_buffers(0), model.create_output_buffers(0)
        for buffer, values in zip(given, inputs, strict=True):
            buffer.write(values.reshape(-1).view(np.uint8))
        model.run_by_index(0, given, found)
        return [
            buffer.read(one.nbytes, np.uint8).view(one.dtype).reshape(one.shape)
            for buffer, one in zip(found, like, strict=False)
        ]


def _run(path: Path, inputs: Sequence[Any], like: Any, resize: Sequence[int] | None) -> Any:
    return all_on_gpu(path, inputs, [like], resize=resize)[0]


def run_on_plain_kernels(path: Path, inputs: Sequence[Any]) -> Any:
    """Return the first output of LiteRT's reference, at the shapes of the inputs."""
    return all_on_plain_kernels(path, inputs)[0]


def all_on_plain_kernels(path: Path, inputs: Sequence[Any]) -> list[Any]:
    """Return all outputs of LiteRT's reference, at the shapes of the inputs."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=plain)
    details = interpreter.get_input_details()
    for detail, values in zip(details, inputs, strict=True):
        interpreter.resize_tensor_input(detail["index"], values.shape)
    interpreter.allocate_tensors()
    for detail, values in zip(details, inputs, strict=True):
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    return [interpreter.get_tensor(output["index"]) for output in interpreter.get_output_details()]

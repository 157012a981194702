"""Small ML Programs, written with coremltools' own builder and saved as packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Shape = tuple[int, ...]
Build = Callable[..., Path]


def package(
    path: Path,
    function: Callable[..., Any],
    *shapes: Shape,
    precision: str = "FLOAT16",
    minimum: str = "iOS16",
    dtype: str = "fp32",
) -> Path:
    """Save a package whose inputs are the function's arguments, of these shapes and one dtype.

    No pass of coremltools' changes the program but the one that makes it float16.
    """
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813
    from coremltools.converters.mil.mil import types

    target = getattr(ct.target, minimum)
    specs = [mb.TensorSpec(shape=shape, dtype=getattr(types, dtype)) for shape in shapes]
    program = mb.program(input_specs=specs, opset_version=target)(function)
    model = ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=target,
        compute_precision=getattr(ct.precision, precision),
        skip_model_load=True,
    )
    model.save(str(path))
    return path


def edit(package: Path, change: Callable[[Any], None]) -> Path:
    """Change a package's protobuf in place."""
    from coremltools.proto import Model_pb2

    file = package / "Data" / "com.apple.CoreML" / "model.mlmodel"
    spec = Model_pb2.Model.FromString(file.read_bytes())
    change(spec)
    file.write_bytes(spec.SerializeToString())
    return package


def operations(spec: Any, operator: str) -> list[Any]:
    """Return a program's operations of one kind."""
    (block,) = spec.mlProgram.functions["main"].block_specializations.values()
    return [operation for operation in block.operations if operation.type == operator]

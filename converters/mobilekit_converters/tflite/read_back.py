"""Reads a `.tflite` file back, and proves what a release promises of it before anything runs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ConversionError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.tflite.flatbuffer import (
    Model,
    NamedSignature,
    Operator,
    Subgraph,
    Tensor,
    read_model,
)

DEFAULT_SIGNATURE = "serving_default"

VARIABLE_OPERATORS = frozenset({"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"})
"""Operators that keep weights outside of the file: it then holds none, and fails on a phone."""

BITS = {
    "float64": 64, "int64": 64, "uint64": 64, "complex64": 64, "complex128": 128,
    "float32": 32, "int32": 32, "uint32": 32,
    "float16": 16, "bfloat16": 16, "int16": 16, "uint16": 16,
    "int8": 8, "uint8": 8, "bool": 8,
    "int4": 4, "uint4": 4, "int2": 2,
}  # fmt: skip
"""Bits per value by dtype, packed below a byte. Strings and resources have no fixed size."""

QUANTISED_ACTIVATIONS = {"int8": "int8", "uint8": "int8", "int16": "int16x8"}
"""The precision that an activation's dtype shows."""

QUANTISED_WEIGHTS = ("int8", "uint8", "int4", "int2")

WEIGHTED_OPERATORS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""Operators whose second input holds weights that every precision stores in its own way."""

SMALLEST_QUANTISED_WEIGHT = 1024
"""TensorFlow's converter leaves smaller weights in float32 (`minimum_elements_for_weights`)."""


def read_artifact(
    path: Path, variant_name: str | None = None, *, allowed_operators: tuple[str, ...] = ()
) -> Artifact:
    """Read a `.tflite` file and prove that it is whole.

    It holds its weights: every tensor is an input, is computed by an operator before it, or has its
    data in the file, as many bytes as its shape and dtype take. It has no variable operator, and no
    custom or Flex operator that is not in `allowed_operators`. Its signature can be read; a file
    without one (from before TensorFlow 2.5) has its tensors' names instead.

    Args:
        path: the file.
        variant_name: what it is meant to be, such as `tflite-int8`. Without it the file is taken
            for the variant whose precision it shows.
        allowed_operators: custom operators by their own name, Flex ones with or without `Flex`.

    Raises:
        SourceError: the file cannot be read or is no whole TFLite model.
        ConversionError: it is one, and breaks a promise.
    """
    model = read_model(path)
    _require_operators(path, model, allowed_operators)
    for graph in model.subgraphs:
        _require_data(path, graph)
    _require_outputs(path, chosen_signature(model))
    precision = _precision(model)
    if variant_name is not None:
        _require_precision(path, variant_name, precision, model)
    return Artifact(
        variant=variant_name or f"tflite-{precision}",
        path=path,
        sha256=sha256_of_path(path),
        file_bytes=path.stat().st_size,
        signature=signature_of(model),
        operators=model.operator_counts(),
        proofs=(
            f"holds all of its weights ({model.weight_bytes():,} bytes)",
            f"its tensors show {precision}",
            "has no variable operator",
            "has no custom operator and none that needs TensorFlow"
            if not _custom_names(model)
            else f"has no custom operator but {', '.join(sorted(_custom_names(model)))}",
        ),
    )


def precision_of(path: Path) -> str:
    """Return the precision that a file itself shows: fp32, fp16, w8, dynamic, int8 or int16x8.

    The dtype of most activations decides between float and quantised ones; in a float file, the
    lowest precision of any weight does, because that is the one whose drift has to be expected.

    Raises:
        SourceError: the file cannot be read or is no whole TFLite model.
    """
    return _precision(read_model(path))


def signature_of(model: Model) -> Signature:
    """Return the signature `serving_default`, else the first, else the tensors' own names."""
    chosen = chosen_signature(model)
    tensors = model.subgraphs[chosen.subgraph].tensors
    return Signature(
        inputs=tuple(_spec(name, tensors[index]) for name, index in chosen.inputs.items()),
        outputs=tuple(_spec(name, tensors[index]) for name, index in chosen.outputs.items()),
    )


def chosen_signature(model: Model) -> NamedSignature:
    """Return the signature `serving_default`, else the first, else one of the tensors' names."""
    return next(
        (known for known in model.signatures if known.key == DEFAULT_SIGNATURE),
        next(iter(model.signatures), None) or _signature_from_tensors(model.subgraphs[0]),
    )


def _signature_from_tensors(graph: Subgraph) -> NamedSignature:
    return NamedSignature(
        key="",
        subgraph=0,
        inputs={graph.tensors[index].name: index for index in graph.inputs},
        outputs={graph.tensors[index].name: index for index in graph.outputs},
    )


def _spec(name: str, tensor: Tensor) -> TensorSpec:
    return TensorSpec(
        name=name, shape=tensor.shape, dtype=tensor.dtype, quantisation=tensor.quantisation
    )


def _operators(model: Model) -> Iterator[tuple[Subgraph, Operator]]:
    for graph in model.subgraphs:
        for operator in graph.operators:
            yield graph, operator


def _custom_names(model: Model) -> set[str]:
    return {operator.name for _, operator in _operators(model) if operator.custom}


def _require_operators(path: Path, model: Model, allowed: tuple[str, ...]) -> None:
    names = {operator.name for _, operator in _operators(model)}
    variables = sorted(names & VARIABLE_OPERATORS)
    if variables:
        raise ConversionError(
            f"{path} keeps weights outside of itself ({', '.join(variables)}): it would answer "
            "wrongly or not at all on a phone. Freeze the model's variables before converting."
        )
    known = {*allowed, *(f"Flex{name}" for name in allowed)}
    refused = sorted(_custom_names(model) - known)
    if refused:
        listed = ", ".join(f'"{name}"' for name in refused)
        raise ConversionError(
            f"{path} has operators that LiteRT itself does not know: {', '.join(refused)}. Replace "
            f"the layers that need them, or allow them: [android] allowed_operators = [{listed}]."
        )


def _require_outputs(path: Path, signature: NamedSignature) -> None:
    if not signature.outputs:
        name = f"the signature {signature.key!r}" if signature.key else "its graph"
        raise ConversionError(f"{path}: {name} has no output. Convert the model again.")


def _require_data(path: Path, graph: Subgraph) -> None:
    for tensor in graph.tensors:
        held = tensor.constant_bytes
        expected = _bytes_of(tensor)
        if held is not None and expected is not None and held != expected:
            raise ConversionError(
                f"{path} is damaged: tensor {tensor.name!r} ({tensor.dtype} {tensor.shape}) takes "
                f"{expected} bytes and the file holds {held}. Convert it again."
            )
    known = set(graph.inputs)
    known.update(
        index
        for index, tensor in enumerate(graph.tensors)
        if tensor.constant_bytes is not None or tensor.is_variable or tensor.elements == 0
    )
    for operator in graph.operators:
        for index in operator.inputs:
            if index != -1 and index not in known:
                raise ConversionError(
                    f"{path} does not hold the weights {graph.tensors[index].name!r} of an "
                    f"operator {operator.name}. Freeze the model's variables before converting."
                )
        known.update(operator.outputs)
    for index in graph.outputs:
        if index not in known:
            raise ConversionError(
                f"{path}: nothing computes the output {graph.tensors[index].name!r}."
            )


def _bytes_of(tensor: Tensor) -> int | None:
    bits = BITS.get(tensor.dtype)
    return None if bits is None else (tensor.elements * bits + 7) // 8


def _precision(model: Model) -> str:
    activations = Counter(
        QUANTISED_ACTIVATIONS.get(tensor.dtype, tensor.dtype)
        for tensor in _activations(model)
        if tensor.dtype in ("float32", "float16") or tensor.quantisation is not None
    )
    # Scores of int32 are sums on their way, and no precision of their own.
    activations.pop("int32", 0)
    if activations:
        most, _ = activations.most_common(1)[0]
        if most in QUANTISED_ACTIVATIONS.values():
            return most
    if _read_by(model, QUANTISED_WEIGHTS) - {"DEQUANTIZE"}:
        return "dynamic"
    if _read_by(model, QUANTISED_WEIGHTS):
        return "w8"
    return "fp16" if _read_by(model, ("float16",)) else "fp32"


def _activations(model: Model) -> Iterator[Tensor]:
    """What operators compute, except what only changes a dtype at the edge of the graph."""
    for graph, operator in _operators(model):
        if operator.name not in ("QUANTIZE", "DEQUANTIZE"):
            yield from (graph.tensors[index] for index in operator.outputs if index != -1)


def _read_by(model: Model, dtypes: Collection[str]) -> set[str]:
    """Name the operators that read weights of some dtypes: floats, or integers for such."""
    return {
        operator.name
        for graph, operator in _operators(model)
        for index in operator.inputs
        if index != -1
        and (tensor := graph.tensors[index]).constant_bytes is not None
        and tensor.dtype in dtypes
        and (tensor.dtype == "float16" or tensor.quantisation is not None)
    }


def _require_precision(path: Path, variant_name: str, precision: str, model: Model) -> None:
    expected = variant_name.removeprefix("tflite-")
    if expected == precision or expected == "fp32":
        return
    # A model whose weights are all small, or in no such operator, has one file for all of these.
    kept = [
        graph.tensors[index]
        for graph, operator in _operators(model)
        if operator.name in WEIGHTED_OPERATORS
        for index in operator.inputs[1:2]
        if graph.tensors[index].dtype == "float32"
        and graph.tensors[index].constant_bytes is not None
        and graph.tensors[index].elements >= SMALLEST_QUANTISED_WEIGHT
    ]
    if precision == "fp32" and kept:
        raise ConversionError(
            f"{path} was to be {expected}, and its weights are float32 still, such as "
            f"{kept[0].name!r}. Leave this variant out, or report the model's layers as a defect."
        )

"""A ready `.tflite` file, to check, inspect and wrap. LiteRT's reference kernels run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import SourceError
from mobilekit_converters.signature import Quantisation, Signature, TensorSpec
from mobilekit_converters.sources import Source, SourceOptions
from mobilekit_converters.sources.framework_errors import load_error
from mobilekit_converters.sources.naming import unique_names
from mobilekit_converters.sources.saved_model import choose_signature
from mobilekit_converters.sources.shapes import fix_inputs
from mobilekit_converters.sources.tensorflow_source import check_inputs
from mobilekit_converters.sources.tflite_file import read_tflite
from mobilekit_converters.sources.weights import refuse_non_finite_constants

KIND = "tflite"

_IDENTIFIER = b"TFL3"
"""At byte 4 of every TFLite file: `file_identifier` of TensorFlow's schema.fbs."""


def recognises(path: Path) -> bool:
    """Say whether a file carries TFLite's identifier."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(8)[4:] == _IDENTIFIER


def check(path: Path, options: SourceOptions) -> None:
    """Refuse a damaged file, NaN or Inf in its weights, and a missing signature."""
    content = read_tflite(path)
    _choose_signature(path, content.signatures, options.signature)
    refuse_non_finite_constants(path, content.constants)


def open_source(path: Path, options: SourceOptions) -> Source:
    """Load the file into LiteRT."""
    from importlib.metadata import version

    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    framework = f"LiteRT {version('ai-edge-litert')} (reference kernels)"
    try:
        interpreter = Interpreter(
            model_content=path.read_bytes(),
            num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        )
        key = _choose_signature(path, list(interpreter.get_signature_list()), options.signature)
        graph = _Plain(interpreter) if key is None else _Signed(interpreter, key)
        inputs = fix_inputs(
            path,
            [(name, _open_shape(t), np.dtype(t["dtype"]).name) for name, t in graph.inputs.items()],
            options,
            batched=False,
        )
        sample = graph.run({spec.name: np.zeros(spec.shape, spec.dtype) for spec in inputs})
    except (RuntimeError, ValueError, TypeError) as error:
        hint = "Custom and Flex operators are not supported: convert the model without them."
        raise load_error(path, framework, error, hint) from error
    signature = Signature(
        inputs=tuple(_spec(s.name, s.shape, graph.inputs[s.name]) for s in inputs),
        outputs=tuple(
            _spec(name, sample[name].shape, tensor) for name, tensor in graph.outputs.items()
        ),
    )
    return TFLiteSource(path=path, framework=framework, signature=signature, graph=graph)


@dataclass(frozen=True, kw_only=True)
class TFLiteSource:
    """A TFLite file in LiteRT. It is a `Source`; inputs and outputs have the file's own dtypes."""

    path: Path
    framework: str
    signature: Signature
    graph: _Signed | _Plain
    kind: str = KIND
    parameters: int | None = None

    def predict(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run the reference kernels on one batch, in the file's own dtypes, quantised ones too.

        Raises:
            DataError: the arrays are not the signature's inputs.
        """
        check_inputs(self.signature, inputs)
        return self.graph.run(inputs)

    def freeze(self, folder: Path) -> None:  # noqa: ARG002 - the Protocol's shape
        """Refuse: nothing can be converted from a finished file.

        Raises:
            SourceError: always.
        """
        raise SourceError(
            f"{self.path.name} is a finished .tflite file: it can be checked, inspected and "
            "wrapped, but nothing can be converted from it. Give the trained model as the source "
            "(`[model] source`) to convert."
        )


class _Signed:
    """One of the file's signatures, with its own names."""

    def __init__(self, interpreter: Any, key: str) -> None:
        self._interpreter = interpreter
        self._runner = interpreter.get_signature_runner(key)
        self.inputs: dict[str, Any] = self._runner.get_input_details()
        self.outputs: dict[str, Any] = self._runner.get_output_details()

    def run(self, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        self._interpreter.reset_all_variables()
        results = self._runner(**arrays)
        return {name: np.array(results[name]) for name in self.outputs}


class _Plain:
    """The main graph of a file without signatures, with the names of its tensors."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self.inputs = _by_name(interpreter.get_input_details())
        self.outputs = _by_name(interpreter.get_output_details())

    def run(self, arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        for name, tensor in self.inputs.items():
            self._interpreter.resize_tensor_input(tensor["index"], arrays[name].shape)
        self._interpreter.allocate_tensors()
        self._interpreter.reset_all_variables()
        for name, tensor in self.inputs.items():
            self._interpreter.set_tensor(tensor["index"], arrays[name])
        self._interpreter.invoke()
        # `get_tensor` copies.
        return {n: self._interpreter.get_tensor(t["index"]) for n, t in self.outputs.items()}


def _by_name(tensors: list[Any]) -> dict[str, Any]:
    return dict(zip(unique_names(t["name"] for t in tensors), tensors, strict=True))


def _choose_signature(path: Path, names: list[str], chosen: str | None) -> str | None:
    """Return the signature to use, or `None` where the file has none."""
    if not names and chosen is None:
        return None
    return choose_signature(path, names, chosen)


def _open_shape(tensor: Any) -> list[int | None]:
    """Return a shape with `None` where the file leaves a dimension open."""
    signature = tensor.get("shape_signature", tensor["shape"])
    sizes = tensor["shape"] if len(signature) == 0 else signature
    return [None if size < 0 else int(size) for size in sizes]


def _spec(name: str, shape: tuple[int, ...], tensor: Any) -> TensorSpec:
    parameters = tensor["quantization_parameters"]
    scales, points = parameters["scales"], parameters["zero_points"]
    quantisation = None
    if len(scales):
        quantisation = Quantisation(
            scales=tuple(map(float, scales)),
            zero_points=tuple(map(int, points)),
            axis=int(parameters["quantized_dimension"]) if len(scales) > 1 else None,
        )
    return TensorSpec(
        name=name,
        shape=tuple(map(int, shape)),
        dtype=np.dtype(tensor["dtype"]).name,
        quantisation=quantisation,
    )

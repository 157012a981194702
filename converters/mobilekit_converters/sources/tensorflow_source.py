"""A source that TensorFlow runs: Keras models and SavedModels alike, once they can be called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import DataError, SourceError
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.sources.framework_errors import first_line

if TYPE_CHECKING:
    import tensorflow as tf

    Call = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]

_NUMBERS = "bool, float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32"
"""numpy dtypes that an input or an output may have. Phones' runtimes take no text."""


@dataclass(frozen=True, kw_only=True)
class TensorFlowSource:
    """A model as a function of tensors by name, traced with fixed shapes. It is a `Source`.

    `call` is the model in inference mode; `traced` is the concrete function that `predict` runs.
    `prepare` changes the model for phones. It runs before the freezing, and `traced` stays what the
    model was before.
    """

    kind: str
    framework: str
    signature: Signature
    parameters: int | None
    call: Call
    traced: Any
    prepare: Callable[[], None] | None = None

    def predict(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run the source's own framework on one batch, in the signature's shapes and dtypes.

        Raises:
            DataError: the arrays are not the signature's inputs.
        """
        check_inputs(self.signature, inputs)
        results = _run(self.traced, self.signature.inputs, inputs)
        return {spec.name: results[spec.name] for spec in self.signature.outputs}

    def freeze(self, folder: Path) -> None:
        """Write the model as a frozen SavedModel, for the converters.

        Raises:
            SourceError: something in the model cannot be folded into constants.
        """
        from mobilekit_converters.frozen import freeze

        if self.prepare is not None:
            self.prepare()
        freeze(self.call, self.signature, folder)


def trace(
    path: Path,
    *,
    kind: str,
    framework: str,
    call: Call,
    inputs: tuple[TensorSpec, ...],
    output_names: Iterable[str],
    parameters: int | None,
    prepare: Callable[[], None] | None = None,
) -> TensorFlowSource:
    """Trace a model with fixed input shapes, which shows the shapes of its outputs.

    Args:
        path: the source, for messages.
        kind: the kind of file.
        framework: what runs it, with the version.
        call: the model in inference mode, by input and output names.
        inputs: the inputs with their fixed shapes.
        output_names: the outputs, in order.
        parameters: how many trained numbers it holds.
        prepare: what changes the model before it is frozen.

    Raises:
        SourceError: the model does not run with these shapes, or the shape of an output or the
            dtype of an input or output is not one that a phone can take.
    """
    import tensorflow as tf

    for spec in inputs:
        _check_dtype(path, "Input", spec.name, spec.dtype)
    # TensorFlow allows fewer characters in a tensor's name than a model in its inputs' names.
    tensors = {
        spec.name: tf.TensorSpec(spec.shape, spec.dtype, name=f"input_{index}")
        for index, spec in enumerate(inputs)
    }
    try:
        traced = tf.function(
            call, input_signature=[tensors], autograph=False
        ).get_concrete_function()
        sample = _run(traced, inputs, {s.name: np.zeros(s.shape, s.dtype) for s in inputs})
    except (tf.errors.OpError, ValueError, TypeError, AttributeError, KeyError) as error:
        shown = "; ".join(map(str, inputs))
        raise SourceError(
            f"{path.name} does not run on inputs of fixed shapes ({shown}): {first_line(error)} "
            "[" + type(error).__name__ + "] Check `shape` of its inputs and `[model] batch`."
        ) from error
    outputs = tuple(
        _output(path, name, sample[name], traced.structured_outputs[name]) for name in output_names
    )
    return TensorFlowSource(
        kind=kind,
        framework=framework,
        signature=Signature(inputs=inputs, outputs=outputs),
        parameters=parameters,
        call=call,
        traced=traced,
        prepare=prepare,
    )


def check_inputs(signature: Signature, inputs: Mapping[str, NDArray[np.generic]]) -> None:
    """Compare arrays with a signature.

    Raises:
        DataError: a name, a shape or a dtype differs.
    """
    expected = {spec.name: spec for spec in signature.inputs}
    if set(inputs) != set(expected):
        raise DataError(f"The inputs are {sorted(inputs)}; the model takes {list(expected)}.")
    for name, spec in expected.items():
        array = inputs[name]
        if array.shape != spec.shape or array.dtype.name != spec.dtype:
            raise DataError(
                f"Input {name!r} is {array.dtype.name} {list(array.shape)}; the model takes "
                f"{spec.dtype} {list(spec.shape)}."
            )


def _run(
    traced: Any, specs: tuple[TensorSpec, ...], inputs: Mapping[str, NDArray[np.generic]]
) -> dict[str, NDArray[np.generic]]:
    import tensorflow as tf

    tensors = {spec.name: tf.constant(inputs[spec.name], spec.dtype) for spec in specs}
    return {name: tensor.numpy() for name, tensor in traced(tensors).items()}


def _output(path: Path, name: str, sample: NDArray[np.generic], traced: Any) -> TensorSpec:
    """Describe an output by what it was on a sample, held against what the trace knows of it.

    The functions in a SavedModel were traced with open dimensions, so the trace alone may know less
    than the fixed inputs determine.
    """
    if not traced.shape.is_compatible_with(sample.shape) or not all(sample.shape):
        raise SourceError(
            f"Output {name!r} of {path.name} is empty or of no fixed shape: {list(sample.shape)} "
            "on an input of zeros. Its shape depends on the values, and a phone needs fixed shapes."
        )
    _check_dtype(path, "Output", name, sample.dtype.name)
    return TensorSpec(name=name, shape=tuple(map(int, sample.shape)), dtype=sample.dtype.name)


def _check_dtype(path: Path, what: str, name: str, dtype: str) -> None:
    if dtype not in _NUMBERS.split(", "):
        raise SourceError(
            f"{what} {name!r} of {path.name} is of dtype {dtype}, which cannot run on a phone. "
            f"Move that step out of the model. Possible: {_NUMBERS}."
        )

"""A loaded Keras model, of Keras 3 or of `tf_keras`, as a source: both answer alike here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import SourceError
from mobilekit_converters.keras_preparation import prepare_keras_model
from mobilekit_converters.sources import SourceOptions
from mobilekit_converters.sources.naming import unique_names
from mobilekit_converters.sources.shapes import fix_inputs
from mobilekit_converters.sources.tensorflow_source import TensorFlowSource, trace
from mobilekit_converters.sources.weights import refuse_non_finite

if TYPE_CHECKING:
    import tensorflow as tf


def keras_source(
    path: Path, model: Any, options: SourceOptions, *, kind: str, framework: str
) -> TensorFlowSource:
    """Make a source of a loaded Keras model.

    Inputs and outputs that the model holds in a dictionary are named by its keys, others by their
    layers. A layer that gives several outputs gives them numbered names.

    Raises:
        SourceError: it has no fixed inputs, its weights hold NaN or Inf, or a dimension is unknown.
    """
    import tensorflow as tf

    refuse_non_finite(path, _weights(model))
    inputs, outputs = _ends(path, model)
    specs = fix_inputs(
        path,
        [(name, tuple(t.shape), tf.as_dtype(t.dtype).name) for name, t in inputs.items()],
        options,
        batched=True,
    )
    structure = _structure(model, "input")
    name_of = {id(tensor): name for name, tensor in inputs.items()}

    def call(tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        structured = tf.nest.map_structure(lambda end: tensors[name_of[id(end)]], structure)
        result = model(structured, training=False)
        return dict(zip(outputs, _in_order(result, _structure(model, "output")), strict=True))

    return trace(
        path,
        kind=kind,
        framework=framework,
        call=call,
        inputs=specs,
        output_names=outputs,
        parameters=int(model.count_params()),
        prepare=lambda: prepare_keras_model(model),
    )


def _weights(model: Any) -> Iterator[tuple[str, NDArray[np.generic]]]:
    for variable in model.weights:
        # Keras 3 knows the path through the layers; tf_keras has it in the name.
        yield getattr(variable, "path", variable.name), np.asarray(variable.numpy())


def _ends(path: Path, model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the symbolic inputs and outputs of a model by name."""
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise SourceError(
            f"{path.name} holds a {type(model).__name__} whose inputs the file does not describe: "
            "it is a subclassed model, or was never called. Export it as a SavedModel folder "
            "(`model.export(FOLDER)`) after calling it once."
        )
    return _named(_structure(model, "input")), _named(_structure(model, "output"))


def _structure(model: Any, which: str) -> Any:
    """Return a model's symbolic `input` or `output`: a tensor, or a list or dictionary of them."""
    # The Sequential model of Keras 3 has only the lists, of one tensor each.
    ends = getattr(model, f"{which}s")
    return getattr(model, which, ends[0])


def _named(structure: Any) -> dict[str, Any]:
    if isinstance(structure, Mapping):
        return dict(structure)
    ends = _in_order(structure, structure)
    # First in a symbolic tensor's history, in both frameworks, is the layer that it comes from.
    layers = [end._keras_history[0].name for end in ends]
    return dict(zip(unique_names(layers), ends, strict=True))


def _in_order(values: Any, structure: Any) -> list[Any]:
    """Flatten what a model takes or returns; a dictionary in its own order, not in its keys'."""
    import tensorflow as tf

    if isinstance(structure, Mapping):
        return [values[key] for key in structure]
    return list(tf.nest.flatten(values))

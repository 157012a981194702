"""SavedModel folders, through the signature that the user chose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import SourceError, nearest
from mobilekit_converters.hashing import bytes_of_path
from mobilekit_converters.sources import Source, SourceOptions
from mobilekit_converters.sources.framework_errors import load_error
from mobilekit_converters.sources.saved_model_proto import FILE, read_saved_model
from mobilekit_converters.sources.saved_model_safety import (
    refuse_constants_that_expand,
    refuse_dangerous_operations,
)
from mobilekit_converters.sources.shapes import fix_inputs
from mobilekit_converters.sources.tensorflow_source import trace
from mobilekit_converters.sources.weights import refuse_non_finite, refuse_non_finite_constants

KIND = "saved-model"

_SERVE = "serve"
_DEFAULT = "serving_default"
_OTHER_FORMS = ("saved_model.cpb", "saved_model.pbtxt")
_INITIALISERS = frozenset({"__saved_model_init_op", "__saved_model_train_op"})


def recognises(path: Path) -> bool:
    """Say whether it is a folder with a SavedModel in it, in whatever form."""
    return path.is_dir() and any((path / name).exists() for name in (FILE, *_OTHER_FORMS))


def check(path: Path, options: SourceOptions) -> None:
    """Refuse a damaged graph, a missing signature, and operations that do more than compute."""
    for other in _OTHER_FORMS:
        if (path / other).exists():
            raise SourceError(
                f"{path.name} holds {other}, a form that is not read. Save the model again so that "
                f"the folder holds {FILE} alone."
            )
    saved_model = read_saved_model(path)
    choose_signature(path, _signatures(path, saved_model), options.signature)
    refuse_constants_that_expand(path, saved_model, bytes_of_path(path))
    if not options.trust:
        refuse_dangerous_operations(path, saved_model)


def open_source(path: Path, options: SourceOptions) -> Source:
    """Load the folder. The order of names is alphabetical: the format keeps no other."""
    import tensorflow as tf

    framework = f"TensorFlow {tf.__version__}"
    try:
        loaded = tf.saved_model.load(str(path), tags=[_SERVE])
    except Exception as error:
        hint = "Check that `variables/` is whole, and that no custom operation is needed."
        raise load_error(path, framework, error, hint) from error
    key = choose_signature(path, loaded.signatures, options.signature)
    function = loaded.signatures[key]
    variables = _variables(function)
    refuse_non_finite(path, variables.items())
    refuse_non_finite_constants(path, _constants(function))

    def call(tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        # Through `loaded`, which keeps the variables alive.
        return dict(loaded.signatures[key](**tensors))

    specs = function.structured_input_signature[1]
    return trace(
        path,
        kind=KIND,
        framework=framework,
        call=call,
        inputs=fix_inputs(
            path,
            [(name, _shape(specs[name]), specs[name].dtype.name) for name in sorted(specs)],
            options,
            batched=False,
        ),
        output_names=sorted(function.structured_outputs),
        parameters=sum(values.size for values in variables.values()) or None,
    )


def choose_signature(path: Path, names: Any, chosen: str | None) -> str:
    """Return the signature to convert: the chosen one, or the default, or the only one.

    Raises:
        SourceError: there is none of that name, or the choice is open.
    """
    listed = sorted(names)
    if chosen is not None:
        if chosen in listed:
            return chosen
        raise SourceError(
            f"{path.name} has no signature {chosen!r}.{nearest(chosen, listed)} Its signatures: "
            f"{', '.join(listed) or 'none'}."
        )
    if _DEFAULT in listed:
        return _DEFAULT
    if len(listed) == 1:
        return str(listed[0])
    if not listed:
        raise SourceError(
            f"{path.name} has no signature, so nothing says what its inputs are. Save it with "
            "`tf.saved_model.save(model, folder, signatures=...)` or `model.export(folder)`."
        )
    raise SourceError(
        f"{path.name} has several signatures and none is called {_DEFAULT!r}: {', '.join(listed)}. "
        "Choose one with `[model] signature` in the project file."
    )


def _signatures(path: Path, saved_model: Any) -> list[str]:
    for meta_graph in saved_model.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == {_SERVE}:
            return sorted(set(meta_graph.signature_def) - _INITIALISERS)
    tags = [", ".join(graph.meta_info_def.tags) or "none" for graph in saved_model.meta_graphs]
    raise SourceError(
        f"{path.name} holds no graph for inference: none is tagged {_SERVE!r} alone (tags: "
        f"{'; '.join(tags)}). Save it again for serving."
    )


def _shape(spec: Any) -> list[int | None] | None:
    return None if spec.shape.rank is None else list(spec.shape.as_list())


def _variables(function: Any) -> dict[str, NDArray[np.generic]]:
    numbers = [v for v in function.variables if v.dtype.is_floating or v.dtype.is_integer]
    return {variable.name.removesuffix(":0"): variable.numpy() for variable in numbers}


def _constants(function: Any) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Yield the floating point constants of a function and of all that it calls."""
    import tensorflow as tf

    # Constants from outside of the function come to it as inputs, behind its own.
    captured = function.captured_inputs
    for end, value in zip(function.inputs[-len(captured) :], captured, strict=False):
        if value.dtype.is_floating:
            yield end.op.name, value.numpy()
    graph = function.graph.as_graph_def()
    bodies = [graph.node, *(body.node_def for body in graph.library.function)]
    for node in (node for body in bodies for node in body if node.op == "Const"):
        if tf.as_dtype(node.attr["dtype"].type).is_floating:
            yield node.name, tf.make_ndarray(node.attr["value"].tensor)

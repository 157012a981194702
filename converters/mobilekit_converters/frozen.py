"""The portable form that every source is frozen into, and that every converter reads.

A frozen folder holds the same model twice, its variables folded into constants:

- `saved_model/`: a SavedModel whose signature `serving_default` has exactly the source's names,
- `graph.pb`: a GraphDef with placeholders `input_0`… and results `output_0`…, in signature order,

and `signature.json` with the names, shapes and dtypes. TensorFlow's TFLite converter reads the
first, coremltools' TensorFlow frontend the second.

coremltools' frontend stopped at TensorFlow 2.12 and the graphs of Keras 3 need mending for it. That
is done here, once, for all converters; `prepare_graph` is the list of what is done and why.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mobilekit_converters.errors import ConversionError, SourceError
from mobilekit_converters.graph_rewrites import FOR_ALL, FOR_TFLITE, Replacement, replace_operations
from mobilekit_converters.signature import Signature, TensorSpec

if TYPE_CHECKING:
    import tensorflow as tf

    Call = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]

SIGNATURE_NAME = "serving_default"
"""The key of the one signature of the frozen SavedModel, TensorFlow's own default."""


@dataclass(frozen=True, kw_only=True)
class FrozenModel:
    """A frozen folder, opened. Nothing but the signature is in memory."""

    folder: Path
    signature: Signature

    @property
    def saved_model(self) -> Path:
        """The SavedModel folder; its signature `serving_default` has the source's names."""
        return self.folder / "saved_model"

    def concrete_function(self) -> Callable[..., dict[str, tf.Tensor]]:
        """Load the SavedModel's signature as a function.

        It takes tensors as keyword arguments by the source's names, and returns a dict of tensors
        by the source's names.
        """
        import tensorflow as tf

        function = tf.saved_model.load(str(self.saved_model)).signatures[SIGNATURE_NAME]

        def call(**tensors: tf.Tensor) -> dict[str, tf.Tensor]:
            return dict(
                function(
                    **{
                        f"input_{index}": tensors[spec.name]
                        for index, spec in enumerate(self.signature.inputs)
                    }
                )
            )

        return call

    def graph_def(self) -> tf.compat.v1.GraphDef:
        """Load the graph; its ends are `input_0`… and `output_0`… in signature order."""
        import tensorflow as tf

        graph = tf.compat.v1.GraphDef()
        graph.ParseFromString((self.folder / "graph.pb").read_bytes())
        return graph


def freeze(call: Call, signature: Signature, folder: Path) -> None:
    """Trace a model with fixed shapes, fold its variables into constants and write the folder.

    Args:
        call: the model in inference mode. It takes a dict of tensors by the signature's input names
            and returns a dict of tensors by the signature's output names.
        signature: names, shapes and dtypes. Names may hold any characters.
        folder: where to write; created if need be.

    Raises:
        SourceError: the outputs differ from the signature, or a variable, a lookup table or Python
            code is left in the graph, so that it cannot stand alone.
    """
    write_frozen(prepare_graph(_trace(call, signature)), signature, folder)


def write_frozen(graph: tf.compat.v1.GraphDef, signature: Signature, folder: Path) -> None:
    """Write a frozen folder.

    Args:
        graph: as `prepare_graph` returns it.
        signature: names, shapes and dtypes of its ends.
        folder: where to write; created if need be.
    """
    import tensorflow as tf

    inputs, outputs = _ends(signature)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "graph.pb").write_bytes(graph.SerializeToString(deterministic=True))
    (folder / "signature.json").write_text(json.dumps(asdict(signature), indent=2) + "\n", "utf-8")

    module = tf.Module()
    module.serve = _as_function(_replace(graph, FOR_TFLITE, inputs, outputs), signature)
    saved_model = folder / "saved_model"
    tf.saved_model.save(module, str(saved_model), signatures={SIGNATURE_NAME: module.serve})
    _name_inputs(saved_model / "saved_model.pb", signature)


def simplify_graph(graph: tf.compat.v1.GraphDef, signature: Signature) -> tf.compat.v1.GraphDef:
    """Inline the functions that a frozen graph calls, fold constants, drop what nothing needs."""
    simplified = _optimise(graph, *_ends(signature))
    _name_functions(simplified)
    return simplified


def _ends(signature: Signature) -> tuple[list[str], list[str]]:
    """The names of a frozen graph's tensors at its ends."""
    inputs = [f"input_{index}:0" for index in range(len(signature.inputs))]
    outputs = [f"output_{index}:0" for index in range(len(signature.outputs))]
    return inputs, outputs


def load_frozen(folder: Path) -> FrozenModel:
    """Open a frozen folder.

    Raises:
        ConversionError: the folder is not a whole frozen model.
    """
    try:
        stored = json.loads((folder / "signature.json").read_text("utf-8"))
        inputs, outputs = (tuple(map(_spec, stored[key])) for key in ("inputs", "outputs"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConversionError(
            f"{folder} is not a frozen model: its signature.json cannot be read ({error}). "
            "Freeze the source again."
        ) from error
    return FrozenModel(folder=folder, signature=Signature(inputs=inputs, outputs=outputs))


def prepare_graph(traced: Any) -> tf.compat.v1.GraphDef:
    """Fold, inline and simplify the graph of a traced function.

    1. Variables become constants; loops and branches stay functional (`While`, `If`), because
       neither converter reads the older Switch and Merge.
    2. `_XlaMustCompile` goes: Keras 3 puts it on grouped convolution, and it forbids inlining.
    3. Function calls are inlined, constants folded, `Assert` and other debugging nodes dropped.
    4. Operations that no converter has are replaced (`graph_rewrites`).
    5. Functions of loops and branches get names that do not depend on what was traced before.

    Args:
        traced: a `ConcreteFunction` without side effects.

    Returns:
        A graph with placeholders `input_0`… and results `output_0`….

    Raises:
        SourceError: a variable, a lookup table or Python code is left.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    _refuse_what_cannot_stand_alone(traced.graph.as_graph_def())
    constant = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    graph = constant.graph.as_graph_def()
    _allow_inlining(graph)
    ends = [tensor.name for tensor in constant.inputs], [t.name for t in constant.outputs]
    graph = _replace(_optimise(graph, *ends), FOR_ALL, *ends)
    _name_functions(graph)
    return _name_ends(graph, *ends)


def _trace(call: Call, signature: Signature) -> Any:
    """Trace, and keep only what the outputs need.

    `wrap_function` adds no control dependencies, unlike `tf.function`: Keras' random layers advance
    their seeds even where they pass their input on, and that must not hold the model back.
    """
    import tensorflow as tf

    input_names = [spec.name for spec in signature.inputs]

    def positional(*tensors: tf.Tensor) -> list[tf.Tensor]:
        outputs = call(dict(zip(input_names, tensors, strict=True)))
        return [tf.identity(_output(outputs, spec)) for spec in signature.outputs]

    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, name=f"input_{index}")
        for index, spec in enumerate(signature.inputs)
    ]
    wrapped = tf.compat.v1.wrap_function(positional, specs)
    return wrapped.prune(wrapped.inputs[: len(specs)], wrapped.outputs)


def _output(outputs: dict[str, tf.Tensor], spec: TensorSpec) -> tf.Tensor:
    if spec.name not in outputs:
        raise SourceError(
            f"The model has no output {spec.name!r} when it is traced; it has {sorted(outputs)}."
        )
    tensor = outputs[spec.name]
    if tensor.dtype.name != spec.dtype or not tensor.shape.is_compatible_with(spec.shape):
        raise SourceError(
            f"The model's output {spec.name!r} is {tensor.dtype.name} {tensor.shape} when it is "
            f"traced, and {spec.dtype} {spec.shape} when it is read. Fix the model's shapes."
        )
    return tensor


def _functions(graph: tf.compat.v1.GraphDef) -> Iterator[Iterable[Any]]:
    """The graph's own nodes, and those of each function in its library."""
    yield graph.node
    for function in graph.library.function:
        yield function.node_def


def _allow_inlining(graph: tf.compat.v1.GraphDef) -> None:
    for function in graph.library.function:
        function.attr.pop("_XlaMustCompile", None)
        function.attr.pop("_noinline", None)
    for nodes in _functions(graph):
        for node in nodes:
            node.attr.pop("_XlaMustCompile", None)


def _optimise(
    graph: tf.compat.v1.GraphDef, inputs: list[str], outputs: list[str]
) -> tf.compat.v1.GraphDef:
    """Run Grappler: inline, fold constants, drop debugging nodes. Loops stay as they are."""
    import tensorflow as tf
    from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, rewriter_config_pb2
    from tensorflow.python.grappler import tf_optimizer

    with tf.Graph().as_default() as whole:
        tf.graph_util.import_graph_def(graph, name="")
    meta_graph = tf.compat.v1.train.export_meta_graph(graph_def=graph, graph=whole)
    ends = meta_graph_pb2.CollectionDef()
    ends.node_list.value.extend([*inputs, *outputs])
    # Grappler keeps what this collection names.
    meta_graph.collection_def["train_op"].CopyFrom(ends)

    config = config_pb2.ConfigProto()
    rewrite = config.graph_options.rewrite_options
    rewrite.min_graph_nodes = -1  # Small graphs too.
    rewrite.function_optimization = rewriter_config_pb2.RewriterConfig.AGGRESSIVE
    rewrite.optimizers.extend(["function", "constfold", "dependency", "debug_stripper"])
    return tf_optimizer.OptimizeGraph(config, meta_graph)


def _replace(
    graph: tf.compat.v1.GraphDef,
    table: Mapping[str, Replacement],
    inputs: list[str],
    outputs: list[str],
) -> tf.compat.v1.GraphDef:
    replaced = replace_operations(graph, table)
    return graph if replaced is None else _optimise(replaced, inputs, outputs)


def _name_functions(graph: tf.compat.v1.GraphDef) -> None:
    """Name functions by their place and the graph's content, and drop those without use.

    TensorFlow numbers functions as the process goes on, which would make the bytes depend on what
    was traced before; and a process holds only one function of a name, so that numbers alone would
    mix two models up.
    """
    for nodes in _functions(graph):
        for node in nodes:
            node.ClearField("experimental_debug_info")
    for function in graph.library.function:
        _name_arguments(function)
    library = {function.signature.name: function for function in graph.library.function}
    order = _functions_in_order_of_use(graph, library)
    graph.ClearField("library")
    graph.library.function.extend(library[name] for name in order)
    _rename_functions(graph, {name: f"function_{index}" for index, name in enumerate(order)})
    digest = hashlib.sha256(graph.SerializeToString(deterministic=True)).hexdigest()[:16]
    _rename_functions(
        graph,
        {f"function_{index}": f"function_{index}_of_{digest}" for index in range(len(order))},
    )


def _name_arguments(function: Any) -> None:
    """Number a function's arguments and results; their names, too, carry the process's numbers."""
    signature = function.signature
    names = {arg.name: f"argument_{index}" for index, arg in enumerate(signature.input_arg)}
    results = [function.ret[arg.name] for arg in signature.output_arg]
    function.ret.clear()
    function.control_ret.clear()
    del signature.control_output[:]
    for argument in signature.input_arg:
        argument.name = names[argument.name]
    for index, (result, source) in enumerate(zip(signature.output_arg, results, strict=True)):
        result.name = f"result_{index}"
        function.ret[result.name] = names.get(source, source)
    for node in function.node_def:
        node.input[:] = [
            f"^{names[name[1:]]}" if name[1:] in names else names.get(name, name)
            for name in node.input
        ]


def _functions_in_order_of_use(
    graph: tf.compat.v1.GraphDef, library: Mapping[str, Any]
) -> list[str]:
    order: list[str] = []
    waiting: list[Iterable[Any]] = [graph.node]
    while waiting:
        for node in waiting.pop(0):
            for reference in _references(node):
                if reference.name in library and reference.name not in order:
                    order.append(reference.name)
                    waiting.append(library[reference.name].node_def)
    return order


def _rename_functions(graph: tf.compat.v1.GraphDef, names: Mapping[str, str]) -> None:
    for nodes in _functions(graph):
        for node in nodes:
            for reference in _references(node):
                reference.name = names.get(reference.name, reference.name)
    for function in graph.library.function:
        function.signature.name = names[function.signature.name]


def _references(node: Any) -> Iterator[Any]:
    """The functions that a node names in its attributes."""
    for key in sorted(node.attr):
        value = node.attr[key]
        if value.HasField("func"):
            yield value.func
        yield from value.list.func


def _name_ends(
    graph: tf.compat.v1.GraphDef, inputs: list[str], outputs: list[str]
) -> tf.compat.v1.GraphDef:
    import tensorflow as tf

    _drop_waiting(graph, inputs)
    with tf.Graph().as_default() as renamed:
        source = {node.name: node for node in graph.node}
        placeholders = [
            tf.compat.v1.placeholder(
                node.attr["dtype"].type, node.attr["shape"].shape, name=f"input_{index}"
            )
            for index, node in enumerate(source[name.split(":")[0]] for name in inputs)
        ]
        tensors = tf.graph_util.import_graph_def(
            graph,
            input_map=dict(zip(inputs, placeholders, strict=True)),
            return_elements=outputs,
            name="model",
        )
        for index, tensor in enumerate(tensors):
            tf.identity(tensor, name=f"output_{index}")
    named = renamed.as_graph_def(add_shapes=True)
    replaced = [node for node in named.node if node.op == "Placeholder" and "/" in node.name]
    for node in replaced:
        named.node.remove(node)
    return named


def _drop_waiting(graph: tf.compat.v1.GraphDef, inputs: list[str]) -> None:
    """Let no node wait for an input: inlining a SavedModel's functions adds such control edges.

    They order nothing, and would lead to the placeholders that are replaced.
    """
    waits = {f"^{name.split(':')[0]}" for name in inputs}
    for node in graph.node:
        node.input[:] = [name for name in node.input if name not in waits]


def _as_function(graph: tf.compat.v1.GraphDef, signature: Signature) -> Any:
    """Wrap the graph in a function of `input_0`…, with the source's names for its outputs."""
    import tensorflow as tf

    def serve(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        results = tf.graph_util.import_graph_def(
            graph,
            input_map={f"input_{index}:0": tensor for index, tensor in enumerate(tensors)},
            return_elements=[f"output_{index}:0" for index in range(len(signature.outputs))],
            name="",
        )
        return dict(zip((spec.name for spec in signature.outputs), results, strict=True))

    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, name=f"input_{index}")
        for index, spec in enumerate(signature.inputs)
    ]
    return tf.function(serve, input_signature=specs, autograph=False).get_concrete_function()


def _name_inputs(file: Path, signature: Signature) -> None:
    """Give the stored signature's inputs the source's names.

    `tf.saved_model.save` takes them from Python arguments, where `a/b` and `a-b` are the same.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    stored = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    inputs = stored.meta_graphs[0].signature_def[SIGNATURE_NAME].inputs
    tensors = [inputs[f"input_{index}"].SerializeToString() for index in range(len(inputs))]
    inputs.clear()
    for spec, tensor in zip(signature.inputs, tensors, strict=True):
        inputs[spec.name].ParseFromString(tensor)
    file.write_bytes(stored.SerializeToString(deterministic=True))


def _refuse_what_cannot_stand_alone(graph: tf.compat.v1.GraphDef) -> None:
    for nodes in _functions(graph):
        for node in nodes:
            reason = next((why for ops, why in _CANNOT_STAND_ALONE.items() if node.op in ops), None)
            if reason:
                raise SourceError(f"The model {reason}: {node.name} ({node.op}). {_TAKE_OUT}")


_CANNOT_STAND_ALONE = {
    (
        "HashTableV2",
        "LookupTableFindV2",
        "LookupTableImportV2",
        "MutableHashTableV2",
    ): "looks values up in a table, which no constant can hold",
    (
        "AssignAddVariableOp",
        "AssignSubVariableOp",
        "AssignVariableOp",
        "ResourceScatterUpdate",
    ): "changes a variable while it runs",
    ("EagerPyFunc", "PyFunc", "PyFuncStateless"): "calls Python code while it runs",
}

_TAKE_OUT = "Take that layer out of the model and do its work in the app."


def _spec(stored: dict[str, Any]) -> TensorSpec:
    return TensorSpec(name=stored["name"], shape=tuple(stored["shape"]), dtype=stored["dtype"])

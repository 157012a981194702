"""Loops in the one form that coremltools' TensorFlow frontend reads.

The frontend takes the first two variables of every `While` for a counter and a limit that nothing
else uses, and throws away whatever depends on them; it finds the results of a loop by the names
that the TensorFlow of 2020 gave to a body's results. Loops of today's Keras hold none of that, so
here each loop gets two such variables, and each result its own `Identity` of the expected name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

_LOOPS = {"While", "StatelessWhile"}
_UNUSED = ("unused_counter", "unused_limit")


def mend_loops(graph: tf.compat.v1.GraphDef) -> None:
    """Bring every loop of the graph into the form above, in place."""
    functions = {function.signature.name: function for function in graph.library.function}
    loops = [node for node in graph.node if node.op in _LOOPS]
    for loop in loops:
        limit = _add_constant(graph, f"{loop.name}/unused")
        _shift_results(graph, loop)
        loop.input[:] = [limit, limit, *loop.input]
        for key in ("T", "output_shapes", "_output_shapes"):
            _prepend(loop.attr[key])
        count = len(loop.input)
        results = {
            "cond": ("identity",),
            "body": ("", "", *(f"identity_{index}" for index in range(2, count))),
        }
        for key, names in results.items():
            mended = graph.library.function.add()
            mended.CopyFrom(functions[loop.attr[key].func.name])
            mended.signature.name += f"_of_loop_{loops.index(loop)}"
            loop.attr[key].func.name = mended.signature.name
            _mend_function(mended, names)


def readable(function: Any) -> Any:
    """Return the function in the form in which coremltools reads it best.

    A graph without loops goes in as a function: a GraphDef would be written out as text, weights
    and all, for a line of a log. One with loops goes in as a GraphDef, since coremltools has
    functions optimised once more, and that drops the unused variables. The GraphDef's functions are
    in TensorFlow's eager context, where coremltools looks for them, as long as `function` lives.
    """
    graph = function.graph.as_graph_def(add_shapes=True)
    has_loops = any(node.op in _LOOPS for node in graph.node)
    return graph if has_loops else [function]


def _add_constant(graph: tf.compat.v1.GraphDef, name: str) -> str:
    import tensorflow as tf

    node = graph.node.add(name=name, op="Const")
    node.attr["dtype"].type = tf.int32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(0, tf.int32))
    node.attr["_output_shapes"].list.shape.add()
    return name


def _shift_results(graph: tf.compat.v1.GraphDef, loop: Any) -> None:
    """Read each result of the loop through an `Identity` of its own, two places further on."""
    results: dict[int, str] = {}
    for node in graph.node:
        for position, source in enumerate(node.input):
            name, _, index = source.partition(":")
            if name == loop.name:
                number = int(index or 0)
                results[number] = f"result_{number}_of/{loop.name}"
                node.input[position] = results[number]
    for number, name in sorted(results.items()):
        identity = graph.node.add(name=name, op="Identity")
        identity.input.append(f"{loop.name}:{number + len(_UNUSED)}")
        identity.attr["T"].type = loop.attr["T"].list.type[number]
        identity.attr["_output_shapes"].list.shape.add().CopyFrom(
            loop.attr["_output_shapes"].list.shape[number]
        )


def _prepend(value: Any) -> None:
    """Add the two unused scalars in front of a list of types or of shapes."""
    import tensorflow as tf

    types, shapes = (
        list(value.list.type),
        [type(s).FromString(s.SerializeToString()) for s in value.list.shape],
    )
    if types:
        del value.list.type[:]
        value.list.type.extend([tf.int32.as_datatype_enum] * 2 + types)
    if shapes:
        scalar = tf.TensorShape([]).as_proto()
        del value.list.shape[:]
        value.list.shape.extend([scalar, scalar, *shapes])


def _mend_function(function: Any, results: tuple[str, ...]) -> None:
    """Give a cond or body two unused arguments, and an `Identity` for each result.

    An empty name in `results` stands for an unused argument passed through.
    """
    import tensorflow as tf

    signature = function.signature
    arguments = list(signature.input_arg)
    old = [(argument, function.ret[argument.name]) for argument in signature.output_arg]
    del signature.input_arg[:]
    for name in _UNUSED:
        signature.input_arg.add(name=name, type=tf.int32.as_datatype_enum)
    signature.input_arg.extend(arguments)
    shifted = {index + len(_UNUSED): value for index, value in function.arg_attr.items()}
    function.arg_attr.clear()
    for index, value in shifted.items():
        function.arg_attr[index].CopyFrom(value)

    del signature.output_arg[:]
    function.ret.clear()
    function.control_ret.clear()
    del signature.control_output[:]
    unused = [(name, tf.int32.as_datatype_enum) for name in _UNUSED]
    sources = [*unused[: results.count("")], *((source, arg.type) for arg, source in old)]
    for index, (source, dtype) in enumerate(sources):
        name = results[index] or f"identity_of_{source}"
        signature.output_arg.add(name=name, type=dtype)
        node = function.node_def.add(name=f"node_of_{name}", op="Identity")
        node.input.append(source)
        node.attr["T"].type = dtype
        function.ret[name] = f"{node.name}:output:0"

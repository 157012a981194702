"""The operators of ML Programs, one file for each family as Apple's documentation groups them.

A file here is found by itself. It holds functions of this shape, a few lines each:

    @op("relu", monotone=True)
    def relu(graph: Graph, op: Op) -> str:
        return graph.node("Relu", op.tensor("x"))

    @op("concat", exact=True)
    def concat(graph: Graph, op: Op) -> str:
        if op.flag("interleave", default=False):
            raise op.unsupported("interleave")
        return graph.node("Concat", *op.tensors("values"), axis=op.integer("axis"))

- `graph.node(operator, *inputs, **attributes)` adds an ONNX node (opset `graph.ONNX_OPSET`) and
  returns the name of its output; `graph.nodes(..., count=n)` those of several outputs;
  `graph.constant(array)` adds a constant, `dtype="int64"` for ONNX's own parameters;
  `graph.cast(value, dtype)` converts.
- `op.tensor(name)` is an input as a value of the graph, constants too; `op.optional(name)`,
  `op.tensors(name)`. `op.array(name, default)` is a constant input as numpy has it, and
  `op.integer`, `op.integers`, `op.number`, `op.flag`, `op.text` are short for it. A default is that
  of Apple's reference of the operator, for programs that leave the input out. `op.input(name)` is
  an input's declared type (dtype and shape), `op.output` the first output's.
- Every input that the program gives must be read, by any of these methods. One that nobody read
  makes the program unsupported, by name. What is read must be honoured, or refused with
  `raise op.unsupported("what")`. `op.ignore(name)` is for what cannot change the numbers.
- All floats are carried as float32, all integers as int32, truth values as bool; a function answers
  in these. It does not round: its caller rounds to the declared type, unless the row says `exact`.
  A list of tensors is a tensor with one dimension more.
- `exact=True` is for operators that only move values or choose among them. `monotone=True` is for
  those of them that may be rounded after instead of before, such as ReLU: see `registry.op`.
- Loops and branches put their blocks into inner graphs: see `control_flow`.
- A function returns the name of its output, a list for several, or a numpy array in place of a name
  where the output is constant: later operations then see it as a constant.
- The versions of an operator in iOS 15 to iOS 18 have one function; their inputs tell them apart,
  and `op.opset` (`CoreML5`, `CoreML6`, `CoreML7`, `CoreML8`) where those do not.
"""

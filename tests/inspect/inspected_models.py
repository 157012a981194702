"""Files to inspect, and a table of rules that takes some of what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from one_op import Op, T, write

TOY = """
[table]
delegate = "toy"
title = "Toy"
format = "tflite"
level = "Toy version"
levels = [1, 2]
source = "the toy's source"
meaning = "What a toy takes."

[[operator]]
names = ["ADD", "CONV_2D", "RELU"]

[[operator]]
names = ["LOGISTIC"]
since = 2

[[rule]]
operators = ["ADD"]
require = "inputs[0].rank == 4"
reason = "it adds images alone"
remedy = "Reshape to four dimensions."
adaptation = "hard_swish"
source = "the toy, line 7"
"""
"""It takes convolutions, RELU and additions of images; LOGISTIC from its version 2 on."""


def toy(folder: Path, text: str = TOY) -> Path:
    """Write a table of rules."""
    path = folder / "toy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def chain(path: Path, *names: str, dtype: str = "float32") -> Path:
    """Write a file of operators in a row, each on an image of 8 × 8 × 4."""
    scales: tuple[float, ...] = (0.5,) if dtype.startswith("int") else ()
    tensors = [T(dtype=dtype, scales=scales)]
    ops = []
    current = 0
    for name in names:
        if name == "CONV_2D":
            tensors += [T(shape=(4, 3, 3, 4), fill=0.1), T(shape=(4,), fill=0.0)]
            inputs = (current, len(tensors) - 2, len(tensors) - 1)
        else:
            inputs = (current, current) if name == "ADD" else (current,)  # type: ignore[assignment]
        tensors.append(T(dtype=dtype, scales=scales))
        current = len(tensors) - 1
        ops.append(Op(name=name, inputs=inputs, outputs=(current,), options=_OPTIONS.get(name, {})))
    return write(path, tensors, ops)


_OPTIONS: dict[str, dict[str, Any]] = {
    "CONV_2D": {"kind": "Conv2DOptions", "padding": 0, "strideW": 1, "strideH": 1},
    "ADD": {"kind": "AddOptions"},
}

KINDS = ("CONV_2D", "ADD", "RELU", "LOGISTIC")


def long_chain(path: Path, count: int) -> Path:
    """Write a file of many operators, a fourth of them LOGISTIC."""
    return chain(path, *(KINDS[index % len(KINDS)] for index in range(count)))


def vectors(path: Path) -> Path:
    """Write a file that adds images, then vectors twice."""
    tensors = [
        T(),
        T(),
        T(shape=(2,), dtype="int32", values=[1, 256]),
        T(shape=(1, 256)),
        T(shape=(1, 256)),
        T(shape=(1, 256)),
    ]
    return write(
        path,
        tensors,
        [
            Op(name="ADD", inputs=(0, 0), outputs=(1,), options=_OPTIONS["ADD"]),
            Op(name="RESHAPE", inputs=(1, 2), outputs=(3,)),
            Op(name="ADD", inputs=(3, 3), outputs=(4,), options=_OPTIONS["ADD"]),
            Op(name="ADD", inputs=(4, 4), outputs=(5,), options=_OPTIONS["ADD"]),
        ],
    )


def half(path: Path) -> Path:
    """Write a file with fp16 weights: two convolutions, with five dimensions between them."""
    weights = {"shape": (4, 3, 3, 4)}
    tensors = [
        T(),
        T(**weights, dtype="float16", fill=0.1),
        T(**weights),
        T(shape=(4,), fill=0.0),
        T(),
        T(shape=(5,), dtype="int32", values=[1, 8, 8, 2, 2]),
        T(shape=(1, 8, 8, 2, 2)),
        T(shape=(4,), dtype="int32", values=[1, 8, 8, 4]),
        T(),
        T(**weights, dtype="float16", fill=0.1),
        T(**weights),
        T(),
    ]
    return write(
        path,
        tensors,
        [
            Op(name="DEQUANTIZE", inputs=(1,), outputs=(2,)),
            Op(name="CONV_2D", inputs=(0, 2, 3), outputs=(4,), options=_OPTIONS["CONV_2D"]),
            Op(name="RESHAPE", inputs=(4, 5), outputs=(6,)),
            Op(name="RESHAPE", inputs=(6, 7), outputs=(8,)),
            Op(name="DEQUANTIZE", inputs=(9,), outputs=(10,)),
            Op(name="CONV_2D", inputs=(8, 10, 3), outputs=(11,), options=_OPTIONS["CONV_2D"]),
        ],
    )


def with_graphs(path: Path, *, loop: bool) -> Path:
    """Write a file of two graphs more: each with a signature, or called by a loop of the first."""
    main = chain(path, *(["RELU"] if loop else ["ADD", "LOGISTIC"]))
    model = _model(main)
    graph = model.subgraphs[0]
    for name in ("second", "third"):
        other = _model(chain(path, "ADD", "ADD", "RELU")).subgraphs[0]
        for operator in other.operators:
            operator.opcodeIndex = len(model.operatorCodes)
            code = schema.OperatorCodeT()
            code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ADD
            code.version = 1
            model.operatorCodes.append(code)
        other.name = name.encode()
        model.subgraphs.append(other)
    if loop:
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.WHILE, 119
        code.version = 1
        model.operatorCodes.append(code)
        options = schema.WhileOptionsT()
        options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
        operator = graph.operators[0]
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.builtinOptionsType = schema.BuiltinOptions.WhileOptions
        operator.builtinOptions = options
    else:
        model.signatureDefs = [_signature(index, key) for index, key in enumerate("abc")]
    return _written(path, model)


def without_operators(path: Path) -> Path:
    """Write a file whose output is its input."""
    return write(path, [T()], [], inputs=[0], outputs=[0])


def without_graphs(path: Path) -> Path:
    """Write a file that holds no graph at all."""
    model = _model(chain(path, "RELU"))
    model.subgraphs = []
    return _written(path, model)


def _signature(index: int, key: str) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = key.encode(), index
    return signature


def _model(path: Path) -> Any:
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))


def _written(path: Path, model: Any) -> Path:
    import flatbuffers

    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path

"""Operators that map values one by one, alone and in pairs."""

from __future__ import annotations

from collections.abc import Iterator

from corpus_graph import Graph, k, one, q8, q16, qu8, t, w

_UNARY = (
    "ABS",
    "CEIL",
    "COS",
    "ELU",
    "EXP",
    "FLOOR",
    "GELU",
    "HARD_SWISH",
    "LEAKY_RELU",
    "LOG",
    "LOGISTIC",
    "LOG_SOFTMAX",
    "NEG",
    "RELU",
    "RELU6",
    "RELU_0_TO_1",
    "RELU_N1_TO_1",
    "ROUND",
    "RSQRT",
    "SIGN",
    "SIN",
    "SQRT",
    "SQUARE",
    "TANH",
    "L2_NORMALIZATION",
)
_KINDS = {
    "ABS": "AbsOptions",
    "GELU": "GeluOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "DIV": "DivOptions",
    "SOFTMAX": "SoftmaxOptions",
}
_ARITHMETIC = ("ADD", "SUB", "MUL", "DIV")
_BINARY = (
    *_ARITHMETIC,
    "MAXIMUM",
    "MINIMUM",
    "POW",
    "SQUARED_DIFFERENCE",
    "FLOOR_DIV",
    "FLOOR_MOD",
)
_COMPARE = ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL")
_SHAPE = (1, 8, 8, 4)
RELU = 1
RELU_N1_TO_1 = 2
RELU6 = 3


def unary() -> Iterator[Graph]:
    for name in _UNARY:
        kind = _KINDS.get(name, "")
        low = name.lower()
        yield one(low, name, [t(*_SHAPE)], [t(*_SHAPE)], kind)
        yield one(f"{low}_batch_4", name, [t(4, 8, 8, 4)], [t(4, 8, 8, 4)], kind)
    for name in ("TANH", "RELU", "ABS", "LOGISTIC", "SQRT", "HARD_SWISH"):
        low = name.lower()
        for shape in ((), (6,), (2, 6), (2, 3, 6), (1, 2, 3, 4, 6), (1, 2, 1, 3, 4, 6)):
            if name == "ABS" and not shape:
                continue
            yield one(f"{low}_rank_{len(shape)}", name, [t(*shape)], [t(*shape)])
        yield one(f"{low}_dynamic_batch", name, [t(*_SHAPE, open=(0,))], [t(*_SHAPE, open=(0,))])
    for name in ("ABS", "NEG", "SIGN"):
        i32 = t(*_SHAPE, dtype="int32")
        yield one(f"{name.lower()}_int32", name, [i32], [i32], version=2 if name != "NEG" else 1)
    for name in ("RELU", "RELU6", "HARD_SWISH", "LEAKY_RELU", "ABS", "ELU"):
        kind = _KINDS.get(name, "")
        version = {"ABS": 4, "ELU": 1, "HARD_SWISH": 1}.get(name, 2)
        yield one(f"{name.lower()}_int8", name, [q8(*_SHAPE)], [q8(*_SHAPE)], kind, version)
    small, wide = q8(*_SHAPE, scale=1 / 256, zero=-128), q8(*_SHAPE, scale=1 / 128)
    yield one("logistic_int8", "LOGISTIC", [q8(*_SHAPE)], [small], version=2)
    yield one("tanh_int8", "TANH", [q8(*_SHAPE)], [wide], version=2)
    yield one("logistic_uint8", "LOGISTIC", [qu8(*_SHAPE)], [qu8(*_SHAPE, scale=1 / 256, zero=0)])
    yield one("tanh_uint8", "TANH", [qu8(*_SHAPE)], [qu8(*_SHAPE, scale=1 / 128)])
    yield one("relu_uint8", "RELU", [qu8(*_SHAPE)], [qu8(*_SHAPE)], version=2)
    yield one("logistic_int16", "LOGISTIC", [q16(*_SHAPE)], [q16(*_SHAPE)], version=3)
    yield one("tanh_int16", "TANH", [q16(*_SHAPE)], [q16(*_SHAPE)], version=3)
    yield one("relu_int16", "RELU", [q16(*_SHAPE)], [q16(*_SHAPE)], version=3)
    yield one("abs_int16", "ABS", [q16(*_SHAPE)], [q16(*_SHAPE)], version=3)
    yield one("relu_version_3", "RELU", [t(*_SHAPE)], [t(*_SHAPE)], version=3)
    yield one("gelu_tanh", "GELU", [t(*_SHAPE)], [t(*_SHAPE)], "GeluOptions", approximate=True)
    yield one("relu_of_nothing", "RELU", [t(0, 4)], [t(0, 4)])


def softmax() -> Iterator[Graph]:
    for beta in (1.0, 0.5, 2.0):
        yield one(
            f"softmax_beta_{beta:g}", "SOFTMAX", [t(2, 10)], [t(2, 10)], "SoftmaxOptions", beta=beta
        )
    for shape in ((10,), (2, 3, 10), (1, 4, 4, 10), (1, 2, 2, 2, 10)):
        yield one(
            f"softmax_rank_{len(shape)}",
            "SOFTMAX",
            [t(*shape)],
            [t(*shape)],
            "SoftmaxOptions",
            beta=1.0,
        )
    out = q8(2, 10, scale=1 / 256, zero=-128)
    yield one("softmax_int8", "SOFTMAX", [q8(2, 10)], [out], "SoftmaxOptions", 2, beta=1.0)
    yield one(
        "softmax_uint8",
        "SOFTMAX",
        [qu8(2, 10)],
        [qu8(2, 10, scale=1 / 256, zero=0)],
        "SoftmaxOptions",
        beta=1.0,
    )
    yield one("softmax_int16", "SOFTMAX", [q16(2, 10)], [q16(2, 10)], "SoftmaxOptions", 3, beta=1.0)
    yield one(
        "softmax_dynamic_batch",
        "SOFTMAX",
        [t(1, 10, open=(0,))],
        [t(1, 10, open=(0,))],
        "SoftmaxOptions",
        beta=1.0,
    )


def binary() -> Iterator[Graph]:
    a = t(*_SHAPE)
    for name in (*_BINARY, "ATAN2"):
        kind, low = _KINDS.get(name, ""), name.lower()
        yield one(low, name, [a, a], [a], kind)
        if name == "ATAN2":
            continue
        yield one(f"{low}_constant", name, [a, w(*_SHAPE)], [a], kind)
        yield one(f"{low}_scalar", name, [a, k(2.0, "float32")], [a], kind)
        yield one(f"{low}_channels", name, [a, w(4)], [a], kind)
        yield one(f"{low}_constant_first", name, [w(4), a], [a], kind)
        yield one(f"{low}_runtime_channels", name, [a, t(1, 1, 1, 4)], [a], kind)
    for name in ("ADD", "MUL", "SUB", "MAXIMUM", "DIV"):
        kind, low = _KINDS.get(name, ""), name.lower()
        yield one(f"{low}_rank_1", name, [t(6), t(6)], [t(6)], kind)
        yield one(f"{low}_rank_2", name, [t(2, 6), t(2, 6)], [t(2, 6)], kind)
        yield one(f"{low}_rank_3", name, [t(2, 3, 6), t(2, 3, 6)], [t(2, 3, 6)], kind)
        five = t(1, 2, 3, 4, 6)
        yield one(f"{low}_rank_5", name, [five, five], [five], kind)
        yield one(f"{low}_rank_5_scalar", name, [five, k(2.0, "float32")], [five], kind)
        yield one(f"{low}_ranks_4_3", name, [a, t(8, 8, 4)], [a], kind)
        yield one(f"{low}_ranks_4_2", name, [a, t(8, 4)], [a], kind)
        yield one(f"{low}_ranks_4_1", name, [a, t(4)], [a], kind)
        yield one(f"{low}_ranks_4_0", name, [a, t()], [a], kind)
        yield one(f"{low}_ranks_3_2", name, [t(2, 3, 6), t(3, 6)], [t(2, 3, 6)], kind)
        yield one(f"{low}_batches", name, [t(2, 8, 8, 4), a], [t(2, 8, 8, 4)], kind)
        yield one(f"{low}_both_broadcast", name, [t(1, 8, 1, 4), t(1, 1, 8, 4)], [a], kind)
        yield one(f"{low}_height", name, [a, t(1, 8, 1, 1)], [a], kind)
        yield one(
            f"{low}_dynamic_batch",
            name,
            [t(*_SHAPE, open=(0,)), w(4)],
            [t(*_SHAPE, open=(0,))],
            kind,
        )
        if kind:
            for label, number in (("relu", RELU), ("relu6", RELU6), ("relu_n1", RELU_N1_TO_1)):
                yield one(
                    f"{low}_{label}", name, [a, w(4)], [a], kind, fusedActivationFunction=number
                )
    for name in ("ADD", "MUL", "SUB"):
        kind = _KINDS[name]
        same = [t(*_SHAPE)], [t(*_SHAPE)]
        graph = one(f"{name.lower()}_itself", name, same[0], same[1], kind)
        op = graph[2][0]
        yield (
            graph[0],
            graph[1],
            [type(op)(name=name, inputs=(0, 0), outputs=(1,), options=op.options)],
        )


def integers() -> Iterator[Graph]:
    for dtype in ("int32", "int64"):
        a = t(*_SHAPE, dtype=dtype)
        c = w(*_SHAPE, dtype=dtype)
        names = ("ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "FLOOR_DIV", "FLOOR_MOD", "DIV")
        for name in names:
            if dtype == "int64" and name in ("DIV", "SUB", "FLOOR_DIV"):
                continue
            kind = _KINDS.get(name, "")
            yield one(f"{name.lower()}_{dtype}", name, [a, a], [a], kind)
        yield one(f"add_{dtype}_constant", "ADD", [a, c], [a], "AddOptions")
        yield one(f"mul_{dtype}_scalar", "MUL", [a, k(3, dtype)], [a], "MulOptions")
    for name in ("ADD", "SUB", "MUL"):
        kind = _KINDS[name]
        a = q8(*_SHAPE)
        yield one(f"{name.lower()}_int8", name, [a, a], [a], kind, 2)
        yield one(f"{name.lower()}_uint8", name, [qu8(*_SHAPE)] * 2, [qu8(*_SHAPE)], kind)
        yield one(f"{name.lower()}_int16", name, [q16(*_SHAPE)] * 2, [q16(*_SHAPE)], kind, 4)
        scalar = w(1, dtype="int8", scales=(0.1,))
        yield one(f"{name.lower()}_int8_scalar", name, [a, scalar], [a], kind, 2)
        channels = w(4, dtype="int8", scales=(0.1,))
        yield one(f"{name.lower()}_int8_channels", name, [a, channels], [a], kind, 2)
    for name in ("MAXIMUM", "MINIMUM"):
        yield one(f"{name.lower()}_int8", name, [q8(*_SHAPE)] * 2, [q8(*_SHAPE)], version=2)
    for name, version in (("ADD", 3), ("ADD", 5), ("MUL", 5), ("MUL", 7), ("SUB", 3), ("SUB", 5)):
        yield one(
            f"{name.lower()}_version_{version}",
            name,
            [t(*_SHAPE)] * 2,
            [t(*_SHAPE)],
            _KINDS[name],
            version,
        )
    for name in ("MAXIMUM", "MINIMUM"):
        for version in (3, 4):
            yield one(
                f"{name.lower()}_version_{version}",
                name,
                [t(*_SHAPE)] * 2,
                [t(*_SHAPE)],
                version=version,
            )
    yield one("add_n", "ADD_N", [t(2, 6)] * 2, [t(2, 6)], "AddNOptions")
    yield one("add_n_3", "ADD_N", [t(2, 6)] * 3, [t(2, 6)], "AddNOptions")
    i32 = t(2, 6, dtype="int32")
    yield one("bitwise_xor_int32", "BITWISE_XOR", [i32, i32], [i32], "BitwiseXorOptions")
    yield one("right_shift_int32", "RIGHT_SHIFT", [i32, i32], [i32], "RightShiftOptions")
    yield one("stablehlo_shift_left", "STABLEHLO_SHIFT_LEFT", [i32, i32], [i32])


def constants() -> Iterator[Graph]:
    for dtype in ("int32", "int16", "int8", "uint8", "float16", "bool"):
        a, c, b = t(2, 6, dtype=dtype), w(2, 6, dtype=dtype), t(2, 6, dtype="bool")
        if dtype != "bool":
            yield one(f"maximum_constant_{dtype}", "MAXIMUM", [a, c], [a])
        yield one(f"equal_constant_{dtype}", "EQUAL", [a, c], [b])
        yield one(f"select_v2_constant_{dtype}", "SELECT_V2", [b, a, c], [a], "SelectV2Options")


def logic() -> Iterator[Graph]:
    b = t(*_SHAPE, dtype="bool")
    for name in _COMPARE:
        low = name.lower()
        yield one(low, name, [t(*_SHAPE)] * 2, [b])
        yield one(f"{low}_scalar", name, [t(*_SHAPE), k(0.5, "float32")], [b])
        yield one(f"{low}_int32", name, [t(*_SHAPE, dtype="int32")] * 2, [b])
    for name in ("EQUAL", "GREATER", "LESS"):
        low = name.lower()
        yield one(f"{low}_int64", name, [t(*_SHAPE, dtype="int64")] * 2, [b])
        yield one(f"{low}_int8", name, [q8(*_SHAPE)] * 2, [b], version=2)
        yield one(f"{low}_ranks_4_1", name, [t(*_SHAPE), t(4)], [b])
    yield one("logical_and", "LOGICAL_AND", [b, b], [b])
    yield one("logical_or", "LOGICAL_OR", [b, b], [b])
    yield one("logical_not", "LOGICAL_NOT", [b], [b])
    yield one(
        "logical_and_rank_2", "LOGICAL_AND", [t(2, 6, dtype="bool")] * 2, [t(2, 6, dtype="bool")]
    )
    for name in ("SELECT", "SELECT_V2"):
        low = name.lower()
        yield one(low, name, [b, t(*_SHAPE), t(*_SHAPE)], [t(*_SHAPE)])
        two = t(2, 6)
        yield one(f"{low}_rank_2", name, [t(2, 6, dtype="bool"), two, two], [two])
        yield one(f"{low}_rank_2_constant", name, [t(2, 6, dtype="bool"), w(2, 6), w(2, 6)], [two])
        i32 = t(*_SHAPE, dtype="int32")
        yield one(f"{low}_int32", name, [b, i32, i32], [i32])
        yield one(f"{low}_int8", name, [b, q8(*_SHAPE), q8(*_SHAPE)], [q8(*_SHAPE)])
    scalar = k(0.0, "float32")
    yield one("select_v2_scalar", "SELECT_V2", [b, t(*_SHAPE), scalar], [t(*_SHAPE)])
    yield one("select_v2_channels", "SELECT_V2", [b, t(*_SHAPE), w(4)], [t(*_SHAPE)])
    yield one(
        "select_v2_condition_broadcast",
        "SELECT_V2",
        [t(1, 8, 8, 1, dtype="bool"), t(*_SHAPE), t(*_SHAPE)],
        [t(*_SHAPE)],
    )
    yield one(
        "select_v2_runtime_broadcast", "SELECT_V2", [b, t(*_SHAPE), t(1, 1, 1, 4)], [t(*_SHAPE)]
    )


ELEMENTWISE = (unary, softmax, binary, integers, constants, logic)

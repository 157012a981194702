"""The options of an operator in a `.tflite` file, as plain data by the schema's own names."""

from __future__ import annotations

import functools
import re
from typing import Any

_MOST_VALUES = 64
"""Lists in options are shapes and axes; a longer one is left out."""

_ENUMERATIONS = {
    "padding": "Padding",
    "fused_activation_function": "ActivationFunctionType",
    "weights_format": "FullyConnectedOptionsWeightsFormat",
    "mode": "MirrorPadMode",
    "type": "LSHProjectionType",
    "combiner": "CombinerType",
    "kernel_type": "LSTMKernelType",
}
"""Which enumeration of the schema an option's number belongs to."""

_TENSOR_TYPES = (
    "in_data_type",
    "out_data_type",
    "output_type",
    "idx_out_type",
    "quantized_bias_type",
)
"""Options that are tensor types; 0 stands for float32, also where the option was not given."""


def read_options(operator: Any) -> dict[str, Any]:
    """Return the options of an operator of the generated schema classes.

    Numbers, texts and short lists of numbers are kept, members of enumerations by name; nested
    tables are left out. A damaged file raises what following its offsets raises.
    """
    options: dict[str, Any] = {}
    for kind, table in (
        (_names("BuiltinOptions")[operator.BuiltinOptionsType()], operator.BuiltinOptions()),
        (_names("BuiltinOptions2")[operator.BuiltinOptions2Type()], operator.BuiltinOptions2()),
    ):
        if table is not None and kind != "NONE":
            options.update(_fields(kind, table))
    return options


def _fields(kind: str, table: Any) -> dict[str, Any]:
    from ai_edge_litert import schema_py_generated as schema

    reader = getattr(schema, kind)()
    reader.Init(table.Bytes, table.Pos)
    found = {}
    for method, is_list in _getters(kind):
        name = _snake(method.removesuffix("AsNumpy"))
        if not is_list:
            found[name] = _readable(name, getattr(reader, method)())
        elif getattr(reader, method.replace("AsNumpy", "Length"))() <= _MOST_VALUES:
            values = getattr(reader, method)()
            found[name] = () if isinstance(values, int) else tuple(values.tolist())
    return {name: value for name, value in found.items() if _is_plain(value)}


@functools.cache
def _getters(kind: str) -> tuple[tuple[str, bool], ...]:
    """Return a reader's methods, each with whether it gives a list."""
    from ai_edge_litert import schema_py_generated as schema

    names = [name for name in vars(getattr(schema, kind)) if name[0].isupper() and name != "Init"]
    lists = {name.removesuffix("AsNumpy") for name in names if name.endswith("AsNumpy")}
    own = [
        name
        for name in names
        if not re.search(r"(AsNumpy|Length|IsNone|BufferHasIdentifier)$|^GetRootAs", name)
        # Lists of tables have a length and no array.
        and (name in lists or f"{name}Length" not in names)
    ]
    return tuple((f"{name}AsNumpy", True) if name in lists else (name, False) for name in own)


def _readable(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if name in _TENSOR_TYPES:
        return _names("TensorType")[value].lower()
    if name in _ENUMERATIONS and not isinstance(value, bool):
        return _names(_ENUMERATIONS[name]).get(value, value)
    return value


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, tuple))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


@functools.cache
def _names(enumeration: str) -> dict[int, str]:
    from ai_edge_litert import schema_py_generated as schema

    members = vars(getattr(schema, enumeration)).items()
    return {number: name for name, number in members if isinstance(number, int)}

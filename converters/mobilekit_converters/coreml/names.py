"""Feature names that Core ML can hold, for names that may hold anything."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from mobilekit_converters.errors import ConversionError

RESERVED = frozenset({
    "any", "bf16", "block", "bool", "dict", "false", "fp16", "fp32", "fp64", "func", "int16",
    "int32", "int64", "int8", "list", "main", "program", "state", "string", "tensor", "true",
    "tuple", "uint16", "uint32", "uint64", "uint8",
})  # fmt: skip
"""Words of the MIL text format, which coremltools would rename behind our back."""


def native_names(names: Iterable[str]) -> dict[str, str]:
    """Map every name to itself where Core ML can hold it, else to a unique name that it can.

    Core ML takes ASCII letters, digits and `_`, and coremltools keeps what begins with a letter.

    Args:
        names: all inputs' names, then all outputs'.

    Raises:
        ConversionError: two features share a name.
    """
    wanted = list(names)
    shared = [name for name, count in Counter(wanted).items() if count > 1]
    if shared:
        raise ConversionError(
            f"An input and an output of the model are both called {shared[0]!r}, and Core ML holds "
            "one feature of a name. Rename the output in the model."
        )
    taken = {name for name in wanted if _holds(name)}
    mapping = {}
    for name in wanted:
        native = name
        if not _holds(name):
            native = _unique(_sanitised(name), taken)
            taken.add(native)
        mapping[name] = native
    return mapping


def _holds(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) is not None and name not in RESERVED


def _sanitised(name: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return safe if _holds(safe) else f"feature_{safe}"


def _unique(name: str, taken: set[str]) -> str:
    count, candidate = 1, name
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    return candidate

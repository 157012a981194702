"""TensorFlow operations that coremltools' frontend lacks, in terms of those that it has.

They are registered through coremltools' public `register_tf_op`; the installed package stays as it
is. Each function's name is the TensorFlow operation's.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


@cache
def register_missing_ops() -> None:
    """Teach coremltools the operations below. Doing it again does nothing."""
    from coremltools.converters.mil import Builder as mb  # noqa: N813 - its documented name
    from coremltools.converters.mil import register_tf_op
    from coremltools.converters.mil.mil import types

    def Erfc(context: Any, node: Any) -> None:  # noqa: N802
        """1 - erf(x), as in the exact GELU."""
        x = context[node.inputs[0]]
        context.add(node.name, mb.sub(x=1.0, y=mb.erf(x=x), name=node.name))

    def EnsureShape(context: Any, node: Any) -> None:  # noqa: N802
        """x itself: all shapes are fixed, and were checked when the source was traced."""
        context.add(node.name, mb.identity(x=context[node.inputs[0]], name=node.name))

    def Expm1(context: Any, node: Any) -> None:  # noqa: N802
        """exp(x) - 1, as in CELU."""
        x = context[node.inputs[0]]
        context.add(node.name, mb.sub(x=mb.exp(x=x), y=1.0, name=node.name))

    def IsNan(context: Any, node: Any) -> None:  # noqa: N802
        """The one value that differs from itself."""
        x = context[node.inputs[0]]
        context.add(node.name, mb.not_equal(x=x, y=x, name=node.name))

    def Bucketize(context: Any, node: Any) -> None:  # noqa: N802
        """How many of the boundaries, which are sorted, each value has reached."""
        x = mb.expand_dims(x=context[node.inputs[0]], axes=[-1])
        boundaries = np.asarray(node.attr["boundaries"], np.float32)
        reached = mb.cast(x=mb.greater_equal(x=x, y=boundaries), dtype="int32")
        context.add(node.name, mb.reduce_sum(x=reached, axes=[-1], name=node.name))

    def Cast(context: Any, node: Any) -> None:  # noqa: N802
        """To a number or a truth value; coremltools' own knows no `bool` and no small integers.

        All integers are int32 here, as they are in the rest of coremltools.
        """
        x, to = context[node.inputs[0]], node.attr["DstT"]
        if types.is_bool(to):
            zero = 0.0 if types.is_float(x.dtype) else 0
            x = mb.identity(x=x) if types.is_bool(x.dtype) else mb.not_equal(x=x, y=zero)
            context.add(node.name, mb.identity(x=x, name=node.name))
            return
        dtype = "int32" if types.is_int(to) else "fp16" if to == types.fp16 else "fp32"
        context.add(node.name, mb.cast(x=x, dtype=dtype, name=node.name))

    for function in (Bucketize, Cast, EnsureShape, Erfc, Expm1, IsNan):
        register_tf_op(function, override=True)

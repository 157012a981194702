"""Short ways to write the graphs of the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from one_op import Op, T

Graph = tuple[str, list[T], list[Op]]


def t(*shape: int, dtype: str = "float32", **more: Any) -> T:
    """A tensor that is computed, or given when the graph runs."""
    return T(shape=shape, dtype=dtype, **more)


def w(*shape: int, dtype: str = "float32", **more: Any) -> T:
    """Weights: small numbers, the same each time."""
    ramp = np.arange(int(np.prod(shape))).reshape(shape) % 7 - 3
    if dtype in ("uint8", "bool"):
        ramp = abs(ramp)
    if dtype == "int4":
        return T(shape=shape, dtype=dtype, fill=0, **more)
    values = ramp / 8 if dtype.startswith("float") else ramp
    return T(shape=shape, dtype=dtype, values=values.astype(dtype), **more)


def k(values: Any, dtype: str = "int32") -> T:
    """A constant that says how an operator works: axes, paddings, shapes."""
    array = np.asarray(values, dtype)
    return T(shape=array.shape, dtype=dtype, values=array)


def q8(*shape: int, scale: float = 0.1, zero: int = 0, **more: Any) -> T:
    """A tensor in int8, one scale for all of it."""
    return t(*shape, dtype="int8", scales=(scale,), zero_points=(zero,), **more)


def qu8(*shape: int, scale: float = 0.1, zero: int = 128) -> T:
    """A tensor in uint8."""
    return t(*shape, dtype="uint8", scales=(scale,), zero_points=(zero,))


def q16(*shape: int, scale: float = 1 / 32768) -> T:
    """A tensor in int16, symmetric."""
    return t(*shape, dtype="int16", scales=(scale,), zero_points=(0,))


def wq8(*shape: int, channels: int = 0, axis: int = 0) -> T:
    """Weights in int8: a scale for each of `channels` along `axis`, or one for all of them."""
    return w(*shape, dtype="int8", scales=(0.05,) * (channels or 1), axis=axis)


def bias(channels: int, *, scales: int = 1, scale: float = 0.005, dtype: str = "int32") -> T:
    """The bias of a quantised layer, in the scales of input times weights."""
    return w(channels, dtype=dtype, scales=(scale,) * scales)


def one(
    name: str,
    operator: str,
    inputs: Sequence[T | None],
    outputs: Sequence[T],
    kind: str = "",
    version: int = 1,
    **options: Any,
) -> Graph:
    """A graph of one operator; None is an input that it is not given."""
    given = [tensor for tensor in inputs if tensor is not None]
    numbers = iter(range(len(given)))
    op = Op(
        name=operator,
        inputs=tuple(-1 if tensor is None else next(numbers) for tensor in inputs),
        outputs=tuple(range(len(given), len(given) + len(outputs))),
        options={"kind": kind, **options} if kind else {},
        version=version,
    )
    return name, [*given, *outputs], [op]


def chain(name: str, tensors: list[T], *ops: tuple[Any, ...]) -> Graph:
    """A graph of several: each is an operator, its inputs, its outputs, and its options."""
    return (
        name,
        tensors,
        [
            Op(
                name=operator,
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                options=dict(rest[0]) if rest else {},
                version=rest[1] if len(rest) > 1 else 1,
            )
            for operator, inputs, outputs, *rest in ops
        ],
    )

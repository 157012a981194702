"""What goes into a model and what comes out of it: names, shapes, dtypes, quantisation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Quantisation:
    """An affine quantisation: `real = scale * (stored - zero_point)`.

    `scales` and `zero_points` have one entry, or one per index of `axis`.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One input or output.

    `shape` is fixed and includes the batch; `dtype` is numpy's name (`float32`, `int8`, …).
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantisation: Quantisation | None = None

    def __str__(self) -> str:
        dimensions = "×".join(map(str, self.shape)) or "scalar"
        return f"{self.name}: {self.dtype} {dimensions}"


@dataclass(frozen=True, kw_only=True)
class Signature:
    """All inputs and outputs of a model, in its own order."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def __iter__(self) -> Iterator[TensorSpec]:
        yield from self.inputs
        yield from self.outputs

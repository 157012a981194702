"""Compares what the GPU accelerator computes with what LiteRT's plain kernels compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from drawn_inputs import inputs_for
from measuring import Crash, answers
from running import all_on_gpu, all_on_plain_kernels

from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far an output of the GPU is from that of the plain kernels.

    `most` is the largest difference: a share of the largest value for floats, steps for quantised
    integers, and units for others. `allowed` is what may be, `share` how many of the values, 0 to
    1, differ by more. Where the plain kernels divide by zero, anything may be.
    """

    most: float
    allowed: float
    share: float

    @property
    def wrong(self) -> bool:
        return self.share > 0


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A file's answers. `failure` says why there are none."""

    name: str
    differences: tuple[Difference, ...] = ()
    failure: str = ""

    @property
    def wrong(self) -> bool:
        return any(difference.wrong for difference in self.differences)


_FLOATS = 1e-3
_HYBRID = 0.03


def numbers(files: Mapping[str, Path]) -> list[Numbers]:
    """Run files on both, in their order; a crash is a failure."""
    return [
        Numbers(name=name, failure=answer.ending) if isinstance(answer, Crash) else answer
        for name, answer in zip(files, answers(compared, list(files.values())), strict=True)
    ]


def compared(path: Path) -> Numbers:
    """Run one file on both with drawn inputs."""
    (graph,) = read_graphs(path)
    given = inputs_for(graph)
    try:
        expected = all_on_plain_kernels(path, given)
        found = all_on_gpu(path, given, expected, rest_on_cpu=True)
    except (RuntimeError, ValueError) as error:
        return Numbers(name=path.stem, failure=str(error))
    differences = tuple(
        _difference(graph, index, one, other)
        for index, one, other in zip(graph.outputs, found, expected, strict=True)
    )
    return Numbers(name=path.stem, differences=differences)


def _difference(
    graph: OperatorGraph, index: int, found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]
) -> Difference:
    whole = np.float64 if expected.dtype.kind == "f" else np.int64
    one, other = found.astype(whole), expected.astype(whole)
    if whole is np.int64:
        allowed: float = 1 if graph.tensors[index].quantised else 0
        apart: np.ndarray[Any, Any] = np.abs(one - other)
    else:
        with np.errstate(invalid="ignore"):
            same = (one == other) | (np.isnan(one) & np.isnan(other))
            # A fused activation cuts infinity off at the largest float32.
            finite = np.abs(other) < np.finfo(np.float32).max
            peak = float(np.abs(other[finite]).max(initial=0)) or 1.0
            apart = np.where(same | ~finite, 0, np.abs(one - other) / peak)
        apart = np.where(np.isnan(apart), np.inf, apart)
        allowed = _HYBRID if any(t.quantised for t in graph.tensors) else _FLOATS
    share = float(np.mean(apart > allowed)) if apart.size else 0.0
    return Difference(most=float(apart.max(initial=0)), allowed=allowed, share=share)

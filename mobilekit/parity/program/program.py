"""An artifact's program as plain data, in a form that formats and precisions share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.artifact import Artifact

Reals = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Constants of one operator as the real numbers that it computes with.

    `axis` counts the output channels; None where nothing says which axis that is. NaN and Inf stay.
    `step`, of a shape that fits the values', is what a unit stands for where the weights have so
    many bits that their scale is chosen for something else: a bias is stored in the steps of its
    layer's sums.
    """

    values: Reals
    axis: int | None = None
    step: Reals | None = None


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One operator of a program, in running order.

    `sources` says what each input is: the index of the operator that computes it, the name of an
    input of the model, or the name of one of the `weights`. `options` holds all that it was told:
    strides, paddings, axes, activations. `weights` are by input. `range` is the lowest and the
    highest number that its first result can be where that is stored as integers.
    """

    kind: str
    result: str
    sources: tuple[int | str, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    weights: Mapping[str, Weights] = field(default_factory=dict)
    range: tuple[float, float] | None = None


Program = tuple[Operator, ...]


def program_of(artifact: Artifact) -> Program:
    """Read the program of an artifact, without what only changes how numbers are stored.

    Quantising, dequantising and casts are left out, and weights come as real numbers: what is left
    is the same in every precision.

    Raises:
        SourceError: the file cannot be read or is no whole artifact.
        UnsupportedError: it stores its weights in a form that nothing here reads.
    """
    if artifact.path.is_dir():
        from mobilekit.parity.program.coreml import read_coreml_program

        return read_coreml_program(artifact.path)
    from mobilekit.parity.program.tflite import read_tflite_program

    return read_tflite_program(artifact.path)

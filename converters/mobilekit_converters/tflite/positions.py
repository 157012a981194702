"""Where a signature's inputs and outputs stand in their file: what runtimes without names count."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mobilekit_converters.errors import SourceError
from mobilekit_converters.tflite.flatbuffer import read_model
from mobilekit_converters.tflite.read_back import chosen_signature


@dataclass(frozen=True, kw_only=True)
class Positions:
    """The place of each input among the file's, by the signature's name; outputs likewise."""

    inputs: dict[str, int]
    outputs: dict[str, int]


def read_positions(path: Path) -> Positions:
    """Read the positions of the signature that `read_artifact` reads.

    Raises:
        SourceError: the file cannot be read, or that signature is not the one which runtimes call
            when they are not told which.
    """
    model = read_model(path)
    signature = chosen_signature(model)
    graph = model.subgraphs[signature.subgraph]
    if signature.subgraph != 0 or (model.signatures and signature != model.signatures[0]):
        raise SourceError(
            f"{path} has several signatures, and {signature.key!r} is not the first of them, which "
            "is the one that runtimes on phones call. Convert the model with that one alone."
        )
    try:
        return Positions(
            inputs={name: graph.inputs.index(index) for name, index in signature.inputs.items()},
            outputs={name: graph.outputs.index(index) for name, index in signature.outputs.items()},
        )
    except ValueError as error:
        raise SourceError(
            f"{path}: the signature {signature.key!r} names what is no input or output of the "
            "graph. Convert the model again."
        ) from error

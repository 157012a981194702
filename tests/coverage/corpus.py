"""Small graphs at the limits of what delegates take, each a file that LiteRT itself runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from corpus_elementwise import ELEMENTWISE
from corpus_layers import LAYERS
from corpus_shapes import SHAPES
from corpus_small import SMALL
from corpus_unpacked import unpacked
from corpus_values import VALUES
from one_op import Op, T, write


@dataclass(frozen=True, kw_only=True)
class Case:
    """A graph. Its name says what is particular about it."""

    name: str
    tensors: tuple[T, ...]
    ops: tuple[Op, ...]

    def write(self, folder: Path) -> Path:
        return write(folder / f"{self.name}.tflite", self.tensors, self.ops)


def cases() -> tuple[Case, ...]:
    """Return the corpus, each name once."""
    found: dict[str, Case] = {}
    families = (*ELEMENTWISE, *LAYERS, *SHAPES, *VALUES, *SMALL)
    written = [graph for family in families for graph in family()]
    for name, tensors, ops in (*written, *unpacked(written)):
        if name in found:
            raise ValueError(f"two graphs are named {name}")
        found[name] = Case(name=name, tensors=tuple(tensors), ops=tuple(ops))
    return tuple(found.values())


NOT_HERE = {
    "STABLEHLO_COMPOSITE": "it calls a second graph",
    "DENSIFY": "its weights are sparse",
    "VAR_HANDLE": "its values outlive the graph",
    "READ_VARIABLE": "its values outlive the graph",
    "ASSIGN_VARIABLE": "its values outlive the graph",
}
"""What tables have and these graphs do not, with the reason."""

"""Trained models as their teams saved them. A new kind is one new file and one row in the table.

Two steps, because files are untrusted and TensorFlow is slow to import: `examine` looks at a file
without loading it, in any process; `open_source` loads it, in a worker process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mobilekit_converters.signature import Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """How to read a source.

    `trust` allows code from the file to run (`Lambda` layers and the like). `signature` chooses one
    of a SavedModel's signatures. `batch` fixes the first dimension; `shapes` fixes the others, by
    input name, without the batch.
    """

    trust: bool = False
    signature: str | None = None
    batch: int = 1
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class Source(Protocol):
    """A trained model, loaded."""

    @property
    def kind(self) -> str:
        """The kind of file, a key of the table."""

    @property
    def signature(self) -> Signature:
        """Names, shapes (with the batch) and dtypes, all of them fixed."""

    @property
    def parameters(self) -> int | None:
        """How many trained numbers it holds, where the kind can say."""

    def predict(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run the source's own framework on one batch, in the signature's shapes and dtypes."""

    def freeze(self, folder: Path) -> None:
        """Write the model as a frozen SavedModel, for the converters (`mobilekit_converters.frozen`)."""

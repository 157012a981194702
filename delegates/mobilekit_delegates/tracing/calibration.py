"""What calibrates Core ML packages on any system: `mobilekit_converters.coreml.Trace`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.targets.coreml import CoreMLFp32

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def traced_values(
    artifact: Artifact, batches: Iterable[Mapping[str, NDArray[np.generic]]]
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Yield every value that a package computes on each batch, with its name in the program.

    The program runs in float32: its ranges are the same, and it takes a fraction of the time.

    Raises:
        TargetError: the package is damaged.
        UnsupportedError: it holds something that the evaluator does not know.
    """
    with CoreMLFp32().open(artifact) as session:
        for batch in batches:
            for value in session.trace(batch):
                yield value.name, value.array

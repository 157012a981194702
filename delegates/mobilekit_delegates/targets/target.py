"""What every target and session looks like."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.variants import Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Session(Protocol):
    """An artifact loaded on a target. A context manager: leaving it frees what it holds."""

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Run one batch.

        Args:
            inputs: an array per input, by the source's names, in the signature's shapes. Floats go
                in as floats: where the artifact stores integers for them, the session quantises.

        Returns:
            An array per output, by name; what the artifact stores as quantised integers comes out
            as float32. A run answers from its inputs alone: no state is kept from the run before.

        Raises:
            DataError: a name, shape or dtype is not the signature's.
            TargetError: the target could not run the artifact.
        """

    def __enter__(self) -> Session:
        """Return the session."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the session."""


class Target(Protocol):
    """A place where an artifact really runs: a device and a delegate."""

    @property
    def name(self) -> str:
        """The name in project files and reports, such as `cpu`."""

    @property
    def description(self) -> str:
        """What runs there, in a few words."""

    def takes(self, format: Format) -> bool:
        """Tell whether artifacts of a format can run here at all."""

    def availability(self) -> str | None:
        """Say why this machine cannot reach the target and what to do, or None where it can."""

    def open(self, artifact: Artifact) -> Session:
        """Load an artifact.

        Raises:
            TargetError: the target could not load it.
        """

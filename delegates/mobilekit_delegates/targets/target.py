"""What every target and session looks like."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TypeVar

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import UnsupportedError as UnsupportedError
from mobilekit_converters.variants import Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]
    Outputs = dict[str, NDArray[np.generic]]

OwnSession = TypeVar("OwnSession", bound="LocalSession")


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Why this machine cannot reach a target, and the one command that gets it.

    `reason` is a sentence. `command` is empty where there is none: on another system, say.
    """

    reason: str
    command: str = ""

    def __str__(self) -> str:
        return f"{self.reason} Get it: {self.command}" if self.command else self.reason


@dataclass(frozen=True, kw_only=True)
class TargetInfo:
    """What a target is.

    `name` is the one in project files and reports, such as `cpu`. `description` says what runs
    there in a few words, `meaning` in a sentence what a pass there proves and what it does not.
    `formats` can run there. It is held to the budgets of the target `budgets_of`, its own where
    empty: a device's CPU to those of `cpu`. `cost` is how long a check takes, relative to `cpu`'s
    5. A target that is slow runs `most_samples` of the golden's. `memory` is a session's expected
    peak in bytes, beside the artifact's own. Where `emulated`, times are not a device's and no gate
    reads them. What is not `repeatable`, a device, is asked again by every build. Where it runs
    `in_module`, in the code generated for apps, it can run what that carries and nothing else.
    `timed_by` says in sentences how its times are taken, where it is no `TimedTarget`.
    """

    name: str
    description: str
    meaning: str
    formats: tuple[Format, ...]
    budgets_of: str = ""
    cost: float = 5
    most_samples: int | None = None
    memory: int = 200 * 2**20
    emulated: bool = False
    repeatable: bool = True
    in_module: bool = False
    timed_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What a session found out about where it ran.

    `place` names the adapter, the CPU model or the device. `nodes` is how many nodes the graph has
    and `nodes_taken` how many of them the accelerator took, where there is one. `notes` are
    sentences for the report: what was not exercised, what fell back.
    """

    place: str = ""
    nodes: int | None = None
    nodes_taken: int | None = None
    notes: tuple[str, ...] = ()


class Session(Protocol):
    """An artifact loaded on a target. A context manager: leaving it frees what it holds."""

    @property
    def execution(self) -> Execution:
        """What is known so far about where it runs; all of it once samples have run."""

    def run(self, inputs: Arrays) -> Outputs:
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
            UnsupportedError: it does not know something in it.
        """

    def run_all(self, batches: Sequence[Arrays]) -> list[Outputs]:
        """Run batches, one after another; on a device this is one journey there and back."""

    def __enter__(self) -> Session:
        """Return the session."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the session."""


class LocalSession(ABC):
    """The part that sessions in this process share."""

    execution = Execution()

    @abstractmethod
    def run(self, inputs: Arrays) -> Outputs:
        """Run one batch; see `Session.run`."""

    def run_all(self, batches: Sequence[Arrays]) -> list[Outputs]:
        """Run batches, one after another."""
        return [self.run(batch) for batch in batches]

    def note(self, sentence: str) -> None:
        """Add a note to the execution, once."""
        if sentence not in self.execution.notes:
            self.execution = replace(self.execution, notes=(*self.execution.notes, sentence))

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Free what the session holds."""

    def __enter__(self: OwnSession) -> OwnSession:
        """Return the session."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the session."""
        self.close()


class Target(Protocol):
    """A place where an artifact really runs: a device and a delegate."""

    @property
    def info(self) -> TargetInfo:
        """What it is."""

    def missing(self) -> Missing | None:
        """Say why this machine cannot reach it, or None where it can. It loads no library."""

    def version(self) -> str:
        """Return what runs there, with versions: a check is done again when this changes.

        It is quick, and loads no library. Only a target that is not missing is asked.
        """

    def open(self, artifact: Artifact) -> Session:
        """Load an artifact.

        Raises:
            TargetError: the target could not load it.
            UnsupportedError: it does not know something in it.
        """


class InstallableTarget(Target, Protocol):
    """A target that `mobilekit doctor --install` can get, without root, into the user's cache."""

    def install(self) -> None:
        """Get it; what it says goes to standard output.

        Raises:
            ToolMissingError: something that it needs is missing, with how to get that.
        """

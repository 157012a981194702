"""The delegates whose coverage can be told. A new one is a table of rules and a row here.

A delegate is named as in project files, such as `gpu`, with a level behind an `@` where another
than the usual one is meant: `nnapi@29`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mobilekit_converters.errors import ProjectError, ToolMissingError, nearest
from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.variants import Format
from mobilekit_delegates.coverage.asking.npu import VENDORS, NpuAsker
from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.coverage.estimate import estimate
from mobilekit_delegates.rules.reader import read_table
from mobilekit_delegates.rules.table import Table

TABLES = Path(__file__).parents[1] / "rules" / "tables"


@dataclass(frozen=True, kw_only=True)
class Delegate:
    """A delegate, with the file of its table of rules: in `rules/tables/`, or by its whole path.

    Only those that are `usual` on phones are asked about where none is named.
    """

    name: str
    format: Format
    file: str
    usual: bool = True

    @property
    def table(self) -> Table:
        """Its rules."""
        return read_table(TABLES / self.file)


@dataclass(frozen=True, kw_only=True)
class DelegateAt:
    """A delegate at one of its levels."""

    delegate: Delegate
    level: float

    def estimate(self, graph: OperatorGraph) -> Coverage:
        """Say which nodes of a graph it takes, as far as its table tells."""
        return estimate(graph, self.delegate.table, self.level)


_ROWS = (
    Delegate(name="xnnpack", format="tflite", file="xnnpack.toml"),
    Delegate(name="gpu", format="tflite", file="gpu.toml"),
    Delegate(name="gpu_classic", format="tflite", file="gpu_classic.toml"),
    Delegate(name="nnapi", format="tflite", file="nnapi.toml"),
    Delegate(name="ethos_u55", format="tflite", file="ethos_u55.toml", usual=False),
    Delegate(name="ethos_u65", format="tflite", file="ethos_u65.toml", usual=False),
    Delegate(name="ethos_u85", format="tflite", file="ethos_u85.toml", usual=False),
    Delegate(name="neural_engine", format="coreml", file="neural_engine.toml"),
    Delegate(name="coreml_gpu", format="coreml", file="coreml_gpu.toml"),
    Delegate(name="coreml_cpu", format="coreml", file="coreml_cpu.toml"),
)

DELEGATES: dict[str, Delegate] = {row.name: row for row in _ROWS}


def delegate_of(path: Path) -> Delegate:
    """Return the delegate of somebody's own table of rules.

    Raises:
        ProjectError: it cannot be read, or holds a mistake; the message names file and line.
    """
    table = read_table(path.absolute())
    return Delegate(name=table.delegate, format=table.format, file=str(path.absolute()))


def delegate_at(name: str, known: Mapping[str, Delegate] = DELEGATES) -> DelegateAt:
    """Return the delegate of a name, which may carry a level, such as `nnapi@29`.

    Args:
        name: the name.
        known: the delegates that there are.

    Raises:
        ProjectError: there is no such delegate, or its table does not know the level.
        ToolMissingError: nobody publishes what it takes, and its compiler is not here.
    """
    bare, at, wanted = name.partition("@")
    if bare in VENDORS and bare not in known:
        raise _unestimated(bare)
    if bare not in known:
        raise ProjectError(
            f"There is no delegate {bare!r}.{nearest(bare, (*known, *VENDORS))} "
            f"Known: {', '.join(known)}; where their compilers are: {', '.join(VENDORS)}."
        )
    table = known[bare].table
    if not at:
        return DelegateAt(delegate=known[bare], level=table.default)
    levels = {f"{level:g}": level for level in table.levels}
    if wanted not in levels:
        raise ProjectError(
            f"{bare!r} is not known at {table.level} {wanted!r}. Known: {', '.join(levels)}."
        )
    return DelegateAt(delegate=known[bare], level=levels[wanted])


def _unestimated(name: str) -> ToolMissingError:
    """Return why there is no estimate: a guess would be no answer."""
    missing = NpuAsker(name).missing()
    return ToolMissingError(
        f"{name} was not run, and there is no estimate either: {VENDORS[name].title} compiler "
        f"alone knows what it takes. {missing or 'It is here: compile with ai_edge_litert.aot.'}"
    )

"""A table of rules: what a delegate takes, and why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mobilekit_converters.variants import Format
from mobilekit_delegates.rules.expression import Expression


@dataclass(frozen=True, kw_only=True)
class OperatorEntry:
    """An operator that the delegate has, up to a `version` of it, at some of its levels.

    `source` says where that stands. `line` is the entry's in its file.
    """

    name: str
    version: int | None = None
    since: float | None = None
    until: float | None = None
    source: str = ""
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a node of one of `operators` has to meet: `require`, where `when` holds.

    `reason` says in a clause why the delegate refuses it otherwise, `remedy` what change would
    bring it in, `adaptation` the one that does so by itself, `source` where the rule stands
    (project, file, function, version). An operator `*` stands for all that the table lists.

    Where it concerns the `whole` graph, a node that breaks it leaves no other node to the delegate.
    Such a rule may name operators that the table does not list, and its `*` stands for all there
    are.
    """

    operators: tuple[str, ...]
    require: Expression
    reason: str
    source: str
    when: Expression | None = None
    remedy: str = ""
    adaptation: str = ""
    since: float | None = None
    until: float | None = None
    whole: bool = False
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Table:
    """All that is known of which operators a delegate takes.

    `level` says in words what tells its versions apart, such as `Android API level`; `levels` are
    those that can be asked about, `default` is the one that is meant where none is named. It keeps
    the `partitions` largest parts of a graph, all of them where None. It looks through nodes that
    unpack constants stored in one of the dtypes `unpacks`, in any where None; what others unpack is
    to it a tensor like those that change from run to run. `warnings` are rules that
    refuse nothing: a node that breaks one is taken, and something is to be known of it.
    `definitions` are names that rules use for expressions. `source` is the project, file and
    version that the table was made from; `meaning` says in a sentence what an answer from it is
    worth.
    """

    delegate: str
    title: str
    format: Format
    level: str
    levels: tuple[float, ...]
    default: float
    source: str
    meaning: str
    partitions: int | None = None
    unpacks: tuple[str, ...] | None = None
    operators: Mapping[str, tuple[OperatorEntry, ...]] = field(default_factory=dict)
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    warnings: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    definitions: Mapping[str, Expression] = field(default_factory=dict)

    def rules_for(self, operator: str) -> tuple[Rule, ...]:
        """Return the rules that hold for an operator, those of all operators first.

        One that the table does not list has to meet those that concern the whole graph.
        """
        rules = (*self.rules.get("*", ()), *self.rules.get(operator, ()))
        return rules if operator in self.operators else tuple(rule for rule in rules if rule.whole)

    def warnings_for(self, operator: str) -> tuple[Rule, ...]:
        """Return the warnings that concern an operator, those about all operators first."""
        return (*self.warnings.get("*", ()), *self.warnings.get(operator, ()))


def holds_at(entry: OperatorEntry | Rule, level: float) -> bool:
    """Say whether an entry or a rule holds at a level; both its bounds belong to it."""
    return (entry.since is None or level >= entry.since) and (
        entry.until is None or level <= entry.until
    )

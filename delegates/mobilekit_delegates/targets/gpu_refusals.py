"""What LiteRT's GPU accelerator says of the nodes that it does not take.

It writes one block for each graph of a file that it does not take whole: a line for each operator
and rule, with the layer where it knows it, and how many nodes go where.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_BLOCK = re.compile(
    r"Following operations are not supported by GPU delegate:\n(?P<refusals>.*?)"
    r"^\S+ operations will run on the GPU, and \D*(?P<left>\d+) operations will run on the CPU",
    re.MULTILINE | re.DOTALL,
)
_REFUSAL = re.compile(r"^(?P<operator>[A-Z][A-Z0-9_]*): *(?P<words>.*)$", re.MULTILINE)

_MOST_LAYERS = 3


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An operator that is refused by a rule, which may be empty, and the layers that are known."""

    operator: str
    rule: str
    layers: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.layers[:_MOST_LAYERS])
        more = len(self.layers) - _MOST_LAYERS
        layers = f" ({named}{f' and {more} more' if more > 0 else ''})" if named else ""
        return f"{self.operator}: {self.rule or 'no rule is given'}{layers}"


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How many nodes the accelerator leaves to the CPU, and why; None where it did not say."""

    left: int | None
    refusals: tuple[Refusal, ...] = ()

    def rules(self) -> str:
        """Name each rule once, with the operators that it refuses."""
        operators: dict[str, list[str]] = {}
        for refusal in self.refusals:
            operators.setdefault(refusal.rule or "no rule is given", []).append(refusal.operator)
        return "; ".join(f"{rule} ({', '.join(names)})" for rule, names in operators.items())


def read_coverage(log: str) -> Coverage:
    """Read what was written to standard error while a graph was compiled for the GPU alone."""
    blocks = list(_BLOCK.finditer(log))
    return Coverage(
        left=sum(int(block["left"]) for block in blocks) if blocks else None,
        refusals=_by_rule(
            (refusal["operator"], *_rule_and_layer(refusal["words"].strip()))
            for block in blocks
            for refusal in _REFUSAL.finditer(block["refusals"])
        ),
    )


def _by_rule(refusals: Iterable[tuple[str, str, str]]) -> tuple[Refusal, ...]:
    layers: dict[tuple[str, str], dict[str, None]] = {}
    for operator, rule, layer in refusals:
        known = layers.setdefault((operator, rule), {})
        if layer:
            known[layer] = None
    return tuple(
        Refusal(operator=operator, rule=rule, layers=tuple(known))
        for (operator, rule), known in layers.items()
    )


def _rule_and_layer(words: str) -> tuple[str, str]:
    """Split what follows an operator: sentences, then a layer's name where one is known.

    A layer that was fused from several has all their names, with semicolons; the first is enough.
    """
    if words.endswith(".") or ". " not in words:
        return words.removesuffix("."), ""
    rule, _, layer = words.rpartition(". ")
    return rule, layer.split(";")[0]

"""Reports whose variants say what delegates take: whole, in pieces, hardly anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import report_samples

from mobilekit.inspecting.results import (
    AnswerWord,
    DelegateCoverage,
    Disagreement,
    FloatOperator,
    Floor,
    GraphCoverage,
    NewOperator,
    Refusal,
    Run,
)
from mobilekit.results import Report
from mobilekit_delegates.coverage.coverage import Crossing

KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "RESHAPE", "TRANSPOSE")
LONG = "a tensor has five dimensions or more, which the accelerator's kernels cannot address"


def runs(answers: list[AnswerWord]) -> tuple[Run, ...]:
    """Join like answers; each run is a piece of its own."""
    found: list[Run] = []
    for node, answer in enumerate(answers):
        if found and found[-1].answer == answer:
            found[-1] = replace(found[-1], last=node, nodes=found[-1].nodes + 1)
        else:
            piece = len(found)
            found.append(Run(answer=answer, first=node, last=node, nodes=1, piece=piece))
    return tuple(found)


def delegate(
    name: str, count: int, answer: Callable[[int], AnswerWord], reason: str = LONG
) -> DelegateCoverage:
    """A delegate with an answer for each node; what it refuses breaks one rule."""
    answers = [answer(node) for node in range(count)]
    refused = tuple(node for node in range(count) if answers[node] == "refused")
    taken = answers.count("taken")
    crossing = Crossing(tensor="between", bytes=602_112, producer=0, consumer=1)
    return DelegateCoverage(
        delegate=name,
        level=2.3,
        level_name="LiteRT version",
        title=name.title(),
        basis="estimate",
        place="a table",
        nodes=count,
        nodes_taken=taken,
        share=taken / count,
        macs_share=taken / count,
        pieces=sum(run.answer == "taken" for run in runs(answers)),
        crossing_count=1 if taken < count else 0,
        crossing_bytes=602_112 if taken < count else 0,
        crossings=(crossing,) if taken < count else (),
        runs=runs(answers),
        refusals=(
            Refusal(
                reason=reason,
                source="LiteRT f677459: model_builder.cc, IsAllAllowedTensors",
                remedy="Shape the tensors to four dimensions at most.",
                adaptation="channel_shuffle",
                operators={"RESHAPE": len(refused)},
                nodes=refused,
            ),
        )
        if refused
        else (),
    )


def graph(*delegates: DelegateCoverage, name: str = "main") -> GraphCoverage:
    """A graph of as many nodes as its delegates answer for."""
    count = delegates[0].nodes
    return GraphCoverage(
        name=name,
        operators=tuple(KINDS[node % len(KINDS)] for node in range(count)),
        layers=tuple(f"model/block_{node}/layer" for node in range(count)),
        macs=tuple(1_000_000 * (node % 7) for node in range(count)),
        free=(),
        estimates=delegates,
    )


def whole(count: int = 60) -> GraphCoverage:
    """Taken by everyone."""
    return graph(*(delegate(name, count, lambda _: "taken") for name in ("xnnpack", "gpu")))


def cut(count: int = 60) -> GraphCoverage:
    """The GPU keeps a part in the middle; XNNPACK runs it in pieces."""
    return graph(
        delegate("xnnpack", count, lambda node: "refused" if node % 12 == 5 else "taken"),
        delegate("gpu", count, lambda node: _middle(node, count)),
    )


def _middle(node: int, count: int) -> AnswerWord:
    if node % 5 == 3 and not count / 3 < node < count / 2:
        return "refused"
    return "taken" if count / 3 < node < count / 2 else "cut_off"


def alternating(count: int) -> GraphCoverage:
    """Every second node is refused: answers change faster than can be drawn."""
    return graph(delegate("gpu", count, lambda node: "refused" if node % 2 else "taken"))


def told(found: GraphCoverage, name: str) -> GraphCoverage:
    """Beside what a delegate itself said, which is less, and with all that can be wrong."""
    measured = delegate(name, found.estimates[0].nodes, lambda node: "cut_off" if node else "taken")
    return replace(
        found,
        measured=(replace(measured, basis="measured", place="LiteRT 2.3.0 on llvmpipe"),),
        disagreements=(
            Disagreement(delegate=f"{name}@2.3", node=7, estimate="taken", measured="refused"),
            Disagreement(
                delegate=f"{name}@2.3", node=None, estimate="60 of 60", measured="1 of 60"
            ),
        ),
        runtime="2.14",
        newer=(NewOperator(operator="GELU", version=2, runtime="2.15", nodes=(3, 4, 5, 6)),),
        floats=(
            FloatOperator(operator="ADD", reason="it has no ranges", nodes=(2,), conversions=2),
        ),
    )


FLOOR = Floor(
    delegate="gpu@2.3",
    least=0.95,
    status="fail",
    share=0.15,
    decided_by="measured",
    estimate=0.15,
    reason="gpu@2.3 takes 9 of 60 nodes, 15.0 %, and the floor is 95.0 %.",
)


def covered() -> Report:
    """Variants that are taken whole, in pieces, in several graphs, and hardly at all."""
    report = report_samples.passing()
    graphs = ((whole(),), (whole(),), (cut(),), (told(cut(), "gpu"), whole(3)), (alternating(999),))
    return replace(
        report,
        variants=tuple(
            replace(item, coverage=given, floors=(FLOOR,) if given == (cut(),) else ())
            for item, given in zip(report.variants, graphs, strict=False)
        ),
    )

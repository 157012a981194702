"""What the GPU computes, beside LiteRT's plain kernels: it is warned of what differs."""

from __future__ import annotations

import pytest
from corpus import Case, cases
from gpu_numbers import Numbers, numbers
from tools import require_target

from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.coverage.delegates import delegate_at

EXCUSED = {
    "_tanh": "the plain kernels do not know a TANH that is fused into a layer",
    "_other_zero": "what the plain kernels copy has another zero point in the result",
    "int8_between_floats": "it rounds to the other side of half a step of an int8 inside",
}
"""Whose numbers differ for a reason that is not the accelerator's, by a part of their name."""

_MOST_WARNED_WRONGLY = 12
"""How many of the graphs that are right with these inputs a warning may concern."""


def is_written(case: Case) -> bool:
    """Say whether a graph was written by hand: its constants are as its author stored them."""
    return not any(part in case.name for part in ("_all_", "_weights_", "_channels_int8_"))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Coverage, Numbers]]:
    """Every graph that is taken at least in part, run on both."""
    require_target("gpu-fp32")
    folder = tmp_path_factory.mktemp("graphs")
    estimates = {}
    files = {}
    for case in filter(is_written, cases()):
        path = case.write(folder)
        (graph,) = read_graphs(path)
        estimate = delegate_at("gpu").estimate(graph)
        if estimate.nodes_taken:
            estimates[case.name], files[case.name] = estimate, path
    return {item.name: (estimates[item.name], item) for item in numbers(files)}


def _warned(coverage: Coverage) -> bool:
    return any(answer.warnings for answer in coverage.answers)


@pytest.mark.slow
def test_what_is_computed_wrong_is_warned_of(
    compared: dict[str, tuple[Coverage, Numbers]],
) -> None:
    wrong = [
        name
        for name, (coverage, found) in compared.items()
        if found.wrong and not _warned(coverage) and not any(part in name for part in EXCUSED)
    ]
    assert wrong == []
    assert sum(found.wrong for _, found in compared.values()) > 20


@pytest.mark.slow
def test_few_graphs_that_are_right_are_warned_of(
    compared: dict[str, tuple[Coverage, Numbers]],
) -> None:
    warned = [
        name
        for name, (coverage, found) in compared.items()
        if _warned(coverage) and not found.wrong and not found.failure
    ]
    assert len(warned) <= _MOST_WARNED_WRONGLY, warned


@pytest.mark.slow
def test_nearly_all_of_them_run(compared: dict[str, tuple[Coverage, Numbers]]) -> None:
    failed = {name: found.failure for name, (_, found) in compared.items() if found.failure}
    assert len(failed) <= 0.02 * len(compared), failed

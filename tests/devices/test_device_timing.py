"""Artifacts timed on boards, by the boards' own clocks, and a cable that is pulled meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from boards import Board, python_program

from mobilekit.bench.measuring.rounds import Effort, Series, measure
from mobilekit.bench.measuring.summary import benchmark_of
from mobilekit.bench.measuring.turn import Turn, settled, take_turn
from mobilekit.bench.results import Benchmark
from mobilekit.parity.golden import Golden, write_golden
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import TargetError
from mobilekit_delegates.targets.timed import TimingPlan

PLAN = TimingPlan(
    settled=settled, block_seconds=0.005, warm_up_seconds=0.05, blind_warm_up_seconds=0.05
)


@pytest.fixture
def linux(board: Board) -> Board:
    """A board whose Python is this one, runtime included."""
    board.program("python3", python_program())
    return board


@pytest.fixture
def golden(artifact: Artifact, tmp_path: Path) -> Path:
    spec, out = artifact.signature.inputs[0], artifact.signature.outputs[0]
    values = np.random.default_rng(3).random((3, *spec.shape[1:]), np.float32)
    write_golden(
        tmp_path / "golden",
        Golden(
            inputs={spec.name: values},
            outputs={out.name: np.zeros((3, *out.shape[1:]), np.float32)},
            tasks={out.name: "tensor"},
            origin="Numbers.",
        ),
    )
    return tmp_path / "golden"


@pytest.mark.parametrize("kernels", ["cpu", "cpu-reference"])
def test_a_turn_is_timed_on_the_board(
    linux: Board, artifact: Artifact, golden: Path, kernels: str
) -> None:
    found = take_turn(artifact, f"{linux.device}/{kernels}", golden, PLAN)
    assert found.runs is not None
    assert len(found.runs.run_ns) >= PLAN.block_runs
    assert min(found.runs.run_ns) > 0
    assert found.runs.load_ns > 0
    assert found.runs.prepare_ns
    assert "ai-edge-litert" in found.runs.place
    assert found.runs.peak_memory_bytes
    assert found.runs.bare_memory_bytes
    assert found.runs.peak_memory_bytes >= found.runs.bare_memory_bytes
    assert found.before.load >= 0
    assert linux.is_clean()


def test_cores_that_a_board_lacks_are_its_error(
    linux: Board, artifact: Artifact, golden: Path
) -> None:
    from mobilekit.bench.measuring.turn import golden_batches
    from mobilekit_delegates.targets import target
    from mobilekit_delegates.targets.timed import TimedTarget

    place = target(f"{linux.device}/cpu")
    assert isinstance(place, TimedTarget)
    plan = TimingPlan(settled=settled, affinity=(9999,))
    with pytest.raises(TargetError, match="It cannot be kept on the cores 9999"):
        place.time_artifact(artifact, golden_batches(artifact, golden), plan)
    assert linux.is_clean()


def test_a_board_that_disappears_in_the_middle_is_a_failed_case(
    on_ssh: Board, artifact: Artifact, golden: Path
) -> None:
    on_ssh.program("python3", python_program())
    name = f"{on_ssh.device}/cpu"
    turns = 0

    def take(_: str) -> Turn:
        nonlocal turns
        turns += 1
        if turns == 3:
            on_ssh.unplug()
        return take_turn(artifact, name, golden, PLAN)

    series = Series(name=name)
    measure([series], take, Effort())
    found = benchmark_of(
        series, Benchmark(variant="tflite-fp32", target=name, status="measured"), Effort()
    )
    assert (found.status, found.latency) == ("failed", None)
    assert found.reason.startswith("It failed in turn 3, after others went well: ")

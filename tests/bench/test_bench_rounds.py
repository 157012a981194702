"""Whose turn it is, when enough was measured, and what ends a case."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest

from mobilekit.bench.measuring.disturbance import Disturbance
from mobilekit.bench.measuring.rounds import MOST_THROWN, Effort, Series, measure
from mobilekit.bench.measuring.summary import benchmark_of, noise_of_series
from mobilekit.bench.measuring.turn import Turn
from mobilekit.bench.results import Benchmark, Condition
from mobilekit.bench.statistics import FEWEST_ROUNDS
from mobilekit.jobs import JobCrashedError
from mobilekit_converters.errors import TargetError, UnsupportedError
from mobilekit_delegates.targets.timed import TimedRuns

EFFORT = Effort(runs=50, seconds=0.1, rounds=5, precision=0.02, most_seconds=100)
EMPTY = Benchmark(variant="tflite-fp32", target="cpu", status="measured")


def turn(
    milliseconds: float = 4.0, *, runs: int = 20, others: float = 0.0, settled: bool = True
) -> Turn:
    """A turn whose times vary by a few thousandths."""
    times = tuple(int(1e6 * milliseconds * (1 + 0.001 * (run % 5))) for run in range(runs))
    return Turn(
        runs=TimedRuns(
            load_ns=2_000_000,
            prepare_ns=3_000_000,
            first_ns=9_000_000,
            warm_up_runs=30,
            settled=settled,
            run_ns=times,
            clocked="invoke()",
            threads=1,
            place="Example 9000",
            peak_memory_bytes=60_000_000,
            bare_memory_bytes=50_000_000,
        ),
        disturbance=Disturbance(seconds=1.0, others=others, stolen=0.0),
        before=Condition(load=0.5),
        after=Condition(load=1.5),
    )


class Clock:
    """Time that passes in turns alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def measured(
    answers: dict[str, Callable[[int], Turn]],
    effort: Effort = EFFORT,
    *,
    seconds: float = 1.0,
    precise: bool = True,
) -> tuple[dict[str, Series], list[str]]:
    """Measure cases that answer by the number of their turn; return them, and who came when."""
    series = {name: Series(name=name, precise=precise) for name in answers}
    order: list[str] = []
    counts: dict[str, int] = defaultdict(int)
    clock = Clock()

    def take(name: str) -> Turn:
        order.append(name)
        counts[name] += 1
        clock.now += seconds
        return answers[name](counts[name])

    measure(list(series.values()), take, effort, between=lambda: order.append("|"), clock=clock)
    return series, order


def test_cases_take_turns() -> None:
    _, order = measured({"A": lambda _: turn(), "B": lambda _: turn(8)})
    assert "".join(order) == "|AB" * EFFORT.rounds


def test_a_case_that_has_enough_leaves_the_others_their_turns() -> None:
    wild = [4.0, 5.0, 4.4, 5.6, 4.1]
    series, order = measured(
        {"A": lambda _: turn(), "B": lambda number: turn(wild[number % 5])},
        Effort(runs=50, seconds=0.1, rounds=5, most_seconds=12),
    )
    assert "".join(order) == "|AB" * 5 + "|B" * 7
    assert (series["A"].ended, series["B"].ended) == ("enough", "time")


@pytest.mark.parametrize(
    ("effort", "turns"),
    [
        (Effort(runs=100, seconds=0.01, rounds=4), 5),  # 20 runs a turn
        (Effort(runs=10, seconds=0.5, rounds=4), 7),  # 80 ms a turn
        (Effort(runs=10, seconds=0.01, rounds=6), 6),
    ],
)
def test_runs_seconds_and_turns_are_least_values(effort: Effort, turns: int) -> None:
    series, _ = measured({"A": lambda _: turn()}, effort)
    assert len(series["A"].turns) == turns
    assert series["A"].ended == "enough"


def test_an_emulated_case_gets_the_least_and_no_more() -> None:
    wild = [4.0, 5.0, 4.4, 5.6, 4.1]
    series, _ = measured({"A": lambda number: turn(wild[number % 5])}, precise=False)
    assert (len(series["A"].turns), series["A"].ended) == (FEWEST_ROUNDS, "enough")


def test_what_the_time_did_not_do_for_is_said() -> None:
    series, _ = measured({"A": lambda number: turn(4 + number % 3, runs=5)}, Effort(most_seconds=6))
    found = benchmark_of(series["A"], EMPTY, Effort(most_seconds=6))
    assert found.status == "measured"
    (note,) = (note for note in found.notes if note.startswith("Measuring ended after 6 s"))
    assert "25 turns (there are 6) and 50 runs (there are 30) and 1 s of runs" in note
    assert "an interval of the median within 2 %" in note


def test_too_few_turns_are_never_precise() -> None:
    """Nothing is known of how turns vary then: not enough, whatever was asked for."""
    series, _ = measured({"A": lambda _: turn()}, Effort(runs=1, seconds=0.01, rounds=1))
    assert (len(series["A"].turns), series["A"].ended) == (4, "enough")


def test_a_benchmark_has_all_figures() -> None:
    series, _ = measured({"A": lambda _: turn()})
    found = benchmark_of(series["A"], EMPTY, EFFORT)
    assert found.latency is not None
    assert len(found.latency.rounds) == EFFORT.rounds
    assert found.latency.median_low_ms <= found.latency.median_ms <= found.latency.median_high_ms
    assert found.latency.warm_up_runs == 30
    assert found.startups[0].prepare_ms == 3.0
    assert len(found.startups) == EFFORT.rounds
    assert (found.peak_memory_bytes, found.bare_memory_bytes) == (60_000_000, 50_000_000)
    assert (found.before.load, found.after.load) == (0.5, 1.5)
    assert found.disturbed == ""
    assert "A run's time holds invoke(), and no setting of inputs." in found.notes


def test_a_target_that_disappears_fails_alone() -> None:
    def vanishing(number: int) -> Turn:
        if number == 3:
            raise TargetError("ssh:pi/cpu cannot be reached: No route to host.")
        return turn()

    series, order = measured({"A": vanishing, "B": lambda _: turn()})
    found = benchmark_of(series["A"], EMPTY, EFFORT)
    assert (found.status, found.latency) == ("failed", None)
    assert found.reason == (
        "It failed in turn 3, after others went well: ssh:pi/cpu cannot be reached: "
        "No route to host."
    )
    assert "".join(order) == "|AB" * 3 + "|B" * 2
    assert benchmark_of(series["B"], EMPTY, EFFORT).status == "measured"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnsupportedError("The GPU accelerator takes none of the 3 nodes."), "not_run"),
        (TargetError("cpu could not load it."), "failed"),
        (JobCrashedError("its process ended: SIGSEGV (Segmentation fault)"), "failed"),
    ],
)
def test_what_ends_a_case_at_once_is_its_reason(error: Exception, status: str) -> None:
    def refuse(_: int) -> Turn:
        raise error

    series, _ = measured({"A": refuse})
    found = benchmark_of(series["A"], EMPTY, EFFORT)
    assert (found.status, found.reason) == (status, f"{str(error).rstrip('.')}.")
    assert found.latency is None


def test_a_target_that_stops_to_support_a_case_fails() -> None:
    def answer(number: int) -> Turn:
        if number == 2:
            raise UnsupportedError("Its device is gone.")
        return turn()

    series, _ = measured({"A": answer})
    assert benchmark_of(series["A"], EMPTY, EFFORT).status == "failed"


def test_other_errors_end_all_of_it() -> None:
    def stop(_: int) -> Turn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured({"A": stop})


def test_a_turn_in_which_a_clock_jumped_does_not_count_and_is_told() -> None:
    thrown = Turn(runs=None, thrown="the time of day jumped ahead by 3600 s")
    series, _ = measured({"A": lambda number: thrown if number == 2 else turn()})
    found = benchmark_of(series["A"], EMPTY, EFFORT)
    assert found.latency is not None
    assert len(found.latency.rounds) == EFFORT.rounds
    assert "1 turn was thrown away: the time of day jumped ahead by 3600 s." in found.notes


def test_a_clock_that_jumps_on_measures_nothing() -> None:
    thrown = Turn(runs=None, thrown="a run took -3 ns by the clock")
    series, order = measured({"A": lambda _: thrown})
    found = benchmark_of(series["A"], EMPTY, EFFORT)
    assert order.count("A") == MOST_THROWN + 1
    assert (found.status, found.latency) == ("failed", None)
    assert "a run took -3 ns by the clock" in found.reason


def test_a_disturbed_machine_and_a_warm_up_without_end_are_told() -> None:
    series, _ = measured({"A": lambda number: turn(others=0.5, settled=number > 2)})
    found = benchmark_of(series["A"], EMPTY, EFFORT)
    assert found.disturbed.startswith("Other processes used 0.5 cores")
    assert found.latency is not None
    assert not found.latency.stable
    assert any(note.startswith("In 2 of 5 turns the warm-up ended") for note in found.notes)


def test_the_machines_noise_comes_from_the_reference() -> None:
    series = Series(name="reference")
    for milliseconds in (1.0, 1.1, 0.9, 1.0, 1.05):
        series.add(turn(milliseconds))
    noise = noise_of_series(series)
    assert noise.reference == "Example 9000"
    assert len(noise.reference_rounds) == 5
    assert 0.05 < noise.between_rounds < 0.1

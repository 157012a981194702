"""The clock around single runs: what is in it, how a warm-up ends, and clocks that go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mobilekit_delegates.runner import timing
from mobilekit_delegates.targets.timed import TimingPlan, time_here

PLAN = {"warm_up_seconds": 2.0, "block_seconds": 0.01, "block_runs": 8, "most_block_seconds": 1.0}


class Machine:
    """A clock that only goes on while the session sets inputs or runs."""

    clocked = "a run"
    load_ns = 5
    prepare_ns: int | None = 7

    def __init__(self, lengths: Iterator[int] | None = None) -> None:
        self.now = 0
        self.set: list[Any] = []
        self._lengths = lengths or iter(lambda: 1_000_000, None)

    def clock(self) -> int:
        return self.now

    def stored(self, inputs: Any) -> Any:
        return inputs

    def set_inputs(self, stored: Any) -> None:
        self.set.append(stored)
        self.now += 10_000_000

    def invoke(self) -> None:
        self.now += next(self._lengths)

    def runs(self, count: int, first: int) -> list[int]:
        return timing.time_runs(self.set_inputs, self.invoke, "abc", count, first, self.clock)


def test_only_the_run_is_in_the_clock() -> None:
    assert Machine().runs(4, 0) == [1_000_000] * 4


def test_inputs_take_turns_and_go_on_where_they_ended() -> None:
    machine = Machine()
    machine.runs(4, 0)
    machine.runs(2, 4)
    assert "".join(machine.set) == "abcabc"


@pytest.mark.parametrize("length", [0, -3])
def test_a_clock_that_stands_still_or_goes_back_is_told(length: int) -> None:
    machine = Machine(iter([1000, length]))
    with pytest.raises(timing.ClockError, match=f"a run took {length} ns"):
        machine.runs(2, 0)


def test_a_turn_warms_up_until_the_times_have_settled() -> None:
    slow = [9_000_000 - 100_000 * number for number in range(80)]
    machine = Machine(iter([*slow, *[1_000_000] * 1000]))
    asked: list[int] = []

    def settled(chunks: list[float], window: int) -> bool:
        asked.append(window)
        return len(chunks) > 3 and chunks[-1] == chunks[-2]

    turn = timing.take_turn(machine.runs, PLAN, settled, machine.clock)
    assert turn["first_ns"] == 9_000_000
    assert turn["settled"]
    assert set(turn["run_ns"]) == {1_000_000}
    assert set(asked) == {turn["warm_up_window"]} == {5}
    assert turn["warm_up_runs"] > 80


def test_a_warm_up_that_never_settles_ends_by_its_limit() -> None:
    machine = Machine()
    turn = timing.take_turn(machine.runs, PLAN, lambda *_: False, machine.clock)
    assert not turn["settled"]
    assert machine.now >= 2e9
    assert len(turn["run_ns"]) == 10


def test_long_runs_warm_up_by_fewer_of_them() -> None:
    machine = Machine(iter(lambda: timing.LONG_RUN_NS, None))
    turn = timing.take_turn(machine.runs, PLAN, None, machine.clock)
    assert turn["warm_up_window"] == 2


@pytest.mark.parametrize(
    ("length", "count"),
    [
        (1_000_000, 10),  # long enough
        (5_000_000, 8),  # enough of them
        (400_000_000, 2),  # as many as are affordable
        (5_000_000_000, 1),
    ],
)
def test_blocks_are_long_and_have_runs_enough(length: float, count: int) -> None:
    assert timing.block_size(length, PLAN) == count


def test_what_is_timed_here_says_all_of_it() -> None:
    machine = Machine()
    plan = TimingPlan(settled=lambda chunks, window: len(chunks) == 2 * window, threads=3)
    found = time_here(lambda: machine, [{}, {}], plan, machine.clock)
    assert (found.load_ns, found.prepare_ns, found.first_ns) == (5, 7, 1_000_000)
    assert (found.settled, found.threads, found.clocked) == (True, 3, "a run")
    assert found.bare_memory_bytes
    assert found.peak_memory_bytes
    assert found.peak_memory_bytes >= found.bare_memory_bytes


def test_no_process_can_be_kept_on_cores_that_are_not_there() -> None:
    with pytest.raises(OSError, match=r".*"):
        timing.pin([100_000])

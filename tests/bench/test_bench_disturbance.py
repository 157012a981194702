"""What else a machine does is told, and so are clocks that jump."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from mobilekit.bench.measuring import disturbance
from mobilekit.bench.measuring.disturbance import Disturbance, Moment

START = Moment(wall=1000.0, steady=50.0, busy=400.0, stolen=1.0, own=3.0)


def later(**changes: float) -> Moment:
    """A second later, in which this process worked half of the time."""
    moment = replace(START, wall=1001.0, steady=51.0, busy=400.5, own=3.5)
    return replace(moment, **{name: getattr(moment, name) + by for name, by in changes.items()})


def test_a_process_does_not_disturb_itself() -> None:
    found = disturbance.between(START, later())
    assert (found.seconds, found.others) == (1.0, 0.0)
    assert disturbance.sentence([found]) == ""


def test_others_are_told() -> None:
    found = disturbance.between(START, later(busy=0.7))
    assert disturbance.sentence([found]) == (
        "Other processes used 0.7 cores on average while it was measured."
    )


def test_a_hypervisor_is_told() -> None:
    found = disturbance.between(START, later(stolen=0.05))
    assert "hypervisor took 5 % of a core" in disturbance.sentence([found])


def test_a_step_of_the_counter_is_no_disturbance_among_many_turns() -> None:
    quiet = [Disturbance(seconds=0.3, others=0.0, stolen=0.0)] * 9
    assert not disturbance.sentence([Disturbance(seconds=0.3, others=0.05, stolen=0.0), *quiet])
    assert not disturbance.sentence([])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wall": 3600.0}, "the time of day jumped ahead by 3.6e+03 s"),
        ({"wall": -0.2}, "the time of day jumped back by 0.2 s"),
        ({"steady": -2.0}, "the steady clock went back by 1 s"),
        ({}, ""),
        ({"wall": 0.01}, ""),
    ],
)
def test_clocks_that_jump_are_told(changes: dict[str, float], words: str) -> None:
    assert disturbance.why_clocks_disagree(START, later(**changes)) == words


def test_this_machines_counters_see_another_process() -> None:
    """A process that is busy for half a second shows as others' work, and as none of this one's."""
    busy = "import time; end = time.process_time() + 0.5\nwhile time.process_time() < end: pass"
    before = disturbance.now()
    # Started by a shell that goes away, so that it is not a child whose time counts here. It keeps
    # the pipe of the output open until it has ended, and so long this waits.
    shell = f'"{sys.executable}" -c "$1" & '
    subprocess.run(
        ["sh", "-c", shell, "sh", busy], check=True, env=dict(os.environ), stdout=subprocess.PIPE
    )
    found = disturbance.between(before, disturbance.now())
    assert found.others > 0.4
    assert found.seconds > 0

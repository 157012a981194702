"""What else the machine did during a measurement, and whether its clocks can be believed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

OTHERS = 0.1
"""Cores that others may use on average: the daemons of an idle machine take a hundredth of one."""

STOLEN = 0.01
"""The share of a core that a hypervisor may take away for other machines."""

CLOCKS_APART = 0.05
"""Seconds by which two clocks may differ over a turn, and besides a thousandth of it: both are
slewed alike, and no turn takes so long that their rates would show."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The clocks and counters of this machine and process at one time, all in seconds.

    `wall` is the time of day, `steady` a clock that nobody sets, and that stands still while the
    machine sleeps. `busy` is what all processors did, `stolen` what a hypervisor took from them,
    and `own` what this process and its ended children used.
    """

    wall: float
    steady: float
    busy: float
    stolen: float
    own: float


def now() -> Moment:
    """Return this moment."""
    import psutil

    machine = psutil.cpu_times()
    waiting = machine.idle + getattr(machine, "iowait", 0.0)
    stolen = getattr(machine, "steal", 0.0)
    # What guests use is counted as the user's as well.
    counted = sum(machine) - getattr(machine, "guest", 0.0) - getattr(machine, "guest_nice", 0.0)
    own = os.times()
    return Moment(
        wall=time.time(),
        steady=time.perf_counter(),
        busy=counted - waiting - stolen,
        stolen=stolen,
        own=own.user + own.system + own.children_user + own.children_system,
    )


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """What happened between two moments: `seconds` passed, of which others used the rest."""

    seconds: float
    others: float
    stolen: float


def between(before: Moment, after: Moment) -> Disturbance:
    """Return what else the machine did between two moments.

    The machine's counters go in steps of a hundredth of a second, so a short time says little by
    itself: see `sentence`, which adds up.
    """
    return Disturbance(
        seconds=after.steady - before.steady,
        others=(after.busy - before.busy) - (after.own - before.own),
        stolen=after.stolen - before.stolen,
    )


def sentence(found: Iterable[Disturbance]) -> str:
    """Say what disturbed a measurement, all of its turns together; empty where nothing did."""
    turns = tuple(found)
    seconds = sum(turn.seconds for turn in turns)
    if seconds <= 0:
        return ""
    others = sum(turn.others for turn in turns) / seconds
    stolen = sum(turn.stolen for turn in turns) / seconds
    parts = []
    if others > OTHERS:
        parts.append(f"other processes used {others:.1f} cores on average")
    if stolen > STOLEN:
        parts.append(f"a hypervisor took {100 * stolen:.0f} % of a core away")
    text = " and ".join(parts)
    return f"{text[0].upper()}{text[1:]} while it was measured." if text else ""


def why_clocks_disagree(before: Moment, after: Moment) -> str:
    """Say how a clock jumped between two moments; empty where none did.

    A machine that slept, or was stopped, shows in the time of day alone; a time of day that was
    set does so too. What was measured meanwhile is worth nothing in the first case, and nobody can
    tell which it was.
    """
    steady, wall = after.steady - before.steady, after.wall - before.wall
    if steady < 0:
        return f"the steady clock went back by {-steady:.3g} s"
    apart = wall - steady
    if abs(apart) <= CLOCKS_APART + 0.001 * steady:
        return ""
    how = "ahead" if apart > 0 else "back"
    return f"the time of day jumped {how} by {abs(apart):.3g} s"

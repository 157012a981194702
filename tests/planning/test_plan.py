"""Estimates of where to run what, and the order that they give."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilekit_delegates.coverage.coverage import Answer, Coverage, Crossing, Partition
from mobilekit_delegates.planning.devices import Device, Timing, fit, read_devices
from mobilekit_delegates.planning.plan import Candidate, in_order, plan

CPU = Timing(accelerator="cpu", base="fp32", fixed_ms=1.0, ms_per_megamac=0.1)
GPU = Timing(
    accelerator="gpu", base="fp32", fixed_ms=3.0, ms_per_megamac=0.01, factors={"int8": 2.0}
)
PHONE = Device(name="phone", platform="android", bandwidth=1e6, timings={"cpu": CPU, "gpu": GPU})


def coverage(taken: tuple[bool, ...], crossing: int = 0) -> Coverage:
    """Nodes of ten million MACs each, in a row."""
    parts: list[Partition] = []
    for index, own in enumerate(taken):
        if parts and parts[-1].taken == own:
            parts[-1] = Partition(nodes=(*parts[-1].nodes, index), taken=own)
        else:
            parts.append(Partition(nodes=(index,), taken=own))
    crossings = (Crossing(tensor="x", bytes=crossing, producer=0, consumer=1),) if crossing else ()
    return Coverage(
        delegate="gpu",
        level=1,
        basis="estimate",
        place="a table",
        answers=tuple(Answer(taken=own) for own in taken),
        macs=(10_000_000,) * len(taken),
        partitions=tuple(parts),
        crossings=crossings,
    )


def candidate(
    accelerator: str, found: Coverage | None, precision: str = "fp32", variant: str = ""
) -> Candidate:
    return Candidate(
        variant=variant or f"tflite-{precision}",
        precision=precision,
        accelerator=accelerator,
        coverage=found,
    )


def test_a_whole_graph_costs_one_start_and_its_work() -> None:
    (estimate,) = plan([candidate("gpu", coverage((True,) * 4))], [PHONE])
    assert estimate.accelerator_ms == pytest.approx(3.0 + 0.4)
    assert (estimate.cpu_ms, estimate.transfer_ms, estimate.partitions) == (0, 0, 1)


def test_a_cut_graph_costs_a_start_for_each_part_the_rest_and_the_crossing() -> None:
    found = coverage((True, False, True), crossing=500_000)
    (estimate,) = plan([candidate("gpu", found)], [PHONE])
    assert estimate.accelerator_ms == pytest.approx(2 * 3.0 + 0.2)
    assert estimate.cpu_ms == pytest.approx(1.0)
    assert estimate.transfer_ms == pytest.approx(0.5)
    assert estimate.milliseconds == pytest.approx(7.7)


def test_the_cpu_runs_what_its_own_delegate_leaves_too() -> None:
    whole, left = plan(
        [candidate("cpu", coverage((True, True))), candidate("cpu", coverage((True, False)))],
        [PHONE],
    )
    assert whole.milliseconds == left.milliseconds == pytest.approx(3.0)


def test_a_precision_that_nobody_timed_has_no_figure() -> None:
    (estimate,) = plan([candidate("gpu", coverage((True,)), precision="int16x8")], [PHONE])
    assert math.isnan(estimate.milliseconds)
    assert estimate.reason == "No times of it in int16x8 are published."


def test_a_precision_takes_the_factor_of_the_one_that_it_is_like() -> None:
    exact, half, quantised = plan(
        [candidate("gpu", coverage((True,)), precision) for precision in ("fp32", "fp16", "int8")],
        [PHONE],
    )
    assert half.milliseconds == exact.milliseconds
    assert quantised.milliseconds == pytest.approx(2 * exact.milliseconds)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "What it would take of the graph is not known here."),
        (coverage((False, False)), "It takes nothing of the graph."),
    ],
)
def test_what_cannot_be_told_or_run_has_no_figure_and_says_so(
    found: Coverage | None, reason: str
) -> None:
    (estimate,) = plan([candidate("gpu", found)], [PHONE])
    assert math.isnan(estimate.milliseconds)
    assert estimate.reason == reason


def test_what_the_plain_kernels_of_a_cpu_take_nobody_published() -> None:
    (estimate,) = plan([candidate("cpu", coverage((False,)))], [PHONE])
    assert estimate.reason == (
        "Its delegate takes nothing, and no times of the plain kernels are published."
    )


def test_what_is_left_to_an_unknown_cpu_has_no_figure() -> None:
    lonely = Device(name="phone", platform="ios", bandwidth=1e6, timings={"gpu": GPU})
    (estimate,) = plan([candidate("gpu", coverage((True, False)))], [lonely])
    assert estimate.reason == (
        "It leaves 1 of 2 operators to the CPU, of which no times on the phone are published."
    )


def test_the_fastest_comes_first_the_unknown_later_and_what_takes_nothing_last() -> None:
    nothing = candidate("gpu", coverage((False,) * 90), variant="tflite-int16x8")
    unknown = candidate("npu", None)
    slow = candidate("cpu", coverage((True,) * 90))
    fast = candidate("gpu", coverage((True,) * 90))
    candidates = [nothing, unknown, slow, fast]
    assert in_order(candidates, plan(candidates, [PHONE])) == (fast, slow, unknown, nothing)


def test_devices_count_alike_however_slow_they_are() -> None:
    slow_phone = Device(
        name="slow",
        platform="android",
        bandwidth=1e6,
        timings={
            "cpu": Timing(accelerator="cpu", base="fp32", fixed_ms=100, ms_per_megamac=0),
            "gpu": Timing(accelerator="gpu", base="fp32", fixed_ms=110, ms_per_megamac=0),
        },
    )
    cpu, gpu = candidate("cpu", coverage((True,) * 9)), candidate("gpu", coverage((True,) * 9))
    # 10 against 3.9 ms on one, 100 against 110 on the other.
    assert in_order([cpu, gpu], plan([cpu, gpu], [PHONE, slow_phone])) == (gpu, cpu)


@given(
    st.floats(0, 50),
    st.floats(0, 1),
    st.lists(st.floats(1, 5000), min_size=2, max_size=8, unique=True),
)
def test_a_line_is_found_again(start: float, slope: float, places: list[float]) -> None:
    found = fit([(x, start + slope * x) for x in places])
    for x in places:
        assert found[0] + found[1] * x == pytest.approx(start + slope * x, rel=1e-6, abs=1e-6)


@given(st.lists(st.tuples(st.floats(1, 5000), st.floats(0.01, 500)), min_size=1, max_size=8))
def test_no_fit_is_below_zero(points: list[tuple[float, float]]) -> None:
    start, slope = fit(points)
    assert start >= 0
    assert slope >= 0


def test_published_times_are_met_as_well_as_a_line_can() -> None:
    pixel = next(device for device in read_devices() if device.name == "Pixel 9 Pro")
    gpu = pixel.timings["gpu"]
    assert gpu.fixed_ms + 300 * gpu.ms_per_megamac == pytest.approx(6.41, rel=0.15)
    assert pixel.timings["cpu"].factor("int8") == pytest.approx(4.07 / 9.85)


def test_every_device_says_where_its_times_are_from() -> None:
    for device in read_devices():
        assert device.timings
        assert all(timing.source for timing in device.timings.values())

"""What many cases have in common is one line."""

from __future__ import annotations

from gate_samples import benchmark

from mobilekit.bench.notes import shared_notes
from mobilekit.bench.results import Benchmark

FOUR = "tflite-int8 on t0, tflite-int8 on t1 and 2 more: "


def case(number: int, *notes: str, disturbed: str = "", emulated: bool = False) -> Benchmark:
    return benchmark(
        variant="tflite-int8",
        target=f"t{number}",
        notes=notes,
        disturbed=disturbed,
        emulated=emulated,
    )


def test_disturbances_of_one_kind_are_one_line_with_the_range_of_their_numbers() -> None:
    cases = [
        case(index, disturbed=f"Other processes used {cores} cores on average.")
        for index, cores in enumerate((1.1, 0.9, 10.3, 1.1))
    ]
    assert list(shared_notes(cases)) == [
        f"{FOUR}Other processes used 0.9 to 10.3 cores on average."
    ]


def test_a_disturbance_of_an_emulated_case_is_none_but_its_notes_are_told() -> None:
    found = list(shared_notes([case(0, "It is of 12 runs.", disturbed="Hot.", emulated=True)]))
    assert found == ["tflite-int8 on t0: It is of 12 runs."]


def test_why_there_are_no_times_of_operators_is_one_line() -> None:
    reasons = ["11 operators are too short", "13 operators are too short", "gpu offers none", "b"]
    cases = [case(i, f"No times of operators: {reason}.") for i, reason in enumerate(reasons)]
    assert list(shared_notes(cases)) == [
        f"{FOUR}No times of operators: 11 to 13 operators are too short; gpu offers none; b."
    ]
    (line,) = shared_notes([*cases, case(9, "No times of operators: c."), case(8, *cases[3].notes)])
    assert line.endswith(
        "11 to 13 operators are too short; b; gpu offers none; and for 1 other reason."
    )


def test_notes_that_differ_in_words_stay_apart() -> None:
    assert len(list(shared_notes([case(0, "It is 1 of 2."), case(1, "It was 1 of 2.")]))) == 2

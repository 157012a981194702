"""The table of `docs/mutations.md` is what the checks say today, and nothing in it is missed."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import table
import verdicts
from mutants import kinds
from subjects import MODELS
from tools import require_target
from verdicts import CAUGHT, CLEAN, MISSED, NOT_ASKED, UNITS

from mobilekit.parity.budgets import PROGRAM
from mobilekit_delegates.targets import TARGETS

WRONG_WITHOUT_A_FAULT = {
    (place, "resnet", f"tflite-{precision}")
    for place in ("gpu", "gpu-fp32")
    for precision in ("dynamic", "int8", "int16x8")
}
"""What LiteRT's GPU accelerator computes wrongly, see the page."""

ALONE = {PROGRAM: ("tflite-int8", "coreml-w8"), "cpu": ("tflite-fp32", "tflite-int8")}
"""The variants in which every kind is put into every model again."""

SAMPLE = {
    "cpu-reference": "tflite-int8", "cpu-fp16": "tflite-fp16",
    "coreml": "coreml-fp16", "coreml-fp32": "coreml-fp32",
}  # fmt: skip
"""Elsewhere, the variant of the digits into which every eighth kind is put again."""

SLOW = ("gpu", "gpu-fp32", "arm64", "tflite-floor")
"""Where each kind was put into one variant only; here some are again."""


NEAR_BOUNDS = 0.03
"""The share of verdicts that another processor may turn around."""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not MODELS.is_dir():
        pytest.skip("the real models of ../shared/models are not on this machine")
    return tmp_path_factory.mktemp("models")


@functools.cache
def _stored() -> verdicts.Verdicts:
    return verdicts.load()


def test_there_are_fifteen_kinds_and_four_models_and_every_target_in_the_table() -> None:
    assert len(kinds()) >= 15
    assert len({name for name, _ in UNITS}) >= 4
    anywhere = {name for name in TARGETS if not name.startswith(("mac/", "ios-"))}
    assert set(_stored()) == {PROGRAM, *anywhere}


def test_the_page_is_what_was_found() -> None:
    assert table.PAGE.read_text("utf-8") == table.page(_stored())


@pytest.mark.parametrize("kind", kinds())
def test_every_fault_is_caught_by_some_check(kind: str) -> None:
    letters = verdicts.together(_stored(), kind)
    assert MISSED not in letters.values()
    if kind not in ("a zero-point off by three, of an activation",):
        assert CAUGHT in letters.values()


def test_no_clean_artifact_is_flagged() -> None:
    flagged = {
        (place, *UNITS[index])
        for place, by_kind in _stored().items()
        for index, letter in enumerate(by_kind[CLEAN])
        if letter == CAUGHT
    }
    assert flagged == WRONG_WITHOUT_A_FAULT & flagged


def test_every_model_has_artifacts_that_ran_on_every_target() -> None:
    for place, by_kind in _stored().items():
        for name in {name for name, _ in UNITS}:
            letters = {
                letter
                for (model, _), letter in zip(UNITS, by_kind[CLEAN], strict=True)
                if model == name
            }
            assert letters - {NOT_ASKED}, f"{name} on {place}"


@pytest.mark.slow
@pytest.mark.parametrize("place", ALONE)
def test_the_same_verdicts_come_out_again(place: str, prepared: Path) -> None:
    wanted = {
        (kind, name, variant)
        for kind in verdicts.rows()
        for name, variant in UNITS
        if variant in ALONE[place]
    }
    _compare(place, wanted, prepared)


@pytest.mark.slow
@pytest.mark.parametrize("place", [*SAMPLE, *SLOW])
def test_the_same_verdicts_come_out_elsewhere(place: str, prepared: Path) -> None:
    require_target(place)
    few = verdicts.rows()[::8]
    wanted = {(kind, "digits", SAMPLE[place]) for kind in few if place in SAMPLE}
    if place in SLOW:
        wanted = {
            (kind, *UNITS[index])
            for kind in few[1::2]
            for index in verdicts.sampled(place, kind)[:1]
        }
    _compare(place, wanted, prepared)


def _compare(place: str, wanted: set[tuple[str, str, str]], prepared: Path) -> None:
    found = verdicts.collect((place,), prepared, wanted)[place]
    compared, other = 0, []
    for kind, letters in found.items():
        for index, letter in enumerate(letters):
            if letter != NOT_ASKED:
                compared += 1
                if letter != _stored()[place][kind][index]:
                    other.append(f"{kind} in {UNITS[index]}: {letter}")
    assert compared
    # Kernels choose instructions by the processor, and a few faults lie at a bound.
    assert len(other) <= NEAR_BOUNDS * compared, other
    assert not [line for line in other if line.startswith(CLEAN)], other

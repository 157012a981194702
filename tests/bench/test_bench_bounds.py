"""The table `[latency]` of a project file: what it may say, and how it is told what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from mobilekit.bench.bounds import Bound, bounds_of
from mobilekit.project import load_project
from mobilekit_converters.errors import ProjectError

PROJECT = '[model]\nsource = "digits.keras"\n\n'


def load(tmp_path: Path, text: str) -> dict[str, Any]:
    (tmp_path / "mobilekit.toml").write_text(PROJECT + text, encoding="utf-8")
    return load_project(tmp_path / "mobilekit.toml").latency


def test_bounds_are_read_for_targets_families_and_variants(tmp_path: Path) -> None:
    table = load(
        tmp_path,
        """
        [latency]
        adb = { p90_ms = 8 }
        "adb:R5CT/gpu" = { first_run_ms = 900, peak_memory_mb = 120 }
        cpu.median_ms = 2.5

        [latency.tflite-int8]
        "adb/cpu" = { p90_ms = 4 }
        """,
    )
    assert bounds_of(table) == (
        Bound(variant="", place="adb", figure="p90_ms", most=8),
        Bound(variant="", place="adb:R5CT/gpu", figure="first_run_ms", most=900),
        Bound(variant="", place="adb:R5CT/gpu", figure="peak_memory_mb", most=120),
        Bound(variant="", place="cpu", figure="median_ms", most=2.5),
        Bound(variant="tflite-int8", place="adb/cpu", figure="p90_ms", most=4),
    )


def test_a_project_file_without_the_table_has_no_bounds(tmp_path: Path) -> None:
    assert bounds_of(load(tmp_path, "")) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "adb = { p9_ms = 8 }",
            "[latency] adb: there is no figure 'p9_ms'. Did you mean 'p99_ms'? Known: median_ms,",
        ),
        (
            "adv = { p90_ms = 8 }",
            "[latency] adv: there is no target or variant of that name. Did you mean 'adb'? Known:",
        ),
        (
            "[latency.tflite-int9]\ncpu = { p90_ms = 8 }",
            "there is no target or variant of that name. Did you mean 'tflite-int8'?",
        ),
        (
            "[latency.tflite-int8]\ncpuu = { p90_ms = 8 }",
            "[latency.tflite-int8] cpuu: there is no target of that name. Did you mean 'cpu'?",
        ),
        ("adb = 8", "[latency] adb: give bounds, such as { p90_ms = 8 }; known: median_ms,"),
        ("adb = {}", "[latency] adb: give bounds, such as { p90_ms = 8 }; known: median_ms,"),
        ("cpu = { p90_ms = 'fast' }", "[latency] cpu: p90_ms = 'fast' is no number above zero."),
        ("cpu = { p90_ms = true }", "[latency] cpu: p90_ms = True is no number above zero."),
        ("cpu = { p90_ms = 0 }", "[latency] cpu: p90_ms = 0 is no number above zero."),
        ("cpu = { p90_ms = nan }", "[latency] cpu: p90_ms = nan is no number above zero."),
        (
            "arm64 = { p90_ms = 8 }",
            "[latency] arm64: 'arm64' is emulated, and an emulator's time is not a device's.",
        ),
        ('"arm64:cortex-a53" = { p90_ms = 8 }', "'arm64:cortex-a53' is emulated"),
        ("gpu = { p90_ms = 8 }", "'gpu' is emulated"),
        ('"adb:R5CT" = { p90_ms = 8 }', "[latency] adb:R5CT: There is no target 'adb:R5CT'. Name"),
    ],
)
def test_a_wrong_table_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ProjectError) as caught:
        load(tmp_path, text if text.startswith("[") else f"[latency]\n{text}")
    assert message in str(caught.value)
    assert str(tmp_path / "mobilekit.toml") in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mobilekit.toml").write_text("latency = 3\n" + PROJECT, encoding="utf-8")
    with pytest.raises(ProjectError, match=r"latency"):
        load_project(tmp_path / "mobilekit.toml")


NAMES = some.sampled_from(["adb", "adb/gpu", "cpu", "gpu", "tflite-int8", "p90_ms", "ü", ""])
TABLES = some.recursive(
    some.one_of(some.floats(), some.integers(), some.booleans(), some.text(max_size=3)),
    lambda inner: some.one_of(some.lists(inner, max_size=2), some.dictionaries(NAMES, inner)),
    max_leaves=8,
)


@given(some.dictionaries(NAMES, TABLES))
def test_any_table_is_read_or_refused_with_a_sentence(table: dict[str, Any]) -> None:
    refusal = ""
    bounds: tuple[Bound, ...] = ()
    try:
        bounds = bounds_of(table)
    except ProjectError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith("[latency")
    assert all(bound.most > 0 for bound in bounds)

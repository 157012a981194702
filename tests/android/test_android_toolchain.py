"""pytest shows what JUnit tests show: none that fails, hangs or vanishes has passed."""

from __future__ import annotations

from pathlib import Path

import pytest
from toolchain import JUnitResult, JUnitRun, Kotlin, KotlinError, junit_tests
from tools import REQUIRE

TESTS = """
package com.example

import org.junit.Assert.assertEquals
import org.junit.Assume.assumeTrue
import org.junit.Before
import org.junit.Ignore
import org.junit.Test

class OutcomesTest {
    @Test
    fun `adds one and one`() {
        assertEquals(2, 1 + 1)
    }

    @Test fun fails() = assertEquals("a\\ttab", 3, 1 + 1)

    @Test(timeout = 60_000)
    fun skips() = assumeTrue("no device", false)

    @Ignore("not yet")
    @Test
    fun waits(): Unit = error("It ran.")

    @Test
    fun ends() {
        if (System.getProperty("end") == "crash") Runtime.getRuntime().halt(3)
    }
}

class BrokenTest {
    @Before
    fun breaks(): Unit = error("Broken.")

    @Test
    fun neverRuns() = Unit
}
"""

NAMES = [
    *(f"OutcomesTest.{name}" for name in ("adds one and one", "fails", "skips", "waits", "ends")),
    "BrokenTest.neverRuns",
]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tests") / "OutcomesTest.kt"
    path.write_text(TESTS)
    return path


@pytest.fixture(scope="module")
def classes(source: Path, kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kotlin.compile([source], ["junit"], tmp_path_factory.mktemp("classes"))


def run(kotlin: Kotlin, classes: Path, end: str = "") -> JUnitRun:
    names = ["com.example.OutcomesTest", "com.example.BrokenTest"]
    return kotlin.run_junit([classes], names, properties={"end": end})


def test_all_tests_are_found(source: Path) -> None:
    assert junit_tests(source) == junit_tests(source.parent) == NAMES


def test_every_outcome_is_told(
    kotlin: Kotlin, classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = run(kotlin, classes)
    assert set(outcomes.results) == set(NAMES)
    outcomes.check("OutcomesTest.adds one and one")
    outcomes.check("OutcomesTest.ends")
    with pytest.raises(pytest.fail.Exception, match="a\ttab expected:<3> but was:<2>"):
        outcomes.check("OutcomesTest.fails")
    with pytest.raises(pytest.fail.Exception, match=r"Broken\."):
        outcomes.check("BrokenTest.neverRuns")
    for name, reason in (("skips", "no device"), ("waits", "not yet")):
        monkeypatch.delenv(REQUIRE, raising=False)
        with pytest.raises(pytest.skip.Exception, match=reason):
            outcomes.check(f"OutcomesTest.{name}")
        monkeypatch.setenv(REQUIRE, "1")
        with pytest.raises(pytest.fail.Exception, match=reason):
            outcomes.check(f"OutcomesTest.{name}")
    with pytest.raises(pytest.fail.Exception, match="did not run"):
        outcomes.check("OutcomesTest.another")


def test_what_does_not_end_has_failed(kotlin: Kotlin, classes: Path) -> None:
    outcomes = run(kotlin, classes, end="crash")
    with pytest.raises(pytest.fail.Exception, match="did not end"):
        outcomes.check("OutcomesTest.ends")
    with pytest.raises(pytest.fail.Exception, match="did not run"):
        outcomes.check("BrokenTest.neverRuns")


def test_a_class_that_cannot_start_fails_each_of_its_tests() -> None:
    broken = JUnitRun(
        results={"OutcomesTest": JUnitResult(outcome="failed", text="no library")}, output=""
    )
    with pytest.raises(pytest.fail.Exception, match="no library"):
        broken.check("OutcomesTest.ends")


def test_a_program_that_fails_says_what_it_wrote(kotlin: Kotlin, tmp_path: Path) -> None:
    source = tmp_path / "Program.kt"
    source.write_text(
        "fun main(arguments: Array<String>) {\n"
        '    println("so far")\n'
        '    if ("wait" in arguments) Thread.sleep(60_000)\n'
        '    error("no further")\n'
        "}\n"
    )
    classes = kotlin.compile([source], [], tmp_path / "classes")
    with pytest.raises(KotlinError, match=r"(?s)so far.*no further"):
        kotlin.run("ProgramKt", [classes])
    with pytest.raises(KotlinError, match="timed out"):
        kotlin.run("ProgramKt", [classes], ["wait"], timeout=1)

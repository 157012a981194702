"""coremltools' own operator tests, a sample of every file, against what they gave before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import conformance_page
import pytest

SUITE = Path(__file__).with_name("conformance_suite.py")
PER_FILE = 16


@pytest.fixture(scope="module")
def counts() -> dict[str, dict[str, dict[str, int]]]:
    """What the suite gave when the page was written."""
    return dict(json.loads(conformance_page.COUNTS.read_text()))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What the sample gives now; each half of it runs in a process of its own."""
    folder = tmp_path_factory.mktemp("conformance")
    outs = [folder / f"{part}.jsonl" for part in range(2)]
    options = ["--most-per-file", str(PER_FILE), "--parts", "2"]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1"}
    processes = [
        subprocess.Popen(
            [sys.executable, str(SUITE), *options, "--part", str(part), "--out", str(out)],
            cwd=folder,
            env=quiet,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for part, out in enumerate(outs)
    ]
    said = [process.communicate()[0] for process in processes]
    for out, text in zip(outs, said, strict=True):
        assert out.exists(), text
    return conformance_page.read(outs)


@pytest.mark.slow
def test_no_file_of_the_suite_gives_fewer_of_the_expected_numbers(
    sample: list[dict[str, str]], counts: dict[str, dict[str, dict[str, int]]]
) -> None:
    now = conformance_page.count(sample)
    fallen = {
        f"{file}, {outcome}": f"{now.get(file, {}).get(outcome, 0)} of {before[outcome]}"
        for file, before in counts["sample"].items()
        for outcome in ("passed", "fp32 passed")
        if now.get(file, {}).get(outcome, 0) < before.get(outcome, 0)
    }
    details = [
        f"{case['file']} {case['case']}: {case['detail']}"
        for case in sample
        if case["outcome"] in ("wrong", "unsupported", "failed")
    ]
    assert not fallen, "\n".join(details)


def test_the_sample_compares_numbers_in_every_file_that_has_some(
    counts: dict[str, dict[str, dict[str, int]]],
) -> None:
    without = {
        file
        for file, outcomes in counts["all"].items()
        if conformance_page.compared(outcomes)
        and not conformance_page.compared(counts["sample"].get(file, {}))
    }
    # These compare with PyTorch alone, which the sample does without.
    assert without <= {"iOS17/test_conv.py", "iOS18/test_transformers.py"}


def test_at_least_95_percent_of_all_cases_give_the_expected_numbers(
    counts: dict[str, dict[str, dict[str, int]]],
) -> None:
    files = counts["all"].values()
    for prefix in ("", "fp32 "):
        passed = sum(each.get(f"{prefix}passed", 0) for each in files)
        total = sum(conformance_page.compared(each, prefix) for each in files)
        assert total > 3000
        assert passed / total >= (0.95 if not prefix else 0.9)


def test_the_page_is_the_one_that_the_counts_and_the_operators_give(
    counts: dict[str, dict[str, dict[str, int]]],
) -> None:
    assert conformance_page.PAGE.read_text() == conformance_page.page(counts), (
        "Write the page again: python tests/coreml_evaluator/conformance_page.py"
    )

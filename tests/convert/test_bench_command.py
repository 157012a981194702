"""`mobilekit bench` as a user runs it, with budgets that measure next to nothing."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from command import Ended, Run, left_in, tree

from mobilekit.bench.files import read_bench

QUICK = ("--runs", "8", "--seconds", "0.02", "--limit", "1")
CPU = ("--target", "cpu")


@pytest.fixture
def release(digits_release: Path, tmp_path: Path) -> Path:
    """A copy of the release, to be changed."""
    return Path(shutil.copytree(digits_release, tmp_path / "copy.release"))


def change_manifest(release: Path, latency: dict[str, Any]) -> None:
    path = release / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["options"]["latency"] = latency
    path.write_text(json.dumps(manifest), encoding="utf-8")


def cases(ended: Ended) -> dict[tuple[str, str], Any]:
    return {(item["variant"], item["target"]): item for item in ended.json()["benchmarks"]}


def test_a_release_is_measured_and_its_reports_say_so(release: Path, run: Run) -> None:
    before = tree(release)
    ended = run("bench", release, *CPU, *QUICK, "--json", "--variant", "tflite-fp32")
    assert ended.status == 0, ended.errors
    report = ended.json()
    assert (report["schema"], report["verdict"]) == ("mobilekit/bench/1", "pass")
    assert report["noise"]["reference_rounds"]
    assert "float32 matrices" in report["noise"]["reference"]
    found = cases(ended)
    assert set(found) == {("tflite-fp32", "cpu")}
    cpu = found["tflite-fp32", "cpu"]
    assert (cpu["status"], cpu["emulated"]) == ("measured", False)
    assert cpu["latency"]["runs"] >= 8
    assert 0 < cpu["latency"]["median_ms"] <= cpu["latency"]["p99_ms"]
    assert len(cpu["startups"]) == len(cpu["latency"]["rounds"]) > 0
    assert cpu["startups"][0]["first_run_ms"] > 0
    assert cpu["peak_memory_bytes"] > cpu["bare_memory_bytes"] > 0
    assert (cpu["threads"], cpu["place"] != "") == (1, True)

    after = tree(release)
    assert {name for name in after if after[name] != before.get(name)} <= {
        "report.json", "report.html", "junit.xml", "summary.md", "manifest.json",
    }  # fmt: skip
    assert left_in(release) == sorted({name.partition("/")[0] for name in before})
    assert read_bench(release).benchmarks[0].latency is not None
    files = json.loads(after["manifest.json"])["files"]
    assert files["report.json"] == sha256(after["report.json"]).hexdigest()


def test_a_part_that_is_measured_again_leaves_the_rest_as_it_was(release: Path, run: Run) -> None:
    both = ("--variant", "tflite-fp32", "--variant", "tflite-int8")
    assert run("bench", release, *CPU, *QUICK, *both).status == 0
    before = {item.variant: item for item in read_bench(release).benchmarks}
    ended = run("bench", release, *CPU, *QUICK, "--variant", "tflite-int8")
    assert ended.status == 0, ended.errors
    assert "measured before, 20" in ended.output
    bench = read_bench(release)
    after = {item.variant: item for item in bench.benchmarks}
    assert list(after) == list(before)
    assert after["tflite-fp32"].latency == before["tflite-fp32"].latency
    assert after["tflite-int8"].latency != before["tflite-int8"].latency
    assert (after["tflite-int8"].kept_from, bool(after["tflite-fp32"].kept_from)) == ("", True)


def test_one_file_is_measured_with_lines_for_people(
    digits_release: Path, run: Run, tmp_path: Path
) -> None:
    before = tree(digits_release)
    artifact = digits_release / "models" / "tflite-int8.tflite"
    ended = run("bench", artifact, *CPU, *QUICK, "--out", tmp_path / "found", "--affinity", "0")
    assert ended.status == 0, ended.errors
    assert "tflite-int8 on cpu" in ended.output
    assert "Where nothing changes, the medians of" in ended.output
    assert ended.output.rstrip().endswith("tflite-int8: measured; no gate was asked for.")
    assert left_in(tmp_path / "found") == ["report.json"]
    assert read_bench(tmp_path / "found").benchmarks[0].affinity == (0,)
    assert tree(digits_release) == before


def test_the_same_release_is_no_slower_than_itself_and_its_gate_is_said(
    release: Path, run: Run, tmp_path: Path
) -> None:
    """Whether a noisy machine can tell is not tested here; that it never says `fail` lightly is."""
    one = (*CPU, "--variant", "tflite-int16x8", *QUICK)
    assert run("bench", release, *one, "--out", tmp_path / "before").status == 0
    ended = run(
        "bench", release, *one, "--json", "--baseline", tmp_path / "before", "--slower", "300"
    )
    report = ended.json()
    (gate,) = report["gates"]
    assert gate["status"] in ("pass", "undecided")
    assert ended.status == (0 if gate["status"] == "pass" else 1)
    assert report["verdict"] == gate["status"]


def test_a_damaged_artifact_fails_alone(release: Path, run: Run) -> None:
    damaged = release / "models" / "tflite-int8.tflite"
    damaged.write_bytes(damaged.read_bytes()[:2000])
    ended = run(
        "bench", release, *CPU, *QUICK, "--json",
        "--variant", "tflite-int8", "--variant", "tflite-fp32",
    )  # fmt: skip
    assert ended.status == 1
    found = cases(ended)
    assert found["tflite-int8", "cpu"]["status"] == "failed"
    assert found["tflite-int8", "cpu"]["reason"]
    assert found["tflite-fp32", "cpu"]["status"] == "measured"
    assert ended.json()["verdict"] == "fail"


def test_a_file_that_was_exchanged_is_not_measured(release: Path, run: Run) -> None:
    models = release / "models"
    shutil.copyfile(models / "tflite-fp32.tflite", models / "tflite-fp16.tflite")
    ended = run("bench", release, *CPU, *QUICK, "--variant", "tflite-fp16")
    assert ended.status == 1
    assert "tflite-fp16.tflite is not the file that was built" in ended.output


def test_bounds_of_the_project_are_gates(release: Path, run: Run) -> None:
    change_manifest(release, {"cpu": {"p90_ms": 1e-6, "peak_memory_mb": 1e6}})
    ended = run("bench", release, *CPU, *QUICK, "--variant", "tflite-fp32", "--json")
    gates = {gate["rule"]: gate["status"] for gate in ended.json()["gates"]}
    assert gates["peak_memory_mb <= 1e+06"] == "pass"
    # A disturbed machine may not be able to tell, and never passes it.
    assert gates["p90_ms <= 1e-06"] in ("fail", "undecided")
    assert ended.status == 1


def test_a_bound_of_a_device_that_was_not_measured_is_no_pass(release: Path, run: Run) -> None:
    change_manifest(release, {"adb": {"p90_ms": 8}})
    ended = run("bench", release, *CPU, *QUICK, "--variant", "tflite-fp32")
    assert ended.status == 1
    assert "UNDECIDED (0 of 1 gates passed)" in ended.output
    assert "Every variant on adb: p90_ms <= 8: not run. Nothing was measured there." in ended.output


def test_an_unknown_variant_names_the_nearest(release: Path, run: Run) -> None:
    ended = run("bench", release, "--variant", "tflite-int9")
    assert ended.status == 2
    assert "There is no variant 'tflite-int9' here. Did you mean 'tflite-int8'?" in ended.errors


def test_an_unknown_target_names_the_nearest(release: Path, run: Run) -> None:
    ended = run("bench", release, "--target", "cpu-referense")
    assert ended.status == 2
    assert "There is no target 'cpu-referense'. Did you mean 'cpu-reference'?" in ended.errors


def test_a_target_that_was_named_and_is_not_here_ends_with_3(release: Path, run: Run) -> None:
    before = tree(release)
    ended = run("bench", release, "--target", "ssh:nobody@127.0.0.1:9/cpu")
    assert ended.status == 3
    assert "is required, and cannot be reached here" in ended.errors
    assert tree(release) == before


def test_a_target_for_other_formats_measures_nothing(release: Path, run: Run) -> None:
    ended = run("bench", release, *CPU, "--variant", "coreml-fp16")
    assert ended.status == 2
    assert "There is nothing to measure: cpu takes tflite, and here is coreml." in ended.errors


def test_a_release_without_models_is_refused(release: Path, run: Run) -> None:
    path = release / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    for variant in report["variants"]:
        variant["status"] = "failed"
    path.write_text(json.dumps(report), encoding="utf-8")
    ended = run("bench", release)
    assert ended.status == 2
    assert "holds no artifact: every variant of it failed" in ended.errors


def test_what_is_no_release_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("bench", tmp_path / "empty")
    assert ended.status == 2
    assert "lies in no release" in ended.errors


def test_what_is_not_there_is_called_so(run: Run, tmp_path: Path) -> None:
    ended = run("bench", tmp_path / "Digits.release")
    assert ended.status == 2
    assert f"There is no {tmp_path / 'Digits.release'}." in ended.errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0,x", "'0,x' is not of the form 0,1"),
        ("9999", "no process can be kept on these cores here"),
    ],
)
def test_cores_that_are_not_there_are_refused(
    release: Path, run: Run, text: str, words: str
) -> None:
    before = tree(release)
    ended = run("bench", release, *CPU, *QUICK, "--variant", "tflite-fp32", "--affinity", text)
    assert ended.status == 2
    assert words in " ".join(ended.errors.split())
    assert tree(release) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON, or only a part of it"),
        ('{"schema": "other/1"}', "holds no benchmark"),
    ],
)
def test_a_baseline_that_is_none_is_refused_at_once(
    release: Path, run: Run, tmp_path: Path, content: str, words: str
) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text(content, encoding="utf-8")
    ended = run("bench", release, "--baseline", baseline)
    assert ended.status == 2
    assert words in ended.errors


def test_a_baseline_of_another_machine_is_refused_before_anything_is_measured(
    release: Path, run: Run, tmp_path: Path
) -> None:
    other = {
        "schema": "mobilekit/bench/1",
        "model": "DigitClassifier",
        "source_sha256": "0" * 64,
        "verdict": "pass",
        "machine": {"processor": "Example 9000", "cores": "2", "system": "Linux x86_64"},
    }
    (tmp_path / "baseline.json").write_text(json.dumps(other), encoding="utf-8")
    ended = run(
        "bench", release, *CPU, "--variant", "tflite-fp32", "--baseline", tmp_path / "baseline.json"
    )
    assert ended.status == 2
    assert "The baseline is of another machine: its processor is Example 9000" in ended.errors
    assert "--across-machines" in ended.errors
    assert " ok " not in ended.errors


def test_a_baseline_with_nothing_in_common_is_refused_before_anything_is_measured(
    release: Path, run: Run, tmp_path: Path
) -> None:
    one = (*CPU, *QUICK, "--out", tmp_path / "before")
    assert run("bench", release, *one, "--variant", "tflite-fp32").status == 0
    before = tree(release)
    ended = run(
        "bench", release, *CPU, *QUICK,
        "--variant", "tflite-int8", "--baseline", tmp_path / "before",
    )  # fmt: skip
    assert ended.status == 2
    assert "have no artifact on a real target in common" in ended.errors
    assert " ok " not in ended.errors
    assert tree(release) == before

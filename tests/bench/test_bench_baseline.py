"""A benchmark held to an earlier one: what is compared, what is refused, what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_samples import MACHINE, benchmark, operators, report, steady

from mobilekit.bench.baseline import compare, warnings
from mobilekit.bench.files import read_bench, signature_words
from mobilekit.bench.results import BenchReport
from mobilekit.report.json_file import plain
from mobilekit_converters.errors import DataError
from mobilekit_converters.signature import Signature, TensorSpec

REFERENCE = steady(0.11)


def one(milliseconds: float, *, reference: float = 0.11, **more: Any) -> BenchReport:
    return report([benchmark(steady(milliseconds), **more)], reference=steady(reference))


def test_the_same_times_pass_and_slower_ones_fail() -> None:
    (same,) = compare(one(5.0), one(5.0))
    assert same.status == "pass"
    assert same.rule == "not slower than the baseline by more than 5 %"
    (slower,) = compare(one(5.0), one(5.5))
    assert slower.status == "fail"
    assert slower.measured == pytest.approx(5.511)
    assert slower.bound == pytest.approx(5.01 * 1.05)
    assert "fastest tenth of runs changed by +10.0 %" in slower.reason


def test_a_faster_artifact_passes() -> None:
    (gate,) = compare(one(5.0), one(3.0))
    assert gate.status == "pass"


def test_the_size_that_matters_can_be_stated() -> None:
    (gate,) = compare(one(5.0), one(5.5), size=0.2)
    assert gate.status == "pass"
    (gate,) = compare(one(5.0), one(6.5), size=0.2)
    assert gate.status == "fail"


def test_a_slower_machine_is_told_from_a_slower_artifact() -> None:
    (gate,) = compare(one(5.0), one(5.35, reference=0.11 * 1.07))
    assert gate.status == "pass"
    (gate,) = compare(one(5.0), one(5.0 * 1.2, reference=0.11 * 1.04))
    assert gate.status == "fail"


def test_what_this_computer_moved_by_says_nothing_of_a_device() -> None:
    before = one(5.0, target="adb:R5CT/gpu")
    (gate,) = compare(before, one(5.0, target="adb:R5CT/gpu", reference=0.11 * 1.3))
    assert gate.status == "pass"
    (gate,) = compare(before, one(6.5, target="adb:R5CT/gpu", reference=0.11 * 1.3))
    assert gate.status == "fail"
    (warning,) = warnings(before, before)
    assert warning.startswith("No reference workload runs on adb:R5CT/gpu")


def test_a_machine_that_is_much_slower_decides_nothing() -> None:
    for times in (5.0, 6.0, 9.0):
        (gate,) = compare(one(5.0), one(times, reference=0.11 * 1.2))
        assert gate.status == "undecided"
        assert "the machine itself was 20 % slower now" in gate.reason


def test_noise_that_hides_a_slowdown_is_an_answer_of_its_own() -> None:
    import numpy as np

    random = np.random.default_rng(0)
    rounds = [list(5 * random.lognormal(random.normal(0, 0.3), 0.3, 10)) for _ in range(8)]
    noisy = report([benchmark(rounds)], reference=REFERENCE)
    (gate,) = compare(noisy, noisy)
    assert gate.status == "undecided"
    assert "too noisy to tell" in gate.reason


def test_a_median_that_leaves_the_fastest_runs_alone_is_seen_when_it_is_large() -> None:
    rounds = [[*times[:4], *(1.4 * time for time in times[4:])] for times in steady(5.0)]
    (gate,) = compare(one(5.0), report([benchmark(rounds)], reference=REFERENCE))
    assert gate.status == "fail"
    assert "its median by +39.9 %" in gate.reason


@pytest.mark.parametrize(("before", "after"), [(5.0, 5.6), (5.6, 5.6)])
def test_what_disturbed_a_measurement_cannot_fail_or_clear_it(before: float, after: float) -> None:
    disturbed = "another process took a core."
    first = one(before, disturbed=disturbed if before == after else "")
    second = one(after, disturbed=disturbed if before != after else "")
    (gate,) = compare(first, second)
    assert gate.status == "undecided"
    assert disturbed in gate.reason
    # The figures were clear: a longer measurement would say the same.
    assert "too noisy" not in gate.reason
    side = "no slower by that, but the machine was disturbed in the baseline"
    if before != after:
        side = ": slower by that, but the machine was disturbed in this benchmark"
    assert side in gate.reason


def test_the_operators_that_got_slower_are_named_the_worst_first() -> None:
    before = one(5.0, operators=operators(conv_1=2.0, conv_2=2.0, softmax=1.0))
    after = one(5.9, operators=operators(conv_1=2.2, conv_2=2.6, pad=0.1, softmax=1.0))
    (gate,) = compare(before, after)
    assert gate.status == "fail"
    assert gate.operators == (
        "conv_2 (CONV_2): 2 ms to 2.6 ms",
        "conv_1 (CONV_1): 2 ms to 2.2 ms",
        "pad (PAD): nothing to 0.1 ms",
    )


def test_operators_are_not_named_where_one_side_has_no_profile_or_nothing_failed() -> None:
    profile = operators(conv_1=2.0)
    assert compare(one(5.0), one(5.9, operators=profile))[0].operators == ()
    assert compare(one(5.0, operators=profile), one(5.0, operators=profile))[0].operators == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "Faces"}, "The baseline is of another model: it measured Faces, this is Digits"),
        ({"signature": "image: float32 1×32 -> scores: float32 1×10"}, "of another model: its"),
        (
            {"machine": {**MACHINE, "processor": "Other 1"}},
            "of another machine: its processor is Other 1, here it is Example 9000",
        ),
        ({"machine": {"cores": "2"}}, "it does not say its machine's processor"),
    ],
)
def test_another_model_or_machine_is_refused(change: dict[str, Any], message: str) -> None:
    current = replace(one(5.0), signature="image: float32 1×28 -> scores: float32 1×10")
    with pytest.raises(DataError) as caught:
        compare(replace(current, **change), current)
    assert message in str(caught.value)
    assert caught.value.exit_status == 2


def test_another_machine_or_model_is_compared_with_a_warning_where_that_is_asked_for() -> None:
    other = replace(one(5.0), machine={**MACHINE, "processor": "Other 1"})
    (gate,) = compare(other, one(5.0), across_machines=True)
    assert gate.status == "pass"
    assert any("of another machine: its processor is Other 1" in w for w in warnings(other, one(5)))
    faces = replace(one(5.0), model="Faces")
    assert compare(faces, one(5.0), across_models=True)[0].status == "pass"
    with pytest.raises(DataError, match="another machine"):
        compare(replace(other, model="Faces"), one(5.0), across_models=True)


def test_a_model_that_was_trained_again_is_compared_and_told() -> None:
    again = replace(one(5.0), source_sha256="1" * 64)
    assert compare(again, one(5.0))[0].status == "pass"
    assert "Digits was trained again" in warnings(again, one(5.0))[0]
    assert warnings(one(5.0), one(5.0)) == ()


def test_without_a_common_reference_only_large_regressions_are_found() -> None:
    bare = report([benchmark(steady(5.0))])
    assert "no reference workload in common" in warnings(bare, one(5.0))[0]
    slower = [compare(bare, one(5.0 * factor))[0].status for factor in (1.0, 1.08, 1.3)]
    assert slower == ["pass", "undecided", "fail"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threads": 4}, "run with the threads None, this 4"),
        ({"origin": "benchmark_model 2.17"}, "measured by mobilekit, this benchmark_model 2.17"),
        ({"place": "Pixel 9"}, "this Pixel 9"),
        ({"emulated": True}, "an emulator's time is not a device's"),
        ({"status": "failed", "reason": "The device went away."}, "The device went away."),
    ],
)
def test_what_does_not_compare_is_not_run(change: dict[str, Any], message: str) -> None:
    (gate,) = compare(one(5.0), one(5.0, **change))
    assert gate.status == "not_run"
    assert message in gate.reason


def test_what_the_baseline_measured_and_this_benchmark_lacks_is_not_run() -> None:
    both = [benchmark(steady(5.0), variant=name) for name in ("tflite-fp16", "tflite-int8")]
    gates = compare(report(both, reference=REFERENCE), report(both[1:], reference=REFERENCE))
    assert [gate.status for gate in gates] == ["not_run", "pass"]
    new = compare(report(both[1:], reference=REFERENCE), report(both, reference=REFERENCE))
    assert [(gate.variant, gate.status) for gate in new] == [("tflite-int8", "pass")]


def test_benchmarks_with_nothing_in_common_are_refused() -> None:
    emulated = one(5.0, emulated=True)
    with pytest.raises(DataError, match="The baseline has nothing; this one tflite-fp16 on"):
        compare(emulated, one(5.0))


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(plain(content)), encoding="utf-8")
    return path


def test_a_benchmark_is_read_back_from_its_file_or_folder(tmp_path: Path) -> None:
    content = one(5.0, operators=operators(conv=1.0), affinity=(0, 1))
    write(tmp_path / "report.json", content)
    for path in (tmp_path, tmp_path / "report.json"):
        (gate,) = compare(read_bench(path), content)
        assert gate.status == "pass"
    assert read_bench(tmp_path).benchmarks[0].latency == content.benchmarks[0].latency


def test_a_benchmark_is_read_from_a_releases_report(tmp_path: Path) -> None:
    signature = Signature(
        inputs=(TensorSpec(name="image", shape=(1, 28), dtype="float32"),),
        outputs=(TensorSpec(name="scores", shape=(1, 10), dtype="float32"),),
    )
    document = {
        "schema": "mobilekit/report/1",
        "model": {"name": "Digits", "signature": plain(signature)},
        "bench": plain(one(5.0)),
    }
    found = read_bench(write(tmp_path / "report.json", document))
    assert found.signature == "image: float32 1×28 -> scores: float32 1×10"
    assert found.signature == signature_words(signature)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ('{"schema": "mobilekit/bench/1", "model": "Dig', "is no JSON, or only a part of it"),
        ("[]", "it is no JSON object"),
        ('{"schema": "other/1"}', "its schema is 'other/1'"),
        ('{"schema": "mobilekit/report/1"}', "holds no benchmark. `mobilekit bench RELEASE`"),
        (
            '{"schema": "mobilekit/report/1", "bench": {"schema": "mobilekit/bench/9"}}',
            "of the schema 'mobilekit/bench/9'",
        ),
        ('{"schema": "mobilekit/bench/1", "model": "Digits"}', "source_sha256: Field required"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_damaged_or_foreign_baseline_is_refused(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_bench(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_file_that_was_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "report.json", one(5.0)).read_bytes()
    for length in range(0, len(whole), 97):
        (tmp_path / "report.json").write_bytes(whole[:length])
        with pytest.raises(DataError, match="only a part of it"):
            read_bench(tmp_path)


@pytest.mark.parametrize("key", ["model", "source_sha256", "verdict", "benchmarks"])
@pytest.mark.parametrize("value", [None, 3, [3], {"a": 1}])
def test_a_value_of_another_kind_is_refused_by_name(
    tmp_path: Path, key: str, value: object
) -> None:
    content = {**plain(one(5.0)), key: value}
    with pytest.raises(DataError, match=f"holds no valid benchmark:\n  {key}"):
        read_bench(write(tmp_path / "report.json", content))

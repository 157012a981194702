from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import report_samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobilekit.report import read_report
from mobilekit.report.json_file import report_json
from mobilekit.results import Check, Drift, Histogram, LayerDrift, Report
from mobilekit_converters.errors import DataError
from mobilekit_delegates.targets import Execution

NUMBERS = st.floats(allow_nan=False)
TEXTS = st.text(max_size=20)
METRICS = st.dictionaries(TEXTS, NUMBERS, max_size=3)
HISTOGRAMS = st.lists(st.integers(0, 10**6), max_size=4).map(
    lambda counts: Histogram(edges=tuple(map(float, range(len(counts) + 1))), counts=tuple(counts))
)
COUNTS = st.none() | st.integers(0, 10**6)
EXECUTIONS = st.builds(
    Execution,
    place=TEXTS,
    nodes=COUNTS,
    nodes_taken=COUNTS,
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)
LAYERS = st.builds(
    LayerDrift, layer=TEXTS, operator=TEXTS, snr_db=NUMBERS, max_abs=NUMBERS, bound=NUMBERS
)
DRIFTS = st.builds(
    Drift,
    layers=st.lists(LAYERS, max_size=2).map(tuple),
    tensors=st.integers(0, 10**6),
    first=COUNTS,
    sentence=TEXTS,
)
CHECKS = st.builds(
    Check,
    target=TEXTS,
    status=st.sampled_from(["pass", "fail", "not_run"]),
    reason=TEXTS,
    samples=st.integers(0, 10**9),
    metrics=METRICS,
    outputs=st.dictionaries(TEXTS, METRICS, max_size=2),
    budget=METRICS,
    errors=st.dictionaries(TEXTS, HISTOGRAMS, max_size=2),
    seconds=NUMBERS,
    required=st.booleans(),
    emulated=st.booleans(),
    execution=EXECUTIONS,
    drift=st.none() | DRIFTS,
)


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    checks=st.lists(CHECKS, max_size=3).map(tuple),
    texts=st.lists(TEXTS, max_size=3).map(tuple),
    environment=st.dictionaries(TEXTS, TEXTS, max_size=3),
    cached=st.booleans(),
    parameters=st.none() | st.integers(0, 10**12),
)
def test_what_is_written_is_read_back(
    tmp_path: Path,
    checks: tuple[Check, ...],
    texts: tuple[str, ...],
    environment: dict[str, str],
    cached: bool,
    parameters: int | None,
) -> None:
    sample = report_samples.passing()
    variant = replace(sample.variants[3], checks=checks, structure=texts, cached=cached)
    report = replace(
        sample,
        reasons=texts,
        notes=texts,
        environment=environment,
        variants=(variant,),
        model=replace(sample.model, parameters=parameters),
        extra={"lists": [1, "two", None, {"deep": 0.5}]},
    )
    path = tmp_path / "report.json"
    path.write_text(report_json(report), encoding="utf-8")
    assert read_report(path) == report


@pytest.mark.parametrize(
    "make", [report_samples.passing, report_samples.failing, report_samples.crowded]
)
def test_samples_are_read_back(tmp_path: Path, make: object) -> None:
    report: Report = make()  # type: ignore[operator]
    path = tmp_path / "report.json"
    path.write_text(report_json(report), encoding="utf-8")
    assert read_report(path) == report


def test_the_keys_of_the_schema_stand_in_their_order() -> None:
    content = json.loads(report_json(report_samples.passing()))
    assert content["schema"] == "mobilekit/report/1"
    assert content["verdict"] == "pass"
    assert list(content)[:5] == ["schema", "verdict", "reasons", "model", "golden"]
    variant = content["variants"][0]
    assert {"name", "file", "sha256", "bytes", "checks"} <= variant.keys()
    assert {"target", "status", "metrics", "budget", "reason"} <= variant["checks"][0].keys()
    assert content["environment"]["TensorFlow"] == "2.21.0"


def test_numbers_that_json_lacks_are_strings_and_come_back(tmp_path: Path) -> None:
    sample = report_samples.passing()
    metrics = {"snr_db": math.inf, "psnr_db": -math.inf, "cosine": math.nan}
    check = replace(sample.variants[0].checks[0], metrics=metrics)
    report = replace(sample, variants=(replace(sample.variants[0], checks=(check,)),))
    text = report_json(report)

    def refuse(token: str) -> None:
        pytest.fail(f"{token} is no JSON")

    content = json.loads(text, parse_constant=refuse)
    written = content["variants"][0]["checks"][0]["metrics"]
    assert written == {"snr_db": "Infinity", "psnr_db": "-Infinity", "cosine": "NaN"}
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    read = read_report(path).variants[0].checks[0].metrics
    assert (read["snr_db"], read["psnr_db"]) == (math.inf, -math.inf)
    assert math.isnan(read["cosine"])


def test_numpys_numbers_are_numbers() -> None:
    sample = report_samples.passing()
    report = replace(sample, extra={"a": np.float32(0.5), "b": np.int64(3), "c": np.float64("inf")})
    assert json.loads(report_json(report))["extra"] == {"a": 0.5, "b": 3, "c": "Infinity"}


def test_what_json_cannot_hold_is_an_error() -> None:
    with pytest.raises(TypeError, match="cannot hold a object"):
        report_json(replace(report_samples.passing(), extra={"a": object()}))


def test_a_key_from_a_later_version_is_left_out(tmp_path: Path) -> None:
    report = report_samples.passing()
    content = json.loads(report_json(report))
    content["later"] = 1
    content["variants"][0]["later"] = 1
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_report(path) == report


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("", "is no JSON"),
        ("[]", "its schema is None"),
        ("{}", "its schema is None"),
        ('{"schema": "mobilekit/report/9"}', "'mobilekit/report/9', not 'mobilekit/report/1'"),
        ('{"schema": "mobilekit/report/1"}', "verdict: Field required"),
    ],
)
def test_a_broken_report_is_a_clear_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as error:
        read_report(path)
    assert str(path) in str(error.value)


def test_each_mistake_is_named_with_its_place(tmp_path: Path) -> None:
    content = json.loads(report_json(report_samples.passing()))
    content["variants"][0]["checks"][1]["status"] = "maybe"
    content["variants"][1]["bytes"] = "many"
    errors = content["variants"][0]["checks"][0]["errors"]["scores"]
    errors["counts"] = errors["counts"][1:]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_report(path)
    message = str(error.value)
    assert "variants.0.checks.1.status: Input should be 'pass', 'fail' or 'not_run'" in message
    assert "variants.1.bytes" in message
    assert "43 bins need 44 edges, not 45" in message


def test_a_missing_file_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_report(tmp_path / "report.json")
    (tmp_path / "random.json").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match="is no JSON"):
        read_report(tmp_path / "random.json")

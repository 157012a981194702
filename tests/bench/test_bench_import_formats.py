"""Each format of results that can be imported, in its versions, and damaged."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import import_samples as samples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilekit.bench.importing.content import MOST_BYTES, Content, read_content
from mobilekit.bench.importing.formats import FORMATS, read_results
from mobilekit.bench.results import Benchmark, Latency
from mobilekit_converters.errors import DataError

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"


def read(text: str | bytes) -> tuple[Benchmark, ...]:
    return read_results(Content("file", text if isinstance(text, bytes) else text.encode()))


def single(text: str | bytes) -> tuple[Benchmark, Latency]:
    (benchmark,) = read(text)
    assert benchmark.latency is not None, benchmark.reason
    return benchmark, benchmark.latency


def test_the_classic_text_of_benchmark_model() -> None:
    benchmark, latency = single(samples.CLASSIC)
    assert (latency.runs, latency.warm_up_runs) == (134, 67)
    assert (latency.median_ms, latency.p95_ms) == (7.451, 7.7)
    assert math.isnan(latency.p90_ms)
    assert math.isnan(latency.median_low_ms)
    assert not latency.rounds
    (start,) = benchmark.startups
    assert (start.load_ms, start.first_run_ms) == (17.187, 8.781)
    assert math.isnan(start.prepare_ms)
    assert benchmark.peak_memory_bytes == round(60.5 * 2**20)
    assert (benchmark.threads, benchmark.origin) == (4, "benchmark_model")
    assert any("completely executed by the delegate" in note for note in benchmark.notes)


@pytest.mark.parametrize("prefix", ["INFO: ", "I tflite  : ", "06-01 12:00:00.123  99  99 I x: "])
def test_lines_of_logs_have_something_before_them(prefix: str) -> None:
    text = "".join(prefix + line for line in samples.CLASSIC.splitlines(keepends=True))
    assert single(text)[1] == single(samples.CLASSIC)[1]


def test_an_older_text_has_no_percentiles_and_they_stay_unknown() -> None:
    text = samples.CLASSIC.replace(" p5=6390 median=7451 p95=7700", "")
    benchmark, latency = single(text)
    assert math.isnan(latency.median_ms)
    assert math.isnan(latency.p95_ms)
    assert "The average of its runs is 7.455 ms." in benchmark.notes


def test_the_oldest_text() -> None:
    benchmark, latency = single(samples.OLDEST)
    assert (latency.runs, latency.warm_up_runs) == (50, 1)
    assert benchmark.startups[0].load_ms == 38.467
    assert math.isnan(benchmark.startups[0].first_run_ms)


def test_runs_that_all_took_the_same_time() -> None:
    text = samples.CLASSIC.replace(
        "count=134 first=7176 curr=7505 min=6373 max=7775 avg=7.45497e+03 std=256 p5=6390 "
        "median=7451 p95=7700",
        "count=134 curr=7505(all same)",
    )
    assert single(text)[1].median_ms == 7.505


@pytest.mark.parametrize(
    "table", [samples.WITH_START, samples.WITHOUT_START, samples.STARTS + samples.WITH_START]
)
def test_operators_of_the_runs_and_not_of_the_start(table: str) -> None:
    first, second = single(samples.CLASSIC + table)[0].operators
    assert first.median_ms == 11.422
    assert math.isclose(first.share, 0.75, rel_tol=1e-6)
    assert math.isclose(first.share + second.share, 1)
    names = {first.operator, second.operator}
    assert names in (
        {"TfLiteNnapiDelegate", "AVERAGE_POOL_2D"},
        {"Fully Connected (NC, F32) GEMM", "SOFTMAX"},
    )


def test_names_of_operators_may_hold_commas_and_spaces() -> None:
    operators = single(samples.CLASSIC + samples.WITH_START)[0].operators
    assert operators[0].name == "[expanded_conv_16/add_fold, aspp0/Relu]:71"


def test_a_table_of_the_start_alone_is_none_of_the_runs() -> None:
    assert single(samples.CLASSIC + samples.STARTS)[0].operators == ()


def test_the_text_of_litert() -> None:
    benchmark, latency = single(samples.LITERT + samples.OF_LITERT)
    assert benchmark.origin == "benchmark_model of LiteRT"
    assert (latency.runs, latency.warm_up_runs) == (50, 20)
    # The lines of counts are more precise than the block.
    assert (latency.median_ms, latency.p95_ms) == (0.411, 0.5)
    assert benchmark.startups[0].load_ms == 12.5
    assert benchmark.peak_memory_bytes == 20 * 2**20
    assert [item.operator for item in benchmark.operators] == ["CONV_2D", "SOFTMAX"]
    assert benchmark.operators[0].share == 0.75


def test_a_delegate_that_took_nothing_is_a_failure() -> None:
    said = "Though GPU delegate is explicitly applied, the model graph will not be executed by it."
    (benchmark,) = read(samples.CLASSIC.replace("STARTING!", said))
    assert benchmark.status == "failed"
    assert said in benchmark.reason
    assert benchmark.latency is None


def test_the_protocol_buffer_of_benchmark_model() -> None:
    benchmark, latency = single(samples.protocol_buffer())
    assert (latency.runs, latency.warm_up_runs) == (134, 67)
    assert math.isclose(latency.median_ms, 7.451, rel_tol=1e-6)
    assert math.isclose(latency.p95_ms, 7.7, rel_tol=1e-6)
    assert math.isnan(latency.p99_ms)
    assert math.isclose(benchmark.startups[0].load_ms, 17.187, rel_tol=1e-6)
    assert benchmark.peak_memory_bytes == round(60.5 * 2**20)


def test_the_protocol_buffer_with_a_name() -> None:
    assert "It was called 'pixel'." in single(samples.protocol_buffer(name="pixel"))[0].notes


def test_the_json_of_litert_benchmark() -> None:
    benchmark, latency = single(json.dumps(samples.LITERT_JSON))
    assert (latency.runs, latency.median_ms, latency.p95_ms) == (50, 0.41, 0.5)
    assert benchmark.threads == 2
    assert "It was asked for GPU and CPU, which did not take all of it." in benchmark.notes


def test_what_litert_benchmark_itself_writes(tmp_path: Path) -> None:
    """The wheel's own command, run on a model that is made here."""
    pytest.importorskip("ai_edge_litert")
    model = tmp_path / "model.tflite"
    model.write_bytes(_one_operator())
    result = tmp_path / "result.json"
    ran = subprocess.run(
        (
            *(sys.executable, "-m", "ai_edge_litert.tools.benchmark_litert_model"),
            *(f"--model={model}", "--num_runs=5", f"--result_json={result}"),
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    benchmark, latency = single(result.read_bytes())
    printed, shown = single(ran.stdout)
    assert benchmark.origin == printed.origin == "litert-benchmark"
    assert latency.runs == shown.runs == 5
    assert latency.median_ms == shown.median_ms
    rounded = "It was given random inputs, and times are rounded to 0.01 ms."
    assert rounded in benchmark.notes
    assert rounded in printed.notes


def _one_operator() -> bytes:
    """Return a model that multiplies its input and adds."""
    import numpy as np
    import tensorflow as tf

    def more(x: Any) -> Any:
        return x + x * np.float32(0.5)

    module = tf.Module()
    concrete = tf.function(more).get_concrete_function(tf.TensorSpec([1, 64], tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    return bytes(converter.convert())


def test_the_report_of_generated_android_tests() -> None:
    measured, refused = read(json.dumps(samples.device_report()))
    latency = measured.latency
    assert latency is not None
    assert (measured.variant, measured.target) == ("tflite-fp16", "adb:Google-Pixel-8/cpu")
    assert measured.origin == "the generated Android module, LiteRT 2.1.0"
    assert measured.file_sha256 == "1" * 64
    assert sum(map(len, latency.rounds)) == latency.runs == 64
    assert latency.median_low_ms <= latency.median_ms <= latency.median_high_ms
    assert (measured.before.governor, measured.before.celsius) == ("schedutil", 30.5)
    assert (measured.before.thermal, measured.after.thermal) == ("none", "light")
    assert measured.disturbed == ""
    assert (refused.status, refused.reason) == ("not_run", "No GPU driver.")


def test_a_report_without_single_runs_has_no_interval() -> None:
    measured, _ = read(json.dumps(samples.device_report(times=False)))
    assert measured.latency is not None
    assert measured.latency.rounds == ()
    assert math.isnan(measured.latency.median_low_ms)
    assert (measured.latency.median_ms, measured.latency.p90_ms) == (1.5, 2.0)


@pytest.mark.parametrize(
    ("state", "said"),
    [({"thermal_status": "severe"}, "was hot"), ({"power_save": True}, "saving power")],
)
def test_a_device_that_was_slowed_down_says_so(state: dict[str, Any], said: str) -> None:
    measured, _ = read(json.dumps(samples.device_report(after=state)))
    assert said in measured.disturbed


def test_the_metrics_of_xcode() -> None:
    test = "DigitsPerformanceTests/testCoremlFp16OnNeuralEngine()"
    benchmark, latency = single(samples.xcode_metrics(test))
    assert benchmark.variant == "coreml-fp16"
    assert benchmark.target == "ios:iPhone-15-Pro/neural-engine"
    assert not benchmark.emulated
    assert latency.runs == 5
    assert math.isclose(latency.median_ms, 1.2)
    assert math.isnan(latency.p90_ms)  # Of five runs that would be the longest.


def test_the_metrics_of_a_simulator_are_emulated() -> None:
    test = "DigitsPerformanceTests/testCoremlFp16OnCpu()"
    benchmark, _ = single(samples.xcode_metrics(test, platform="iOS Simulator"))
    assert benchmark.emulated


def test_the_metrics_of_xcode_before_16() -> None:
    benchmark, latency = single(samples.legacy_xcode())
    assert (benchmark.variant, benchmark.target) == ("coreml-w8", "ios:ios/cpu")
    assert math.isclose(latency.median_ms, 1.5)


BAD: dict[str, tuple[str | bytes, str]] = {
    "another tool's text": ("ns/op 12\n", "text in which no result is found"),
    "another version's report": (
        json.dumps({**samples.device_report(), "schema": "mobilekit/report/9"}),
        "no benchmark of a device that this version reads: its schema is 'mobilekit/report/9'",
    ),
    "another tool's JSON": ('{"benchmarks": [], "context": {}}', "JSON of another tool"),
    "half a JSON": (json.dumps(samples.LITERT_JSON)[:100], "no whole JSON"),
    "not UTF-8": (b"\xff\xffBenchmark", "binary, and no result that is known"),
    "a JSON that is nested without end": ("[" * 100_000, "no whole JSON"),
    "a cut off text": (samples.CLASSIC[:700], "it was cut off, or the tool ended early"),
    "two outputs": (samples.CLASSIC * 2, "the output of 2 benchmarks"),
    "no counts": (
        samples.CLASSIC.replace("count=", "n="),
        "no line with the count of its runs",
    ),
    "a dry run": (
        samples.CLASSIC.replace("count=134", "count=0"),
        "a benchmark without a run",
    ),
    "a negative time": (samples.CLASSIC.replace("median=7451", "median=-7"), "cannot be"),
    "an absurd time": (samples.CLASSIC.replace("median=7451", "median=1e300"), "cannot be"),
    "a median beyond the longest run": (
        samples.CLASSIC.replace("median=7451", "median=7999"),
        "cannot be right: its median is 7.999 ms and its p95 7.7 ms",
    ),
    "no number": (samples.CLASSIC.replace("Init: 17187", "Init: fast"), "'fast', which is no"),
    "NaN": (samples.CLASSIC.replace("Init: 17187", "Init: nan"), "which is no number"),
    "half of LiteRT's block": (
        samples.LITERT.replace("Inference (avg)", "Mean"),
        "Inference (avg) is missing",
    ),
    "a cut off protocol buffer": (samples.protocol_buffer()[:-3], "cut off or damaged"),
    "a protocol buffer of something else": (b"\x0a\x02\xff\xff", "but no BenchmarkResult"),
    "a protocol buffer without runs": (samples.protocol_buffer(runs=0), "without a run"),
    "a protocol buffer with a negative time": (
        samples.protocol_buffer(init_ms=-1.0),
        "init_ms is -1 ms, which cannot be",
    ),
    "a protocol buffer with a NaN": (
        samples.protocol_buffer(median_ms=math.nan),
        "median_ms is 'nan', which is no number",
    ),
    "another version of litert-benchmark": (
        json.dumps({**samples.LITERT_JSON, "latency": {"p50": 1}}),
        "has no 'median_ms', but 'p50'",
    ),
    "a count that is none": (
        json.dumps(
            {**samples.LITERT_JSON, "latency": {**samples.LITERT_JSON["latency"], "num_runs": 2.5}}
        ),
        "no whole number",
    ),
    "an integer of 5,000 digits": (
        json.dumps(samples.LITERT_JSON).replace("0.41", "9" * 5000),
        "no whole JSON",
    ),
    "a report of parity tests": (
        json.dumps({**samples.device_report(), "extra": {"latency": []}}),
        "holds no times",
    ),
    "a report with too few times": (
        json.dumps(samples.device_report(runs=99)),
        "tells 64 times of 99 runs",
    ),
    "a report without its variants": (
        json.dumps({k: v for k, v in samples.device_report().items() if k != "variants"}),
        "is no whole report of a generated benchmark",
    ),
    "Xcode's times in miles": (
        samples.xcode_metrics("A/b()", unit="miles"),
        "has times in 'miles'",
    ),
    "tests that mobilekit did not generate": (
        samples.xcode_metrics("A/b()", "A/c()"),
        "none of them generated by mobilekit: A/b(), A/c()",
    ),
    "Xcode's result without measurements": ('[{"testRuns": []}]', "no test measured time"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_bad_is_named(name: str) -> None:
    content, said = BAD[name]
    with pytest.raises(DataError) as error:
        read(content)
    assert said in str(error.value)
    assert error.value.exit_status == 2


def test_what_is_not_known_is_told_what_is() -> None:
    with pytest.raises(DataError) as error:
        read("hello")
    assert all(known.NAME in str(error.value) for known in FORMATS)


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b" \n")
    with pytest.raises(DataError, match="is empty"):
        read_content(path)


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    with pytest.raises(DataError, match="more than 64 MiB"):
        read_content(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_content(tmp_path / "none")


def test_what_powershell_redirects_is_utf_16() -> None:
    assert single(samples.CLASSIC.encode("utf-16"))[1].median_ms == 7.451


WHOLE: tuple[Callable[[], bytes], ...] = (
    lambda: (samples.CLASSIC + samples.WITH_START).encode(),
    lambda: (samples.LITERT + samples.OF_LITERT).encode(),
    lambda: json.dumps(samples.LITERT_JSON).encode(),
    lambda: json.dumps(samples.device_report()).encode(),
    lambda: samples.xcode_metrics("DigitsPerformanceTests/testCoremlFp16OnCpu()").encode(),
    lambda: samples.legacy_xcode().encode(),
    lambda: samples.protocol_buffer(name="pixel"),
)


def _require_sane(found: tuple[Benchmark, ...]) -> None:
    assert found
    for item in found:
        latency = item.latency
        if latency is not None:
            assert latency.runs > 0
            figures = (latency.median_ms, latency.p90_ms, latency.p95_ms, latency.p99_ms)
            assert all(math.isnan(figure) or 0 <= figure <= 3.6e6 for figure in figures)
        assert all(operator.median_ms >= 0 for operator in item.operators)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.data())
def test_a_file_that_was_changed_is_read_or_refused(which: int, data: st.DataObject) -> None:
    """Whatever happens to a file: it is a sane result, or an error of ours."""
    whole = bytearray(WHOLE[which]())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        kind = data.draw(st.sampled_from(("change", "remove", "cut")))
        if kind == "change":
            whole[place] = data.draw(st.integers(0, 255))
        elif kind == "remove" and len(whole) > 40:
            del whole[place : place + 8]
        else:
            del whole[max(place, 20) :]
    try:
        found = read(bytes(whole))
    except DataError:
        return
    _require_sane(found)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except DataError:
        return
    _require_sane(found)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 3), st.data())
def test_json_with_any_value_in_any_place(which: int, data: st.DataObject) -> None:
    texts = (
        json.dumps(samples.LITERT_JSON),
        json.dumps(samples.device_report()),
        samples.xcode_metrics("DigitsPerformanceTests/testCoremlFp16OnCpu()"),
        samples.legacy_xcode(),
    )
    document = json.loads(texts[which])
    node: Any = document
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.booleans()):
            break
        node = node[key]
    node[key] = data.draw(_JSON)
    try:
        found = read(json.dumps(document))
    except DataError:
        return
    _require_sane(found)

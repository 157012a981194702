"""`BenchmarkResult`, the protocol buffer that `benchmark_model --result_file_path` writes.

Source: `tflite/tools/benchmark/proto/benchmark_result.proto` of LiteRT, the same as TensorFlow's
since 2.13 (`tensorflow/lite/tools/benchmark/proto`); `benchmark_tflite_model.cc` and
`benchmark_litert_model.h` fill it alike. Numbers of fields are what files hold, names are not.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from mobilekit.bench.importing.content import Content
from mobilekit.bench.importing.figures import (
    count,
    memory,
    optional_milliseconds,
    require_order,
)
from mobilekit.bench.results import Benchmark, Latency, Startup
from mobilekit_converters.errors import DataError

NAME = "the protocol buffer of benchmark_model --result_file_path"

_MESSAGES: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "LatencyMetrics": {
        "avg_ms": (1, "float"),
        "min_ms": (2, "float"),
        "max_ms": (3, "float"),
        "stddev_ms": (4, "float"),
        "median_ms": (5, "float"),
        "p5_ms": (6, "float"),
        "p95_ms": (7, "float"),
        "init_ms": (8, "float"),
        "first_inference_ms": (9, "float"),
        "average_warm_up_ms": (10, "float"),
    },
    "MemoryMetrics": {
        "init_footprint_kb": (1, "int64"),
        "overall_footprint_kb": (2, "int64"),
        "peak_mem_mb": (3, "float"),
    },
    "MiscMetrics": {
        "model_size_mb": (1, "float"),
        "num_runs": (2, "int32"),
        "num_warmup_runs": (3, "int32"),
        "model_throughput_in_mb_per_sec": (4, "float"),
    },
    "BenchmarkResult": {
        "name": (1, "string"),
        "latency_metrics": (2, "LatencyMetrics"),
        "memory_metrics": (3, "MemoryMetrics"),
        "misc_metrics": (4, "MiscMetrics"),
    },
}
"""Each message's fields, with number and type. All are optional."""


def recognises(content: Content) -> bool:
    """Say whether the content is such a message, or the beginning of one."""
    # A result begins with a name or the times: fields 1 and 2, whose lengths follow. The first is
    # a line feed, too.
    if content.data[:1] not in (b"\x0a", b"\x12"):
        return False
    message = _parsed(content.data)
    return content.text is None or (message is not None and message.HasField("latency_metrics"))


def read(content: Content) -> tuple[Benchmark, ...]:
    """Return the one result; see `ResultFormat.read`."""
    message = _parsed(content.data)
    if message is None:
        raise DataError(
            f"{content.name} begins like {NAME}, but is cut off or damaged. Copy it as binary, or "
            "measure again."
        )
    if not message.HasField("latency_metrics") or not message.HasField("misc_metrics"):
        known = "name, latency_metrics, memory_metrics and misc_metrics"
        raise DataError(
            f"{content.name} is a protocol buffer, but no BenchmarkResult with times and a number "
            f"of runs: this version knows {known}. Its tool may be of another version."
        )
    times = _set_fields(message.latency_metrics)
    runs = count(message.misc_metrics.num_runs, f"{content.name}: num_runs")
    if runs == 0:
        raise DataError(f"{content.name} is of a benchmark without a run: a dry run, or a failure.")
    latency = Latency(
        runs=runs,
        median_ms=optional_milliseconds(times, "median_ms", content.name),
        p90_ms=math.nan,
        p95_ms=optional_milliseconds(times, "p95_ms", content.name),
        p99_ms=math.nan,
        median_low_ms=math.nan,
        median_high_ms=math.nan,
        warm_up_runs=count(
            message.misc_metrics.num_warmup_runs, f"{content.name}: num_warmup_runs"
        ),
    )
    average = optional_milliseconds(times, "avg_ms", content.name)
    require_order(
        {
            name: optional_milliseconds(times, name, content.name)
            for name in ("min_ms", "p5_ms", "median_ms", "p95_ms", "max_ms")
        },
        content.name,
    )
    starts = {
        name: optional_milliseconds(times, name, content.name)
        for name in ("init_ms", "first_inference_ms")
    }
    return (
        Benchmark(
            variant="",
            target="",
            status="measured",
            origin="benchmark_model",
            latency=latency,
            startups=_startups(starts),
            peak_memory_bytes=_peak(message, content),
            notes=tuple(_notes(average, message.name)),
        ),
    )


def _startups(times: Mapping[str, float]) -> tuple[Startup, ...]:
    if all(map(math.isnan, times.values())):
        return ()
    return (
        Startup(
            load_ms=times["init_ms"],
            prepare_ms=math.nan,
            first_run_ms=times["first_inference_ms"],
        ),
    )


def _peak(message: Any, content: Content) -> int | None:
    if not message.memory_metrics.HasField("peak_mem_mb"):
        return None
    return memory(
        message.memory_metrics.peak_mem_mb, f"{content.name}: peak_mem_mb", unit=float(2**20)
    )


def _notes(average: float, name: str) -> Iterator[str]:
    if not math.isnan(average):
        yield f"The average of its runs is {average:.4g} ms."
    if name:
        yield f"It was called {name[:200]!r}."


def _set_fields(message: Any) -> dict[str, float]:
    return {field.name: value for field, value in message.ListFields()}


def _parsed(data: bytes) -> Any:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    message = _result_class()()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message


@functools.cache
def _result_class() -> Any:
    """Return the message's class, made from the table above."""
    from google.protobuf import (  # type: ignore[import-untyped]
        descriptor_pb2,
        descriptor_pool,
        message_factory,
    )

    file = descriptor_pb2.FileDescriptorProto(
        name="mobilekit/benchmark_result.proto", package="mobilekit.benchmark", syntax="proto2"
    )
    field_type = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            entry = message.field.add(name=field, number=number, label=field_type.LABEL_OPTIONAL)
            if kind in _MESSAGES:
                entry.type, entry.type_name = field_type.TYPE_MESSAGE, f".{file.package}.{kind}"
            else:
                entry.type = field_type.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName(f"{file.package}.BenchmarkResult")
    return message_factory.GetMessageClass(descriptor)

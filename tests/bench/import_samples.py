"""What other tools write, as their sources print it; numbers are invented."""

from __future__ import annotations

import copy
import json
import struct
from typing import Any

CLASSIC = """\
STARTING!
Log parameter values verbosely: [0]
Num threads: [4]
Graph: [/data/local/tmp/model.tflite]
Enable op profiling: [1]
#threads used for CPU inference: [4]
Loaded model /data/local/tmp/model.tflite
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.
The input model file size (MB): 16.9008
Initialized session in 17.187ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding \
150 seconds.
count=67 first=8781 curr=7197 min=6335 max=9775 avg=7514.93 std=419 p5=6400 median=7500 p95=9000

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding \
150 seconds.
count=134 first=7176 curr=7505 min=6373 max=7775 avg=7.45497e+03 std=256 p5=6390 median=7451 \
p95=7700

Inference timings in us: Init: 17187, First inference: 8781, Warmup (avg): 7514.93, \
Inference (avg): 7454.97
Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to \
the actual memory footprint of the model at runtime. Take the information at your discretion.
Memory footprint delta from the start of the tool (MB): init=4.21094 overall=46.0859
Overall peak memory footprint (MB) via periodic monitoring: 60.5
"""


def _table(*rows: tuple[str, ...], start: bool = False) -> str:
    """Return a table as `StatsCalculator` prints it, with the one that comes after it."""
    head = ("[node type]", *(("[start]",) if start else ()), "[first]", "[avg ms]", "[%]", "[cdf%]")
    lines = [(*head, "[mem KB]", "[times called]", "[Name]"), *rows]
    line = "=" * 30
    written = "".join("\t" + "\t".join(f"{cell:>12}" for cell in row) + "\n" for row in lines)
    other = ("OTHER", "1.0", "1.0", "1.0%", "1.0%", "0.0", "1", "[other]:1")
    after = "\t" + "\t".join(other)
    return f"{line} Run Order {line}\n{written}\n{line} Top by Computation Time {line}\n{after}\n"


STARTS = "Profiling Info for Benchmark Initialization:\n" + _table(
    ("AllocateTensors", "1.356", "1.356", "100.000%", "100.000%", "0.000", "1", "AllocateTensors/0")
)

_RUNS = "Operator-wise Profiling Info for Regular Benchmark Runs:\n"
_NNAPI = "[expanded_conv_16/add_fold, aspp0/Relu]:71"
_POOL = "[AvgPool2D/AvgPool]:61"
WITH_START = _RUNS + _table(
    ("TfLiteNnapiDelegate", "0.0", "11.6", "11.422", "75.000%", "75.000%", "0.0", "1", _NNAPI),
    ("AVERAGE_POOL_2D", "11.422", "0.075", "3.80733", "25.000%", "100.000%", "0.0", "1", _POOL),
    start=True,
)
WITHOUT_START = _RUNS + _table(
    (
        *("Fully Connected (NC, F32) GEMM", "11.665", "11.422", "75.000%", "75.000%", "0.000"),
        *("1", "Delegate/Fully Connected (NC, F32) GEMM:0"),
    ),
    ("SOFTMAX", "0.075", "1.903665", "25.000%", "100.000%", "0.000", "2", "[scores]:61"),
)

OF_LITERT = f"""\
{" Run Order ".center(150, "=")}
{"[node type]":>60} {"[start]":>10} {"[first]":>10} {"[avg ms]":>10} {"[%]":>10} {"[cdf%]":>10} \
{"[mem KB]":>10} {"[times called]":>14}   [Name]
{"CONV_2D":>60} {"0.000":>10} {"3.100":>10} {"3.000":>10} {"75.000%":>10} {"75.000%":>10} \
{"0.000":>10} {"1":>14}   [Builtin]:0
{"SOFTMAX":>60} {"3.000":>10} {"1.100":>10} {"1.000":>10} {"25.000%":>10} {"100.000%":>10} \
{"0.000":>10} {"1":>14}   [Builtin]:1

{" Top by Computation Time ".center(150, "=")}
"""

LITERT = """\
INFO: [benchmark_litert_model.cc:305] Loading model from: model.tflite
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if \
exceeding 150 seconds.
INFO: count=20 first=900 curr=410 min=400 max=900 avg=430 std=10 p5=401 median=411 p95=890
INFO: count=50 first=420 curr=410 min=400 max=600 avg=420.5 std=10 p5=401 median=411 p95=500
INFO: [benchmark_litert_model.h:82]
========== BENCHMARK RESULTS ==========
INFO: [benchmark_litert_model.h:87] Model initialization: 12.50 ms
INFO: [benchmark_litert_model.h:88] Warmup (first):       0.90 ms
INFO: [benchmark_litert_model.h:90] Warmup (avg):         0.43 ms (20 runs)
INFO: [benchmark_litert_model.h:92] Inference (avg):      0.42 ms (50 runs)
INFO: [benchmark_litert_model.h:96] Inference (min):      0.40 ms
INFO: [benchmark_litert_model.h:98] Inference (max):      0.60 ms
INFO: [benchmark_litert_model.h:100] Inference (std):      0.01
INFO: [benchmark_litert_model.h:109] No throughput data available (throughput <= 0).
INFO: [benchmark_litert_model.h:118] Init footprint:       1.00 MB
INFO: [benchmark_litert_model.h:124] Peak memory:          20.00 MB
======================================
"""

OLDEST = """\
Running benchmark for 1 iterations
count=1 curr=83235
Running benchmark for 50 iterations
count=50 first=79449 curr=81350 min=77385 max=88213 avg=79732 std=1929
Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 79760.9
"""

LITERT_JSON: dict[str, Any] = {
    "model": "/tmp/model.tflite",
    "model_size_mb": 0.14,
    "accelerators": ["GPU", "CPU"],
    "signature": "serving_default",
    "fully_accelerated": False,
    "num_threads": 2,
    "latency": {
        "init_ms": 2.5,
        "warmup_first_ms": 0.9,
        "warmup_avg_ms": 0.5,
        "num_warmup_runs": 5,
        "avg_ms": 0.42,
        "min_ms": 0.4,
        "max_ms": 0.6,
        "median_ms": 0.41,
        "std_ms": 0.01,
        "p5_ms": 0.4,
        "p95_ms": 0.5,
        "num_runs": 50,
    },
    "throughput_mb_s": 1.0,
}

_CLOCK = "com.apple.dt.XCTMetric_Clock.time.monotonic"


def xcode_metrics(*tests: str, platform: str = "iOS", unit: str = "s") -> str:
    """Return what `xcresulttool get test-results metrics` prints."""
    return json.dumps(
        [
            {
                "testIdentifier": test,
                "testIdentifierURL": f"test://com.apple.xcode/Digits/{test}",
                "testRuns": [
                    {
                        "device": {
                            "deviceId": "00008110-000A1B2C3D4E5F6A",
                            "deviceName": "Somebody's phone",
                            "modelName": "iPhone 15 Pro",
                            "osVersion": "18.1",
                            "platform": platform,
                        },
                        "metrics": [
                            {
                                "displayName": "Memory Peak Physical",
                                "identifier": "com.apple.dt.XCTMetric_Memory.physical_peak",
                                "measurements": [1.0],
                                "unitOfMeasurement": "kB",
                            },
                            {
                                "displayName": "Clock Monotonic Time",
                                "identifier": _CLOCK,
                                "measurements": [0.001, 0.002, 0.0015, 0.0012, 0.0011],
                                "unitOfMeasurement": unit,
                            },
                        ],
                        "testPlanConfiguration": {
                            "configurationId": "1",
                            "configurationName": "Default",
                        },
                    }
                ],
            }
            for test in tests
        ]
    )


def _typed(kind: str, value: Any) -> dict[str, Any]:
    return {"_type": {"_name": kind}, "_value": str(value)}


def legacy_xcode() -> str:
    """Return what `xcresulttool get object --legacy` prints of one test."""
    times = [_typed("Double", value) for value in (0.001, 0.002, 0.0015)]
    metric = {
        "_type": {"_name": "ActionTestPerformanceMetricSummary"},
        "displayName": _typed("String", "Time"),
        "identifier": _typed("String", "com.apple.XCTPerformanceMetric_WallClockTime"),
        "unitOfMeasurement": _typed("String", "seconds"),
        "measurements": {"_type": {"_name": "Array"}, "_values": times},
    }
    name = "DigitsPerformanceTests/testCoremlW8OnCpu()"
    return json.dumps(
        {
            "_type": {"_name": "ActionTestSummary"},
            "identifier": _typed("String", name),
            "name": _typed("String", "testCoremlW8OnCpu()"),
            "testStatus": _typed("String", "Success"),
            "performanceMetrics": {"_type": {"_name": "Array"}, "_values": [metric]},
        }
    )


def _field(number: int, payload: bytes) -> bytes:
    return bytes([number << 3 | 2, len(payload)]) + payload


def _float(number: int, value: float) -> bytes:
    return bytes([number << 3 | 5]) + struct.pack("<f", value)


def _integer(number: int, value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded, value = encoded + bytes([value & 127 | 128]), value >> 7
    return bytes([number << 3]) + encoded + bytes([value])


def protocol_buffer(*, name: str = "", runs: int = 134, **changed: float) -> bytes:
    """Return a `BenchmarkResult`, encoded by hand."""
    times = {1: 7.455, 2: 6.373, 3: 7.775, 4: 0.256, 5: 7.451, 6: 6.39, 7: 7.7}
    starts = {8: 17.187, 9: 8.781, 10: 7.515}
    places = {"median_ms": 5, "p95_ms": 7, "init_ms": 8}
    latency = {**times, **starts, **{places[key]: value for key, value in changed.items()}}
    memory = _integer(1, 4312) + _integer(2, 47192) + _float(3, 60.5)
    misc = _float(1, 16.9) + _integer(2, runs) + _integer(3, 67) + _float(4, 1.5)
    return (
        (_field(1, name.encode()) if name else b"")
        + _field(2, b"".join(_float(number, value) for number, value in latency.items()))
        + _field(3, memory)
        + _field(4, misc)
    )


_REPORT: dict[str, Any] = {
    "schema": "mobilekit/report/1",
    "verdict": "fail",
    "reasons": [],
    "model": {"name": "Digits", "kind": "android-module"},
    "environment": {"device": "Google Pixel 8", "runtime": "LiteRT 2.1.0"},
    "variants": [
        {
            "name": "tflite-fp16",
            "sha256": "1" * 64,
            "bytes": 100,
            "checks": [
                {
                    "target": "android/cpu",
                    "status": "pass",
                    "reason": "",
                    "execution": {"place": "Google Pixel 8, Tensor G3, Android 15"},
                },
                {"target": "android/gpu", "status": "not_run", "reason": "No GPU driver."},
            ],
        }
    ],
    "extra": {
        "latency": [
            {
                "variant": "tflite-fp16",
                "target": "android/cpu",
                "emulated": False,
                "load_ms": 12.5,
                "first_run_ms": 3.5,
                "warm_up_runs": 10,
                "runs": 64,
                "seconds": 0.1,
                "mean_ms": 1.6,
                "min_ms": 1.0,
                "median_ms": 1.5,
                "p90_ms": 2.0,
                "p95_ms": 2.2,
                "p99_ms": 2.4,
                "max_ms": 2.5,
                "before": {
                    "thermal_status": "none",
                    "governor": "schedutil",
                    "battery_celsius": 30.5,
                },
                "after": {"thermal_status": "light", "governor": "schedutil"},
            }
        ]
    },
}


def device_report(*, times: bool = True, **changed: Any) -> dict[str, Any]:
    """Return a `benchmark.json` of an Android module; `changed` is of the one measured case."""
    report = copy.deepcopy(_REPORT)
    item = report["extra"]["latency"][0]
    if times:
        item["times_ms"] = [1.0 + 0.0125 * ((index * 37) % 64) for index in range(64)]
    item.update(changed)
    return report

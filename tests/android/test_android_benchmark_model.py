"""benchmark_model on a phone: a stand-in for the program, over the real adb and its daemon."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
from phone.fixtures import phone as phone
from phone.fixtures import phone_shell as phone_shell
from phone.phones import Phone

from mobilekit.bench.importing.benchmark_model import run_benchmark_model
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError, TargetError, UnsupportedError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec

SAID = """\
Initialized session in 17.187ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding \
150 seconds.
count=67 first=8781 curr=7197 min=6335 max=9775 avg=7514.93 std=419

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding \
150 seconds.
count=134 first=7176 curr=7505 min=6373 max=7775 avg=7454.97 std=256

Inference timings in us: Init: 17187, First inference: 8781, Warmup (avg): 7514.93, \
Inference (avg): 7454.97
"""
PROFILE = """\
Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
    [node type]  [first]  [avg ms]  [%]  [cdf%]  [mem KB]  [times called]  [Name]
    CONV_2D  7.0  7.0  100.000%  100.000%  0.000  1  [scores]:0
"""

STAND_IN = """#!/bin/sh
# A stand-in for Google's benchmark_model: it looks at what it is given, and says what that says.
echo "$@" >>"{log}"
[ -s model.tflite ] || exit 9
cat <<'END'
{said}
END
for option; do
    case $option in
        --result_file_path=*) printf '{result}' >"${{option#*=}}" ;;
        --enable_op_profiling=true) cat <<'END'
{profile}
END
        ;;
    esac
done
exit {status}
"""


def result() -> bytes:
    """Return a result file with the percentiles that this version's text lacks."""
    latency = b"".join(
        bytes([number << 3 | 5]) + struct.pack("<f", value)
        for number, value in {2: 6.373, 3: 7.775, 5: 7.451, 7: 7.7}.items()
    )
    misc = bytes([2 << 3, 134 & 127 | 128, 1, 3 << 3, 67])
    return bytes([2 << 3 | 2, len(latency)]) + latency + bytes([4 << 3 | 2, len(misc)]) + misc


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    path = tmp_path / "tflite-fp32.tflite"
    path.write_bytes(b"a model")
    spec = TensorSpec(name="x", shape=(1, 4), dtype="float32")
    return Artifact(
        variant="tflite-fp32",
        path=path,
        signature=Signature(inputs=(spec,), outputs=(spec,)),
        sha256=sha256_of_path(path),
        file_bytes=7,
    )


def program(folder: Path, *, said: str = SAID, status: int = 0) -> Path:
    path = folder / "any name"
    written = STAND_IN.format(
        log=folder / "called.txt",
        said=said,
        profile=PROFILE,
        status=status,
        result="".join(f"\\{byte:03o}" for byte in result()),
    )
    path.write_text(written)
    return path


def test_times_and_operators_come_from_the_phone(
    phone: Phone, artifact: Artifact, tmp_path: Path
) -> None:
    target = f"{phone.target}/gpu"
    found = run_benchmark_model(artifact, target, program(tmp_path), 4)
    assert (found.variant, found.target, found.status) == ("tflite-fp32", target, "measured")
    assert found.file_sha256 == artifact.sha256
    latency = found.latency
    assert latency is not None
    assert (latency.runs, latency.warm_up_runs) == (134, 67)
    # This version's text has no percentiles, but its result file does.
    assert math.isclose(latency.median_ms, 7.451, rel_tol=1e-6)
    assert math.isnan(latency.p90_ms)
    assert found.startups[0].load_ms == 17.187
    assert [item.name for item in found.operators] == ["[scores]:0"]
    assert found.threads == 4
    assert "API" in found.place
    first, second = (tmp_path / "called.txt").read_text().splitlines()
    assert "--use_gpu=true" in first
    assert "--num_threads=4" in first
    assert "--enable_op_profiling" not in first
    assert "--enable_op_profiling=true" in second
    assert phone.board.is_clean()


@pytest.mark.parametrize(
    ("said", "status", "error", "words"),
    [
        (SAID, 1, TargetError, "failed on .* with the exit status 1"),
        ("Segmentation fault", 0, MobilekitError, "no output of a version that is known"),
        (SAID.split("\nInference timings")[0], 0, MobilekitError, "it was cut off"),
        (
            "Though GPU delegate is explicitly applied, the model graph will not be executed by "
            f"the delegate.\n{SAID}",
            0,
            UnsupportedError,
            "these are the CPU's times",
        ),
    ],
)
def test_what_goes_wrong_is_said(
    phone: Phone,
    artifact: Artifact,
    tmp_path: Path,
    said: str,
    status: int,
    error: type[MobilekitError],
    words: str,
) -> None:
    tool = program(tmp_path, said=said, status=status)
    with pytest.raises(error, match=words):
        run_benchmark_model(artifact, f"{phone.target}/gpu", tool, 1)
    assert phone.board.is_clean()


def test_an_accelerator_that_it_does_not_know(artifact: Artifact, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="knows no npu, but cpu, gpu, nnapi"):
        run_benchmark_model(artifact, "adb:X1/npu", program(tmp_path), 1)

"""Real turns: artifacts in worker processes, that can go wrong in the middle."""

from __future__ import annotations

import importlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dense_layer import freeze_dense_layer
from tools import require_target

from mobilekit.bench.measuring.cases import Case, cases_of, chosen, measurable
from mobilekit.bench.measuring.disturbance import Moment
from mobilekit.bench.measuring.profile import profile_artifact, with_operators
from mobilekit.bench.measuring.reference import take_reference_turn
from mobilekit.bench.measuring.rounds import Effort
from mobilekit.bench.measuring.turn import Turn, golden_batches, settled, take_turn, watched
from mobilekit.bench.measuring.workshop import REFERENCE_ROUNDS, Work, Workshop
from mobilekit.bench.results import Benchmark, OperatorTime
from mobilekit.bench.statistics import latency_of
from mobilekit.jobs import Limits
from mobilekit.parity.golden import Golden, read_golden, write_golden
from mobilekit.progress import PlainProgress
from mobilekit.subjects import Subject, Subjects
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, ProjectError, UnsupportedError
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant
from mobilekit_delegates.runner.timing import ClockError
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan

PLAN = TimingPlan(settled=settled, block_seconds=0.005, warm_up_seconds=0.2)


@pytest.fixture(scope="session")
def dense(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artifact, Path]:
    """A file of one dense layer, and a golden that fits it."""
    folder = freeze_dense_layer(tmp_path_factory.mktemp("bench dense"), 4)
    artifact = convert(
        variant("tflite-fp32"), folder, folder / "dense.tflite", TFLiteOptions(), None
    )
    spec, out = artifact.signature.inputs[0], artifact.signature.outputs[0]
    generator = np.random.default_rng(2)
    golden = Golden(
        inputs={spec.name: generator.random((6, *spec.shape[1:]), np.float32)},
        outputs={out.name: np.zeros((6, *out.shape[1:]), np.float32)},
        tasks={out.name: "tensor"},
        origin="Numbers.",
    )
    write_golden(folder / "golden", golden)
    return artifact, folder / "golden"


def workshop(dense: tuple[Artifact, Path], logs: Path, targets: tuple[str, ...]) -> Workshop:
    artifact, golden = dense
    subject = Subject(name="tflite-fp32", path=artifact.path, format="tflite")
    return Workshop(
        logs=logs,
        work=Work(
            limits=Limits(workers=1, memory=2**33, seconds=120),
            effort=Effort(runs=8, seconds=0.02, rounds=4, most_seconds=3),
        ),
        progress=PlainProgress(io.StringIO()),
        subjects=Subjects(
            subjects=(subject,),
            golden=read_golden(golden),
            golden_folder=golden,
            targets=targets,
            require=(),
        ),
    )


def test_batches_are_the_goldens_samples(dense: tuple[Artifact, Path]) -> None:
    artifact, golden = dense
    batches = golden_batches(artifact, golden)
    assert len(batches) == 6
    (name,) = batches[0]
    assert batches[0][name].shape == artifact.signature.inputs[0].shape
    assert len({batch[name].tobytes() for batch in batches}) == 6


@pytest.mark.parametrize("name", ["cpu", "cpu-reference"])
def test_a_turn_is_a_cold_start_and_a_block(dense: tuple[Artifact, Path], name: str) -> None:
    found = take_turn(dense[0], name, dense[1], PLAN)
    assert found.runs is not None
    assert found.runs.load_ns > 0
    assert found.runs.prepare_ns is not None
    assert len(found.runs.run_ns) >= PLAN.block_runs
    assert found.runs.warm_up_runs > 10
    assert found.disturbance.seconds > 0
    assert found.after.load >= 0


def test_a_turn_on_a_gpu_waits_for_the_answer(dense: tuple[Artifact, Path]) -> None:
    require_target("gpu")
    found = take_turn(dense[0], "gpu", dense[1], PLAN)
    assert found.runs is not None
    assert found.runs.clocked == "a run, until its outputs are here"
    assert found.runs.prepare_ns is None
    assert found.runs.place


def test_a_target_that_apps_time_says_where_to_go(dense: tuple[Artifact, Path]) -> None:
    with pytest.raises(UnsupportedError, match="mobilekit bench import"):
        take_turn(dense[0], "ios-simulator", dense[1], PLAN)


def test_another_models_golden_is_refused(dense: tuple[Artifact, Path], tmp_path: Path) -> None:
    write_golden(
        tmp_path / "golden",
        Golden(
            inputs={"picture": np.zeros((2, 3), np.float32)},
            outputs={"scores": np.zeros((2, 3), np.float32)},
            tasks={"scores": "tensor"},
            origin="Zeros.",
        ),
    )
    with pytest.raises(DataError, match="another model's"):
        take_turn(dense[0], "cpu", tmp_path / "golden", PLAN)


def test_the_reference_says_what_it_is() -> None:
    found = take_reference_turn(PLAN)
    assert found.runs is not None
    assert found.runs.place.startswith("product of two 192 × 192 float32 matrices, one thread")


def test_libraries_that_do_not_compute_the_reference_are_not_in_its_name() -> None:
    """SciPy brings a BLAS of its own, and what else a process loads depends on the command."""
    importlib.import_module("scipy.linalg")
    found = take_reference_turn(PLAN)
    assert found.runs is not None
    assert found.runs.place.count(" for ") == 1, found.runs.place


def test_a_clock_that_goes_wrong_throws_the_turn_away() -> None:
    def broken() -> TimedRuns:
        raise ClockError("a run took 0 ns by the clock")

    found = watched(broken)
    assert found.runs is None
    assert found.thrown == "a run took 0 ns by the clock"


def test_time_that_was_set_meanwhile_throws_the_turn_away(
    dense: tuple[Artifact, Path],
) -> None:
    moments = iter(
        Moment(wall=wall, steady=steady, busy=1.0, stolen=0.0, own=0.5)
        for wall, steady in ((100.0, 5.0), (3700.0, 6.0))
    )
    runs = take_turn(dense[0], "cpu", dense[1], PLAN).runs
    assert runs is not None
    found = watched(lambda: runs, lambda: next(moments))
    assert found.runs is None
    assert "jumped ahead" in found.thrown


def test_cases_are_measured_in_processes_of_their_own(
    dense: tuple[Artifact, Path], tmp_path: Path
) -> None:
    place = workshop(dense, tmp_path, ("cpu", "cpu-reference", "mac/cpu", "ios-simulator"))
    benchmarks, noise = place.measure({"tflite-fp32": dense[0]})
    assert [item.target for item in benchmarks] == ["cpu", "cpu-reference"]
    assert {item.status for item in benchmarks} == {"measured"}
    assert len(noise.reference_rounds) >= REFERENCE_ROUNDS
    latency = benchmarks[0].latency
    assert latency is not None
    assert len(latency.rounds) == len(benchmarks[0].startups)


def test_a_file_that_goes_away_in_the_middle_fails_its_cases_alone(
    dense: tuple[Artifact, Path], tmp_path: Path
) -> None:
    """One case loses its file after the first turn; the other still has its own."""
    artifact, golden = dense
    lost = replace(artifact, path=tmp_path / "lost.tflite", variant="lost")
    lost.path.write_bytes(artifact.path.read_bytes())
    place = workshop(dense, tmp_path, ("cpu",))
    subjects = Subjects(
        subjects=tuple(
            Subject(name=name, path=artifact.path, format="tflite") for name in ("kept", "lost")
        ),
        golden=read_golden(golden),
        golden_folder=golden,
        targets=("cpu",),
        require=(),
    )

    class Removing(Workshop):
        def _take(self, case: Case) -> Turn:
            found = super()._take(case)
            if case.artifact is lost:
                lost.path.unlink()
            return found

    named = {"kept": replace(artifact, variant="kept"), "lost": lost}
    benchmarks, _ = Removing(
        logs=place.logs, work=place.work, progress=place.progress, subjects=subjects
    ).measure(named)
    found = {item.variant: item for item in benchmarks}
    assert found["kept"].status == "measured"
    assert found["lost"].status == "failed"
    assert found["lost"].reason.startswith("It failed in turn 2, after others went well: cpu")


def test_variants_that_are_not_there_are_refused(
    dense: tuple[Artifact, Path], tmp_path: Path
) -> None:
    subjects = workshop(dense, tmp_path, ("cpu",)).subjects
    with pytest.raises(ProjectError, match="Did you mean 'tflite-fp32'"):
        chosen(subjects, ("tflite-fp31",))


def test_a_format_that_no_target_takes_is_left_out_with_its_libraries(
    dense: tuple[Artifact, Path], tmp_path: Path
) -> None:
    subjects = workshop(dense, tmp_path, ("cpu",)).subjects
    package = Subject(name="coreml-fp16", path=tmp_path / "dense.mlpackage", format="coreml")
    both = replace(subjects, subjects=(*subjects.subjects, package))
    assert measurable(both) == subjects
    assert measurable(both).modules == subjects.modules != both.modules
    evaluated = replace(both, targets=("cpu", "coreml"))
    assert measurable(evaluated) == evaluated


def test_an_artifact_that_cannot_be_read_is_a_failed_case(
    dense: tuple[Artifact, Path], tmp_path: Path
) -> None:
    subjects = workshop(dense, tmp_path, ("cpu",)).subjects
    (case,) = cases_of(subjects, {"tflite-fp32": "It is damaged."}, ())
    assert (case.artifact, case.benchmark.status) == (None, "failed")
    assert case.benchmark.reason == "It is damaged."


def test_reference_kernels_have_a_profile(dense: tuple[Artifact, Path]) -> None:
    operators = profile_artifact(dense[0], "cpu-reference", dense[1], PLAN)
    assert "FULLY_CONNECTED" in {item.operator for item in operators}
    assert sum(item.share for item in operators) == pytest.approx(1.0)


def test_a_runtime_without_a_profile_says_so(dense: tuple[Artifact, Path]) -> None:
    with pytest.raises(UnsupportedError, match="tflite-floor offers none"):
        profile_artifact(dense[0], "tflite-floor", dense[1], PLAN)


@pytest.mark.parametrize(("milliseconds", "kept"), [(1.2, True), (0.4, False), (9.0, False)])
def test_a_profile_that_does_not_add_up_is_left_out(milliseconds: float, kept: bool) -> None:
    found = Benchmark(
        variant="tflite-fp32",
        target="cpu",
        status="measured",
        latency=latency_of([[1.0] * 5] * 5, warm_up_runs=1, stable=True),
    )
    operators = (OperatorTime(name="#0", operator="CONV_2D", median_ms=milliseconds, share=1.0),)
    filled = with_operators(found, operators)
    assert bool(filled.operators) is kept
    assert bool(filled.notes) is not kept


def test_what_no_device_computes_is_emulated(dense: tuple[Artifact, Path]) -> None:
    _, golden = dense
    subjects = Subjects(
        subjects=(
            Subject(name="coreml-fp16", path=golden, format="coreml"),
            Subject(name="tflite-fp32", path=golden, format="tflite"),
        ),
        golden=read_golden(golden),
        golden_folder=golden,
        targets=("coreml", "cpu", "cpu-fp16", "gpu", "arm64"),
        require=(),
    )
    found = cases_of(subjects, {"coreml-fp16": "No.", "tflite-fp32": "No."}, ())
    emulated = {case.benchmark.target: case.benchmark.emulated for case in found}
    assert emulated.pop("cpu") is False
    assert all(emulated[name] for name in ("coreml", "gpu", "cpu-fp16"))

"""LiteRT's own GPU accelerator on this machine's best Vulkan device, which may be software."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litert_graphs import (
    FEATURES,
    IMAGE,
    answers,
    channel_shuffle,
    convert_graph,
    convolutions,
    images,
    snr_db,
)
from tools import require_target, without

from mobilekit.jobs import Job, Limits, run_jobs
from mobilekit.parity.budgets import Budget
from mobilekit.parity.checks import CheckRequest, run_check
from mobilekit.parity.golden import Golden
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_delegates.quantised_values import quantise
from mobilekit_delegates.targets import Target, UnsupportedError, gpu, target, vulkan
from mobilekit_delegates.targets.litert_compiled import CompiledSession, default_cpu_options
from mobilekit_delegates.targets.timed import TimingPlan

GPU, GPU_FP32 = target("gpu"), target("gpu-fp32")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_target("gpu")
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def artifact(folder: Path) -> Artifact:
    return convert_graph(convolutions, folder / "convolutions")


@pytest.fixture(scope="module")
def expected(artifact: Artifact) -> Any:
    with target("cpu").open(artifact) as session:
        return answers(session, images(4))


@pytest.fixture(params=["gpu", "gpu-fp32"])
def place(request: pytest.FixtureRequest) -> Target:
    return target(request.param)


def test_16_bit_floats_show_where_the_device_has_them(artifact: Artifact, expected: Any) -> None:
    with GPU.open(artifact) as session:
        found = answers(session, images(4))
    if vulkan.devices()[0].has_fp16:
        assert 40 < snr_db(found, expected) < 80
        assert session.execution.notes == ()
    else:
        assert snr_db(found, expected) > 110
        assert "were not exercised" in session.execution.notes[0]


def test_exact_precision_is_float32(artifact: Artifact, expected: Any) -> None:
    with GPU_FP32.open(artifact) as session:
        found = answers(session, images(4))
        again = answers(session, images(4)[::-1])[::-1]
    assert snr_db(found, expected) > 110
    np.testing.assert_array_equal(found, again)


def test_the_report_names_the_device_and_counts_the_nodes(
    place: Target, artifact: Artifact
) -> None:
    with place.open(artifact) as session:
        execution = session.execution
    assert execution.place == str(vulkan.devices()[0])
    assert execution.nodes == execution.nodes_taken == sum(artifact.operators.values()) == 2


def test_what_the_accelerator_refuses_runs_on_the_cpu_and_is_named(
    place: Target, folder: Path
) -> None:
    shuffled = convert_graph(channel_shuffle, folder / "shuffle")
    with target("cpu").open(shuffled) as session:
        expected = answers(session, images(2))
    with place.open(shuffled) as session:
        found = answers(session, images(2))
    execution = session.execution
    assert snr_db(found, expected) > 40
    assert execution.nodes == 5
    assert execution.nodes_taken is not None
    assert 0 < execution.nodes_taken <= 2, "the convolutions alone can be taken"
    notes = " ".join(execution.notes)
    assert "The CPU ran what the accelerator refuses" in notes
    assert "Refused: RESHAPE: Tensor dimensions must be less than 5 (" in notes


def test_where_it_takes_nothing_nothing_was_checked(place: Target, folder: Path) -> None:
    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        groups = tf.reshape(inputs["x"], (1, 8, 8, 2, 4))
        return {"y": tf.transpose(groups, (0, 1, 2, 4, 3))}

    outputs = (TensorSpec(name="y", shape=(1, 8, 8, 4, 2), dtype="float32"),)
    refused = convert_graph(call, folder / "refused", outputs=outputs)
    with pytest.raises(UnsupportedError) as caught:
        place.open(refused)
    assert "takes none of the 2 nodes" in str(caught.value)
    assert "Tensor dimensions must be less than 5 (RESHAPE)" in str(caught.value)


def test_int16_is_refused_by_name(artifact: Artifact, folder: Path) -> None:
    assert artifact.path.is_file()
    with pytest.raises(UnsupportedError, match=r"Tensor type\(INT16\) is not supported \(CONV_2D"):
        GPU.open(convert_graph(convolutions, folder / "convolutions", "int16x8"))


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_quantised_inputs_and_outputs(
    io: str, artifact: Artifact, folder: Path, expected: Any
) -> None:
    assert artifact.path.is_file()
    quantised = convert_graph(convolutions, folder / "convolutions", "int8", io=io)
    (spec,) = quantised.signature.inputs
    assert spec.dtype == io
    assert spec.quantisation is not None
    batch = images(1)[0]
    with GPU.open(quantised) as session:
        found = answers(session, images(4))
        stored = session.run({"x": quantise(batch["x"], spec.quantisation, io)})["y"]
    assert found.dtype == np.float32
    assert snr_db(found, expected) > 25
    np.testing.assert_array_equal(stored, found[:1])


def test_many_inputs_and_outputs_of_all_kinds_keep_their_names(folder: Path) -> None:
    """Two of the operators take int64, which stays on the CPU."""

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        a, b, count = inputs["a"], inputs["b"], inputs["count"]
        return {
            "product": b + tf.cast(count, tf.float32) * a,
            "total": tf.reduce_sum(a),
            "greater": a > b,
            "double": count * 2,
            "best": tf.argmax(b, -1),
            "chosen": tf.where(inputs["mask"], a, b),
            "next": inputs["id"] + 1,
        }

    def spec(name: str, shape: tuple[int, ...], dtype: str = "float32") -> TensorSpec:
        return TensorSpec(name=name, shape=shape, dtype=dtype)

    many = convert_graph(
        call,
        folder / "many",
        inputs=(
            spec("b", (1, 4)),
            spec("a", (1, 4)),
            spec("count", (1, 4), "int32"),
            spec("mask", (1, 4), "bool"),
            spec("id", (1, 2), "int64"),
        ),
        outputs=(
            spec("product", (1, 4)),
            spec("total", ()),
            spec("greater", (1, 4), "bool"),
            spec("double", (1, 4), "int32"),
            spec("best", (1,), "int64"),
            spec("chosen", (1, 4)),
            spec("next", (1, 2), "int64"),
        ),
    )
    batch: dict[str, Any] = {
        "b": np.array([[0.5, -1.0, 2.0, 0.25]], "f4"),
        "a": np.array([[1.0, 3.0, -2.0, 0.125]], "f4"),
        "count": np.array([[1, 2, 3, -4]], "i4"),
        "mask": np.array([[True, False, False, True]]),
        "id": np.array([[2**40, -7]], "i8"),
    }
    with GPU_FP32.open(many) as session:
        (found,) = session.run_all([batch])
    assert session.execution.nodes_taken == 7
    expected: dict[str, Any] = {
        "product": [[1.5, 5.0, -4.0, -0.25]],
        "total": 2.125,
        "greater": [[True, True, False, False]],
        "double": [[2, 4, 6, -8]],
        "best": [2],
        "chosen": [[1.0, -1.0, 2.0, 0.125]],
        "next": [[2**40 + 1, -6]],
    }
    for spec_ in many.signature.outputs:
        values = found[spec_.name]
        assert (values.dtype.name, values.shape) == (spec_.dtype, spec_.shape), spec_.name
        np.testing.assert_array_equal(values, expected[spec_.name])


def test_inputs_that_do_not_fit_are_refused(artifact: Artifact) -> None:
    with GPU.open(artifact) as session:
        with pytest.raises(DataError, match=r"inputs are \['x'\], not \[\]"):
            session.run({})
        with pytest.raises(DataError, match=r"'x' is \(1, 8, 8, 8\), not \(8, 8\)"):
            session.run({"x": np.zeros((8, 8), "f4")})


@pytest.mark.parametrize("name", ["gpu", "cpu-fp16"])
@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_an_error_and_no_crash(
    name: str, kept: float, artifact: Artifact, tmp_path: Path
) -> None:
    content = artifact.path.read_bytes()
    cut = tmp_path / "cut.tflite"
    cut.write_bytes(content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(TargetError, match=rf"{name} could not load cut\.tflite: "):
        target(name).open(replace(artifact, path=cut))


@pytest.mark.parametrize("name", ["gpu", "cpu-fp16"])
def test_names_that_the_file_lacks_are_named(name: str, artifact: Artifact) -> None:
    other = Signature(inputs=(replace(IMAGE, name="w"),), outputs=(FEATURES,))
    with pytest.raises(TargetError, match="no input or output named w"):
        target(name).open(replace(artifact, signature=other))


@pytest.mark.parametrize("found", [True, False])
def test_without_a_device_that_will_do_nothing_was_checked(
    found: bool, artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = replace(vulkan.devices()[0], name="old llvmpipe", sufficient=False)
    monkeypatch.setattr(vulkan, "devices", lambda: (old,) if found else ())
    monkeypatch.setattr(vulkan, "how_to_get", lambda: "install one")
    with pytest.raises(UnsupportedError) as caught:
        GPU.open(artifact)
    why = "old llvmpipe, " if found else "its drivers find none"
    assert f"can use no Vulkan device of this machine ({why}" in str(caught.value)
    assert str(caught.value).endswith(" Get a new one: install one")


def test_a_device_without_16_bit_floats_says_so(artifact: Artifact) -> None:
    """In a process of its own, because LiteRT keeps the first device that it used."""
    manifest = next((path for path in vulkan.SWIFTSHADER if path.is_file()), None)
    if manifest is None:
        without("No browser with SwiftShader is on this machine.")
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from mobilekit_converters.tflite import read_artifact\n"
        "from mobilekit_delegates.targets import target\n"
        "artifact = read_artifact(Path(sys.argv[1]), 'tflite-fp32')\n"
        "x = np.random.default_rng(0).normal(size=(1, 8, 8, 8)).astype('f4')\n"
        "with target('gpu').open(artifact) as session:\n"
        "    session.run_all([{'x': x}])\n"
        "print(session.execution.place, *session.execution.notes)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(artifact.path)],
        env={**os.environ, vulkan.DRIVERS: str(manifest)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    said = run.stdout.splitlines()[-1]
    assert said.startswith("SwiftShader Device")
    assert "16-bit floats were not exercised: SwiftShader Device" in said


def test_an_adapter_that_litert_refuses_after_all_is_named(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise gpu.CompileError("No.", "INTERNAL: No adapters found\n")

    monkeypatch.setattr(gpu, "CompiledSession", refuse)
    with pytest.raises(UnsupportedError, match="can use no Vulkan device"):
        GPU.open(artifact)


def test_litert_without_the_accelerator_is_missing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_ACCELERATOR", "libNotThere.so")
    assert "comes without libNotThere.so" in str(GPU.missing())


def test_the_version_names_litert_and_the_drivers() -> None:
    require_target("gpu")
    version = GPU.version()
    assert version == GPU_FP32.version()
    assert version.startswith("ai-edge-litert ")
    assert "Vulkan drivers" in version


@pytest.fixture
def golden(expected: Any, tmp_path: Path) -> Path:
    path = tmp_path / "golden.npz"
    Golden(
        inputs={"x": np.concatenate([batch["x"] for batch in images(4)])},
        outputs={"y": expected},
        labels=None,
        tasks={"y": "tensor"},
        origin="A test.",
    ).save(path)
    return path


def test_a_check_that_the_cpu_answered_did_not_run(
    artifact: Artifact, golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if LiteRT, asked for the GPU, had quietly compiled for the CPU."""

    def fall_back(
        artifact: Artifact,
        options: object,  # noqa: ARG001
        *,
        target: str,
        waits: bool = False,
    ) -> CompiledSession:
        return CompiledSession(artifact, default_cpu_options(), target=target, waits=waits)

    monkeypatch.setattr(gpu, "CompiledSession", fall_back)
    budget = Budget(bounds={"snr_db": 30})
    check = run_check(CheckRequest(artifact=artifact, target="gpu", golden=golden, budget=budget))
    assert check.status == "not_run"
    assert check.reason == (
        "All 2,048 values are bit-identical to those of the CPU's default kernels: these answered "
        "in the place of the GPU accelerator, and nothing was checked."
    )
    plan = TimingPlan(settled=lambda chunks, window: len(chunks) > window, block_seconds=0.01)
    with pytest.raises(UnsupportedError, match="bit-identical to those of the CPU's"):
        gpu.Gpu(exact=False).time_artifact(artifact, images(4), plan)


def test_checks_run_in_jobs_that_are_forked_with_tensorflow_loaded(
    artifact: Artifact, golden: Path, tmp_path: Path
) -> None:
    """TensorFlow's LLVM must not get in the way of the driver's."""
    jobs = [
        Job(
            name=name,
            function=run_check,
            arguments={
                "request": CheckRequest(
                    artifact=artifact,
                    target=name,
                    golden=golden,
                    budget=Budget(bounds={"snr_db": floor}),
                )
            },
        )
        for name, floor in (("gpu", 40), ("gpu-fp32", 110), ("cpu-fp16", 40))
    ]
    limits = Limits(workers=2, memory=4 * 2**30, seconds=240)
    for outcome in run_jobs(jobs, limits=limits, logs=tmp_path):
        assert outcome.error is None, outcome.log.read_text(errors="replace")[-3000:]
        assert (outcome.value.status, outcome.value.reason) == ("pass", "")
        assert outcome.value.samples == 4

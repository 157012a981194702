"""What a module is described from, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit.parity.golden import Golden
from mobilekit.project import parse_project
from mobilekit.wrappers.android import describe_android
from mobilekit.wrappers.android.fitness import require_fitness
from mobilekit.wrappers.description import AndroidModule
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.signature import Quantisation, Signature, TensorSpec

QUANTISED = Quantisation(scales=(0.5,), zero_points=(-128,))


def spec(name: str, *shape: int, dtype: str = "float32", **more: Any) -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=dtype, **more)


def artifact(*ends: TensorSpec, inputs: int = 1, variant: str = "tflite-fp16") -> Artifact:
    """An artifact that nobody reads: describing needs its signature alone."""
    return Artifact(
        variant=variant,
        path=Path(f"{variant}.tflite"),
        sha256="0" * 64,
        file_bytes=1,
        signature=Signature(inputs=ends[:inputs], outputs=ends[inputs:]),
    )


def zeros(specs: tuple[TensorSpec, ...], batch: int) -> dict[str, Any]:
    shapes = {s.name: s.shape[1:] if s.shape[:1] == (batch,) else s.shape for s in specs}
    return {s.name: np.zeros((4, *shapes[s.name]), np.int32) for s in specs}


def golden_of(made: Artifact, batch: int = 1) -> Golden:
    signature = made.signature
    return Golden(
        inputs=zeros(signature.inputs, batch),
        outputs=zeros(signature.outputs, batch),
        origin="Test.",
    )


def describe(
    made: Artifact,
    *,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    android: Mapping[str, Any] | None = None,
    golden: Golden | None = None,
    folder: Path = Path(),
    batch: int = 1,
) -> AndroidModule:
    document = {
        "model": {"source": "some.keras", "inputs": inputs or {}, "outputs": outputs or {}},
        "android": android or {},
    }
    return describe_android(
        parse_project(document, folder=folder, origin="test"),
        artifacts=[made],
        golden=golden or golden_of(made, batch),
        source_sha256="1" * 64,
    )


def test_what_the_project_leaves_out_comes_from_the_golden() -> None:
    made = artifact(spec("x", 1, 4), spec("y", 1, 3))
    module = describe(made, golden=replace(golden_of(made), tasks={"y": "classification"}))
    assert module.model.name == "Some"
    assert module.package == "mobilekit.some"
    assert module.runtime == "litert"
    assert module.model.outputs[0].facts.kind == "classification"


def test_the_models_order_is_the_goldens() -> None:
    made = artifact(spec("b", 1), spec("a", 1), spec("d", 1), spec("c", 1), inputs=2)
    golden = golden_of(made)
    turned = replace(golden, inputs=dict(reversed(golden.inputs.items())))
    module = describe(made, golden=turned)
    assert [item.spec.name for item in module.model.inputs] == ["a", "b"]
    assert [item.spec.name for item in module.model.outputs] == ["d", "c"]


def test_another_models_golden_is_refused() -> None:
    made = artifact(spec("x", 1), spec("y", 1))
    other = golden_of(artifact(spec("x", 1), spec("z", 1)))
    with pytest.raises(ProjectError, match="The golden is of z, and the artifact has y"):
        describe(made, golden=other)


def test_quantised_ends_are_floats_to_an_app() -> None:
    made = artifact(
        spec("x", 1, 2, dtype="int8", quantisation=QUANTISED),
        spec("y", 1, 2, dtype="int8", quantisation=QUANTISED),
    )
    golden = Golden(
        inputs={"x": np.array([[-128, 127]], np.int8)},
        outputs={"y": np.array([[-127, 0]], np.int8)},
        origin="The file's own.",
    )
    model = describe(made, golden=golden).model
    assert model.inputs[0].spec == spec("x", 1, 2)
    assert model.golden.inputs["x"].tolist() == [[0, 127.5]]
    assert model.golden.outputs["y"].tolist() == [[0.5, 64]]


def test_a_golden_of_floats_stays_as_it_is() -> None:
    made = artifact(
        spec("x", 1, 1, dtype="int8", quantisation=QUANTISED), spec("y", 1, 1, dtype="int32")
    )
    golden = Golden(
        inputs={"x": np.array([[0.3]], np.float32)},
        outputs={"y": np.array([[7]], np.int32)},
        origin="The trained model's.",
    )
    model = describe(made, golden=golden).model
    assert model.golden.inputs["x"].tolist() == golden.inputs["x"].tolist()
    assert model.outputs[0].spec.dtype == "int32"


def test_accelerators_are_held_to_their_targets_budgets() -> None:
    made = artifact(spec("x", 1), spec("y", 1), variant="tflite-fp32")
    bounds = {
        runtime: {
            name: budget.bounds["snr_db"]
            for name, budget in describe(made, android={"runtime": runtime})
            .artifacts[0]
            .budgets.items()
        }
        for runtime in ("litert", "interpreter")
    }
    # Neural processors compute in 16 bits, as GPUs do.
    assert bounds["litert"] == {"cpu": 80, "gpu": 35, "npu": 35}
    assert bounds["interpreter"] == {"cpu": 80, "gpu": 35, "nnapi": 35}


def test_nothing_to_carry_is_refused() -> None:
    made = artifact(spec("x", 1), spec("y", 1))
    project = parse_project({"model": {"source": "a.keras"}}, folder=Path(), origin="test")
    with pytest.raises(ProjectError, match="no artifact to carry"):
        describe_android(project, artifacts=[], golden=golden_of(made), source_sha256="")


@pytest.mark.parametrize(
    ("made", "android", "message"),
    [
        (
            artifact(spec("x", 1, dtype="uint8"), spec("y", 1)),
            {},
            "input 'x' is uint8, which LiteRT does not read. Set .*runtime = 'interpreter'",
        ),
        (
            artifact(spec("x", 1), spec("y", 1, dtype="int16", quantisation=QUANTISED)),
            {},
            "output 'y' is int16, which LiteRT does not read",
        ),
        (artifact(spec("x", 1, dtype="float16"), spec("y", 1)), {}, "'x' is float16.*No runtime"),
        (
            artifact(spec("x", 1, dtype="string"), spec("y", 1)),
            {"runtime": "interpreter"},
            "'x' is string.*No runtime",
        ),
        (artifact(spec("x", 1), spec("y", 1, dtype="complex64")), {}, "'y' is complex64"),
        (
            artifact(
                spec("x", 1, 2, dtype="int8", quantisation=replace(QUANTISED, axis=1)), spec("y", 1)
            ),
            {},
            "'x' has a scale for each channel",
        ),
        (
            artifact(
                spec("x", 1, dtype="int8", quantisation=replace(QUANTISED, scales=(0.0,))),
                spec("y", 1),
            ),
            {},
            "'x' is quantised by steps of 0",
        ),
        (
            artifact(spec("x", 1, dtype="int32", quantisation=QUANTISED), spec("y", 1)),
            {},
            "'x' is quantised to int32",
        ),
        (artifact(spec("x", 0), spec("y", 1)), {}, "x: float32 0 holds no value"),
        (artifact(spec("x" * 1001, 1), spec("y", 1)), {}, "a name of 1001 characters"),
        (artifact(spec("x\ud800", 1), spec("y", 1)), {}, "half a character"),
        (
            artifact(*(spec(f"t{n}", 1) for n in range(201)), inputs=100),
            {},
            "201 inputs and outputs.*200 at most",
        ),
        (
            artifact(spec("x", 1), spec("y", 1)),
            {"package": "android.x"},
            "package = 'android.x'.*the system's",
        ),
    ],
)
def test_what_no_module_can_be_made_of(made: Artifact, android: Any, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        describe(made, android=android)


@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_what_the_interpreter_reads_is_taken_there(dtype: str) -> None:
    made = artifact(spec("x", 1, dtype=dtype), spec("y", 1))
    assert describe(made, android={"runtime": "interpreter"}).runtime == "interpreter"


@pytest.mark.parametrize(
    ("shape", "dtype", "facts", "message"),
    [
        ((1, 10), "float32", {}, "cannot be a rgb image"),
        ((1, 8, 8, 1), "float32", {}, "cannot be a rgb image"),
        ((1, 8, 8, 3), "float32", {"color": "grayscale"}, "cannot be a grayscale image"),
        ((1, 8, 8, 8, 3), "float32", {}, "cannot be a rgb image"),
        ((1, 8, 8, 3), "int32", {}, "of int32 is not supported"),
    ],
)
def test_what_is_no_image_is_refused(shape: Any, dtype: str, facts: Any, message: str) -> None:
    made = artifact(spec("x", *shape, dtype=dtype), spec("y", 1))
    with pytest.raises(ProjectError, match=rf"\[model.inputs.x\] kind = 'image': .*{message}"):
        describe(made, inputs={"x": {"kind": "image", **facts}})


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (1, 3, 8, 8)])
def test_images_are_taken(shape: tuple[int, ...]) -> None:
    made = artifact(spec("x", *shape), spec("y", 1))
    assert describe(made, inputs={"x": {"kind": "image"}}).model.inputs[0].facts.kind == "image"


def test_sound_of_integers_is_refused() -> None:
    made = artifact(spec("x", 1, 100, dtype="int32"), spec("y", 1))
    with pytest.raises(ProjectError, match="kind = 'audio': the input is int32"):
        describe(made, inputs={"x": {"kind": "audio"}})


@pytest.mark.parametrize("kind", ["classification", "embedding", "mask"])
def test_kinds_of_integers_are_refused(kind: str) -> None:
    made = artifact(spec("x", 1), spec("y", 1, 4, 4, dtype="int32"))
    with pytest.raises(ProjectError, match=rf"\[model.outputs.y\] kind = '{kind}'.*is int32"):
        describe(made, outputs={"y": {"kind": kind}})


def test_what_is_no_mask_is_refused() -> None:
    made = artifact(spec("x", 1), spec("y", 1, 10))
    with pytest.raises(ProjectError, match="kind = 'mask': a mask is height × width"):
        describe(made, outputs={"y": {"kind": "mask"}})


@pytest.mark.parametrize(("classes", "expected"), [(3, 3), (1, 2)])
def test_labels_have_to_be_as_many_as_classes(tmp_path: Path, classes: int, expected: int) -> None:
    made = artifact(spec("x", 1), spec("y", 1, classes))
    table = {"y": {"kind": "classification", "labels": "labels.txt"}}
    for count in (expected - 1, expected + 1):
        (tmp_path / "labels.txt").write_text("\n".join("abcd"[:count]), "utf-8")
        with pytest.raises(ProjectError, match=f"names {count} classes, and the output has"):
            describe(made, outputs=table, folder=tmp_path)
    (tmp_path / "labels.txt").write_text("\n".join("abcd"[:expected]), "utf-8")
    described = describe(made, outputs=table, folder=tmp_path)
    assert described.model.outputs[0].facts.labels == tuple("abcd"[:expected])


@pytest.mark.parametrize("label", ["two\nlines", "half a \ud83c"])
def test_labels_that_no_file_of_lines_can_hold_are_refused(label: str) -> None:
    made = artifact(spec("x", 1), spec("y", 1, 2))
    module = describe(made, outputs={"y": {"kind": "classification"}})
    (output,) = module.model.outputs
    labelled = replace(output, facts=replace(output.facts, labels=("fine", label)))
    with pytest.raises(ProjectError, match=r"class 2, .* holds a line break or half"):
        require_fitness(replace(module, model=replace(module.model, outputs=(labelled,))))


def test_a_batch_is_no_image() -> None:
    """Its values are passed as one array, so that nothing has to fit."""
    made = artifact(spec("x", 3, 8, 8, 1), spec("y", 3, 5))
    module = describe(made, inputs={"x": {"kind": "image"}}, batch=3)
    assert module.model.batch == 3

"""What a Swift package is described from, what is refused, and what is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit.parity.golden import Golden
from mobilekit.project import parse_project
from mobilekit.wrappers.description import IosPackage
from mobilekit.wrappers.ios import class_name, describe_ios, write_package
from mobilekit.wrappers.ios.api import describe_api
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import OutputError, ProjectError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec


def spec(name: str, *shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=dtype)


def artifact(*ends: TensorSpec, inputs: int = 1, **more: Any) -> Artifact:
    """An artifact that nobody reads: describing needs its signature alone."""
    facts = {
        "variant": "coreml-fp16",
        "path": Path("coreml-fp16.mlpackage"),
        "sha256": "0" * 64,
        "file_bytes": 1,
        "signature": Signature(inputs=ends[:inputs], outputs=ends[inputs:]),
    }
    return Artifact(**{**facts, **more})


def golden_of(made: Artifact, batch: int = 1) -> Golden:
    def zeros(specs: tuple[TensorSpec, ...]) -> dict[str, Any]:
        shapes = {s.name: s.shape[1:] if s.shape[:1] == (batch,) else s.shape for s in specs}
        return {s.name: np.zeros((4, *shapes[s.name]), np.int32) for s in specs}

    signature = made.signature
    return Golden(inputs=zeros(signature.inputs), outputs=zeros(signature.outputs), origin="Test.")


def describe(
    made: Artifact,
    *,
    name: str | None = None,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
    ios: Mapping[str, Any] | None = None,
    golden: Golden | None = None,
    folder: Path = Path(),
    batch: int = 1,
) -> IosPackage:
    model = {"source": "some.keras", "inputs": inputs or {}, "outputs": outputs or {}}
    document = {"model": {**model, **({"name": name} if name else {})}, "ios": ios or {}}
    return describe_ios(
        parse_project(document, folder=folder, origin="test"),
        artifacts=[made],
        golden=golden or golden_of(made, batch),
        source_sha256="1" * 64,
    )


def made_package(folder: Path, *ends: TensorSpec, **more: Any) -> Artifact:
    """An artifact with a folder of its own."""
    path = folder / "made.mlpackage"
    (path / "Data").mkdir(parents=True)
    (path / "Manifest.json").write_text("{}")
    (path / "Data" / "weight.bin").write_bytes(b"weights")
    return artifact(*ends, path=path, sha256=sha256_of_path(path), **more)


def test_float16_is_float32_to_an_app() -> None:
    made = artifact(spec("x", 1, 2, dtype="float16"), spec("y", 1, 2, dtype="int32"))
    golden = Golden(
        inputs={"x": np.array([[0.5, 1]], np.float64)},
        outputs={"y": np.array([[7, -8]], np.int64)},
        origin="Test.",
    )
    model = describe(made, golden=golden).model
    assert model.inputs[0].spec == spec("x", 1, 2)
    assert model.outputs[0].spec == spec("y", 1, 2, dtype="int32")
    assert model.golden.inputs["x"].dtype == np.float32
    assert model.golden.outputs["y"].dtype == np.int32
    assert model.golden.outputs["y"].tolist() == [[7, -8]]


def test_whole_numbers_beyond_int32_are_refused() -> None:
    made = artifact(spec("x", 1, 1, dtype="int32"), spec("y", 1, 1))
    golden = Golden(
        inputs={"x": np.array([[2**40]], np.int64)},
        outputs={"y": np.zeros((1, 1), np.float32)},
        origin="Test.",
    )
    with pytest.raises(ProjectError, match="'x' are no int32"):
        describe(made, golden=golden)


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("uint8", r"Set \[ios\] image_inputs = false"),
        ("float64", "is float64, and the Swift package takes float32, float16, int32"),
        ("int8", "is int8"),
    ],
)
def test_a_dtype_that_swift_cannot_pass_is_refused(dtype: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        describe(artifact(spec("x", 1, 2, dtype=dtype), spec("y", 1)))
    if dtype != "uint8":
        with pytest.raises(ProjectError, match="output 'y' " + message):
            describe(artifact(spec("x", 1), spec("y", 1, dtype=dtype)))


def test_an_old_system_is_refused() -> None:
    made = artifact(spec("x", 1), spec("y", 1))
    with pytest.raises(ProjectError, match="needs iOS16 or newer"):
        describe(made, ios={"minimum": "iOS15"})
    assert describe(made, ios={"minimum": "iOS18"}).minimum == "iOS18"


def test_nothing_to_carry_is_refused() -> None:
    golden = golden_of(artifact(spec("x", 1), spec("y", 1)))
    project = parse_project({"model": {"source": "a.keras"}}, folder=Path(), origin="test")
    with pytest.raises(ProjectError, match="no artifact to carry"):
        describe_ios(project, artifacts=[], golden=golden, source_sha256="0" * 64)


def test_another_models_golden_is_refused() -> None:
    made = artifact(spec("x", 1), spec("y", 1))
    with pytest.raises(ProjectError, match="they are two models'"):
        describe(made, golden=golden_of(artifact(spec("x", 1), spec("z", 1))))
    other = golden_of(artifact(spec("x", 1, 2), spec("y", 1)))
    with pytest.raises(ProjectError, match="4 samples of it have 12"):
        describe(artifact(spec("x", 1, 3), spec("y", 1)), golden=other)


def test_labels_of_the_wrong_length_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\n")
    outputs = {"y": {"kind": "classification", "labels": "labels.txt"}}
    made = artifact(spec("x", 1), spec("y", 1, 3))
    with pytest.raises(ProjectError, match="labels names 2 classes, and the output has 3"):
        describe(made, outputs=outputs, folder=tmp_path)


def test_an_image_needs_an_images_shape() -> None:
    made = artifact(spec("x", 1, 7), spec("y", 1))
    with pytest.raises(ProjectError, match=r"\[model.inputs.x\] kind = 'image'"):
        describe(made, inputs={"x": {"kind": "image"}})


def test_too_many_inputs_are_refused() -> None:
    ends = [spec(f"x{number}", 1) for number in range(201)]
    with pytest.raises(ProjectError, match="201 inputs and outputs"):
        describe(artifact(*ends, inputs=200))


def test_a_model_is_renamed_where_nobody_named_it() -> None:
    project = parse_project({"model": {"source": "mask.keras"}}, folder=Path(), origin="test")
    assert class_name(project) == "MyMask"
    with pytest.raises(ProjectError, match="uses the name 'ComputeUnit'"):
        describe(artifact(spec("x", 1), spec("y", 1)), name="ComputeUnit")


def test_images_and_sounds_have_a_function_for_each_type() -> None:
    ends = (spec("photo", 1, 4, 4, 3), spec("sound", 1, 9), spec("y", 1, 3))
    kinds = {"photo": {"kind": "image"}, "sound": {"kind": "audio"}}
    api = describe_api(describe(artifact(*ends, inputs=2), inputs=kinds))
    assert {tuple(kind for _, kind in form.inputs) for form in api.forms} == {
        (image, sound) for image in ("CGImage", "CVPixelBuffer") for sound in ("[Float]", "[Int16]")
    }
    assert api.verb == "predict"


def test_a_model_of_batches_takes_arrays() -> None:
    made = artifact(spec("x", 3, 4, 4, 3), spec("y", 3, 2))
    api = describe_api(describe(made, inputs={"x": {"kind": "image"}}, batch=3))
    (form,) = api.forms
    assert form.parameters == ("_ x: [Float]",)


def test_the_same_description_gives_the_same_bytes(tmp_path: Path) -> None:
    made = made_package(tmp_path, spec("x", 1, 2), spec("y", 1, 2))
    package = describe(made)
    write_package(package, tmp_path / "one")
    write_package(package, tmp_path / "two")
    write_package(package, tmp_path / "two")
    one, two = (_contents(tmp_path / name) for name in ("one", "two"))
    assert one == two
    assert {"Package.swift", "README.md", "Sources/Some/Some.swift"} <= one.keys()
    header = b"from a model with the sha256\n// " + b"1" * 64
    swift = {path: text for path, text in one.items() if path.endswith(".swift")}
    assert all(header in text for text in swift.values())
    assert one["Package.swift"].startswith(b"// swift-tools-version: 6.0\n")


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_golden_is_little_endian_and_in_order(tmp_path: Path) -> None:
    made = made_package(tmp_path, spec("x", 1, 2), spec("y", 1, dtype="int32"))
    golden = Golden(
        inputs={"x": np.array([[1, 2.5], [3, 4]], ">f8")},
        outputs={"y": np.array([5, 6], ">i8")},
        origin="Test.",
    )
    write_package(describe(made, golden=golden), tmp_path / "package")
    folder = tmp_path / "package" / "Sources" / "Some" / "Resources" / "golden"
    assert np.fromfile(folder / "input-0.bin", "<f4").tolist() == [1, 2.5, 3, 4]
    assert np.fromfile(folder / "output-0.bin", "<i4").tolist() == [5, 6]


def test_a_package_that_is_not_the_one_that_was_checked_is_refused(tmp_path: Path) -> None:
    made = made_package(tmp_path, spec("x", 1), spec("y", 1))
    (made.path / "Data" / "weight.bin").write_bytes(b"other")
    with pytest.raises(OutputError, match="is not the package that was checked"):
        write_package(describe(made), tmp_path / "package")


def test_native_names_are_what_core_ml_is_asked_for(tmp_path: Path) -> None:
    names = {"a/b:0": "a_b_0"}
    made = made_package(tmp_path, spec("a/b:0", 1), spec("y", 1), native_names=names)
    write_package(describe(made), tmp_path / "package")
    text = (tmp_path / "package" / "Sources" / "Some" / "SomeSpec.swift").read_text("utf-8")
    assert 'TensorSpec(name: "a/b:0"' in text
    assert 'StoredTensor(name: "a_b_0")' in text


def test_labels_are_a_resource_whatever_they_say(tmp_path: Path) -> None:
    labels = ['"quoted" \\(1)', "\u202eright to left"]
    (tmp_path / "labels.txt").write_text("\n".join(labels), encoding="utf-8")
    made = made_package(tmp_path, spec("x", 1), spec("y", 1, 2))
    outputs = {"y": {"kind": "classification", "labels": "labels.txt"}}
    package = describe(made, outputs=outputs, folder=tmp_path)
    write_package(package, tmp_path / "package")
    resources = tmp_path / "package" / "Sources" / "Some" / "Resources"
    assert (resources / "labels-0.txt").read_text("utf-8").split("\n") == labels
    named = replace(package.model, name="Mask")
    with pytest.raises(ProjectError, match="uses the name 'Mask'"):
        write_package(replace(package, model=named), tmp_path / "other")
    assert not (tmp_path / "other").exists()

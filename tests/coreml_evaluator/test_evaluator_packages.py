"""Packages that nobody vouches for: damaged, cut off, or meant to lead out of their folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import edit, operations, package

from mobilekit_converters.errors import MobilekitError, TargetError, UnsupportedError
from mobilekit_delegates.coreml.evaluator import Evaluator, predict
from mobilekit_delegates.coreml.package import open_package

RANDOM = np.random.default_rng(11)
WEIGHT = RANDOM.normal(size=(8, 64)).astype(np.float32)
INPUTS = {"x": np.ones((1, 64), np.float32)}


def dense(x: Any) -> Any:
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    return mb.relu(x=mb.linear(x=x, weight=WEIGHT), name="out")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("whole") / "dense.mlpackage", dense, (1, 64))


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "dense.mlpackage"))


def weights_of(path: Path) -> Path:
    return path / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"


def blob_of(spec: Any) -> Any:
    (blob,) = [
        each.attributes["val"].blobFileValue
        for each in operations(spec, "const")
        if each.attributes["val"].WhichOneof("value") == "blobFileValue"
    ]
    return blob


def manifest_with(path: Path, item: object) -> None:
    file = path / "Manifest.json"
    manifest = json.loads(file.read_text("utf-8"))
    manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]["path"] = item
    file.write_text(json.dumps(manifest), "utf-8")


def test_a_whole_package_answers(whole: Path) -> None:
    (output,) = predict(whole, INPUTS).values()
    weight = WEIGHT.astype(np.float16).astype(np.float32)
    np.testing.assert_allclose(output[0], np.maximum(weight.sum(axis=1), 0), atol=0.02)


def test_opening_changes_nothing(whole: Path) -> None:
    before = {file: file.read_bytes() for file in whole.rglob("*") if file.is_file()}
    predict(whole, INPUTS)
    assert before == {file: file.read_bytes() for file in whole.rglob("*") if file.is_file()}


def leads_out(path: Path) -> None:
    outside = path.parent / "weight.bin"
    outside.write_bytes(weights_of(path).read_bytes())

    def change(spec: Any) -> None:
        blob_of(spec).fileName = "@model_path/weights/../../../../weight.bin"

    edit(path, change)


def absolute(path: Path) -> None:
    def change(spec: Any) -> None:
        blob_of(spec).fileName = str(weights_of(path).resolve())

    edit(path, change)


def offset(value: int) -> Callable[[Path], None]:
    def change(spec: Any) -> None:
        blob_of(spec).offset = value

    return lambda path: (edit(path, change), None)[1]


def larger_than_its_data(path: Path) -> None:
    def change(spec: Any) -> None:
        for const in operations(spec, "const"):
            if const.attributes["val"].WhichOneof("value") == "blobFileValue":
                const.attributes["val"].type.tensorType.dimensions[0].constant.size = 2**40

    edit(path, change)


def without_function(path: Path) -> None:
    edit(path, lambda spec: spec.mlProgram.functions.clear())


def without_operations(path: Path) -> None:
    def change(spec: Any) -> None:
        (block,) = spec.mlProgram.functions["main"].block_specializations.values()
        del block.operations[:]

    edit(path, change)


def of_unknown_input(path: Path) -> None:
    def change(spec: Any) -> None:
        operations(spec, "relu")[0].inputs["x"].arguments[0].name = "nobody"

    edit(path, change)


def of_another_shape(path: Path) -> None:
    def change(spec: Any) -> None:
        cast = operations(spec, "cast")[-1]
        cast.outputs[0].type.tensorType.dimensions[1].constant.size = 9

    edit(path, change)


def no_program(path: Path) -> None:
    edit(path, lambda spec: spec.ClearField("mlProgram"))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (lambda path: (path / "Manifest.json").unlink(), "manifest"),
    "manifest is no JSON": (lambda path: (path / "Manifest.json").write_text("{"), "manifest"),
    "manifest is deep": (
        lambda path: (path / "Manifest.json").write_text("[" * 100_000),
        "manifest",
    ),
    "manifest leads out": (lambda path: manifest_with(path, "../../etc/passwd"), "out of the"),
    "manifest is absolute": (lambda path: manifest_with(path, "/etc/passwd"), "out of the"),
    "manifest names no text": (lambda path: manifest_with(path, 7), "manifest or model"),
    "model is cut off": (
        lambda path: truncate(path / "Data" / "com.apple.CoreML" / "model.mlmodel"),
        "cut off or damaged",
    ),
    "weights are missing": (lambda path: weights_of(path).unlink(), "cannot be read"),
    "weights are cut off": (lambda path: truncate(weights_of(path)), "a weight ends at byte"),
    "weights are empty": (lambda path: weights_of(path).write_bytes(b""), "begins at byte"),
    "weights lead out": (leads_out, "leads out of the package"),
    "weights are absolute": (absolute, "are missing"),
    "offset is outside": (offset(2**62), "a weight begins at byte"),
    "offset is no weight's": (offset(3), "no weight at byte 3"),
    "constant is larger than its data": (larger_than_its_data, "a constant of type"),
    "no function": (without_function, "no function 'main'"),
    "no operations": (without_operations, "nothing computes"),
    "input is unknown": (of_unknown_input, "'nobody'"),
    "output has another shape": (of_another_shape, "comes out as [1, 8]"),
    "no ML Program": (no_program, "not an ML Program"),
}


def truncate(file: Path) -> None:
    stored = file.read_bytes()
    file.write_bytes(stored[: len(stored) // 2])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_package_is_refused(copy: Path, damage: str) -> None:
    harm, message = DAMAGES[damage]
    harm(copy)
    with pytest.raises(TargetError) as refused:
        predict(copy, INPUTS)
    assert message in str(refused.value)


def test_there_is_no_such_package(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="not a whole Core ML package"):
        open_package(tmp_path / "none.mlpackage")


def test_weights_through_a_link_are_refused(copy: Path) -> None:
    outside = copy.parent / "elsewhere.bin"
    weights_of(copy).rename(outside)
    weights_of(copy).symlink_to(outside)
    with pytest.raises(TargetError, match="leads out of the package"):
        predict(copy, INPUTS)


def test_a_missing_input_is_named(whole: Path) -> None:
    with pytest.raises(TargetError, match="'x'"):
        predict(whole, {})


def test_an_unknown_operator_is_named(copy: Path) -> None:
    def change(spec: Any) -> None:
        operations(spec, "relu")[0].type = "warp_field"

    with pytest.raises(UnsupportedError, match="warp_field"):
        Evaluator(open_package(edit(copy, change)))


def test_an_unknown_input_of_an_operator_is_named(copy: Path) -> None:
    def change(spec: Any) -> None:
        relu = operations(spec, "relu")[0]
        relu.inputs["slope"].CopyFrom(relu.inputs["x"])

    with pytest.raises(UnsupportedError, match="the inputs slope of the operator relu"):
        Evaluator(open_package(edit(copy, change)))


def test_an_unknown_value_of_an_attribute_is_named(tmp_path: Path) -> None:
    def build(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        return mb.gelu(x=x, mode="EXACT", name="out")

    def change(spec: Any) -> None:
        for const in operations(spec, "const"):
            texts = const.attributes["val"].immediateValue.tensor.strings.values
            texts[:] = ["ROUGH" if text == "EXACT" else text for text in texts]

    path = edit(package(tmp_path / "gelu.mlpackage", build, (1, 4)), change)
    with pytest.raises(UnsupportedError, match=r"'ROUGH'.* gelu"):
        Evaluator(open_package(path))


def test_an_unknown_type_is_named(copy: Path) -> None:
    def change(spec: Any) -> None:
        operations(spec, "relu")[0].outputs[0].type.tensorType.dataType = 13

    with pytest.raises(UnsupportedError, match="bfloat16"):
        Evaluator(open_package(edit(copy, change)))


def test_random_damage_never_escapes(copy: Path) -> None:
    """Bytes changed and files cut off: a clean error, or an answer; nothing else, and no hang."""
    files = {file: file.read_bytes() for file in sorted(copy.rglob("*")) if file.is_file()}
    random = np.random.default_rng(2026)
    refused = 0
    for _ in range(400):
        file = list(files)[random.integers(len(files))]
        damaged = bytearray(files[file])
        for place in random.integers(0, len(damaged), size=random.integers(1, 4)):
            damaged[place] = random.integers(256)
        if random.random() < 0.2:
            del damaged[random.integers(len(damaged)) :]
        file.write_bytes(damaged)
        try:
            predict(copy, INPUTS)
        except MobilekitError:
            refused += 1
        file.write_bytes(files[file])
    assert refused > 100

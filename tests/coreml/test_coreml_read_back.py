from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mobilekit_converters import coreml
from mobilekit_converters.errors import ConversionError

MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"


@pytest.fixture
def package(packages: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(packages["fp16"], tmp_path / "model.mlpackage"))


def cut(file: str, keep: float) -> Callable[[Path], None]:
    def damage(package: Path) -> None:
        content = (package / file).read_bytes()
        (package / file).write_bytes(content[: int(len(content) * keep)])

    return damage


def overwrite(file: str, content: bytes) -> Callable[[Path], None]:
    return lambda package: (package / file).write_bytes(content) and None


def remove(file: str) -> Callable[[Path], None]:
    return lambda package: (package / file).unlink()


def zero_headers(package: Path) -> None:
    content = bytearray((package / WEIGHTS).read_bytes())
    content[64:68] = bytes(4)
    (package / WEIGHTS).write_bytes(content)


def change_names(package: Path) -> None:
    change_spec(package, lambda spec: spec.description.metadata.userDefined.update(
        {"mobilekit.names": json.dumps({"image": "other"})}
    ))  # fmt: skip


def make_custom(package: Path) -> None:
    def change(spec: object) -> None:
        function = spec.mlProgram.functions["main"]  # type: ignore[attr-defined]
        block = next(iter(function.block_specializations.values()))
        block.operations[-1].type = "custom_layer"

    change_spec(package, change)


def change_spec(package: Path, change: Callable[..., object]) -> None:
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model.FromString((package / MODEL).read_bytes())
    change(spec)
    (package / MODEL).write_bytes(spec.SerializeToString())


def forget_the_program(package: Path) -> None:
    change_spec(package, lambda spec: spec.ClearField("mlProgram"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "its 'Manifest.json' is missing"),
        (remove("Manifest.json"), "its 'Manifest.json' is missing"),
        (overwrite("Manifest.json", b"{}"), "manifest cannot be read"),
        (overwrite("Manifest.json", b"[]"), "manifest cannot be read"),
        (overwrite("Manifest.json", b"\xff\xfe"), "manifest cannot be read"),
        (remove(MODEL), "model.mlmodel' is missing"),
        (overwrite(MODEL, b"\xff" * 100), "cut off or damaged"),
        (cut(MODEL, 0.5), "cut off or damaged"),
        (overwrite(MODEL, b""), "of type None, not an ML program"),
        (forget_the_program, "of type None, not an ML program"),
        (remove(WEIGHTS), "weight.bin' is missing"),
        (cut(WEIGHTS, 0.5), "bytes of weights"),
        (overwrite(WEIGHTS, b""), "bytes of weights"),
        (zero_headers, "no weight at byte 64"),
        (change_names, "it has the features"),
        (make_custom, "custom operations.*custom_layer"),
    ],
)
def test_a_damaged_package_is_refused(
    damage: Callable[[Path], None], message: str, package: Path
) -> None:
    damage(package)
    with pytest.raises(ConversionError, match=message) as caught:
        coreml.read_artifact(package, "coreml-fp16")
    assert str(package) in str(caught.value)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("file", ["Manifest.json", MODEL, WEIGHTS])
def test_a_package_cut_anywhere_is_refused(file: str, share: float, package: Path) -> None:
    cut(file, share)(package)
    with pytest.raises(ConversionError, match="is not a whole Core ML package"):
        coreml.read_artifact(package, "coreml-fp16")


@pytest.mark.parametrize(
    ("precision", "claimed", "message"),
    [
        ("fp16", "fp32", "of its .* bytes of weights as float16"),
        ("fp32", "fp16", "of its .* bytes of weights as float32"),
        ("fp16", "w8", "none of them is compressed"),
        ("w8", "palette4", "none of them is compressed"),
    ],
)
def test_weights_of_another_precision_are_refused(
    precision: str, claimed: str, message: str, packages: dict[str, Path]
) -> None:
    with pytest.raises(ConversionError, match=message):
        coreml.read_artifact(packages[precision], f"coreml-{claimed}")


def test_a_whole_package_is_taken(package: Path) -> None:
    artifact = coreml.read_artifact(package, "coreml-fp16")
    assert artifact.path == package
    assert artifact.file_bytes > 15_000
    assert artifact.operators["conv"] == 1

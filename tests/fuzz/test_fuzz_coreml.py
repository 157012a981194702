"""Damaged `.mlpackage` folders: a clean error, or a package that is whole still."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mutations import mutated, no_hang, peak_bytes

from mobilekit_converters import coreml
from mobilekit_converters.artifacts import read_finished
from mobilekit_converters.errors import ConversionError, MobilekitError, SourceError
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.targets import target

MANIFEST = "Manifest.json"
MODEL = "Data/com.apple.CoreML/model.mlmodel"
WEIGHTS = "Data/com.apple.CoreML/weights/weight.bin"

COUNT = 150
"""Mutations of each file of each variant."""

VARIANT_NAMES = [name for name, variant in VARIANTS.items() if variant.format == "coreml"]


@pytest.mark.parametrize("file", [MANIFEST, MODEL, WEIGHTS])
@pytest.mark.parametrize("variant", VARIANT_NAMES)
def test_damage_is_a_clean_error_or_none(
    variant: str, file: str, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    package = Path(shutil.copytree(artifacts[variant], tmp_path / "größe – damaged.mlpackage"))
    content = (package / file).read_bytes()
    before, refused = peak_bytes(), 0
    for name, damaged in mutated(content, VARIANT_NAMES.index(variant), COUNT):
        (package / file).write_bytes(damaged)
        try:
            with no_hang():
                artifact = read_finished(package)
                assert artifact.variant in VARIANTS, name
        except SourceError as error:
            refused += str(package) in str(error)
        except BaseException as error:
            raise AssertionError(f"{name}: {error!r}") from error
    # Weights are numbers, and any number is one; what describes them has a form to keep.
    assert refused > COUNT / (20 if file == WEIGHTS else 3)
    assert peak_bytes() - before < 64 * 2**20


@pytest.mark.parametrize("file", [MODEL, WEIGHTS])
@pytest.mark.parametrize("variant", ["coreml-fp32", "coreml-palette4", "coreml-w8a8"])
def test_what_is_read_runs_or_is_refused(
    variant: str, file: str, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    """Everything that the reader lets through goes to the evaluator."""
    package = Path(shutil.copytree(artifacts[variant], tmp_path / "damaged.mlpackage"))
    content = (package / file).read_bytes()
    image = {"image": np.zeros((1, 8, 8, 2), np.float32)}
    ran = 0
    for name, damaged in mutated(content, 50 + VARIANT_NAMES.index(variant), COUNT):
        (package / file).write_bytes(damaged)
        try:
            with no_hang(60), target("coreml").open(read_finished(package)) as session:
                session.run(image)
        except MobilekitError:
            continue
        except BaseException as error:
            raise AssertionError(f"{name}: {error!r}") from error
        ran += 1
    assert ran > 0


@pytest.fixture
def package(artifacts: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(artifacts["coreml-w8"], tmp_path / "model.mlpackage"))


def change_model(package: Path, change: Callable[[Any], None]) -> None:
    from coremltools.proto import Model_pb2

    spec = Model_pb2.Model.FromString((package / MODEL).read_bytes())
    change(spec)
    (package / MODEL).write_bytes(spec.SerializeToString())


def change_manifest(package: Path, change: Callable[[Any], None]) -> None:
    manifest = json.loads((package / MANIFEST).read_text())
    change(manifest)
    (package / MANIFEST).write_text(json.dumps(manifest))


def blobs(spec: Any) -> list[Any]:
    """Every reference into a weight file."""
    block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
    return [
        value.blobFileValue
        for operation in block.operations
        for value in operation.attributes.values()
        if value.WhichOneof("value") == "blobFileValue"
    ]


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (10**6, "a weight begins at byte 1000000 of"),
        (2**63, "a weight begins at byte 9223372036854775808 of"),
        (2**64 - 1, "a weight begins at byte 18446744073709551615 of"),
        (0, "no weight at byte 0"),
        (65, "no weight at byte 65"),
    ],
)
def test_weights_outside_of_their_file_are_refused(
    offset: int, message: str, package: Path
) -> None:
    def move(spec: Any) -> None:
        blobs(spec)[0].offset = offset

    change_model(package, move)
    with pytest.raises(ConversionError, match=message):
        coreml.read_artifact(package)


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (8, 2**62, "a weight ends at byte 46116860184273"),
        (8, 1, "values has 1 bytes"),
        (16, 2**63, "a weight ends at byte 92233720368547"),
    ],
)
def test_metadata_that_leads_out_of_the_file_is_refused(
    at: int, value: int, message: str, package: Path
) -> None:
    content = bytearray((package / WEIGHTS).read_bytes())
    content[64 + at : 72 + at] = value.to_bytes(8, "little")
    (package / WEIGHTS).write_bytes(bytes(content))
    with pytest.raises(ConversionError, match=message):
        coreml.read_artifact(package)


def test_a_shape_of_billions_is_refused_without_being_made(package: Path) -> None:
    def stretch(spec: Any) -> None:
        block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
        for operation in block.operations:
            for value in operation.attributes.values():
                if value.WhichOneof("value") == "blobFileValue":
                    value.type.tensorType.dimensions[0].constant.size = 2**60

    change_model(package, stretch)
    before = peak_bytes()
    with pytest.raises(ConversionError, match=r"a weight of \d+ FLOAT16 values has"):
        coreml.read_artifact(package)
    assert peak_bytes() - before < 2**20


@pytest.mark.parametrize(
    "name",
    [
        "@model_path/../../../outside.bin",
        "@model_path//etc/hostname",
        "@model_path/weights/../../../../outside.bin",
        "@model_path/",
        "/etc/hostname",
        "weights/weight.bin",
        "@model_path/weights",
        "@model_path/" + "x" * 5000,
        "@model_path/zero\0byte",
    ],
)
def test_names_of_weights_lead_nowhere_else(name: str, package: Path) -> None:
    shutil.copyfile(package / WEIGHTS, package.parent / "outside.bin")

    def rename(spec: Any) -> None:
        for blob in blobs(spec):
            blob.fileName = name

    change_model(package, rename)
    with pytest.raises(ConversionError, match="is not a whole Core ML package") as caught:
        coreml.read_artifact(package)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "path", ["../../outside.mlmodel", "/etc/hostname", "com.apple.CoreML", "", "x" * 5000, "a\0b"]
)
def test_a_manifest_leads_nowhere_else(path: str, package: Path) -> None:
    shutil.copyfile(package / MODEL, package.parent / "outside.mlmodel")
    change_manifest(
        package, lambda m: m["itemInfoEntries"][m["rootModelIdentifier"]].update(path=path)
    )
    with pytest.raises(ConversionError, match="is not a whole Core ML package") as caught:
        coreml.read_artifact(package)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("file", [MANIFEST, MODEL, WEIGHTS])
def test_a_link_out_of_the_package_is_refused(file: str, package: Path) -> None:
    outside = package.parent / "outside"
    shutil.move(package / file, outside)
    (package / file).symlink_to(outside)
    with pytest.raises(ConversionError, match=r"leads out of it, to '.*outside'"):
        coreml.read_artifact(package)


@pytest.mark.parametrize("file", [MANIFEST, MODEL, WEIGHTS])
def test_a_link_in_a_circle_is_refused(file: str, package: Path) -> None:
    (package / file).unlink()
    (package / file).symlink_to(package / file)
    with pytest.raises(ConversionError, match=r"(is missing|can have the name)"):
        coreml.read_artifact(package)


@pytest.mark.parametrize("file", [MANIFEST, MODEL, WEIGHTS])
def test_a_pipe_is_no_file_to_wait_for(file: str, package: Path) -> None:
    (package / file).unlink()
    os.mkfifo(package / file)
    with no_hang(), pytest.raises(ConversionError, match="is missing"):
        coreml.read_artifact(package)


def test_a_folder_of_weights_that_the_manifest_names_has_to_be_there(package: Path) -> None:
    shutil.rmtree((package / WEIGHTS).parent)
    with pytest.raises(ConversionError, match="weights' is missing"):
        coreml.read_artifact(package)


def test_a_link_to_a_package_is_that_package(package: Path) -> None:
    link = package.parent / "link.mlpackage"
    link.symlink_to(package)
    assert read_finished(link).signature == read_finished(package).signature


def test_files_of_the_desktop_do_no_harm(package: Path) -> None:
    (package / ".DS_Store").write_bytes(b"\0" * 100)
    (package / "Data" / "notes").mkdir()
    (package / "Data" / "notes" / "read.me").write_text("hello")
    assert read_finished(package).variant == "coreml-w8"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(fileFormatVersion="2.0.0"), "manifest is of version '2.0.0'"),
        (lambda m: m.pop("rootModelIdentifier"), "manifest cannot be read"),
        (lambda m: m.update(rootModelIdentifier=["x"]), "manifest cannot be read"),
        (lambda m: m.update(itemInfoEntries=[]), "manifest cannot be read"),
        (lambda m: m["itemInfoEntries"].update(other={"path": "gone"}), "gone' is missing"),
        (lambda m: m["itemInfoEntries"].update(other=7), "manifest cannot be read"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(
    change: Callable[[Any], Any], message: str, package: Path
) -> None:
    change_manifest(package, lambda manifest: change(manifest) and None)
    with pytest.raises(ConversionError, match=message):
        coreml.read_artifact(package)


def test_a_manifest_nested_without_end_is_refused(package: Path) -> None:
    (package / MANIFEST).write_text("[" * 200_000)
    with pytest.raises(ConversionError, match="manifest cannot be read"):
        coreml.read_artifact(package)


def forget_the_shape(spec: Any) -> None:
    spec.description.output[0].type.multiArrayType.shape[:] = [1, 11]


def rename_the_input(spec: Any) -> None:
    spec.description.input[0].name = "picture"


def rename_it_as_others_would(spec: Any) -> None:
    spec.description.metadata.userDefined.pop("mobilekit.names")
    rename_the_input(spec)


def ask_for_a_sequence(spec: Any) -> None:
    spec.description.input[0].type.sequenceType.SetInParent()


def ask_for_odd_values(spec: Any) -> None:
    spec.description.input[0].type.multiArrayType.dataType = 0


def compute_nothing(spec: Any) -> None:
    block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
    del block.operations[-1]


def have_two_functions(spec: Any) -> None:
    functions = spec.mlProgram.functions
    functions["other"].CopyFrom(functions["main"])


def have_an_odd_type(spec: Any) -> None:
    block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
    for operation in block.operations:
        for value in operation.attributes.values():
            if value.WhichOneof("value") == "blobFileValue":
                value.type.tensorType.dataType = 999


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (forget_the_shape, r"described as \(1, 11\), and its program has \(1, 10\)"),
        (rename_the_input, r"has the features \['picture', 'scores'\], and .* were converted"),
        (rename_it_as_others_would, r"describes \['picture'\], and its program has \['image'\]"),
        (ask_for_a_sequence, "'image' is of type sequenceType"),
        (ask_for_odd_values, "'image' has values of kind 0"),
        (compute_nothing, "nothing in its program computes"),
        (have_two_functions, "its functions are .*not `main` alone"),
        (have_an_odd_type, "a weight is of the type 999"),
    ],
)
def test_a_model_that_contradicts_itself_is_refused(
    change: Callable[[Any], None], message: str, package: Path
) -> None:
    change_model(package, change)
    with pytest.raises(ConversionError, match=message):
        coreml.read_artifact(package)

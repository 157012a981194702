from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from frozen_models import IMAGE, SCORES, SIGNATURE, WEIGHTS, WINNER

from mobilekit_converters import coreml
from mobilekit_converters.coreml import CoreMLOptions, ImageInput
from mobilekit_converters.errors import ConversionError, MobilekitError, ProjectError
from mobilekit_converters.frozen import freeze
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.variants import precisions, variant

PRECISIONS = precisions("coreml")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_signature_is_the_sources(precision: str, packages: dict[str, Path]) -> None:
    artifact = coreml.read_artifact(packages[precision], f"coreml-{precision}")
    assert artifact.signature.inputs == SIGNATURE.inputs
    scores, winner = artifact.signature.outputs
    assert scores == SIGNATURE.outputs[0]
    assert (winner.name, winner.shape, winner.dtype) == (WINNER, (1,), "int32")
    assert artifact.native_names == {IMAGE: "image_in_x", SCORES: "scores__"}
    assert coreml.stored_variant(packages[precision]) == f"coreml-{precision}"


@pytest.mark.parametrize(
    ("precision", "bits"),
    [("fp32", 32), ("fp16", 16), ("w8", 8), ("palette8", 8), ("palette6", 6), ("palette4", 4)],
)
def test_weights_have_the_size_of_their_precision(
    precision: str, bits: int, packages: dict[str, Path]
) -> None:
    weights = packages[precision] / "Data/com.apple.CoreML/weights/weight.bin"
    # A handful of values stands in the program itself; what has fewer than 2,048 values stays
    # float16; every tensor has a header and padding.
    small = 3 * 3 * 3 * 32 + 32 + 200 + 200 * 10 + 10
    compressed = (WEIGHTS - small) * bits / 8 + small * max(bits, 16) / 8
    assert compressed - 64 <= weights.stat().st_size <= compressed + 4096


@pytest.mark.parametrize(
    ("precision", "operator"),
    [("w8", "constexpr_affine_dequantize"), ("palette4", "constexpr_lut_to_dense")],
)
def test_compression_shows_in_the_operators(
    precision: str, operator: str, packages: dict[str, Path]
) -> None:
    assert operator in coreml.read_artifact(packages[precision], f"coreml-{precision}").operators


def test_images_go_in_as_images(frozen: Path, tmp_path: Path) -> None:
    image = ImageInput(name=IMAGE, color="bgr", scale=(0.1, 0.2, 0.3), offset=-1.0)
    artifact = coreml.convert(
        variant("coreml-fp32"), frozen, tmp_path / "m.mlpackage", CoreMLOptions(images=(image,))
    )
    assert artifact.signature.inputs == (
        TensorSpec(name=IMAGE, shape=(1, 16, 12, 3), dtype="uint8"),
    )


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (ImageInput(name="imag"), "no input 'imag'.*'image-in/x'"),
        (ImageInput(name=IMAGE, color="grayscale"), "cannot be a grayscale image.*×1"),
        (ImageInput(name=IMAGE, scale=(1.0, 2.0)), "3 channels and 2 values of scale"),
    ],
)
def test_what_is_no_image_is_refused(
    image: ImageInput, message: str, frozen: Path, tmp_path: Path
) -> None:
    options = CoreMLOptions(images=(image,))
    with pytest.raises(ConversionError, match=message):
        coreml.convert(variant("coreml-fp32"), frozen, tmp_path / "m.mlpackage", options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("precision", ["w8", "palette4", "palette6", "palette8"])
def test_compression_names_the_system_it_needs(
    precision: str, frozen: Path, packages: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(ProjectError, match=f"coreml-{precision} needs iOS16 and .* is iOS15"):
        coreml.convert(
            variant(f"coreml-{precision}"),
            frozen,
            tmp_path / "m.mlpackage",
            CoreMLOptions(minimum="iOS15"),
            packages["fp16"],
        )


@pytest.mark.parametrize("minimum", ["iOS14", "16", ""])
def test_an_unknown_system_is_refused(minimum: str, frozen: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not one of iOS15, iOS16, iOS17, iOS18"):
        coreml.convert(
            variant("coreml-fp32"), frozen, tmp_path / "m.mlpackage", CoreMLOptions(minimum=minimum)
        )


@pytest.mark.parametrize("minimum", ["iOS15", "iOS17", "iOS18"])
def test_every_system_gets_its_package(minimum: str, frozen: Path, tmp_path: Path) -> None:
    options = CoreMLOptions(minimum=minimum)
    artifact = coreml.convert(variant("coreml-fp16"), frozen, tmp_path / "m.mlpackage", options)
    assert [spec.dtype for spec in artifact.signature] == ["float32", "float32", "int32"]


def test_a_parent_stays_as_it_is(frozen: Path, packages: dict[str, Path], tmp_path: Path) -> None:
    """Several children are made from one package at a time, and a release holds it."""
    parent, before = packages["fp16"], sha256_of_path(packages["fp16"])
    coreml.convert(variant("coreml-w8"), frozen, tmp_path / "m.mlpackage", CoreMLOptions(), parent)
    assert sha256_of_path(parent) == before


def test_a_missing_parent_is_refused(frozen: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="from the package of coreml-fp16, and none"):
        coreml.convert(variant("coreml-w8"), frozen, tmp_path / "m.mlpackage", CoreMLOptions())


def test_an_unknown_operation_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    import tensorflow as tf

    signature = Signature(
        inputs=(TensorSpec(name="x", shape=(1, 4), dtype="float32"),),
        outputs=(TensorSpec(name="y", shape=(1, 4), dtype="float32"),),
    )
    freeze(lambda x: {"y": tf.math.bessel_i0e(x["x"])}, signature, tmp_path / "frozen")
    with pytest.raises(ConversionError, match="BesselI0e"):
        coreml.convert(
            variant("coreml-fp32"), tmp_path / "frozen", tmp_path / "m.mlpackage", CoreMLOptions()
        )
    assert [path.name for path in tmp_path.iterdir()] == ["frozen"]


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float16", "float64"])
def test_other_types_are_cast_at_the_ends(dtype: str, tmp_path: Path) -> None:
    import tensorflow as tf

    signature = Signature(
        inputs=(TensorSpec(name="x", shape=(1, 4), dtype=dtype),),
        outputs=(TensorSpec(name="y", shape=(1, 4), dtype=dtype),),
    )

    def call(tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {"y": tf.cast(tf.cast(tensors["x"], tf.float32) * 2, dtype)}

    freeze(call, signature, tmp_path / "frozen")
    artifact = coreml.convert(
        variant("coreml-fp32"), tmp_path / "frozen", tmp_path / "m.mlpackage", CoreMLOptions()
    )
    expected = "float32" if dtype.startswith("float") else "int32"
    assert [spec.dtype for spec in artifact.signature] == [expected, expected]


BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from frozen_models import freeze_classifier
from mobilekit_converters import coreml
from mobilekit_converters.variants import variant
from mobilekit_delegates.tracing.calibration import traced_values
folder = Path(sys.argv[2])
frozen = freeze_classifier(folder / "frozen")
calibration = coreml.Calibration(data=Path(sys.argv[3]), trace=traced_values)
for name in ("fp32", "fp16", "w8", "palette4", "w8a8"):
    options = coreml.CoreMLOptions(minimum="iOS17" if name == "w8a8" else "iOS16")
    coreml.convert(variant(f"coreml-{name}"), frozen, folder / name, options, folder / "fp16",
                   calibration)
"""


def test_two_processes_make_the_same_bytes(
    packages: dict[str, Path], calibration: coreml.Calibration, tmp_path: Path
) -> None:
    for seed in ("1", "2"):
        places = [str(Path(__file__).parent), str(tmp_path / seed), str(calibration.data)]
        subprocess.run(
            [sys.executable, "-c", BUILD, *places],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        )
    for precision in ("fp32", "fp16", "w8", "palette4", "w8a8"):
        first, second = (sha256_of_path(tmp_path / seed / precision) for seed in ("1", "2"))
        assert first == second == sha256_of_path(packages[precision])


def test_the_metadata_maps_the_names(packages: dict[str, Path]) -> None:
    import coremltools as ct

    model = ct.models.MLModel(str(packages["w8"]), skip_model_load=True)
    names = json.loads(model.user_defined_metadata["mobilekit.names"])
    assert names == {IMAGE: "image_in_x", SCORES: "scores__", WINNER: "winner"}
    assert "com.github.apple.coremltools.conversion_date" not in model.user_defined_metadata


def test_mended_loops_compute_what_they_computed(tmp_path: Path) -> None:
    """The graph that goes to coremltools, run by TensorFlow."""
    import tensorflow as tf

    from mobilekit_converters.coreml.graph import function_for_coreml
    from mobilekit_converters.frozen import load_frozen

    signature = Signature(
        inputs=(TensorSpec(name="x", shape=(1, 4), dtype="float32"),),
        outputs=(
            TensorSpec(name="y", shape=(1, 4), dtype="float32"),
            TensorSpec(name="z", shape=(1, 4), dtype="float32"),
        ),
    )

    def call(tensors: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        _, y, z = tf.while_loop(
            lambda i, _, z: i < tf.cast(z[0, 0], tf.int32),
            lambda i, y, z: (i + 1, y * 2 + tensors["x"], z),
            (0, tensors["x"], tensors["x"] + 5),
        )
        return {"y": y, "z": z}

    freeze(call, signature, tmp_path)
    x = np.float32([[1, 2, 3, 4]])
    function = function_for_coreml(load_frozen(tmp_path), {n: n for n in "xyz"}, CoreMLOptions())
    assert {node.op for node in function.graph.as_graph_def().node} & {"While", "StatelessWhile"}
    y, z = function(tf.constant(x))
    np.testing.assert_allclose(y, call({"x": tf.constant(x)})["y"])
    np.testing.assert_allclose(z, x + 5)


def test_a_missing_frozen_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MobilekitError, match="is not a frozen model"):
        coreml.convert(
            variant("coreml-fp32"), tmp_path / "none", tmp_path / "m.mlpackage", CoreMLOptions()
        )

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frozen_models import IMAGE, SCORES, SIGNATURE
from numpy.typing import NDArray

from mobilekit_converters import coreml
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.coreml.package import open_package
from mobilekit_converters.coreml.ranges import Ranges, measure_ranges
from mobilekit_converters.errors import ConversionError, DataError, ProjectError
from mobilekit_converters.frozen import freeze
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.sources import SourceOptions, open_source
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import target
from mobilekit_delegates.tracing.calibration import traced_values

MODELS = Path(__file__).parents[3] / "shared" / "models"
IOS17 = coreml.CoreMLOptions(minimum="iOS17")


def operations(package: Path) -> list[Any]:
    return [op for op in open_package(package).operations() if op.type != "const"]


def reads(operation: Any, name: str) -> str:
    return str(operation.inputs[name].arguments[0].name)


def test_convolutions_and_dense_layers_read_8_bits(packages: dict[str, Path]) -> None:
    made = {output.name: op.type for op in operations(packages["w8a8"]) for output in op.outputs}
    quantised = [op for op in operations(packages["w8a8"]) if op.type in ("conv", "linear")]
    assert len(quantised) == 3
    assert {made[reads(op, "x")] for op in quantised} == {"dequantize"}


def test_nothing_has_a_zero_point(packages: dict[str, Path]) -> None:
    pairs = [op for op in operations(packages["w8a8"]) if op.type in ("quantize", "dequantize")]
    assert len(pairs) >= 6
    assert not [op for op in pairs if "zero_point" in op.inputs]


def test_the_answer_keeps_its_float16(packages: dict[str, Path]) -> None:
    made = {output.name: op for op in operations(packages["w8a8"]) for output in op.outputs}
    softmax = next(op for op in made.values() if op.type == "softmax")
    assert made[reads(softmax, "x")].type == "linear"


def test_every_sample_counts_in_any_order(
    frozen: Path, packages: dict[str, Path], calibration: coreml.Calibration, tmp_path: Path
) -> None:
    with np.load(calibration.data) as stored:
        np.savez(tmp_path / "turned.npz", **{IMAGE: stored[IMAGE][::-1]})
    turned = coreml.Calibration(data=tmp_path / "turned.npz", trace=traced_values)
    artifact = coreml.convert(
        variant("coreml-w8a8"), frozen, tmp_path / "m.mlpackage", IOS17, packages["fp16"], turned
    )
    assert artifact.sha256 == sha256_of_path(packages["w8a8"])


def test_it_answers_as_its_parent_does_but_not_the_same(
    packages: dict[str, Path], calibration: coreml.Calibration
) -> None:
    with np.load(calibration.data) as stored:
        samples = stored[IMAGE]
    scores = {name: run(packages[name], {IMAGE: samples}, SCORES) for name in ("fp16", "w8a8")}
    assert 15 < snr(scores["w8a8"], scores["fp16"]) < 80


def test_images_are_calibrated_as_pixels(frozen: Path, tmp_path: Path) -> None:
    image = coreml.ImageInput(name=IMAGE, color="rgb", scale=1 / 255, offset=-0.5)
    options = coreml.CoreMLOptions(minimum="iOS17", images=(image,))
    pixels = np.random.default_rng(1).integers(0, 256, (4, *SIGNATURE.inputs[0].shape[1:]))
    values = (pixels / 255 - 0.5).astype("f4")
    np.savez(tmp_path / "data.npz", **{IMAGE: values})  # type: ignore[arg-type]
    calibration = coreml.Calibration(data=tmp_path / "data.npz", trace=traced_values)
    parent = tmp_path / "parent.mlpackage"
    coreml.convert(variant("coreml-fp16"), frozen, parent, options)
    artifact = coreml.convert(
        variant("coreml-w8a8"), frozen, tmp_path / "m.mlpackage", options, parent, calibration
    )
    assert artifact.signature.inputs[0].dtype == "uint8"
    both = [run(path, {IMAGE: values}, SCORES) for path in (artifact.path, parent)]
    assert snr(*both) > 15


@pytest.mark.parametrize(
    ("minimum", "data", "error", "message"),
    [
        ("iOS16", "good", ProjectError, r"w8a8 needs iOS17 and \[ios\] minimum is iOS16.*Raise"),
        ("iOS17", "none", DataError, r"w8a8 needs calibration data.*\[data\] calibration"),
        ("iOS17", "absent", DataError, "cannot be read as calibration data"),
        ("iOS17", "misnamed", DataError, "has no array 'image-in/x'; it has other"),
        ("iOS17", "misshapen", DataError, r"has the shape \(3, 7\)"),
    ],
)
def test_what_it_needs_is_asked_for(
    minimum: str,
    data: str,
    error: type[Exception],
    message: str,
    frozen: Path,
    packages: dict[str, Path],
    calibration: coreml.Calibration,
    tmp_path: Path,
) -> None:
    np.savez(tmp_path / "misnamed.npz", other=np.zeros((3, 7), "f4"))
    np.savez(tmp_path / "misshapen.npz", **{IMAGE: np.zeros((3, 7), "f4")})  # type: ignore[arg-type]
    paths = {"good": calibration.data, "none": None}
    path = paths.get(data, tmp_path / f"{data}.npz")
    given = coreml.Calibration(data=path, trace=traced_values) if path else None
    output = tmp_path / "out" / "m.mlpackage"
    options = coreml.CoreMLOptions(minimum=minimum)
    with pytest.raises(error, match=message):
        coreml.convert(variant("coreml-w8a8"), frozen, output, options, packages["fp16"], given)
    assert not output.parent.exists()


def test_a_model_without_anything_to_quantise_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    spec = TensorSpec(name="x", shape=(1, 4), dtype="float32")
    signature = Signature(
        inputs=(spec,), outputs=(TensorSpec(name="y", shape=(1, 4), dtype="float32"),)
    )
    freeze(lambda x: {"y": tf.nn.softmax(x["x"])}, signature, tmp_path / "frozen")
    np.savez(tmp_path / "data.npz", x=np.ones((2, 4), "f4"))
    calibration = coreml.Calibration(data=tmp_path / "data.npz", trace=traced_values)
    parent = tmp_path / "parent.mlpackage"
    coreml.convert(variant("coreml-fp16"), tmp_path / "frozen", parent, IOS17)
    with pytest.raises(ConversionError, match=r"nothing to quantise.*Leave the variant w8a8 out"):
        coreml.convert(
            variant("coreml-w8a8"),
            tmp_path / "frozen",
            tmp_path / "m.mlpackage",
            IOS17,
            parent,
            calibration,
        )
    assert not (tmp_path / "m.mlpackage").exists()


def quantised(program: Any, ranges: Ranges, folder: Path) -> list[Any]:
    """The operations of a MIL program after quantisation, its values' ranges being known."""
    import coremltools as ct
    import coremltools.optimize.coreml as optimize

    from mobilekit_converters.coreml.activations import quantise

    model = ct.convert(program, minimum_deployment_target=ct.target.iOS17, skip_model_load=True)
    config = optimize.OptimizationConfig(global_config=optimize.OpLinearQuantizerConfig())
    quantise(model, ranges, config).save(str(folder / "m.mlpackage"))
    return operations(folder / "m.mlpackage")


def scale_and_dtype(operation: Any, package: Path) -> tuple[float, str]:
    constants = {
        op.outputs[0].name: op.attributes["val"].immediateValue.tensor
        for op in open_package(package).operations()
        if op.type == "const"
    }
    scale = constants[reads(operation, "scale")].bytes.values
    dtype = constants[reads(operation, "output_dtype")].strings.values[0]
    return float(np.frombuffer(scale, np.float16)[0]), str(dtype)


def half(number: float) -> float:
    """The float16 next to a number."""
    return float(np.float16(number))


def two_convolutions(*, between: Any) -> Any:
    """x → conv → `between` → conv."""
    from coremltools import target as systems
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.mil import types

    weight = np.ones((2, 2, 1, 1), np.float16)

    @Builder.program(  # type: ignore[untyped-decorator]
        input_specs=[Builder.TensorSpec((1, 2, 4, 4), dtype=types.fp16)],
        opset_version=systems.iOS17,
    )
    def program(x: Any) -> Any:
        first = Builder.conv(x=x, weight=weight, name="first")
        return Builder.conv(x=between(Builder, first), weight=weight, name="second")

    return program


@pytest.mark.parametrize(
    ("low", "high", "scale", "dtype"),
    [(-4, 2, 4 / 127, "int8"), (-1, 6, 6 / 127, "int8"), (0, 6, 6 / 255, "uint8")],
)
def test_a_range_becomes_a_scale(
    low: float, high: float, scale: float, dtype: str, tmp_path: Path
) -> None:
    program = two_convolutions(between=lambda _, x: x)
    made = quantised(program, {"x": (-1, 1), "first": (low, high), "second": (0, 1)}, tmp_path)
    found = [scale_and_dtype(op, tmp_path / "m.mlpackage") for op in made if op.type == "quantize"]
    assert found == [(half(1 / 127), "int8"), (half(scale), dtype)]


@pytest.mark.parametrize(
    "unusable", [(-math.inf, 1), (0, 0), (math.nan, math.nan), (0, 1e-3), (0, 1e38)]
)
def test_what_8_bits_cannot_hold_stays_as_it_is(
    unusable: tuple[float, float], tmp_path: Path
) -> None:
    program = two_convolutions(between=lambda _, x: x)
    made = quantised(program, {"x": (-1, 1), "first": unusable, "second": (0, 1)}, tmp_path)
    convolutions = [op for op in made if op.type == "conv"]
    by_output = {output.name: op.type for op in made for output in op.outputs}
    assert [by_output.get(reads(op, "x")) for op in convolutions] == ["dequantize", "conv"]


def test_only_the_result_of_a_fused_activation_is_stored(tmp_path: Path) -> None:
    program = two_convolutions(between=lambda build, x: build.relu(x=x, name="act"))
    ranges: Ranges = {"x": (-1, 1), "first": (-2, 2), "act": (0, 2), "second": (0, 1)}
    made = quantised(program, ranges, tmp_path)
    by_output = {output.name: op.type for op in made for output in op.outputs}
    stored = [by_output.get(reads(op, "input"), "input") for op in made if op.type == "quantize"]
    assert stored == ["input", "relu"]


def test_values_of_a_concatenation_share_a_scale(tmp_path: Path) -> None:
    def between(build: Any, x: Any) -> Any:
        pooled = build.max_pool(x=x, kernel_sizes=[1, 1], pad_type="valid", name="pooled")
        return build.concat(values=[x, pooled], axis=2, name="joined")

    ranges: Ranges = {
        "x": (-1, 1), "first": (-3, 2), "pooled": (-2, 2), "joined": (-3, 2), "second": (0, 1)
    }  # fmt: skip
    made = quantised(two_convolutions(between=between), ranges, tmp_path)
    scales = [
        scale_and_dtype(op, tmp_path / "m.mlpackage")[0] for op in made if op.type == "quantize"
    ]
    assert len(scales) == 4
    assert scales[1:] == [half(3 / 127)] * 3


def test_products_with_constant_matrices_are_dense_layers(tmp_path: Path) -> None:
    def between(build: Any, x: Any) -> Any:
        dense = build.matmul(x=x, y=np.ones((4, 4), np.float16), name="dense")
        return build.matmul(x=dense, y=dense, name="attention")

    ranges: Ranges = {
        "x": (-1, 1), "first": (-3, 2), "dense": (-2, 2), "attention": (-3, 2), "second": (0, 1)
    }  # fmt: skip
    made = quantised(two_convolutions(between=between), ranges, tmp_path)
    by_output = {output.name: op.type for op in made for output in op.outputs}
    dense, attention = (op for op in made if op.type == "matmul")
    assert by_output[reads(dense, "x")] == "dequantize"
    # Both inputs are what the dense layer stored; the product itself is computed in float16.
    assert by_output[reads(attention, "x")] == by_output[reads(attention, "y")] == "dequantize"
    stored = [op for op in made if op.type == "quantize"]
    assert [by_output.get(reads(op, "input")) for op in stored] == [
        None,
        "conv",
        "matmul",
        "matmul",
    ]


def test_a_weight_of_2048_values_is_small(tmp_path: Path) -> None:
    """coremltools compresses what has more, and a package without such weights is whole."""
    from coremltools import target as systems
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.mil import types

    @Builder.program(  # type: ignore[untyped-decorator]
        input_specs=[Builder.TensorSpec((1, 64), dtype=types.fp16)], opset_version=systems.iOS17
    )
    def program(x: Any) -> Any:
        return Builder.linear(x=x, weight=np.ones((32, 64), np.float16), name="y")

    quantised(program, {"x": (-1, 1), "y": (-1, 1)}, tmp_path)
    artifact = coreml.read_artifact(tmp_path / "m.mlpackage", "coreml-w8a8")
    assert artifact.operators["quantize"] == 1
    assert "constexpr_affine_dequantize" not in artifact.operators


def test_ranges_are_those_of_all_batches(packages: dict[str, Path]) -> None:
    def stand_in(
        artifact: Artifact, batches: Iterable[Mapping[str, NDArray[np.generic]]]
    ) -> Iterator[tuple[str, NDArray[np.generic]]]:
        """A stand-in for an evaluator: values that the test chose."""
        assert artifact.variant == "coreml-fp16"
        for batch in batches:
            yield "whole", np.array([7], np.int32)
            yield "value", batch["x"]
            yield "empty", np.zeros(0, np.float32)

    artifact = coreml.read_artifact(packages["fp16"])
    batches = [{"x": np.array(values, np.float32)} for values in ([1, 5], [-2, 0], [3, 3])]
    assert measure_ranges(artifact, batches, stand_in) == {"value": (-2.0, 5.0)}
    batches.insert(1, {"x": np.array([math.nan, 1], np.float32)})
    assert all(map(math.isnan, measure_ranges(artifact, batches, stand_in)["value"]))


def run(package: Path, inputs: dict[str, NDArray[Any]], output: str) -> NDArray[np.float64]:
    """The evaluator's answers, sample by sample."""
    with target("coreml").open(coreml.read_artifact(package)) as session:
        answers = session.run_all(
            [
                {name: array[index : index + 1] for name, array in inputs.items()}
                for index in range(len(next(iter(inputs.values()))))
            ]
        )
    return np.concatenate([answer[output] for answer in answers]).astype(np.float64)


def snr(values: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    noise = np.sum((values - reference) ** 2)
    return float(10 * np.log10(np.sum(reference**2) / noise)) if noise else math.inf


needs_models = pytest.mark.skipif(
    not MODELS.is_dir(), reason="the real models of ../shared/models are not on this machine"
)


def spectrograms() -> NDArray[np.float32]:
    with np.load(MODELS / "streaming_wakeword" / "calibration_samples.npz") as stored:
        return np.asarray(stored["specs"], np.float32)


def images() -> NDArray[np.float32]:
    """Blurred noise: natural images' neighbouring pixels are alike."""
    noise = np.random.default_rng(0).normal(size=(40, 36, 36, 3))
    smooth = np.sum([np.roll(noise, shift, axis=(1, 2)) for shift in range(-2, 3)], axis=0)
    return np.asarray(np.clip(128 + 40 * smooth[:, 2:-2, 2:-2], 0, 255), np.float32)


def coefficients() -> NDArray[np.float32]:
    scales = np.linspace(20, 3, 10)[:, None]
    return (np.random.default_rng(0).normal(size=(40, 49, 10, 1)) * scales).astype("f4")


@pytest.mark.slow
def test_mobilenet_keeps_its_answers(tmp_path: Path) -> None:
    """MobileNetV2 at its smallest; nobody trained it, so its answers are all that is compared."""
    import keras

    keras.utils.set_random_seed(1)
    model = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=20)
    noise = np.random.default_rng(0).random((16, 24, 24, 3)) * 255
    blocks = noise.repeat(4, axis=1).repeat(4, axis=2).astype("f4")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    for _ in range(6):
        model(blocks, training=True)  # Activations get the ranges that training gives them.
    model.save(tmp_path / "model.keras")
    snr_db, _ = calibrate_and_compare(tmp_path / "model.keras", blocks, tmp_path)
    assert snr_db > 25


@needs_models
@pytest.mark.parametrize(
    ("file", "samples"),
    [
        ("streaming_wakeword/str_ww_ref_model.h5", spectrograms),
        ("image_classification/pretrainedResnet.h5", images),
        ("keyword_spotting/kws_ref_model", coefficients),
    ],
)
def test_real_models_keep_their_answers(file: str, samples: Any, tmp_path: Path) -> None:
    """At least 12 dB and 90 % of the classes on samples that calibration did not see."""
    snr_db, agreement = calibrate_and_compare(MODELS / file, samples(), tmp_path)
    assert snr_db > 12
    assert agreement >= 0.9


def calibrate_and_compare(
    model: Path, data: NDArray[np.float32], folder: Path
) -> tuple[float, float]:
    """Calibrate on every second sample; return SNR in dB and agreement on the others."""
    source = open_source(model, SourceOptions())
    source.freeze(folder / "frozen")
    name, output = source.signature.inputs[0].name, source.signature.outputs[0].name
    np.savez(folder / "data.npz", **{name: data[::2]})
    calibration = coreml.Calibration(data=folder / "data.npz", trace=traced_values)
    parent, package = folder / "parent.mlpackage", folder / "m.mlpackage"
    coreml.convert(variant("coreml-fp16"), folder / "frozen", parent, IOS17)
    artifact = coreml.convert(
        variant("coreml-w8a8"), folder / "frozen", package, IOS17, parent, calibration
    )
    assert artifact.operators["quantize"] >= 10
    others = data[1::2]
    reference = np.concatenate([source.predict({name: x[None]})[output] for x in others])
    answers = run(package, {name: others}, output)
    agreement = np.mean(answers.argmax(-1) == reference.argmax(-1))
    return snr(answers, reference.astype(np.float64)), float(agreement)

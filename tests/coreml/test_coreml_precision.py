from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from mobilekit_converters import coreml
from mobilekit_converters.artifacts import read_finished
from mobilekit_converters.errors import SourceError

PRECISIONS = ("fp32", "fp16", "w8", "palette4", "palette6", "palette8", "w8a8")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_variant_shows_its_precision(precision: str, packages: dict[str, Path]) -> None:
    assert coreml.precision_of(packages[precision]) == precision


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_finished_package_is_known_by_what_it_shows(
    precision: str, packages: dict[str, Path], tmp_path: Path
) -> None:
    package = Path(shutil.copytree(packages[precision], tmp_path / "Größe 1.mlpackage"))
    artifact = read_finished(package)
    assert artifact.variant == f"coreml-{precision}"
    assert [spec.name for spec in artifact.signature] == ["image-in/x", "scores ü", "winner"]
    assert f"its tensors show {precision}" in artifact.proofs


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"dtype": "int4", "granularity": "per_block", "block_size": 16}, "palette4"),
        ({"dtype": "int8"}, "w8"),
    ],
)
def test_weights_of_ios18_are_taken_for_the_variant_that_they_are_like(
    options: dict[str, object], expected: str, tmp_path: Path
) -> None:
    import coremltools as ct
    import coremltools.optimize.coreml as optimize
    from coremltools.converters.mil import Builder

    weights = np.random.default_rng(1).normal(size=(64, 64)).astype(np.float16)

    @Builder.program(  # type: ignore[untyped-decorator]
        input_specs=[Builder.TensorSpec((1, 64), dtype=ct.converters.mil.mil.types.fp16)],
        opset_version=ct.target.iOS18,
    )
    def program(x: object) -> object:
        return Builder.relu(x=Builder.linear(x=x, weight=weights))

    model = ct.convert(program, minimum_deployment_target=ct.target.iOS18, skip_model_load=True)
    config = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", **options)
    model = optimize.linear_quantize_weights(
        model, optimize.OptimizationConfig(global_config=config)
    )
    path = tmp_path / "others.mlpackage"
    model.save(str(path))
    assert read_finished(path).variant == f"coreml-{expected}"


def test_a_shape_that_may_vary_is_the_one_that_is_described(tmp_path: Path) -> None:
    import coremltools as ct
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.mil import get_new_symbol, types

    @Builder.program(  # type: ignore[untyped-decorator]
        input_specs=[Builder.TensorSpec((1, get_new_symbol()), dtype=types.fp32)]
    )
    def program(x: object) -> object:
        return Builder.relu(x=x, name="y")

    model = ct.convert(
        program,
        inputs=[ct.TensorType(name="x", shape=(1, ct.RangeDim(2, 9, default=4)))],
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )
    model.save(str(tmp_path / "others.mlpackage"))
    assert read_finished(tmp_path / "others.mlpackage").signature.inputs[0].shape == (1, 4)


def test_what_is_no_artifact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no artifact"):
        read_finished(tmp_path / "none.tflite")
    with pytest.raises(SourceError, match=r"neither a \.tflite file nor an \.mlpackage folder"):
        read_finished(tmp_path)
    (tmp_path / "empty.mlpackage").mkdir()
    with pytest.raises(SourceError, match=r"its 'Manifest\.json' is missing"):
        read_finished(tmp_path / "empty.mlpackage")
    (tmp_path / "text.tflite").write_text("a model", "utf-8")
    with pytest.raises(SourceError, match="does not carry the format's mark"):
        read_finished(tmp_path / "text.tflite")

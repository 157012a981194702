"""Weights of packages come back as they were before compression, within what it rounds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit.parity.program.coreml import read_coreml_program
from mobilekit_delegates.targets import UnsupportedError

WEIGHTS = np.random.default_rng(0).normal(size=(64, 96)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 96))], opset_version=ct.target.iOS18)
    def program(x: Any) -> Any:
        return mb.softmax(x=mb.linear(x=x, weight=WEIGHTS), axis=1)

    return ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS18,
        compute_precision=ct.precision.FLOAT16,
        skip_model_load=True,
    )


def _int8(optimize: Any) -> Any:
    return optimize.OpLinearQuantizerConfig(mode="linear_symmetric"), "linear_quantize_weights"


def _int4_blocks(optimize: Any) -> Any:
    config = optimize.OpLinearQuantizerConfig(
        mode="linear", dtype="int4", granularity="per_block", block_size=32
    )
    return config, "linear_quantize_weights"


def _palette(optimize: Any) -> Any:
    return optimize.OpPalettizerConfig(nbits=4), "palettize_weights"


def _palettes_by_group(optimize: Any) -> Any:
    config = optimize.OpPalettizerConfig(nbits=4, granularity="per_grouped_channel", group_size=16)
    return config, "palettize_weights"


def _sparse(optimize: Any) -> Any:
    return optimize.OpMagnitudePrunerConfig(target_sparsity=0.5), "prune_weights"


def _compressed(model: Any, recipe: Callable[[Any], Any], folder: Path) -> Path:
    import coremltools.optimize.coreml as optimize

    config, function = recipe(optimize)
    result = getattr(optimize, function)(model, optimize.OptimizationConfig(global_config=config))
    result.save(str(folder / "m.mlpackage"))
    return folder / "m.mlpackage"


def test_a_program_is_operators_options_and_weights(model: Any, tmp_path: Path) -> None:
    model.save(str(tmp_path / "m.mlpackage"))
    linear, softmax = read_coreml_program(tmp_path / "m.mlpackage")
    assert (linear.kind, softmax.kind) == ("linear", "softmax")
    assert linear.sources == ("input 0",)
    assert softmax.sources == (0,)
    assert softmax.options == {"axis": 1}
    assert linear.weights["weight"].axis == 0
    np.testing.assert_allclose(linear.weights["weight"].values, WEIGHTS, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("recipe", "most"),
    [(_int8, 0.02), (_int4_blocks, 0.15), (_palette, 0.15), (_palettes_by_group, 0.15)],
)
def test_compressed_weights_come_back(
    recipe: Callable[[Any], Any], most: float, model: Any, tmp_path: Path
) -> None:
    linear, _ = read_coreml_program(_compressed(model, recipe, tmp_path))
    found = linear.weights["weight"].values
    assert np.linalg.norm(found - WEIGHTS) / np.linalg.norm(WEIGHTS) < most


def test_what_is_not_read_back_is_named(model: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="constexpr_sparse_to_dense, which is not read"):
        read_coreml_program(_compressed(model, _sparse, tmp_path))


def _moved(axes: dict[str, Any], folder: Path) -> Path:
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    @mb.program(input_specs=[mb.TensorSpec(shape=(1, 4, 6))], opset_version=ct.target.iOS16)
    def program(x: Any) -> Any:
        x = mb.softmax(x=mb.transpose(x=x, perm=axes["perm"]), axis=axes["axis"])
        return mb.expand_dims(x=mb.reduce_mean(x=x, axes=axes["axes"]), axes=axes["new"])

    folder.mkdir()
    path = folder / "m.mlpackage"
    ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    ).save(str(path))
    return path


def test_axes_mean_the_same_from_the_front_and_from_the_back(tmp_path: Path) -> None:
    front = _moved({"perm": [0, 2, 1], "axis": 2, "axes": [1], "new": [1]}, tmp_path / "front")
    back = _moved({"perm": [0, -1, -2], "axis": -1, "axes": [-2], "new": [-2]}, tmp_path / "back")
    other = _moved({"perm": [0, 2, 1], "axis": 1, "axes": [1], "new": [1]}, tmp_path / "other")
    options = [
        [operator.options for operator in read_coreml_program(path)]
        for path in (front, back, other)
    ]
    assert options[0] == options[1]
    assert options[0] != options[2]

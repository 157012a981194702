"""Compressed weights, as coremltools itself writes and decompresses them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import edit, operations

from mobilekit_converters.errors import TargetError
from mobilekit_delegates.coreml.evaluator import predict

RANDOM = np.random.default_rng(3)
INPUTS = {"x": RANDOM.normal(size=(1, 32, 6, 6)).astype(np.float32)}

Compress = Callable[[Any], Any]


def network(x: Any) -> Any:
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    weight = RANDOM.normal(size=(64, 32, 3, 3)).astype(np.float32)
    x = mb.relu(x=mb.conv(x=x, weight=weight))
    weight = RANDOM.normal(size=(10, 64)).astype(np.float32)
    return mb.linear(x=mb.reduce_mean(x=x, axes=[2, 3]), weight=weight, name="out")


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """The network for iOS 16 and for iOS 18, in float16."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    made = {}
    for minimum in ("iOS16", "iOS18"):
        target = getattr(ct.target, minimum)
        specs = [mb.TensorSpec(shape=(1, 32, 6, 6))]
        program = mb.program(input_specs=specs, opset_version=target)(network)
        made[minimum] = ct.convert(
            program,
            convert_to="mlprogram",
            minimum_deployment_target=target,
            compute_precision=ct.precision.FLOAT16,
            skip_model_load=True,
        )
    return made


def linear(**options: Any) -> Compress:
    def compress(model: Any) -> Any:
        import coremltools.optimize.coreml as cto

        config = cto.OpLinearQuantizerConfig(weight_threshold=0, **options)
        return cto.linear_quantize_weights(model, cto.OptimizationConfig(config))

    return compress


def palette(**options: Any) -> Compress:
    def compress(model: Any) -> Any:
        import coremltools.optimize.coreml as cto

        config = cto.OpPalettizerConfig(weight_threshold=0, **options)
        return cto.palettize_weights(model, cto.OptimizationConfig(config))

    return compress


def pruned(model: Any) -> Any:
    import coremltools.optimize.coreml as cto

    config = cto.OpMagnitudePrunerConfig(target_sparsity=0.6, weight_threshold=0)
    return cto.prune_weights(model, cto.OptimizationConfig(config))


def pruned_then(compress: str, **options: Any) -> Compress:
    def both(model: Any) -> Any:
        import coremltools.optimize.coreml as cto

        config = (
            cto.OpPalettizerConfig(weight_threshold=0, **options)
            if compress == "palettize_weights"
            else cto.OpLinearQuantizerConfig(weight_threshold=0, **options)
        )
        return getattr(cto, compress)(
            pruned(model), cto.OptimizationConfig(config), joint_compression=True
        )

    return both


CASES: dict[str, tuple[str, Compress, str]] = {
    "int8": ("iOS16", linear(mode="linear_symmetric"), "constexpr_affine_dequantize"),
    "uint8": ("iOS16", linear(mode="linear", dtype="uint8"), "constexpr_affine_dequantize"),
    "palette of 4 bits": ("iOS16", palette(nbits=4, mode="uniform"), "constexpr_lut_to_dense"),
    "palette of 6 bits": ("iOS16", palette(nbits=6, mode="uniform"), "constexpr_lut_to_dense"),
    "palette of 1 bit": ("iOS16", palette(nbits=1, mode="uniform"), "constexpr_lut_to_dense"),
    "sparse": ("iOS16", pruned, "constexpr_sparse_to_dense"),
    "int4 by block": (
        "iOS18",
        linear(mode="linear", dtype="int4", granularity="per_block", block_size=16),
        "constexpr_blockwise_shift_scale",
    ),
    "uint4": (
        "iOS18",
        linear(mode="linear", dtype="uint4", granularity="per_channel"),
        "constexpr_blockwise_shift_scale",
    ),
    "palette of 3 bits": ("iOS18", palette(nbits=3, mode="uniform"), "constexpr_lut_to_dense"),
    "palettes of groups": (
        "iOS18",
        palette(nbits=4, mode="uniform", granularity="per_grouped_channel", group_size=8),
        "constexpr_lut_to_dense",
    ),
    "sparse, iOS 18": ("iOS18", pruned, "constexpr_sparse_to_dense"),
    "sparse palette": (
        "iOS18",
        pruned_then("palettize_weights", nbits=4, mode="uniform"),
        "constexpr_lut_to_sparse",
    ),
    "sparse int8": (
        "iOS18",
        pruned_then("linear_quantize_weights", mode="linear_symmetric"),
        "constexpr_sparse_blockwise_shift_scale",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_compressed_weights_are_those_that_coremltools_decompresses(
    models: dict[str, Any], case: str
) -> None:
    import coremltools.optimize.coreml as cto

    minimum, compress, operator = CASES[case]
    compressed = compress(models[minimum])
    assert operations(compressed.get_spec(), operator), "nothing was compressed that way"
    decompressed = cto.decompress_weights(compressed)
    assert not operations(decompressed.get_spec(), operator)
    expected, output = (predict(model, INPUTS)["out"] for model in (decompressed, compressed))
    np.testing.assert_allclose(output, expected, rtol=0.002, atol=0.002)
    original = predict(models[minimum], INPUTS)["out"]
    assert np.abs(output - original).max() > 0.002, "compression changed nothing"


def test_a_palette_without_indices_for_all_is_damaged(
    models: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "palette.mlpackage"
    palette(nbits=4, mode="uniform")(models["iOS16"]).save(str(path))

    def change(spec: Any) -> None:
        constexpr = operations(spec, "constexpr_lut_to_dense")[0]
        constexpr.attributes["shape"].immediateValue.tensor.bytes.values = np.array(
            [64, 32, 3, 4], np.uint32
        ).tobytes()

    with pytest.raises(TargetError, match=r"indices.* bytes for"):
        predict(edit(path, change), INPUTS)

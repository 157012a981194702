from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from tflite_models import spec

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ConversionError
from mobilekit_converters.signature import Quantisation, Signature, TensorSpec
from mobilekit_converters.signature_check import require_signature

SOURCE = Signature(
    inputs=(spec("b", 1, 4), spec("a", 1, 3, dtype="int32")), outputs=(spec("y", 1, 2),)
)


def _artifact(*, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> Artifact:
    return Artifact(
        variant="tflite-int8",
        path=Path("m.tflite"),
        sha256="",
        file_bytes=0,
        signature=Signature(inputs=inputs, outputs=outputs),
    )


def test_the_sources_signature_passes_in_any_order_and_comes_back_in_the_sources() -> None:
    found = _artifact(inputs=SOURCE.inputs[::-1], outputs=SOURCE.outputs)
    assert require_signature(found, SOURCE).signature == SOURCE


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (SOURCE.inputs[:1], SOURCE.outputs, "input 'a' is missing"),
        ((*SOURCE.inputs, spec("c", 1)), SOURCE.outputs, "input 'c' is not the source's"),
        (SOURCE.inputs, (spec("z", 1, 2),), "'z' is not the source's; output 'y' is missing"),
        (SOURCE.inputs, (spec("y", 2, 1),), r"'y' has shape \(2, 1\), not \(1, 2\)"),
        (SOURCE.inputs, (spec("y", 1, 2, dtype="float16"),), "'y' is float16, not float32"),
        (SOURCE.inputs, (spec("y", 1, 2, dtype="int8"),), "'y' is int8, not float32"),
    ],
)
def test_each_difference_is_named(
    inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], message: str
) -> None:
    with pytest.raises(ConversionError, match=message):
        require_signature(_artifact(inputs=inputs, outputs=outputs), SOURCE)


def test_quantised_inputs_and_outputs_pass_where_they_were_asked_for() -> None:
    def stored(tensor: TensorSpec) -> TensorSpec:
        if tensor.dtype != "float32":
            return tensor
        scale = Quantisation(scales=(0.5,), zero_points=(3,))
        return dataclasses.replace(tensor, dtype="int8", quantisation=scale)

    found = _artifact(
        inputs=tuple(map(stored, SOURCE.inputs)), outputs=tuple(map(stored, SOURCE.outputs))
    )
    assert require_signature(found, SOURCE, dtypes={"float32": "int8"}) is not None
    with pytest.raises(ConversionError, match="'b' is int8, not uint8"):
        require_signature(found, SOURCE, dtypes={"float32": "uint8"})


def test_a_quantised_input_without_a_scale_is_refused() -> None:
    found = _artifact(
        inputs=(spec("b", 1, 4, dtype="int8"), SOURCE.inputs[1]),
        outputs=(spec("y", 1, 2, dtype="int8"),),
    )
    with pytest.raises(ConversionError, match="'b' has no scale and zero point"):
        require_signature(found, SOURCE, dtypes={"float32": "int8"})

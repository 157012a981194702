"""What a model must be for a wrapper on any platform: every refusal says what to change."""

from __future__ import annotations

import math

from mobilekit.parity.batches import sample_shape
from mobilekit.preprocessing import image_contract
from mobilekit.wrappers.description import InputDescription, ModelDescription, OutputDescription
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.signature import TensorSpec

LONGEST_TENSOR_NAME = 1000

_FLOAT_OUTPUTS = ("classification", "embedding", "mask")


def require_model(model: ModelDescription, product: str) -> None:
    """Check that a model's inputs and outputs can be what the project says.

    Args:
        model: as apps see it.
        product: what is generated, such as `Android module`.

    Raises:
        ProjectError: one cannot; the message says why and what to change.
    """
    for item in model.inputs:
        _require_tensor(item.spec, product)
        _require_input(item, model.batch)
    for output in model.outputs:
        _require_tensor(output.spec, product)
        _require_output(output, model.batch)


def _require_tensor(spec: TensorSpec, product: str) -> None:
    if len(spec.name) > LONGEST_TENSOR_NAME:
        raise ProjectError(
            f"An input or output has a name of {len(spec.name)} characters, {spec.name[:40]!r} and "
            f"more; the {product} takes {LONGEST_TENSOR_NAME} at most. Rename it."
        )
    if any(0xD800 <= ord(char) <= 0xDFFF for char in spec.name):
        raise ProjectError(
            f"The name {spec.name!r} holds half a character, which no file can. Rename it."
        )
    if math.prod(spec.shape) == 0:
        raise ProjectError(f"{spec} holds no value. Leave it out of the model.")


def _require_input(item: InputDescription, batch: int) -> None:
    spec, facts = item.spec, item.facts
    place = f"[model.inputs.{spec.name}] kind = {facts.kind!r}"
    if facts.kind == "tensor":
        return
    if batch != 1:
        return
    if facts.kind == "image":
        try:
            image_contract(facts, spec.shape, spec.dtype)
        except ProjectError as error:
            raise ProjectError(f"{place}: {error}") from error
    elif spec.dtype != "float32":
        raise ProjectError(
            f"{place}: the input is {spec.dtype}, and sound becomes float32. Leave kind out, or "
            "let the model take float32."
        )


def _require_output(output: OutputDescription, batch: int) -> None:
    spec, facts = output.spec, output.facts
    place = f"[model.outputs.{spec.name}]"
    if facts.kind in _FLOAT_OUTPUTS and spec.dtype != "float32":
        raise ProjectError(
            f"{place} kind = {facts.kind!r}: the output is {spec.dtype}, and it takes float32. "
            "Leave kind out to get the values as they are."
        )
    shape = sample_shape(spec, batch)
    if facts.kind == "mask" and batch == 1 and len(shape) not in (2, 3):
        raise ProjectError(
            f"{place} kind = 'mask': a mask is height × width, or height × width × classes, and "
            f"the output is {spec}. Leave kind out to get the values as they are."
        )
    if facts.labels:
        _require_labels(place, facts.labels, max(math.prod(shape), 2))


def _require_labels(place: str, labels: tuple[str, ...], classes: int) -> None:
    if len(labels) != classes:
        raise ProjectError(
            f"{place} labels names {len(labels)} classes, and the output has {classes}. Put one "
            "class on each line, in the output's order."
        )
    for number, label in enumerate(labels, start=1):
        if "\n" in label or any(0xD800 <= ord(char) <= 0xDFFF for char in label):
            raise ProjectError(
                f"{place} labels: class {number}, {label!r}, holds a line break or half a "
                "character. Write it in one line of whole ones."
            )

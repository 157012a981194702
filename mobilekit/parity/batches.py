"""Samples to batches and back. Data holds samples; models, artifacts too, take whole batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import DataError
from mobilekit_converters.signature import Signature, TensorSpec

Arrays = Mapping[str, NDArray[np.generic]]
Outputs = dict[str, NDArray[np.generic]]
PredictAll = Callable[[Sequence[Arrays]], Sequence[Outputs]]


def batch_size(signature: Signature) -> int:
    """Return how many samples one call takes: the first dimension of the first input, or 1."""
    shape = signature.inputs[0].shape if signature.inputs else ()
    return max(shape[0], 1) if shape else 1


def sample_shape(spec: TensorSpec, batch: int) -> tuple[int, ...]:
    """Return the shape of one sample: without the batch, where the tensor has one."""
    return spec.shape[1:] if spec.shape and spec.shape[0] == batch else spec.shape


def predict_samples(predict_all: PredictAll, signature: Signature, inputs: Arrays) -> Outputs:
    """Run a model on samples, batch by batch.

    A last batch that is not full is filled with the first samples; their outputs are dropped.

    Args:
        predict_all: takes batches and returns each one's outputs, arrays of the signature's shapes
            by name.
        signature: the model's.
        inputs: by name, of shape (samples, *shape of one sample).

    Returns:
        Outputs by name, of shape (samples, *shape of one sample).

    Raises:
        DataError: there are no samples, an output is missing or has another shape, or an output of
            a batch of several has no batch dimension.
    """
    batch = batch_size(signature)
    samples = len(inputs[signature.inputs[0].name])
    if samples == 0:
        raise DataError("There are no samples to run. Give at least one.")
    collected: dict[str, list[NDArray[np.generic]]] = {spec.name: [] for spec in signature.outputs}
    for outputs in predict_all(batches_of(signature, inputs)):
        for spec in signature.outputs:
            collected[spec.name].append(_split(outputs, spec, batch))
    return {name: np.concatenate(parts)[:samples] for name, parts in collected.items()}


def batches_of(signature: Signature, inputs: Arrays) -> list[Outputs]:
    """Return samples as batches of the signature's shapes; the first ones fill up the last."""
    batch, samples = batch_size(signature), len(inputs[signature.inputs[0].name])
    rows = [np.arange(start, start + batch) % samples for start in range(0, samples, batch)]
    return [
        {spec.name: _joined(inputs, spec, which) for spec in signature.inputs} for which in rows
    ]


def one_by_one(predict: Callable[[Arrays], Outputs]) -> PredictAll:
    """Make what runs batches from what runs one batch."""
    return lambda batches: [predict(batch) for batch in batches]


def _joined(inputs: Arrays, spec: TensorSpec, rows: NDArray[np.intp]) -> NDArray[np.generic]:
    return np.ascontiguousarray(inputs[spec.name][rows]).reshape(spec.shape)


def _split(
    outputs: Mapping[str, NDArray[np.generic]], spec: TensorSpec, batch: int
) -> NDArray[np.generic]:
    if spec.name not in outputs:
        raise DataError(f"The run gave no output {spec.name!r}, only {sorted(outputs)}.")
    output = np.asarray(outputs[spec.name])
    if output.shape != spec.shape:
        raise DataError(f"Output {spec.name!r} came out as {output.shape}, not {spec.shape}.")
    if batch > 1 and spec.shape[:1] != (batch,):
        raise DataError(
            f"Output {spec.name!r} has shape {spec.shape}, which cannot be split into {batch} "
            "samples. Build with batch = 1 in [model]."
        )
    return output.reshape((batch, *sample_shape(spec, batch)))

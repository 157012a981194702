"""Traces a TFLite file on any target, through a copy in which every tensor is an output."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.tflite.flatbuffer import IDENTIFIER, Subgraph, read_model
from mobilekit_delegates.quantised_values import dequantise, quantise
from mobilekit_delegates.targets import Target
from mobilekit_delegates.tracing import Intermediate

_FLOATS = ("float32", "float16")
_KEY = "serving_default"


@dataclass(frozen=True, kw_only=True)
class _Exposed:
    """A tensor of the main graph that the copy gives as an output, and the operator it is from.

    `stores` is the tensor that it only holds in another form, or -1.
    """

    index: int
    operator: str
    stores: int

    @property
    def key(self) -> str:
        """Its name in the copy's signature: tensors' own names may be long, or the same."""
        return f"tensor_{self.index}"


def trace_tflite(
    artifact: Artifact, batches: Sequence[Mapping[str, NDArray[np.generic]]], place: Target
) -> list[Intermediate]:
    """Trace a `.tflite` file; see `trace`."""
    model = read_model(artifact.path)
    graph = model.subgraphs[0]
    exposed = list(_worth_seeing(graph))
    named = next((s for s in model.signatures if s.subgraph == 0), None)
    outputs = _names_of_outputs(graph, named.outputs) if named else {}
    inputs = {index: name for name, index in named.inputs.items()} if named else {}
    with tempfile.TemporaryDirectory(prefix="mobilekit-trace-") as folder:
        copy = Path(folder) / artifact.path.name
        copy.write_bytes(_with_outputs(artifact, named.inputs if named else None, exposed))
        seen = replace(artifact, path=copy, signature=_signature(artifact, graph, exposed))
        with place.open(seen) as session:
            runs = session.run_all(batches)
    return [
        *_stored_inputs(artifact, batches),
        *(
            Intermediate(
                name=graph.tensors[tensor.index].name,
                operator=tensor.operator,
                values=np.stack([np.asarray(run[tensor.key], np.float32) for run in runs]),
                output=outputs.get(tensor.index, ""),
                input=inputs.get(tensor.stores, ""),
            )
            for tensor in exposed
        ),
    ]


def _names_of_outputs(graph: Subgraph, outputs: Mapping[str, int]) -> dict[int, str]:
    """Name the tensors that are outputs, and those that become one by a change of type alone."""
    names = {index: name for name, index in outputs.items()}
    for operator in graph.operators:
        if operator.name in ("QUANTIZE", "DEQUANTIZE") and operator.outputs[0] in names:
            names[operator.inputs[0]] = names[operator.outputs[0]]
    return names


def _stored_inputs(
    artifact: Artifact, batches: Sequence[Mapping[str, NDArray[np.generic]]]
) -> Iterator[Intermediate]:
    """Yield what becomes of the inputs that are quantised before they go in."""
    for spec in artifact.signature.inputs:
        if spec.quantisation is not None:
            stored = [_stored(spec, batch[spec.name]) for batch in batches]
            values = np.stack([dequantise(each, spec.quantisation) for each in stored])
            yield Intermediate(name=spec.name, operator="QUANTIZE", values=values, input=spec.name)


def _stored(spec: TensorSpec, values: NDArray[np.generic]) -> NDArray[np.generic]:
    assert spec.quantisation is not None
    if values.dtype.name == spec.dtype:
        return values
    return quantise(values, spec.quantisation, spec.dtype)


def _worth_seeing(graph: Subgraph) -> Iterator[_Exposed]:
    """Yield the tensors of real numbers that depend on the inputs, in running order."""
    live = set(graph.inputs) | {i for i, t in enumerate(graph.tensors) if t.is_variable}
    for operator in graph.operators:
        if not live.intersection(operator.inputs):
            continue
        live.update(operator.outputs)
        for index in operator.outputs:
            tensor = graph.tensors[index]
            if tensor.elements and (tensor.dtype in _FLOATS or tensor.quantisation is not None):
                stores = operator.inputs[0] if operator.name == "QUANTIZE" else -1
                yield _Exposed(index=index, operator=operator.name, stores=stores)


def _signature(artifact: Artifact, graph: Subgraph, exposed: Sequence[_Exposed]) -> Signature:
    outputs = []
    for item in exposed:
        tensor = graph.tensors[item.index]
        outputs.append(
            TensorSpec(
                name=item.key,
                shape=tensor.shape,
                dtype=tensor.dtype,
                quantisation=tensor.quantisation,
            )
        )
    return Signature(inputs=artifact.signature.inputs, outputs=tuple(outputs))


def _with_outputs(
    artifact: Artifact, inputs: Mapping[str, int] | None, exposed: Sequence[_Exposed]
) -> bytes:
    """Return the file with one signature, whose outputs are the exposed tensors.

    `inputs` maps names to tensors as the file's own signature does; a file without one is known by
    its tensors' names.
    """
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromPackedBuf(artifact.path.read_bytes(), 0)
    graph = model.subgraphs[0]
    if inputs is None:
        inputs = {graph.tensors[i].name.decode(): int(i) for i in graph.inputs}
    graph.outputs = [item.index for item in exposed]
    signature = schema.SignatureDefT()
    signature.signatureKey = _KEY
    signature.subgraphIndex = 0
    signature.inputs = [_entry(schema, name, index) for name, index in inputs.items()]
    signature.outputs = [_entry(schema, item.key, item.index) for item in exposed]
    model.signatureDefs = [signature]
    builder = flatbuffers.Builder(artifact.path.stat().st_size)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _entry(schema: Any, name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry

"""Bring an ONNX file to ExecuTorch with its XNNPACK backend, in float32 and in int8.

python make_executorch.py ONNX CALIBRATION OUT
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx2torch
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.exir import to_edge_transform_and_lower
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e


def main(model: str, calibration: str, out: Path) -> None:
    with np.load(calibration) as file:
        (samples,) = (torch.from_numpy(file[name]) for name in file.files)
    network = with_fixed_shapes(onnx2torch.convert(model).eval())
    example = (samples[:1],)
    write(network, example, out / "executorch-fp32.pte")
    exported = torch.export.export(network, example).module()
    quantiser = XNNPACKQuantizer().set_global(
        get_symmetric_quantization_config(is_per_channel=True)
    )
    prepared = prepare_pt2e(exported, quantiser)
    for index in range(len(samples)):
        prepared(samples[index : index + 1])
    write(convert_pt2e(prepared), example, out / "executorch-int8.pte")


FIXED: dict[str, Callable[..., Any]] = {
    "OnnxReshape": torch.reshape,
    "OnnxSqueezeDynamicAxes": torch.squeeze,
}
"""Modules that take a shape or axes as a tensor, and the functions that take them as numbers."""


def with_fixed_shapes(network: torch.fx.GraphModule) -> torch.fx.GraphModule:
    """Write shapes and axes into the graph: as tensors, `torch.export` cannot read them."""
    for node in list(network.graph.nodes):
        if node.op != "call_module":
            continue
        function = FIXED.get(type(network.get_submodule(node.target)).__name__)
        if function is None:
            continue
        given, numbers = node.args
        fixed = tuple(operator.attrgetter(numbers.target)(network).tolist())
        with network.graph.inserting_before(node):
            call = network.graph.call_function(function, (given, fixed))
        node.replace_all_uses_with(call)
        network.graph.erase_node(node)
    network.recompile()
    return network


def write(network: Any, example: tuple[Any, ...], path: Path) -> None:
    exported = torch.export.export(network, example)
    lowered = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    path.write_bytes(lowered.to_executorch().buffer)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

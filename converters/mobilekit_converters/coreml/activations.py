"""Quantises the activations of an ML program to 8 bits, from their ranges. It needs coremltools.

What is quantised is what coremltools 9 quantises on a Mac, and products with constant matrices, as
which Keras writes dense layers. Three things differ: ranges are those of all samples; no value has
a zero point, which Core ML runs faster (coremltools' own pass
`nullify_redundant_quantization_zero_point` says so), because values that are never negative are
stored unsigned; and what a model answers with keeps its float16 where nothing computes on from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import coremltools as ct
import numpy as np
from coremltools.converters.mil.mil import Block, Builder, Operation, Program, Var, types
from coremltools.converters.mil.mil.passes.graph_pass import AbstractGraphPass, PassOption
from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY
from coremltools.models.utils import _apply_graph_pass

from mobilekit_converters.coreml.ranges import Ranges
from mobilekit_converters.errors import ConversionError

INPUTS = {
    "conv": ("x",), "linear": ("x",), "matmul": ("x",), "avg_pool": ("x",), "max_pool": ("x",),
    "add": ("x", "y"),
}  # fmt: skip
"""The operations that run on 8 bits, and which of their inputs are activations."""

FUSED = frozenset({
    "leaky_relu", "relu", "relu6", "scaled_tanh", "sigmoid", "sigmoid_hard", "tanh"
})  # fmt: skip
"""Activation functions that run with the operation before them: only their result is stored."""

SMALLEST_SCALE = 2.0**-14
"""The smallest normal float16. Hardware takes smaller scales for zero, and divides by it."""

LARGEST = 65504.0
"""The largest float16; the arithmetic beside the quantised operations overflows above it."""


def quantise(model: Any, ranges: Ranges, weights: Any) -> Any:
    """Store the inputs and results of convolutions, dense layers, additions and pools in 8 bits.

    A value stays as it is where 8 bits cannot hold it: an infinite one, such as a mask, or one that
    is zero on all calibration data.

    Args:
        model: a `coremltools.models.MLModel` of an ML program.
        ranges: of its values, from calibration data.
        weights: how to quantise its weights, coremltools' `OptimizationConfig`.

    Returns:
        The new model, for iOS 17 or later.

    Raises:
        ConversionError: there is nothing in it to quantise.
    """
    insertion = _Insertion(ranges)
    of_weights = PASS_REGISTRY["compression::linear_quantize_weights"]
    of_weights.set_options([PassOption("config", weights), PassOption("joint_compression", False)])
    # Both in one run: the passes that coremltools adds to each take most of the time.
    quantised = _apply_graph_pass(
        model, [insertion, of_weights], spec_version=ct.target.iOS17, skip_model_load=True
    )
    if not insertion.quantised:
        raise ConversionError(
            "There is nothing to quantise in the model: no convolution, dense layer, addition or "
            "pool whose values 8 bits can hold. Leave the variant w8a8 out."
        )
    return quantised


class _Insertion(AbstractGraphPass):  # type: ignore[misc]
    """Puts `quantize` behind what is stored in 8 bits, and `dequantize` before what reads it."""

    def __init__(self, ranges: Ranges) -> None:
        super().__init__()
        self._measured = ranges
        self.quantised = 0

    def apply(self, prog: Program) -> None:
        """Rewrite a program in place."""
        for function in prog.functions.values():
            self._ranges = _tied(list(function.operations), self._measured)
            self._rewrite(function)

    def _rewrite(self, block: Block) -> None:
        operations = list(block.operations)
        chosen = [operation for operation in operations if self._runs_on_8_bits(operation)]
        results = {_stored(operation) for operation in chosen}
        kept = results & _ancestors(chosen)
        # One dictionary for order: the bytes of a package depend on the model alone.
        values = dict.fromkeys(
            var for operation in chosen for var in (*_activations(operation), _stored(operation))
        )
        with block:
            for var in values:
                everywhere = var in kept
                readers = [
                    reader
                    for reader in dict.fromkeys(var.child_ops)
                    if reader.enclosing_block is block and (everywhere or reader in chosen)
                ]
                if readers and self._held(var):
                    self._quantise(block, var, readers)

    def _runs_on_8_bits(self, operation: Operation) -> bool:
        if operation.op_type == "matmul" and operation.y.val is None:
            return False  # Both are activations, as in attention, whose products need more bits.
        return operation.op_type in INPUTS and all(
            self._held(var) and not (var.op and var.op.op_type.startswith("const"))
            for var in _activations(operation)
        )

    def _held(self, var: Var) -> bool:
        low, high = self._ranges.get(var.name, (math.nan, math.nan))
        scale, _ = _parameters(low, high)
        # False where either is NaN.
        return scale >= SMALLEST_SCALE and max(-low, high) <= LARGEST

    def _quantise(self, block: Block, var: Var, readers: list[Operation]) -> None:
        scale, dtype = _parameters(*self._ranges[var.name])
        # A scale has the type of what it scales.
        same = {"scale": np.float16(scale) if var.dtype == types.fp16 else np.float32(scale)}
        stored = Builder.quantize(
            input=var,
            output_dtype=dtype,
            name=f"{var.name}_quantised",
            before_op=_next(block, var),
            **same,
        )
        for number, reader in enumerate(readers):
            read = Builder.dequantize(
                input=stored, name=f"{var.name}_{number}", before_op=reader, **same
            )
            block.replace_uses_of_var_after_op(
                anchor_op=read.op, end_op=reader, old_var=var, new_var=read
            )
        self.quantised += 1


def _parameters(low: float, high: float) -> tuple[float, str]:
    """Return the scale and the dtype that store a range without a zero point."""
    return (high / 255, "uint8") if low >= 0 else (max(-low, high) / 127, "int8")


def _activations(operation: Operation) -> list[Var]:
    return [operation.inputs[name] for name in INPUTS[operation.op_type]]


def _stored(operation: Operation) -> Var:
    """Return what is stored of an operation: its result, or that of the function fused with it."""
    result: Var = operation.outputs[0]
    readers = result.child_ops
    return readers[0].outputs[0] if len(readers) == 1 and readers[0].op_type in FUSED else result


def _ancestors(operations: list[Operation]) -> set[Var]:
    """Return all values that operations are computed from."""
    found: set[Var] = set()
    waiting = [var for operation in operations for var in _activations(operation)]
    while waiting:
        var = waiting.pop()
        if var not in found:
            found.add(var)
            waiting.extend(_inputs(var.op) if var.op else ())
    return found


def _inputs(operation: Operation) -> Iterator[Var]:
    for given in operation.inputs.values():
        yield from given if isinstance(given, (list, tuple)) else (given,)


def _next(block: Block, var: Var) -> Operation:
    """Return the operation before which a value's own operation has run."""
    operations = list(block.operations)
    return operations[0] if var.op is None else operations[operations.index(var.op) + 1]


def _tied(operations: list[Operation], ranges: Ranges) -> Ranges:
    """Give the values of a concatenation one range, and of a maximum: both only move numbers."""
    tied = dict(ranges)
    groups: list[set[str]] = []
    for operation in operations:
        if operation.op_type in ("concat", "max_pool"):
            given = operation.values if operation.op_type == "concat" else [operation.x]
            group = {operation.outputs[0].name, *(var.name for var in given)}
            for other in [other for other in groups if other & group]:
                group |= other
                groups.remove(other)
            groups.append(group)
    for group in groups:
        known = [ranges[name] for name in group if name in ranges]
        for name in group & set(ranges):
            tied[name] = (min(low for low, _ in known), max(high for _, high in known))
    return tied

"""Which precision a package shows, whatever it is called: the name of the variant that it is like.

Others' packages hold more kinds of weights than there are variants. Each is taken for the variant
whose drift has to be expected of it: weights of 4 bits and less for `palette4`, say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mobilekit_converters.coreml.package import Package, open_package, values_of
from mobilekit_converters.coreml.schema import program_messages
from mobilekit_converters.coreml.weights import BITS, dtype_of

_PALETTES = ("constexpr_lut_to_dense", "constexpr_lut_to_sparse")

_LINEAR = {
    "constexpr_affine_dequantize": "quantized_data",
    "constexpr_blockwise_shift_scale": "data",
    "constexpr_sparse_blockwise_shift_scale": "nonzero_data",
}
"""Operators that scale stored integers, and what they call them."""


def precision_of(path: Path) -> str:
    """Return the precision that a package itself shows: fp32, fp16, w8, palette4, …, or w8a8.

    Quantised activations decide first; then the weights of the fewest bits, because theirs is the
    drift that has to be expected; then the type of most results.

    Raises:
        ConversionError: the package cannot be read.
    """
    return shown_precision(open_package(path))


def shown_precision(package: Package) -> str:
    """Return what `precision_of` does, for a package that is open.

    Raises:
        ConversionError: a weight is of an unknown type.
    """
    types = program_messages()

    operations = package.operations()
    if any(operation.type == "quantize" for operation in operations):
        return "w8a8"
    compressed = [found for operation in operations for found in _compressed(package, operation)]
    if compressed:
        return min(compressed)[1]
    results = Counter(
        output.type.tensorType.dataType
        for operation in operations
        if operation.type not in ("const", "cast")
        for output in operation.outputs
    )
    return "fp16" if results[types.FLOAT16] > results[types.FLOAT32] else "fp32"


def _compressed(package: Package, operation: Any) -> Iterator[tuple[int, str]]:
    """Yield how many bits a value of a compressed weight has, and the variant that this is like."""
    values = dict(values_of(operation))
    if operation.type in _PALETTES and "lut" in values:
        bits = _index_bits(values["lut"])
        yield bits, next((f"palette{most}" for most in (4, 6) if bits <= most), "palette8")
    stored = values.get(_LINEAR.get(operation.type, ""))
    if stored is not None:
        bits = BITS[dtype_of(package, stored)]
        yield bits, "palette4" if bits <= 4 else "w8"


def _index_bits(palette: Any) -> int:
    """Return the bits of an index into a palette, of shape (values,) or (…, values, length)."""
    sizes = [dimension.constant.size for dimension in palette.type.tensorType.dimensions]
    values = sizes[-2] if len(sizes) > 1 else max(sizes, default=1)
    return (values - 1).bit_length()

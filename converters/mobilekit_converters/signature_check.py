"""The promise that every artifact of every format keeps: its signature is the source's."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ConversionError
from mobilekit_converters.signature import Signature, TensorSpec


def require_signature(
    artifact: Artifact, source: Signature, *, dtypes: Mapping[str, str] | None = None
) -> Artifact:
    """Check that an artifact has the source's names, shapes and dtypes.

    Args:
        artifact: with the signature that was read back from it, in any order.
        source: the source's signature.
        dtypes: what a dtype of the source became on purpose, such as `{"float32": "int8"}`. An
            integer that stands for a float has to carry its quantisation.

    Returns:
        The artifact, its inputs and outputs in the source's order.

    Raises:
        ConversionError: with every difference.
    """
    found = artifact.signature
    became = dtypes or {}
    differences = [
        *_differences("input", source.inputs, found.inputs, became),
        *_differences("output", source.outputs, found.outputs, became),
    ]
    if differences:
        raise ConversionError(
            f"{artifact.variant}: the artifact's signature is not the source's: "
            f"{'; '.join(differences)}. This is a defect of the conversion; leave this variant out."
        )
    ordered = Signature(
        inputs=_in_order(source.inputs, found.inputs),
        outputs=_in_order(source.outputs, found.outputs),
    )
    return dataclasses.replace(
        artifact, signature=ordered, proofs=(*artifact.proofs, "has the source's signature")
    )


def _differences(
    kind: str,
    expected: tuple[TensorSpec, ...],
    found: tuple[TensorSpec, ...],
    became: Mapping[str, str],
) -> list[str]:
    by_name = {spec.name: spec for spec in found}
    differences = [
        f"{kind} {spec.name!r} is not the source's"
        for spec in found
        if spec.name not in {known.name for known in expected}
    ]
    for spec in expected:
        actual = by_name.get(spec.name)
        if actual is None:
            differences.append(f"{kind} {spec.name!r} is missing")
            continue
        if actual.shape != spec.shape:
            differences.append(f"{kind} {spec.name!r} has shape {actual.shape}, not {spec.shape}")
        dtype = became.get(spec.dtype, spec.dtype)
        if actual.dtype != dtype:
            differences.append(f"{kind} {spec.name!r} is {actual.dtype}, not {dtype}")
        elif dtype != spec.dtype and dtype.startswith(("int", "uint")) and not actual.quantisation:
            differences.append(f"{kind} {spec.name!r} has no scale and zero point")
    return differences


def _in_order(
    expected: tuple[TensorSpec, ...], found: tuple[TensorSpec, ...]
) -> tuple[TensorSpec, ...]:
    by_name = {spec.name: spec for spec in found}
    return tuple(by_name[spec.name] for spec in expected)

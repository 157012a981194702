"""Reports of releases for tests: variants with their checks, and nothing that takes time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mobilekit.results import Check, GoldenFacts, ModelFacts, Report, VariantResult
from mobilekit_converters.signature import Signature, TensorSpec

SIGNATURE = Signature(
    inputs=(TensorSpec(name="image", shape=(1, 8, 8, 1), dtype="float32"),),
    outputs=(TensorSpec(name="scores", shape=(1, 10), dtype="float32"),),
)


def check(
    target: str, accuracy: float | None = None, *, status: Any = "pass", **metrics: float
) -> Check:
    known = {} if accuracy is None else {"accuracy": accuracy}
    return Check(target=target, status=status, samples=360, metrics={**known, **metrics})


def variant(name: str, checks: Sequence[Check], size: int = 100, **more: Any) -> VariantResult:
    return VariantResult(
        **{
            "name": name,
            "description": name,
            "status": "built",
            "file": f"models/{name}.tflite",
            "sha256": "1" * 64,
            "bytes": size,
            "checks": tuple(checks),
            **more,
        }
    )


def release(
    checks: Mapping[str, Sequence[Check]],
    *,
    sizes: Mapping[str, int] | None = None,
    name: str = "Digits",
) -> Report:
    return Report(
        verdict="pass",
        reasons=(),
        model=ModelFacts(
            name=name,
            source="digits.keras",
            kind="keras",
            sha256="0" * 64,
            bytes=1000,
            signature=SIGNATURE,
        ),
        golden=GoldenFacts(samples=360, stored=32, origin="Digits."),
        variants=tuple(
            variant(name, items, (sizes or {}).get(name, 100)) for name, items in checks.items()
        ),
        environment={},
    )

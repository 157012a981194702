"""The budgets: what drift a precision may show on a target before a check fails.

One table with a reason per row; `docs/budgets.md` is written from it. A project file overrides
single bounds, such as `[budgets.tflite-int8] agreement = 0.98`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobilekit.parity.metrics import METRICS
from mobilekit_converters.errors import ProjectError, nearest


@dataclass(frozen=True, kw_only=True)
class Row:
    """The default bounds of a precision on some targets, and why they are what they are."""

    variant: str
    targets: tuple[str, ...]
    bounds: Mapping[str, float]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Budget:
    """The bounds of one check, by metric.

    Those in `asked` come from the project file: a metric of them that cannot be computed fails the
    check. A default one that does not apply, such as accuracy without labels, is left out.
    """

    bounds: dict[str, float]
    asked: tuple[str, ...] = ()


CPUS = ("cpu", "cpu-reference")

# "Measured" means clean artifacts of five models: a wake word CNN, a keyword DS-CNN, a ResNet-8,
# the digits example (these on both targets), and the features of a MobileNetV2 (on `cpu`).
ROWS: tuple[Row, ...] = (
    Row(
        variant="tflite-fp32",
        targets=CPUS,
        bounds={"snr_db": 80, "cosine": 0.9999, "agreement": 0.995, "accuracy_drop": 0.005},
        reason="The same arithmetic in another order: only float32 rounding may show. Measured: "
        "118 to 147 dB, and 84 dB where a head divides by tiny variances. One channel of one layer "
        "set to zero shows 39 dB and less.",
    ),
    Row(
        variant="tflite-fp16",
        targets=CPUS,
        bounds={"snr_db": 40, "cosine": 0.999, "agreement": 0.99, "accuracy_drop": 0.01},
        reason="Weights have 11 bits, an error of 1 in 2,000 each, which layers add up; arithmetic "
        "stays float32. Measured: 50 to 102 dB, with every class kept.",
    ),
    Row(
        variant="tflite-dynamic",
        targets=CPUS,
        bounds={"snr_db": 18, "cosine": 0.98, "agreement": 0.97, "accuracy_drop": 0.02},
        reason="Weights have 8 bits, and activations too where a kernel quantises them while it "
        "runs, by the range of each sample. Measured: 25 to 73 dB, agreement 0.97 and more.",
    ),
    Row(
        variant="tflite-int8",
        targets=CPUS,
        bounds={"snr_db": 12, "cosine": 0.95, "agreement": 0.95, "accuracy_drop": 0.02},
        reason="8 bits for all, with ranges from the calibration data; a score moves in steps of "
        "1/256. XNNPACK and the reference kernels round differently: the same file differs between "
        "them by up to 30 steps and one class in twenty, so each is held to this alone. Measured: "
        "18 to 48 dB, agreement 0.91 and more where scores are nearly tied. Calibration data ten "
        "times too small: under 2 dB, or 15 where the model saturates; a layer's weights zeroed, "
        "shuffled or negated: under 3 dB.",
    ),
    Row(
        variant="tflite-int16x8",
        targets=CPUS,
        bounds={"snr_db": 18, "cosine": 0.98, "agreement": 0.97, "accuracy_drop": 0.02},
        reason="Activations have 16 bits, so the 8 bits of the weights are all that shows: what "
        "holds for dynamic holds here. Measured: 23 to 77 dB, agreement 0.97 and more.",
    ),
)


def check_metric(name: str, place: str) -> None:
    """Check that a metric can have a budget.

    Raises:
        ProjectError: none has that name; the message begins with `place`.
    """
    if name not in METRICS:
        raise ProjectError(
            f"{place}: there is no metric {name!r}.{nearest(name, METRICS)} "
            f"Known: {', '.join(METRICS)}."
        )


def budget_for(
    variant: str, target: str, overrides: Mapping[str, Mapping[str, float]] | None = None
) -> Budget:
    """Return the budget of one check: the table's bounds, and the project file's over them.

    Args:
        variant: a full name, such as `tflite-int8`.
        target: a target's name. One that has no row has only the project file's bounds.
        overrides: the project file's bounds, by variant and metric.

    Raises:
        ProjectError: an override names no metric.
    """
    asked = dict((overrides or {}).get(variant, {}))
    for metric in asked:
        check_metric(metric, f"[budgets.{variant}]")
    defaults: Mapping[str, float] = next(
        (row.bounds for row in ROWS if row.variant == variant and target in row.targets), {}
    )
    return Budget(bounds={**defaults, **asked}, asked=tuple(asked))


def violations(budget: Budget, metrics: Mapping[str, float]) -> tuple[str, ...]:
    """Say in a clause each what keeps metrics from meeting a budget; none where they meet it.

    A metric that has an interval is held to the end of it that is kinder to the artifact.
    """
    found = []
    for name, bound in budget.bounds.items():
        metric = METRICS[name]
        value = metrics.get(metric.gate)
        if value is None:
            if name in budget.asked:
                found.append(f"{name} has a budget and could not be computed")
        elif not (value >= bound if metric.better == "higher" else value <= bound):
            side = "below" if metric.better == "higher" else "above"
            interval = "" if metric.gate == name else f" (at best {value:.4g}, at 95 % confidence)"
            found.append(f"{name} {metrics[name]:.4g}{interval} is {side} {bound:g}")
    return tuple(found)

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


PROGRAM = "program"
"""What a check of the stored program has instead of a target: nothing runs."""

_ARM_REASON = (
    "LiteRT's ARM kernels, emulated, on 8 samples: the same drift as on x86, measured {}. One "
    "nearly tied sample moves agreement by an eighth, so that it is held to less, and the tensor "
    "metrics carry the check."
)

# "Measured" means clean artifacts of trained models: a wake word CNN, a keyword DS-CNN, a ResNet-8,
# the digits example, and a MobileNetV2 (its features or, on accelerators, its predictions).
_CPUS = ("cpu", "cpu-reference", "tflite-floor")
_GPUS = ("gpu", "gpu-fp32")
_CORE_ML = ("coreml", "coreml-fp32")

_FLOAT32 = {"snr_db": 80, "cosine": 0.9999, "agreement": 0.995, "accuracy_drop": 0.005}
_WEIGHTS_OF_16_BITS = {"snr_db": 40, "cosine": 0.999, "agreement": 0.99, "accuracy_drop": 0.01}
_ARITHMETIC_OF_16_BITS = {**_WEIGHTS_OF_16_BITS, "snr_db": 35}
_WEIGHTS_OF_8_BITS = {"snr_db": 18, "cosine": 0.98, "agreement": 0.97, "accuracy_drop": 0.02}
_ALL_OF_8_BITS = {"snr_db": 12, "cosine": 0.95, "agreement": 0.95, "accuracy_drop": 0.02}

_ROUNDED_BY_LAYER = (
    "Activations and weights are rounded to 11 bits at every layer, and layers add that up. "
    "Measured: 43 to 69 dB on `gpu`, 49 to 76 dB on `cpu-fp16`, with every class kept."
)

_OUTPUT_ROWS: tuple[Row, ...] = (
    Row(
        variant="tflite-fp32",
        targets=(*_CPUS, "gpu-fp32"),
        bounds=_FLOAT32,
        reason="The same arithmetic in another order: only float32 rounding may show. Measured: "
        "118 to 147 dB, and 84 dB where a head divides by tiny variances. One channel of one layer "
        "set to zero shows 39 dB and less.",
    ),
    Row(
        variant="tflite-fp32",
        targets=("gpu", "cpu-fp16"),
        bounds=_ARITHMETIC_OF_16_BITS,
        reason=_ROUNDED_BY_LAYER,
    ),
    Row(
        variant="tflite-fp16",
        targets=(*_CPUS, "gpu-fp32"),
        bounds=_WEIGHTS_OF_16_BITS,
        reason="Weights have 11 bits, an error of 1 in 2,000 each, which layers add up; arithmetic "
        "stays float32. Measured: 50 to 102 dB, with every class kept.",
    ),
    Row(
        variant="tflite-fp16",
        targets=("gpu", "cpu-fp16"),
        bounds=_ARITHMETIC_OF_16_BITS,
        reason=_ROUNDED_BY_LAYER,
    ),
    Row(
        variant="tflite-w8",
        targets=(*_CPUS, "cpu-fp16", *_GPUS),
        bounds=_WEIGHTS_OF_8_BITS,
        reason="Weights have 8 bits, with a scale for each channel; arithmetic stays in floats. "
        "Measured: 22 to 55 dB, agreement 0.97 and more.",
    ),
    Row(
        variant="tflite-dynamic",
        targets=(*_CPUS, "cpu-fp16", *_GPUS),
        bounds=_WEIGHTS_OF_8_BITS,
        reason="Weights have 8 bits, and activations too where a kernel quantises them while it "
        "runs, by the range of each sample; a GPU turns the weights into floats. Measured: 25 to "
        "73 dB, agreement 0.97 and more. ResNet-8 on a GPU shows 3 dB and fails: LiteRT 2.3.0 "
        "computes 1×1 convolutions of stride 2 with int8 weights wrongly there.",
    ),
    Row(
        variant="tflite-int8",
        targets=(*_CPUS, "cpu-fp16", *_GPUS),
        bounds=_ALL_OF_8_BITS,
        reason="8 bits for all, with ranges from the calibration data; a score moves in steps of "
        "1/256. XNNPACK and the reference kernels round differently: the same file differs between "
        "them by up to 30 steps and one class in twenty, so each is held to this alone. Measured: "
        "14 to 48 dB, agreement 0.91 and more where scores are nearly tied. A layer's weights "
        "zeroed, shuffled or negated: under 3 dB; ResNet-8 on a GPU: 2 dB, by the fault that "
        "dynamic shows there.",
    ),
    Row(
        variant="tflite-int16x8",
        targets=(*_CPUS, "cpu-fp16", *_GPUS),
        bounds=_WEIGHTS_OF_8_BITS,
        reason="Activations have 16 bits, so the 8 bits of the weights are all that shows: what "
        "holds for dynamic holds here. Measured: 23 to 77 dB, agreement 0.97 and more. A GPU "
        "refuses it, but for additions, which LiteRT 2.3.0 takes and computes wrongly: ResNet-8 "
        "shows -4 dB and fails.",
    ),
    Row(
        variant="coreml-fp32",
        targets=_CORE_ML,
        bounds=_FLOAT32,
        reason="The same arithmetic in another order, as for tflite-fp32. Measured: 89 to 146 dB.",
    ),
    Row(
        variant="coreml-fp16",
        targets=_CORE_ML,
        bounds=_WEIGHTS_OF_16_BITS,
        reason="Weights have 11 bits, and on `coreml` the result of every operation; sums are kept "
        "in float32. Measured: 50 to 81 dB, with every class kept.",
    ),
    Row(
        variant="coreml-w8",
        targets=_CORE_ML,
        bounds=_WEIGHTS_OF_8_BITS,
        reason="Weights have 8 bits. Measured: 26 to 62 dB, agreement 0.97 and more.",
    ),
    Row(
        variant="coreml-w8a8",
        targets=_CORE_ML,
        bounds=_ALL_OF_8_BITS,
        reason="Weights and activations have 8 bits, with ranges from the calibration data. "
        "Measured: 22 to 53 dB, agreement 0.94 and more where scores are nearly tied.",
    ),
    Row(
        variant="coreml-palette8",
        targets=_CORE_ML,
        bounds=_WEIGHTS_OF_8_BITS,
        reason="256 values for the weights of a layer: no more error than 8 bits have. Measured: "
        "29 to 51 dB, with every class kept.",
    ),
    Row(
        variant="coreml-palette6",
        targets=_CORE_ML,
        bounds=_ALL_OF_8_BITS,
        reason="64 values for the weights of a layer. Measured: 18 to 39 dB, agreement 0.97 and "
        "more.",
    ),
    Row(
        variant="coreml-palette4",
        targets=_CORE_ML,
        bounds={"snr_db": 6, "cosine": 0.9, "agreement": 0.85, "accuracy_drop": 0.05},
        reason="16 values for the weights of a layer. Measured: 24 to 27 dB, agreement 0.98 and "
        "more. ResNet-8 and the keyword model are left 1 to 3 dB and half of their classes, and "
        "fail: they are no use at 4 bits.",
    ),
)

_ARM_ROWS = tuple(
    Row(
        variant=variant,
        targets=("arm64",),
        bounds={**bounds, "agreement": agreement},
        reason=_ARM_REASON.format(measured),
    )
    for variant, bounds, agreement, measured in (
        ("tflite-fp32", _FLOAT32, 0.97, "105 to 147 dB"),
        ("tflite-fp16", _WEIGHTS_OF_16_BITS, 0.97, "51 to 101 dB"),
        ("tflite-w8", _WEIGHTS_OF_8_BITS, 0.9, "28 to 83 dB"),
        ("tflite-dynamic", _WEIGHTS_OF_8_BITS, 0.9, "25 to 79 dB"),
        ("tflite-int8", _ALL_OF_8_BITS, 0.9, "21 to 48 dB"),
        ("tflite-int16x8", _WEIGHTS_OF_8_BITS, 0.9, "27 to 77 dB"),
    )
)

_ROUNDED_TO_8_BITS = (
    "Rounding to 8 bits with a scale per channel moves a channel's weights by 1 % of their size. "
    "Measured, clean, on ten models and on every layer of Keras: up to 0.013. A channel zeroed, "
    "negated, doubled or swapped shows 0.5 and more, a zero-point that is off by three 0.055."
)

_RANGES = (
    " Ranges come from calibration data and cut off what other data has beyond it: measured, 34 dB "
    "and more; a range that is a quarter of what the calibration data asked for leaves 16 dB and "
    "less."
)

_PROGRAM_ROWS: tuple[Row, ...] = (
    Row(
        variant="tflite-fp16",
        targets=(PROGRAM,),
        bounds={"weight_error": 0.002},
        reason="float16 has 11 bits. Measured, clean: 0.0005.",
    ),
    *(
        Row(
            variant=name,
            targets=(PROGRAM,),
            bounds={"weight_error": 0.03},
            reason=_ROUNDED_TO_8_BITS,
        )
        for name in ("tflite-w8", "tflite-dynamic", "coreml-w8", "coreml-w8a8", "coreml-palette8")
    ),
    *(
        Row(
            variant=name,
            targets=(PROGRAM,),
            bounds={"weight_error": 0.03, "range_snr_db": 25},
            reason=_ROUNDED_TO_8_BITS + _RANGES,
        )
        for name in ("tflite-int8", "tflite-int16x8")
    ),
    Row(
        variant="coreml-palette6",
        targets=(PROGRAM,),
        bounds={"weight_error": 0.15},
        reason="64 values for all weights of a layer. Measured, clean: up to 0.062.",
    ),
    Row(
        variant="coreml-palette4",
        targets=(PROGRAM,),
        bounds={"weight_error": 0.4},
        reason="16 values for all weights of a layer. Measured, clean: up to 0.25.",
    ),
)

ROWS = (*_OUTPUT_ROWS, *_ARM_ROWS, *_PROGRAM_ROWS)


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
        target: a target's name, or `PROGRAM`. One that has no row is held to the variant's first
            row of outputs, which is the strictest.
        overrides: the project file's bounds, by variant and metric. Each goes to the checks that
            compute its metric.

    Raises:
        ProjectError: an override names no metric.
    """
    given = dict((overrides or {}).get(variant, {}))
    for metric in given:
        check_metric(metric, f"[budgets.{variant}]")
    of = "program" if target == PROGRAM else "outputs"
    asked = {metric: bound for metric, bound in given.items() if METRICS[metric].of == of}
    rows = [row for row in ROWS if row.variant == variant]
    if target != PROGRAM:
        # Where nobody measured a target, it has to do as well as the desktop.
        rows = [row for row in rows if target in row.targets] or rows[:1]
    defaults = next(
        (row.bounds for row in rows if (PROGRAM in row.targets) == (of == "program")), {}
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

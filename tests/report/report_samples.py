"""Reports such as builds write: one passes, one fails, some are hard to lay out."""

from __future__ import annotations

import hashlib
import math
import random
from dataclasses import replace

from mobilekit.results import (
    Check,
    Drift,
    GoldenFacts,
    Histogram,
    LayerDrift,
    ModelFacts,
    Plan,
    PlannedCandidate,
    Report,
    VariantResult,
)
from mobilekit_converters.signature import Quantisation, Signature, TensorSpec
from mobilekit_converters.variants import VARIANTS
from mobilekit_delegates.planning.plan import Estimate
from mobilekit_delegates.targets import Execution

EDGES = tuple(-9 + index * 0.25 for index in range(45))
COREML_REASON = (
    "The Core ML numbers were not run: nothing on this machine computes a Core ML model. "
    "The artifact got its structural checks only."
)
STRUCTURE = (
    "The weights are inside the file: 34,826 numbers, as many as the source holds.",
    "No variable, Flex or custom operator is left in the graph.",
    "Inputs and outputs have the source's names, shapes and types.",
)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def histogram(centre: float, spread: float, count: int = 640) -> Histogram:
    draw = random.Random(round(centre * 1000))
    counts = [0] * (len(EDGES) - 1)
    for _ in range(count):
        place = int((draw.gauss(centre, spread) - EDGES[0]) / 0.25)
        counts[min(max(place, 0), len(counts) - 1)] += 1
    return Histogram(edges=EDGES, counts=tuple(counts))


def wilson(share: float, count: int) -> tuple[float, float]:
    z = 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    return middle - half, min(middle + half, 1.0)


def check(
    target: str,
    snr: float,
    agreement: float,
    accuracy: float,
    *,
    budget: dict[str, float],
    status: str = "pass",
    reason: str = "",
    output: str = "scores",
) -> Check:
    low, high = wilson(agreement, 360)
    tensor = {
        "snr_db": snr,
        "psnr_db": snr + 9.2,
        "max_abs": 10 ** (-snr / 20) * 2.1,
        "cosine": 1 - 10 ** (-snr / 10) / 2,
    }
    return Check(
        target=target,
        status=status,
        reason=reason,
        samples=360,
        metrics={
            **tensor,
            "agreement": agreement,
            "agreement_low": low,
            "agreement_high": high,
            "accuracy": accuracy,
            "source_accuracy": 0.9806,
            "accuracy_drop": 0.9806 - accuracy,
        },
        outputs={output: tensor},
        budget=budget,
        errors={output: histogram(-snr / 20 - 0.3, 0.45)},
        seconds=0.031 if target == "cpu" else 0.214,
        required=target == "cpu",
    )


def not_run(
    target: str = "coreml", *, required: bool = False, reason: str = COREML_REASON
) -> Check:
    return Check(target=target, status="not_run", reason=reason, required=required)


IMAGE = TensorSpec(name="image", shape=(1, 8, 8, 1), dtype="float32")
SCORES = TensorSpec(name="scores", shape=(1, 10), dtype="float32")
SIGNATURE = Signature(inputs=(IMAGE,), outputs=(SCORES,))
QUANTISED = Signature(
    inputs=(
        replace(
            IMAGE, dtype="int8", quantisation=Quantisation(scales=(1 / 255,), zero_points=(-128,))
        ),
    ),
    outputs=(
        replace(
            SCORES, dtype="int8", quantisation=Quantisation(scales=(1 / 256,), zero_points=(-128,))
        ),
    ),
)


ADAPTER = "llvmpipe (LLVM 19.1.7, 256 bits), Vulkan 1.3, software"
NO_FP16 = "The adapter offers no float16 arithmetic: fp16 was not exercised."


def on_gpu(check: Check, *, taken: int, nodes: int = 12) -> Check:
    """Return a check as it comes from a software GPU."""
    seen = Execution(place=ADAPTER, nodes=nodes, nodes_taken=taken, notes=(NO_FP16,))
    return replace(check, target="gpu", emulated=True, execution=seen, required=False)


def drift(count: int = 12, first: int | None = 7) -> Drift:
    """Return a drift that falls off at one layer, with all that a number can be in it."""
    layers = tuple(
        LayerDrift(
            layer=f"conv2d_{index} + batch_normalization_{index} + re_lu_{index}",
            operator="CONV_2D",
            snr_db=(45.0 if first is None or index < first else 6.0) - index / 3,
            max_abs=0.02 * index,
            bound=25.0,
        )
        for index in range(count)
    )
    if count > 3:
        odd = replace(layers[-1], snr_db=-math.inf, max_abs=math.inf)
        layers = (replace(layers[0], snr_db=200.0), *layers[1:-1], odd)
    sentence = "No layer leaves its bounds; the lowest SNR is 41.3 dB, at conv2d_11 (CONV_2D)."
    if first is not None:
        sentence = (
            f"{layers[first].layer} (CONV_2D): SNR {layers[first].snr_db:.1f} dB, below 25.0 dB. "
            "Likely cause: only channel 3 of 48 differs: weights or bias of it were changed."
        )
    return Drift(layers=layers, tensors=count + 2, first=first, sentence=sentence)


def variant(name: str, size: int, checks: tuple[Check, ...], seconds: float) -> VariantResult:
    row = VARIANTS[name]
    return VariantResult(
        name=name,
        description=row.description,
        status="built",
        file=f"models/{row.file_name}",
        sha256=digest(name),
        bytes=size,
        seconds=seconds,
        signature=QUANTISED if name == "tflite-int8" else SIGNATURE,
        operators={
            "CONV_2D": 4,
            "DEPTHWISE_CONV_2D": 3,
            "MEAN": 1,
            "FULLY_CONNECTED": 1,
            "SOFTMAX": 1,
        },
        structure=STRUCTURE,
        checks=checks,
    )


def tflite(
    name: str,
    size: int,
    seconds: float,
    snr: float,
    agreement: float,
    accuracy: float,
    **bounds: float,
) -> VariantResult:
    budget = {
        "snr_db": bounds["least_snr"],
        "agreement": bounds["least_agreement"],
        "accuracy_drop": bounds["most_drop"],
    }
    return variant(
        name,
        size,
        (
            check("cpu", snr, agreement, accuracy, budget=budget),
            check("cpu-reference", snr + 0.4, agreement, accuracy, budget=budget),
        ),
        seconds,
    )


def passing() -> Report:
    """Return the report of the digits example."""
    return Report(
        verdict="pass",
        reasons=(),
        model=ModelFacts(
            name="DigitClassifier",
            source="digits.keras",
            kind="keras",
            sha256=digest("digits"),
            bytes=201_344,
            signature=SIGNATURE,
            parameters=34_826,
        ),
        golden=GoldenFacts(
            samples=360,
            stored=8,
            origin="The 360 samples of evaluation.npz; the source's own outputs for them.",
            labelled=True,
        ),
        variants=(
            tflite(
                "tflite-fp32",
                148_212,
                4.1,
                131.8,
                1.0,
                0.9806,
                least_snr=90,
                least_agreement=0.999,
                most_drop=0.001,
            ),
            tflite(
                "tflite-fp16",
                80_932,
                3.9,
                71.2,
                1.0,
                0.9806,
                least_snr=50,
                least_agreement=0.995,
                most_drop=0.005,
            ),
            tflite(
                "tflite-dynamic",
                58_440,
                4.0,
                39.7,
                0.9972,
                0.9806,
                least_snr=25,
                least_agreement=0.98,
                most_drop=0.01,
            ),
            tflite(
                "tflite-int8",
                56_112,
                9.7,
                33.4,
                0.9944,
                0.9778,
                least_snr=20,
                least_agreement=0.97,
                most_drop=0.02,
            ),
            variant("coreml-fp32", 151_870, (not_run(),), 6.3),
            variant("coreml-fp16", 84_410, (not_run(),), 12.8),
            variant("coreml-w8", 52_904, (not_run(),), 1.2),
        ),
        environment={
            "mobilekit": "0.1.0",
            "Python": "3.11.9",
            "TensorFlow": "2.21.0",
            "Keras": "3.12.0",
            "ai-edge-litert": "2.3.0",
            "coremltools": "9.0",
            "System": "Linux 6.1, x86_64, 2 cores",
        },
        started="2026-03-14T09:26:53Z",
        seconds=38.2,
    )


def failing() -> Report:
    """Return a build where int8 drifts, a converter crashes and a required target is missing."""
    report = passing()
    variants = {item.name: item for item in report.variants}
    budget = {"snr_db": 20.0, "agreement": 0.97, "accuracy_drop": 0.02}
    reason = "Agreement 83.3 % is below its budget of 97.0 %; SNR 7.9 dB is below 20.0 dB."
    variants["tflite-int8"] = replace(
        variants["tflite-int8"],
        checks=(
            replace(
                check("cpu", 7.9, 0.8333, 0.8278, budget=budget, status="fail", reason=reason),
                drift=drift(),
            ),
            check(
                "cpu-reference", 8.1, 0.8389, 0.8306, budget=budget, status="fail", reason=reason
            ),
        ),
    )
    variants["coreml-fp16"] = replace(
        variants["coreml-fp16"],
        status="failed",
        file="",
        sha256="",
        bytes=0,
        error=(
            "The converter ended with signal 11 (segmentation fault) after 12.8 s.\n"
            "Last line: Running MIL backend_mlprogram pipeline: 0 passes"
        ),
        log="logs/coreml-fp16.log",
        signature=None,
        operators={},
        structure=(),
        checks=(),
    )
    variants["coreml-w8"] = replace(
        variants["coreml-w8"],
        status="failed",
        file="",
        sha256="",
        bytes=0,
        seconds=0.0,
        error="coreml-fp16, which this variant is made from, could not be built.",
        signature=None,
        operators={},
        structure=(),
        checks=(),
    )
    missing = "The target arm64 was not run: the emulator qemu-aarch64 is not on this machine."
    variants["tflite-fp32"] = replace(
        variants["tflite-fp32"],
        checks=(
            *variants["tflite-fp32"].checks,
            not_run("arm64", required=True, reason=missing),
        ),
    )
    return replace(
        report,
        verdict="fail",
        reasons=(
            "tflite-int8 drifts on cpu: agreement 83.3 % is below its budget of 97.0 %.",
            "tflite-int8 drifts on cpu-reference: agreement 83.9 % is below its budget of 97.0 %.",
            "coreml-fp16 could not be built: the converter crashed.",
            "coreml-w8 could not be built: it is made from coreml-fp16.",
            "The required target arm64 did not run.",
        ),
        variants=tuple(variants.values()),
        notes=("The labels of calibration.npz were not used.",),
        seconds=54.6,
    )


def accelerated() -> Report:
    """Return a build whose artifacts ran on a software GPU too, and on a target of the future."""
    report = passing()
    variants = []
    for index, item in enumerate(report.variants[:4]):
        first, *_ = item.checks
        later = replace(first, target="quantum:7/entangled", required=False)
        variants.append(
            replace(item, checks=(first, on_gpu(first, taken=12 if index < 2 else 3), later))
        )
    return replace(report, variants=tuple(variants))


def planned() -> Report:
    """With a plan for either platform: a cut graph, and accelerators of which nothing is known."""
    published = "Estimated from published times: a benchmark board."
    estimates = tuple(
        Estimate(
            device=device,
            variant=variant,
            accelerator=accelerator,
            accelerator_ms=0.0 if accelerator == "cpu" else time,
            cpu_ms=time if accelerator == "cpu" else left,
            transfer_ms=0.02 if left else 0.0,
            share=0.8 if left else 1.0,
            partitions=2 if left else 1,
            crossing_bytes=401_408 if left else 0,
            reason=published,
        )
        for device, factor in (("Pixel 9 Pro", 3.0), ("Galaxy S25 Ultra", 1.0))
        for accelerator, variant, time, left in (
            ("gpu", "tflite-fp16", 0.9 * factor, 0.4 * factor),
            ("cpu", "tflite-int8", 2.2, 0.0),
            ("cpu", "tflite-fp16", 6.1, 0.0),
        )
    )
    unknown = tuple(
        Estimate(
            device=device,
            variant=variant,
            accelerator=accelerator,
            reason=reason,
        )
        for device, variant, accelerator, reason in (
            ("Pixel 9 Pro", "tflite-fp16", "npu", "What it would take of the graph is not known."),
            ("iPhone 15 Pro", "coreml-fp16", "cpu", "No times of it are published."),
        )
    )
    phones = Plan(
        platform="android",
        runtime="litert",
        order=tuple(
            PlannedCandidate(variant=variant, accelerator=accelerator)
            for variant, accelerator in dict.fromkeys(
                (item.variant, item.accelerator) for item in (*estimates, unknown[0])
            )
        ),
        estimates=(*estimates, unknown[0]),
    )
    iphones = Plan(
        platform="ios",
        runtime="coreml",
        order=(PlannedCandidate(variant="coreml-fp16", accelerator="cpu"),),
        estimates=unknown[1:],
    )
    return replace(passing(), plans=(phones, iphones))


def crowded(count: int = 20) -> Report:
    """Return a report of many long-named variants, several outputs, and no labels."""
    draw = random.Random(7)
    outputs = (
        "heatmap",
        "Schlüsselpunkte_左上_und_ein_sehr_langer_Name_der_nicht_endet",
        "offsets",
    )
    signature = Signature(
        inputs=(TensorSpec(name="eingabe", shape=(1, 224, 224, 3), dtype="float32"),),
        outputs=tuple(TensorSpec(name=n, shape=(1, 56, 56, 17), dtype="float32") for n in outputs),
    )
    variants = []
    formats = ("coreml", "tflite")
    for index in range(count):
        snr = draw.uniform(20, 90)
        tensors = {name: {"snr_db": snr + 3 * i, "max_abs": 0.01} for i, name in enumerate(outputs)}
        variants.append(
            VariantResult(
                name=f"{formats[index % 2]}-an-unusually-long-recipe-名前-{index:02d}",
                description="int16 activations and int8 weights, from calibration data",
                status="built",
                file=f"models/variant {index}.tflite",
                sha256=digest(str(index)),
                bytes=round(10 ** draw.uniform(5.5, 7.0)),
                seconds=draw.uniform(1, 90),
                cached=index % 3 == 0,
                signature=signature,
                checks=tuple(
                    Check(
                        target=target,
                        status="pass",
                        samples=32,
                        metrics={"snr_db": snr, "max_abs": 0.01},
                        outputs=tensors,
                        budget={"snr_db": 15.0},
                        errors={
                            name: histogram(-values["snr_db"] / 20, 0.5)
                            for name, values in tensors.items()
                        },
                        seconds=0.5,
                    )
                    for target in ("cpu", "cpu-reference", "adb:0123456789ABCDEF0123456789/gpu")
                ),
            )
        )
    report = passing()
    return replace(
        report,
        model=replace(report.model, name="Posenschätzer_αβγ", signature=signature),
        golden=GoldenFacts(samples=32, stored=4, origin="Generated from seed 0: smooth noise."),
        variants=tuple(variants),
        seconds=1234.5,
    )


HOSTILE = (
    '<script>document.title="owned"</script><img src="http://example.invalid/x.png">&"\'\x1b[31m]]>'
)


def hostile() -> Report:
    """Return a report whose every free text tries to break out of the page."""
    report = failing()
    tensor = TensorSpec(name=HOSTILE, shape=(1,), dtype="float32")
    return replace(
        report,
        reasons=(HOSTILE,),
        notes=(HOSTILE,),
        environment={HOSTILE: HOSTILE},
        model=replace(
            report.model,
            name=HOSTILE,
            source=HOSTILE,
            signature=Signature(inputs=(tensor,), outputs=(tensor,)),
        ),
        golden=replace(report.golden, origin=HOSTILE),
        variants=tuple(
            replace(
                item,
                name=f"{item.name}{HOSTILE}",
                description=HOSTILE,
                error=HOSTILE,
                log="javascript:alert(1)",
                file="javascript:alert(1)",
                structure=(HOSTILE,),
                operators={HOSTILE: 1},
                checks=tuple(
                    replace(
                        c,
                        target=c.target + HOSTILE,
                        reason=HOSTILE,
                        execution=Execution(place=HOSTILE, nodes_taken=1, notes=(HOSTILE,)),
                        drift=Drift(
                            layers=tuple(
                                replace(layer, layer=HOSTILE, operator=HOSTILE)
                                for layer in drift(9).layers
                            ),
                            tensors=9,
                            first=7,
                            sentence=HOSTILE,
                        ),
                        errors={key + HOSTILE: h for key, h in c.errors.items()},
                        outputs={key + HOSTILE: h for key, h in c.outputs.items()},
                    )
                    for c in item.checks
                ),
            )
            for item in report.variants
        ),
    )

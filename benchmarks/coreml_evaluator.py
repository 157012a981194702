"""Measure the evaluator of Core ML packages against LiteRT, and write the figures into README.md.

    .venv/bin/python benchmarks/coreml_evaluator.py

Both run the same networks on one thread each: LiteRT with XNNPACK the float32 `.tflite`, the
evaluator every `.mlpackage`. They take turns in one process, so that a machine that gets slower or
faster meets all of them alike.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from page import machine, mobilekit, mobilenet_v2_project, versions, write_section

from mobilekit_converters import coreml, tflite
from mobilekit_delegates.targets import Session, target

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[1] / "shared" / "models"
VERSIONS = ("onnxruntime", "ai-edge-litert", "coremltools", "tensorflow", "numpy")
BASE = "tflite-fp32"
PRECISIONS = ("fp32", "fp16", "w8", "palette4")
LEAST_SECONDS = 0.05
"""How long each side runs in each round, at least: a small network many times over."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """What to convert: a project or a model file, and the options of `mobilekit convert` for it."""

    name: str
    source: Path
    options: tuple[str, ...] = ()


def networks(work: Path) -> list[Network]:
    """Return the networks: those that anybody can make, and the trained ones where they are."""
    found = [
        Network(name="MobileNetV2, 224×224", source=mobilenet_v2_project(work)),
        Network(name="the digits example", source=HERE.parent / "examples" / "digits"),
        Network(
            name="ResNet-8 (MLPerf Tiny)",
            source=MODELS / "image_classification" / "pretrainedResnet.h5",
        ),
        Network(
            name="DS-CNN (MLPerf Tiny)",
            source=MODELS / "keyword_spotting" / "kws_ref_model",
            options=("--signature", "serving_default"),
        ),
    ]
    return [network for network in found if network.source.exists()]


def convert(network: Network, out: Path, work: Path) -> Path:
    """Convert a network in a process of its own, and return the folder of its artifacts."""
    names = [BASE, *(f"coreml-{precision}" for precision in PRECISIONS)]
    variants = [option for name in names for option in ("--variant", name)]
    command = [
        *(mobilekit(), "convert", str(network.source), "--out", str(out), *network.options),
        *("--cache", str(work / "cache"), "--target", "cpu", *variants),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    # A release whose checks are out of budget, as with weights that were never trained, will do.
    if not (out / "models").is_dir():
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr}")
    return out / "models"


def sessions(models: Path) -> dict[str, Session]:
    """Open every artifact on its target; the float16 one also without rounding."""
    base = tflite.read_artifact(models / f"{BASE}.tflite", BASE)
    opened: dict[str, Session] = {"LiteRT, fp32": target("cpu").open(base)}
    for precision in PRECISIONS:
        name = f"coreml-{precision}"
        artifact = coreml.read_artifact(models / f"{name}.mlpackage", name)
        opened[precision] = target("coreml").open(artifact)
        if precision == "fp16":
            opened["fp16, not rounded"] = target("coreml-fp32").open(artifact)
    return opened


def inputs(models: Path) -> dict[str, NDArray[np.float32]]:
    """Return one batch of random values."""
    random = np.random.default_rng(0)
    signature = tflite.read_artifact(models / f"{BASE}.tflite", BASE).signature
    return {spec.name: random.random(spec.shape, np.float32) for spec in signature.inputs}


def seconds(session: Session, batch: dict[str, NDArray[np.float32]]) -> float:
    """Return the time of one run, the median of as many as fit."""
    times: list[float] = []
    while sum(times) < LEAST_SECONDS or len(times) < 3:
        started = time.perf_counter()
        session.run(batch)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure(models: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a run in every round, by side; the sides take turns."""
    opened, batch = sessions(models), inputs(models)
    for session in opened.values():
        session.run(batch)  # The first run allocates memory.
    figures: dict[str, list[float]] = {name: [] for name in opened}
    for _ in range(rounds):
        for name, session in opened.items():
            figures[name].append(seconds(session, batch))
    return figures


def table(figures: dict[str, dict[str, list[float]]]) -> str:
    """Render the figures: milliseconds, and the ratio to LiteRT's in the same rounds."""
    sides = list(next(iter(figures.values())))
    lines = [["network", *sides], ["---"] * (len(sides) + 1)]
    for network, by_side in figures.items():
        base = statistics.median(by_side[sides[0]])
        cells = [f"{base * 1000:.3g} ms"]
        for side in sides[1:]:
            median = statistics.median(by_side[side])
            cells.append(f"{median * 1000:.3g} ms ({median / base:.2f}×)")
        lines.append([network, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def circumstances(rounds: int) -> str:
    """Say when and on what the figures were measured."""
    return f"{machine()}, {versions(VERSIONS)}. One thread each, medians of {rounds} rounds."


def main() -> None:
    """Convert, measure, print the table and write it into README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15, help="how often each side runs")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "benchmark")
    parser.add_argument("--dry", action="store_true", help="leave README.md as it is")
    options = parser.parse_args()

    work: Path = options.work / "coreml_evaluator"
    figures: dict[str, dict[str, list[float]]] = {}
    for number, network in enumerate(networks(options.work)):
        models = convert(network, work / f"{number}.release", options.work)
        figures[network.name] = measure(models, options.rounds)
        print(network.name, "measured", flush=True)
    text = f"{table(figures)}\n\n{circumstances(options.rounds)}"
    print(text)
    if not options.dry:
        write_section("coreml_evaluator", text)


if __name__ == "__main__":
    main()

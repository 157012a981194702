"""Compare what mobilekit makes of trained networks with what a user would pick instead.

    .venv/bin/python benchmarks/peers/compare.py

Every peer is installed in an environment of its own, in the user's cache (ExecuTorch's brings
PyTorch, some 6 GB). Each makes its files of the same network with the same calibration data. All
files then run on one thread each, one process each, in turns: round by round every one of them, so
that a machine that gets slower or faster meets all alike. A call is timed from arrays to arrays.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
# Python looks beside this file alone.
sys.path.append(str(HERE.parent))

from candidate import Candidate, Measured, Served  # noqa: E402
from environments import environment  # noqa: E402
from networks import Network, networks  # noqa: E402
from page import machine, mobilekit, write_section  # noqa: E402

from mobilekit.bench.choices import pareto_front  # noqa: E402
from mobilekit.parity.metrics import tensor_metrics, top_1  # noqa: E402
from mobilekit_converters.frozen import load_frozen  # noqa: E402
from mobilekit_converters.sources import SourceOptions, open_source  # noqa: E402

ROUNDS = 15
LEAST_SECONDS = 0.05
"""How long each candidate runs in each round, at least."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("/tmp/mobilekit-peers"))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    texts = []
    for network in networks(options.work):
        out = options.work / "made" / network.project.name
        out.mkdir(parents=True, exist_ok=True)
        candidates = [*ours(network, out), *peers(network, out)]
        found = measure(network, candidates, out, options.rounds)
        texts.append(table(network, found, recommended(out), options.rounds))
    write_section("peers", "\n\n".join([*texts, f"{machine()}. {versions()}."]))


def ours(network: Network, out: Path) -> list[Candidate]:
    """Convert with mobilekit and let it recommend, from its own measurements on this CPU."""
    release = out / "release"
    run(mobilekit(), "convert", network.project, "--out", release, allow=(0, 1))
    run(mobilekit(), "bench", release, "--target", "cpu", "--threads", "1", allow=(0, 1))
    return [
        Candidate(
            maker="mobilekit",
            name=file.stem,
            kind="tflite",
            file=file,
            python=Path(sys.executable),
        )
        for file in sorted((release / "models").glob("*.tflite"))
    ]


def recommended(out: Path) -> str:
    """Return the variant that mobilekit recommends for Android."""
    report = json.loads((out / "release" / "report.json").read_text("utf-8"))
    rows = report["bench"]["recommendations"]
    return str(next(row["variant"] for row in rows if row["platform"] == "android"))


def peers(network: Network, out: Path) -> list[Candidate]:
    """Let every peer make its files, in the order in which they need one another's."""
    calibration = network.project / "calibration.npz"
    frozen = out / "frozen"
    if not frozen.exists():
        source = next(network.project.glob("*.keras"), network.project / "model.h5")
        open_source(source, SourceOptions()).freeze(frozen)
    saved_model = load_frozen(frozen).saved_model
    steps = (
        ("plain", "make_plain.py", saved_model, "tflite", "plain-*.tflite"),
        (
            "quantizer",
            "make_quantizer.py",
            out / "plain-fp32.tflite",
            "tflite",
            "quantizer-*.tflite",
        ),
        ("onnx", "make_onnx.py", saved_model, "onnx", "onnx-*.onnx"),
        ("executorch", "make_executorch.py", out / "onnx-fp32.onnx", "executorch", "*.pte"),
    )
    found = []
    for name, script, source, kind, pattern in steps:
        python = environment(name)
        stamp = out / f"{name}.made"
        if not stamp.exists():
            run(python, HERE / script, source, calibration, out)
            stamp.touch()
        # TFLite files all run in one LiteRT.
        runner = Path(sys.executable) if kind == "tflite" else python
        found += [
            Candidate(maker=name, name=file.stem, kind=kind, file=file, python=runner)
            for file in sorted(out.glob(pattern))
        ]
    return found


def measure(
    network: Network, candidates: list[Candidate], out: Path, rounds: int
) -> list[Measured]:
    """Run every candidate on the evaluation data, then time them in turns."""
    with np.load(network.project / "evaluation.npz") as file:
        labels = file["labels"] if network.labelled else None
        (name,) = (key for key in file.files if key != "labels")
        samples = file[name].astype(np.float32)
    inputs = out / "inputs.npz"
    np.savez(inputs, **{name: samples})
    reference = source_outputs(network, name, samples)
    with ExitStack() as stack:
        served = [
            stack.enter_context(Served(item, inputs, out / f"{item.name}.log"))
            for item in candidates
        ]
        found = [
            worth(item, process.answers(out / "answers.npz"), reference, labels)
            for item, process in zip(candidates, served, strict=True)
        ]
        counts = [runs_for(process) for process in served]
        for _ in range(rounds):
            for row, process, count in zip(found, served, counts, strict=True):
                row.rounds.append(process.times(count))
    return found


def source_outputs(
    network: Network, name: str, samples: NDArray[np.float32]
) -> NDArray[np.float32]:
    source = next(network.project.glob("*.keras"), network.project / "model.h5")
    predict = open_source(source, SourceOptions()).predict
    outputs = [predict({name: samples[i : i + 1]}) for i in range(len(samples))]
    return np.concatenate([next(iter(output.values())) for output in outputs])


def runs_for(process: Served) -> int:
    """Warm up, and return how many calls fill a round."""
    process.times(20)
    typical = float(np.median(process.times(20))) / 1e9
    return max(5, int(LEAST_SECONDS / typical))


def worth(
    candidate: Candidate,
    output: NDArray[np.float32],
    reference: NDArray[np.float32],
    labels: NDArray[np.int64] | None,
) -> Measured:
    expected = top_1(reference) if labels is None else labels
    return Measured(
        candidate=candidate,
        share=float(np.mean(top_1(output.reshape(reference.shape)) == expected)),
        snr_db=tensor_metrics(output.reshape(reference.shape), reference)["snr_db"],
    )


def table(network: Network, found: list[Measured], choice: str, rounds: int) -> str:
    """Return the network's table: what is on the front of size, latency and accuracy, and ours."""
    base = next(row for row in found if row.candidate.name == "plain-fp32").milliseconds
    front = pareto_front([(row.bytes, row.milliseconds, -row.share) for row in found])
    word = "accuracy" if network.labelled else "agreement with the source"
    lines = [
        f"**{network.name}**, {rounds} rounds; times over that of `plain-fp32`, {base:.4g} ms.",
        "",
        f"| file | made by | kB | {word} | SNR | time | on the front |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for index, row in sorted(enumerate(found), key=lambda pair: pair[1].milliseconds):
        name = row.candidate.name
        ours = row.candidate.maker == "mobilekit" and name == choice
        lines.append(
            f"| {f'**{name}**, recommended' if ours else name} | {row.candidate.maker} "
            f"| {row.bytes / 1e3:.1f} | {row.share:.3f} | {row.snr_db:.1f} dB "
            f"| {row.milliseconds / base:.2f} | {'yes' if index in front else ''} |"
        )
    return "\n".join(lines)


def versions() -> str:
    """Return what ran, with versions, as each environment tells."""
    wanted = {
        "plain": ("tensorflow", "ai-edge-litert"),
        "quantizer": ("ai-edge-quantizer",),
        "onnx": ("onnxruntime", "tf2onnx"),
        "executorch": ("executorch", "torch"),
    }
    found = []
    for name, packages in wanted.items():
        code = f"from importlib.metadata import version as v; print(*map(v, {packages!r}))"
        shown = subprocess.run(
            [environment(name), "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        found += [f"{package} {version}" for package, version in zip(packages, shown, strict=True)]
    return ", ".join(found)


def run(*command: object, allow: tuple[int, ...] = (0,)) -> None:
    words = [str(word) for word in command]
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    if ended.returncode not in allow:
        raise SystemExit(
            f"{' '.join(words)} ended with {ended.returncode}:\n{ended.stderr[-3000:]}"
        )


if __name__ == "__main__":
    main()

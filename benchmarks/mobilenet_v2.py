"""Measure `mobilekit convert` against the plain script, and write the figures into README.md.

    .venv/bin/python benchmarks/mobilenet_v2.py

Both sides turn the same MobileNetV2 into the same eleven artifacts; ours also checks every one of
them. They take turns, so that a machine that gets slower or faster meets both alike. Memory is
sampled in a round of its own, because reading it slows what is measured.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from page import machine, mobilekit, mobilenet_v2_project, versions, write_section

HERE = Path(__file__).resolve().parent
ARTIFACTS = 11
HELP_RUNS = 11
MEMORY_INTERVAL_S = 0.1
VERSIONS = ("tensorflow", "keras", "coremltools", "ai-edge-litert", "numpy", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Seconds of every run, and the peak of memory of one more run, in bytes."""

    cold: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    rebuild: list[float] = field(default_factory=list)
    help: list[float] = field(default_factory=list)
    cold_memory: int = 0
    plain_memory: int = 0


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The project to convert, and a folder for everything that the runs write."""

    project: Path
    work: Path

    def ours(self) -> list[str]:
        """Return the command of our side."""
        folder = self.work / "ours"
        return [
            mobilekit(),
            "convert",
            str(self.project / "mobilekit.toml"),
            *("--out", str(folder / "release"), "--cache", str(folder / "cache")),
        ]

    def plain(self) -> list[str]:
        """Return the command of the other side."""
        script = HERE / "plain_conversion.py"
        return [sys.executable, str(script), str(self.project), str(self.work / "plain")]

    def reset(self, side: str) -> None:
        """Remove what a side wrote, its cache included."""
        shutil.rmtree(self.work / side, ignore_errors=True)

    def check(self, folder: str) -> None:
        """Stop unless the run left every artifact: a figure of half the work would be a lie."""
        found = [
            path
            for path in (self.work / folder).iterdir()
            if path.suffix in (".tflite", ".mlpackage")
        ]
        if len(found) != ARTIFACTS:
            raise SystemExit(f"{folder} holds {len(found)} artifacts instead of {ARTIFACTS}")


def start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command with its output in a file."""
    with log.open("wb") as stream:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )


def seconds(command: list[str], log: Path) -> float:
    """Run a command and return its wall time."""
    started = time.perf_counter()
    status = start(command, log).wait()
    elapsed = time.perf_counter() - started
    stop_if_failed(command, status, log)
    return elapsed


def stop_if_failed(command: list[str], status: int, log: Path) -> None:
    """Stop the benchmark when a command failed, and show what it said."""
    if status != 0:
        text = log.read_text(encoding="utf-8", errors="replace")
        raise SystemExit(f"{' '.join(command)} ended with status {status}:\n{text[-3000:]}")


def tree_memory(process: psutil.Process) -> int:
    """Return the memory of a process and all its descendants, in bytes.

    Forked processes share pages, and a sum of resident sizes would count those again for each.
    Linux tells each process's proportional share (PSS); elsewhere its own pages (USS) are taken.
    """
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            info = each.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError, ProcessLookupError):
            continue  # It ended while we looked.
        total += getattr(info, "pss", info.uss)
    return total


def peak_memory(command: list[str], log: Path) -> int:
    """Run a command and return the highest memory of its whole process tree, in bytes."""
    running = start(command, log)
    process = psutil.Process(running.pid)
    peak = 0
    while running.poll() is None:
        try:
            peak = max(peak, tree_memory(process))
        except psutil.NoSuchProcess:
            break
        time.sleep(MEMORY_INTERVAL_S)
    stop_if_failed(command, running.wait(), log)
    return peak


def measure(bench: Bench, rounds: int, say: Callable[[str], None]) -> Figures:
    """Run both sides in turn, `rounds` times each, then once each for memory."""
    figures = Figures()
    log = bench.work / "log.txt"
    for number in range(rounds):
        bench.reset("ours")
        figures.cold.append(seconds(bench.ours(), log))
        bench.check("ours/release/models")
        bench.reset("plain")
        figures.plain.append(seconds(bench.plain(), log))
        bench.check("plain")
        figures.rebuild.append(seconds(bench.ours(), log))
        bench.check("ours/release/models")
        say(
            f"round {number + 1} of {rounds}: mobilekit {figures.cold[-1]:.1f} s, "
            f"plain script {figures.plain[-1]:.1f} s, rebuild {figures.rebuild[-1]:.2f} s"
        )
    for _ in range(HELP_RUNS):
        figures.help.append(seconds([mobilekit(), "--help"], log))
    say("one more run of each for memory")
    bench.reset("ours")
    bench.reset("plain")
    return Figures(
        cold=figures.cold,
        plain=figures.plain,
        rebuild=figures.rebuild,
        help=figures.help,
        cold_memory=peak_memory(bench.ours(), log),
        plain_memory=peak_memory(bench.plain(), log),
    )


def spread(values: list[float]) -> str:
    """Return the median with the least and the greatest value, in seconds."""
    return f"{statistics.median(values):.2f} s ({min(values):.2f} to {max(values):.2f})"


def table(figures: Figures) -> str:
    """Render the figures for README.md."""
    ratio = statistics.median(figures.cold) / statistics.median(figures.plain)
    rounds = len(figures.cold)
    rows = [
        ("", "mobilekit", "plain script", "runs"),
        ("---", "---", "---", "---"),
        ("checks on the CPU", "every TFLite file, twice; every package", "none", ""),
        ("cold build", spread(figures.cold), spread(figures.plain), f"{rounds} each"),
        ("cold build, ratio of the medians", f"{ratio:.2f}", "1", ""),
        ("unchanged rebuild", spread(figures.rebuild), "as cold", str(rounds)),
        (
            "peak memory of all processes",
            f"{figures.cold_memory / 1e9:.2f} GB",
            f"{figures.plain_memory / 1e9:.2f} GB",
            "1 each",
        ),
        ("`mobilekit --help`", spread(figures.help), "", str(len(figures.help))),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def circumstances() -> str:
    """Say when and on what the figures were measured."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{machine()}, {memory:.0f} GiB of memory, {versions(VERSIONS)}. Medians, with the least "
        "and the greatest run in brackets."
    )


def main() -> None:
    """Measure, print the table and write it into README.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each side runs")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "benchmark")
    parser.add_argument("--dry", action="store_true", help="leave README.md as it is")
    options = parser.parse_args()

    bench = Bench(project=mobilenet_v2_project(options.work), work=options.work)
    figures = measure(bench, options.rounds, lambda text: print(text, flush=True))
    text = f"{table(figures)}\n\n{circumstances()}"
    print(text)
    if not options.dry:
        write_section("mobilenet_v2", text)


if __name__ == "__main__":
    main()

"""Asks Vela, Arm's compiler for the Ethos-U NPUs, which nodes it compiles for them.

What it leaves to the CPU stays in the file that it writes, the rest becomes commands for the NPU.
That is the compiler's real answer about where nodes run. Its cycles and its use of memory are its
own estimates, and nothing here was run on an NPU.
"""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilekit_converters.errors import TargetError
from mobilekit_converters.operator_graph import GraphNode, OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.coverage import Answer, Coverage, Objection
from mobilekit_delegates.coverage.macs import macs
from mobilekit_delegates.coverage.partitions import crossings, partition
from mobilekit_delegates.targets.target import Missing

MACS = {
    "ethos_u55": (32, 64, 128, 256),
    "ethos_u65": (256, 512),
    "ethos_u85": (128, 256, 512, 1024, 2048),
}
"""How many multiply-accumulates a cycle each NPU is built for: Vela's `--accelerator-config`."""

_COMMANDS = "ethos-u"
"""The custom operator that holds commands for the NPU."""

_SECONDS = 600

_BROKEN = re.compile(
    r"^Warning \(supported operators\) operator: [^\n]*?, ofm: '(?P<tensor>[^\n]*)'\n"
    r"(?P<rule>.+(?:\n.+)*)",
    re.MULTILINE,
)
_DYNAMIC = re.compile(r"^Tensor '(?P<tensor>.*)' has a dynamic signature", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class VelaEstimate:
    """What Vela itself expects of one run: its own model of the NPU, no measurement.

    `memory` is its use of each kind of memory in KiB, by Vela's own names.
    """

    system: str
    memory_mode: str
    cycles: int
    milliseconds: float
    megahertz: float
    memory: Mapping[str, float]

    def __str__(self) -> str:
        memory = ", ".join(f"{size:.1f} KiB of {name}" for name, size in self.memory.items())
        return (
            f"by its own estimate {self.cycles:,} cycles, {self.milliseconds:.3g} ms at "
            f"{self.megahertz:g} MHz{', ' if memory else ''}{memory} ({self.system}, "
            f"{self.memory_mode})"
        )


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """A file that Vela compiled: an answer for each node of each graph, and what it expects.

    Where no node runs on the NPU there is no `estimate`.
    """

    graphs: tuple[OperatorGraph, ...]
    answers: tuple[tuple[Answer, ...], ...]
    estimate: VelaEstimate | None


class VelaAsker:
    """Vela for one NPU, at the number of multiply-accumulates that its table has by default."""

    def __init__(self, delegate: str, macs_per_cycle: int) -> None:
        """Choose an NPU, such as `ethos_u55` with 256."""
        self._delegate = delegate
        self._macs = macs_per_cycle

    def missing(self) -> Missing | None:
        """Say whether Vela is installed."""
        return why_vela_is_missing()

    def ask(self, path: Path) -> tuple[Coverage, ...]:
        """Return what Vela compiles for the NPU.

        Raises:
            SourceError: the file cannot be read.
            TargetError: Vela fails on it, or crashes.
        """
        accelerator = f"{self._delegate.replace('_', '-')}-{self._macs}"
        compiled = compile_with_vela(path, accelerator)
        expects = "" if compiled.estimate is None else f"; {compiled.estimate}"
        return tuple(
            self._coverage(graph, answers, f"Vela {vela_version()} for {accelerator}{expects}")
            for graph, answers in zip(compiled.graphs, compiled.answers, strict=True)
        )

    def _coverage(self, graph: OperatorGraph, answers: tuple[Answer, ...], place: str) -> Coverage:
        parts = partition(graph, [answer.taken or answer.free for answer in answers])
        return Coverage(
            delegate=self._delegate,
            level=self._macs,
            basis="compiled",
            place=place,
            answers=answers,
            macs=tuple(macs(graph, node) for node in graph.nodes),
            partitions=parts,
            crossings=crossings(graph, parts),
        )


def why_vela_is_missing() -> Missing | None:
    """Say whether Vela is installed."""
    if importlib.util.find_spec("ethosu") is None:
        return Missing(
            reason="Vela, Arm's compiler for Ethos-U, is not installed.",
            command="pip install 'mobilekit[ethos-u]'",
        )
    return None


def vela_version() -> str:
    """Return Vela's version."""
    return importlib.metadata.version("ethos-u-vela")


def compile_with_vela(path: Path, accelerator: str) -> Compiled:
    """Compile a `.tflite` file, and say where its nodes run.

    Args:
        path: the file.
        accelerator: as Vela names it, such as `ethos-u55-256`.

    Raises:
        SourceError: the file cannot be read.
        TargetError: Vela fails on it, or crashes; the message says what it said.
    """
    graphs = read_graphs(path)
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as name:
        folder = Path(name)
        # Vela calls nodes by their tensors, whose names need not differ.
        source = folder / "model.tflite"
        source.write_bytes(_numbered(path.read_bytes()))
        said = _run(path, source, accelerator, folder / "out")
        left = _left(path, folder / "out" / "model_vela.tflite")
        estimate = _estimate(folder / "out")
    rules = {found["tensor"]: found["rule"] for found in _BROKEN.finditer(said)}
    dynamic = {found["tensor"] for found in _DYNAMIC.finditer(said)}
    answers = tuple(
        tuple(
            _answer(graph, node, _key(node, names), left, rules, dynamic & _outputs(node, names))
            for node in graph.nodes
        )
        for graph, names in _named(graphs)
    )
    kept = sum(_key(node, names) in left for graph, names in _named(graphs) for node in graph.nodes)
    if kept != len(left):
        raise TargetError(
            f"Vela leaves {len(left)} operators of {path.name} to the CPU, and {kept} of them are "
            "in the file: what it wrote cannot be read."
        )
    return Compiled(
        graphs=graphs,
        answers=answers,
        estimate=estimate if kept < sum(len(graph.nodes) for graph in graphs) else None,
    )


def _numbered(content: bytes) -> bytes:
    """Return a file with its tensors called after their graph and number: `g0t12`."""
    import flatbuffers  # type: ignore[import-untyped]
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for number, graph in enumerate(model.subgraphs):
        for index, tensor in enumerate(graph.tensors):
            tensor.name = f"g{number}t{index}".encode()
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _run(path: Path, source: Path, accelerator: str, out: Path) -> str:
    """Run Vela and return what it said."""
    command = [sys.executable, "-m", "ethosu.vela", "--accelerator-config", accelerator]
    try:
        done = subprocess.run(
            [*command, "--output-dir", str(out), str(source)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TargetError(f"Vela did not compile {path.name} within {_SECONDS} s.") from error
    lines = [line for line in done.stdout.strip().splitlines() if line.strip()]
    last = f" It last said: {lines[-1].strip()}" if lines else ""
    if done.returncode < 0:
        raise TargetError(f"Vela crashes on {path.name} (signal {-done.returncode}).{last}")
    if done.returncode:
        raise TargetError(f"Vela cannot compile {path.name} for {accelerator}.{last}")
    return done.stdout


def _left(path: Path, compiled: Path) -> frozenset[tuple[str, ...]]:
    """Return what stays on the CPU, by the names of tensors."""
    if not compiled.is_file():
        raise TargetError(f"Vela wrote no file for {path.name}.")
    return frozenset(
        _key(node, [tensor.name for tensor in graph.tensors])
        for graph in read_graphs(compiled)
        for node in graph.nodes
        if node.operator != _COMMANDS
    )


def _named(
    graphs: Iterable[OperatorGraph],
) -> Iterable[tuple[OperatorGraph, Sequence[str]]]:
    for number, graph in enumerate(graphs):
        yield graph, [f"g{number}t{index}" for index in range(len(graph.tensors))]


def _key(node: GraphNode, names: Sequence[str]) -> tuple[str, ...]:
    """Name a node by its first output, or by what it reads where it has none."""
    outputs = [names[index] for index in node.outputs if index >= 0]
    return (outputs[0],) if outputs else ("reads", *(names[i] for i in node.inputs if i >= 0))


def _outputs(node: GraphNode, names: Sequence[str]) -> set[str]:
    return {names[index] for index in node.outputs if index >= 0}


def _answer(
    graph: OperatorGraph,
    node: GraphNode,
    key: tuple[str, ...],
    left: frozenset[tuple[str, ...]],
    rules: Mapping[str, str],
    dynamic: set[str],
) -> Answer:
    if graph.is_free(node):
        return Answer(taken=True, free=True)
    if key in left:
        rule = rules.get(key[0], "")
        reason = "; ".join(map(_without_tensor, rule.splitlines())) or _UNNAMED
        remedy = _QUANTISE if "DataType Float" in rule else ""
        objection = Objection(reason=reason, source=_SOURCE, remedy=remedy)
        return Answer(taken=False, objections=(objection,))
    warnings = (_FIRST_SIZE,) if dynamic else ()
    return Answer(taken=True, warnings=warnings)


_SOURCE = "Vela's own log"
_UNNAMED = "it stays on the CPU, and Vela names no rule: what is around it does too, as a rule"
_FIRST_SIZE = Objection(
    reason="Vela compiles it for the size that the file gives, and it is only known when it runs",
    source=_SOURCE,
    remedy="fix the shapes of the model",
)
_QUANTISE = "convert it as tflite-int8 or tflite-int16x8"
"""The remedy for nodes of floats: the NPUs compute in whole numbers alone."""


def _without_tensor(line: str) -> str:
    """Return a line of a rule without the names of tensors, which are numbers of ours."""
    return re.sub(r"\s*\(g\d+t\d+\w*\)", "", line.removeprefix("Reason: ").strip())


def _estimate(out: Path) -> VelaEstimate | None:
    """Read Vela's summary; None where there is none or it has no cycles."""
    for file in sorted(out.glob("model_summary_*.csv")):
        with file.open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                return _summary(row)
    return None


_MEMORIES = {
    "sram_memory_used": "SRAM",
    "dram_memory_used": "DRAM",
    "on_chip_flash_memory_used": "on-chip flash",
    "off_chip_flash_memory_used": "off-chip flash",
}


def _summary(row: Mapping[str, str]) -> VelaEstimate | None:
    try:
        cycles = int(float(row["cycles_total"]))
        sizes = {name: float(row[column]) for column, name in _MEMORIES.items()}
        return VelaEstimate(
            system=row["system_config"],
            memory_mode=row["memory_mode"],
            cycles=cycles,
            milliseconds=float(row["inference_time"]) * 1e3,
            megahertz=float(row["core_clock"]) / 1e6,
            memory={name: size for name, size in sizes.items() if size},
        )
    except (KeyError, ValueError) as error:
        raise TargetError(f"Vela's summary cannot be read ({error!r}).") from error

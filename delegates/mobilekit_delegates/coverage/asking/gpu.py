"""Asks LiteRT's GPU accelerator, on this machine's Vulkan device.

Told to use nothing but the GPU, the accelerator either takes a file whole, or names operators with
the rules that they break and says how many nodes it leaves. Which nodes of these operators it means
it shows when it is asked about each alone.
"""

from __future__ import annotations

import importlib.metadata
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from mobilekit_converters.errors import TargetError
from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.asking.single_nodes import SingleNodes
from mobilekit_delegates.coverage.coverage import Answer, Coverage, Objection
from mobilekit_delegates.coverage.macs import macs
from mobilekit_delegates.coverage.partitions import crossings, kept, partition
from mobilekit_delegates.targets import vulkan
from mobilekit_delegates.targets.gpu import Gpu
from mobilekit_delegates.targets.gpu_refusals import Coverage as Reply
from mobilekit_delegates.targets.gpu_refusals import Refusal, read_coverage
from mobilekit_delegates.targets.target import Missing

_NOT_ALONE = "Some ops are not accelerated"
_FAILED = "it fails on the node"
_MOST_PARTS = 1
"""It keeps one connected part of a graph: `DelegatePrepare` in LiteRT's delegate_webgpu.cc."""


class GpuAsker:
    """The accelerator on the best Vulkan device."""

    def missing(self) -> Missing | None:
        """Say whether LiteRT, its accelerator or Vulkan is missing."""
        return Gpu(exact=False).missing()

    def ask(self, path: Path) -> tuple[Coverage, ...]:
        """Return what the accelerator takes of a file.

        Raises:
            SourceError: the file cannot be read.
            TargetError: there is no device, or LiteRT refuses the file itself.
        """
        graphs = read_graphs(path)
        devices = vulkan.devices()
        if not devices or not devices[0].sufficient:
            raise TargetError("The GPU accelerator can use no Vulkan device of this machine.")
        with vulkan.only(devices[0].manifest):
            return _Questions(path, graphs, str(devices[0])).coverages()


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What it said of one file: the reply is None where it took all of it."""

    reply: Reply | None
    error: str = ""


@dataclass
class _Questions:
    """One file's questions, each put once."""

    path: Path
    graphs: tuple[OperatorGraph, ...]
    device: str
    _asked: dict[bytes, _Said] = field(default_factory=dict)

    def coverages(self) -> tuple[Coverage, ...]:
        said = _ask(self.path)
        if said.reply is None:
            return tuple(self._coverage(graph, self._all_taken(graph)) for graph in self.graphs)
        if said.reply.left is not None:
            return self._by_node(said.reply)
        if damage := _damage(self.path):
            raise TargetError(f"LiteRT refuses {self.path.name} itself: {damage}.")
        return self._by_node(None, f"it fails on the graph as a whole: {said.error}")

    def _by_node(self, reply: Reply | None, failure: str = "") -> tuple[Coverage, ...]:
        """Ask about single nodes; a `failure` on the whole leaves none of them taken."""
        single = SingleNodes(self.path.read_bytes())
        found = []
        for index, graph in enumerate(self.graphs):
            answers = self._answers(single, index, graph, reply)
            if failure:
                answers = [_left(answer, failure) for answer in answers]
            parts = partition(graph, [answer.taken or answer.free for answer in answers])
            inside = kept(parts, _MOST_PARTS)
            found.append(
                self._coverage(
                    graph,
                    tuple(
                        answer if not answer.taken or node in inside else _CUT_OFF
                        for node, answer in enumerate(answers)
                    ),
                )
            )
        return tuple(found)

    def _answers(
        self, single: SingleNodes, index: int, graph: OperatorGraph, reply: Reply | None
    ) -> list[Answer]:
        named = None if reply is None else {refusal.operator for refusal in reply.refusals}
        answers = []
        for node, operator in enumerate(graph.nodes):
            if graph.is_free(graph.nodes[node]):
                answers.append(_FREE)
            elif named is not None and operator.operator not in named and not operator.custom:
                answers.append(_TAKEN)
            else:
                answers.append(self._answer(single.cut_out(index, graph, node)))
        return answers

    def _answer(self, content: bytes) -> Answer:
        if content not in self._asked:
            with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
                file.write(content)
                file.flush()
                self._asked[content] = _ask(Path(file.name))
        said = self._asked[content]
        if said.reply is None:
            return _TAKEN
        if said.reply.left is None:
            return Answer(taken=False, objections=(Objection(reason=f"{_FAILED}: {said.error}"),))
        return Answer(taken=False, objections=tuple(map(_objection, said.reply.refusals)))

    def _all_taken(self, graph: OperatorGraph) -> tuple[Answer, ...]:
        nodes = range(len(graph.nodes))
        return tuple(_FREE if graph.is_free(graph.nodes[node]) else _TAKEN for node in nodes)

    def _coverage(self, graph: OperatorGraph, answers: tuple[Answer, ...]) -> Coverage:
        parts = partition(graph, [answer.taken or answer.free for answer in answers])
        return Coverage(
            delegate="gpu",
            level=_level(),
            basis="measured",
            place=f"LiteRT {_version()}'s GPU accelerator on {self.device}",
            answers=answers,
            macs=tuple(macs(graph, node) for node in graph.nodes),
            partitions=parts,
            crossings=crossings(graph, parts),
        )


_TAKEN = Answer(taken=True)
_FREE = Answer(taken=True, free=True)
_CUT_OFF = Answer(
    taken=False,
    cut_off=True,
    objections=(Objection(reason="it lies outside of the one part that it keeps of a graph"),),
)


def _left(answer: Answer, failure: str) -> Answer:
    if answer.free or not answer.taken:
        return answer
    return Answer(taken=False, cut_off=True, objections=(Objection(reason=failure),))


def _objection(refusal: Refusal) -> Objection:
    return Objection(reason=refusal.rule or "it gives no rule", source="the accelerator's own log")


def _ask(path: Path) -> _Said:
    """Compile a file for the GPU alone."""
    from ai_edge_litert.compiled_model import CompiledModel, CpuOptions, GpuOptions, Options
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator

    from mobilekit_delegates.targets.litert_compiled import captured_stderr

    options = Options(
        hardware_accelerators=HardwareAccelerator.GPU,
        gpu_options=GpuOptions(enforce_f32=False),
        cpu_options=CpuOptions(num_threads=1),
    )
    log: list[str] = []
    try:
        with captured_stderr(log.append):
            CompiledModel.from_file(str(path), options=options)
    except (RuntimeError, ValueError) as error:
        return _Said(reply=read_coverage("".join(log)), error=_words(str(error), "".join(log)))
    return _Said(reply=None)


def _damage(path: Path) -> str:
    """Return why LiteRT's plain interpreter does not accept a file; empty where it does."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    try:
        Interpreter(str(path), experimental_op_resolver_type=plain).allocate_tensors()
    except (RuntimeError, ValueError) as error:
        return str(error).strip().splitlines()[-1]
    return ""


def _words(error: str, log: str) -> str:
    """Return what went wrong: LiteRT's own lines of errors, else the exception's last one."""
    errors = [line.removeprefix("ERROR: ") for line in log.splitlines() if line[:7] == "ERROR: "]
    return "; ".join(dict.fromkeys(errors)) or error.splitlines()[-1].strip("└ ")


def _version() -> str:
    return importlib.metadata.version("ai-edge-litert")


def _level() -> float:
    """Return LiteRT's version as the table of rules counts it: 2.3 for 2.3.0."""
    return float(".".join(_version().split(".")[:2]))

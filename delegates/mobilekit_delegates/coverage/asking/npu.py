"""Asks the compilers of phones' NPUs, through LiteRT's plug-ins, how many nodes they take.

The plug-ins are in LiteRT's wheel; each needs its vendor's SDK, which is not. Without the SDK there
is no answer: a plug-in's own list says what it can write down, not what the compiler accepts.

No compiler was ever run: none of the SDKs could be had where this was written. LiteRT's side of it,
`ai_edge_litert.aot` of version 2.3, was run up to where it misses them.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import platform
import re
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mobilekit_converters.errors import TargetError
from mobilekit_converters.operator_graph import OperatorGraph
from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.coverage import Coverage
from mobilekit_delegates.coverage.macs import macs
from mobilekit_delegates.targets.litert_interpreter import litert_version, why_litert_is_missing
from mobilekit_delegates.targets.target import Missing

_LOG = re.compile(r"See (?P<log>\S+\.error) for details")

Counts = Mapping[int, tuple[int, int]]
"""How many nodes were taken and left, by the number of the graph."""


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """A vendor's compiler, whose name in `ai_edge_litert.aot.vendors` is that of the delegate.

    `chip` is the one that is asked about, a phone's of the last years. `sdk` is the package with
    the SDK, and `get` the way to it; both are empty where there is none.
    """

    title: str
    chip: str
    sdk: str = ""
    get: str = ""


VENDORS = {
    "qualcomm": Vendor(
        title="Qualcomm's",
        chip="SM8750",
        sdk="ai_edge_litert_sdk_qualcomm",
        get="pip install ai-edge-litert-sdk-qualcomm, which downloads Qualcomm's AI Runtime",
    ),
    "mediatek": Vendor(
        title="MediaTek's",
        chip="MT6991",
        sdk="ai_edge_litert_sdk_mediatek",
        get="pip install ai-edge-litert-sdk-mediatek, which downloads MediaTek's NeuroPilot",
    ),
    "google_tensor": Vendor(
        title="Google Tensor's",
        chip="Tensor_G5",
        sdk="ai_edge_litert_sdk_google_tensor",
        get="pip install ai-edge-litert-sdk-google-tensor, which downloads Google's SDK",
    ),
    "samsung": Vendor(
        title="Samsung's",
        chip="E9965",
    ),
}
"""By delegate. The chips are of `aot/vendors/*/target.py` in LiteRT 2.3."""


class NpuAsker:
    """One vendor's compiler."""

    def __init__(self, delegate: str) -> None:
        """Choose a vendor by the delegate's name."""
        self._delegate = delegate
        self._vendor = VENDORS[delegate]

    def missing(self) -> Missing | None:
        """Say what is missing: LiteRT, a system that the compilers are for, or the SDK."""
        vendor = self._vendor
        missing = why_litert_is_missing()
        if missing is not None:
            return missing
        if not (sys.platform.startswith("linux") and platform.machine() == "x86_64"):
            return Missing(reason=f"{vendor.title} compiler runs on Linux on x86-64 alone.")
        if not vendor.sdk:
            return Missing(
                reason=f"{vendor.title} compiler needs Samsung's SDK, which no package index has; "
                "LiteRT 2.3's plug-in for it does not load on Linux either."
            )
        package = importlib.util.find_spec(vendor.sdk)
        if package is None or not _holds_libraries(Path(str(package.origin)).parent):
            return Missing(
                reason=f"{vendor.title} compiler is not here: the package is missing, or was "
                "installed where its download could not be reached, and holds nothing.",
                command=vendor.get,
            )
        return None

    def ask(self, path: Path) -> tuple[Coverage, ...]:
        """Return how many nodes the compiler takes of each graph.

        Raises:
            SourceError: the file cannot be read.
            TargetError: the compiler fails; the message says what it said.
        """
        graphs = read_graphs(path)
        return coverages(self._delegate, graphs, compile_for_npu(path, self._delegate))


def compile_for_npu(path: Path, delegate: str) -> Counts:
    """Compile a `.tflite` file with a vendor's compiler.

    Raises:
        TargetError: the compiler is not here, or fails; the message says what it said.
    """
    from ai_edge_litert.aot import aot_compile

    vendor = VENDORS[delegate]
    module = importlib.import_module(f"ai_edge_litert.aot.vendors.{delegate}.target")
    target = module.Target(module.SocModel(vendor.chip))
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        try:
            # It draws a progress bar.
            with contextlib.redirect_stderr(io.StringIO()):
                made = aot_compile.aot_compile(
                    str(path), output_dir=folder, target=target, keep_going=False
                )
        except (ValueError, OSError) as error:
            raise TargetError(
                f"{vendor.title} compiler fails on {path.name}: {_last_words(str(error))}"
            ) from error
        stats = [model.partition_stats for model in made.models]
    return {
        item.subgraph_index: (
            item.num_ops_offloaded,
            item.num_total_ops - item.num_ops_offloaded,
        )
        for found in stats
        if found is not None
        for item in found.subgraph_stats
    }


def coverages(
    delegate: str, graphs: tuple[OperatorGraph, ...], counts: Counts
) -> tuple[Coverage, ...]:
    """Return what a compiler said of graphs: numbers alone, for it names no nodes.

    Raises:
        TargetError: it says nothing of one of them.
    """
    vendor = VENDORS[delegate]
    for index, graph in enumerate(graphs):
        if index not in counts:
            raise TargetError(f"{vendor.title} compiler says nothing of the graph {graph.name!r}.")
    version = litert_version()
    return tuple(
        Coverage(
            delegate=delegate,
            # As tables of rules count it: 2.3 for 2.3.0.
            level=float(".".join(version.split()[-1].split(".")[:2])),
            basis="compiled",
            place=f"{vendor.title} compiler for {vendor.chip} in {version}",
            answers=(),
            macs=tuple(macs(graph, node) for node in graph.nodes),
            counted=counts[index],
        )
        for index, graph in enumerate(graphs)
    )


def _last_words(error: str) -> str:
    """Return what went wrong; LiteRT leaves a log behind, which is read and removed."""
    found = _LOG.search(error)
    if found is None:
        return error
    log = Path(found["log"])
    text = log.read_text("utf-8", "replace")
    log.unlink()
    lines = [line for line in text.splitlines() if line.startswith(("ERROR", "WARNING", "└"))]
    # The tool's own last line says that a plug-in failed; the plug-in's say why.
    reasons = [line for line in lines if "apply_plugin.cc" not in line]
    return reasons[-1].strip("└ ") if reasons else error


def _holds_libraries(folder: Path) -> bool:
    return any(folder.rglob("*.so*"))

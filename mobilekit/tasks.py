"""The steps of a build, as functions that run in worker processes.

Each fills the folder `output` and returns a value. Heavy libraries are imported inside.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mobilekit.cache import stored_value
from mobilekit.inspecting.results import ArtifactCoverage
from mobilekit.parity.budgets import Budget
from mobilekit.parity.golden import GoldenRequest
from mobilekit.parity.inputs import InputFacts
from mobilekit.results import Check, Drift, GoldenFacts, NodesTaken
from mobilekit_converters.adaptations.adaptation import AdaptedModel
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.coreml.options import CoreMLOptions
from mobilekit_converters.signature import Signature
from mobilekit_converters.sources import SourceOptions
from mobilekit_converters.tflite.options import TFLiteOptions
from mobilekit_converters.variants import Format, Variant

FROZEN = "frozen"
GOLDEN = "golden.npz"
STORED_GOLDEN = "golden"
CALIBRATION = "calibration.npz"

CHECK_MODULES: dict[Format, tuple[str, ...]] = {
    "tflite": ("ai_edge_litert.interpreter", "mobilekit.parity.checks"),
    "coreml": ("coremltools.proto.Model_pb2", "onnxruntime", "mobilekit.parity.checks"),
}
"""What processes that only check artifacts of a format are forked with."""


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """What a source says of itself when it is loaded."""

    kind: str
    signature: Signature
    parameters: int | None


@dataclass(frozen=True, kw_only=True)
class StageNodes:
    """What a delegate takes after a rewrite; nothing where that rewrite did not apply."""

    counts: tuple[NodesTaken, ...] = ()


def read_source(path: Path, options: SourceOptions, output: Path | None = None) -> SourceFacts:  # noqa: ARG001
    """Load a source and say what it is. It leaves no files in `output`."""
    from mobilekit_converters.sources import open_source

    source = open_source(path, options)
    return SourceFacts(kind=source.kind, signature=source.signature, parameters=source.parameters)


def freeze_source(path: Path, options: SourceOptions, output: Path) -> SourceFacts:
    """Load a source and write it as a frozen model, for the converters."""
    from mobilekit_converters.sources import open_source

    source = open_source(path, options)
    source.freeze(output / FROZEN)
    return SourceFacts(kind=source.kind, signature=source.signature, parameters=source.parameters)


def adapt_model(
    frozen: Path, delegates: tuple[str, ...], changes: tuple[str, ...], output: Path
) -> AdaptedModel:
    """Write a frozen model with its graph rewritten, and keep the graph after each rewrite."""
    from mobilekit_converters.adaptations.adapt import STAGES, adapt_frozen
    from mobilekit_converters.adaptations.table import adaptations_for

    wanted = adaptations_for(delegates, changes)
    return adapt_frozen(frozen, wanted, delegates, output / FROZEN, output / STAGES)


def count_nodes(
    conversion: Path,
    variant: Variant,
    delegate: str,
    output: Path,  # noqa: ARG001 - every step has a folder; this one leaves no files
) -> NodesTaken:
    """Say how many nodes a delegate takes of an artifact, from the entry of its conversion."""
    from mobilekit.adapting.counting import nodes_taken

    return nodes_taken(conversion / variant.file_name, variant.name, delegate)


def count_nodes_of_stage(
    adapted: Path,
    adaptation: str,
    frozen: Path,
    variant: Variant,
    options: TFLiteOptions,
    delegate: str,
    output: Path,  # noqa: ARG001 - as above
) -> StageNodes:
    """Convert the graph as it was after a rewrite, and ask about that.

    `adapted` is the cache entry of `adapt_model`, `frozen` what it was made from.
    """
    from mobilekit.adapting.counting import nodes_taken
    from mobilekit_converters import tflite
    from mobilekit_converters.adaptations.adapt import STAGES, write_stage

    stage = adapted / STAGES / f"{adaptation}.pb"
    if not stage.exists():
        return StageNodes()
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        write_stage(stage, frozen, Path(folder) / FROZEN)
        file = Path(folder) / variant.file_name
        tflite.convert(variant, Path(folder) / FROZEN, file, options, None)
        return StageNodes(counts=(nodes_taken(file, variant.name, delegate),))


def make_golden(
    path: Path, options: SourceOptions, request: GoldenRequest, output: Path
) -> GoldenFacts:
    """Choose or generate the inputs, and store the source's own outputs for them."""
    from mobilekit.parity.golden import make, write_golden
    from mobilekit_converters.sources import open_source

    golden, facts = make(open_source(path, options), request)
    golden.save(output / GOLDEN)
    write_golden(output / STORED_GOLDEN, golden)
    return facts


def check_calibration(
    path: Path, facts: Mapping[str, InputFacts], source: Path, output: Path
) -> int:
    """Check calibration data and store it in the source's dtypes. Return how many samples it has.

    `source` is the cache entry of `freeze_source`.
    """
    from mobilekit.parity.data import load_samples, save_arrays

    samples = load_samples(path, stored_value(source, SourceFacts).signature, facts)
    save_arrays(output / CALIBRATION, samples.inputs)
    return len(samples)


def convert_variant(
    variant: Variant,
    frozen: Path,
    options: TFLiteOptions | CoreMLOptions,
    calibration: Path | None,
    parent: Path | None,
    output: Path,
) -> Artifact:
    """Make one variant's artifact and read it back."""
    target = output / variant.file_name
    if isinstance(options, TFLiteOptions):
        from mobilekit_converters import tflite

        return tflite.convert(variant, frozen, target, options, calibration)
    from mobilekit_converters import coreml
    from mobilekit_delegates.tracing.calibration import traced_values

    data = coreml.Calibration(data=calibration, trace=traced_values) if calibration else None
    return coreml.convert(variant, frozen, target, options, parent, data)


def take_artifact(path: Path, variant: Variant, allowed: tuple[str, ...], output: Path) -> Artifact:
    """Take a ready `.tflite` file as it is, and read it back."""
    from mobilekit_converters.tflite import read_artifact

    copy = output / variant.file_name
    shutil.copyfile(path, copy)
    return read_artifact(copy, variant.name, allowed_operators=allowed)


def tell_coverage(
    conversion: Path,
    variant: Variant,
    delegates: tuple[str, ...],
    output: Path,  # noqa: ARG001 - every step has a folder; this one leaves no files
) -> ArtifactCoverage:
    """Estimate what delegates take of an artifact, from the cache entry of its conversion."""
    from mobilekit.inspecting.answers import MOST_CROSSINGS, graph_coverage
    from mobilekit.inspecting.questions import questions
    from mobilekit_converters.artifacts import read_graphs

    asked = [item for item in questions(delegates) if item.format == variant.format]
    return ArtifactCoverage(
        graphs=tuple(
            graph_coverage(graph, asked, most_crossings=MOST_CROSSINGS)
            for graph in read_graphs(conversion / variant.file_name)
        )
    )


def check(
    conversion: Path,
    variant: Variant,
    target: str,
    golden: Path,
    budget: Budget,
    output: Path,  # noqa: ARG001 - every step has a folder; a check leaves no files
) -> Check:
    """Run one artifact, from the cache entry of its conversion, on one target."""
    from mobilekit.parity.checks import CheckRequest, run_check

    artifact = converted(conversion, variant)
    request = CheckRequest(artifact=artifact, target=target, golden=golden, budget=budget)
    return run_check(request)


def locate(
    conversion: Path,
    variant: Variant,
    target: str,
    golden: Path,
    budget: Budget,
    frozen: Path,
    source: Path,
    output: Path,  # noqa: ARG001 - as above
) -> Drift:
    """Find the layer at which an artifact, from the cache entry of its conversion, goes wrong."""
    from mobilekit.parity.locate import LocateRequest
    from mobilekit.parity.locate import locate as search

    return search(
        LocateRequest(
            artifact=converted(conversion, variant),
            target=target,
            golden=golden,
            frozen=frozen,
            budget=budget,
            source=source,
        )
    )


def check_program(
    conversion: Path,
    variant: Variant,
    exact_conversion: Path,
    exact: Variant,
    golden: Path,
    budget: Budget,
    output: Path,  # noqa: ARG001 - as above
) -> Check:
    """Hold one artifact's program against that of a finer variant; both are cache entries."""
    return compare_programs(
        converted(conversion, variant), converted(exact_conversion, exact), golden, budget
    )


def compare_programs(artifact: Artifact, exact: Artifact, golden: Path, budget: Budget) -> Check:
    """Hold an artifact's program against that of a finer variant's artifact."""
    from mobilekit.parity.program.comparison import check_program

    return check_program(artifact, exact, budget, golden)


def converted(conversion: Path, variant: Variant) -> Artifact:
    """Return the artifact in the cache entry of its conversion."""
    return replace(stored_value(conversion, Artifact), path=conversion / variant.file_name)


def read_finished(path: Path) -> Artifact:
    """Read a finished `.tflite` or `.mlpackage`, whose variant is the precision that it shows."""
    from mobilekit_converters.artifacts import read_finished as read

    return read(path)


def check_artifact(artifact: Artifact, target: str, golden: Path, budget: Budget) -> Check:
    """Run an artifact that was read before on one target."""
    from mobilekit.parity.checks import CheckRequest, run_check

    return run_check(CheckRequest(artifact=artifact, target=target, golden=golden, budget=budget))

"""What a build found, as data: one `Report` of `VariantResult`s of `Check`s.

`report.json` is this, written out (schema `mobilekit/report/1`); pages and gates read nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from mobilekit.bench.results import BenchReport
from mobilekit.inspecting.results import Floor, GraphCoverage
from mobilekit_converters.signature import Signature
from mobilekit_delegates.coverage.coverage import Basis
from mobilekit_delegates.planning.plan import Estimate
from mobilekit_delegates.targets.target import Execution

SCHEMA = "mobilekit/report/1"

Status = Literal["pass", "fail", "not_run"]
Verdict = Literal["pass", "fail"]


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How often an error of each size occurs: `counts[i]` lies in `edges[i]` to `edges[i + 1]`.

    Edges are log10 of the absolute error over the reference's root mean square; errors below the
    first edge, zero included, are counted in the first bin and those above the last in the last.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.edges) != len(self.counts) + 1:
            raise ValueError(
                f"{len(self.counts)} bins need {len(self.counts) + 1} edges, not {len(self.edges)}."
            )


@dataclass(frozen=True, kw_only=True)
class LayerDrift:
    """How far one layer's output lies from the source's.

    `layer` is the source's own name, or those of all that were fused; `operator` is the artifact's
    that computes the output. `bound` is the least `snr_db` that it may have: it follows from what
    reaches the layer, because what was lost before it is not its doing.
    """

    layer: str
    operator: str
    snr_db: float
    max_abs: float
    bound: float


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Where an artifact leaves its source: the layers that could be compared, in running order.

    `first` is the index of the first one that is below its bound. `tensors` is how many tensors of
    the artifact were looked at, those that no tensor of the source could be matched with included.
    `sentence` says it in a line: layer, operator, metric, likely cause.
    """

    layers: tuple[LayerDrift, ...]
    tensors: int
    first: int | None
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Check:
    """One artifact on one target against the golden.

    `metrics` holds the worst value over all outputs (`snr_db`, `psnr_db`, `max_abs`, `cosine`) and
    the task's own (`agreement` with `agreement_low` and `agreement_high`, its 95 % Wilson interval,
    `accuracy`, `source_accuracy`, `accuracy_drop`); a metric that could not be computed is absent.
    `execution` says where it ran, and what of it an accelerator took; where `emulated`, its time is
    not a device's. `outputs` holds the tensor metrics by output name. `budget` maps a metric to the
    bound it had to meet. `reason` says in a sentence why the status is not `pass`, and is empty
    otherwise. `drift` is there where somebody looked for the layer that a failure begins at.
    """

    target: str
    status: Status
    reason: str = ""
    samples: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, dict[str, float]] = field(default_factory=dict)
    budget: dict[str, float] = field(default_factory=dict)
    errors: dict[str, Histogram] = field(default_factory=dict)
    seconds: float = 0.0
    required: bool = False
    emulated: bool = False
    execution: Execution = field(default_factory=Execution)
    drift: Drift | None = None


@dataclass(frozen=True, kw_only=True)
class VariantResult:
    """One variant: its artifact, or why there is none, and the checks of it.

    `file` is relative to the release folder. `status` is `built`, or `failed` with the `error` and
    the converter's `log` (a path relative to the release folder). `cached` artifacts were made by
    an earlier build from the same inputs. `structure` lists what the read-back proved.
    `coverage` says of each graph, the main one first, what delegates should take of it, and
    `floors` whether that is enough.
    """

    name: str
    description: str
    status: Literal["built", "failed"]
    file: str = ""
    sha256: str = ""
    bytes: int = 0
    error: str = ""
    log: str = ""
    seconds: float = 0.0
    cached: bool = False
    signature: Signature | None = None
    operators: dict[str, int] = field(default_factory=dict)
    structure: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    coverage: tuple[GraphCoverage, ...] = ()
    floors: tuple[Floor, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The source: its file, its kind (`keras`, `saved-model`, …), its signature."""

    name: str
    source: str
    kind: str
    sha256: str
    bytes: int
    signature: Signature
    parameters: int | None = None


@dataclass(frozen=True, kw_only=True)
class GoldenFacts:
    """The inputs that the checks used.

    `origin` says in a sentence where they come from, `notes` what had to be guessed.
    """

    samples: int
    stored: int
    origin: str
    labelled: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModuleFacts:
    """Code for apps that was generated: for which platform, in which folder of the release.

    `variants` are those whose artifacts it carries. `status` is `generated`, or `missing` with the
    `reason` in a sentence. Nothing of it was compiled by the build.
    """

    platform: str
    language: str
    status: Literal["generated", "missing"]
    folder: str = ""
    package: str = ""
    runtime: str = ""
    variants: tuple[str, ...] = ()
    files: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class PlannedCandidate:
    """An artifact on an accelerator (`cpu`, `gpu`, `npu`, `nnapi`, `neural_engine`)."""

    variant: str
    accelerator: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where apps of a platform should run the model, with a runtime.

    `order` has the best first: apps try them so, after the CPU, which others have to beat.
    `estimates` say how long each may take on devices whose times were published: no measurements.
    """

    platform: Literal["android", "ios"]
    runtime: str
    order: tuple[PlannedCandidate, ...]
    estimates: tuple[Estimate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NodesTaken:
    """How many nodes a delegate takes of a variant's graph.

    `basis` says whether the delegate was asked itself, which `place` then names, or the number is
    an estimate. Where it could not be told, `taken` is None and `reason` says why.
    """

    delegate: str
    variant: str
    basis: Basis
    taken: int | None = None
    nodes: int | None = None
    place: str = ""
    reason: str = ""

    @property
    def share(self) -> float | None:
        """The share that it takes, 0 to 1; None where that could not be told."""
        return self.taken / self.nodes if self.nodes and self.taken is not None else None


@dataclass(frozen=True, kw_only=True)
class AdaptationResult:
    """One rewrite that was tried on the model's graph.

    `places` names the operations that were replaced, `refused` says which were left, and why.
    `snr_db` is the least agreement of old and new over the places, None where the function was
    meant to change. `coverage_before` and `coverage_after` are shares of nodes by delegate, 0 to 1,
    before this rewrite and after it: those before it in the list were applied already.
    """

    name: str
    summary: str
    keeps_function: bool
    places: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    snr_db: float | None = None
    coverage_before: dict[str, float] = field(default_factory=dict)
    coverage_after: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Adaptations:
    """How a model was rewritten for accelerators, and what that won.

    `delegates` and `changes` are what was asked for. `before` and `after` are what delegates take
    of one variant of each format without any rewrite and with all of them, `checks_before` and
    `checks_after` the same two against the golden, by variant and target, such as `tflite-fp32 on
    cpu`.
    """

    delegates: tuple[str, ...]
    changes: tuple[str, ...]
    results: tuple[AdaptationResult, ...]
    before: tuple[NodesTaken, ...] = ()
    after: tuple[NodesTaken, ...] = ()
    checks_before: dict[str, Check] = field(default_factory=dict)
    checks_after: dict[str, Check] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Report:
    """All that a build found. `environment` maps a tool to its version, and the machine's facts.

    `bench` is what the last `mobilekit bench` of the release found. `adaptations` is there where
    somebody asked for the model to be adapted.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    model: ModelFacts
    golden: GoldenFacts
    variants: tuple[VariantResult, ...]
    environment: dict[str, str]
    modules: tuple[ModuleFacts, ...] = ()
    plans: tuple[Plan, ...] = ()
    bench: BenchReport | None = None
    adaptations: Adaptations | None = None
    started: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    schema: str = SCHEMA
    extra: dict[str, Any] = field(default_factory=dict)

"""What a benchmark found, as data. Pages, gates and comparisons read nothing else.

Times are milliseconds of wall-clock time, memory is bytes. Whatever measured them, mobilekit or
another tool whose file was imported, the same classes hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

SCHEMA = "mobilekit/bench/1"

BenchStatus = Literal["measured", "failed", "not_run"]
GateStatus = Literal["pass", "fail", "undecided", "not_run"]
BenchVerdict = Literal["pass", "fail", "undecided"]

RunTimes = tuple[float, ...]
"""The times of neighbouring runs, in the order in which they were measured."""


@dataclass(frozen=True, kw_only=True)
class Latency:
    """One inference after another, when nothing is new to the process any more.

    `rounds` holds times of runs in the order in which they were measured, a tuple for each turn of
    this artifact: between two turns the others had theirs. Of a turn with many runs it has those
    that `kept_runs` keeps, while `runs` and all figures are of every run. A tool that only reported
    figures leaves it empty, and then no interval and no test can be had from it. `median_low_ms`
    and `median_high_ms` bound the median with 95 % confidence; NaN where they are not known, as
    percentiles are that a tool did not report. `stable` says whether the warm-up ended because the
    times had settled, not because it had to end.
    """

    runs: int
    median_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    median_low_ms: float
    median_high_ms: float
    warm_up_runs: int = 0
    stable: bool = True
    rounds: tuple[RunTimes, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Startup:
    """A cold start in a process of its own, once: what an app's user waits for the first time.

    `load_ms` is reading the file, `prepare_ms` what the delegate needs before it can run (NaN where
    the runtime does both in one call), `first_run_ms` the first inference.
    """

    load_ms: float
    prepare_ms: float
    first_run_ms: float


@dataclass(frozen=True, kw_only=True)
class Condition:
    """The state of the device at one moment; empty or NaN where it does not tell."""

    governor: str = ""
    thermal: str = ""
    celsius: float = float("nan")
    load: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class OperatorTime:
    """The time of one operator in runs that were profiled, and its share of all of them.

    The median is over runs, or over blocks of runs where the profiler's clock resolves no single
    one. `name` tells operators of one kind apart: a layer's, or the place in the running order.
    """

    name: str
    operator: str
    median_ms: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One artifact on one target.

    `file_sha256` and `file_bytes` are the artifact's. `place` is the processor, adapter or device.
    Where `emulated`, the times are not a device's, and no gate reads them. `origin` is what
    measured: `mobilekit`, or the tool whose file was imported, with its version where known.
    `peak_memory_bytes` is the whole process's, the language around the runtime included, and
    `bare_memory_bytes` what it held before it loaded the artifact.
    `disturbed` says in a sentence what else the machine did meanwhile; empty where nothing.
    `reason` says why the status is not `measured`. Where it was `required`, because the user named
    the target, that is no pass. `checked` says that the device itself held the answers to the
    golden's in the same run, and they passed. `kept_from` says when it was measured, where that was
    in an earlier run than its report's: the report's noise is of another time.
    """

    variant: str
    target: str
    status: BenchStatus
    reason: str = ""
    file_sha256: str = ""
    file_bytes: int = 0
    place: str = ""
    emulated: bool = False
    origin: str = "mobilekit"
    threads: int | None = None
    affinity: tuple[int, ...] = ()
    latency: Latency | None = None
    startups: tuple[Startup, ...] = ()
    peak_memory_bytes: int | None = None
    bare_memory_bytes: int | None = None
    operators: tuple[OperatorTime, ...] = ()
    before: Condition = field(default_factory=Condition)
    after: Condition = field(default_factory=Condition)
    disturbed: str = ""
    notes: tuple[str, ...] = ()
    required: bool = False
    checked: bool = False
    kept_from: str = ""


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How much this machine's own times vary where nothing changes.

    It is measured with a fixed workload that is the same in every version and on every model: a
    machine that is slower on another day is slower there too, which tells it from an artifact that
    is slower (`baseline`). `reference` says what the workload is, with the versions of what
    computes it. `reference_rounds` holds its times in milliseconds, a turn each time the artifacts
    have theirs, and as long as theirs: one between two of them and not only before all of them.

    `between_rounds` is the standard deviation of the rounds' medians over their median, `within`
    that of single runs, `reference_ms` the median. `sentence` says it in words.
    """

    between_rounds: float
    within: float
    reference_ms: float = float("nan")
    sentence: str = ""
    reference: str = ""
    reference_rounds: tuple[RunTimes, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a time or a memory had to meet, and whether it did.

    `rule` is the bound in words, such as `p90_ms <= 8` or `median not slower than the baseline's by
    more than 5 %`. `undecided` is an answer of its own, for a machine too noisy to tell: never a
    pass. `operators` names those that got slower, where profiles of both sides tell.
    """

    variant: str
    target: str
    rule: str
    status: GateStatus
    measured: float = float("nan")
    bound: float = float("nan")
    reason: str = ""
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """The variant and the accelerator to ship on a platform, and the reason in a sentence."""

    platform: Literal["android", "ios"]
    variant: str
    target: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class BenchReport:
    """All that one `mobilekit bench` found.

    `machine` says where the command ran, and how. Its keys `processor`, `cores` and `system` tell
    it from other machines; two reports are compared where they agree. `signature` is the source's,
    as `files.signature_words` puts it: a model of the same name and signature, trained again, is
    the same model.
    """

    model: str
    source_sha256: str
    verdict: BenchVerdict
    reasons: tuple[str, ...] = ()
    machine: dict[str, str] = field(default_factory=dict)
    noise: Noise | None = None
    benchmarks: tuple[Benchmark, ...] = ()
    gates: tuple[Gate, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    started: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    signature: str = ""
    schema: str = SCHEMA

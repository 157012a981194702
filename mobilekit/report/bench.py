"""The section of a benchmark in the report: its verdict, plots and tables, ready to be laid out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mobilekit.bench.notes import shared_notes
from mobilekit.bench.results import Benchmark, BenchReport, Condition, Gate, Latency
from mobilekit.report.bench_plots import EMULATED, bench_plots
from mobilekit.report.formats import milliseconds, moment, percent, plural, size
from mobilekit.report.plots import Plot
from mobilekit.report.tables import NOT_MEASURED, Badge, Cell, Column, Row, Table
from mobilekit.results import VariantResult

_PLATFORMS = {"android": "Android", "ios": "iOS"}

_BADGES = {
    "pass": Badge(tone="pass", sign="✓", word="pass"),
    "fail": Badge(tone="fail", sign="✕", word="fail"),
    "failed": Badge(tone="fail", sign="✕", word="failed"),
    "undecided": Badge(tone="idle", sign="?", word="undecided"),
    "not_run": Badge(tone="idle", sign="○", word="not run"),
    "measured": Badge(tone="idle", sign="○", word="measured"),
}

_MOST_OPERATORS = 12


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to ship on a platform, and why."""

    platform: str
    choice: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class BenchView:
    """The section, from top to bottom. It is empty where nothing was benchmarked."""

    verdict: Badge | None = None
    lead: str = ""
    advice: tuple[Advice, ...] = ()
    plots: tuple[Plot, ...] = ()
    measured: Table | None = None
    gates: Table | None = None
    idle: Table | None = None
    operators: tuple[Table, ...] = ()
    machine: Table | None = None
    notes: tuple[str, ...] = ()


def bench_view(bench: BenchReport | None, variants: Sequence[VariantResult]) -> BenchView:
    """Return the section of a benchmark."""
    if bench is None:
        return BenchView()
    measured = [item for item in bench.benchmarks if item.status == "measured"]
    idle = [item for item in bench.benchmarks if item.status != "measured"]
    return BenchView(
        verdict=_BADGES[bench.verdict if bench.gates or bench.verdict != "pass" else "measured"],
        lead=_lead(bench),
        advice=tuple(
            Advice(
                platform=_PLATFORMS[item.platform],
                choice=item.variant + (f" on {item.target}" if item.target else ""),
                reason=item.reason,
            )
            for item in bench.recommendations
        ),
        plots=bench_plots(bench.benchmarks, variants),
        measured=_measured_table(measured) if measured else None,
        gates=_gates_table(bench.gates) if bench.gates else None,
        idle=_idle_table(idle) if idle else None,
        operators=tuple(_operators_table(item) for item in measured if item.operators),
        machine=_machine_table(bench),
        notes=(*shared_notes(measured), *bench.notes),
    )


def _lead(bench: BenchReport) -> str:
    sentences = []
    if bench.gates:
        counts = [
            (word, sum(gate.status == status for gate in bench.gates))
            for status, word in (
                ("pass", "passed"),
                ("fail", "failed"),
                ("undecided", "could not be decided"),
                ("not_run", "did not run"),
            )
        ]
        known = ", ".join(f"{number} {word}" for word, number in counts if number)
        sentences.append(f"{plural(len(bench.gates), 'gate')}: {known}.")
    else:
        sentences.append("No gate was asked for.")
    if bench.noise is not None and bench.noise.sentence:
        sentences.append(bench.noise.sentence)
    return " ".join(sentences)


def _measured_table(items: Sequence[Benchmark]) -> Table:
    return Table(
        caption="What was measured",
        columns=(
            Column(label="Artifact and target", wide=True),
            Column(label="Median", numeric=True),
            Column(label="p90", numeric=True),
            Column(label="p99", numeric=True),
            Column(label="Cold start", numeric=True),
            Column(label="Peak memory", numeric=True),
            Column(label="How", wide=True),
        ),
        rows=tuple(_measured_row(item) for item in items),
    )


def _measured_row(item: Benchmark) -> Row:
    latency = item.latency
    place = f" ({item.place})" if item.place else ""
    return Row(
        cells=(
            Cell(text=item.variant, note=f"on {item.target}{place}"),
            _median_cell(latency),
            _time_cell(latency.p90_ms if latency else math.nan),
            _time_cell(latency.p99_ms if latency else math.nan),
            _start_cell(item),
            _memory_cell(item),
            Cell(badges=tuple(_marks(item)), note=_how(item)),
        )
    )


def _median_cell(latency: Latency | None) -> Cell:
    if latency is None or math.isnan(latency.median_ms):
        return NOT_MEASURED
    low, high = latency.median_low_ms, latency.median_high_ms
    known = math.isfinite(low) and math.isfinite(high)
    return Cell(
        text=milliseconds(latency.median_ms),
        note=f"{_short(low)}–{_short(high)}" if known else "interval unknown",
    )


def _short(value: float) -> str:
    return milliseconds(value).removesuffix(" ms")


def _time_cell(value: float) -> Cell:
    return Cell(text=milliseconds(value)) if math.isfinite(value) else NOT_MEASURED


def _start_cell(item: Benchmark) -> Cell:
    from mobilekit.bench.lines import cold_start

    whole = cold_start(item)
    if math.isnan(whole):
        return NOT_MEASURED
    return Cell(text=milliseconds(whole), note=plural(len(item.startups), "start"))


def _memory_cell(item: Benchmark) -> Cell:
    if item.peak_memory_bytes is None:
        return NOT_MEASURED
    bare = item.bare_memory_bytes
    more = item.peak_memory_bytes - bare if bare is not None else 0
    return Cell(
        text=size(item.peak_memory_bytes), note=f"{size(more)} over bare" if more > 0 else ""
    )


def _marks(item: Benchmark) -> Iterator[Badge]:
    if item.emulated:
        yield Badge(tone="idle", sign="○", word=EMULATED)
    if item.disturbed:
        yield Badge(tone="fail", sign="!", word="disturbed")
    if item.latency is not None and not item.latency.stable:
        yield Badge(tone="idle", sign="?", word="warm-up did not settle")


def _how(item: Benchmark) -> str:
    words = [plural(item.latency.runs, "run")] if item.latency else []
    if item.threads is not None:
        words.append(plural(item.threads, "thread"))
    if item.affinity:
        words.append(f"cores {','.join(map(str, item.affinity))}")
    if item.origin != "mobilekit":
        words.append(f"by {item.origin}")
    if item.kept_from:
        words.append(f"measured before, {moment(item.kept_from)}")
    words += _conditions(item.before, item.after)
    return ", ".join(words)


def _conditions(before: Condition, after: Condition) -> Iterator[str]:
    """Yield the device's state, once where it stayed the same."""
    for name, first, last in (
        ("governor", before.governor, after.governor),
        ("heat", before.thermal, after.thermal),
        ("temperature", _celsius(before), _celsius(after)),
    ):
        known = [word for word in dict.fromkeys((first, last)) if word]
        if known:
            yield f"{name} {' to '.join(known)}"


def _celsius(state: Condition) -> str:
    return f"{state.celsius:.0f} °C" if math.isfinite(state.celsius) else ""


def _gates_table(gates: Sequence[Gate]) -> Table:
    return Table(
        caption="What times and memory had to meet",
        columns=(
            Column(label="Artifact and target", wide=True),
            Column(label="Gate"),
            Column(label="Measured", numeric=True),
            Column(label="Result"),
            Column(label="Why", wide=True),
        ),
        rows=tuple(_gate_row(gate) for gate in gates),
    )


def _gate_row(gate: Gate) -> Row:
    slower = f"Slower: {'; '.join(gate.operators)}." if gate.operators else ""
    unit = "MB" if "_mb" in gate.rule else "ms"
    measured = f"{gate.measured:.4g} {unit}" if math.isfinite(gate.measured) else ""
    failed = gate.status == "fail"
    return Row(
        cells=(
            Cell(text=gate.variant or "every variant", note=f"on {gate.target}"),
            Cell(text=gate.rule),
            Cell(text=measured, missed=failed) if measured else NOT_MEASURED,
            Cell(badges=(_BADGES[gate.status],)),
            Cell(text=" ".join(filter(None, (gate.reason, slower)))),
        ),
        failed=failed,
    )


def _idle_table(items: Sequence[Benchmark]) -> Table:
    return Table(
        caption="What was not measured",
        columns=(
            Column(label="Artifact and target", wide=True),
            Column(label="Result"),
            Column(label="Why", wide=True),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=item.variant, note=f"on {item.target}"),
                    Cell(badges=(_BADGES[item.status],)),
                    Cell(text=item.reason),
                ),
                failed=item.status == "failed",
            )
            for item in items
        ),
    )


def _operators_table(item: Benchmark) -> Table:
    shown = sorted(item.operators, key=lambda operator: -operator.median_ms)[:_MOST_OPERATORS]
    rest = len(item.operators) - len(shown)
    caption = f"{item.variant} on {item.target}, the slowest first"
    if rest:
        caption += f"; {plural(rest, 'faster operator')} left out"
    return Table(
        caption=caption,
        columns=(
            Column(label="Operator", wide=True),
            Column(label="Time", numeric=True),
            Column(label="Share", numeric=True),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(
                        text=operator.operator, note=_other_name(operator.name, operator.operator)
                    ),
                    Cell(text=milliseconds(operator.median_ms)),
                    Cell(text=percent(operator.share), share=min(max(operator.share, 0.0), 1.0)),
                )
            )
            for operator in shown
        ),
    )


def _other_name(name: str, operator: str) -> str:
    return name if name != operator else ""


def _machine_table(bench: BenchReport) -> Table | None:
    """Return where the command ran; nothing is known of that where all was imported."""
    facts = dict(bench.machine)
    if bench.started:
        facts["measured"] = moment(bench.started)
    if not facts:
        return None
    return Table(
        caption="Where mobilekit measured",
        columns=(Column(label="What"), Column(label="Value")),
        rows=tuple(Row(cells=(Cell(text=key), Cell(text=value))) for key, value in facts.items()),
    )

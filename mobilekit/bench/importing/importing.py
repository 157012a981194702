"""The job of `mobilekit bench import`: read result files, and say what they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mobilekit.bench.gates import verdict as gate_verdict
from mobilekit.bench.importing.content import read_content
from mobilekit.bench.importing.formats import read_results
from mobilekit.bench.importing.joining import Told, added, place, require_single
from mobilekit.bench.results import BenchReport
from mobilekit_converters.errors import DataError


def import_results(files: Sequence[Path], told: Told, release: Path | None) -> BenchReport:
    """Read files that other tools wrote.

    Args:
        files: one or more.
        told: what the user says of them.
        release: the release folder that they are of, whose benchmark they are added to.

    Returns:
        The release's benchmark with them, or one of them alone. Nothing is written.

    Raises:
        DataError: a file is damaged, of no known format, or of another artifact; or the release is
            damaged.
        ProjectError: nobody says what one is of.
    """
    from mobilekit.release import read_manifest
    from mobilekit.report.json_file import read_report

    report = read_report(release / "report.json") if release is not None else None
    found = tuple(
        place(benchmark, told, report, str(file))
        for file in files
        for benchmark in read_results(read_content(file))
    )
    note = f"Imported: {', '.join(sorted({file.name for file in files}))}."
    if release is None or report is None:
        require_single(found)
        whole = BenchReport(
            model=_model_of(files),
            source_sha256="",
            verdict=gate_verdict((), found),
            benchmarks=found,
        )
    else:
        options = read_manifest(release).get("options", {})
        whole = added(found, report, _table(options))
    return replace(whole, notes=tuple(dict.fromkeys((*whole.notes, note))))


def _model_of(files: Sequence[Path]) -> str:
    return ", ".join(sorted({file.stem for file in files}))


def _table(options: object) -> dict[str, object]:
    latency = options.get("latency", {}) if isinstance(options, dict) else {}
    if not isinstance(latency, dict):
        raise DataError("The release's manifest is damaged: its latency options are no table.")
    return latency

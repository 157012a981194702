"""What a benchmark found, written down: into its release's reports, or into a folder of its own."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

from mobilekit.bench.results import BenchReport
from mobilekit.release import MANIFEST, output_errors, read_manifest
from mobilekit.report.json_file import json_text, plain, read_report
from mobilekit_converters.hashing import sha256_of_path

_REPORT = "report.json"


def keep_in_release(bench: BenchReport, release: Path) -> None:
    """Put a benchmark into the reports of the release that it is of, in place of an earlier one.

    Each file is written beside and then renamed, the manifest last.

    Raises:
        OutputError: the release cannot be written.
    """
    with output_errors(release), tempfile.TemporaryDirectory(prefix=".bench-", dir=release) as name:
        folder = Path(name)
        _write_reports(bench, release, folder)
        manifest = read_manifest(release)
        changed = sorted(folder.iterdir())
        manifest["files"].update({path.name: sha256_of_path(path) for path in changed})
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")
        for path in (*changed, folder / MANIFEST):
            path.replace(release / path.name)


def keep_in_folder(bench: BenchReport, folder: Path, release: Path | None) -> None:
    """Write a benchmark into a folder: all reports of its release, or `report.json` alone.

    Raises:
        OutputError: the folder cannot be written.
    """
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if release is not None:
            _write_reports(bench, release, folder)
        else:
            (folder / _REPORT).write_text(bench_json(bench), encoding="utf-8")


def bench_json(bench: BenchReport) -> str:
    """Return a benchmark as JSON, `schema` first."""
    content = plain(bench)
    ordered = {"schema": content.pop("schema"), **content}
    return json_text(ordered)


def _write_reports(bench: BenchReport, release: Path, folder: Path) -> None:
    from mobilekit.report import write_reports

    write_reports(replace(read_report(release / _REPORT), bench=bench), folder)

"""A build's findings on paper: `report.json`, `junit.xml`, `summary.md` and `report.html`.

`write_reports` writes all four; `read_report` reads `report.json` back.
"""

from __future__ import annotations

from pathlib import Path

from mobilekit.report.json_file import read_report, report_json
from mobilekit.results import Report

__all__ = ["read_report", "write_reports"]


def write_reports(report: Report, folder: Path) -> None:
    """Write the four reports into a folder that exists.

    Args:
        report: what the build found.
        folder: the release folder; its links are relative to it. Older reports are replaced.

    Raises:
        OutputError: a file cannot be written.
    """
    from mobilekit.report.junit import junit_xml
    from mobilekit.report.render import render_pages
    from mobilekit.report.views import page_view
    from mobilekit_converters.errors import OutputError

    pages = {
        "report.json": report_json(report),
        "junit.xml": junit_xml(report),
        **render_pages(page_view(report)),
    }
    for name, text in pages.items():
        path = folder / name
        try:
            # A file name on Linux may hold bytes that are no text; they show as escapes.
            path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
        except OSError as error:
            raise OutputError(
                f"Cannot write {path}: {error.strerror}. "
                "Make sure that the folder exists, is writable and has space."
            ) from error

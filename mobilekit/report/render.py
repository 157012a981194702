"""Fills the templates: the page and the summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mobilekit.report.views import page_view
from mobilekit.results import Report

if TYPE_CHECKING:
    from jinja2 import Environment


def report_html(report: Report) -> str:
    """Return the report as one page that loads nothing and runs nothing."""
    return _environment(autoescape=True).get_template("report.html").render(view=page_view(report))


def summary_markdown(report: Report) -> str:
    """Return the report in short, as GitHub's Markdown, for a job's summary."""
    environment = _environment(autoescape=False)
    environment.filters["plain"] = markdown_text
    return environment.get_template("summary.md").render(view=page_view(report))


def markdown_text(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line, in a table too."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&@])", r"\\\1", " ".join(text.split()))


def _environment(*, autoescape: bool) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("mobilekit.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

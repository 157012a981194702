"""Fills the templates: the page and the summary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mobilekit.report.coverage import InspectionView
from mobilekit.report.drift import DriftView
from mobilekit.report.history import HistoryView
from mobilekit.report.views import PageView

if TYPE_CHECKING:
    from jinja2 import Environment


def render_pages(view: PageView) -> dict[str, str]:
    """Return `report.html`, which loads nothing and runs nothing, and `summary.md`, by name."""
    environment = _environment()
    return {
        name: environment.get_template(name).render(view=view)
        for name in ("report.html", "summary.md")
    }


def render_drift(view: DriftView, title: str) -> str:
    """Return a page of one drift alone; it loads nothing and runs nothing either."""
    return _environment().get_template("drift.html").render(drift=view, title=title)


def render_inspection(view: InspectionView) -> str:
    """Return the page of an inspection; it loads nothing and runs nothing either."""
    return _environment().get_template("inspect.html").render(view=view)


def render_history(view: HistoryView) -> str:
    """Return the page of a history of releases; it loads nothing and runs nothing either."""
    return _environment().get_template("history.html").render(view=view)


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("mobilekit.report"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = markdown_text
    return environment


def markdown_text(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line, in a table too."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&@])", r"\\\1", " ".join(text.split()))

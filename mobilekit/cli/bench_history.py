"""`mobilekit bench history`: how size, quality and latency went over releases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mobilekit.bench.history import History
    from mobilekit.report.tables import Row, Table


@click.command("history")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with the values as plots to this file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the history as JSON.")
def history(folder: Path, out: Path | None, as_json: bool) -> int:
    """Show how size, quality and latency went over the releases in a folder.

    Every report.json below FOLDER is read, the oldest first. Emulated times are left out, and so
    is what is no report, by name.
    """
    from mobilekit.bench.history import history
    from mobilekit.release import output_errors
    from mobilekit.report.history import history_view
    from mobilekit.report.json_file import plain
    from mobilekit.report.render import render_history

    found = history(folder)
    if out is not None:
        with output_errors(out):
            out.write_text(render_history(history_view(found)), encoding="utf-8")
    click.echo(json.dumps(plain(found), indent=2, ensure_ascii=False) if as_json else _lines(found))
    for item in found.left_out:
        click.echo(f"left out: {item.reason}", err=True)
    return 0


def _lines(found: History) -> str:
    from mobilekit.report.history import history_view

    view = history_view(found)
    parts = [f"{view.title}: {view.lead}"]
    for model in view.models:
        parts += ["", model.model, *_columns(model.table)]
    return "\n".join(parts)


def _columns(table: Table) -> list[str]:
    """Return a table's lines in columns as wide as what is in them."""
    rows = [tuple(column.label for column in table.columns), *map(_texts, table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if index else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _texts(row: Row) -> tuple[str, ...]:
    head, *values = row.cells
    return (f"{head.text}, {head.note}", *(value.text for value in values))

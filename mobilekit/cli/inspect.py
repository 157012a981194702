"""`mobilekit inspect`: which operators of an artifact each accelerator takes, and why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilekit.cli.options import check_options, limits_from

if TYPE_CHECKING:
    from mobilekit.inspecting.results import Inspection


def _floors(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    """Split `DELEGATE=SHARE` texts."""
    floors = {}
    for value in values:
        name, _, share = value.rpartition("=")
        try:
            floors[name] = float(share)
        except ValueError:
            name = ""
        if not name:
            raise click.BadParameter(f"{value!r} is not of the form DELEGATE=SHARE: gpu=0.95.")
    return floors


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--delegate",
    "delegates",
    multiple=True,
    metavar="NAME[@LEVEL]",
    help="Ask about this delegate, and no other that is not named too: gpu, nnapi@29. Repeatable. "
    "Default: all that run artifacts of the format.",
)
@click.option(
    "--floor",
    "floors",
    multiple=True,
    metavar="NAME=SHARE",
    callback=_floors,
    help="Fail unless this delegate takes at least this share of operators: gpu=0.95. Repeatable.",
)
@click.option(
    "--floor-runtime",
    "runtime",
    default="",
    metavar="VERSION",
    help="Name the operators that are newer than this TFLite runtime, such as 2.14.",
)
@click.option(
    "--rules",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Use this table of rules in place of the delegate's own. Repeatable.",
)
@click.option("--measure", is_flag=True, help="Ask the delegates that are here themselves, too.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with the graph as a picture to this file.",
)
@check_options
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def inspect(path: Path, as_json: bool, **options: Any) -> int:
    """Say which operators of an artifact each accelerator takes, and what keeps the others out.

    PATH is a .tflite file, an .mlpackage or a release. Answers are estimates from tables of rules;
    --measure asks the accelerators themselves. The status is 1 where a delegate that was named
    takes nothing, gives no answer or misses its floor.
    """
    from mobilekit.inspecting.inspect import Wishes
    from mobilekit.inspecting.inspect import inspect as look
    from mobilekit.inspecting.text import closing_lines, inspection_text
    from mobilekit.progress import progress_for

    wishes = Wishes(
        delegates=options["delegates"],
        rules=options["rules"],
        floors=options["floors"],
        runtime=options["runtime"],
        measure=options["measure"],
        limits=limits_from(options) if options["measure"] else None,
    )
    with progress_for() as progress:
        found = look(path.absolute(), wishes, progress)
    if options["out"]:
        _write(found, path.name, options["out"].absolute())
    click.echo(_json(found) if as_json else inspection_text(found))
    for warning in found.warnings:
        click.secho(f"warning: {warning}", fg="yellow", err=True)
    if found.reasons:
        click.secho(closing_lines(found.reasons), fg="red", err=True)
    return 1 if found.reasons else 0


def _json(found: Inspection) -> str:
    from mobilekit.report.json_file import plain

    content = plain(found)
    ordered = {"schema": content.pop("schema"), **content}
    return json.dumps(ordered, indent=2, ensure_ascii=False, allow_nan=False)


def _write(found: Inspection, name: str, path: Path) -> None:
    from mobilekit.release import output_errors
    from mobilekit.report.coverage import inspection_view
    from mobilekit.report.render import render_inspection

    page = render_inspection(inspection_view(found, name))
    with output_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8", errors="backslashreplace", newline="\n")

"""`mobilekit locate`: find the layer where an artifact leaves its source."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilekit.cli.convert import project_of
from mobilekit.cli.options import data_options, limits_from, source_options, work_options

if TYPE_CHECKING:
    from mobilekit.locating import Located


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="mobilekit.toml")
@click.option(
    "--variant", metavar="NAME", default="", help="Look at this variant, such as tflite-int8."
)
@click.option(
    "--artifact",
    type=click.Path(path_type=Path),
    help="Look at this .tflite file or .mlpackage instead of making one anew.",
)
@click.option(
    "--target",
    metavar="NAME",
    default="",
    help="Where to run it. Default: cpu for .tflite files, coreml for packages.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with the plot of drift by depth to this file.",
)
@data_options
@source_options
@work_options
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def locate(path: Path, as_json: bool, **options: Any) -> int:
    """Find the first layer whose output leaves its bounds, and say what is likely wrong there.

    PATH is a project file, a folder with a mobilekit.toml, or the trained model. The status is 1
    where such a layer was found, 0 where there is none.
    """
    from mobilekit.cache import default_cache
    from mobilekit.locating import Subject
    from mobilekit.locating import locate as find
    from mobilekit.pipeline import Settings
    from mobilekit.progress import progress_for

    variants = (options["variant"],) if options["variant"] else ()
    project = project_of(path, {**options, "variants": variants, "targets": (), "require": ()})
    artifact = options["artifact"]
    subject = Subject(
        variant=options["variant"],
        artifact=artifact.absolute() if artifact else None,
        target=options["target"],
    )
    settings = Settings(
        output=Path(),  # Nothing is released.
        cache=(options["cache"] or default_cache()).absolute(),
        limits=limits_from(options),
        trust=options["trust_source"],
        chatter=sys.stderr if options["verbose"] else None,
    )
    with progress_for() as progress:
        found = find(project, subject, settings, progress)
    if options["out"]:
        _write(found, options["out"].absolute())
    click.echo(_json(found) if as_json else found.drift.sentence)
    return 0 if found.drift.first is None else 1


def _json(found: Located) -> str:
    from mobilekit.report.json_file import plain

    return json.dumps(plain(found), indent=2, ensure_ascii=False, allow_nan=False)


def _write(found: Located, path: Path) -> None:
    from mobilekit.release import output_errors
    from mobilekit.report.drift import drift_view
    from mobilekit.report.render import render_drift

    view = drift_view(found.drift, found.variant, found.target, id="drift")
    page = render_drift(view, f"{found.variant} on {found.target}")
    with output_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8", errors="backslashreplace", newline="\n")

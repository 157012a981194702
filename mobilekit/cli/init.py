"""`mobilekit init`: write a commented project file for a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mobilekit.cli.options import source_options, work_options


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write. Default: mobilekit.toml beside the model.",
)
@source_options
@work_options
def init(model: Path, **options: Any) -> int:
    """Write a commented project file for MODEL, with its own inputs and outputs."""
    from mobilekit.starter import write_project_file

    target = options["out"] or model.absolute().parent / "mobilekit.toml"
    write_project_file(model.absolute(), target.absolute(), options)
    click.echo(f"Wrote {target}. Look through it, then run: mobilekit convert {target}")
    return 0

"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mobilekit.machine import default_memory, default_workers

if TYPE_CHECKING:
    from mobilekit.jobs import Limits

Command = TypeVar("Command", bound=Callable[..., Any])


def _shapes(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, tuple[int, ...]]:
    """Split `NAME=H,W,C` texts into an input's name and its dimensions without the batch."""
    shapes = {}
    for value in values:
        name, _, numbers = value.rpartition("=")
        dimensions = numbers.split(",")
        if not name or not all(text.isascii() and text.isdigit() for text in dimensions):
            raise click.BadParameter(f"{value!r} is not of the form NAME=H,W,C: image=96,96,3.")
        shapes[name] = tuple(map(int, dimensions))
    return shapes


def source_options(command: Command) -> Command:
    """Add the options that say how to read a source."""
    for option in (
        click.option("--trust-source", is_flag=True, help="Let code from the model file run."),
        click.option(
            "--shape",
            "shapes",
            multiple=True,
            metavar="NAME=H,W,C",
            callback=_shapes,
            help="Fix an input's unknown dimensions, the batch left out.",
        ),
        click.option("--batch", type=click.IntRange(1), help="Fix the batch. Default: 1."),
        click.option("--signature", help="The signature of a SavedModel to convert."),
    ):
        command = option(command)
    return command


def data_options(command: Command) -> Command:
    """Add the options that name data in place of the project's."""
    for name in ("evaluation", "calibration"):
        command = click.option(
            f"--{name}",
            type=click.Path(path_type=Path),
            help=f"An .npz of {name} inputs by input name, instead of the project's.",
        )(command)
    return command


def check_options(command: Command) -> Command:
    """Add the options that say how hard to work; `limits_from` reads them."""
    for option in (
        click.option("-v", "--verbose", is_flag=True, help="Print what the libraries print."),
        click.option(
            "--time-limit",
            type=click.FloatRange(1),
            default=1800,
            show_default=True,
            metavar="SECONDS",
            help="How long one step or check may take.",
        ),
        click.option(
            "--memory",
            type=click.FloatRange(0.5),
            default=default_memory,
            show_default="80 % of what is free",
            help="GiB of memory that all work together may use.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1),
            default=default_workers,
            show_default="one a core",
            help="How many processes work at once.",
        ),
    ):
        command = option(command)
    return command


def work_options(command: Command) -> Command:
    """Add the options that say where and how hard to work."""
    option = click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where results of earlier builds are kept. Default: the user's cache folder.",
    )
    return option(check_options(command))


def limits_from(options: dict[str, Any]) -> Limits:
    """Return the bounds that the options of `check_options` set."""
    from mobilekit.jobs import Limits

    return Limits(
        workers=options["jobs"],
        memory=int(options["memory"] * 2**30),
        seconds=options["time_limit"],
    )

"""The command line. Each command is a file of this folder; here they are run."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from mobilekit import __version__
from mobilekit.cli.bench import bench
from mobilekit.cli.completion import completion
from mobilekit.cli.convert import convert
from mobilekit.cli.doctor import doctor
from mobilekit.cli.generate import generate
from mobilekit.cli.init import init
from mobilekit.cli.inspect import inspect
from mobilekit.cli.locate import locate
from mobilekit.cli.verify import verify
from mobilekit_converters.errors import MobilekitError

_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mobilekit")
def commands() -> None:
    """Turn a trained model into a checked release for Android and iOS.

    Exit status: 0 all done and every check passed; 1 a check or a variant failed (the release is
    there, marked failed); 2 an input or an option is wrong, nothing was written; 3 a required tool
    is missing; 130 interrupted.
    """


for command in (convert, init, verify, bench, inspect, locate, generate, doctor, completion):
    commands.add_command(command)


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = commands.main(prog_name="mobilekit", standalone_mode=False)
    except MobilekitError as error:
        click.secho(f"error: {error}", fg="red", err=True)
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.secho("Interrupted; nothing half-written is left.", fg="red", err=True)
        status = _INTERRUPTED
    sys.exit(status or 0)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

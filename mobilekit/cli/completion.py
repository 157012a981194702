"""`mobilekit completion SHELL`: the script that makes a shell complete mobilekit's options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a SHELL.

    For example, in ~/.bashrc: eval "$(mobilekit completion bash)"
    """
    script = get_completion_class(shell)
    assert script is not None
    root = context.find_root().command
    click.echo(script(root, {}, "mobilekit", "_MOBILEKIT_COMPLETE").source())

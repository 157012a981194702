"""`mobilekit doctor`: which targets can run here, and the one command that gets each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mobilekit.doctor import TargetState
    from mobilekit.known_problems import Problem

_BROKEN = 1


@click.command()
@click.option(
    "--install",
    "install_names",
    multiple=True,
    metavar="TARGET",
    help="Get what this target needs into the user's cache, without root; 'all' for every target "
    "that can be had so. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def doctor(install_names: tuple[str, ...], as_json: bool) -> int:
    """Show which targets can run on this machine, and how to get the others.

    Packages that are known to break together are named too, and end the command with status 1.
    Status 3: a target could not be installed; the message says what it needs.
    """
    from mobilekit.doctor import install, states
    from mobilekit.known_problems import problems

    if install_names:
        install(install_names)
        return 0
    found = problems()
    click.echo(_json(states(), found) if as_json else _text(states(), found))
    return _BROKEN if any(problem.severity == "broken" for problem in found) else 0


def _json(targets: tuple[TargetState, ...], found: tuple[Problem, ...]) -> str:
    import json
    from dataclasses import asdict

    from mobilekit.doctor import other_names

    return json.dumps(
        {
            "schema": "mobilekit/doctor/1",
            "targets": [asdict(target) for target in targets],
            "other_names": other_names(),
            "problems": [asdict(problem) for problem in found],
        },
        indent=2,
    )


def _text(targets: tuple[TargetState, ...], found: tuple[Problem, ...]) -> str:
    from mobilekit.doctor import other_names

    width = max(len(target.name) for target in targets)
    lines = [line for target in targets for line in _target_lines(target, width)]
    lines += ["", f"Also, by what they run on: {', '.join(other_names())}."]
    for problem in found:
        colour = "red" if problem.severity == "broken" else "yellow"
        lines += ["", f"{click.style(problem.severity, fg=colour)}  {problem.found}"]
        lines += [
            f"  {problem.effect} ({problem.source})",
            f"  {click.style(problem.command, bold=True)}",
        ]
    return "\n".join(lines)


def _target_lines(target: TargetState, width: int) -> list[str]:
    """Say in a line whether a target is ready, and in a second one how to get it if not."""
    status = (
        click.style("ready  ", fg="green") if target.ready else click.style("missing", fg="yellow")
    )
    lines = [f"{status}  {target.name.ljust(width)}  {target.version or target.reason}"]
    if target.command:
        lines.append(
            f"{' ' * (len('missing') + width + 4)}{click.style(target.command, bold=True)}"
        )
    return lines

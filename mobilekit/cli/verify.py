"""`mobilekit verify`: check a release, or one artifact, again, wherever it can run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilekit.cli.options import check_options, limits_from

if TYPE_CHECKING:
    from mobilekit.results import Report


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--golden",
    type=click.Path(path_type=Path),
    help="The folder 'golden' of a release, or the release. Default: the one that PATH lies in.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Run on this target, and on no other that is not named too. Repeatable. Default: the "
    "release's own. `mobilekit doctor` lists them.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write report.html, report.json, junit.xml and summary.md to this folder.",
)
@check_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(path: Path, as_json: bool, **options: Any) -> int:
    """Check a release again, or any one .tflite file or .mlpackage against a golden.

    A file is held to the budgets of the precision that it shows itself. A target that is named and
    cannot be reached ends the command with status 3 and says how to get it.
    """
    from mobilekit.known_problems import require_working_packages
    from mobilekit.progress import progress_for
    from mobilekit.report.json_file import report_json
    from mobilekit.verification import Settings, verify

    require_working_packages()
    settings = Settings(
        limits=limits_from(options),
        targets=options["targets"],
        golden=options["golden"],
        chatter=sys.stderr if options["verbose"] else None,
    )
    with progress_for() as progress:
        report = verify(path.absolute(), settings, progress)
    if options["out"]:
        _write(report, options["out"].absolute())
    click.echo(report_json(report) if as_json else _closing_lines(report), nl=not as_json)
    return 0 if report.verdict == "pass" else 1


def _write(report: Report, folder: Path) -> None:
    from mobilekit.release import output_errors
    from mobilekit.report import write_reports

    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_reports(report, folder)


def _closing_lines(report: Report) -> str:
    checks = [check for variant in report.variants for check in variant.checks]
    counts = [
        f"{sum(check.status == status for check in checks)} {text}"
        for status, text in (("pass", "passed"), ("fail", "failed"), ("not_run", "not run"))
    ]
    lines = [f"{report.model.name}: {report.verdict.upper()} ({', '.join(counts)})"]
    return "\n".join([*lines, *(f"  {reason}" for reason in report.reasons)])

"""`mobilekit convert`: the main job, from a trained model to a checked release."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilekit.cli.options import data_options, limits_from, source_options, work_options

if TYPE_CHECKING:
    from mobilekit.project import Project
    from mobilekit.results import Report


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="mobilekit.toml")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The release folder. Default: NAME.release in this folder.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="Make this variant, such as tflite-int8, instead of the project's. Repeatable.",
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Run artifacts on this target instead of the project's. Repeatable.",
)
@click.option(
    "--require",
    multiple=True,
    metavar="NAME",
    help="Fail if this target does not run, instead of the project's. Repeatable.",
)
@click.option(
    "--adapt",
    metavar="NAMES",
    help="Rewrite the graph for these accelerators, keeping its function, instead of the "
    "project's: gpu,neural_engine,nnapi.",
)
@click.option(
    "--change-function",
    metavar="NAMES",
    help="Rewrite the graph with these, which change its function, instead of the project's: "
    "hard_swish,hard_sigmoid,gelu_tanh.",
)
@data_options
@source_options
@work_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def convert(path: Path, as_json: bool, **options: Any) -> int:
    """Convert a model, check every artifact against it, and write a release.

    PATH is a project file, a folder with a mobilekit.toml, or a bare model: a .keras or .h5 file, a
    SavedModel folder, a .tflite file.
    """
    from mobilekit.known_problems import require_working_packages
    from mobilekit.pipeline import build
    from mobilekit.progress import progress_for

    require_working_packages()
    project = project_of(path, options)
    settings = _settings(project, options)
    with progress_for() as progress:
        report = build(project, settings, progress)
    if as_json:
        click.echo((settings.output / "report.json").read_text(encoding="utf-8"), nl=False)
    else:
        click.echo(_closing_lines(report, settings.output))
    return 0 if report.verdict == "pass" else 1


def project_of(path: Path, options: dict[str, Any]) -> Project:
    """Return the project that PATH means, with the command line's options laid over it."""
    from mobilekit.project import PROJECT_FILE, load_project, project_for

    if path.is_dir() and (path / PROJECT_FILE).exists():
        path = path / PROJECT_FILE
    project = load_project(path) if path.suffix == ".toml" else project_for(path.absolute())
    return _overridden(project, options)


def _overridden(project: Project, options: dict[str, Any]) -> Project:
    from mobilekit.project import AndroidTable, DataTable, InputTable, IosTable, VerifyTable
    from mobilekit_converters.adaptations.table import check_change, check_delegate
    from mobilekit_converters.variants import variant
    from mobilekit_delegates.targets import target

    changes: dict[str, Any] = {}
    data = {key: options[key] for key in ("calibration", "evaluation") if options[key]}
    if data:
        paths = {key: str(path.absolute()) for key, path in data.items()}
        changes["data"] = DataTable(**{**project.data.model_dump(), **paths})
    if options["variants"]:
        rows = [variant(name) for name in options["variants"]]
        android = tuple(row.precision for row in rows if row.format == "tflite")
        ios = tuple(row.precision for row in rows if row.format == "coreml")
        changes["android"] = AndroidTable(
            **{**project.android.model_dump(exclude_unset=True), "variants": android}
        )
        changes["ios"] = IosTable(**{**project.ios.model_dump(exclude_unset=True), "variants": ios})
    adapt = {
        key: tuple(map(check, _names(options[option])))
        for key, option, check in (
            ("delegates", "adapt", check_delegate),
            ("change_function", "change_function", check_change),
        )
        if options.get(option) is not None
    }
    if adapt:
        changes["adapt"] = project.adapt.model_copy(update=adapt)
    inputs = dict(project.model.inputs)
    for name, shape in options["shapes"].items():
        table = inputs.get(name, InputTable())
        inputs[name] = table.model_copy(update={"shape": shape})
    verify = {key: options[key] for key in ("targets", "require") if options[key]}
    for name in (*options["targets"], *options["require"]):
        target(name)
    if verify:
        changes["verify"] = VerifyTable(**{**project.verify.model_dump(), **verify})
    model = {key: options[key] for key in ("batch", "signature") if options[key]}
    changes["model"] = project.model.model_copy(update={**model, "inputs": inputs})
    return project.model_copy(update=changes)


def _names(value: str) -> list[str]:
    """Return names with commas between them."""
    return [name.strip() for name in value.split(",") if name.strip()]


def _settings(project: Project, options: dict[str, Any]) -> Any:
    from mobilekit.cache import default_cache
    from mobilekit.pipeline import Settings

    return Settings(
        output=(options["out"] or Path(f"{project.name}.release")).absolute(),
        cache=(options["cache"] or default_cache()).absolute(),
        limits=limits_from(options),
        trust=options["trust_source"],
        chatter=sys.stderr if options["verbose"] else None,
    )


def _closing_lines(report: Report, folder: Path) -> str:
    lines = [f"{report.model.name}: {report.verdict.upper()}"]
    lines += [f"  {reason}" for reason in report.reasons]
    lines += [f"  Note: {note}" for note in report.notes if note not in report.golden.notes]
    not_run = _not_run(report)
    if not_run:
        lines.append(f"  Not run: {', '.join(not_run)}. The report says why.")
    lines.append(f"Release: {folder}")
    lines.append(f"Report:  {folder / 'report.html'}")
    return "\n".join(lines)


def _not_run(report: Report) -> list[str]:
    """Return the targets that did not run, with the variants where some others did run there."""
    ran: dict[str, list[str]] = {}
    missing: dict[str, list[str]] = {}
    for variant in report.variants:
        for check in variant.checks:
            found = missing if check.status == "not_run" else ran
            found.setdefault(check.target, []).append(variant.name)
    return [
        f"{target} ({', '.join(names)})" if target in ran else target
        for target, names in sorted(missing.items())
    ]

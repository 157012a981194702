"""`mobilekit generate`: the code for apps alone, from a release that is there already."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="mobilekit.toml")
@click.option(
    "--release",
    type=click.Path(path_type=Path),
    help="The release with the artifacts. Default: NAME.release in this folder.",
)
@click.option(
    "--android",
    type=click.Path(path_type=Path),
    help="Where the Android module goes. Default: the folder 'android' of this folder. A generated "
    "module that is there is replaced.",
)
def generate(path: Path, release: Path | None, android: Path | None) -> int:
    """Write the Kotlin module of a model again, into an app's own folders.

    PATH is the project file, or a folder with a mobilekit.toml. It says what inputs and outputs
    mean; the artifacts come from a release of it.
    """
    import tempfile

    from mobilekit.modules import (
        ANDROID,
        artifacts_of_release,
        replace_module,
        require_module_or_nothing,
        write_android,
    )
    from mobilekit.parity.golden import read_golden
    from mobilekit.project import PROJECT_FILE, load_project
    from mobilekit.release import output_errors
    from mobilekit.report import read_report
    from mobilekit_converters.errors import ProjectError

    project = load_project(path / PROJECT_FILE if path.is_dir() else path)
    release = release or Path(f"{project.name}.release")
    target = (android or Path(ANDROID)).absolute()
    require_module_or_nothing(target)
    report = read_report(release / "report.json")
    artifacts = artifacts_of_release(report, release)
    golden = read_golden(release / "golden")
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            stage = Path(folder) / target.name
            facts = write_android(
                project,
                variants=[variant.name for variant in report.variants],
                artifacts=artifacts,
                golden=golden,
                source_sha256=report.model.sha256,
                folder=stage,
            )
            if facts is None or facts.status == "missing":
                reason = facts.reason if facts else "The release holds no TFLite variant."
                raise ProjectError(
                    f"No Android module can be made from {release}. {reason} Build it again, or "
                    "name other variants in [android] bundle."
                )
            replace_module(target, stage)
    click.echo(f"Android module: {target} ({facts.files} files, package {facts.package})")
    return 0

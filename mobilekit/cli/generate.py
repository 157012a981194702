"""`mobilekit generate`: the code for apps alone, from a release that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mobilekit.modules import Platform
    from mobilekit.project import Project
    from mobilekit.results import ModuleFacts


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
    help="Where the Android module goes. A generated module that is there is replaced.",
)
@click.option(
    "--ios",
    type=click.Path(path_type=Path),
    help="Where the Swift package goes, likewise.",
)
def generate(path: Path, release: Path | None, **folders: Path | None) -> int:
    """Write the code for apps again, into an app's own folders.

    PATH is the project file, or a folder with a mobilekit.toml. It says what inputs and outputs
    mean; the artifacts come from a release of it. Where it names no variants in `bundle`, the code
    carries the one that the release's last benchmark recommends, and it tries the accelerator that
    was measured to be best right after the CPU.
    """
    from mobilekit.modules import PLATFORMS, require_module_or_nothing
    from mobilekit.project import PROJECT_FILE, load_project

    project = load_project(path / PROJECT_FILE if path.is_dir() else path)
    release = release or Path(f"{project.name}.release")
    targets = [(platform, folders[platform.folder]) for platform in PLATFORMS]
    wanted = [(platform, folder.absolute()) for platform, folder in targets if folder]
    if not wanted:
        options = " or ".join(f"--{platform.folder} FOLDER" for platform in PLATFORMS)
        raise click.UsageError(f"Say where the code goes: {options}.")
    for platform, folder in wanted:
        require_module_or_nothing(platform, folder)
    for platform, folder in wanted:
        facts = _generate(platform, project, release, folder)
        carried = ", ".join(facts.variants)
        click.echo(f"{platform.name} module: {folder} ({facts.files} files, with {carried})")
    return 0


def _generate(platform: Platform, project: Project, release: Path, target: Path) -> ModuleFacts:
    import tempfile

    from mobilekit.modules import (
        artifacts_of_release,
        as_recommended,
        recommended_for,
        replace_module,
        write_module,
    )
    from mobilekit.parity.golden import read_golden
    from mobilekit.release import output_errors
    from mobilekit.report import read_report
    from mobilekit_converters.errors import ProjectError

    report = read_report(release / "report.json")
    artifacts = artifacts_of_release(report, release, platform.format)
    golden = read_golden(release / "golden")
    with output_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            stage = Path(folder) / target.name
            facts = write_module(
                platform,
                as_recommended(project, platform, report),
                variants=[variant.name for variant in report.variants],
                artifacts=artifacts,
                golden=golden,
                source_sha256=report.model.sha256,
                folder=stage,
                recommended=recommended_for(platform, report),
            )
            if facts is None or facts.status == "missing":
                reason = facts.reason if facts else f"It has no {platform.format} variant."
                raise ProjectError(
                    f"No {platform.name} module can be made from {release}. {reason} Build it "
                    f"again, or name other variants in [{platform.folder}] bundle."
                )
            replace_module(platform, target, stage)
    return facts

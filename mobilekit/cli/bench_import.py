"""`mobilekit bench import`: results that other tools measured, joined to a release's own."""

from __future__ import annotations

from pathlib import Path

import click

_STATUS = {"pass": 0, "fail": 1, "undecided": 1}


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--release",
    type=click.Path(path_type=Path),
    help="The release that they are of: its reports then hold them, and its gates judge them.",
)
@click.option(
    "--variant",
    default="",
    metavar="NAME",
    help="The artifact that was measured, such as tflite-int8, where a file does not tell.",
)
@click.option(
    "--target",
    default="",
    metavar="NAME",
    help="Where it was measured, such as adb:SERIAL/gpu, where a file does not tell; adb:SERIAL "
    "alone where it tells the accelerator.",
)
@click.option("--device", default="", metavar="TEXT", help="What the device is called in reports.")
@click.option("--emulated", is_flag=True, help="It was an emulator: no gate reads its times.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write reports to this folder, and leave the release as it is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def import_command(
    files: tuple[Path, ...],
    release: Path | None,
    variant: str,
    target: str,
    device: str,
    emulated: bool,
    out: Path | None,
    as_json: bool,
) -> int:
    """Import results of benchmark_model, litert-benchmark, Xcode and the generated tests.

    Which tool wrote a file is seen from what it holds. All files are read before anything is
    written.
    """
    from mobilekit.bench.importing.importing import import_results
    from mobilekit.bench.importing.joining import Told
    from mobilekit.bench.keeping import bench_json, keep_in_folder, keep_in_release
    from mobilekit.bench.lines import lines

    told = Told(variant=variant, target=target, device=device, emulated=emulated)
    release = release.absolute() if release is not None else None
    report = import_results(files, told, release)
    if out is not None:
        keep_in_folder(report, out.absolute(), release)
    elif release is not None:
        keep_in_release(report, release)
    click.echo(bench_json(report) if as_json else "\n".join(lines(report)), nl=not as_json)
    return _STATUS[report.verdict]

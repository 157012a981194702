"""`mobilekit bench`: how long finished artifacts take, and whether that is fast enough."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from mobilekit.cli.bench_history import history
from mobilekit.cli.bench_import import import_command
from mobilekit.machine import default_memory

_STATUS = {"pass": 0, "fail": 1, "undecided": 1}


class _MeasuringGroup(click.Group):
    """A group that takes a path in place of a command, and measures it."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Put `run` before arguments that begin with no other command."""
        known = {*self.commands, *context.help_option_names}
        if arguments and arguments[0] not in known:
            arguments = ["run", *arguments]
        return super().parse_args(context, arguments)


@click.group(cls=_MeasuringGroup)
def bench() -> None:
    """Measure latency, start-up and memory of a release or of one artifact.

    `mobilekit bench RELEASE [OPTIONS]` measures, which is the command `run`: see `mobilekit bench
    run --help`.
    """


def _cores(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[int, ...]:
    """Split `0,1` into numbers of cores."""
    parts = text.split(",") if text else []
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise click.BadParameter(f"{text!r} is not of the form 0,1: numbers of cores.")
    return tuple(dict.fromkeys(map(int, parts)))


@bench.command("run")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Measure on this target, and on no other that is not named too. Repeatable. Default: the "
    "release's own. `mobilekit doctor` lists them.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="Measure this variant, such as tflite-int8. Repeatable. Default: all.",
)
@click.option(
    "--golden",
    type=click.Path(path_type=Path),
    help="The folder 'golden' of a release, or the release. Default: the one that PATH lies in.",
)
@click.option(
    "--benchmark-model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Google's benchmark_model, built for the device: run it on Android devices, instead of "
    "the generated module's own benchmark.",
)
@click.option(
    "--threads", type=click.IntRange(1), default=1, show_default=True, help="How many to run on."
)
@click.option(
    "--affinity", metavar="0,1", callback=_cores, help="Keep to these cores. Default: any."
)
@click.option(
    "--runs",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Measure so many runs of each artifact at least.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Measure runs of so many seconds at least.",
)
@click.option(
    "--limit",
    type=click.FloatRange(0, min_open=True),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="Go on for the interval of the median to come within 2 %, but not for longer than this "
    "with each artifact on each target.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="A report.json, or its folder, that an earlier benchmark wrote: fail where something got "
    "slower.",
)
@click.option(
    "--slower",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="PERCENT",
    help="The slowdown against the baseline that matters.",
)
@click.option("--across-machines", is_flag=True, help="Compare with a baseline of another machine.")
@click.option("--across-models", is_flag=True, help="Compare with a baseline of another model.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write reports to this folder. Default: into the release; of a single file, none.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(1),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long one turn may take: what hangs fails then.",
)
@click.option(
    "--memory",
    type=click.FloatRange(0.5),
    default=default_memory,
    show_default="80 % of what is free",
    help="GiB of memory that one turn may use.",
)
@click.option("-v", "--verbose", is_flag=True, help="Print what the libraries print.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def run(path: Path, as_json: bool, **options: Any) -> int:
    """Measure a release, or any one .tflite file or .mlpackage.

    Every artifact takes turns with all others, each turn a process of its own. The status is 1
    where a gate of [latency] or of the baseline failed or could not be decided, or where a target
    that was named was not measured.
    """
    from mobilekit.bench.files import read_bench
    from mobilekit.bench.keeping import bench_json, keep_in_folder, keep_in_release
    from mobilekit.bench.lines import lines
    from mobilekit.bench.measuring.rounds import Effort
    from mobilekit.bench.measuring.workshop import Work
    from mobilekit.bench.running import Settings
    from mobilekit.bench.running import bench as measure
    from mobilekit.jobs import Limits
    from mobilekit.known_problems import require_working_packages
    from mobilekit.progress import progress_for
    from mobilekit.release import MANIFEST

    require_working_packages()
    memory = int(options["memory"] * 2**30)
    settings = Settings(
        work=Work(
            limits=Limits(workers=1, memory=memory, seconds=options["time_limit"]),
            effort=Effort(
                runs=options["runs"], seconds=options["seconds"], most_seconds=options["limit"]
            ),
            threads=options["threads"],
            affinity=options["affinity"],
            benchmark_model=options["benchmark_model"],
            chatter=sys.stderr if options["verbose"] else None,
        ),
        targets=options["targets"],
        variants=options["variants"],
        golden=options["golden"],
        baseline=read_bench(options["baseline"]) if options["baseline"] else None,
        size=options["slower"] / 100,
        across_machines=options["across_machines"],
        across_models=options["across_models"],
    )
    path = path.absolute()
    with progress_for() as progress:
        report = measure(path, settings, progress)
    release = path if (path / MANIFEST).exists() else None
    if options["out"]:
        keep_in_folder(report, options["out"].absolute(), release)
    elif release is not None:
        keep_in_release(report, release)
    click.echo(bench_json(report) if as_json else "\n".join(lines(report)), nl=not as_json)
    return _STATUS[report.verdict]


bench.add_command(history)
bench.add_command(import_command)

"""Measure what the generated Kotlin class adds to a call of the engine; write it into README.md.

    .venv/bin/python benchmarks/android_overhead.py

JMH times one call of a model on a JVM, through the generated class and of the engine itself: the
same runtime, the same arrays, the same threads. The two sides take turns, round by round, each in a
JVM of its own. What a call allocates is counted by JMH too. On a phone the numbers are other ones:
this tells what the wrapper costs beside an engine, not how fast an engine is.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests" / "android"
sys.path[:0] = [str(HERE), str(TESTS), str(TESTS.parent)]

import maven  # noqa: E402
from engines.interpreter.android_library import LIBC, adapt, build_libc  # noqa: E402
from page import (  # noqa: E402
    machine,
    mobilekit,
    mobilenet_v2_project,
    versions,
    write_section,
)
from toolchain import DECLARED, LEAST_JAVA, Kotlin, kotlin_in  # noqa: E402

from mobilekit.modules import artifacts_of_release  # noqa: E402
from mobilekit.parity.golden import read_golden  # noqa: E402
from mobilekit.project import AndroidTable, load_project  # noqa: E402
from mobilekit.report import read_report  # noqa: E402
from mobilekit.wrappers.android import describe_android, write_module  # noqa: E402

PACKAGE = "com.example.models"
SOURCES = HERE / "android"
MODELS = {"DigitClassifier": "the digits example", "MobileNetV2": "MobileNetV2, 224×224"}
RUNTIMES = {"litert": "LiteRT 2.x", "interpreter": "TFLite, classic"}
SIDES = ("bare", "wrapper")


@dataclass(frozen=True, kw_only=True)
class Built:
    """One runtime's classes, and what a JVM needs to run them."""

    classpath: tuple[str | Path, ...]
    properties: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One side's call in one round: nanoseconds, and bytes that it allocates."""

    nanoseconds: float
    bytes: float


def releases(work: Path) -> list[tuple[Path, Path]]:
    """Build both models; return each project's folder and its release."""
    found = []
    for name, project in (
        ("digits", HERE.parent / "examples" / "digits"),
        ("mobilenet", mobilenet_v2_project(work)),
    ):
        release = work / f"{name}.release"
        if not release.exists():
            command = [mobilekit(), "convert", str(project), "--out", str(release)]
            command += ["--variant", "tflite-fp32", "--target", "cpu", "--require", "cpu"]
            subprocess.run(command, check=True)
        found.append((project, release))
    return found


def write_modules(work: Path, runtime: str) -> Path:
    """Generate both models' modules for a runtime, in one package and folder."""
    folder = work / runtime / "module"
    for path, release in releases(work):
        project = load_project(path / "mobilekit.toml")
        android = AndroidTable(
            **{
                **project.android.model_dump(),
                "package": PACKAGE,
                "runtime": runtime,
                "bundle": ("fp32",),
            }
        )
        report = read_report(release / "report.json")
        artifact = artifacts_of_release(report, release, "tflite")["tflite-fp32"]
        module = describe_android(
            project.model_copy(update={"android": android}),
            artifacts=[artifact],
            golden=read_golden(release / "golden"),
            source_sha256=report.model.sha256,
        )
        write_module(module, folder)
    return folder


def build(kotlin: Kotlin, work: Path, runtime: str) -> Built:
    """Compile the modules, the subjects and JMH's own code for one runtime."""
    module = write_modules(work, runtime)
    assets = module / "src" / "main" / "assets"
    properties = {"assets": str(assets), "output": str(work)}
    helpers = TESTS / "kotlin" / runtime
    if runtime == "litert":
        sources = [TESTS / "engines" / "litert", DECLARED / "litert" / "LiteRtException.kt"]
        engine: list[str | Path] = [
            kotlin.compile(sources, ["android", "jna"], kotlin.folder / "litert-engine"),
            "jna",
        ]
        helper = helpers / "FolderPlace.kt"
        package = importlib.util.find_spec("ai_edge_litert")
        assert package is not None
        assert package.origin is not None
        library = Path(package.origin).with_name("libLiteRt.so")
        properties["litert.library"] = str(library)
    else:
        engine = ["interpreter"]
        helper = helpers / "Here.kt"
        libraries = adapted_libraries(work / "libraries")
        properties["java.library.path"] = str(libraries)
        properties["android.libc"] = str(libraries / LIBC)
    classpath = (*engine, "android", "coroutines")
    classes = kotlin.compile(
        [module / "src" / "main" / "kotlin", helper, SOURCES / "common", SOURCES / runtime],
        classpath,
        kotlin.folder / runtime,
    )
    jmh = kotlin.folder / f"{runtime}-jmh"
    jmh.mkdir()
    subprocess.run(
        [
            str(kotlin.java_home / "bin" / "javac"),
            *("-cp", kotlin.joined([classes, "jmh", *classpath]), "-d", str(jmh)),
            str(SOURCES / "Overhead.java"),
        ],
        check=True,
    )
    return Built(classpath=(jmh, classes, "jmh", *classpath), properties=properties)


def adapted_libraries(folder: Path) -> Path:
    """Make the published Android libraries of TFLite loadable here."""
    folder.mkdir(exist_ok=True)
    libc = build_libc("gcc", folder)
    for pin in maven.classpaths()["interpreter"]:
        for library in pin.libraries:
            (folder / library.name).write_bytes(adapt(library.read_bytes(), libc.read_bytes()))
    return folder


def measure(kotlin: Kotlin, built: Built, model: str, side: str, seconds: int) -> Sample:
    """Time one side's call in a JVM of its own."""
    results = kotlin.folder / "results.json"
    arguments = ["Overhead", "-p", f"model={model}", "-p", f"side={side}", "-f", "0"]
    arguments += ["-wi", "3", "-i", "5", "-w", f"{seconds}s", "-r", f"{seconds}s", "-prof", "gc"]
    arguments += ["-rf", "json", "-rff", str(results)]
    kotlin.run(
        "org.openjdk.jmh.Main",
        built.classpath,
        arguments,
        properties=built.properties,
        environment={"VK_DRIVER_FILES": "/nonexistent"},
        timeout=600,
    )
    (result,) = json.loads(results.read_text())
    return Sample(
        nanoseconds=statistics.median(result["primaryMetric"]["rawData"][0]),
        bytes=result["secondaryMetrics"]["gc.alloc.rate.norm"]["score"],
    )


def table(samples: dict[tuple[str, str, str], list[Sample]]) -> str:
    """Return the figures as a table: medians over the rounds."""
    lines = [
        "| runtime | network | engine | with the wrapper | added | added, share | engine's bytes "
        "| with the wrapper |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for runtime, title in RUNTIMES.items():
        for model, name in MODELS.items():
            bare, wrapper = (samples[runtime, model, side] for side in SIDES)
            engine = statistics.median(sample.nanoseconds for sample in bare) / 1e3
            added = [w.nanoseconds - b.nanoseconds for b, w in zip(bare, wrapper, strict=True)]
            more = statistics.median(added) / 1e3
            lines.append(
                f"| {title} | {name} | {engine:,.1f} µs | {engine + more:,.1f} µs | "
                f"{more:+.2f} µs ({min(added) / 1e3:+.2f} to {max(added) / 1e3:+.2f}) | "
                f"{100 * more / engine:+.2f} % | "
                f"{statistics.median(s.bytes for s in bare):,.0f} | "
                f"{statistics.median(s.bytes for s in wrapper):,.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side runs")
    parser.add_argument("--seconds", type=int, default=1, help="of each of JMH's iterations")
    parser.add_argument("--work", type=Path, default=HERE.parent / "build" / "benchmark")
    parser.add_argument("--dry", action="store_true", help="leave README.md as it is")
    options = parser.parse_args()
    maven.get_all()
    work: Path = options.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, kotlin_in(Path(folder)) as kotlin:
        figures = run(kotlin, work, options.rounds, options.seconds)
    text = f"{figures}\n\n{circumstances(options.rounds)}"
    print(text)
    if not options.dry:
        write_section("android_overhead", text)


def run(kotlin: Kotlin, work: Path, rounds: int, seconds: int) -> str:
    """Measure every runtime, model and side, round by round."""
    built = {runtime: build(kotlin, work, runtime) for runtime in RUNTIMES}
    kotlin.close()
    samples: dict[tuple[str, str, str], list[Sample]] = {}
    for _ in range(rounds):
        for runtime in RUNTIMES:
            for model in MODELS:
                for side in SIDES:
                    sample = measure(kotlin, built[runtime], model, side, seconds)
                    samples.setdefault((runtime, model, side), []).append(sample)
                    print(runtime, model, side, sample, flush=True)
    return table(samples)


def circumstances(rounds: int) -> str:
    """Say when and on what the figures were measured."""
    return (
        f"{machine()}, OpenJDK {LEAST_JAVA}, {versions(['ai-edge-litert'])}, TFLite 2.16.1, JMH "
        f"1.37. Medians of {rounds} rounds, with the least and the greatest in brackets."
    )


if __name__ == "__main__":
    main()

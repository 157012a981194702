"""Generated modules compile, warnings as errors, against the real classes and declared ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import maven
import pytest
from shapes import SHAPES, Shapes
from toolchain import DECLARED, HERE, SHORT_RUN, Kotlin, KotlinError

from mobilekit.wrappers.android import write_module
from mobilekit.wrappers.description import AndroidRuntime

PACKAGE = "com.example.shapes"
RUNTIMES: dict[AndroidRuntime, str] = {"litert": "declared litert", "interpreter": "interpreter"}
"""What a runtime's modules are compiled with: it alone."""

MAIN = Path("src", "main", "kotlin")
TESTS = Path("src", "androidTest", "kotlin")


@dataclass(frozen=True, kw_only=True)
class Modules:
    """All shapes' modules of a runtime, of one package, and the classes of their main sources.

    Most of their files are the same, so that all together are compiled at the cost of a few.
    """

    runtime: AndroidRuntime
    folders: Mapping[str, Path]
    main: Path

    @property
    def classpath(self) -> tuple[str, ...]:
        """What an app's build would add."""
        return ("android", RUNTIMES[self.runtime], "coroutines")


@pytest.fixture(scope="module", params=RUNTIMES)
def modules(
    request: pytest.FixtureRequest,
    kotlin: Kotlin,
    shapes: Shapes,
    tmp_path_factory: pytest.TempPathFactory,
) -> Modules:
    runtime: AndroidRuntime = request.param
    folder = tmp_path_factory.mktemp(runtime)
    names = [name for name, shape in SHAPES.items() if runtime in shape.runtimes]
    modules = Modules(
        runtime=runtime,
        folders={name: folder / name for name in names},
        main=folder / "classes",
    )
    for name, path in modules.folders.items():
        write_module(replace(shapes.module(name, runtime), package=PACKAGE), path)
    sources = together(modules.folders.values(), MAIN).values()
    kotlin.compile(sources, modules.classpath, modules.main, explicit_api=True)
    return modules


def together(folders: Iterable[Path], sources: Path) -> dict[str, Path]:
    """Return the Kotlin files of modules by name; those of one name have to be the same."""
    files: dict[str, Path] = {}
    for folder in folders:
        for file in (folder / sources).rglob("*.kt"):
            known = files.setdefault(file.name, file)
            assert known.read_bytes() == file.read_bytes(), file
    return files


def test_modules_compile(modules: Modules) -> None:
    """The fixture compiled them; here are the classes."""
    package = modules.main / PACKAGE.replace(".", "/")
    assert {path.stem for path in package.glob("*.class")} >= modules.folders.keys()
    assert len(modules.folders) >= 6


def test_instrumented_tests_compile(kotlin: Kotlin, modules: Modules, tmp_path: Path) -> None:
    sources = together(modules.folders.values(), TESTS)
    classes = kotlin.compile(
        sources.values(),
        [modules.main, *modules.classpath, "declared androidx.test", "junit"],
        tmp_path,
        friends=[modules.main],
    )
    found = {path.stem for path in classes.rglob("*.class")}
    assert {f"{name}ParityTest" for name in modules.folders} <= found


def test_no_module_lacks_a_file_that_its_code_needs(modules: Modules) -> None:
    """Files that other modules have, for images, say, are named nowhere in one without them."""
    for sources in (MAIN, TESTS):
        everything = together(modules.folders.values(), sources)
        for folder in modules.folders.values():
            own = together([folder], sources)
            words = set().union(*(words_of(path) for path in own.values()))
            for name in everything.keys() - own.keys():
                assert not words & declared_in(everything[name]), (folder.name, name)


def words_of(path: Path) -> set[str]:
    code = re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return set(re.findall(r"\w+", code))


def declared_in(path: Path) -> set[str]:
    """The names of a Kotlin file's classes, functions and properties that are in no class."""
    text = path.read_text(encoding="utf-8")
    pattern = r"^(?:[a-z]+ )*(?:class|interface|object|fun interface|fun|val) (\w+)"
    return set(re.findall(pattern, text, re.MULTILINE))


def test_modules_use_nothing_that_android_7_lacks(kotlin: Kotlin, modules: Modules) -> None:
    assert lacking_in_android_7(kotlin, modules.main, modules.classpath) == ""


def test_what_android_7_lacks_is_found(kotlin: Kotlin, tmp_path: Path) -> None:
    source = tmp_path / "Now.kt"
    source.write_text("fun now(): java.time.Instant = java.time.Instant.now()\n")
    classes = kotlin.compile([source], ["android"], tmp_path / "classes")
    assert "java.time.Instant" in lacking_in_android_7(kotlin, classes, [])


def lacking_in_android_7(kotlin: Kotlin, classes: Path, classpath: Sequence[str]) -> str:
    """Say what classes use of Java and Android that API level 24, the modules' least, lacks."""
    signatures, *checker = [pin.jar for pin in maven.classpaths()["android-7"]]
    others = kotlin.joined(classpath).split(os.pathsep)
    arguments = [str(signatures), str(classes), *others]
    return kotlin.run(HERE / "java" / "ApiChecker.java", checker, arguments, options=SHORT_RUN)


def test_the_engine_offers_what_is_declared(kotlin: Kotlin, tmp_path: Path) -> None:
    """LiteRT's API is written down twice: to compile against, and to run. Both are the same."""
    same = DECLARED / "litert" / "LiteRtException.kt"
    engine = kotlin.compile(
        [HERE / "engines" / "litert", same], ["android", "jna"], tmp_path / "engine"
    )
    declared = kotlin.compile([DECLARED / "litert"], ["android"], tmp_path / "declared")
    wanted, found = kotlin.public_signatures(declared), kotlin.public_signatures(engine)
    for name in wanted.keys() & found.keys():
        assert wanted[name] <= found[name], name
    # A Linux machine has no NPU to provide libraries for.
    assert {name for name in wanted.keys() - found.keys() if "Npu" not in name} == set()


def test_a_warning_is_an_error(kotlin: Kotlin, tmp_path: Path) -> None:
    source = tmp_path / "Sloppy.kt"
    source.write_text("public fun length(text: String): Int = text!!.length\n")
    with pytest.raises(KotlinError, match="unnecessary non-null assertion"):
        kotlin.compile([source], [], tmp_path / "classes")


def test_visibility_must_be_written(kotlin: Kotlin, tmp_path: Path) -> None:
    source = tmp_path / "Open.kt"
    source.write_text("fun one(): Int = 1\n")
    with pytest.raises(KotlinError, match="isibility must be specified"):
        kotlin.compile([source], [], tmp_path / "classes", explicit_api=True)
    kotlin.compile([source], [], tmp_path / "classes")

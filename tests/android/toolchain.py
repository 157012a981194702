"""Kotlin's compiler and a JVM, for the tests of generated Android modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import maven
import pytest
from tools import without

HERE = Path(__file__).parent
DECLARED = HERE / "declared"
ROBOLECTRIC = HERE / "robolectric"
ROBOLECTRIC_SDK = "15-robolectric-13954326"  # The name that Robolectric 4.17 asks for.
LEAST_JAVA = 17
SHORT_RUN = (
    # Programs that run for seconds are not worth the best code.
    "-XX:TieredStopAtLevel=1",
    "-XX:ReservedCodeCacheSize=240m",
    "-XX:+UseSerialGC",
)


class KotlinError(Exception):
    """What the compiler, or a program that it compiled, had to say."""


@dataclass(frozen=True, kw_only=True)
class JUnitResult:
    """One test: `outcome` is `passed`, `failed` or `skipped`; `text` the stack trace or reason."""

    outcome: str
    text: str


@dataclass(frozen=True, kw_only=True)
class JUnitRun:
    """What a run of JUnit classes showed, by `Class.method` without the package."""

    results: Mapping[str, JUnitResult]
    output: str

    def check(self, name: str) -> None:
        """Pass, fail or skip the pytest test that calls this, as the JUnit test did."""
        result = self.results.get(name) or self.results.get(name.partition(".")[0])
        if result is None:
            pytest.fail(f"{name} did not run.\n{self.output}", pytrace=False)
        if result.outcome == "skipped":
            without(result.text)
        if result.outcome != "passed":
            pytest.fail(f"{result.text}\n{self.output}", pytrace=False)


def junit_tests(*sources: Path) -> list[str]:
    """Return the JUnit tests in Kotlin files and folders as `Class.method`, to parametrise with."""
    names = []
    for file in _kotlin_files(sources):
        text = file.read_text(encoding="utf-8")
        for declaration in re.finditer(
            r"^(?:public |internal )?class (\w+)"
            r"|^ +@Test\b(?:\(.*\))?\s+(?:@.*\s+)*(?:public |internal )?fun (?:(\w+)|`(.+?)`)",
            text,
            re.MULTILINE,
        ):
            if declaration[1]:
                class_name = declaration[1]
            else:
                names.append(f"{class_name}.{declaration[2] or declaration[3]}")
    return names


@cache
def java_home() -> Path | None:
    """Return the folder of a Java development kit that is new enough, or None."""
    on_path = shutil.which("javac")
    candidates = [
        *([Path(os.environ["JAVA_HOME"])] if "JAVA_HOME" in os.environ else []),
        *([Path(on_path).resolve().parents[1]] if on_path else []),
        *sorted(Path("/usr/lib/jvm").glob("*")),
    ]
    return next((home for home in candidates if _java_version(home) >= LEAST_JAVA), None)


def _java_version(home: Path) -> int:
    """Return the version of the development kit in a folder, 0 where there is none."""
    facts = home / "release"
    if not (home / "bin" / "javac").exists() or not facts.is_file():
        return 0
    version = re.search(r'JAVA_VERSION="(\d+)', facts.read_text(encoding="utf-8"))
    return int(version[1]) if version else 0


@dataclass(kw_only=True)
class Kotlin:
    """The compiler, kept running, and programs on the JVM.

    A class path is a sequence of folders, jars, and names: those in `jars.txt` (`android`,
    `interpreter`, `coroutines`, `junit`, `jna`, `jmh`) and `declared litert`,
    `declared androidx.test`: what Maven Central lacks, declared beside this file. `robolectric` is
    Android itself on the JVM: tests that have it get a real `Context`, assets and bitmaps. The
    Kotlin library is always in it.
    """

    java_home: Path
    folder: Path
    _compiler: subprocess.Popen[str] | None = field(default=None, init=False)
    _compilations: int = field(default=0, init=False)
    _compiled_once: dict[Path, Path] = field(default_factory=dict, init=False)

    @staticmethod
    def missing() -> str | None:
        """Say what is not on this machine, or return None."""
        if java_home() is None:
            return (
                f"There is no Java development kit of version {LEAST_JAVA} or newer here; "
                "on Debian: sudo apt-get install default-jdk-headless"
            )
        return maven.missing()

    def compile(
        self,
        sources: Iterable[Path],
        classpath: Sequence[str | Path],
        output: Path,
        *,
        explicit_api: bool = False,
        friends: Sequence[Path] = (),
        options: Sequence[str] = (),
    ) -> Path:
        """Compile Kotlin files, and those in folders, in one run with warnings as errors.

        Args:
            sources: files and folders.
            classpath: names, folders and jars.
            output: the folder for the classes, which is returned.
            explicit_api: whether visibility must be written, as generated libraries do.
            friends: folders of the class path whose `internal` names the sources may use.
            options: more options of the compiler.

        Raises:
            KotlinError: with what the compiler said.
        """
        files = [str(file) for file in _kotlin_files(sources)]
        assert files, "there is nothing to compile"
        arguments = [
            *("-no-stdlib", "-no-reflect", "-jvm-target", "17", "-Werror"),
            *(["-Xexplicit-api=strict"] if explicit_api else []),
            *([f"-Xfriend-paths={','.join(map(str, friends))}"] if friends else []),
            *("-cp", self.joined(classpath)),
            *("-d", str(output)),
            *options,
            *files,
        ]
        self._compilations += 1
        request = self.folder / f"compilation-{self._compilations}"
        request.write_text("\n".join(map(_quoted, arguments)), encoding="utf-8")
        server = self._server()
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(f"{request}\n")
        server.stdin.flush()
        answer = server.stdout.readline().strip()
        log = request.with_name(f"{request.name}.log")
        if answer != "0":
            said = log.read_text(encoding="utf-8") if log.exists() else ""
            raise KotlinError(f"The compiler answered {answer!r}.\n{said}")
        return output

    def joined(self, classpath: Sequence[str | Path]) -> str:
        """Return a class path as Java wants it."""
        found: dict[Path, None] = {}
        for item in ("kotlin", *classpath):
            found.update(dict.fromkeys(self._parts(item) if isinstance(item, str) else [item]))
        return os.pathsep.join(map(str, found))

    def run(
        self,
        main: str | Path,
        classpath: Sequence[str | Path],
        arguments: Sequence[str] = (),
        *,
        options: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> str:
        """Run a class, or a Java source file, and return what it wrote.

        Args:
            main: the class's full name, or the file.
            classpath: names, folders and jars.
            arguments: the program's own.
            options: the JVM's options, such as `-Xmx256m`.
            properties: system properties.
            environment: variables beside this process's own.
            timeout: seconds after which it is ended.

        Raises:
            KotlinError: it failed or took too long; with what it wrote.
        """
        command = [
            str(self.java_home / "bin" / "java"),
            *("-cp", self.joined(classpath)),
            *(f"-D{name}={value}" for name, value in (properties or {}).items()),
            *options,
            str(main),
            *arguments,
        ]
        with tempfile.TemporaryFile() as output:

            def written() -> str:
                output.seek(0)
                return output.read().decode("utf-8", "replace")

            try:
                subprocess.run(
                    command,
                    env={**os.environ, **(environment or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=timeout,
                    check=True,
                )
            except subprocess.SubprocessError as error:
                raise KotlinError(f"{main}: {error}\n{written()}") from error
            return written()

    def run_junit(
        self,
        classpath: Sequence[str | Path],
        classes: Sequence[str],
        *,
        options: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        assets: Path | None = None,
        timeout: float = 120,
    ) -> JUnitRun:
        """Run JUnit 4 classes, named in full, in one JVM; the arguments are those of `run`.

        With `robolectric` in the class path, `assets` is the folder of the app's assets. A test
        that the JVM did not survive, or that never ended, is one that failed.
        """
        if "robolectric" in classpath:
            properties = {**self._robolectric(assets), **(properties or {})}
            options = (*SHORT_RUN, *options)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            events = Path(folder) / "events"
            try:
                output = self.run(
                    HERE / "java" / "JUnitRunner.java",
                    ["junit", *classpath],
                    [str(events), *classes],
                    options=options,
                    properties=properties,
                    environment=environment,
                    timeout=timeout,
                )
            except KotlinError as error:
                if not events.exists():
                    raise
                output = str(error)
            return JUnitRun(results=_results(events.read_text(encoding="utf-8")), output=output)

    def public_signatures(self, classes: Path) -> dict[str, frozenset[str]]:
        """Return what classes in a folder offer, as `javap` prints it, by class.

        Names with a dollar sign are left out: the compiler made them.
        """
        files = sorted(classes.rglob("*.class"))
        names = [file.relative_to(classes).with_suffix("").as_posix() for file in files]
        run = subprocess.run(
            [str(self.java_home / "bin" / "javap"), "-protected", "-cp", str(classes), *names],
            capture_output=True,
            text=True,
            check=True,
        )
        found = {}
        for head, body in re.findall(r"^(.*) \{\n((?:  .*\n)*)\}", run.stdout, re.MULTILINE):
            members = {line.strip() for line in body.splitlines()}
            found[head] = frozenset(line for line in members if not re.search(r"\$\w+\(", line))
        return found

    def close(self) -> None:
        """End the compiler."""
        if self._compiler is not None:
            assert self._compiler.stdin is not None
            self._compiler.stdin.close()
            self._compiler.wait()

    def _parts(self, name: str) -> list[Path]:
        if name.startswith("declared "):
            return [self._compiled(DECLARED / name.removeprefix("declared "))]
        if name == "robolectric":
            return [
                *_jars("robolectric"),
                *_jars("android"),
                *self._parts("declared androidx.test"),
                self._compiled(ROBOLECTRIC),
                ROBOLECTRIC,
            ]
        return _jars(name)

    def _compiled(self, sources: Path) -> Path:
        """Compile a folder of the tests' own, once."""
        if sources not in self._compiled_once:
            output = self.folder / f"compiled-{sources.name}"
            self._compiled_once[sources] = self.compile([sources], ["android", "junit"], output)
        return self._compiled_once[sources]

    def _robolectric(self, assets: Path | None) -> dict[str, str]:
        """Return the properties that let Robolectric do without the network."""
        sdk = self.folder / "robolectric" / f"android-all-{ROBOLECTRIC_SDK}.jar"
        temporary = self.folder / "robolectric" / "tmp"
        if not sdk.exists():
            temporary.mkdir(parents=True)
            sdk.symlink_to(_jars("android")[0])
        properties = {
            "robolectric.offline": "true",
            "robolectric.dependency.dir": str(sdk.parent),
            "robolectric.usePreinstrumentedJars": "false",
            "java.io.tmpdir": str(temporary),
        }
        if assets is not None:
            package = self.folder / "robolectric" / f"assets-{len(list(sdk.parent.iterdir()))}.apk"
            _write_package(assets, package)
            properties["mobilekit.assets"] = str(package)
        return properties

    def _server(self) -> subprocess.Popen[str]:
        if self._compiler is None:
            self._compiler = subprocess.Popen(
                [
                    str(self.java_home / "bin" / "java"),
                    *("-cp", os.pathsep.join(map(str, _jars("compiler")))),
                    *("-Xmx1g", *SHORT_RUN),
                    # The JVM's own warnings are no answers.
                    *("-Xlog:disable", "-Xlog:all=warning:stderr"),
                    # What the compiler read of class paths is kept between runs.
                    "-Dkotlin.environment.keepalive=true",
                    str(HERE / "java" / "CompilerServer.java"),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                encoding="utf-8",
            )
        return self._compiler


@contextmanager
def kotlin_in(folder: Path) -> Iterator[Kotlin]:
    """Offer Kotlin with a folder to work in, where `Kotlin.missing` names nothing."""
    home = java_home()
    assert home is not None
    kotlin = Kotlin(java_home=home, folder=folder)
    try:
        yield kotlin
    finally:
        kotlin.close()


def _jars(name: str) -> list[Path]:
    return [pin.jar for pin in maven.classpaths()[name]]


def _write_package(assets: Path, package: Path) -> None:
    """Write an Android package with nothing but assets, stored as modules store models."""
    with zipfile.ZipFile(package, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(assets.rglob("*")):
            if file.is_file():
                archive.write(file, f"assets/{file.relative_to(assets).as_posix()}")


def _kotlin_files(sources: Iterable[Path]) -> list[Path]:
    files = []
    for source in sources:
        files += sorted(source.rglob("*.kt")) if source.is_dir() else [source]
    return files


def _quoted(argument: str) -> str:
    """Return an argument as the compiler's argument files have it."""
    return '"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _results(events: str) -> dict[str, JUnitResult]:
    """Read what `JUnitRunner.java` wrote."""
    found: dict[str, JUnitResult] = {}
    started = []
    for line in events.splitlines():
        event, class_name, method, text = map(_unescaped, line.split("\t"))
        simple_name = class_name.rpartition(".")[2]
        name = f"{simple_name}.{method}" if method else simple_name
        if event == "started":
            started.append(name)
        elif event == "finished":
            found.setdefault(name, JUnitResult(outcome="passed", text=""))
        else:
            found[name] = JUnitResult(outcome=event, text=text)
    for name in started:
        found.setdefault(name, JUnitResult(outcome="failed", text=f"{name} did not end."))
    return found


def _unescaped(text: str) -> str:
    plain = {"t": "\t", "n": "\n", "r": "\r"}
    return re.sub(r"\\(.)", lambda found: plain.get(found[1], found[1]), text)

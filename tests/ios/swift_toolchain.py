"""Swift, for the tests of generated Swift packages: it builds them, runs them and their tests."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import debian_swift
import pytest
from stand_in.server import VARIABLE, serving
from tools import without

HERE = Path(__file__).parent
STAND_INS = HERE / "stand_in"
ATTEMPTS = 4


class SwiftError(Exception):
    """What the compiler, or a program that it compiled, had to say."""


@dataclass(frozen=True, kw_only=True)
class XCTestResult:
    """One test: `outcome` is `passed`, `failed` or `skipped`; `text` the failures or the reason."""

    outcome: str
    text: str


@dataclass(frozen=True, kw_only=True)
class XCTestRun:
    """What a run of XCTest showed, by `Class.method`."""

    results: Mapping[str, XCTestResult]
    output: str

    def check(self, name: str) -> None:
        """Pass, fail or skip the pytest test that calls this, as the XCTest did."""
        result = self.results.get(name)
        if result is None:
            pytest.fail(f"{name} did not run.\n{self.output}", pytrace=False)
        if result.outcome == "skipped":
            without(result.text)
        if result.outcome != "passed":
            pytest.fail(f"{result.text}\n{self.output}", pytrace=False)


def xctests(*sources: Path) -> list[str]:
    """Return the XCTests in Swift files and folders as `Class.method`, to parametrise with."""
    names = []
    for file in swift_files(sources):
        for declaration in re.finditer(
            r"^(?:@\w+(?:\(.*?\))? )*(?:public |internal )?(?:final )?class (\w+): *XCTestCase"
            r"|^ +(?:@\w+(?:\(.*?\))? )*(?:public )?func (test\w*)\(\)",
            file.read_text(encoding="utf-8"),
            re.MULTILINE,
        ):
            if declaration[1]:
                class_name = declaration[1]
            else:
                names.append(f"{class_name}.{declaration[2]}")
    return names


def swift_files(sources: Iterable[Path]) -> list[Path]:
    """Return Swift files and those in folders, without what was built."""
    files: list[Path] = []
    for source in sources:
        found = sorted(source.rglob("*.swift")) if source.is_dir() else [source]
        files += [file for file in found if ".build" not in file.parts]
    return files


@dataclass(kw_only=True)
class Swift:
    """Swift 6 with SwiftPM and XCTest.

    Packages are built as they are, with warnings as errors. Where `stand_ins`, the modules in
    `stand_in/` (`CoreML`, `CoreGraphics`, `CoreVideo`) are found as Apple's own are on a Mac:
    the package's manifest does not mention them. What they answer comes from the project's own
    evaluator, in a thread of this process.
    """

    folder: Path
    _stand_ins: Path | None = field(default=None, init=False)
    _server: Path | None = field(default=None, init=False)
    _running: ExitStack = field(default_factory=ExitStack, init=False)

    @staticmethod
    def missing() -> str | None:
        """Say what is not on this machine, or return None."""
        return debian_swift.missing()

    def build(
        self,
        package: Path,
        *,
        tests: bool = False,
        stand_ins: bool = True,
        options: Sequence[str] = (),
        timeout: float = 300,
    ) -> Path:
        """Build a package, and its tests where wanted; return the folder of what was built.

        What is unchanged since the last time is not built again.

        Args:
            package: the folder of its `Package.swift`; `.build` is written there.
            tests: whether its tests are built, too.
            stand_ins: whether it may import the stand-ins of Apple's modules.
            options: more options of `swift build`.
            timeout: seconds after which the build is ended.

        Raises:
            SwiftError: with what SwiftPM and the compiler said.
        """
        return self._build(
            package,
            [
                *(["--build-tests"] if tests else []),
                *("-Xswiftc", "-warnings-as-errors"),
                *(self._stand_in_options() if stand_ins else []),
                *options,
            ],
            timeout,
        )

    def test(
        self,
        package: Path,
        *names: str,
        stand_ins: bool = True,
        environment: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
        timeout: float = 120,
    ) -> XCTestRun:
        """Build a package's tests and run them, or those that are named.

        A test that the process did not survive, or that never ended, is one that failed.

        Args:
            package: as for `build`.
            names: `Module.Class` or `Module.Class/method`; all where there is none.
            stand_ins: as for `build`.
            environment: variables beside this process's own.
            options: as for `build`.
            timeout: seconds that the tests may take.

        Raises:
            SwiftError: they could not be built.
        """
        built = self.build(package, tests=True, stand_ins=stand_ins, options=options)
        (bundle,) = built.glob("*.xctest")
        arguments = [",".join(names)] if names else []
        ended = self._execute([str(bundle), *arguments], package, environment, timeout)
        return XCTestRun(results=results(ended.output), output=ended.output)

    def run(
        self,
        package: Path,
        product: str,
        arguments: Sequence[str] = (),
        *,
        stdin: bytes = b"",
        stand_ins: bool = True,
        environment: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> bytes:
        """Build a package, run one of its executables and return what that wrote.

        Raises:
            SwiftError: it could not be built, failed or took too long; with what it wrote.
        """
        built = self.build(package, stand_ins=stand_ins)
        command = [str(built / product), *arguments]
        try:
            return subprocess.run(
                debian_swift.inside(tuple(command)),
                cwd=package,
                env=self._environment(environment),
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=True,
            ).stdout
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = (error.stderr or b"") + (error.stdout or b"")
            raise SwiftError(f"{product}: {error}\n{said.decode('utf-8', 'replace')}") from error

    def type_check(self, sources: Iterable[Path], *, stand_ins: bool = True) -> None:
        """Let the compiler check files as one module, in Swift 6 mode, and build nothing.

        Raises:
            SwiftError: with what the compiler said.
        """
        ended = self._execute(
            [
                *(f"{debian_swift.BIN}/swiftc", "-typecheck", "-swift-version", "6"),
                *("-warnings-as-errors", "-module-name", "Checked", "-parse-as-library"),
                *("-module-cache-path", str(self.folder / "modules")),
                *(["-I", str(self.stand_ins() / "Modules")] if stand_ins else []),
                *map(str, swift_files(sources)),
            ],
            self.folder,
            None,
            300,
        )
        if ended.code:
            raise SwiftError(ended.output)

    def stand_ins(self) -> Path:
        """Build the stand-ins of Apple's modules, once; return the folder of what was built."""
        if self._stand_ins is None:
            copy = self.folder / "stand_in"
            shutil.copytree(
                STAND_INS, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__", ".build")
            )
            self._stand_ins = self._build(copy, ["-Xswiftc", "-warnings-as-errors"], 300)
        return self._stand_ins

    def close(self) -> None:
        """End what answers for Core ML."""
        self._running.close()

    def _core_ml(self) -> Path:
        """Start what answers for Core ML, once; return the path of its socket."""
        if self._server is None:
            self._server = self._running.enter_context(serving())
        return self._server

    def _stand_in_options(self) -> list[str]:
        built = self.stand_ins()
        return [
            *("-Xswiftc", "-I", "-Xswiftc", str(built / "Modules")),
            *("-Xlinker", f"-L{built}", "-Xlinker", "-lAppleStandIns"),
            *("-Xlinker", "-rpath", "-Xlinker", str(built)),
        ]

    def _build(self, package: Path, options: Sequence[str], timeout: float) -> Path:
        command = [
            *(f"{debian_swift.BIN}/swift-build", "--package-path", str(package)),
            *("--disable-sandbox", "--disable-automatic-resolution", "--jobs", "2"),
            *("-Xswiftc", "-gnone", *options),
        ]
        # SwiftPM 6.0.3 dies of a segmentation fault in some runs; what it had built stays.
        for _ in range(ATTEMPTS):
            ended = self._execute(command, package, None, timeout)
            if ended.code >= 0 and "Program crashed" not in ended.output:
                break
        if ended.code:
            raise SwiftError(ended.output)
        return package / ".build" / "debug"

    def _execute(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None,
        timeout: float,
    ) -> _Ended:
        try:
            ended = subprocess.run(
                debian_swift.inside(tuple(command)),
                cwd=folder,
                env=self._environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            said = (error.stdout or b"").decode("utf-8", "replace")
            return _Ended(code=-9, output=f"{said}\n{command[0]} did not end in {timeout} s.")
        return _Ended(code=ended.returncode, output=ended.stdout.decode("utf-8", "replace"))

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        """Return the variables of a program inside, where the user's settings do not count."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {
            **os.environ,
            "PATH": f"{debian_swift.BIN}:/usr/bin",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            VARIABLE: str(self._core_ml()),
            **(more or {}),
        }


@dataclass(frozen=True, kw_only=True)
class _Ended:
    code: int
    output: str


def results(output: str) -> dict[str, XCTestResult]:
    """Read what XCTest wrote: each test's outcome, and its failures or the reason to skip it."""
    found: dict[str, XCTestResult] = {}
    name = ""
    lines: list[str] = []
    for line in output.splitlines():
        event = re.match(r"Test Case '(.+?)' (started at|passed|failed|skipped)\b", line)
        if event is None:
            lines.append(line)
        elif event[2] == "started at":
            name, lines = event[1], []
            found[name] = XCTestResult(outcome="failed", text=f"{name} did not end.")
        else:
            found[event[1]] = XCTestResult(outcome=event[2], text="\n".join(lines))
            lines = []
    return found

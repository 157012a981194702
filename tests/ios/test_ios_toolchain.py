"""Swift builds packages, runs them and their tests, and says what went wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from swift_toolchain import Swift, SwiftError, XCTestRun, results, xctests
from tools import REQUIRE

MANIFEST = """// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Greeting",
    products: [.executable(name: "greet", targets: ["greet"])],
    targets: [
        .target(name: "Greeting"),
        .executableTarget(name: "greet", dependencies: ["Greeting"]),
        .testTarget(name: "GreetingTests", dependencies: ["Greeting"]),
    ]
)
"""
LIBRARY = 'public func greeting(_ name: String) -> String { "Hello, \\(name)" }\n'
PROGRAM = """import Foundation
import Greeting

let input = FileHandle.standardInput.readDataToEndOfFile()
print(greeting(CommandLine.arguments[1]), String(decoding: input, as: UTF8.self))
"""
TESTS = """import Foundation
import XCTest

@testable import Greeting

final class GreetingTests: XCTestCase {
    func testPasses() async throws { XCTAssertEqual(greeting("you"), "Hello, you") }
    func testFails() { XCTAssertEqual(greeting("a\\nb"), "?"); XCTFail("And again.") }
    func testThrows() throws { throw CocoaError(.fileNoSuchFile) }
    func testSkips() throws { throw XCTSkip("Not on this machine.") }
}

final class OtherTests: XCTestCase {
    func testEnvironment() {
        XCTAssertEqual(ProcessInfo.processInfo.environment["GREETING"], "a b")
    }
    func testTraps() { if greeting("x").count < 100 { fatalError("It ends here.") } }
}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a folder") / "greeting ü"
    for name, text in (
        ("Package.swift", MANIFEST),
        ("Sources/Greeting/Greeting.swift", LIBRARY),
        ("Sources/greet/main.swift", PROGRAM),
        ("Tests/GreetingTests/GreetingTests.swift", TESTS),
    ):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tested(swift: Swift, package: Path) -> XCTestRun:
    return swift.test(package, stand_ins=False, environment={"GREETING": "a b"})


def test_a_product_runs_with_arguments_and_input(swift: Swift, package: Path) -> None:
    said = swift.run(package, "greet", ["you"], stdin="and you, ü".encode(), stand_ins=False)
    assert said.decode() == "Hello, you and you, ü\n"


def test_tests_are_found_in_sources(package: Path) -> None:
    assert xctests(package / "Tests") == [
        *("GreetingTests.testPasses", "GreetingTests.testFails", "GreetingTests.testThrows"),
        *("GreetingTests.testSkips", "OtherTests.testEnvironment", "OtherTests.testTraps"),
    ]


def test_each_test_has_its_own_outcome(tested: XCTestRun) -> None:
    outcomes = {name: result.outcome for name, result in tested.results.items()}
    assert outcomes == {
        "GreetingTests.testPasses": "passed",
        "GreetingTests.testFails": "failed",
        "GreetingTests.testThrows": "failed",
        "GreetingTests.testSkips": "skipped",
        "OtherTests.testEnvironment": "passed",
        "OtherTests.testTraps": "failed",
    }
    failure = tested.results["GreetingTests.testFails"].text
    assert '"Hello, a\nb"' in failure
    assert "And again." in failure
    assert "Not on this machine." in tested.results["GreetingTests.testSkips"].text
    assert "It ends here." in tested.output


def test_outcomes_become_pytests(tested: XCTestRun, monkeypatch: pytest.MonkeyPatch) -> None:
    tested.check("GreetingTests.testPasses")
    monkeypatch.delenv(REQUIRE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="Not on this machine"):
        tested.check("GreetingTests.testSkips")
    monkeypatch.setenv(REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match="Not on this machine"):
        tested.check("GreetingTests.testSkips")
    with pytest.raises(pytest.fail.Exception, match="And again"):
        tested.check("GreetingTests.testFails")
    with pytest.raises(pytest.fail.Exception, match="did not end"):
        tested.check("OtherTests.testTraps")
    with pytest.raises(pytest.fail.Exception, match="did not run"):
        tested.check("OtherTests.testForgotten")


def test_one_test_runs_alone(swift: Swift, package: Path) -> None:
    run = swift.test(package, "GreetingTests.GreetingTests/testPasses", stand_ins=False)
    assert list(run.results) == ["GreetingTests.testPasses"]


def test_a_warning_is_an_error(swift: Swift, tmp_path: Path) -> None:
    source = tmp_path / "Unused.swift"
    source.write_text("func unused() { let never = 1 }\n")
    with pytest.raises(SwiftError, match="never"):
        swift.type_check([source], stand_ins=False)
    source.write_text("func used() -> Int { 1 }\n")
    swift.type_check([source], stand_ins=False)


def test_a_data_race_is_an_error(swift: Swift, tmp_path: Path) -> None:
    source = tmp_path / "Shared.swift"
    source.write_text("nonisolated(unsafe) var counted = 0\nvar shared = 0\n")
    with pytest.raises(SwiftError, match="'shared' is not concurrency-safe"):
        swift.type_check([source], stand_ins=False)


def test_what_does_not_build_is_said(swift: Swift, tmp_path: Path) -> None:
    (tmp_path / "Package.swift").write_text(MANIFEST.replace("Greeting", "Broken"))
    for target in ("Sources/Broken", "Sources/greet", "Tests/BrokenTests"):
        (tmp_path / target).mkdir(parents=True)
        (tmp_path / target / "main.swift").write_text("let x: Int = nothing\n")
    with pytest.raises(SwiftError, match="cannot find 'nothing' in scope"):
        swift.build(tmp_path, stand_ins=False)


def test_a_test_that_never_ends_failed() -> None:
    found = results(
        "Test Case 'A.testX' started at now\nTest Case 'A.testX' passed (0.0 seconds)\n"
        "Test Case 'A.testY' started at now\nfor ever"
    )
    assert {name: result.outcome for name, result in found.items()} == {
        "A.testX": "passed",
        "A.testY": "failed",
    }

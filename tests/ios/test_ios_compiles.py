"""Generated packages compile as Swift 6, warnings as errors, against the stand-ins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from ios_shapes import SHAPES, IosShapes
from swift_toolchain import Swift, SwiftError

from mobilekit.wrappers.ios import write_package
from mobilekit_converters.hashing import sha256_of_path

BUILT = "FruitClassifier"
"""The package that SwiftPM builds. The others' sources are checked by the compiler alone."""

BUNDLE_MODULE = "import Foundation\n\nextension Bundle { static let module = Bundle.main }\n"
"""What SwiftPM adds to a target with resources."""


@pytest.fixture(scope="module")
def packages(ios_shapes: IosShapes, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("packages")
    for name in SHAPES:
        write_package(ios_shapes.package(name), folder / name)
    return {name: folder / name for name in SHAPES}


def together(folders: Iterable[Path]) -> dict[str, Path]:
    """Return the Swift files of packages by name; those of one name have to be the same.

    Most of their files are the same, so that all are checked at the cost of a few.
    """
    files: dict[str, Path] = {}
    for folder in folders:
        for file in (folder / "Sources").rglob("*.swift"):
            known = files.setdefault(file.name, file)
            assert known.read_bytes() == file.read_bytes(), file
    return files


def test_all_shapes_compile(swift: Swift, packages: Mapping[str, Path], tmp_path: Path) -> None:
    module = tmp_path / "Module.swift"
    module.write_text(BUNDLE_MODULE, encoding="utf-8")
    assert len(packages) >= 6
    swift.type_check([*together(packages.values()).values(), module])


def test_packages_without_images_or_classes_need_no_other_files(
    swift: Swift, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    module = tmp_path / "Module.swift"
    module.write_text(BUNDLE_MODULE, encoding="utf-8")
    files = together([packages["Embedder"]])
    assert not {"ImageSpec.swift", "Classification.swift", "Mask.swift"} & files.keys()
    swift.type_check([*files.values(), module])


def test_swift_package_manager_builds_a_package_and_keeps_its_resources(
    swift: Swift, packages: Mapping[str, Path], ios_shapes: IosShapes
) -> None:
    built = swift.build(packages[BUILT])
    (bundle,) = built.glob(f"{BUILT}_{BUILT}.*")
    for carried in ios_shapes.package(BUILT).artifacts:
        artifact = carried.artifact
        assert sha256_of_path(bundle / f"{artifact.variant}.mlpackage") == artifact.sha256
    assert (bundle / "golden" / "input-0.bin").is_file()
    assert (bundle / "labels-0.txt").read_text("utf-8").splitlines() == list(SHAPES[BUILT].labels)


def test_the_manifest_names_every_resource(packages: Mapping[str, Path]) -> None:
    for name, folder in packages.items():
        manifest = (folder / "Package.swift").read_text(encoding="utf-8")
        found = (folder / "Sources" / name / "Resources").iterdir()
        for resource in found:
            assert f".copy({json.dumps(f'Resources/{resource.name}')})" in manifest


def test_lines_are_short(packages: Mapping[str, Path]) -> None:
    for folder in packages.values():
        for file in (folder / "Sources").rglob("*.swift"):
            lines = file.read_text(encoding="utf-8").splitlines()
            assert max(map(len, lines)) <= 100, file


def test_a_warning_is_an_error(swift: Swift, tmp_path: Path) -> None:
    source = tmp_path / "Sloppy.swift"
    source.write_text("public func one() -> Int {\n    var one = 1\n    return one\n}\n")
    with pytest.raises(SwiftError, match="never mutated"):
        swift.type_check([source], stand_ins=False)


def test_a_data_race_is_an_error(swift: Swift, tmp_path: Path) -> None:
    source = tmp_path / "Racy.swift"
    source.write_text("public final class Racy: Sendable {\n    var count = 0\n}\n")
    with pytest.raises(SwiftError, match="mutable"):
        swift.type_check([source], stand_ins=False)

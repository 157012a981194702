"""Models whose names are anything at all: their packages compile, and nothing in them is code."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from swift_toolchain import Swift

from mobilekit.parity.golden import Golden
from mobilekit.project import parse_project
from mobilekit.wrappers.description import IosPackage
from mobilekit.wrappers.ios import describe_ios, write_package
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.signature import Signature, TensorSpec

MODELS = 40

RIGHT_TO_LEFT = "\u202e"
NASTY = (
    *("", " ", "x", "X", "x:0", "x_0", "image", "imageConverter", "labels", "topK", "run", "spec"),
    *("func", "init", "self", "Self", "nil", "some", "`var`", "_", "__", "1", "1x", "Float", "in"),
    *('"', '""', '"""', "\\", "\\u{22}", "\\(fatalError())", "#", '"#', "'", "\n", "\r\n", "\t"),
    *("*/", "/*", "//", "/// - Returns: x", '" + f("x") + "', "\u2028", "\u0085", "\ufeff", "\0"),
    *(f"{RIGHT_TO_LEFT}\u2066// x\u2069", "א", "ab\u200bc", "ﬁ", "ß", "İ", "🍎", "東京", "e\u0301"),
    *(
        "x" * 999,
        "{{ 1 }}",
        "{% raw %}",
        "%s",
        "</script>",
        "-->",
        "]]>",
        "@main",
        "``x``",
        "\ufdd0",
    ),
    *("\ufdef\ufffe", "\U0001ffff", "\U0010fffe", "\ufffd", "\U000e0001"),
)
"""Names that mean something somewhere: in Swift, DocC, Jinja, regular expressions, file names."""

NAMES = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8"), max_size=40)
MODEL_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True)

MAIN = """import Foundation

var bytes = Data()
for model in models {
    for tensor in model.inputs + model.outputs {
        let text = Data(tensor.name.utf8)
        withUnsafeBytes(of: UInt32(text.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(text)
    }
}
FileHandle.standardOutput.write(bytes)
"""
"""Writes each name's length and bytes."""

MANIFEST = """// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Names",
    targets: [.executableTarget(name: "Names")],
    swiftLanguageModes: [.v6]
)
"""


@dataclass(kw_only=True)
class Written:
    """Models of any name, whose other files are the same."""

    folder: Path
    packages: list[IosPackage] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def taken(self, name: str) -> bool:
        """Say whether files of that model would be another one's."""
        known = [package.model.name.lower() for package in self.packages]
        return any(name.lower().startswith(one) or one.startswith(name.lower()) for one in known)

    def sources(self, name: str = "*") -> list[Path]:
        """The Swift files of all packages whose names match, each once."""
        found = self.folder.glob(f"*/Sources/*/{name}.swift")
        return list({path.name: path for path in found}.values())


def described(path: Path, name: str, inputs: list[str], outputs: list[str]) -> IosPackage:
    """Describe a model with two inputs and two outputs, one of them of classes."""
    path.mkdir(exist_ok=True)
    specs = [TensorSpec(name=one, shape=(1, 2), dtype="float32") for one in (*inputs, *outputs)]
    made = Artifact(
        variant="coreml-fp16",
        path=path,
        sha256=sha256_of_path(path),
        file_bytes=0,
        signature=Signature(inputs=tuple(specs[:2]), outputs=tuple(specs[2:])),
    )
    zeros = np.zeros((1, 2), np.float32)
    document: dict[str, Any] = {
        "model": {
            "source": "none",
            "name": name,
            "outputs": {outputs[0]: {"kind": "classification"}},
        }
    }
    return describe_ios(
        parse_project(document, folder=Path(), origin="test"),
        artifacts=[made],
        golden=Golden(
            inputs=dict.fromkeys(inputs, zeros),
            outputs=dict.fromkeys(outputs, zeros),
            origin="Test.",
        ),
        source_sha256="0" * 64,
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    written = Written(folder=tmp_path_factory.mktemp("names"))
    empty = tmp_path_factory.mktemp("empty") / "empty.mlpackage"

    def write(name: str, inputs: list[str], outputs: list[str]) -> None:
        try:
            package = described(empty, name, inputs, outputs)
        except ProjectError as error:
            written.refused.append(str(error))
            return
        write_package(package, written.folder / name)
        written.packages.append(package)

    for number in range(0, len(NASTY), 4):
        names = list(NASTY[number : number + 4] + NASTY[:3])
        write(f"Nasty{number}x", names[:2], names[2:4])

    @settings(
        max_examples=MODELS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(MODEL_NAMES, *[st.lists(NAMES, min_size=2, max_size=2, unique=True)] * 2)
    def write_any(name: str, inputs: list[str], outputs: list[str]) -> None:
        if not written.taken(name):
            write(name, inputs, outputs)

    write_any()
    return written


def test_most_names_are_taken(written: Written) -> None:
    assert len(written.packages) > len(NASTY) // 4 + MODELS // 3
    for reason in written.refused:
        assert "[model] name" in reason
    names = [name for package in written.packages for name in tensor_names(package)]
    assert any(not name.isascii() for name in names)


def test_they_compile(written: Written, swift: Swift, tmp_path: Path) -> None:
    module = tmp_path / "Module.swift"
    module.write_text("import Foundation\n\nextension Bundle { static let module = Bundle.main }\n")
    swift.type_check([*written.sources(), module])


def test_they_mean_what_they_say(written: Written, swift: Swift, tmp_path: Path) -> None:
    package = tmp_path / "Names"
    target = package / "Sources" / "Names"
    target.mkdir(parents=True)
    (package / "Package.swift").write_text(MANIFEST)
    (target / "main.swift").write_text(MAIN)
    models = ",\n    ".join(f"{package.model.name}Spec.model" for package in written.packages)
    (target / "Models.swift").write_text(f"let models: [ModelSpec] = [\n    {models}\n]\n")
    specs = {f"{package.model.name}Spec" for package in written.packages}
    needed = specs | {"ModelSpec", "Candidate", "ComputeUnit", "ComputeUnitTrial"}
    for path in written.sources("*"):
        if path.stem in needed:
            (target / path.name).write_bytes(path.read_bytes())
    output = swift.run(package, "Names", stand_ins=False)
    expected = [name for package in written.packages for name in tensor_names(package)]
    assert list(read_names(output)) == expected


def tensor_names(package: IosPackage) -> list[str]:
    tensors = (*package.model.inputs, *package.model.outputs)
    return [tensor.spec.name for tensor in tensors]


def read_names(content: bytes) -> Iterator[str]:
    while content:
        (size,) = struct.unpack_from("<I", content)
        yield content[4 : 4 + size].decode("utf-8")
        content = content[4 + size :]

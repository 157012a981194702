"""Models whose names are anything at all: their modules compile, and nothing in a name is code."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapes import Shapes
from toolchain import Kotlin

from mobilekit.project import parse_project
from mobilekit.wrappers.android import describe_android, write_module
from mobilekit.wrappers.description import AndroidModule
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.tflite import read_artifact

PACKAGE = "com.example.names"
PROGRAM = Path(__file__).parent / "kotlin" / "names" / "AnyNames.kt"
MODELS = 40

RIGHT_TO_LEFT = "\u202e"
NASTY = (
    *("", " ", "x", "X", "x:0", "x_0", "image", "imageValues", "labels", "topK", "run", "call"),
    *("when", "val", "it", "this", "null", "fun", "`fun`", "_", "__", "1", "1x", "Engine", "Float"),
    *('"', '""', '"""', "\\", "\\u0022", "$", "${error(1)}", "$x", "'", "\n", "\r\n", "\t", "\0"),
    *("*/", "/*", "//", "/** @return [x] */", '" + error("x") + "', "\u2028", "\u0085", "\ufeff"),
    *(f"{RIGHT_TO_LEFT}\u2066// x\u2069", "א", "ab\u200bc", "ﬁ", "ß", "İ", "🍎", "東京", "e\u0301"),
    *("x" * 999, "{{ 1 }}", "{% raw %}", "%s", "</script>", "-->", "]]>", "@file:JvmName"),
)
"""Names that mean something somewhere: in Kotlin, KDoc, Jinja, regular expressions, file names."""

NAMES = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8"), max_size=40)
MODEL_NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True)


@dataclass(kw_only=True)
class Written:
    """Models of any name, all in one package, whose other files they share."""

    folder: Path
    modules: list[AndroidModule] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def taken(self, name: str) -> bool:
        """Say whether files of that model would be another one's."""
        known = [module.model.name.lower() for module in self.modules]
        return any(name.lower().startswith(one) or one.startswith(name.lower()) for one in known)


def renamed(path: Path, target: Path, inputs: list[str], outputs: list[str]) -> Artifact:
    """Write a file again whose signature has other names, in the order of those it had."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    (signature,) = model.signatureDefs
    for maps, names in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for entry, name in zip(maps, names, strict=True):
            entry.name = name.encode()
    target.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return read_artifact(target, "tflite-fp32")


def described(
    shapes: Shapes, path: Path, name: str, inputs: list[str], outputs: list[str]
) -> AndroidModule:
    """Describe the model with two inputs and two outputs under other names."""
    original = shapes.module("Hands", "interpreter")
    artifact = original.artifacts[0].artifact
    made = renamed(artifact.path, path, inputs, outputs)
    news = {
        **dict(zip((s.name for s in artifact_order(artifact.path)[0]), inputs, strict=True)),
        **dict(zip((s.name for s in artifact_order(artifact.path)[1]), outputs, strict=True)),
    }
    golden = original.model.golden
    document: dict[str, Any] = {
        "model": {
            "source": "none",
            "name": name,
            "outputs": {news["side"]: {"kind": "classification"}},
        },
        "android": {"package": PACKAGE, "runtime": "interpreter"},
    }
    return describe_android(
        parse_project(document, folder=Path(), origin="test"),
        artifacts=[made],
        golden=replace(
            golden,
            inputs={news[one]: values for one, values in golden.inputs.items()},
            outputs={news[one]: values for one, values in golden.outputs.items()},
        ),
        source_sha256="0" * 64,
    )


def artifact_order(path: Path) -> tuple[Any, Any]:
    signature = read_artifact(path).signature
    return signature.inputs, signature.outputs


@pytest.fixture(scope="module")
def written(shapes: Shapes, tmp_path_factory: pytest.TempPathFactory) -> Written:
    written = Written(folder=tmp_path_factory.mktemp("names"))

    def write(name: str, inputs: list[str], outputs: list[str]) -> None:
        path = written.folder / f"{len(written.modules)}.tflite"
        try:
            module = described(shapes, path, name, inputs, outputs)
        except ProjectError as error:
            written.refused.append(str(error))
            return
        write_module(module, written.folder / "module")
        written.modules.append(module)

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
    assert len(written.modules) > len(NASTY) // 4 + MODELS // 3
    for reason in written.refused:
        assert "[model] name" in reason
    names = [name for module in written.modules for name in _tensor_names(module)]
    assert any(not name.isascii() for name in names)


def test_they_compile_and_mean_what_they_say(
    written: Written, kotlin: Kotlin, tmp_path: Path
) -> None:
    models = ", ".join(f"{module.model.name}Spec.model" for module in written.modules)
    listed = tmp_path / "Models.kt"
    listed.write_text(f"package {PACKAGE}\n\ninternal val models = listOf({models})\n", "utf-8")
    classpath = ("android", "interpreter", "coroutines")
    main = written.folder / "module" / "src" / "main" / "kotlin"
    classes = kotlin.compile([main], classpath, tmp_path / "classes", explicit_api=True)
    program = kotlin.compile([PROGRAM, listed], [classes], tmp_path / "program", friends=[classes])
    kotlin.run(f"{PACKAGE}.AnyNamesKt", [program, classes], [str(tmp_path / "names")])
    expected = [name for module in written.modules for name in _tensor_names(module)]
    assert list(_read_names(tmp_path / "names")) == expected


def _tensor_names(module: AndroidModule) -> list[str]:
    tensors = (*module.model.inputs, *module.model.outputs)
    return [tensor.spec.name for tensor in tensors]


def _read_names(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    while content:
        (units,) = struct.unpack_from(">i", content)
        yield content[4 : 4 + 2 * units].decode("utf-16-be")
        content = content[4 + 2 * units :]

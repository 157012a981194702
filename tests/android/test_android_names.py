"""Models, tensors and classes of any name at all: modules compile, and say what Python said.

`test_android_any_names.py` does the same for classic TFLite and plain tensors; here are LiteRT,
every kind of input and output, labels, names of models, and the instrumented tests.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from shapes import Shapes
from toolchain import HERE, Kotlin

from mobilekit.project import parse_project
from mobilekit.wrappers.android import write_module
from mobilekit.wrappers.android.facts import labels_asset
from mobilekit.wrappers.android.fitness import require_fitness
from mobilekit.wrappers.description import AndroidModule, CarriedArtifact, OutputDescription
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.tflite import read_artifact

PACKAGE = "com.example.strings"
PROGRAM = HERE / "kotlin" / "strings" / "Strings.kt"
CLASSPATH = ("android", "declared litert", "coroutines")
KINDS = ("FruitClassifier", "WordSpotter", "Hands", "Embedder", "Segmenter", "TokenPredictor")
CLASSES = 5_000

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
BREAKING = (
    *("", " ", '"', '"""', '"); error("', "$", "${1 / 0}", "\\", "\\u0022", "'", "`", "\0", "\t"),
    *(
        "\r",
        "\n",
        "\r\n",
        "\u2028",
        "\x85",
        "*/",
        "/*",
        "*/ class Injected /*",
        "//",
        "[x]",
        "@see",
    ),
    *("\u202e", "\u2066// x\u2069", "\ufeff", "א", "سلام", "e\u0301", "🍎", "\U0010ffff", "İ", "ﬁ"),
    *(
        "{{ 1 }}",
        "{% raw %}",
        "{#",
        "%s",
        "when",
        "`when`",
        "this",
        "it",
        "field",
        "topK",
        "choice",
    ),
    *(
        "imageValues",
        "labels",
        "x:0",
        "x/0",
        "X",
        "x",
        "_",
        "1",
        "run",
        "close",
        "Engine",
        "Bitmap",
    ),
    *("w" * 1000, "👩‍👩‍👧" * 90),
)
MODEL_NAMES = (
    *("image", "scores", "model", "String", "Set", "Sequence", "Any", "Unit", "Thread", "Object"),
    *(
        "R",
        "int",
        "Engine",
        "engine",
        "Accelerator",
        "Bitmap",
        "Context",
        "Companion",
        "Dispatchers",
    ),
    *(
        "Samples",
        "Golden",
        "TensorSpec",
        "Model",
        "ModelRunner",
        "Lazy",
        "Throws",
        "kotlin",
        "java",
    ),
    *("com", "example", "android", "Test", "RunWith", "Device", "File", "Volatile", "UInt", "Byte"),
    *(
        "_",
        "Größe",
        "Mödel",
        "a b",
        "x-y",
        "1st",
        "",
        "$",
        "class",
        "é",
        "名前",
        "A" * 100,
        "A" * 101,
    ),
)


@dataclass(kw_only=True)
class Written:
    """Modules of one package, which share all files that are not called after a model."""

    folder: Path
    modules: list[AndroidModule] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def labelled(self) -> list[tuple[AndroidModule, int, OutputDescription]]:
        """The outputs that have labels, with their module and place."""
        return [
            (module, index, output)
            for module in self.modules
            for index, output in enumerate(module.model.outputs)
            if output.facts.labels
        ]

    @property
    def strings(self) -> list[str]:
        """Every string, in the order of the Kotlin program's."""
        tensors = [[module.model.name, *tensor_names(module)] for module in self.modules]
        labels = [output.facts.labels for _, _, output in self.labelled]
        return [text for texts in (*tensors, *labels) for text in texts]

    def write(self, kind: str, module: AndroidModule) -> None:
        """Write a module of a shape, or keep why it is refused."""
        try:
            parse_project(
                {"model": {"source": "none", "name": module.model.name}},
                folder=self.folder,
                origin="test",
            )
            require_fitness(module)
            write_module(module, self.folder / "module")
        except ProjectError as error:
            self.refused.append(str(error))
        else:
            self.modules.append(module)
            self.kinds[module.model.name] = kind


def renamed(
    module: AndroidModule, folder: Path, name: str, tensors: Mapping[str, str]
) -> AndroidModule:
    """Return a module whose model, and all inputs and outputs, have other names."""
    model = module.model
    golden = replace(
        model.golden,
        inputs={tensors[old]: values for old, values in model.golden.inputs.items()},
        outputs={tensors[old]: values for old, values in model.golden.outputs.items()},
    )
    inputs = tuple(
        replace(one, spec=replace(one.spec, name=tensors[one.spec.name])) for one in model.inputs
    )
    outputs = tuple(
        replace(one, spec=replace(one.spec, name=tensors[one.spec.name])) for one in model.outputs
    )
    files = {
        variant: with_other_names(file, folder / f"{len(list(folder.iterdir()))}.tflite", tensors)
        for variant, file in module.files.items()
    }
    return replace(
        module,
        package=PACKAGE,
        model=replace(model, name=name, inputs=inputs, outputs=outputs, golden=golden),
        artifacts=tuple(
            CarriedArtifact(
                artifact=read_artifact(files[one.artifact.variant], one.artifact.variant),
                budgets=one.budgets,
            )
            for one in module.artifacts
        ),
        files=files,
    )


def with_other_names(file: Path, target: Path, tensors: Mapping[str, str]) -> Path:
    """Write a TFLite file again with other names in its signature."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(file))
    (signature,) = model.signatureDefs
    for entry in (*signature.inputs, *signature.outputs):
        entry.name = tensors[entry.name.decode()].encode()
    target.write_bytes(flatbuffer_utils.convert_object_to_bytearray(model))
    return target


def labelled(module: AndroidModule, labels: tuple[str, ...]) -> AndroidModule:
    """Return a module whose first classification has these classes."""
    outputs = list(module.model.outputs)
    index = next(at for at, one in enumerate(outputs) if one.facts.kind == "classification")
    one = outputs[index]
    outputs[index] = OutputDescription(
        spec=replace(one.spec, shape=(1, len(labels))), facts=replace(one.facts, labels=labels)
    )
    return replace(module, model=replace(module.model, outputs=tuple(outputs)))


def tensor_names(module: AndroidModule) -> list[str]:
    """Return the names of a model's inputs, then its outputs'."""
    inputs, outputs = module.model.inputs, module.model.outputs
    return [*(one.spec.name for one in inputs), *(one.spec.name for one in outputs)]


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Writes shapes' modules under other names."""

    shapes: Shapes
    written: Written

    def write(self, kind: str, name: str, texts: list[str], labels: tuple[str, ...] = ()) -> None:
        """Write the module of a shape; its tensors get the first of the texts that differ."""
        original = self.shapes.module(kind, "litert")
        distinct = dict.fromkeys([*texts, "v", "w", "x", "y"])
        tensors = dict(zip(tensor_names(original), distinct, strict=False))
        module = renamed(original, self.written.folder, name, tensors)
        self.written.write(kind, labelled(module, labels) if labels else module)


@pytest.fixture(scope="module")
def written(shapes: Shapes, tmp_path_factory: pytest.TempPathFactory) -> Written:
    written = Written(folder=tmp_path_factory.mktemp("strings"))
    writer = Writer(shapes=shapes, written=written)
    # All shapes have two inputs and outputs at least.
    for at, kind in zip(range(0, len(BREAKING), 2), itertools.cycle(KINDS), strict=False):
        writer.write(kind, f"Breaking{at}x", list(BREAKING[at : at + 2]))
    for name in MODEL_NAMES:
        writer.write("Embedder", name, ["image", "scores"])
    labels = tuple(text for text in BREAKING if "\n" not in text)
    many = tuple(f"{labels[at % len(labels)][:20]}{at}" for at in range(CLASSES))
    writer.write("FruitClassifier", "Labels", ["image", "scores"], labels)
    writer.write("FruitClassifier", "ManyLabels", ["image", "scores"], many)
    _write_any(writer)
    return written


def _write_any(writer: Writer) -> None:
    """Write models of any name: the number at its end keeps it apart from the others'."""
    numbers = itertools.count()

    @settings(
        max_examples=20,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        kind=st.sampled_from(KINDS),
        name=st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,9}", fullmatch=True),
        texts=st.lists(TEXTS, min_size=4, max_size=4),
        labels=st.lists(TEXTS.filter(lambda text: "\n" not in text), min_size=2, max_size=40),
    )
    def write(kind: str, name: str, texts: list[str], labels: list[str]) -> None:
        names = f"{name}{next(numbers):03}"
        writer.write(kind, names, texts, tuple(labels) if kind == "FruitClassifier" else ())

    write()


def test_what_is_refused_is_the_name_of_the_model(written: Written) -> None:
    assert len(written.modules) > len(BREAKING) // 2 + 20
    for reason in written.refused:
        assert "name" in reason, reason
        assert "\n" not in reason, reason


@pytest.fixture(scope="module")
def classes(written: Written, kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    main = written.folder / "module" / "src" / "main" / "kotlin"
    output = tmp_path_factory.mktemp("classes")
    return kotlin.compile([main], CLASSPATH, output, explicit_api=True)


def test_kotlin_has_the_strings_that_python_had(
    written: Written, classes: Path, kotlin: Kotlin, tmp_path: Path
) -> None:
    models = ", ".join(f"{module.model.name}Spec.model" for module in written.modules)
    files = ", ".join(
        f'LabelsFile("{labels_asset(module, index)}", {len(output.facts.labels)})'
        for module, index, output in written.labelled
    )
    listed = tmp_path / "Models.kt"
    listed.write_text(
        f"package {PACKAGE}\n\n"
        f"internal val models: List<ModelSpec> = listOf({models})\n\n"
        f"internal val labelsFiles: List<LabelsFile> = listOf({files})\n"
    )
    program = kotlin.compile([PROGRAM, listed], [classes], tmp_path / "program", friends=[classes])
    assets = written.folder / "module" / "src" / "main" / "assets"
    kotlin.run(f"{PACKAGE}.StringsKt", [program, classes], [str(assets), str(tmp_path / "strings")])
    assert list(_read_strings(tmp_path / "strings")) == written.strings


def test_nothing_is_declared_but_what_was_meant(
    written: Written, classes: Path, kotlin: Kotlin
) -> None:
    """A name that became code would declare a class, a function or a property more."""
    own = {f"{module.model.name}{end}" for module in written.modules for end in ("", "Spec")}
    main = written.folder / "module" / "src" / "main" / "kotlin"
    others = [path for path in main.rglob("*.kt") if path.stem not in own]
    code = "".join(path.read_text(encoding="utf-8") for path in others)
    shared = {f"{path.stem}Kt" for path in others}
    shared.update(re.findall(r"\b(?:class|interface|object) (\w+)", code))
    found = {path.stem.partition("$")[0] for path in classes.rglob("*.class")}
    assert own <= found
    assert found <= own | shared

    members: dict[str, set[frozenset[str]]] = {}
    for head, signatures in kotlin.public_signatures(classes).items():
        name = head.partition(" implements ")[0].rpartition(".")[2]
        if kind := written.kinds.get(name):
            names = frozenset(re.findall(r"(\w+)\(", " ".join(signatures))) - {name}
            members.setdefault(kind, set()).add(names)
    assert members.keys() == set(KINDS)
    assert {kind: len(variants) for kind, variants in members.items()} == dict.fromkeys(KINDS, 1)


def test_instrumented_tests_compile(
    written: Written, classes: Path, kotlin: Kotlin, tmp_path: Path
) -> None:
    kotlin.compile(
        [written.folder / "module" / "src" / "androidTest" / "kotlin"],
        [classes, *CLASSPATH, "declared androidx.test", "junit"],
        tmp_path,
        friends=[classes],
    )


def _read_strings(path: Path) -> Iterator[str]:
    content = path.read_bytes()
    at = 0
    while at < len(content):
        (units,) = struct.unpack_from(">i", content, at)
        at += 4 + 2 * units
        yield content[at - 2 * units : at].decode("utf-16-be")


@pytest.mark.parametrize("text", ["\ud800", "ab\udfff", "x" * 1001])
def test_a_name_that_no_file_can_hold_is_an_error(shapes: Shapes, text: str) -> None:
    module = shapes.module("Embedder", "litert")
    item = module.model.inputs[0]
    renamed = replace(item, spec=replace(item.spec, name=text))
    with pytest.raises(ProjectError, match="Rename it"):
        require_fitness(replace(module, model=replace(module.model, inputs=(renamed,))))


@pytest.mark.parametrize("label", ["a\nb", "\n", "\udc80"])
def test_a_label_that_no_line_can_hold_is_an_error(shapes: Shapes, label: str) -> None:
    module = labelled(shapes.module("FruitClassifier", "litert"), ("apple", label))
    with pytest.raises(ProjectError, match="class 2"):
        require_fitness(module)

"""One model, wrapped for both platforms: Kotlin and Swift make of images what Python makes."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from android.toolchain import DECLARED, Kotlin
from android.toolchain import HERE as ANDROID
from ios.swift_toolchain import Swift
from numpy.typing import NDArray
from tools import without

from mobilekit.parity.golden import GoldenRequest, make
from mobilekit.preprocessing import image_to_input
from mobilekit.project import Project, load_project
from mobilekit.wrappers.android import describe_android, write_module
from mobilekit.wrappers.ios import describe_ios, write_package
from mobilekit_converters import coreml, tflite
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.sources import open_source
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import target

if TYPE_CHECKING:
    from mobilekit.parity.golden import Golden

HERE = Path(__file__).parent
DIGITS = HERE.parents[1] / "examples" / "digits"
SIDE = 8
"""How many rows and columns a digit has."""

SIZES = ((8, 8), (28, 28), (61, 40), (33, 100), (200, 200), (1, 1))
"""Heights and widths of pictures."""

Pictures = dict[str, NDArray[np.uint8]]
Answers = dict[str, list[tuple[str, np.float32]]]
"""For each picture, labels and scores, the highest first."""


@dataclass(frozen=True, kw_only=True)
class Digits:
    """The example, converted for both platforms."""

    project: Project
    golden: Golden
    android: Artifact
    ios: Artifact


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Digits:
    folder = tmp_path_factory.mktemp("digits")
    project = load_project(DIGITS / "mobilekit.toml")
    source = open_source(DIGITS / "digits.keras", project.source_options(trust=True))
    source.freeze(folder / "frozen")
    inputs = {name: table.facts() for name, table in project.model.inputs.items()}
    outputs = {name: table.facts(DIGITS) for name, table in project.model.outputs.items()}
    golden, _ = make(source, GoldenRequest(inputs=inputs, outputs=outputs, samples=8))
    (float32, float16) = (variant("tflite-fp32"), variant("coreml-fp16"))
    return Digits(
        project=project,
        golden=golden,
        android=tflite.convert(
            float32,
            folder / "frozen",
            folder / float32.file_name,
            tflite.TFLiteOptions(),
            None,
        ),
        ios=coreml.convert(
            float16,
            folder / "frozen",
            folder / float16.file_name,
            coreml.CoreMLOptions(minimum=project.ios.minimum),
        ),
    )


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Digits of the example, enlarged and coloured, and noise: whatever a camera may see."""
    random = np.random.default_rng(5)
    with np.load(DIGITS / "evaluation.npz", allow_pickle=False) as archive:
        images = archive["image"].reshape(-1, SIDE, SIDE)
    made: Pictures = {}
    for number, image in enumerate(images[:6]):
        height, width = SIZES[number]
        rows = np.arange(height) * SIDE // height
        columns = np.arange(width) * SIDE // width
        grey = image[rows][:, columns, None] * 255
        tint = random.uniform(0.6, 1, size=(1, 1, 3))
        colours = np.clip(grey * tint + random.integers(0, 30, (height, width, 3)), 0, 255)
        made[f"{width}x{height}-{number}.rgba"] = _opaque(colours)
    noise = random.integers(0, 256, (47, 53, 3))
    made["53x47-noise.rgba"] = _opaque(noise)
    return made


def _opaque(colours: NDArray[np.generic]) -> NDArray[np.uint8]:
    alpha = np.full((*colours.shape[:2], 1), 255)
    return np.concatenate([colours, alpha], axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(pictures: Pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures as files."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, pixels in pictures.items():
        (folder / name).write_bytes(pixels.tobytes())
    return folder


@pytest.fixture(scope="module")
def kotlin_answers(
    kotlin: Kotlin, digits: Digits, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    """What the generated Android module says, with LiteRT's own library."""
    package = importlib.util.find_spec("ai_edge_litert")
    assert package is not None
    assert package.origin is not None
    library = Path(package.origin).with_name("libLiteRt.so")
    if not library.is_file():
        without("The LiteRT that is installed here has no libLiteRt.so.")
    here = tmp_path_factory.mktemp("android")
    write_module(
        describe_android(
            digits.project,
            artifacts=[digits.android],
            golden=digits.golden,
            source_sha256="0" * 64,
        ),
        here / "module",
    )
    main = here / "module" / "src" / "main"
    place = (ANDROID / "kotlin" / "litert" / "FolderPlace.kt").read_text(encoding="utf-8")
    (here / "FolderPlace.kt").write_text(
        place.replace("package com.example.models", "package com.example.digits"), encoding="utf-8"
    )
    engine = kotlin.compile(
        [ANDROID / "engines" / "litert", DECLARED / "litert" / "LiteRtException.kt"],
        ["android", "jna"],
        here / "engine",
    )
    classpath = [engine, "robolectric", "android", "junit", "jna", "coroutines"]
    sources = [*main.rglob("*.kt"), here / "FolderPlace.kt", HERE / "kotlin"]
    classes = kotlin.compile(sources, classpath, here / "classes")
    run = kotlin.run_junit(
        [classes, *classpath],
        ["com.example.digits.ClassifyPictures"],
        properties={
            "assets": str(main / "assets"),
            "memory": str(here),
            "pictures": str(folder),
            "answers": str(here / "answers.tsv"),
            "litert.library": str(library),
            "litert.version": importlib.metadata.version("ai-edge-litert"),
        },
        assets=main / "assets",
    )
    run.check("ClassifyPictures.classify")
    return _read((here / "answers.tsv").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def swift_answers(
    swift: Swift, digits: Digits, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    """What an app says that depends on the generated Swift package as it is."""
    here = tmp_path_factory.mktemp("ios")
    write_package(
        describe_ios(
            digits.project, artifacts=[digits.ios], golden=digits.golden, source_sha256="0" * 64
        ),
        here / "DigitClassifier",
    )
    app = shutil.copytree(HERE / "swift", here / "app")
    return _read(swift.run(app, "classify", [str(folder)]).decode("utf-8"))


def _read(text: str) -> Answers:
    answers: Answers = {}
    for line in text.splitlines():
        name, label, bits = line.split("\t")
        score = np.uint32(int(bits)).view(np.float32)
        answers.setdefault(name, []).append((label, score))
    return answers


def python_answers(digits: Digits, pictures: Pictures, artifact: Artifact, on: str) -> Answers:
    (facts,) = (table.facts() for table in digits.project.model.inputs.values())
    (entry,) = artifact.signature.inputs
    (output,) = artifact.signature.outputs
    labels = (DIGITS / "labels.txt").read_text(encoding="utf-8").splitlines()
    answers: Answers = {}
    with closing(target(on).open(artifact)) as session:
        for name, pixels in pictures.items():
            values = image_to_input(pixels, facts, entry.shape)
            scores = session.run({entry.name: values})[output.name].ravel()
            order = np.argsort(-scores, kind="stable")
            answers[name] = [(labels[index], scores[index]) for index in order]
    return answers


def test_kotlin_says_what_python_says(
    digits: Digits, pictures: Pictures, kotlin_answers: Answers
) -> None:
    assert kotlin_answers == python_answers(digits, pictures, digits.android, "cpu")


def test_swift_says_what_python_says(
    digits: Digits, pictures: Pictures, swift_answers: Answers
) -> None:
    assert swift_answers == python_answers(digits, pictures, digits.ios, "coreml")


def test_both_platforms_agree(
    pictures: Pictures, kotlin_answers: Answers, swift_answers: Answers
) -> None:
    assert kotlin_answers.keys() == swift_answers.keys() == pictures.keys()
    for name, android in kotlin_answers.items():
        ios = dict(swift_answers[name])
        assert android[0][0] == swift_answers[name][0][0], name
        # The Swift package computes with 16-bit floats.
        for label, score in android:
            assert ios[label] == pytest.approx(score, abs=5e-3), (name, label)

"""The Kotlin that turns images and audio into inputs, held against Python's, number by number."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images
from toolchain import JUnitRun, Kotlin, junit_tests

from mobilekit.parity.inputs import Color, Fit, InputFacts, Resize
from mobilekit.preprocessing import ImageContract, audio_to_input, image_contract, image_to_input
from mobilekit.wrappers.android.templates import environment

PACKAGE = "com.example.pixels"
TEMPLATES = (
    "litert/Accelerator",
    "common/AcceleratorTrial",
    "common/Candidate",
    "common/ModelSpec",
    "common/ImageSpec",
    "common/ResizeWindows",
    "common/ResizePlan",
    "common/PixelConverter",
    "common/ImageConverter",
    "common/AudioConverter",
)
KOTLIN = Path(__file__).parent / "kotlin" / "preprocessing"

INPUT_SIZES = [(1, 1), (8, 8), (31, 17), (1, 9), (200, 3), (96, 112)]
ODD_SIZES = [(1, 1), (1, 1000), (1000, 1), (2, 3), (37, 53)]
AUDIO = [(1.0, 0.0), (32768.0, 0.0), (0.7, -0.1)]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One image into one input."""

    image: str
    facts: InputFacts
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        facts = self.facts
        what = f"{facts.resize} {facts.fit} {facts.color} {self.dtype}"
        return f"{self.image} to {'×'.join(map(str, self.shape))}, {what}"


def all_images() -> dict[str, NDArray[np.uint8]]:
    """Photographs, a scanned digit, and noise with alpha in sizes that go wrong easily."""
    random = np.random.default_rng(4)
    china, flower = load_sample_images().images
    digit = (load_digits().images[0] * 255 / 16).astype(np.uint8)
    noise = {
        f"noise {height}×{width}": random.integers(0, 256, (height, width, 4)).astype(np.uint8)
        for height, width in ODD_SIZES
    }
    return {"china": china, "flower": flower, "digit": digit, **noise}


def all_cases(images: Sequence[str]) -> Iterator[Case]:
    """Every resize, fit, colour and layout, from every image to every size of input."""
    random = np.random.default_rng(5)
    words = (get_args(Resize), get_args(Fit), get_args(Color))
    for image, resize, fit, color, size in itertools.product(images, *words, INPUT_SIZES):
        channels = 1 if color == "grayscale" else 3
        scale, offset, pad = (
            tuple(map(float, low + random.random(channels) * (high - low)))
            for low, high in ((0.001, 1.2), (-150, 50), (0, 255))
        )
        facts = InputFacts(
            kind="image", resize=resize, fit=fit, color=color, scale=scale, offset=offset, pad=pad
        )
        for dtype, shape in (
            ("float32", (1, *size, channels)),
            ("float32", (1, channels, *size)),
            *((dtype, (1, *size, channels)) for dtype in ("uint8", "int8") if "noise" in image),
        ):
            yield Case(image=image, facts=facts, shape=shape, dtype=dtype)


def halves() -> Iterator[Case]:
    """Values that lie in the middle between two whole numbers."""
    facts = InputFacts(kind="image", scale=0.5, offset=-20)
    for dtype in ("uint8", "int8"):
        yield Case(image="noise 37×53", facts=facts, shape=(1, 37, 53, 3), dtype=dtype)


def text(value: str) -> bytes:
    """Return a word as Java's `readUTF` reads it."""
    return struct.pack(">H", len(value)) + value.encode("ascii")


def image_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Return height, width and the pixels as 0xAARRGGBB."""
    whole = np.zeros((*pixels.shape[:2], 4), np.uint8)
    whole[:, :, 0] = 255 if pixels.shape[2:] != (4,) else pixels[:, :, 3]
    whole[:, :, 1:] = pixels[:, :, None] if pixels.ndim == 2 else pixels[:, :, :3]
    return struct.pack(">ii", *pixels.shape[:2]) + whole.tobytes()


def contract_bytes(contract: ImageContract) -> bytes:
    words = (contract.color, contract.resize, contract.fit, contract.dtype)
    numbers = (*contract.scale, *contract.offset, *contract.pad)
    return b"".join(
        (
            *(text(word.upper().replace("-", "_")) for word in words),
            struct.pack(">?ii", contract.channels_first, contract.height, contract.width),
            struct.pack(f">{len(numbers)}f", *numbers),
        )
    )


def questions(images: dict[str, NDArray[np.uint8]], cases: Sequence[Case]) -> Iterator[bytes]:
    """Return what `Answers.kt` reads."""
    yield struct.pack(">i", len(images))
    yield from map(image_bytes, images.values())
    yield struct.pack(">i", len(cases))
    for case in cases:
        yield struct.pack(">i", list(images).index(case.image))
        yield contract_bytes(image_contract(case.facts, case.shape, case.dtype))
    yield struct.pack(">i", 65536)
    yield np.arange(-32768, 32768).astype(">i2").tobytes()
    yield struct.pack(">i", len(AUDIO))
    for scale, offset in AUDIO:
        yield struct.pack(">ff", scale, offset)


@pytest.fixture(scope="module")
def classes(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The converters, compiled as a module compiles them."""
    folder = tmp_path_factory.mktemp("converters")
    for name in TEMPLATES:
        source = environment().get_template(f"{name}.kt.j2").render(header="", package=PACKAGE)
        (folder / f"{name.partition('/')[2]}.kt").write_text(source, encoding="utf-8")
    return kotlin.compile([folder], ["android"], folder / "classes", explicit_api=True)


def test_kotlin_computes_what_python_does(kotlin: Kotlin, classes: Path, tmp_path: Path) -> None:
    images = all_images()
    cases = [*all_cases(list(images)), *halves()]
    program = kotlin.compile(
        [KOTLIN / "answers"], [classes], tmp_path / "answers", friends=[classes]
    )
    (tmp_path / "questions.bin").write_bytes(b"".join(questions(images, cases)))
    kotlin.run(
        f"{PACKAGE}.AnswersKt",
        [program, classes],
        [str(tmp_path / "questions.bin"), str(tmp_path / "answers.bin")],
    )
    answers = (tmp_path / "answers.bin").read_bytes()
    place = 0

    def read(dtype: Any, shape: tuple[int, ...]) -> NDArray[np.generic]:
        nonlocal place
        found = np.frombuffer(answers, dtype, int(np.prod(shape)), place).reshape(shape)
        place += found.nbytes
        return found

    for case in cases:
        expected = image_to_input(images[case.image], case.facts, case.shape, case.dtype)
        found = read(np.dtype(case.dtype).newbyteorder(">"), case.shape)
        np.testing.assert_array_equal(found, expected, err_msg=str(case), strict=False)
    samples = np.arange(-32768, 32768).astype(np.int16)
    for scale, offset in AUDIO:
        facts = InputFacts(kind="audio", scale=scale, offset=offset)
        expected = audio_to_input(samples, facts, (1, 65536))
        for _ in ("from 16 bits", "from floats"):
            np.testing.assert_array_equal(read(">f4", (1, 65536)), expected)
    assert place == len(answers)


@pytest.fixture(scope="module")
def plain(kotlin: Kotlin, classes: Path, tmp_path_factory: pytest.TempPathFactory) -> JUnitRun:
    """What needs no Android class, run."""
    tests = kotlin.compile(
        [KOTLIN / "plain"],
        ["android", "junit", classes],
        tmp_path_factory.mktemp("plain"),
        friends=[classes],
    )
    return kotlin.run_junit([tests, classes], [f"{PACKAGE}.PixelsTest"])


@pytest.mark.parametrize("name", junit_tests(KOTLIN / "plain"))
def test_pixels_and_audio(plain: JUnitRun, name: str) -> None:
    plain.check(name)


@pytest.fixture(scope="module")
def on_the_stand_in(
    kotlin: Kotlin, classes: Path, tmp_path_factory: pytest.TempPathFactory
) -> JUnitRun:
    """What needs a hardware bitmap, run on a stand-in for Android's class."""
    tests = kotlin.compile(
        [KOTLIN / "stand_in"],
        ["junit", classes],
        tmp_path_factory.mktemp("stand_in"),
        friends=[classes],
    )
    return kotlin.run_junit([tests, classes], [f"{PACKAGE}.HardwareBitmapTest"])


@pytest.mark.parametrize("name", junit_tests(KOTLIN / "stand_in"))
def test_hardware_bitmaps(on_the_stand_in: JUnitRun, name: str) -> None:
    on_the_stand_in.check(name)


@pytest.fixture(scope="module")
def bitmaps(kotlin: Kotlin, classes: Path, tmp_path_factory: pytest.TempPathFactory) -> JUnitRun:
    """What needs bitmaps, run on Android's own."""
    folder = tmp_path_factory.mktemp("bitmaps")
    write_photograph(folder)
    tests = kotlin.compile(
        [KOTLIN / "bitmaps", KOTLIN / "answers" / "Specs.kt"],
        ["robolectric", "junit", classes],
        folder / "classes",
        friends=[classes],
    )
    return kotlin.run_junit(
        [tests, classes, "robolectric"],
        [f"{PACKAGE}.BitmapTest"],
        properties={"preprocessing.photograph": str(folder)},
    )


def write_photograph(folder: Path) -> None:
    """Write a photograph, and what `BitmapTest` should make of it."""
    photograph = all_images()["flower"]
    Image.fromarray(photograph).save(folder / "photograph.png")
    cases = [case for case in all_cases(["flower"]) if 96 in case.shape or 17 in case.shape]
    with (folder / "expected.bin").open("wb") as file:
        file.write(struct.pack(">i", len(cases)))
        for case in cases:
            file.write(contract_bytes(image_contract(case.facts, case.shape)))
            expected = image_to_input(photograph, case.facts, case.shape)
            file.write(expected.astype(">f4").tobytes())


@pytest.mark.parametrize("name", junit_tests(KOTLIN / "bitmaps"))
def test_bitmaps(bitmaps: JUnitRun, name: str) -> None:
    bitmaps.check(name)

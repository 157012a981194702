"""The Swift that turns images and audio into inputs, held against Python's, number by number."""

from __future__ import annotations

import itertools
import shutil
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import jinja2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images
from swift_toolchain import Swift, XCTestRun, xctests

import mobilekit.wrappers
from mobilekit.parity.inputs import Color, Fit, InputFacts, Resize
from mobilekit.preprocessing import ImageContract, audio_to_input, image_contract, image_to_input

SOURCES = Path(__file__).parent / "swift" / "preprocessing"
TEMPLATES = Path(mobilekit.wrappers.__file__).parent / "templates" / "ios" / "common"
CONVERTERS = (
    *("ModelError", "ImageSpec", "ResizeWindows", "ResizePlan", "PixelConverter", "ByteRows"),
    *("YCbCrRows", "ImageConverter", "CGImageConversion", "PixelBufferConversion"),
    "AudioConverter",
)

COLORS = get_args(Color)
RESIZES = get_args(Resize)
FITS = get_args(Fit)
DTYPES = ("float32", "uint8", "int8")
INPUT_SIZES = [(1, 1), (8, 8), (31, 17), (1, 9), (200, 3), (96, 112)]
ODD_SIZES = [(1, 1), (1, 1000), (1000, 1), (2, 3), (37, 53)]
AUDIO = [(1.0, 0.0), (32768.0, 0.0), (0.7, -0.1)]

COLOUR_FORMS = ("rgba", "bgra", "rgb", "buffer bgra", "buffer rgba", "buffer argb")
GREY_FORMS = ("grey", "buffer grey")
CHROMA_FORMS = ("420f", "420v", "420f 709", "420v 709")
FORMS = (
    *("pixels", "rgba", "bgra", "rgb", "grey"),
    *("buffer bgra", "buffer rgba", "buffer argb", "buffer grey"),
    *CHROMA_FORMS,
)
"""In which form an image is given: an array, a CGImage, a CVPixelBuffer."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One image into one input. With chroma, the image's channels are Y, Cb and Cr."""

    image: str
    facts: InputFacts
    shape: tuple[int, ...]
    dtype: str = "float32"
    form: str = "pixels"

    def __str__(self) -> str:
        facts = self.facts
        what = f"{facts.resize} {facts.fit} {facts.color} {self.dtype}"
        return f"{self.image} as {self.form} to {'×'.join(map(str, self.shape))}, {what}"


def all_images() -> dict[str, Pixels]:
    """Photographs, a scanned digit, and noise with alpha in sizes that go wrong easily."""
    random = np.random.default_rng(4)
    china, flower = load_sample_images().images
    digit = (load_digits().images[0] * 255 / 16).astype(np.uint8)
    noise = {
        f"noise {height}×{width}": random.integers(0, 256, (height, width, 4)).astype(np.uint8)
        for height, width in ODD_SIZES
    }
    chroma = np.asarray(Image.fromarray(flower).convert("YCbCr"))
    return {"china": china, "flower": flower, "digit": digit, "chroma": chroma, **noise}


def all_cases(images: Sequence[str], forms: Sequence[str] = ("pixels",)) -> Iterator[Case]:
    """Every resize, fit, colour and layout, from every image to every size of input."""
    random = np.random.default_rng(5)
    words = (RESIZES, FITS, COLORS)
    for image, form, resize, fit, color, size in itertools.product(
        images, forms, *words, INPUT_SIZES
    ):
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
            yield Case(image=image, facts=facts, shape=shape, dtype=dtype, form=form)


def halves() -> Iterator[Case]:
    """Values that lie in the middle between two whole numbers."""
    facts = InputFacts(kind="image", scale=0.5, offset=-20)
    for dtype in ("uint8", "int8"):
        yield Case(image="noise 37×53", facts=facts, shape=(1, 37, 53, 3), dtype=dtype)


def unchanged(image: str, pixels: Pixels) -> Iterator[Case]:
    """An image of luma and chroma, in its own size."""
    facts = InputFacts(kind="image", scale=1, offset=0)
    for form in CHROMA_FORMS:
        yield Case(image=image, facts=facts, shape=(1, *pixels.shape[:2], 3), form=form)


def in_every_form(images: Sequence[str], forms: Sequence[str]) -> Iterator[Case]:
    """A few cases of each form: every resize and fit, in colour and grey."""
    for case in all_cases(images, forms):
        if case.facts.color != "bgr" and 31 in case.shape and case.dtype == "float32":
            yield case


def collected(images: dict[str, Pixels]) -> list[Case]:
    """Return all cases; those with chroma, which are not exact, last."""
    plain = [name for name in images if name != "chroma"]
    coloured = ["flower", "noise 37×53"]
    return [
        *all_cases(plain),
        *halves(),
        *in_every_form(coloured, COLOUR_FORMS),
        *in_every_form(["digit"], GREY_FORMS),
        *itertools.chain.from_iterable(
            unchanged(name, images[name]) for name in ("chroma", "noise 37×53")
        ),
        *in_every_form(["chroma", "noise 37×53"], CHROMA_FORMS),
    ]


def image_bytes(pixels: Pixels) -> bytes:
    """Return height, width and the pixels as red, green, blue and alpha."""
    whole = np.zeros((*pixels.shape[:2], 4), np.uint8)
    whole[:, :, 3] = 255 if pixels.shape[2:] != (4,) else pixels[:, :, 3]
    whole[:, :, :3] = pixels[:, :, None] if pixels.ndim == 2 else pixels[:, :, :3]
    return struct.pack("<ii", *pixels.shape[:2]) + whole.tobytes()


def contract_bytes(contract: ImageContract) -> bytes:
    numbers = (*contract.scale, *contract.offset, *contract.pad)
    return struct.pack(
        f"<7i{len(numbers)}f",
        COLORS.index(contract.color),
        ("bilinear", "bilinear-antialias", "nearest").index(contract.resize),
        ("stretch", "crop", "pad").index(contract.fit),
        DTYPES.index(contract.dtype),
        contract.channels_first,
        contract.height,
        contract.width,
        *numbers,
    )


def questions(images: dict[str, Pixels], cases: Sequence[Case]) -> Iterator[bytes]:
    """Return what `AnswersTests.swift` reads."""
    yield struct.pack("<i", len(images))
    yield from map(image_bytes, images.values())
    yield struct.pack("<i", len(cases))
    for case in cases:
        yield struct.pack("<ii", list(images).index(case.image), FORMS.index(case.form))
        yield contract_bytes(image_contract(case.facts, case.shape, case.dtype))
    yield struct.pack("<i", 65536)
    yield np.arange(-32768, 32768).astype("<i2").tobytes()
    yield struct.pack("<i", len(AUDIO))
    for scale, offset in AUDIO:
        yield struct.pack("<ff", scale, offset)


def from_chroma(pixels: Pixels, form: str) -> Pixels:
    """Return the RGB of Y, Cb and Cr, of which four pixels share the upper left one's chroma.

    As in ITU-T T.871 (JPEG) and ITU-R BT.601 and BT.709: by the shares of red and blue in luma.
    """
    red, blue = (0.2126, 0.0722) if "709" in form else (0.299, 0.114)
    rows, columns = (np.arange(side) // 2 * 2 for side in pixels.shape[:2])
    luma = pixels[:, :, 0].astype(np.float64)
    shared = pixels[rows][:, columns].astype(np.float64)
    cb, cr = shared[:, :, 1] - 128, shared[:, :, 2] - 128
    if "v" in form:
        luma, cb, cr = (luma - 16) * 255 / 219, cb * 255 / 224, cr * 255 / 224
    r = luma + 2 * (1 - red) * cr
    b = luma + 2 * (1 - blue) * cb
    g = (luma - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.rint(np.stack([r, g, b], axis=2)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("preprocessing")


@pytest.fixture(scope="module")
def run(swift: Swift, folder: Path) -> XCTestRun:
    """The converters as a package has them, built and run once for all tests."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined
    )
    package = folder / "package"
    sources = package / "Sources" / "Pixels"
    sources.mkdir(parents=True)
    for name in CONVERTERS:
        source = templates.get_template(f"{name}.swift.j2").render(header="// Pixels.")
        (sources / f"{name}.swift").write_text(source, encoding="utf-8")
    shutil.copy(SOURCES / "Package.swift", package)
    shutil.copytree(SOURCES / "PixelsTests", package / "Tests" / "PixelsTests")
    images = all_images()
    (folder / "questions.bin").write_bytes(b"".join(questions(images, collected(images))))
    return swift.test(package, environment={"PREPROCESSING": str(folder)})


@pytest.mark.parametrize("name", xctests(SOURCES / "PixelsTests"))
def test_images_and_audio(run: XCTestRun, name: str) -> None:
    run.check(name)


def test_swift_computes_what_python_does(run: XCTestRun, folder: Path) -> None:
    run.check("AnswersTests.testAnswers")
    images = all_images()
    answers = (folder / "answers.bin").read_bytes()
    place = 0

    def read(shape: tuple[int, ...]) -> NDArray[Any]:
        nonlocal place
        found = np.frombuffer(answers, "<f4", int(np.prod(shape)), place).reshape(shape)
        place += found.nbytes
        return found

    for case in collected(images):
        found, pixels = read(case.shape), images[case.image]
        if case.form in CHROMA_FORMS:
            pixels = from_chroma(pixels, case.form)
        expected: NDArray[Any] = image_to_input(pixels, case.facts, case.shape, case.dtype)
        if case.form in CHROMA_FORMS:
            step = float(np.max(case.facts.scale)) * 1.001
            assert np.abs(found - expected).max() <= step, str(case)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=str(case), strict=False)
    samples = np.arange(-32768, 32768).astype(np.int16)
    for scale, offset in AUDIO:
        facts = InputFacts(kind="audio", scale=scale, offset=offset)
        expected = audio_to_input(samples, facts, (1, 65536))
        for _ in ("from 16 bits", "from floats"):
            np.testing.assert_array_equal(read((1, 65536)), expected)
    assert place == len(answers)


def test_chroma_is_what_pillow_makes_of_it() -> None:
    """The reference of the test above, held against a JPEG library's own numbers."""
    chroma = all_images()["chroma"]
    rows, columns = (np.arange(side) // 2 * 2 for side in chroma.shape[:2])
    shared = chroma[rows][:, columns].copy()
    shared[:, :, 0] = chroma[:, :, 0]
    pillow = np.asarray(Image.fromarray(shared, "YCbCr").convert("RGB")).astype(int)
    assert np.abs(pillow - from_chroma(chroma, "420f")).max() <= 1

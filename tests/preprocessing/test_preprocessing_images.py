"""Images into inputs: on real photographs, held against TensorFlow and Pillow.

A step is one of the 256 of a pixel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

from mobilekit.parity.inputs import InputFacts
from mobilekit.preprocessing import image_to_input
from mobilekit.project import load_project
from mobilekit_converters.errors import DataError, ProjectError

Pixels = NDArray[np.uint8]

SIZES = [(224, 224), (96, 128), (500, 700), (7, 901), (1, 1), (33, 10)]
"""Of inputs, height and width: smaller and larger than the photographs, which have 427×640."""

TENSORFLOW = 0.02
"""Steps. TensorFlow works out positions in float32: measured, up to 0.008 steps."""

PILLOW_FLOAT = 1e-3
"""Steps, for Pillow's images of floats: measured, up to 0.00016."""

PILLOW_8_BIT = 1 + 1e-3
"""Steps, for Pillow's images of bytes: it rounds after columns and again after rows."""


@pytest.fixture(scope="module", params=[0, 1], ids=["china", "flower"])
def photograph(request: pytest.FixtureRequest) -> Pixels:
    image: Pixels = load_sample_images().images[request.param]
    return image


def random_image(height: int, width: int, channels: int = 3) -> Pixels:
    random = np.random.default_rng(height * 10007 + width)
    return random.integers(0, 256, (height, width, channels)).astype(np.uint8)


def convert(pixels: Pixels, shape: tuple[int, ...], **facts: Any) -> NDArray[np.generic]:
    return image_to_input(pixels, InputFacts(kind="image", **facts), shape)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("resize", ["bilinear", "bilinear-antialias", "nearest"])
def test_resizing_is_tensorflows(photograph: Pixels, size: tuple[int, int], resize: str) -> None:
    import tensorflow as tf

    expected = tf.image.resize(
        photograph,
        size,
        method="nearest" if resize == "nearest" else "bilinear",
        antialias=resize == "bilinear-antialias",
    )
    found = convert(photograph, (1, *size, 3), resize=resize)
    assert np.abs(found[0] - expected.numpy()).max() <= (0 if resize == "nearest" else TENSORFLOW)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_antialiased_resizing_is_pillows(photograph: Pixels, size: tuple[int, int]) -> None:
    found = convert(photograph, (1, *size, 3), resize="bilinear-antialias")[0]
    rounded = Image.fromarray(photograph).resize(size[::-1], Image.Resampling.BILINEAR)
    assert np.abs(found - np.asarray(rounded, np.float32)).max() <= PILLOW_8_BIT
    for channel in range(3):
        plane = Image.fromarray(photograph[:, :, channel].astype(np.float32))
        exact = plane.resize(size[::-1], Image.Resampling.BILINEAR)
        assert np.abs(found[:, :, channel] - np.asarray(exact)).max() <= PILLOW_FLOAT


def test_grey_is_pillows(photograph: Pixels) -> None:
    every_fifth = np.arange(0, 256, 5, dtype=np.uint8)
    cube = np.stack(np.meshgrid(every_fifth, every_fifth, every_fifth), axis=-1).reshape(52, -1, 3)
    for image in (photograph, cube):
        found = convert(image, (1, *image.shape[:2], 1), color="grayscale")
        np.testing.assert_array_equal(found[0, :, :, 0], Image.fromarray(image).convert("L"))


def test_grey_comes_before_the_resize(photograph: Pixels) -> None:
    grey = np.asarray(Image.fromarray(photograph).convert("L"))
    np.testing.assert_array_equal(
        convert(photograph, (1, 50, 50, 1), color="grayscale"),
        convert(grey, (1, 50, 50, 1), color="grayscale"),
    )


def test_an_image_of_the_inputs_size_is_not_changed(photograph: Pixels) -> None:
    for resize in ("bilinear", "bilinear-antialias", "nearest"):
        for fit in ("stretch", "crop", "pad"):
            found = convert(photograph, (1, *photograph.shape), resize=resize, fit=fit)
            np.testing.assert_array_equal(found[0], photograph)


@pytest.mark.parametrize(
    ("color", "channel", "expected"),
    [("rgb", 0, 10), ("rgb", 2, 30), ("bgr", 0, 30), ("bgr", 2, 10), ("grayscale", 0, 18)],
)
def test_channels_come_in_the_order_of_color(color: str, channel: int, expected: int) -> None:
    pixel = np.array([[[10, 20, 30]]], np.uint8)
    shape = (1, 1, 1, 1 if color == "grayscale" else 3)
    assert convert(pixel, shape, color=color)[0, 0, 0, channel] == expected


def test_scale_and_offset_are_in_the_order_of_color() -> None:
    pixel = np.array([[[10, 20, 30]]], np.uint8)
    found = convert(pixel, (1, 1, 1, 3), color="bgr", scale=(1, 2, 3), offset=(0.5, 0, -0.5))
    np.testing.assert_array_equal(found.ravel(), [30.5, 40, 29.5])


def test_alpha_is_ignored() -> None:
    image = random_image(9, 7, 4)
    np.testing.assert_array_equal(
        convert(image, (1, 5, 5, 3)), convert(image[:, :, :3], (1, 5, 5, 3))
    )


def test_a_grey_image_gives_each_channel_the_same() -> None:
    image = random_image(9, 7, 1)
    found = convert(image, (1, 9, 7, 3), color="bgr")[0]
    np.testing.assert_array_equal(found, np.repeat(image, 3, axis=2))
    np.testing.assert_array_equal(convert(image[:, :, 0], (1, 9, 7, 3), color="bgr")[0], found)


def test_crop_takes_the_middle(photograph: Pixels) -> None:
    found = convert(photograph, (1, 50, 50, 3), fit="crop")
    expected = convert(photograph[:, 106:533], (1, 50, 50, 3))
    np.testing.assert_array_equal(found, expected)


def test_pad_puts_the_image_in_the_middle(photograph: Pixels) -> None:
    found = convert(
        photograph, (1, 64, 64, 3), fit="pad", pad=(1, 2, 3), scale=(1, 1, 2), offset=(0, 10, 0)
    )[0]
    inner = convert(photograph, (1, 43, 64, 3), scale=(1, 1, 2), offset=(0, 10, 0))[0]
    np.testing.assert_array_equal(found[10:53], inner)
    for band in (found[:10], found[53:]):
        np.testing.assert_array_equal(band, np.broadcast_to([1, 12, 6], band.shape))


@pytest.mark.parametrize("channels", [1, 3])
def test_channels_first_holds_planes(photograph: Pixels, channels: int) -> None:
    color = "grayscale" if channels == 1 else "rgb"
    last = convert(photograph, (1, 20, 30, channels), color=color)
    first = convert(photograph, (1, channels, 20, 30), color=color)
    np.testing.assert_array_equal(first, last.transpose(0, 3, 1, 2))


def test_a_shape_may_lack_the_batch_or_grey_its_channel(photograph: Pixels) -> None:
    whole = convert(photograph, (1, 20, 30, 1), color="grayscale")
    for shape in ((20, 30, 1), (1, 20, 30)):
        found = convert(photograph, shape, color="grayscale")
        assert found.shape == shape
        np.testing.assert_array_equal(found.ravel(), whole.ravel())


@pytest.mark.parametrize(
    ("dtype", "scale", "offset", "expected"),
    [
        ("uint8", 1, 0, [0, 1, 2, 255]),
        ("int8", 1, -128, [-128, -127, -126, 127]),
        ("uint8", 0.5, 0, [0, 0, 1, 128]),
        ("uint8", 2, -1, [0, 1, 3, 255]),
        ("int8", 1, 0, [0, 1, 2, 127]),
    ],
)
def test_whole_numbers_are_rounded_and_clipped(
    dtype: str, scale: float, offset: float, expected: list[int]
) -> None:
    pixels = np.array([[0, 1, 2, 255]], np.uint8)
    facts = InputFacts(kind="image", color="grayscale", scale=scale, offset=offset)
    found = image_to_input(pixels, facts, (1, 1, 4, 1), dtype)
    assert found.dtype == dtype
    assert found.ravel().tolist() == expected


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((2, 2, 3)), "pixels are uint8, 0 to 255; these are float64"),
        ([[0]], "these are list"),
        (np.zeros((2, 2, 2), np.uint8), "this one has 2×2×2"),
        (np.zeros((1, 2, 2, 3), np.uint8), "this one has 1×2×2×3"),
        (np.zeros((0, 2, 3), np.uint8), "The image is empty: 0×2×3"),
    ],
)
def test_what_is_no_image(pixels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        convert(pixels, (1, 4, 4, 3))


@pytest.mark.parametrize(
    ("facts", "shape", "dtype", "message"),
    [
        ({"kind": "tensor"}, (1, 4, 4, 3), "float32", "of kind 'tensor'; set kind = \"image\""),
        ({}, (2, 4, 4, 3), "float32", "shape 2×4×4×3 cannot be a rgb image.*a batch of one"),
        ({}, (1, 4, 4, 1), "float32", "cannot be a rgb image.*1×height×width×3"),
        ({"color": "grayscale"}, (1, 4, 4, 3), "float32", "cannot be a grayscale image"),
        ({}, (1, 48), "float32", "shape 1×48"),
        ({}, (), "float32", "set its kind to 'tensor'"),
        ({}, (1, 4, 4, 3), "int32", "image input of int32 is not supported"),
        ({"scale": (1.0, 2.0)}, (1, 4, 4, 3), "float32", "scale has 2 numbers; .* 3 channels"),
    ],
)
def test_what_can_be_no_image_input(
    facts: dict[str, Any], shape: tuple[int, ...], dtype: str, message: str
) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ProjectError, match=message):
        image_to_input(pixels, InputFacts(**{"kind": "image", **facts}), shape, dtype)


def test_a_project_file_makes_calibration_data(tmp_path: Path, photograph: Pixels) -> None:
    (tmp_path / "mobilekit.toml").write_text(
        '[model]\nsource = "m.keras"\n[model.inputs.image]\nkind = "image"\ncolor = "bgr"\n'
        'resize = "bilinear-antialias"\nfit = "crop"\nscale = 0.00784313725490196\noffset = -1\n'
    )
    facts = load_project(tmp_path / "mobilekit.toml").model.inputs["image"].facts()
    found = image_to_input(photograph, facts, (1, 32, 32, 3))
    assert found.dtype == np.float32
    square = Image.fromarray(photograph[:, 106:533, ::-1]).resize(
        (32, 32), Image.Resampling.BILINEAR
    )
    expected = np.asarray(square, np.float32) / 127.5 - 1
    assert np.abs(found[0] - expected).max() <= PILLOW_8_BIT / 127.5

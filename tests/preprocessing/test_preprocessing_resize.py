"""The windows of a resize, held against fractions and properties that any resize has."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mobilekit.parity.inputs import Fit, Resize
from mobilekit.preprocessing.resize import boxes, windows

sides = st.integers(1, 4000)
small_sides = st.integers(1, 40)
resizes = st.sampled_from(["bilinear", "bilinear-antialias", "nearest"])
fits = st.sampled_from(["stretch", "crop", "pad"])


def matrix(resize: Resize, source: int, target: int) -> NDArray[np.float64]:
    """What each source pixel (columns) gives to each output pixel (rows)."""
    table = windows(resize, source, target)
    whole = np.zeros((target, source + table.weights.shape[1]))
    for output, start in enumerate(table.start):
        whole[output, start : start + table.weights.shape[1]] = table.weights[output]
    assert not whole[:, source:].any(), "a pixel beyond the edge has a weight"
    return whole[:, :source]


@given(resizes, sides, sides)
@example("bilinear-antialias", 4000, 1)
@example("bilinear-antialias", 1, 4000)
@example("bilinear-antialias", 3999, 3998)
def test_windows_move_on_within_the_image_and_weigh_one(
    resize: Resize, source: int, target: int
) -> None:
    table = windows(resize, source, target)
    assert table.start.min() >= 0
    assert table.start.max() < source
    assert (np.diff(table.start) >= 0).all()
    assert (table.weights >= 0).all()
    np.testing.assert_allclose(table.weights.sum(axis=1, dtype=np.float64), 1, atol=1e-6)


@given(small_sides, small_sides)
def test_bilinear_is_the_line_between_two_centres(source: int, target: int) -> None:
    found = matrix("bilinear", source, target)
    for output in range(target):
        centre = Fraction(2 * output + 1, 2) * Fraction(source, target) - Fraction(1, 2)
        expected = [max(Fraction(0), 1 - abs(centre - pixel)) for pixel in range(source)]
        expected[0] = Fraction(1) if centre <= 0 else expected[0]
        expected[-1] = Fraction(1) if centre >= source - 1 else expected[-1]
        np.testing.assert_allclose(found[output], np.array(expected, float), atol=1e-7)


@given(small_sides, small_sides)
def test_nearest_is_the_pixel_under_the_centre(source: int, target: int) -> None:
    found = matrix("nearest", source, target)
    for output in range(target):
        centre = Fraction(2 * output + 1, 2) * Fraction(source, target)
        assert found[output, int(centre)] == 1


@given(small_sides, small_sides)
def test_antialias_weighs_pixels_by_a_triangle(source: int, target: int) -> None:
    found = matrix("bilinear-antialias", source, target)
    if source <= target:
        np.testing.assert_array_equal(found, matrix("bilinear", source, target))
        return
    ratio = Fraction(source, target)
    for output in range(target):
        centre = (output + Fraction(1, 2)) * ratio
        heights = [
            max(Fraction(0), 1 - abs(pixel + Fraction(1, 2) - centre) / ratio)
            for pixel in range(source)
        ]
        expected = [height / sum(heights) for height in heights]
        np.testing.assert_allclose(found[output], np.array(expected, float), atol=1e-7)


@pytest.mark.parametrize("resize", ["bilinear", "bilinear-antialias", "nearest"])
@given(side=sides)
def test_the_same_size_changes_nothing(resize: Resize, side: int) -> None:
    table = windows(resize, side, side)
    np.testing.assert_array_equal(table.start, np.arange(side))
    np.testing.assert_array_equal(table.weights[:, 0], np.ones(side))


@given(fits, sides, sides, sides, sides)
def test_boxes_lie_in_the_middle(
    fit: Fit, height: int, width: int, rows: int, columns: int
) -> None:
    used, filled = boxes(fit, (height, width), (rows, columns))
    for box, outer in ((used, (height, width)), (filled, (rows, columns))):
        for start, side, whole in (
            (box.top, box.height, outer[0]),
            (box.left, box.width, outer[1]),
        ):
            assert side >= 1
            assert whole - side - 2 * start in (0, 1)


@given(sides, sides, sides, sides)
def test_crop_fills_the_input_and_pad_uses_the_image(
    height: int, width: int, rows: int, columns: int
) -> None:
    image, target = (height, width), (rows, columns)
    used, filled = boxes("crop", image, target)
    assert (filled.height, filled.width) == target
    assert used.height == height or used.width == width
    keeps_the_ratio(used.height, used.width, Fraction(rows, columns))
    used, filled = boxes("pad", image, target)
    assert (used.height, used.width) == image
    assert filled.height == rows or filled.width == columns
    keeps_the_ratio(filled.height, filled.width, Fraction(height, width))


def keeps_the_ratio(height: int, width: int, ratio: Fraction) -> None:
    """One side is the exact one, rounded, or at least 1."""
    off_height = abs(height - max(1, width * ratio))
    off_width = abs(width - max(1, height / ratio))
    assert min(off_height, off_width) <= Fraction(1, 2)


def test_sides_of_one_half_are_rounded_up() -> None:
    used, _ = boxes("crop", (5, 7), (2, 1))
    assert (used.height, used.width) == (5, 3)
    assert (used.top, used.left) == (0, 2)
    _, filled = boxes("pad", (5, 2), (5, 5))
    assert (filled.top, filled.left, filled.height, filled.width) == (0, 1, 5, 2)

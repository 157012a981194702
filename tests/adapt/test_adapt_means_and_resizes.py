"""Means over axes, and resizing without flags."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapting import adapted
from hypothesis import given
from hypothesis import strategies as st

from mobilekit_converters.adaptations.mean_axes import merged_mean
from mobilekit_converters.adaptations.resize_flags import Resize, every_nth


def mean(*steps: tuple[Any, bool]) -> Any:
    def call(x: Any) -> Any:
        import tensorflow as tf

        for axes, keeps in steps:
            x = tf.reduce_mean(x, axes, keepdims=keeps)
        return x

    return call


@pytest.mark.parametrize(
    "steps",
    [
        ((2, False), (1, False)),
        ((-2, False), (-2, False)),
        ((1, True), (2, True)),
        ((1, True), (2, False)),
        ((1, False), (1, True)),
        ((3, False), (2, True), (1, False)),
    ],
)
def test_means_of_means_are_one(steps: Any, tmp_path: Path) -> None:
    run = adapted("mean_axes", mean(*steps), (2, 6, 5, 4), tmp_path)
    assert (run.before["Mean"], run.after["Mean"]) == (len(steps), 1)
    assert run.snr_db > 120


@pytest.mark.parametrize("axes", [(1, 2), (2,), (3, 4), (-1,), (1, 2, 3), (1, 2, 4)])
@pytest.mark.parametrize("keeps", [True, False])
def test_five_dimensions_are_averaged_in_four(axes: Any, keeps: bool, tmp_path: Path) -> None:
    def call(x: Any) -> Any:
        import tensorflow as tf

        return tf.reduce_mean(tf.reshape(x, (2, 3, 4, 2, 5)), axes, keepdims=keeps)

    run = adapted("mean_axes", call, (2, 12, 2, 5), tmp_path)
    assert len(run.adapted.places) == 1, run.adapted.refused
    assert run.snr_db > 120


@pytest.mark.parametrize(("axis", "applies"), [(1, False), (2, True), (-1, True)])
def test_single_axes_keep_their_place_on_the_gpu(axis: int, applies: bool, tmp_path: Path) -> None:
    run = adapted("mean_axes", mean((axis, False)), (1, 6, 5, 4), tmp_path / "gpu", ["gpu"])
    assert bool(run.adapted.places) == applies
    assert run.snr_db > 120
    run = adapted("mean_axes", mean((axis, False)), (1, 6, 5, 4), tmp_path / "nnapi", ["nnapi"])
    assert run.adapted.places == ()


@pytest.mark.parametrize("steps", [(((1, 2), False),), (((1, 2), True),)])
def test_a_global_mean_stays(steps: Any, tmp_path: Path) -> None:
    run = adapted("mean_axes", mean(*steps), (1, 6, 5, 4), tmp_path)
    assert run.adapted.places == ()
    assert run.before == run.after


def test_a_mean_that_something_else_reads_stays(tmp_path: Path) -> None:
    def call(x: Any) -> Any:
        import tensorflow as tf

        rows = tf.reduce_mean(x, 1)
        return tf.reduce_mean(rows, 1) + tf.reduce_max(rows, 1)

    assert adapted("mean_axes", call, (1, 6, 5, 4), tmp_path, ["nnapi"]).adapted.places == ()


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.data())
def test_merging_keeps_every_mean(shape: list[int], data: st.DataObject) -> None:
    axes = data.draw(st.frozensets(st.integers(0, len(shape) - 1), min_size=1))
    values = np.random.default_rng(0).normal(size=shape)
    merged, over = merged_mean(shape, axes)
    found = values.reshape(merged).mean(tuple(over))
    np.testing.assert_allclose(found.ravel(), values.mean(tuple(axes)).ravel())


def resize(kind: str, size: tuple[int, int], **flags: bool) -> Any:
    def call(x: Any) -> Any:
        import tensorflow as tf

        return getattr(tf.raw_ops, kind)(images=x, size=size, **flags)

    return call


BILINEAR, NEAREST = "ResizeBilinear", "ResizeNearestNeighbor"
HALF, ALIGNED = {"half_pixel_centers": True}, {"align_corners": True}


@pytest.mark.parametrize(
    ("kind", "size", "flags", "becomes"),
    [
        (NEAREST, (12, 16), HALF, NEAREST),
        (NEAREST, (2, 4), HALF, "StridedSlice"),
        (NEAREST, (6, 8), HALF, ""),
        (BILINEAR, (3, 4), HALF, "AvgPool"),
        (BILINEAR, (6, 8), HALF, ""),
        (BILINEAR, (6, 8), ALIGNED, ""),
    ],
)
def test_flags_that_other_words_say(
    kind: str, size: tuple[int, int], flags: dict[str, bool], becomes: str, tmp_path: Path
) -> None:
    run = adapted("resize_flags", resize(kind, size, **flags), (2, 6, 8, 3), tmp_path)
    assert len(run.adapted.places) == 1, run.adapted.refused
    assert run.after[kind] == (becomes == kind)
    assert not becomes or run.after[becomes] == 1
    assert run.snr_db > 120


@pytest.mark.parametrize("flags", [HALF, ALIGNED])
@pytest.mark.parametrize("kind", [BILINEAR, NEAREST])
def test_one_pixel_is_spread(kind: str, flags: dict[str, bool], tmp_path: Path) -> None:
    run = adapted("resize_flags", resize(kind, (5, 7), **flags), (1, 1, 1, 3), tmp_path)
    assert len(run.adapted.places) == 1, run.adapted.refused
    np.testing.assert_array_equal(*run.results)


@pytest.mark.parametrize("kind", [BILINEAR, NEAREST])
def test_every_second_pixel_between_aligned_corners(kind: str, tmp_path: Path) -> None:
    run = adapted("resize_flags", resize(kind, (5, 4), **ALIGNED), (1, 9, 7, 3), tmp_path)
    assert run.after["StridedSlice"] == 1
    np.testing.assert_array_equal(*run.results)


@pytest.mark.parametrize(
    ("kind", "size", "flags"),
    [
        (BILINEAR, (12, 16), HALF),
        (BILINEAR, (12, 16), ALIGNED),
        (NEAREST, (9, 12), ALIGNED),
        (NEAREST, (9, 13), HALF),
        (BILINEAR, (12, 16), {}),
        (NEAREST, (12, 16), {}),
    ],
)
def test_flags_that_matter_stay(
    kind: str, size: tuple[int, int], flags: dict[str, bool], tmp_path: Path
) -> None:
    run = adapted("resize_flags", resize(kind, size, **flags), (1, 6, 8, 3), tmp_path)
    assert run.adapted.places == ()
    assert run.before == run.after


def test_which_pixels_are_read() -> None:
    def axis(size: int, result: int, *, nearest: bool, **flags: bool) -> Resize:
        return Resize(size=size, result=result, nearest=nearest, **flags)

    assert every_nth(axis(9, 3, nearest=False, half_pixel_centers=True)) == (1, 3)
    assert every_nth(axis(9, 5, nearest=False, align_corners=True)) == (0, 2)
    assert every_nth(axis(8, 4, nearest=False, half_pixel_centers=True)) is None


@pytest.mark.parametrize("flag", [*HALF, *ALIGNED, ""])
def test_the_rule_of_nearest_pixels_is_tensorflows(flag: str) -> None:
    import tensorflow as tf

    flags = {flag: True} if flag else {}
    for size, result in itertools.product(range(1, 12), range(1, 12)):
        line = np.arange(size, dtype="f4").reshape(1, 1, size, 1)
        found = tf.raw_ops.ResizeNearestNeighbor(images=line, size=(1, result), **flags)
        rule = Resize(size=size, result=result, nearest=True, **flags)
        assert [int(place) for place in rule.positions()] == found[0, 0, :, 0].numpy().tolist()

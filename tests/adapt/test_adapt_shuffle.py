"""Channel shuffles, and transposes like them, without tensors of five dimensions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapting import adapted
from hypothesis import given
from hypothesis import strategies as st

from mobilekit_converters.adaptations.channel_shuffle import merged_transpose


def shuffle(shape: Sequence[int], order: Sequence[int]) -> Any:
    def call(x: Any) -> Any:
        import tensorflow as tf

        return tf.reshape(tf.transpose(tf.reshape(x, shape), order), x.shape)

    return call


@pytest.mark.parametrize(
    ("shape", "groups"),
    [
        ((1, 4, 4, 8), (1, 4, 4, 2, 4)),
        ((1, 5, 3, 12), (1, 5, 3, 3, 4)),
        ((3, 2, 4, 8), (3, 2, 4, 4, 2)),
        ((1, 1, 1, 8), (1, 1, 1, 2, 4)),
    ],
)
def test_groups_of_the_last_axis(
    shape: tuple[int, ...], groups: tuple[int, ...], tmp_path: Path
) -> None:
    run = adapted("channel_shuffle", shuffle(groups, (0, 1, 2, 4, 3)), shape, tmp_path)
    assert len(run.adapted.places) == 1
    assert run.adapted.snr_db == float("inf")
    assert run.ranks[0] == 5
    assert run.ranks[1] <= 4
    np.testing.assert_array_equal(*run.results)


def test_groups_of_the_first_axis_after_the_batch(tmp_path: Path) -> None:
    call = shuffle((2, 2, 3, 4, 5), (0, 2, 1, 3, 4))
    run = adapted("channel_shuffle", call, (2, 6, 4, 5), tmp_path)
    assert run.ranks == (5, 4)
    np.testing.assert_array_equal(*run.results)


def test_windows_of_six_dimensions(tmp_path: Path) -> None:
    def call(x: Any) -> Any:
        import tensorflow as tf

        windows = tf.transpose(tf.reshape(x, (1, 2, 4, 3, 4, 5)), (0, 1, 3, 2, 4, 5))
        return tf.reshape(windows, (6, 16, 5))

    run = adapted("channel_shuffle", call, (1, 8, 12, 5), tmp_path)
    assert run.ranks == (6, 4)
    np.testing.assert_array_equal(*run.results)


def test_a_shape_that_is_asked_for_while_it_runs(tmp_path: Path) -> None:
    def call(x: Any) -> Any:
        import tensorflow as tf

        size = tf.shape(x)
        parts = tf.reshape(x, tf.stack([size[0], size[1], size[2], 2, size[3] // 2]))
        return tf.reshape(tf.transpose(parts, (0, 1, 2, 4, 3)), size)

    run = adapted("channel_shuffle", call, (1, 4, 6, 8), tmp_path)
    assert run.ranks == (5, 4)
    np.testing.assert_array_equal(*run.results)


def test_keras_own_layers(tmp_path: Path) -> None:
    import keras

    layers = [
        keras.layers.Reshape((4, 6, 2, 4)),
        keras.layers.Permute((1, 2, 4, 3)),
        keras.layers.Reshape((4, 6, 8)),
    ]

    def call(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    run = adapted("channel_shuffle", call, (1, 4, 6, 8), tmp_path)
    assert run.ranks == (5, 4)
    np.testing.assert_array_equal(*run.results)


def test_not_where_the_five_dimensions_are_used_otherwise(tmp_path: Path) -> None:
    def call(x: Any) -> Any:
        import tensorflow as tf

        parts = tf.transpose(tf.reshape(x, (1, 4, 4, 2, 4)), (0, 1, 2, 4, 3))
        return tf.reduce_sum(parts, axis=4)

    run = adapted("channel_shuffle", call, (1, 4, 4, 8), tmp_path)
    assert run.adapted.places == run.adapted.refused == ()
    assert run.before == run.after


def test_not_where_four_dimensions_do_not_say_it(tmp_path: Path) -> None:
    call = shuffle((2, 2, 2, 2, 2), (4, 3, 2, 1, 0))
    run = adapted("channel_shuffle", call, (2, 2, 2, 4), tmp_path)
    assert run.adapted.places == ()
    assert run.ranks == (5, 5)


def test_not_where_four_dimensions_are_there(tmp_path: Path) -> None:
    def call(x: Any) -> Any:
        import tensorflow as tf

        return tf.reshape(tf.transpose(x, (0, 3, 1, 2)), (1, 8, 16))

    assert adapted("channel_shuffle", call, (1, 4, 4, 8), tmp_path).adapted.places == ()


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=6).flatmap(
        lambda shape: st.tuples(st.just(shape), st.permutations(range(len(shape))))
    )
)
def test_merging_keeps_every_transposition(case: tuple[list[int], list[int]]) -> None:
    shape, order = case
    values = np.arange(np.prod(shape)).reshape(shape)
    merged, fewer = merged_transpose(shape, order)
    found = values.reshape(merged).transpose(fewer)
    np.testing.assert_array_equal(found.ravel(), values.transpose(order).ravel())


def test_merging_is_as_small_as_it_gets() -> None:
    assert merged_transpose((1, 8, 8, 2, 4), (0, 1, 2, 4, 3)) == ([1, 64, 2, 4], [0, 1, 3, 2])
    for order in itertools.permutations(range(3)):
        assert len(merged_transpose((2, 3, 4), order)[0]) <= 3

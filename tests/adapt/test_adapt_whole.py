"""Adapting as such: proofs that fail, bytes that stay, stages that can be converted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from adapting import freeze_call

from mobilekit_converters.adaptations.adapt import adapt_frozen, write_stage
from mobilekit_converters.adaptations.adaptation import Adaptation, Place
from mobilekit_converters.adaptations.operations import operations
from mobilekit_converters.adaptations.table import ADAPTATIONS, adaptations_for
from mobilekit_converters.frozen import load_frozen
from mobilekit_converters.hashing import sha256_of_path


def shuffled_mean(x: Any) -> Any:
    import tensorflow as tf

    x = tf.reshape(tf.transpose(tf.reshape(x, (1, 4, 4, 2, 4)), (0, 1, 2, 4, 3)), (1, 4, 4, 8))
    return tf.reduce_mean(tf.reduce_mean(tf.nn.relu(x), 2), 1)


def of_relu(build: Any) -> Adaptation:
    def find(graph: Any, _: frozenset[str]) -> Any:
        for relu in operations(graph, "Relu"):
            yield Place(operation=relu, inputs=(relu.inputs[0],), build=build)

    return Adaptation(name="wrong", summary="", delegates=("gpu",), find=find)


def test_what_is_not_the_same_function_is_not_applied(tmp_path: Path) -> None:
    import tensorflow as tf

    freeze_call(shuffled_mean, (1, 4, 4, 8), tmp_path / "before")
    for build, reason in (
        (tf.nn.relu6, "agree by"),
        (lambda x: tf.nn.relu(x)[:, :2], "agree by -inf dB"),
        (lambda x: tf.nn.relu(x) * np.float32(1.001), "agree by 60 dB alone"),
        (lambda x: tf.nn.relu(x) / tf.zeros_like(x), "agree by -inf dB"),
    ):
        wrong = of_relu(build)
        model = adapt_frozen(tmp_path / "before", [wrong], ["gpu"], tmp_path / "after")
        (adapted,) = model.adaptations
        assert adapted.places == ()
        assert adapted.snr_db is None
        (sentence,) = adapted.refused
        assert "(Relu) stays as it is: old and new" in sentence
        assert reason in sentence
        assert (
            load_frozen(tmp_path / "after").graph_def()
            == load_frozen(tmp_path / "before").graph_def()
        )


def test_integers_are_not_proved(tmp_path: Path) -> None:
    def call(x: Any) -> Any:
        import tensorflow as tf

        whole = tf.cast(x * 10, tf.int32)
        parts = tf.transpose(tf.reshape(whole, (1, 4, 4, 2, 4)), (0, 1, 2, 4, 3))
        return tf.reshape(parts, (1, 4, 4, 8))

    freeze_call(call, (1, 4, 4, 8), tmp_path / "before")
    model = adapt_frozen(
        tmp_path / "before", [ADAPTATIONS["channel_shuffle"]], ["gpu"], tmp_path / "after"
    )
    assert model.adaptations[0].places == ()
    assert "it computes with integers" in model.adaptations[0].refused[0]


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    freeze_call(shuffled_mean, (1, 4, 4, 8), tmp_path / "before")
    wanted = adaptations_for(["gpu"], ())
    found = [
        adapt_frozen(tmp_path / "before", wanted, ["gpu"], tmp_path / str(index), tmp_path / "pb")
        for index in range(2)
    ]
    assert found[0] == found[1]
    first, second = (tmp_path / str(index) / "graph.pb" for index in range(2))
    assert first.read_bytes() == second.read_bytes()
    assert sha256_of_path(tmp_path / "0" / "signature.json") == sha256_of_path(
        tmp_path / "1" / "signature.json"
    )


def test_the_graph_after_each_rewrite_is_kept(tmp_path: Path) -> None:
    import tensorflow as tf

    freeze_call(shuffled_mean, (1, 4, 4, 8), tmp_path / "before")
    wanted = adaptations_for(["gpu"], ())
    adapt_frozen(tmp_path / "before", wanted, ["gpu"], tmp_path / "after", tmp_path / "stages")
    assert {path.stem for path in (tmp_path / "stages").iterdir()} == {
        "channel_shuffle",
        "mean_axes",
    }
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 8)).astype("f4")
    expected = shuffled_mean(x)
    write_stage(tmp_path / "stages" / "channel_shuffle.pb", tmp_path / "before", tmp_path / "stage")
    for folder, means in (("stage", 2), ("after", 1)):
        model = load_frozen(tmp_path / folder)
        assert sum(node.op == "Mean" for node in model.graph_def().node) == means
        found = model.concrete_function()(x=tf.constant(x))["y"]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_table_is_sound() -> None:
    for name, row in ADAPTATIONS.items():
        assert name == row.name
        assert row.summary.endswith(".")
        assert row.keeps_function == bool(row.delegates)
        assert ("changes the function" in row.summary) == (not row.keeps_function)

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frozen_models import IMAGE, SCORES, SIGNATURE, WINNER

from mobilekit_converters.errors import ConversionError, SourceError
from mobilekit_converters.frozen import freeze, load_frozen
from mobilekit_converters.signature import Signature, TensorSpec


def vector(name: str, *shape: int, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, shape=shape, dtype=dtype)


ONE_TO_ONE = Signature(inputs=(vector("x", 1, 4),), outputs=(vector("y", 1, 4),))


def test_signature_survives(frozen: Path) -> None:
    assert load_frozen(frozen).signature == SIGNATURE


def test_saved_model_and_graph_give_the_same_numbers(frozen: Path) -> None:
    import tensorflow as tf

    model = load_frozen(frozen)
    pixels = np.random.default_rng(0).random((1, 16, 12, 3), np.float32)
    served = model.concrete_function()(**{IMAGE: tf.constant(pixels)})
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tf.graph_util.import_graph_def(model.graph_def(), name="")
        scores, winner = session.run(["output_0:0", "output_1:0"], {"input_0:0": pixels})
    np.testing.assert_allclose(served[SCORES].numpy(), scores, atol=1e-6)
    assert served[WINNER].numpy() == winner == scores.argmax(-1)


def test_names_that_look_alike_stay_apart(tmp_path: Path) -> None:
    signature = Signature(
        inputs=(vector("a/b", 1, 2), vector("a-b", 1, 2)), outputs=(vector("a_b", 1, 2),)
    )
    freeze(lambda x: {"a_b": x["a/b"] - 2 * x["a-b"]}, signature, tmp_path)

    import tensorflow as tf

    converted = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved_model")).convert()
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=converted).get_signature_runner()
    first, second = np.float32([[5, 6]]), np.float32([[1, 2]])
    np.testing.assert_array_equal(runner(**{"a/b": first, "a-b": second})["a_b"], [[3, 2]])


def test_loops_stay_functional(tmp_path: Path) -> None:
    import tensorflow as tf

    def call(tensors: dict[str, Any]) -> dict[str, Any]:
        _, y = tf.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, y * 2), (0, tensors["x"]))
        return {"y": y}

    freeze(call, ONE_TO_ONE, tmp_path)
    operations = {node.op for node in load_frozen(tmp_path).graph_def().node}
    assert operations & {"While", "StatelessWhile"}
    assert not operations & {"Enter", "Exit", "Switch", "Merge"}


def test_the_graph_does_not_depend_on_what_was_traced_before(tmp_path: Path) -> None:
    import tensorflow as tf

    def call(tensors: dict[str, Any]) -> dict[str, Any]:
        scale = tf.constant(2.0)
        _, y = tf.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, y * scale), (0, tensors["x"]))
        return {"y": y}

    for folder in ("first", "second"):
        freeze(call, ONE_TO_ONE, tmp_path / folder)
    first, second = ((tmp_path / name / "graph.pb").read_bytes() for name in ("first", "second"))
    assert first == second


def test_variables_become_constants(tmp_path: Path) -> None:
    import tensorflow as tf

    variable = tf.Variable(np.float32([[1, 2, 3, 4]]))
    freeze(lambda tensors: {"y": tensors["x"] + variable}, ONE_TO_ONE, tmp_path)
    operations = {node.op for node in load_frozen(tmp_path).graph_def().node}
    assert operations == {"Placeholder", "Const", "AddV2", "Identity"}


def calls_python(tensors: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    y = tf.numpy_function(np.negative, [tensors["x"]], tf.float32)
    y.set_shape((1, 4))
    return {"y": y}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda tensors: {"z": tensors["x"]}, r"no output 'y'.*it has \['z'\]"),
        (lambda tensors: {"y": tensors["x"][0]}, r"output 'y' is float32 \(4,\).*float32 \(1, 4\)"),
        (calls_python, "calls Python code while it runs"),
    ],
)
def test_what_cannot_be_frozen_is_refused(call: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        freeze(call, ONE_TO_ONE, tmp_path / "frozen")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_changes_a_variable_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    total = tf.Variable(np.zeros((1, 4), np.float32))
    with pytest.raises(SourceError, match="changes a variable while it runs"):
        freeze(lambda x: {"y": total.assign_add(x["x"])}, ONE_TO_ONE, tmp_path / "frozen")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, "", "{}", '{"inputs": 3, "outputs": []}'])
def test_a_folder_that_is_not_frozen_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "signature.json").write_text(content)
    with pytest.raises(ConversionError, match="is not a frozen model"):
        load_frozen(tmp_path)

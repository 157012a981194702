from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit_converters.errors import SourceError, UntrustedSourceError
from mobilekit_converters.sources import SourceOptions, examine, open_source
from mobilekit_converters.sources.saved_model_proto import read_saved_model

OPTIONS = SourceOptions()
TRUSTED = SourceOptions(trust=True)
INPUT = np.array([[1, 2, 3]], np.float32)
WEIGHT = np.arange(6, dtype=np.float32).reshape(3, 2)


def save(folder: Path, serve: Callable[[Any], Any], **trackables: Any) -> Path:
    """Save a function of one input `x` of shape (?, 3)."""
    import tensorflow as tf

    module = tf.Module()
    for name, value in trackables.items():
        setattr(module, name, value)
    module.serve = tf.function(serve, input_signature=[tf.TensorSpec([None, 3], name="x")])
    tf.saved_model.save(module, str(folder), {"serving_default": module.serve})
    return folder


def copied(saved_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved_model, tmp_path / "copy"))


def rewritten(saved_model: Path, tmp_path: Path, change: Callable[[Any], Any]) -> Path:
    """Copy a SavedModel with a changed graph."""
    from tensorflow.core.protobuf import saved_model_pb2

    folder = copied(saved_model, tmp_path)
    message = saved_model_pb2.SavedModel()
    message.ParseFromString((folder / "saved_model.pb").read_bytes())
    change(message.meta_graphs[0])
    (folder / "saved_model.pb").write_bytes(message.SerializeToString())
    return folder


# --- reading


def test_names_shapes_and_values(saved_model: Path) -> None:
    source = open_source(saved_model, SourceOptions(batch=2))
    assert source.kind == "saved-model"
    assert source.framework.startswith("TensorFlow 2.")
    assert source.parameters == 6
    # `y` has no batch: its two numbers agree with the batch of two here, and are its own elsewhere.
    assert [str(spec) for spec in source.signature] == [
        "x: float32 2×3",
        "y: float32 2",
        "product: float32 2×2",
        "sum: float32 2×2",
    ]
    x, y = np.repeat(INPUT, 2, axis=0), np.array([10, 20], np.float32)
    results = source.predict({"x": x, "y": y})
    assert list(results) == ["product", "sum"]
    np.testing.assert_array_equal(results["sum"], x @ WEIGHT + y)
    np.testing.assert_array_equal(results["product"], x @ WEIGHT * y)


def test_an_input_without_a_batch_stays_as_it_is(saved_model: Path) -> None:
    assert open_source(saved_model, OPTIONS).signature.inputs[1].shape == (2,)
    with pytest.raises(SourceError, match=r"'y' .*`\[model\] batch = 2`"):
        open_source(saved_model, SourceOptions(batch=3))


def test_a_signature_is_chosen_by_name(saved_model: Path) -> None:
    options = SourceOptions(signature="double", shapes={"x": (4, 3)})
    source = open_source(saved_model, options)
    assert [str(s) for s in source.signature] == ["x: float32 1×4×3", "out: float32 1×4×3"]
    with pytest.raises(SourceError, match=r"dimension 1 .*\[model\.inputs\.x\].*shape = \[…, 3\]"):
        open_source(saved_model, SourceOptions(signature="double"))
    with pytest.raises(SourceError, match=r"no signature 'dubble'.* 'double'.*serving_default"):
        examine(saved_model, SourceOptions(signature="dubble"))


def test_the_only_signature_needs_no_choice_and_several_do(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.f = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([3], name="x")])
    for number, names in enumerate((["alone"], ["first", "second"], [])):
        folder = tmp_path / str(number)
        tf.saved_model.save(module, str(folder), dict.fromkeys(names, module.f))
    assert open_source(tmp_path / "0", OPTIONS).signature.inputs[0].shape == (3,)
    with pytest.raises(SourceError, match=r"first, second.*\[model\] signature"):
        examine(tmp_path / "1", OPTIONS)
    with pytest.raises(SourceError, match="has no signature"):
        examine(tmp_path / "2", OPTIONS)


def test_what_keras_exports(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((3,), name="x"), keras.layers.Dense(2)])
    model.export(tmp_path / "exported", verbose=False)
    source = open_source(tmp_path / "exported", OPTIONS)
    (result,) = source.predict({source.signature.inputs[0].name: INPUT}).values()
    np.testing.assert_allclose(result, model(INPUT), rtol=1e-6)
    assert source.parameters == 8


def test_what_tensorflow_1_saved(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        weight = v1.get_variable("weight", initializer=WEIGHT)
        result = tf.matmul(x, weight)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(tmp_path / "old"), {"x": x}, {"result": result})
    source = open_source(tmp_path / "old", OPTIONS)
    np.testing.assert_array_equal(source.predict({"x": INPUT})["result"], INPUT @ WEIGHT)


def test_freezing_writes_the_signature(saved_model: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    from mobilekit_converters.frozen import load_frozen

    source = open_source(saved_model, OPTIONS)
    source.freeze(tmp_path / "frozen")
    frozen = load_frozen(tmp_path / "frozen")
    assert frozen.signature == source.signature
    inputs = {"x": INPUT, "y": np.ones(2, np.float32)}
    results = frozen.concrete_function()(**{n: tf.constant(a) for n, a in inputs.items()})
    np.testing.assert_array_equal(results["sum"], source.predict(inputs)["sum"])


# --- damage


def test_graph_that_is_damaged(saved_model: Path, tmp_path: Path) -> None:
    folder = copied(saved_model, tmp_path)
    graph = (folder / "saved_model.pb").read_bytes()
    for content in (graph[:-7], b"\x00" * 50, b"random bytes, no protocol buffer", b""):
        (folder / "saved_model.pb").write_bytes(content)
        with pytest.raises(SourceError, match=r"copy/saved_model\.pb"):
            examine(folder, OPTIONS)


@pytest.mark.parametrize("other", ["saved_model.cpb", "saved_model.pbtxt"])
@pytest.mark.parametrize("beside", [True, False])
def test_other_forms_of_the_graph(
    saved_model: Path, tmp_path: Path, other: str, beside: bool
) -> None:
    folder = copied(saved_model, tmp_path)
    if beside:
        shutil.copy(folder / "saved_model.pb", folder / other)
    else:
        (folder / "saved_model.pb").rename(folder / other)
    with pytest.raises(SourceError, match=other):
        examine(folder, TRUSTED)


def test_variables_that_are_missing_or_cut(saved_model: Path, tmp_path: Path) -> None:
    folder = copied(saved_model, tmp_path)
    data = folder / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:5])
    with pytest.raises(SourceError, match=r"cannot load copy.*`variables/` is whole"):
        open_source(folder, OPTIONS)
    shutil.rmtree(folder / "variables")
    with pytest.raises(SourceError, match=r"cannot load copy.*`variables/` is whole"):
        open_source(folder, OPTIONS)


def test_graph_for_training_only(saved_model: Path, tmp_path: Path) -> None:
    def retag(meta_graph: Any) -> None:
        meta_graph.meta_info_def.tags[:] = ["train"]

    with pytest.raises(SourceError, match=r"tags: train"):
        examine(rewritten(saved_model, tmp_path, retag), OPTIONS)


def test_weights_that_are_no_numbers_are_named(tmp_path: Path) -> None:
    import tensorflow as tf

    broken = tf.Variable(np.array([1, np.nan, np.inf], np.float32), name="broken")
    path = save(tmp_path / "variable", lambda x: {"y": x * broken}, broken=broken)
    with pytest.raises(SourceError, match=r"'broken' of variable .* 2 of 3"):
        open_source(path, OPTIONS)
    captured = tf.constant([1, 2, np.inf], name="captured")
    with pytest.raises(SourceError, match=r" 1 of 3"):
        open_source(save(tmp_path / "captured", lambda x: {"y": x * captured}), OPTIONS)
    with pytest.raises(SourceError, match=r"'folded.* 1 of 3"):
        open_source(
            save(
                tmp_path / "constant",
                lambda x: {"y": x * tf.constant([1, 2, np.inf], name="folded")},
            ),
            OPTIONS,
        )


def test_an_infinite_number_of_the_graphs_own_is_no_weight(tmp_path: Path) -> None:
    import tensorflow as tf

    path = save(tmp_path / "mask", lambda x: {"y": tf.where(x > 2.0, x, -np.inf)})
    result = open_source(path, OPTIONS).predict({"x": INPUT})["y"]
    assert result.tolist() == [[-np.inf, -np.inf, 3]]


def test_output_whose_shape_depends_on_the_values(tmp_path: Path) -> None:
    import tensorflow as tf

    path = save(tmp_path / "ragged", lambda x: {"found": tf.where(x > 0.0)})
    with pytest.raises(SourceError, match=r"Output 'found' .* depends on the values"):
        open_source(path, OPTIONS)


# --- what it could do


def test_every_saved_model_holds_checkpoint_operations_and_is_let_through(
    saved_model: Path,
) -> None:
    graph = read_saved_model(saved_model).meta_graphs[0].graph_def
    operations = {node.op for function in graph.library.function for node in function.node_def}
    assert {"SaveV2", "RestoreV2"} <= operations
    examine(saved_model, OPTIONS)


def dangerous(path: str) -> dict[str, tuple[Callable[[Any], Any], str]]:
    import tensorflow as tf

    def write(x: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(path, "text")]):
            return {"y": tf.identity(x)}

    def inside_a_branch(x: Any) -> Any:
        return {"y": tf.cond(x[0, 0] > 0.0, lambda: write(x)["y"], lambda: x)}

    def checkpoint(x: Any) -> Any:
        with tf.control_dependencies([tf.raw_ops.SaveV2(
            prefix=path, tensor_names=["x"], shape_and_slices=[""], tensors=[x]
        )]):  # fmt: skip
            return {"y": tf.identity(x)}

    def dump(x: Any) -> Any:
        tf.print(x, output_stream=f"file://{path}")
        return {"y": x}

    def python(x: Any) -> Any:
        return {"y": tf.ensure_shape(tf.py_function(lambda v: v, [x], tf.float32), [None, 3])}

    def read(x: Any) -> Any:
        length = tf.strings.length(tf.io.read_file("/etc/hostname"))
        return {"y": x + tf.cast(length, tf.float32)}

    def listing(x: Any) -> Any:
        return {"y": x + tf.cast(tf.size(tf.io.matching_files("/etc/*")), tf.float32)}

    return {
        "write": (write, "WriteFile.*reads or writes files"),
        "inside_a_branch": (inside_a_branch, "WriteFile"),
        "checkpoint": (checkpoint, "SaveV2.*checkpoint"),
        "dump": (dump, "PrintV2.*can write files"),
        "python": (python, "EagerPyFunc.*runs Python code"),
        "read": (read, "ReadFile"),
        "listing": (listing, "MatchingFiles"),
    }


@pytest.mark.parametrize(
    "name", ["write", "inside_a_branch", "checkpoint", "dump", "python", "read", "listing"]
)
def test_operations_that_do_more_than_compute(tmp_path: Path, name: str) -> None:
    written = tmp_path / "written"
    function, said = dangerous(str(written))[name]
    folder = save(tmp_path / "hostile", function)
    for look in (examine, open_source):
        with pytest.raises(UntrustedSourceError, match=said) as caught:
            look(folder, OPTIONS)
    assert "--trust-source" in str(caught.value)
    assert not list(tmp_path.glob("written*"))
    assert examine(folder, TRUSTED).kind == "saved-model"


def test_trusted_model_runs_as_it_is(tmp_path: Path) -> None:
    written = tmp_path / "written"
    folder = save(tmp_path / "hostile", dangerous(str(written))["write"][0])
    result = open_source(folder, TRUSTED).predict({"x": INPUT})["y"]
    np.testing.assert_array_equal(result, INPUT)
    assert written.read_text() == "text"


def test_checkpoint_operations_behind_the_restoring(saved_model: Path, tmp_path: Path) -> None:
    def save_while_restoring(meta_graph: Any) -> None:
        meta_graph.saver_def.restore_op_name = meta_graph.saver_def.save_tensor_name.split(":")[0]

    folder = rewritten(saved_model, tmp_path, save_while_restoring)
    with pytest.raises(UntrustedSourceError, match="writes files while the model loads"):
        examine(folder, OPTIONS)


def test_checkpoint_operations_behind_an_initialiser(saved_model: Path, tmp_path: Path) -> None:
    def save_at_the_start(meta_graph: Any) -> None:
        node = meta_graph.saver_def.save_tensor_name.split(":")[0]
        meta_graph.collection_def["saved_model_main_op"].node_list.value.append(node)

    folder = rewritten(saved_model, tmp_path, save_at_the_start)
    with pytest.raises(UntrustedSourceError, match="checkpoint files"):
        examine(folder, OPTIONS)


def test_checkpoint_operations_in_a_function_that_loading_may_call(
    saved_model: Path, tmp_path: Path
) -> None:
    def list_the_saver(meta_graph: Any) -> None:
        (name,) = [
            function.signature.name
            for function in meta_graph.graph_def.library.function
            if "traced_save" in function.signature.name
        ]
        meta_graph.object_graph_def.concrete_functions[name].SetInParent()

    folder = rewritten(saved_model, tmp_path, list_the_saver)
    with pytest.raises(UntrustedSourceError, match="checkpoint files"):
        examine(folder, OPTIONS)


def test_constants_that_would_fill_the_memory(saved_model: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    def grow(meta_graph: Any) -> None:
        node = meta_graph.graph_def.node.add(name="huge", op="Const")
        tensor = node.attr["value"].tensor
        tensor.dtype = tf.float32.as_datatype_enum
        tensor.float_val.append(1.0)
        for _ in range(3):
            tensor.tensor_shape.dim.add(size=4096)

    with pytest.raises(SourceError, match="would unpack to 274,877,9"):
        examine(rewritten(saved_model, tmp_path, grow), TRUSTED)

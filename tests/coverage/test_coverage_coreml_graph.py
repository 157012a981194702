"""Graphs of Core ML packages, read from their protobuf alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit_converters.artifacts import read_graphs
from mobilekit_converters.coreml.schema import model_messages
from mobilekit_converters.errors import SourceError
from mobilekit_converters.operator_graph import GraphNode, OperatorGraph
from mobilekit_delegates.coverage.macs import macs

RANDOM = np.random.default_rng(7)


def save(path: Path, function: Callable[..., Any], *shapes: Any, minimum: str = "iOS17") -> Path:
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    target = getattr(ct.target, minimum)
    program = mb.program(
        input_specs=[mb.TensorSpec(shape=shape) for shape in shapes], opset_version=target
    )(function)
    model = ct.convert(
        program,
        convert_to="mlprogram",
        minimum_deployment_target=target,
        skip_model_load=True,
    )
    model.save(str(path))
    return path


def network(x: Any) -> Any:
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    kernel = RANDOM.normal(size=(6, 2, 3, 3)).astype(np.float32)
    bias = RANDOM.normal(size=6).astype(np.float32)
    x = mb.conv(x=x, weight=kernel, bias=bias, strides=(2, 2), pad_type="same", groups=2)
    x = mb.sigmoid_hard(x=x, alpha=0.2, beta=0.5)
    x = mb.mul(x=2.0, y=x)
    x = mb.concat(values=[x, mb.relu(x=x)], axis=1)
    x = mb.reduce_mean(x=x, axes=[2, 3], keep_dims=False)
    weight = RANDOM.normal(size=(5, 12)).astype(np.float32)
    return mb.softmax(x=mb.linear(x=x, weight=weight), axis=-1, name="out")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("graph") / "net.mlpackage", network, (1, 4, 8, 8))


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(package, tmp_path / "net.mlpackage"))


def edit(package: Path, change: Callable[[Any], None]) -> Path:
    file = package / "Data" / "com.apple.CoreML" / "model.mlmodel"
    spec = model_messages().Model.FromString(file.read_bytes())
    change(spec)
    file.write_bytes(spec.SerializeToString())
    return package


def block_of(spec: Any) -> Any:
    function = spec.mlProgram.functions["main"]
    return function.block_specializations[function.opset]


def only(graph: OperatorGraph, operator: str) -> GraphNode:
    (found,) = [node for node in graph.nodes if node.operator == operator]
    return found


def test_nodes_have_operands_in_order_and_settings_by_name(package: Path) -> None:
    (graph,) = read_graphs(package)
    conv = only(graph, "conv")
    assert (graph.format, graph.name, conv.version) == ("coreml", "main", 17)
    assert conv.attributes == {
        "dilations": (1, 1),
        "groups": 2,
        "pad": (0, 0, 0, 0),
        "pad_type": "same",
        "strides": (2, 2),
    }
    x, weight, bias = graph.inputs_of(conv)
    assert x is not None
    assert weight is not None
    assert bias is not None
    assert (x.shape, x.dtype, x.constant) == ((1, 4, 8, 8), "float16", False)
    assert (weight.shape, weight.constant, weight.values) == ((6, 2, 3, 3), True, None)
    assert (bias.shape, bias.constant) == ((6,), True)
    assert only(graph, "sigmoid_hard").attributes == pytest.approx(
        {"alpha": 0.2, "beta": 0.5}, rel=1e-3
    )
    assert only(graph, "reduce_mean").attributes == {"axes": (2, 3), "keep_dims": False}


def test_a_single_number_that_is_worked_on_stays_an_input(package: Path) -> None:
    (graph,) = read_graphs(package)
    factor, computed = graph.inputs_of(only(graph, "mul"))
    assert factor is not None
    assert computed is not None
    assert (factor.constant, factor.values, factor.shape) == (True, (2.0,), ())
    assert computed.shape == (1, 6, 4, 4)


def test_several_values_of_one_parameter_are_inputs_one_behind_the_other(package: Path) -> None:
    (graph,) = read_graphs(package)
    concat = only(graph, "concat")
    assert len(concat.inputs) == 2
    assert concat.attributes == {"axis": 1, "interleave": False}


def test_what_is_computed_is_connected(package: Path) -> None:
    (graph,) = read_graphs(package)
    producers = graph.producers()
    assert [graph.tensors[index].name for index in graph.inputs] == ["x"]
    assert graph.nodes[producers[graph.outputs[0]]].operator in ("softmax", "cast")
    for node in graph.nodes:
        for tensor in node.inputs:
            assert tensor in producers or graph.tensors[tensor].constant or tensor in graph.inputs


def test_multiply_accumulates_are_counted(package: Path) -> None:
    (graph,) = read_graphs(package)
    assert macs(graph, only(graph, "conv")) == 6 * 4 * 4 * 2 * 9
    assert macs(graph, only(graph, "linear")) == 12 * 5
    assert macs(graph, only(graph, "softmax")) == 0


def test_multiply_accumulates_of_other_layers_are_counted(tmp_path: Path) -> None:
    def attention(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        return mb.scaled_dot_product_attention(query=x, key=x, value=x)

    def product(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        return mb.matmul(x=x, y=x, transpose_x=True)

    def convolved(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        kernel = RANDOM.normal(size=(4, 3, 2, 2)).astype(np.float32)
        rows = mb.reshape(
            x=mb.conv_transpose(x=x, weight=kernel, strides=(2, 2), groups=2), shape=(60, 1, 10)
        )
        states = mb.gru(
            x=rows,
            initial_h=np.zeros((1, 7), np.float32),
            weight_ih=RANDOM.normal(size=(21, 10)).astype(np.float32),
            weight_hh=RANDOM.normal(size=(21, 7)).astype(np.float32),
            output_sequence=True,
        )[0]
        square = mb.reshape(x=states, shape=(7, 60, 1, 1))
        other = mb.reshape(x=states, shape=(7, 1, 1, 60))
        return mb.einsum(values=(square, other), equation="abcd,adce->abce")

    (graph,) = read_graphs(save(tmp_path / "c.mlpackage", convolved, (1, 4, 5, 5)))
    assert macs(graph, only(graph, "conv_transpose")) == 4 * 25 * 3 * 4
    assert macs(graph, only(graph, "gru")) == 60 * (21 * 10 + 21 * 7)
    assert macs(graph, only(graph, "einsum")) == 7 * 60 * 60
    (graph,) = read_graphs(save(tmp_path / "p.mlpackage", product, (2, 3, 4)))
    assert macs(graph, only(graph, "matmul")) == 2 * 3 * 4 * 4
    (graph,) = read_graphs(save(tmp_path / "a.mlpackage", attention, (1, 2, 6, 8), minimum="iOS18"))
    assert macs(graph, only(graph, "scaled_dot_product_attention")) == 2 * (2 * 6 * 6 * 8)


def test_weights_that_are_compressed_are_constants(tmp_path: Path) -> None:
    import coremltools.optimize.coreml as optimize
    from coremltools.models import MLModel

    path = save(tmp_path / "plain.mlpackage", network, (1, 4, 8, 8))
    config = optimize.OptimizationConfig(
        optimize.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=16)
    )
    small = optimize.linear_quantize_weights(MLModel(str(path), skip_model_load=True), config)
    small.save(str(tmp_path / "small.mlpackage"))
    (graph,) = read_graphs(tmp_path / "small.mlpackage")
    (plain,) = read_graphs(path)
    assert [node.operator for node in graph.nodes] == [node.operator for node in plain.nodes]
    weight = graph.inputs_of(only(graph, "conv"))[1]
    assert weight is not None
    assert (weight.shape, weight.dtype, weight.constant) == ((6, 2, 3, 3), "float16", True)


def test_open_dimensions_are_listed_with_their_default(tmp_path: Path) -> None:
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813
    from coremltools.converters.mil.mil import get_new_symbol

    size = get_new_symbol()

    @mb.program(  # type: ignore[untyped-decorator]
        input_specs=[mb.TensorSpec(shape=(size, 8))], opset_version=ct.target.iOS16
    )
    def flexible(x: Any) -> Any:
        return mb.relu(x=x)

    model = ct.convert(
        flexible,
        convert_to="mlprogram",
        inputs=[ct.TensorType(name="x", shape=(ct.RangeDim(1, 9, default=3), 8))],
        minimum_deployment_target=ct.target.iOS16,
        skip_model_load=True,
    )
    model.save(str(tmp_path / "flexible.mlpackage"))
    (graph,) = read_graphs(tmp_path / "flexible.mlpackage")
    given = graph.tensors[graph.inputs[0]]
    assert (given.shape, given.open) == ((3, 8), (0,))
    assert all(graph.tensors[node.outputs[0]].open == (0,) for node in graph.nodes)


def test_blocks_of_branches_follow_with_what_they_see_as_inputs(tmp_path: Path) -> None:
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    def branching(x: Any, y: Any) -> Any:
        total = mb.reduce_sum(x=x, axes=[0], keep_dims=False)
        return mb.cond(
            pred=mb.greater(x=total, y=0.0),
            _true_fn=lambda: mb.relu(x=y),
            _false_fn=lambda: mb.add(x=y, y=1.0),
        )

    main, first, second = read_graphs(save(tmp_path / "c.mlpackage", branching, (4,), (4,)))
    assert main.name == "main"
    assert only(main, "cond").operator == "cond"
    assert only(first, "relu").operator == "relu"
    assert only(second, "add").operator == "add"
    assert first.name.endswith("block 1")
    assert len(first.inputs) == len(second.inputs) == 1


def test_states_are_variables(tmp_path: Path) -> None:
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813
    from coremltools.converters.mil.mil import types

    @mb.program(  # type: ignore[untyped-decorator]
        input_specs=[
            mb.TensorSpec(shape=(4,), dtype=types.fp16),
            mb.StateTensorSpec(shape=(4,), dtype=types.fp16),
        ],
        opset_version=ct.target.iOS18,
    )
    def counting(x: Any, kept: Any) -> Any:
        return mb.add(x=x, y=mb.read_state(input=kept))

    model = ct.convert(
        counting,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS18,
        skip_model_load=True,
    )
    model.save(str(tmp_path / "s.mlpackage"))
    (graph,) = read_graphs(tmp_path / "s.mlpackage")
    (kept,) = [tensor for tensor in graph.tensors if tensor.variable]
    assert (kept.shape, kept.dtype) == ((4,), "float16")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda spec: (
                block_of(spec).operations[-1].inputs["x"].arguments[0].__setattr__("name", "nobody")
            ),
            "nothing computes 'nobody'",
        ),
        (
            lambda spec: block_of(spec).operations[-1].outputs[0].__setattr__("name", "x"),
            "two of its values are called 'x'",
        ),
        (lambda spec: block_of(spec).outputs.append("lost"), "nothing computes 'lost'"),
        (
            lambda spec: spec.mlProgram.functions["main"].__setattr__("opset", "CoreML1"),
            "no program for its opset 'CoreML1'",
        ),
        (lambda spec: spec.mlProgram.functions.pop("main"), "it has no function 'main'"),
        (
            lambda spec: next(
                operation for operation in block_of(spec).operations if operation.type == "const"
            ).attributes.pop("val"),
            "one of its constants has no value",
        ),
    ],
)
def test_a_damaged_program_is_refused(copy: Path, change: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(SourceError, match="not a whole Core ML package") as error:
        read_graphs(edit(copy, change))
    assert said in str(error.value)
    assert error.value.exit_status == 2


def test_a_cut_off_model_is_refused(copy: Path) -> None:
    file = copy / "Data" / "com.apple.CoreML" / "model.mlmodel"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(SourceError, match="cut off or damaged"):
        read_graphs(copy)


def test_weights_are_not_needed(copy: Path, package: Path) -> None:
    shutil.rmtree(copy / "Data" / "com.apple.CoreML" / "weights")
    manifest = json.loads((copy / "Manifest.json").read_text("utf-8"))
    manifest["itemInfoEntries"] = {
        key: item
        for key, item in manifest["itemInfoEntries"].items()
        if key == manifest["rootModelIdentifier"]
    }
    (copy / "Manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert read_graphs(copy) == read_graphs(package)


def test_reading_imports_neither_coremltools_nor_tensorflow(package: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from mobilekit_converters.artifacts import read_graphs\n"
        "read_graphs(Path(sys.argv[1]))\n"
        "print(sorted({'coremltools', 'tensorflow', 'sklearn'} & set(sys.modules)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, str(package)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


def test_the_messages_are_those_of_coremltools() -> None:
    from coremltools.proto import MIL_pb2, Model_pb2

    from mobilekit_converters.coreml.schema import program_messages

    assert model_messages().Model is Model_pb2.Model
    assert program_messages().Operation is MIL_pb2.Operation


def test_a_large_program_takes_time_in_proportion(package: Path, copy: Path) -> None:
    """It has to be read once through: 2,000 operators in a row come out as 2,000 nodes."""

    def lengthen(spec: Any) -> None:
        block = block_of(spec)
        last = block.outputs[0]
        kind = block.operations[-1].outputs[0].type
        for number in range(2000):
            made = block.operations.add(type="relu")
            made.inputs["x"].arguments.add(name=last)
            made.outputs.add(name=f"more{number}", type=kind)
            last = f"more{number}"
        block.outputs[0] = last

    (graph,) = read_graphs(edit(copy, lengthen))
    (short,) = read_graphs(package)
    assert len(graph.nodes) == len(short.nodes) + 2000

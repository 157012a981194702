"""What is declared float16 is float16 after every operation; integers wrap around."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Build

from mobilekit_delegates.coreml.evaluator import Evaluator, predict
from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.package import open_package

RANDOM = np.random.default_rng(5)


def network(x: Any) -> Any:
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    weight = RANDOM.normal(size=(8, 3, 3, 3)).astype(np.float32)
    x = mb.conv(x=x, weight=weight, pad_type="same", bias=np.linspace(-1, 1, 8, dtype=np.float32))
    tenth, ones = np.full(8, 0.1, np.float32), np.ones(8, np.float32)
    x = mb.batch_norm(x=x, mean=tenth, variance=ones / 3, gamma=ones, beta=tenth)
    x = mb.silu(x=x)
    x = mb.mul(x=x, y=mb.sigmoid(x=x))
    return mb.softmax(x=mb.reduce_mean(x=x, axes=[2, 3]), axis=1, name="out")


def test_every_float16_value_is_one(build: Build) -> None:
    evaluator = Evaluator(open_package(build(network, (1, 3, 8, 8))))
    declared = {
        value.name: value.type.dtype
        for operation in evaluator.program.operations
        for value in operation.outputs
    }
    traced = evaluator.trace({"x": RANDOM.normal(size=(1, 3, 8, 8))})
    halves = [each for each in traced if declared[each.name] == "float16"]
    assert len(halves) == len(traced) - 1  # The last one is the cast to the output's float32.
    for each in halves:
        assert each.array.dtype == np.float32
        rounded = each.array.astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(each.array, rounded, err_msg=each.operator)


def test_rounding_is_not_optimised_away(build: Build) -> None:
    """1024 + 0.25 + 0.25 is 1024 where each sum is rounded to float16, and 1024.5 where not."""

    def sums(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        return mb.add(x=mb.add(x=x, y=0.25), y=0.25, name="out")

    package = build(sums, (1,))
    assert predict(package, {"x": np.array([1024.0])})["out"] == 1024.0
    assert predict(package, {"x": np.array([1024.0])}, rounds=False)["out"] == 1024.5


def test_the_outputs_are_the_last_of_the_trace(build: Build) -> None:
    """The graph that keeps all values is optimised differently, and must not compute others."""
    evaluator = Evaluator(open_package(build(network, (1, 3, 8, 8))))
    inputs = {"x": RANDOM.normal(size=(1, 3, 8, 8))}
    (output,) = evaluator.run(inputs).values()
    np.testing.assert_array_equal(output, evaluator.trace(inputs)[-1].array)


def rounded_by_the_graph(values: np.ndarray, dtype: str) -> np.ndarray:
    import onnxruntime

    graph = Graph(rounds=True)
    kind = "float32" if dtype == "float16" else "int32"
    model = graph.model([graph.round_to(graph.input("x", kind, (None,)), dtype)])
    session = onnxruntime.InferenceSession(model.SerializeToString())
    result: np.ndarray = session.run(None, {"x": values.astype(kind)})[0]
    return result


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=60))
def test_rounding_is_numpy_s(values: list[float]) -> None:
    """Halves to even, tiny values to subnormal ones, large ones to infinity, NaN to NaN."""
    array = np.array(values, dtype=np.float32)
    with np.errstate(over="ignore"):
        expected = array.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(rounded_by_the_graph(array, "float16"), expected)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16"])
def test_integers_wrap_around(dtype: str) -> None:
    values = np.array([-70000, -32769, -129, -1, 0, 127, 128, 255, 256, 40000, 70000])
    np.testing.assert_array_equal(rounded_by_the_graph(values, dtype), values.astype(dtype))


def test_float32_programs_are_not_rounded(build: Build) -> None:
    evaluator = Evaluator(open_package(build(network, (1, 3, 8, 8), precision="FLOAT32")))
    (output,) = evaluator.run({"x": RANDOM.normal(size=(1, 3, 8, 8))}).values()
    assert np.any(output != output.astype(np.float16))

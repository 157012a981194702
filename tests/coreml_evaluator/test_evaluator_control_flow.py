"""Loops, branches and lists, which recurrent layers over long sequences become."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from programs import Build

from mobilekit_converters.errors import TargetError
from mobilekit_delegates.coreml.evaluator import Evaluator, predict
from mobilekit_delegates.coreml.package import open_package

VALUES = np.array([[0.5, -1.0, 2.0]], np.float32)


def halved_until_small(x: Any) -> Any:
    """Halve until the sum of squares is at most one, and count how often; `x` is kept as it is."""
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    def goes_on(value: Any, _: Any) -> Any:
        squares = mb.reduce_sum(x=mb.mul(x=value, y=value), axes=[0, 1])
        return mb.greater(x=squares, y=1.0)

    def step(value: Any, count: Any) -> Any:
        return mb.mul(x=value, y=0.5), mb.add(x=count, y=1.0)

    value, count = mb.while_loop(_cond=goes_on, _body=step, loop_vars=(x, np.float32(0)))
    return mb.add(x=mb.add(x=value, y=count), y=x, name="out")


@pytest.mark.parametrize("precision", ["FLOAT16", "FLOAT32"])
def test_a_loop_runs_as_often_as_its_condition_says(build: Build, precision: str) -> None:
    package = build(halved_until_small, (1, 3), precision=precision)
    for scale, rounds in ((0.1, 0), (1.0, 2), (16.0, 6)):
        x = VALUES * scale
        np.testing.assert_allclose(
            predict(package, {"x": x})["out"], x * 0.5**rounds + rounds + x, rtol=0.002
        )


def test_what_is_inside_a_loop_is_rounded_too(build: Build) -> None:
    """Adding 0.25 four times to 1024 gives 1024 in float16, and 1025 without rounding."""

    def sums(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        def goes_on(_: Any, count: Any) -> Any:
            return mb.less(x=count, y=4.0)

        def step(value: Any, count: Any) -> Any:
            return mb.add(x=value, y=0.25), mb.add(x=count, y=1.0)

        value, _ = mb.while_loop(_cond=goes_on, _body=step, loop_vars=(x, np.float32(0)))
        return mb.identity(x=value, name="out")

    package, inputs = build(sums, (1,)), {"x": np.array([1024.0])}
    assert predict(package, inputs)["out"] == 1024
    assert predict(package, inputs, rounds=False)["out"] == 1025


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 3.0), (-1.0, 0.5)])
def test_a_branch_is_taken(build: Build, sign: float, expected: float) -> None:
    def branches(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        relu = mb.relu(x=x)
        chosen = mb.cond(
            pred=mb.squeeze(x=mb.greater(x=x, y=0.0)),
            _true_fn=lambda: mb.add(x=relu, y=2.0),
            _false_fn=lambda: mb.add(x=relu, y=0.5),
        )
        return mb.identity(x=chosen, name="out")

    output = predict(build(branches, (1,)), {"x": np.array([sign])})["out"]
    np.testing.assert_array_equal(output, [expected])


def test_lists_are_read_and_written(build: Build) -> None:
    def reversed_rows(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        rows = mb.make_list(init_length=3, elem_shape=(2,), dynamic_length=False)
        rows = mb.list_scatter(ls=rows, indices=np.array([2, 1, 0], np.int32), value=x)
        first = mb.list_read(ls=rows, index=0)
        rows = mb.list_write(ls=rows, index=1, value=first)
        return mb.list_gather(ls=rows, indices=np.array([0, 1, 2], np.int32), name="out")

    x = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    output = predict(build(reversed_rows, (3, 2), precision="FLOAT32"), {"x": x})["out"]
    np.testing.assert_array_equal(output, [[5, 6], [5, 6], [1, 2]])


def test_an_index_beyond_a_list_is_an_error(build: Build) -> None:
    def beyond(x: Any) -> Any:
        from coremltools.converters.mil import Builder as mb  # noqa: N813

        rows = mb.make_list(init_length=3, elem_shape=(2,), dynamic_length=False)
        index = mb.cast(x=mb.reduce_sum(x=x, axes=[0, 1]), dtype="int32")
        return mb.add(x=mb.list_read(ls=rows, index=index), y=1.0, name="out")

    package = build(beyond, (3, 2), precision="FLOAT32")
    assert predict(package, {"x": np.zeros((3, 2))})["out"].shape == (2,)
    with pytest.raises(TargetError, match="ONNX Runtime could not run"):
        predict(package, {"x": np.full((3, 2), 9.0)})


def test_a_loop_is_one_step_of_the_trace(build: Build) -> None:
    evaluator = Evaluator(open_package(build(halved_until_small, (1, 3), precision="FLOAT32")))
    operators = [each.operator for each in evaluator.trace({"x": VALUES})]
    assert operators == ["while_loop", "while_loop", "add", "add"]

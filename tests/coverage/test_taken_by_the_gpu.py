"""What the GPU accelerator makes of some of the graphs that it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from corpus import cases
from one_op import Op, T, write
from running import run_on_gpu, run_on_plain_kernels
from tools import require_target

from mobilekit_converters.tflite.operator_graph import read_graphs
from mobilekit_delegates.coverage.delegates import delegate_at

CASES = {case.name: case for case in cases()}


@pytest.fixture(autouse=True)
def _gpu() -> None:
    require_target("gpu")


def test_an_open_batch_is_prepared_again_after_it_is_resized(tmp_path: Path) -> None:
    path = CASES["all_dynamic_batch"].write(tmp_path)
    images = np.random.default_rng(0).random((4, 8, 8, 4), np.float32)
    expected = run_on_plain_kernels(path, [images])
    found = run_on_gpu(path, [images], expected, resize=images.shape)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert delegate_at("gpu").estimate(read_graphs(path)[0]).share == 1


@pytest.mark.parametrize(
    ("operator", "kind", "version", "inputs"),
    [("ADD", "AddOptions", 4, 2), ("MUL", "MulOptions", 4, 2), ("ABS", "AbsOptions", 3, 1)],
)
def test_int16_is_taken_without_its_scales_and_the_estimate_warns_of_it(
    operator: str, kind: str, version: int, inputs: int, tmp_path: Path
) -> None:
    scales = ((0.001,), (0.002,), (0.004,))
    tensors = [
        T(shape=(2, 6), dtype="int16", scales=scale) for scale in (*scales[:inputs], scales[2])
    ]
    op = Op(
        name=operator,
        inputs=tuple(range(inputs)),
        outputs=(inputs,),
        options={"kind": kind},
        version=version,
    )
    path = write(tmp_path / "int16.tflite", tensors, [op])
    random = np.random.default_rng(0)
    given = [random.integers(-3000, 3000, (2, 6)).astype(np.int16) for _ in range(inputs)]
    expected = run_on_plain_kernels(path, given)
    found = run_on_gpu(path, given, expected)
    assert np.abs(found.astype(int) - expected.astype(int)).max() > 100

    (answer,) = delegate_at("gpu").estimate(read_graphs(path)[0]).answers
    assert answer.taken
    assert "without the scales" in answer.warnings[0].reason


def test_int8_is_taken_with_its_scales(tmp_path: Path) -> None:
    scales = ((0.1,), (0.2,), (0.4,))
    tensors = [T(shape=(2, 6), dtype="int8", scales=scale) for scale in scales]
    op = Op(name="ADD", inputs=(0, 1), outputs=(2,), options={"kind": "AddOptions"}, version=2)
    path = write(tmp_path / "int8.tflite", tensors, [op])
    random = np.random.default_rng(0)
    given = [random.integers(-100, 100, (2, 6)).astype(np.int8) for _ in range(2)]
    expected = run_on_plain_kernels(path, given)
    found = run_on_gpu(path, given, expected)
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1
    assert delegate_at("gpu").estimate(read_graphs(path)[0]).answers[0].warnings == ()


@pytest.mark.parametrize(
    ("name", "right"),
    [("conv_groups_of_4", True), ("conv_grouped", False), ("conv_grouped_4", False)],
)
def test_groups_are_right_in_fours_and_the_estimate_warns_of_others(
    name: str, right: bool, tmp_path: Path
) -> None:
    path = CASES[name].write(tmp_path)
    (graph,) = read_graphs(path)
    image = np.random.default_rng(0).random(graph.tensors[graph.inputs[0]].shape, np.float32)
    expected = run_on_plain_kernels(path, [image])
    error = np.abs(run_on_gpu(path, [image], expected) - expected).max()
    assert bool(error < 1e-3 * np.abs(expected).max()) is right

    (answer,) = delegate_at("gpu").estimate(graph).answers
    assert answer.taken
    assert bool(answer.warnings) is not right


@pytest.mark.parametrize(
    ("weights", "kernel", "stride", "right"),
    [
        ("int8", 1, 2, False),
        ("int8", 1, 3, False),
        ("int8", 1, 1, True),
        ("int8", 3, 2, True),
        ("float32", 1, 2, True),
    ],
)
def test_a_pixels_kernel_in_integers_is_wrong_where_it_strides_and_the_estimate_warns_of_it(
    weights: str, kernel: int, stride: int, right: bool, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    shape = (8, kernel, kernel, 8)
    side = -(-6 // stride)
    scales = (0.01,) * 8 if weights == "int8" else ()
    tensors = [
        T(shape=(1, 6, 6, 8)),
        T(
            shape=shape,
            dtype=weights,
            values=random.integers(-127, 127, shape).tolist(),
            scales=scales,
            zero_points=(0,) * len(scales),
        ),
        T(shape=(8,), fill=0.0),
        T(shape=(1, side, side, 8)),
    ]
    op = Op(
        name="CONV_2D",
        inputs=(0, 1, 2),
        outputs=(3,),
        options={"kind": "Conv2DOptions", "padding": 0, "strideW": stride, "strideH": stride},
        version=5,
    )
    path = write(tmp_path / "strided.tflite", tensors, [op])
    image = random.random((1, 6, 6, 8), np.float32)
    expected = run_on_plain_kernels(path, [image])
    error = np.abs(run_on_gpu(path, [image], expected) - expected).max()
    assert bool(error < 0.02 * np.abs(expected).max()) is right

    (answer,) = delegate_at("gpu").estimate(read_graphs(path)[0]).answers
    assert answer.taken
    assert bool(answer.warnings) is not right

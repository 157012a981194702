"""Small graphs for the targets that compile them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant

KERNEL = (np.random.default_rng(0).normal(size=(3, 3, 8, 8)) * 0.2).astype("f4")
IMAGE = TensorSpec(name="x", shape=(1, 8, 8, 8), dtype="float32")
FEATURES = TensorSpec(name="y", shape=(1, 8, 8, 8), dtype="float32")

Call = Callable[[dict[str, Any]], dict[str, Any]]


def images(count: int) -> list[dict[str, NDArray[np.generic]]]:
    random = np.random.default_rng(1)
    return [{"x": random.normal(size=IMAGE.shape).astype("f4")} for _ in range(count)]


def convolutions(inputs: dict[str, Any]) -> dict[str, Any]:
    import tensorflow as tf

    first = tf.nn.relu(tf.nn.conv2d(inputs["x"], KERNEL, 1, "SAME"))
    return {"y": tf.nn.conv2d(first, KERNEL, 1, "SAME")}


def channel_shuffle(inputs: dict[str, Any]) -> dict[str, Any]:
    """Two convolutions, and between them a transpose of rank 5, which no GPU takes."""
    import tensorflow as tf

    first = tf.nn.conv2d(inputs["x"], KERNEL, 1, "SAME")
    groups = tf.transpose(tf.reshape(first, (1, 8, 8, 2, 4)), (0, 1, 2, 4, 3))
    return {"y": tf.nn.conv2d(tf.reshape(groups, IMAGE.shape), KERNEL, 1, "SAME")}


def flip(inputs: dict[str, Any]) -> dict[str, Any]:
    """Nothing but moved values."""
    import tensorflow as tf

    return {"y": tf.transpose(inputs["x"], (0, 2, 1, 3))}


def convert_graph(
    call: Call,
    folder: Path,
    precision: str = "fp32",
    *,
    inputs: tuple[TensorSpec, ...] = (IMAGE,),
    outputs: tuple[TensorSpec, ...] = (FEATURES,),
    io: str = "float32",
) -> Artifact:
    """Convert a graph; its folder keeps it for other precisions."""
    if not (folder / "frozen").is_dir():
        freeze(call, Signature(inputs=inputs, outputs=outputs), folder / "frozen")
        np.savez(folder / "data.npz", x=np.concatenate([batch["x"] for batch in images(20)]))
    return convert(
        variant(f"tflite-{precision}"),
        folder / "frozen",
        folder / f"{precision}-{io}.tflite",
        TFLiteOptions(io_dtype=io),
        folder / "data.npz" if precision in ("int8", "int16x8") else None,
    )


def answers(session: Any, batches: list[dict[str, NDArray[np.generic]]]) -> NDArray[np.generic]:
    return np.concatenate([outputs["y"] for outputs in session.run_all(batches)])


def snr_db(found: NDArray[np.generic], expected: NDArray[np.generic]) -> float:
    error = np.square(found.astype("f8") - expected).sum()
    return float(10 * np.log10(np.square(expected.astype("f8")).sum() / error))

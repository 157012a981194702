"""Small graphs as Android modules: one for each thing that an engine has to handle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from real_models import PACKAGE
from targets.litert_graphs import FEATURES, convert_graph, convolutions, flip

from mobilekit.parity.golden import Golden
from mobilekit.project import parse_project
from mobilekit.wrappers.android.describe import describe_android
from mobilekit.wrappers.description import AndroidModule
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.signature import Signature, TensorSpec

SMALL_MODELS = ("Dtypes", "QuantisedInt8", "QuantisedUint8", "Convolutions", "Halves")
DTYPES = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")


def describe_small_models(folder: Path) -> Iterator[AndroidModule]:
    """Convert the graphs and describe a module for each, all of one package.

    Args:
        folder: where the artifacts are written.
    """
    yield _module("Dtypes", [_every_dtype(folder / "dtypes")])
    yield _module("QuantisedInt8", [convert_graph(flip, folder / "flip", "int8", io="int8")])
    yield _module("QuantisedUint8", [convert_graph(flip, folder / "flip", "int8", io="uint8")])
    yield _module("Convolutions", [convert_graph(convolutions, folder / "convolutions")])
    yield _module("Halves", [convert_graph(_convolutions_and_shuffle, folder / "halves")])


def _convolutions_and_shuffle(inputs: dict[str, Any]) -> dict[str, Any]:
    """Two convolutions that a GPU takes, and a transpose of rank 5 that none does."""
    import tensorflow as tf

    features = convolutions(inputs)["y"]
    groups = tf.transpose(tf.reshape(features, (1, 8, 8, 2, 4)), (0, 1, 2, 4, 3))
    return {"y": tf.reshape(groups, FEATURES.shape)}


def _every_dtype(folder: Path) -> Artifact:
    """A graph that only reshapes, an input and an output of each dtype."""

    def call(inputs: dict[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        return {f"{name}_out": tf.reshape(inputs[f"{name}_in"], (1, 6, 1)) for name in DTYPES}

    return convert_graph(
        call,
        folder,
        inputs=tuple(TensorSpec(name=f"{name}_in", shape=(1, 6), dtype=name) for name in DTYPES),
        outputs=tuple(
            TensorSpec(name=f"{name}_out", shape=(1, 6, 1), dtype=name) for name in DTYPES
        ),
    )


def _module(name: str, artifacts: list[Artifact]) -> AndroidModule:
    project = parse_project(
        {
            "model": {"name": name, "source": f"{name}.keras"},
            "android": {"package": PACKAGE, "runtime": "interpreter"},
        },
        folder=artifacts[0].path.parent,
        origin=name,
    )
    signature = artifacts[0].signature
    return describe_android(
        project,
        artifacts=artifacts,
        golden=_zeros(signature),
        source_sha256=hashlib.sha256(name.encode()).hexdigest(),
    )


def _zeros(signature: Signature) -> Golden:
    def arrays(specs: tuple[TensorSpec, ...]) -> dict[str, Any]:
        return {spec.name: np.zeros((4, *spec.shape[1:]), spec.dtype) for spec in specs}

    return Golden(
        inputs=arrays(signature.inputs), outputs=arrays(signature.outputs), origin="zeros"
    )

"""Whole networks, adapted: the real GPU accelerator takes all of them and answers right."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from numpy.typing import NDArray
from tools import require_target

from mobilekit_converters import coreml, tflite
from mobilekit_converters.adaptations.adapt import adapt_frozen
from mobilekit_converters.adaptations.adaptation import AdaptedModel
from mobilekit_converters.adaptations.proof import snr_db
from mobilekit_converters.adaptations.table import adaptations_for
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_converters.variants import variant
from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.targets import target

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network with its adapted form, and its own answers to two images."""

    frozen: Path
    adapted: Path
    outcome: AdaptedModel
    images: list[dict[str, NDArray[np.generic]]]
    expected: NDArray[np.generic]

    @property
    def applied(self) -> dict[str, int]:
        return {item.name: len(item.places) for item in self.outcome.adaptations if item.places}

    def answers(self, artifact: Artifact, place: str) -> NDArray[np.generic]:
        with target(place).open(artifact) as session:
            return np.concatenate([outputs["scores"] for outputs in session.run_all(self.images)])


def prepared(model: Any, folder: Path, delegates: list[str]) -> Network:
    shape = (1, *model.input_shape[1:])
    signature = Signature(
        inputs=(TensorSpec(name="image", shape=shape, dtype="float32"),),
        outputs=(TensorSpec(name="scores", shape=(1, 10), dtype="float32"),),
    )
    freeze(lambda x: {"scores": model(x["image"], training=False)}, signature, folder / "frozen")
    outcome = adapt_frozen(
        folder / "frozen", adaptations_for(delegates, ()), delegates, folder / "adapted"
    )
    generator = np.random.default_rng(1)
    images = [{"image": generator.normal(size=shape).astype("f4")} for _ in range(2)]
    expected = np.concatenate([np.asarray(model(image["image"])) for image in images])
    return Network(
        frozen=folder / "frozen",
        adapted=folder / "adapted",
        outcome=outcome,
        images=images,
        expected=expected,
    )


def lite(frozen: Path, file: Path) -> Artifact:
    return tflite.convert(variant("tflite-fp32"), frozen, file, tflite.TFLiteOptions(), None)


def nodes_on_gpu(file: Path) -> tuple[int, int]:
    (coverage,) = ASKERS["gpu"].ask(file)
    assert coverage.basis == "measured"
    return coverage.nodes_taken, coverage.nodes


CASES = {
    "shufflenet_v2": (
        functools.partial(networks.shufflenet_v2, layers="permute"),
        {"channel_shuffle": 8},
    ),
    "resnext": (networks.resnext, {"padding": 2, "pointwise_strides": 1, "mean_axes": 1}),
    "mobilenet_v3": (networks.mobilenet_v3, {"padding": 4}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_gpu_takes_the_whole_adapted_network(case: str, tmp_path: Path) -> None:
    require_target("gpu")
    build, applied = CASES[case]
    network = prepared(build(), tmp_path, ["gpu"])
    assert network.applied == applied
    assert not any(item.refused for item in network.outcome.adaptations)
    artifact = lite(network.adapted, tmp_path / "adapted.tflite")
    package = coreml.convert(
        variant("coreml-fp16"), network.adapted, tmp_path / "m.mlpackage", coreml.CoreMLOptions()
    )
    taken, nodes = nodes_on_gpu(artifact.path)
    assert taken == nodes == sum(artifact.operators.values())
    assert snr_db(network.answers(artifact, "cpu"), network.expected) > 90
    assert snr_db(network.answers(artifact, "gpu"), network.expected) > 35
    assert snr_db(network.answers(package, "coreml"), network.expected) > 40


def test_without_adaptation_the_gpu_takes_little_of_a_shufflenet(tmp_path: Path) -> None:
    require_target("gpu")
    network = prepared(networks.shufflenet_v2(), tmp_path, [])
    assert network.applied == {}
    taken, nodes = nodes_on_gpu(lite(network.adapted, tmp_path / "plain.tflite").path)
    assert (taken, nodes) == (8, 78)


def test_groups_that_the_gpu_computes_wrongly_come_out_right(tmp_path: Path) -> None:
    """In the plain file it takes every node, and the scores have nothing to do with the model's."""
    require_target("gpu")
    network = prepared(networks.resnext(cardinality=16), tmp_path, ["gpu"])
    assert network.applied["split_groups"] == 1
    plain = lite(network.frozen, tmp_path / "plain.tflite")
    assert nodes_on_gpu(plain.path) == (16, 16)
    assert snr_db(network.answers(plain, "gpu"), network.expected) < 10
    artifact = lite(network.adapted, tmp_path / "adapted.tflite")
    assert snr_db(network.answers(artifact, "gpu"), network.expected) > 35
    assert snr_db(network.answers(artifact, "cpu"), network.expected) > 90


def test_all_delegates_at_once(tmp_path: Path) -> None:
    network = prepared(networks.resnext(), tmp_path, ["gpu", "neural_engine", "nnapi"])
    assert set(network.applied) == {
        "padding",
        "split_groups",
        "pointwise_strides",
        "mean_axes",
        "dense_as_convolution",
    }
    artifact = lite(network.adapted, tmp_path / "adapted.tflite")
    package = coreml.convert(
        variant("coreml-fp32"), network.adapted, tmp_path / "m.mlpackage", coreml.CoreMLOptions()
    )
    assert snr_db(network.answers(artifact, "cpu"), network.expected) > 90
    assert snr_db(network.answers(package, "coreml"), network.expected) > 80

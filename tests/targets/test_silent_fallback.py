from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from litert_graphs import convert_graph, convolutions, flip, images
from numpy.typing import NDArray

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.tflite.flatbuffer import read_model
from mobilekit_delegates.targets import Execution, LocalSession, UnsupportedError
from mobilekit_delegates.targets.litert_compiled import CompiledSession, default_cpu_options
from mobilekit_delegates.targets.silent_fallback import WatchedSession, computed_outputs

if TYPE_CHECKING:
    from mobilekit_delegates.targets.target import Arrays, Outputs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def computing(folder: Path) -> Artifact:
    return convert_graph(convolutions, folder / "convolutions")


@pytest.fixture(scope="module")
def moving(folder: Path) -> Artifact:
    return convert_graph(flip, folder / "flip")


@pytest.fixture(scope="module")
def quantised(folder: Path, computing: Artifact) -> Artifact:  # noqa: ARG001 - it froze the graph
    return convert_graph(convolutions, folder / "convolutions", "int8")


def on_cpu(artifact: Artifact) -> CompiledSession:
    return CompiledSession(artifact, default_cpu_options(), target="stand-in")


@dataclass
class Changed(LocalSession):
    """An accelerator that rounds as it likes."""

    inner: LocalSession
    change: Callable[[NDArray[np.generic]], NDArray[np.generic]]
    closed: bool = False

    def run(self, inputs: Arrays) -> Outputs:
        return {name: self.change(values) for name, values in self.inner.run(inputs).items()}

    def close(self) -> None:
        self.closed = True


def watched(accelerated: LocalSession, artifact: Artifact, *, half: bool = False) -> WatchedSession:
    return WatchedSession(
        accelerated,
        on_cpu(artifact),
        accelerator="the accelerator",
        half=half,
        computed=computed_outputs(read_model(artifact.path), artifact.signature),
        execution=Execution(place="here", notes=("First.",)),
    )


def test_computed_outputs_are_those_that_round(
    computing: Artifact, moving: Artifact, quantised: Artifact
) -> None:
    assert computed_outputs(read_model(computing.path), computing.signature) == ("y",)
    assert computed_outputs(read_model(moving.path), moving.signature) == ()
    assert computed_outputs(read_model(quantised.path), quantised.signature) == ()


def test_an_accelerator_with_the_cpus_answers_did_not_run(computing: Artifact) -> None:
    with watched(on_cpu(computing), computing) as session:
        with pytest.raises(
            UnsupportedError, match=r"All 1,024 values are bit-identical to those of"
        ):
            session.run_all(images(2))
        assert session.run(images(1)[0])["y"].shape == (1, 8, 8, 8)


@pytest.mark.parametrize("graph", ["moving", "quantised"])
def test_where_everybody_answers_alike_a_note_says_so(
    graph: str, request: pytest.FixtureRequest
) -> None:
    artifact = request.getfixturevalue(graph)
    with watched(on_cpu(artifact), artifact) as session:
        assert len(session.run_all(images(2))) == 2
    first, second = session.execution.notes
    assert first == "First."
    assert "do not show that the accelerator computed them" in second
    assert session.execution.place == "here"


def test_other_answers_are_passed_on_without_a_note(computing: Artifact) -> None:
    rounded = Changed(on_cpu(computing), lambda values: values.astype("f2").astype("f4"))
    with watched(rounded, computing, half=True) as session:
        (answer,) = session.run_all(images(1))
    np.testing.assert_array_equal(answer["y"], answer["y"].astype("f2"))
    assert session.execution.notes == ("First.",)
    assert rounded.closed


def test_16_bit_floats_that_do_not_show_were_not_exercised(computing: Artifact) -> None:
    exact = Changed(on_cpu(computing), lambda values: np.nextafter(values, np.float32(9)))
    with watched(exact, computing, half=True) as session:
        session.run_all(images(1))
    assert "16-bit floats was not exercised" in session.execution.notes[1]


def test_answers_that_are_no_numbers_are_no_evidence(computing: Artifact) -> None:
    broken = Changed(on_cpu(computing), lambda values: np.full_like(values, np.nan))
    with watched(broken, computing, half=True) as session:
        session.run_all(images(1))
    assert session.execution.notes == ("First.",)


def test_few_values_may_agree_by_chance(computing: Artifact) -> None:
    class FirstValue(LocalSession):
        def run(self, inputs: Arrays) -> Outputs:
            return {"y": np.asarray(on_cpu(computing).run(inputs)["y"]).ravel()[:1]}

    session = WatchedSession(
        FirstValue(),
        FirstValue(),
        accelerator="the accelerator",
        half=False,
        computed=("y",),
        execution=Execution(),
    )
    session.run_all(images(2))
    assert "or are few" in session.execution.notes[0]


def test_no_batches_give_no_answers(computing: Artifact) -> None:
    with watched(on_cpu(computing), computing) as session:
        assert session.run_all([]) == []

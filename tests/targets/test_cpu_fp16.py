from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from litert_graphs import answers, convert_graph, convolutions, images, snr_db

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError
from mobilekit_delegates.targets import target

CPU_FP16 = target("cpu-fp16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("convolutions")


@pytest.fixture(scope="module")
def artifact(folder: Path) -> Artifact:
    return convert_graph(convolutions, folder)


def test_it_is_here_and_says_what_it_is() -> None:
    assert CPU_FP16.missing() is None
    assert CPU_FP16.version().startswith("ai-edge-litert ")
    assert CPU_FP16.info.formats == ("tflite",)
    assert CPU_FP16.info.emulated


def test_rounding_to_16_bits_shows(artifact: Artifact) -> None:
    with target("cpu").open(artifact) as session:
        expected = answers(session, images(4))
    with CPU_FP16.open(artifact) as session:
        found = answers(session, images(4))
        again = answers(session, images(4)[::-1])[::-1]
    assert 45 < snr_db(found, expected) < 80
    assert session.execution.notes == ()
    np.testing.assert_array_equal(found, again)


def test_int16_arithmetic_shows_nothing_of_16_bit_floats(artifact: Artifact, folder: Path) -> None:
    assert artifact.path.is_file()
    with CPU_FP16.open(convert_graph(convolutions, folder, "int16x8")) as session:
        answers(session, images(2))
    (note,) = session.execution.notes
    assert note.startswith("The answers are bit-identical to those of the CPU's default kernels")


def test_integer_inputs_are_quantised_and_outputs_are_real(
    artifact: Artifact, folder: Path
) -> None:
    with target("cpu").open(artifact) as session:
        expected = answers(session, images(4))
    with CPU_FP16.open(convert_graph(convolutions, folder, "int8", io="int8")) as session:
        found = answers(session, images(4))
    assert found.dtype == np.float32
    assert snr_db(found, expected) > 25


def test_inputs_that_do_not_fit_are_refused(artifact: Artifact) -> None:
    with CPU_FP16.open(artifact) as session:
        with pytest.raises(DataError, match=r"inputs are \['x'\], not \['z'\]"):
            session.run({"z": images(1)[0]["x"]})
        with pytest.raises(DataError, match="'x' is float32, not int32"):
            session.run({"x": np.zeros((1, 8, 8, 8), "i4")})

"""The oldest runtime, tflite-runtime 2.14, in its environment."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from dense_layer import freeze_dense_layer
from tools import require_target

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import TargetError, ToolMissingError
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant
from mobilekit_delegates.installing import floor_environment
from mobilekit_delegates.installing.floor_environment import environment, python_of
from mobilekit_delegates.targets import TARGETS

FLOOR = TARGETS["tflite-floor"]
BATCHES = [{"x": x} for x in np.random.default_rng(0).uniform(-1, 1, (3, 1, 4)).astype("f4")]


@pytest.fixture(scope="module")
def dynamic_dense(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A dense layer that is large enough for its weights to be quantised."""
    folder = freeze_dense_layer(tmp_path_factory.mktemp("dense"), 64)
    path = folder / "dynamic.tflite"
    return convert(variant("tflite-dynamic"), folder, path, TFLiteOptions(), None)


def test_it_answers_as_the_newest_does(scale_fp32: Artifact, scale_int8: Artifact) -> None:
    require_target("tflite-floor")
    for artifact, tolerance in ((scale_fp32, 1e-6), (scale_int8, 0.05)):
        with FLOOR.open(artifact) as old, TARGETS["cpu"].open(artifact) as new:
            for output, expected in zip(old.run_all(BATCHES), new.run_all(BATCHES), strict=True):
                np.testing.assert_allclose(output["y"], expected["y"], atol=tolerance)
        assert old.execution.place == "tflite-runtime 2.14.0" == FLOOR.version()


def test_an_operator_that_is_too_new_is_named_with_its_version(dynamic_dense: Artifact) -> None:
    require_target("tflite-floor")
    with (
        FLOOR.open(dynamic_dense) as session,
        pytest.raises(
            TargetError,
            match=r"\(tflite-runtime 2\.14\.0\) does not load dynamic\.tflite: it is too old for "
            r"FULLY_CONNECTED version \d+\.",
        ),
    ):
        session.run({"x": np.zeros((1, 64), "f4")})


def test_an_operator_that_it_never_heard_of_is_named(tmp_path: Path, scale_fp32: Artifact) -> None:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    require_target("tflite-floor")
    model = schema.ModelT.InitFromPackedBuf(scale_fp32.path.read_bytes())
    model.operatorCodes[0].deprecatedBuiltinCode = 127  # the largest that a byte can hold
    model.operatorCodes[0].builtinCode = schema.BuiltinOperator.STABLEHLO_CBRT
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    newer = tmp_path / "newer.tflite"
    newer.write_bytes(builder.Output())
    with (
        FLOOR.open(replace(scale_fp32, path=newer)) as session,
        pytest.raises(TargetError, match=r"newer\.tflite: it is too old for STABLEHLO_CBRT\."),
    ):
        session.run(BATCHES[0])


def test_a_truncated_artifact_is_refused(tmp_path: Path, scale_fp32: Artifact) -> None:
    require_target("tflite-floor")
    short = tmp_path / "short.tflite"
    short.write_bytes(scale_fp32.path.read_bytes()[:200])
    with (
        FLOOR.open(replace(scale_fp32, path=short)) as session,
        pytest.raises(TargetError, match=r"does not load short\.tflite"),
    ):
        session.run(BATCHES[0])


def test_without_its_environment_it_says_what_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert str(FLOOR.missing()) == (
        "tflite-runtime 2.14.0 is not installed. Get it: mobilekit doctor --install tflite-floor"
    )
    # The Python that an environment was made from can be gone.
    python_of(environment()).parent.mkdir(parents=True)
    python_of(environment()).symlink_to(tmp_path / "gone")
    assert FLOOR.missing() is not None


def test_on_another_system_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    missing = FLOOR.missing()
    assert missing is not None
    assert missing.reason == "tflite-runtime 2.14.0 was never built for this system."
    assert missing.command == ""


def test_without_a_python_that_suits_it_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(floor_environment, "PYTHONS", ("2.7",))
    with pytest.raises(ToolMissingError, match=r"needs a Python of 2\.7.*uv python install"):
        floor_environment.install_environment()
    assert [item.name for item in environment().parent.iterdir()] == ["lock"]


def test_a_python_that_does_not_start_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python3.11").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3.11").chmod(0o755)
    (tmp_path / "python3.10").write_text("#!/bin/sh\necho 3.10\n")
    (tmp_path / "python3.10").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert floor_environment.find_python() == (str(tmp_path / "python3.10"), "3.10")

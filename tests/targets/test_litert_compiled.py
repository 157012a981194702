from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from litert_graphs import convert_graph, convolutions, images

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import TargetError
from mobilekit_delegates.targets import UnsupportedError
from mobilekit_delegates.targets.litert_compiled import (
    CompiledSession,
    captured_stderr,
    default_cpu_options,
)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return convert_graph(convolutions, tmp_path_factory.mktemp("graphs"))


def test_what_native_code_says_is_kept_and_still_said(capfd: pytest.CaptureFixture[str]) -> None:
    kept: list[str] = []
    os.write(2, b"before\n")
    with captured_stderr(kept.append):
        os.write(2, b"meanwhile \xff\n")
    os.write(2, b"after\n")
    assert kept == ["meanwhile \N{REPLACEMENT CHARACTER}\n"]
    lines = capfd.readouterr().err.splitlines()
    assert (lines[0], lines[2]) == ("before", "after")
    assert lines[1].startswith("meanwhile ")


def test_what_was_said_is_kept_when_native_code_fails(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with captured_stderr(kept.append):
            os.write(2, b"why\n")
            raise RuntimeError

    kept: list[str] = []
    with pytest.raises(RuntimeError):
        fail()
    assert kept == ["why\n"]
    assert capfd.readouterr().err == "why\n"


def with_variable(artifact: Artifact, path: Path) -> Artifact:
    """Mark a tensor inside the graph as one that keeps its value, as recurrent layers have them."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(artifact.path.read_bytes(), 0)
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[0].outputs[0]].isVariable = True
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return replace(artifact, path=path)


def test_state_that_litert_cannot_keep_is_not_the_artifacts_fault(
    artifact: Artifact, tmp_path: Path
) -> None:
    stateful = with_variable(artifact, tmp_path / "state.tflite")
    with pytest.raises(UnsupportedError, match=r"state\.tflite: it keeps state in variable"):
        CompiledSession(stateful, default_cpu_options(), target="here")


def test_a_device_that_is_busy_is_asked_again_with_new_buffers(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = images(1)[0]
    with CompiledSession(artifact, default_cpu_options(), target="here") as session:
        expected = session.run(batch)["y"]
        run, buffers, failures = session._run, session._outputs["y"], [2]

        def busy(stored: Any) -> Any:
            if failures[0]:
                failures[0] -= 1
                raise RuntimeError("code=7\n└ Failed to lock custom tensor buffer.")
            return run(stored)

        monkeypatch.setattr(session, "_run", busy)
        np.testing.assert_array_equal(session.run(batch)["y"], expected)
        assert session._outputs["y"] is not buffers
        failures[0] = 99
        with pytest.raises(TargetError, match=r"here could not run .*did not answer in time"):
            session.run(batch)


def test_litert_s_words_come_without_where_in_its_sources_it_was(
    artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(stored: Any) -> Any:
        raise RuntimeError(f"{stored and ''}code=3, message=ERROR: [./a/b.h:69]\n└ No room.")

    with CompiledSession(artifact, default_cpu_options(), target="here") as session:
        monkeypatch.setattr(session, "_run", fail)
        with pytest.raises(TargetError) as caught:
            session.run(images(1)[0])
    assert str(caught.value) == "here could not run fp32-float32.tflite: code=3; No room."

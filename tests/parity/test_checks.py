from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit.parity.budgets import Budget
from mobilekit.parity.checks import CheckRequest, compare, run_check, targets_for
from mobilekit.parity.golden import Golden, write_golden
from mobilekit.results import Check
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, ProjectError
from mobilekit_converters.signature import Quantisation, Signature, TensorSpec

SIGNATURE = Signature(
    inputs=(TensorSpec(name="x", shape=(1, 4), dtype="float32"),),
    outputs=(
        TensorSpec(name="scores", shape=(1, 4), dtype="float32"),
        TensorSpec(name="box", shape=(1, 2), dtype="float32"),
    ),
)
BUDGET = Budget(bounds={"snr_db": 20, "agreement": 0.9, "accuracy_drop": 0.1})
CHECK = Check(target="cpu", status="not_run")


def _artifact(**changes: Any) -> Artifact:
    artifact = Artifact(
        variant="tflite-int8",
        path=Path("m.tflite"),
        sha256="",
        file_bytes=0,
        signature=SIGNATURE,
    )
    return replace(artifact, **changes)


@pytest.fixture
def golden() -> Golden:
    random = np.random.default_rng(0)
    classes = np.arange(40) % 4
    return Golden(
        inputs={"x": random.normal(size=(40, 4)).astype("f4")},
        outputs={
            "scores": np.eye(4, dtype="f4")[classes],
            "box": random.normal(size=(40, 2)).astype("f4"),
        },
        labels=classes,
        tasks={"scores": "classification", "box": "tensor"},
        origin="A test.",
    )


def _compare(golden: Golden, budget: Budget = BUDGET, **outputs: Any) -> Check:
    return compare(CHECK, _artifact(), {**golden.outputs, **outputs}, golden, budget)


def test_the_sources_own_outputs_pass(golden: Golden) -> None:
    check = _compare(golden)
    assert check.status == "pass"
    assert check.reason == ""
    assert check.metrics["agreement"] == check.metrics["accuracy"] == 1
    assert check.metrics["snr_db"] == 200
    assert set(check.outputs) == set(check.errors) == {"scores", "box"}
    assert "agreement" not in check.outputs["box"]
    assert check.budget == BUDGET.bounds


def test_the_worst_output_decides(golden: Golden) -> None:
    check = _compare(golden, box=golden.outputs["box"] * 1.5)
    assert check.status == "fail"
    assert check.metrics["snr_db"] == pytest.approx(6.02, abs=0.01)
    assert check.metrics["snr_db"] == check.outputs["box"]["snr_db"]
    assert check.reason == "Out of budget: snr_db 6.021 is below 20."


def test_wrong_classes_fail_although_the_numbers_are_near(golden: Golden) -> None:
    scores = np.full((40, 4), 0.5, "f4") + 1e-3 * np.roll(golden.outputs["scores"], 1, axis=1)
    golden = replace(
        golden, outputs={**golden.outputs, "scores": 0.5 + 1e-3 * golden.outputs["scores"]}
    )
    check = _compare(golden, scores=scores)
    assert check.outputs["scores"]["snr_db"] > 40
    assert check.status == "fail"
    assert "agreement 0 (at best 0.08" in check.reason
    assert "accuracy_drop 1 (at best 1" in check.reason


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_inf_are_incomparable_and_the_output_is_named(golden: Golden, bad: float) -> None:
    from mobilekit.parity.metrics import IncomparableError

    box = golden.outputs["box"].copy()
    box[3, 1] = bad
    with pytest.raises(IncomparableError, match="'box' cannot be compared: it has 1 values of 80"):
        _compare(golden, box=box)


def test_bounds_that_do_not_apply_are_left_out(golden: Golden) -> None:
    plain = replace(golden, labels=None, tasks={"scores": "embedding", "box": "tensor"})
    check = _compare(plain)
    assert check.status == "pass"
    assert check.budget == {"snr_db": 20}
    assert "agreement" not in check.metrics


def test_bounds_that_were_asked_for_always_apply(golden: Golden) -> None:
    plain = replace(golden, labels=None)
    check = _compare(plain, Budget(bounds={"accuracy": 0.9}, asked=("accuracy",)))
    assert check.status == "fail"
    assert "accuracy has a budget and could not be computed" in check.reason
    assert check.budget == {"accuracy": 0.9}


def test_nothing_passes_for_want_of_a_bound(golden: Golden) -> None:
    check = _compare(golden, Budget(bounds={}))
    assert check.status == "not_run"
    assert check.reason == (
        "It ran, and no bound applies to what it gave. Give one, such as snr_db, in "
        "[budgets.tflite-int8]."
    )
    assert check.metrics["snr_db"] == 200
    plain = replace(golden, labels=None, tasks={"scores": "tensor", "box": "tensor"})
    assert _compare(plain, Budget(bounds={"agreement": 0.9})).status == "not_run"


def test_labels_belong_to_the_one_classification(golden: Golden) -> None:
    two = replace(golden, tasks={"scores": "classification", "box": "classification"})
    assert "accuracy" not in _compare(two).metrics


def test_a_quantised_source_is_compared_in_real_units() -> None:
    scale = Quantisation(scales=(0.5,), zero_points=(10,))
    signature = Signature(
        inputs=SIGNATURE.inputs,
        outputs=(TensorSpec(name="y", shape=(1, 1), dtype="int8", quantisation=scale),),
    )
    golden = Golden(
        inputs={"x": np.zeros((32, 4), "f4")},
        outputs={"y": np.full((32, 1), 12, "i1")},
        origin="A test.",
    )
    outputs = {"y": np.full((32, 1), 1.0, "f4")}
    check = compare(CHECK, _artifact(signature=signature), outputs, golden, BUDGET)
    assert check.metrics["max_abs"] == 0


def test_every_artifact_gets_a_check() -> None:
    every = ("cpu", "cpu-reference", "coreml")
    assert targets_for("tflite", every) == ("cpu", "cpu-reference")
    assert targets_for("coreml", every) == ("coreml",)
    assert targets_for("tflite", ("coreml",)) == ("cpu",)
    assert targets_for("coreml", ("cpu", "cpu")) == ("coreml",)
    assert targets_for("tflite", ("cpu-reference", "cpu-reference")) == ("cpu-reference",)


def test_an_unknown_target_is_an_error() -> None:
    request = CheckRequest(
        artifact=_artifact(), target="gpuu", golden=Path("nowhere"), budget=BUDGET
    )
    with pytest.raises(ProjectError, match="no target 'gpuu'"):
        run_check(request)


def test_another_models_golden_is_an_error(golden: Golden, tmp_path: Path) -> None:
    write_golden(tmp_path, replace(golden, inputs={"other": golden.inputs["x"]}))
    request = CheckRequest(artifact=_artifact(), target="cpu", golden=tmp_path, budget=BUDGET)
    with pytest.raises(DataError, match=r"another model's: it has the inputs other, and m.tflite"):
        run_check(request)


def test_a_file_that_the_target_refuses_fails_the_check(golden: Golden, tmp_path: Path) -> None:
    golden.save(tmp_path / "golden.npz")
    (tmp_path / "m.tflite").write_bytes(b"\0\0\0\0NOPE" + b"\0" * 64)
    request = CheckRequest(
        artifact=_artifact(path=tmp_path / "m.tflite"),
        target="cpu",
        golden=tmp_path / "golden.npz",
        budget=BUDGET,
    )
    check = run_check(request)
    assert check.status == "fail"
    assert check.reason.startswith("cpu could not load m.tflite")
    assert check.metrics == {}


def test_where_litert_is_missing_nothing_passes(
    golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    golden.save(tmp_path / "golden.npz")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # noqa: ARG005
    request = CheckRequest(
        artifact=_artifact(), target="cpu", golden=tmp_path / "golden.npz", budget=BUDGET
    )
    check = run_check(request)
    assert check.status == "not_run"
    assert "pip install ai-edge-litert" in check.reason

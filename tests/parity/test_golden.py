from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilekit.parity.batches import one_by_one, predict_samples
from mobilekit.parity.golden import (
    Golden,
    GoldenRequest,
    OutputFacts,
    load,
    make,
    read_golden,
    spread_rows,
    write_golden,
)
from mobilekit.parity.inputs import InputFacts
from mobilekit_converters.errors import DataError, ProjectError, SourceError
from mobilekit_converters.signature import Signature, TensorSpec


class Doubler:
    """A model of two inputs with odd names: twice the one, and whether the other is positive."""

    def __init__(self, batch: int = 1, answer: Callable[[Any], Any] = lambda x: 2 * x) -> None:
        self.answer = answer
        self.calls = 0
        self.signature = Signature(
            inputs=(
                TensorSpec(name="in/put 0", shape=(batch, 3), dtype="float32"),
                TensorSpec(name="größe", shape=(batch,), dtype="int32"),
            ),
            outputs=(
                TensorSpec(name="twice", shape=(batch, 3), dtype="float32"),
                TensorSpec(name="positive", shape=(batch,), dtype="bool"),
            ),
        )

    def predict(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self.calls += 1
        for spec in self.signature.inputs:
            assert inputs[spec.name].shape == spec.shape
            assert inputs[spec.name].dtype == spec.dtype
        return {"twice": self.answer(inputs["in/put 0"]), "positive": inputs["größe"] > 0}


CLASSES = {"twice": OutputFacts(kind="classification")}


def _data(path: Path, samples: int, labels: bool = True) -> Path:
    arrays = {
        "in/put 0": np.arange(samples * 3, dtype="f4").reshape(samples, 3),
        "größe": np.arange(samples, dtype="i4"),
        **({"labels": np.arange(samples) % 3} if labels else {}),
    }
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def test_without_data_inputs_are_generated_and_it_says_so() -> None:
    facts = {"in/put 0": InputFacts(low=0.0, high=9.0)}
    golden, said = make(Doubler(), GoldenRequest(inputs=facts, seed=3))
    assert len(golden) == said.samples == 32
    assert said.stored == 32
    assert not said.labelled
    assert "generated from seed 3" in said.origin
    assert "no evaluation data" in said.origin
    np.testing.assert_array_equal(golden.outputs["twice"], 2 * golden.inputs["in/put 0"])
    assert golden.inputs["in/put 0"].max() > 5
    again, _ = make(Doubler(), GoldenRequest(inputs=facts, seed=3))
    np.testing.assert_array_equal(golden.inputs["größe"], again.inputs["größe"])


def test_evaluation_data_is_spread_evenly(tmp_path: Path) -> None:
    data = _data(tmp_path / "e.npz", 100, labels=False)
    golden, said = make(Doubler(), GoldenRequest(evaluation=data))
    assert len(golden) == 32
    assert golden.inputs["größe"][:3].tolist() == [0, 3, 6]
    assert golden.inputs["größe"][-1] == 96
    assert said.origin == "32 of the 100 samples of e.npz, spread evenly."


def test_all_labelled_samples_count_up_to_a_cap(tmp_path: Path) -> None:
    golden, said = make(
        Doubler(), GoldenRequest(evaluation=_data(tmp_path / "a.npz", 100), outputs=CLASSES)
    )
    assert said == replace(said, samples=100, labelled=True, origin="All 100 samples of a.npz.")
    assert golden.labels is not None
    assert golden.labels[:4].tolist() == [0, 1, 2, 0]
    golden, _ = make(
        Doubler(), GoldenRequest(evaluation=_data(tmp_path / "b.npz", 1000), outputs=CLASSES)
    )
    assert len(golden) == 256


def test_labels_are_held_against_the_classes(tmp_path: Path) -> None:
    data = _data(tmp_path / "e.npz", 40)
    arrays = dict(np.load(data))
    arrays["labels"] = arrays["labels"] + 1
    np.savez(data, **arrays)
    with pytest.raises(DataError, match="classes 1 to 3, and the model has 0 to 2"):
        make(Doubler(), GoldenRequest(evaluation=data, outputs=CLASSES))


def test_too_few_samples_are_refused(tmp_path: Path) -> None:
    data = _data(tmp_path / "e.npz", 31)
    with pytest.raises(DataError, match="31 samples, and checks need 32"):
        make(Doubler(), GoldenRequest(evaluation=data))


def test_names_that_the_model_lacks_are_refused() -> None:
    with pytest.raises(ProjectError, match=r"model\.inputs\.grösse\].*Did you mean 'größe'"):
        make(Doubler(), GoldenRequest(inputs={"grösse": InputFacts()}))
    with pytest.raises(ProjectError, match=r"model\.outputs\.twise\].*Did you mean 'twice'"):
        make(Doubler(), GoldenRequest(outputs={"twise": OutputFacts()}))


def test_a_source_that_answers_nan_is_refused() -> None:
    with pytest.raises(SourceError, match="source itself gives NaN or Inf in output 'twice'"):
        make(Doubler(answer=lambda x: x * np.float32("nan")), GoldenRequest())


@pytest.mark.parametrize("batch", [1, 4, 5])
def test_samples_run_in_batches(batch: int) -> None:
    model = Doubler(batch)
    inputs = {
        "in/put 0": np.arange(39, dtype="f4").reshape(13, 3),
        "größe": np.arange(13, dtype="i4") - 6,
    }
    outputs = predict_samples(one_by_one(model.predict), model.signature, inputs)
    np.testing.assert_array_equal(outputs["twice"], 2 * inputs["in/put 0"])
    np.testing.assert_array_equal(outputs["positive"], inputs["größe"] > 0)
    assert model.calls == -(-13 // batch)


def test_an_output_of_another_shape_or_name_is_an_error() -> None:
    model = Doubler(answer=lambda x: x[:, :2])
    inputs = {"in/put 0": np.zeros((2, 3), "f4"), "größe": np.zeros(2, "i4")}
    with pytest.raises(DataError, match=r"'twice' came out as \(1, 2\), not \(1, 3\)"):
        predict_samples(one_by_one(model.predict), model.signature, inputs)
    with pytest.raises(DataError, match="gave no output 'twice'"):
        predict_samples(one_by_one(lambda _: {}), model.signature, inputs)
    empty = {name: array[:0] for name, array in inputs.items()}
    with pytest.raises(DataError, match="no samples"):
        predict_samples(one_by_one(model.predict), model.signature, empty)


def test_outputs_without_a_batch_are_kept_per_call() -> None:
    signature = Signature(
        inputs=(TensorSpec(name="x", shape=(1, 2), dtype="float32"),),
        outputs=(TensorSpec(name="y", shape=(), dtype="float32"),),
    )
    inputs = {"x": np.arange(6, dtype="f4").reshape(3, 2)}
    outputs = predict_samples(one_by_one(lambda i: {"y": i["x"].sum()}), signature, inputs)
    assert outputs["y"].tolist() == [1, 5, 9]
    wide = Signature(
        inputs=(TensorSpec(name="x", shape=(3, 2), dtype="float32"),), outputs=signature.outputs
    )
    with pytest.raises(DataError, match="cannot be split into 3 samples"):
        predict_samples(one_by_one(lambda i: {"y": i["x"].sum()}), wide, inputs)


@pytest.mark.parametrize(("available", "wanted"), [(10, 3), (3, 10), (7, 7), (1000, 999)])
def test_rows_are_spread_without_doubles(available: int, wanted: int) -> None:
    rows = spread_rows(available, wanted)
    assert len(set(rows.tolist())) == min(available, wanted)
    assert rows[0] == 0
    assert rows[-1] < available


@pytest.fixture
def golden(tmp_path: Path) -> Golden:
    request = GoldenRequest(evaluation=_data(tmp_path / "e.npz", 40), outputs=CLASSES)
    return make(Doubler(), request)[0]


def _same(one: Golden, other: Golden) -> None:
    for kind in ("inputs", "outputs"):
        first, second = getattr(one, kind), getattr(other, kind)
        assert list(first) == list(second)
        for name, array in first.items():
            assert array.dtype == second[name].dtype
            np.testing.assert_array_equal(array, second[name])
    np.testing.assert_array_equal(one.labels, other.labels)  # type: ignore[arg-type]
    assert (one.tasks, one.origin) == (other.tasks, other.origin)


def test_all_of_it_goes_to_another_process(golden: Golden, tmp_path: Path) -> None:
    golden.save(tmp_path / "golden.npz")
    _same(golden, load(tmp_path / "golden.npz"))


def test_a_few_samples_go_into_a_release(golden: Golden, tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    write_golden(folder, golden)
    _same(golden.spread(32), read_golden(folder))
    assert sorted(p.name for p in folder.iterdir()) == [
        "golden.json",
        "input-0.bin",
        "input-1.bin",
        "labels.bin",
        "output-0.bin",
        "output-1.bin",
    ]


def test_large_samples_are_few_in_a_release(tmp_path: Path) -> None:
    """A mebibyte in all, and four samples at least."""
    for values, samples in ((30_000, 8), (300_000, 4)):
        large = np.zeros((40, values), np.float32)
        golden = Golden(inputs={"x": large}, outputs={"y": large[:, :1]}, origin="A test.")
        write_golden(tmp_path / str(values), golden)
        assert len(read_golden(tmp_path / str(values))) == samples


def test_a_release_is_read_without_a_library(golden: Golden, tmp_path: Path) -> None:
    import struct

    write_golden(tmp_path, golden, 2)
    document = json.loads((tmp_path / "golden.json").read_text(encoding="utf-8"))
    assert document["samples"] == 2
    entry = document["outputs"][0]
    assert entry == {
        "name": "twice",
        "file": "output-0.bin",
        "dtype": "float32",
        "shape": [2, 3],
        "kind": "classification",
    }
    values = struct.unpack("<6f", (tmp_path / entry["file"]).read_bytes())
    assert list(values) == golden.spread(2).outputs["twice"].ravel().tolist()


def test_the_same_golden_gives_the_same_bytes(golden: Golden, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_golden(tmp_path / name, golden)
        golden.save(tmp_path / f"{name}.npz")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def _edit(folder: Path, change: Callable[[Any], object]) -> None:
    path = folder / "golden.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "golden.json").unlink(), "No such file"),
        (lambda f: (f / "golden.json").write_text("{"), "no whole golden"),
        (lambda f: (f / "golden.json").write_text("[]"), "no whole golden"),
        (lambda f: (f / "input-0.bin").unlink(), r"input-0\.bin"),
        (lambda f: (f / "input-0.bin").write_bytes(b"\0" * 47), "has 47 bytes"),
        (lambda f: (f / "output-0.bin").write_bytes(b"\xff" * 384), "NaN or Inf"),
        (lambda f: _edit(f, lambda d: d.update(schema="other/2")), "its schema is 'other/2'"),
        (lambda f: _edit(f, lambda d: d.update(samples=5)), "not 5 samples"),
        (lambda f: _edit(f, lambda d: d.pop("outputs")), "'outputs'"),
        (lambda f: _edit(f, lambda d: d.update(inputs=[])), "no samples"),
        (lambda f: _edit(f, lambda d: d["inputs"][0].update(file="../e.npz")), "lies outside"),
        (lambda f: _edit(f, lambda d: d["inputs"][0].update(dtype="O")), "is described as 'O'"),
        (lambda f: _edit(f, lambda d: d["inputs"][0].update(shape=[4, -3])), "is described as"),
    ],
)
def test_a_golden_that_was_tampered_with_is_refused(
    golden: Golden, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    folder = tmp_path / "golden"
    write_golden(folder, golden)
    damage(folder)
    with pytest.raises(DataError, match=message):
        read_golden(folder)

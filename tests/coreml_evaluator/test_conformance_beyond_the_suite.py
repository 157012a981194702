"""What coremltools' own tests leave out: classifiers, and what must be refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs import Build, edit, operations

from mobilekit_converters.errors import TargetError, UnsupportedError
from mobilekit_delegates.coreml.evaluator import predict


@pytest.fixture(scope="module")
def mb() -> Any:
    from coremltools.converters.mil import Builder

    return Builder


def test_a_classifier_gives_its_label_and_its_probabilities(tmp_path: Path, mb: Any) -> None:
    import coremltools as ct

    program = mb.program(input_specs=[mb.TensorSpec(shape=(1, 3))])(
        lambda x: mb.softmax(x=x, axis=-1)
    )
    model = ct.convert(
        program,
        convert_to="mlprogram",
        classifier_config=ct.ClassifierConfig(["ant", "bee", "cat"]),
        skip_model_load=True,
    )
    model.save(str(tmp_path / "classifier.mlpackage"))

    answer = predict(tmp_path / "classifier.mlpackage", {"x": np.array([[0.0, 2, 1]])})

    assert answer["classLabel"] == "bee"
    np.testing.assert_allclose(answer["classLabel_probs"], [0.09, 0.665, 0.245], atol=1e-3)


@pytest.mark.parametrize(("minimum", "index", "works"), [
    ("iOS16", 1, True), ("iOS16", -1, True), ("iOS17", 1, True), ("iOS17", -1, False),
])  # fmt: skip
def test_indices_from_the_end_fail_where_core_ml_leaves_them_undefined(
    build: Build, mb: Any, minimum: str, index: int, works: bool
) -> None:
    package = build(
        lambda x, place: mb.scatter(
            data=x,
            indices=mb.cast(x=place, dtype="int32"),
            updates=np.array([1], np.float32),
            axis=0,
            mode="update",
        ),
        (3,),
        (1,),
        minimum=minimum,
    )
    inputs = {"x": np.array([5.0, 6, 7]), "place": np.array([index])}
    if works:
        (answer,) = predict(package, inputs).values()
        assert answer[index] == 1
        assert answer.sum() == 18 - [5, 6, 7][index] + 1
    else:
        with pytest.raises(TargetError, match="could not run"):
            predict(package, inputs)


def test_random_numbers_are_refused_by_name(build: Build, mb: Any) -> None:
    package = build(lambda x: mb.add(x=x, y=mb.random_normal(shape=np.array([2], np.int32))), (2,))
    with pytest.raises(UnsupportedError, match="random_normal"):
        predict(package, {"x": np.zeros(2)})


@pytest.mark.parametrize(
    ("text", "other", "message"),
    [
        ("tanh", "softsign", "the activation 'softsign' of the operator rnn"),
        ("forward", "sideways", "the direction 'sideways' of the operator rnn"),
    ],
)
def test_an_unknown_option_of_a_recurrent_layer_is_refused(
    build: Build, mb: Any, text: str, other: str, message: str
) -> None:
    package = build(
        lambda x: mb.rnn(
            x=x,
            initial_h=np.zeros((1, 2), np.float32),
            weight_ih=np.eye(2, dtype=np.float32),
            weight_hh=np.eye(2, dtype=np.float32),
        )[0],
        (4, 1, 2),
        precision="FLOAT32",
    )

    def change(spec: Any) -> None:
        for constant in operations(spec, "const"):
            strings = constant.attributes["val"].immediateValue.tensor.strings
            if list(strings.values) == [text]:
                strings.values[:] = [other]

    edit(package, change)

    with pytest.raises(UnsupportedError, match=message):
        predict(package, {"x": np.ones((4, 1, 2))})

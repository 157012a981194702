"""Swift names for any name of a tensor, and names that no model may have."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilekit.wrappers.ios.names import (
    KEYWORDS,
    TAKEN,
    argument_names,
    model_name_clash,
    require_model_name,
)
from mobilekit.wrappers.ios.templates import reserved_words, suffixes
from mobilekit_converters.errors import ProjectError

NAMES = st.lists(
    st.text() | st.sampled_from(["", "x", "X", "x:0", *sorted(KEYWORDS), *sorted(TAKEN)]),
    max_size=8,
    unique=True,
)


@given(NAMES, NAMES)
def test_any_names_become_names_that_differ(inputs: list[str], outputs: list[str]) -> None:
    given_inputs, given_outputs = argument_names(inputs, outputs)
    names = [*given_inputs, *given_outputs]
    assert len(names) == len(inputs) + len(outputs)
    assert len({name.lower() for name in names}) == len(names)
    for name in names:
        assert re.fullmatch(r"[a-z][A-Za-z0-9]*", name)
        assert name.lower() not in {word.lower() for word in KEYWORDS | TAKEN}


def test_names_read_well() -> None:
    inputs, outputs = argument_names(["serving/Input-1:0", "func", "3d"], ["func", "labels"])
    assert inputs == ("servingInput1", "funcInput", "input3d")
    assert outputs == ("funcOutput", "labelsOutput")


@pytest.mark.parametrize(
    "name",
    [
        *("ComputeUnit", "computeunit", "Classification", "Mask", "ModelError", "ModelRunner"),
        *("Swift", "Foundation", "CoreML", "UIKit", "String", "Float", "Int32", "Result", "Bundle"),
        *("Engine", "Turns", "Golden", "Data", "URL", "actor", "Sendable", "Error", "Model"),
    ],
)
def test_models_are_not_called_like_what_the_code_uses(name: str) -> None:
    with pytest.raises(ProjectError, match=r"\[model\] name = .* such as 'My"):
        require_model_name(name, suffixes(), reserved_words())


@pytest.mark.parametrize("name", ["DigitClassifier", "Fruit", "MyMask", "WakeWord2", "Some"])
def test_other_names_are_taken(name: str) -> None:
    require_model_name(name, suffixes(), reserved_words())


def test_what_is_called_after_the_model_clashes_too() -> None:
    assert model_name_clash("Tensor", suffixes(), frozenset({"tensorspec"})) == "TensorSpec"


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ProjectError, match="101 characters"):
        require_model_name("A" * 101, suffixes(), reserved_words())

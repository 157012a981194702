from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilekit_converters.coreml.names import RESERVED, native_names
from mobilekit_converters.errors import ConversionError


@given(st.lists(st.text(max_size=8), unique=True, max_size=6))
def test_every_name_becomes_one_that_core_ml_holds(names: list[str]) -> None:
    mapping = native_names(names)
    assert list(mapping) == names
    assert len(set(mapping.values())) == len(names)
    for native in mapping.values():
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", native)
        assert native not in RESERVED


@pytest.mark.parametrize(
    ("names", "native"),
    [
        (["image", "Scores_2"], ["image", "Scores_2"]),
        (["a/b", "a-b", "a_b"], ["a_b_2", "a_b_3", "a_b"]),
        (["1st", "_x", "state"], ["feature_1st", "feature__x", "feature_state"]),
    ],
)
def test_names_are_kept_where_they_can_be(names: list[str], native: list[str]) -> None:
    assert list(native_names(names).values()) == native


def test_a_name_that_is_input_and_output_is_refused() -> None:
    with pytest.raises(ConversionError, match="both called 'x'"):
        native_names(["x", "y", "x"])

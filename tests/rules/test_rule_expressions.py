"""The conditions of rules: what they may hold, and what they come to."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilekit_converters.operator_graph import GraphTensor
from mobilekit_delegates.rules.expression import FUNCTIONS, ExpressionError, parse

IMAGE = GraphTensor(name="image", shape=(1, 8, 8, 3), dtype="float32")
AXES = GraphTensor(name="axes", shape=(2,), dtype="int32", constant=True, values=(1, 2))
NAMES: dict[str, Any] = {**FUNCTIONS, "inputs": (IMAGE, AXES, None), "stride_w": 2, "padding": None}


def value(text: str) -> Any:
    return parse(text).value(NAMES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("inputs[0].rank == 4", True),
        ("inputs[0].shape[-1] * stride_w", 6),
        ("inputs[0].dtype in ('float32', 'float16')", True),
        ("inputs[2] is None and padding is None", True),
        ("1 <= stride_w < 3", True),
        ("all(t is None or t.rank < 5 for t in inputs)", True),
        ("sum(1 for t in inputs if t is not None and not t.constant)", 1),
        ("tuple(t.rank for t in inputs[:2])", (4, 1)),
        ("set(inputs[1].values) == {1, 2}", True),
        ("'SAME' if padding is None else padding", "SAME"),
        ("any(a > b for a, b in zip(inputs[0].shape, (1, 2, 3, 4)))", True),
        ("max(abs(x) for x in (-3, 2)) - min(1, 2) + 7 // 2 % 2", 3),
        ("\n  stride_w\n  > 1  ", True),
    ],
)
def test_a_condition_comes_to(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inputs[0].__class__", "a tensor has no '__class__'"),
        ("inputs[0].name", "a tensor has no 'name'; it has axis, bytes"),
        ("__import__('os')", "it may call abs"),
        ("_inputs", "'_inputs' is no name here"),
        ("len.__self__", "a tensor has no '__self__'"),
        ("(lambda: 1)()", "it may call"),
        ("[x for x in inputs]", "it may not hold ListComp"),
        ("{1: 2}", "it may not hold Dict"),
        ("f'{inputs}'", "it may not hold"),
        ("len(inputs, key=1)", "with plain arguments"),
        ("len(*inputs)", "it may not hold Starred"),
        ("max(inputs)(1)", "it may call"),
        ("9 ** 9", "it may not hold Pow"),
        ("1 << 9", "it may not hold LShift"),
        ("b'x'", "it may not hold b'x'"),
        ("(x := 1)", "it may not hold NamedExpr"),
        ("open('secret')", "it may call"),
        ("x = 1", "it is no expression"),
        ("", "it is no expression"),
        ("inputs[", "it is no expression"),
        ("\x00", "it is no expression"),
        ("-" * 999 + "1", "it is no expression"),
        ("(" * 400 + "1" + ")" * 400, "it is no expression"),
        ("1 " * 600, "it is longer than 1000 characters"),
    ],
)
def test_nothing_else_is_let_through(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_only_the_names_that_are_needed_are_looked_up() -> None:
    """A definition that does not hold for a node is no mistake where nobody asks for it."""

    class Names(dict[str, Any]):
        def __getitem__(self, name: str) -> Any:
            if name == "ratio":
                raise IndexError
            return super().__getitem__(name)

    names = Names(NAMES)
    assert parse("stride_w == 2 or ratio > 1").value(names) is True
    assert parse("all(t is None or t.rank < 5 or ratio > 1 for t in inputs)").value(names) is True
    with pytest.raises(IndexError):
        parse("stride_w == 3 or ratio > 1").value(names)


def test_a_condition_knows_the_names_that_it_hangs_on() -> None:
    expression = parse("all(t.rank < most for t in inputs) and stride_w")
    assert expression.names == {"all", "most", "inputs", "stride_w"}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("inputs[0].rank()=<>!andortfsx,'\"{}*-_ \n", max_size=60))
def test_any_text_is_a_condition_or_none(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            names = parse(text).names
        except ExpressionError:
            names = frozenset()
    assert not any(name.startswith("_") for name in names)

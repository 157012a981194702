from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilekit.wrappers.android import literals

ANY_TEXT = st.text(st.characters(codec=None), max_size=60)
"""Any code points at all, halves of characters too."""

RIGHT_TO_LEFT_OVERRIDE = "\u202e"
LINE_SEPARATOR = "\u2028"
BYTE_ORDER_MARK = "\ufeff"


def kotlin_text(literal: str) -> str:
    """Read a Kotlin string literal as its grammar says (kotlinlang.org/spec, string literals)."""
    assert literal[0] == literal[-1] == '"'
    escapes = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", '"': '"', "\\": "\\", "$": "$"}
    units = []
    rest = literal[1:-1]
    while rest:
        char, rest = rest[0], rest[1:]
        assert char not in '"$\n\r', "ends the literal or begins a template"
        if char == "\\":
            kind, rest = rest[0], rest[1:]
            if kind == "u":
                units.append(bytes.fromhex(rest[:4]))
                rest = rest[4:]
            else:
                units.append(escapes[kind].encode("utf-16-be"))
        else:
            units.append(char.encode("utf-16-be"))
    return b"".join(units).decode("utf-16-be", "surrogatepass")


@given(ANY_TEXT)
def test_a_literal_means_its_text(text: str) -> None:
    # UTF-16 joins two halves that stand side by side.
    joined = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
    assert kotlin_text(literals.string(text)) == joined


@given(ANY_TEXT)
def test_all_of_a_literal_is_seen_in_its_order(text: str) -> None:
    for char in literals.string(text):
        assert char.isprintable()
        assert unicodedata.bidirectional(char) not in ("R", "AL", "AN", "RLO", "RLE", "RLI")


@given(ANY_TEXT)
def test_a_comment_stays_one(text: str) -> None:
    comment = literals.comment(text)
    assert not re.search(r"[*\[\]`@\n\r]", comment)
    assert all(char.isprintable() for char in comment)
    comment.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("plain name", '"plain name"'),
        ('a "quote"', r'"a \"quote\""'),
        ("${println()}", r'"\${println()}"'),
        ("C:\\new\nline\t", r'"C:\\new\nline\t"'),
        (f"evil{RIGHT_TO_LEFT_OVERRIDE}txt", r'"evil\u202Etxt"'),
        (LINE_SEPARATOR + BYTE_ORDER_MARK + "\0", r'"\u2028\uFEFF\u0000"'),
        ("größe 東京", '"größe 東京"'),
        ("שלום", r'"\u05E9\u05DC\u05D5\u05DD"'),
        ("\ud800", r'"\uD800"'),
        ("\U0001f34e \U000e0001", r'"🍎 \uDB40\uDC01"'),
    ],
)
def test_literals(text: str, literal: str) -> None:
    assert literals.string(text) == literal


@pytest.mark.parametrize(
    ("text", "comment"),
    [
        ("*/ fun x() {}", r"\u002A/ fun x() {}"),
        ("/* nested", r"/\u002A nested"),
        ("[link] `code` @tag", r"\u005Blink\u005D \u0060code\u0060 \u0040tag"),
        ("x" * 100, "x" * 39 + "…"),
    ],
)
def test_comments(text: str, comment: str) -> None:
    assert literals.comment(text) == comment


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_are_exact(value: float) -> None:
    literal = literals.float32(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", literal)
    assert np.float32(literal[:-1]) == np.float32(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_exact(value: float) -> None:
    literal = literals.double(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?", literal)
    assert "." in literal or "e" in literal, "Kotlin would take it for an Int"
    assert float(literal) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_has_no_literal(value: float) -> None:
    with pytest.raises(ValueError, match="is no"):
        literals.float32(value)
    with pytest.raises(ValueError, match="is no"):
        literals.double(value)


def test_too_large_for_float32() -> None:
    with pytest.raises(ValueError, match="is no float32 number"):
        literals.float32(1e39)

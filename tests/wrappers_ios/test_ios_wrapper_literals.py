"""Swift literals, comments and layout for any text and any number."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilekit.wrappers.ios import literals
from mobilekit.wrappers.ios.layout import COLUMNS, docc, fitted

TEXT = st.text(st.characters(codec="utf-8"))
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def read(literal: str) -> str:
    """Read a Swift string as the compiler does; anything else than text is an error."""
    decoded = re.fullmatch(
        r"String\(decoding: \[([\d, ]+)\] as \[UInt8\], as: UTF8\.self\)", literal
    )
    if decoded:
        return bytes(map(int, decoded[1].split(", "))).decode("utf-8")
    assert literal[0] == literal[-1] == '"'
    inside = literal[1:-1]
    text, at = "", 0
    while at < len(inside):
        char = inside[at]
        assert char not in '"\n\r'
        if char != "\\":
            text, at = text + char, at + 1
        elif inside[at + 1] == "u":
            found = re.match(r"\\u\{([0-9A-F]{1,8})\}", inside[at:])
            assert found
            text, at = text + chr(int(found[1], 16)), at + found.end()
        else:
            text, at = text + ESCAPES[inside[at + 1]], at + 2
    return text


@given(TEXT)
def test_any_text_is_a_literal_that_means_it(text: str) -> None:
    assert read(literals.string(text)) == text


@given(TEXT)
def test_no_literal_turns_the_code_around_it(text: str) -> None:
    for char in literals.string(text):
        assert char.isprintable()
        assert unicodedata.bidirectional(char) not in ("R", "AL", "AN", "RLO", "RLE", "RLI", "PDF")


def test_text_that_means_something_in_swift() -> None:
    assert literals.string('a "b" \\(c) $0') == '"a \\"b\\" \\\\(c) $0"'
    assert literals.string("\u202e\n") == '"\\u{202E}\\n"'
    assert literals.string("א") == '"\\u{5D0}"'


@pytest.mark.parametrize("char", ["\ufdd0", "\ufdef", "\ufffe", "\uffff", "\U0010ffff"])
def test_what_no_literal_can_hold_is_decoded(char: str) -> None:
    literal = literals.string(f"a{char}")
    assert literal.startswith("String(decoding: [97, ")
    assert read(literal) == f"a{char}"


@given(TEXT)
def test_any_text_stays_in_its_comment(text: str) -> None:
    comment = literals.comment(text)
    assert comment.isprintable()
    assert not set(comment) & set("*`[]@")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_are_exact(value: float) -> None:
    literal = literals.float32(value)
    assert np.float32(literal) == np.float32(value)
    assert re.fullmatch(r"-?\d+\.\d+(e[-+]\d+)?|-?\d+e[-+]\d+", literal)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_exact(value: float) -> None:
    assert float(literals.double(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="no"):
        literals.float32(value)
    with pytest.raises(ValueError, match="no number"):
        literals.double(value)


@given(st.lists(st.from_regex(r"[a-z]{1,30}", fullmatch=True), min_size=1, max_size=9))
def test_lists_fit_into_a_line_or_have_one_for_each_item(items: list[str]) -> None:
    text = fitted("call(", items, ")", indent=8)
    assert all(len(line) <= COLUMNS for line in text.splitlines())
    assert re.sub(r"\s", "", text) == f"call({','.join(items)})"


def test_comments_are_wrapped_and_lists_hang_together() -> None:
    text = docc(4, "word " * 40, ["- Parameter one: it.", "- Returns: that."])
    lines = text.splitlines()
    assert lines[0].startswith("/// word")
    assert all(line.startswith("    ///") for line in lines[1:])
    assert lines[-3:] == ["    ///", "    /// - Parameter one: it.", "    /// - Returns: that."]
    assert max(map(len, lines)) <= COLUMNS

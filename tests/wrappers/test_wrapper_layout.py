from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mobilekit.wrappers.android.layout import COLUMNS, fitted, kdoc


def test_what_fits_stays_on_its_line() -> None:
    assert fitted("run(", ["a", "b"], ")") == "run(a, b)"
    assert fitted("x", (), "") == "x"


def test_what_is_too_long_has_an_item_a_line() -> None:
    items = ["first: FloatArray", "second: FloatArray"]
    assert fitted("public fun run(", items, ") {", indent=60) == (
        "public fun run(\n"
        + " " * 64
        + "first: FloatArray,\n"
        + " " * 64
        + "second: FloatArray,\n"
        + " " * 60
        + ") {"
    )


def test_the_last_column_is_used() -> None:
    item = "x" * (COLUMNS - 4 - len("run()"))
    assert "\n" not in fitted("run(", [item], ")", indent=4)
    assert "\n" in fitted("run(", [item + "x"], ")", indent=4)


def test_a_short_comment_is_one_line() -> None:
    assert kdoc(4, "Runs the model.") == "/** Runs the model. */"


def test_tags_follow_one_another() -> None:
    assert kdoc(4, "Runs.", ["@param a one", "@param b two"], "@return it") == (
        "/**\n     * Runs.\n     *\n"
        "     * @param a one\n     * @param b two\n     * @return it\n     */"
    )


@given(
    st.integers(0, 12), st.lists(st.text(st.characters(categories=["L", "N", "Zs"]), max_size=300))
)
def test_comments_are_wrapped(indent: int, paragraphs: list[str]) -> None:
    for number, line in enumerate(kdoc(indent, *paragraphs).splitlines()):
        # A word that is longer than a line stays whole.
        one_word = len(line.strip(" *@").split()) <= 1
        assert len(line) + (indent if number == 0 else 0) <= COLUMNS or one_word

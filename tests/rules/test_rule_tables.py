"""Tables of rules: read as they are written, and every mistake named by its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilekit_converters.errors import ProjectError
from mobilekit_delegates.rules.reader import read_table
from mobilekit_delegates.rules.table import Table

TABLE = """\
# A table of somebody's own.
[table]
delegate = "mine"
title = "my delegate"
format = "tflite"
level = "version"
levels = [1, 1.5, 2]
default = 1.5
source = "mine 1: takes.c"
meaning = "A guess."
partitions = 1

[define]
image = "inputs[0].rank == 4"
small_image = "image and inputs[0].elements < 100"

[[operator]]
names = ["RELU", "CONV_2D"]

[[operator]]
names = ["ADD"]
version = 2
since = 1.5

[[operator]]
names = ["ADD"]
version = 3
since = 2
source = "mine 2: more.c"

[[rule]]
operators = ["CONV_2D"]
when = "small_image"
require = \"\"\"
    stride_w < 3
    and stride_h < 3\"\"\"
reason = "it strides far"
source = "mine 1: conv.c"
remedy = "stride less"
adaptation = "padding"
until = 1.5

[[rule]]
operators = ["*"]
require = "len(outputs) == 1"
reason = "it has several results"
source = "mine 1: all.c"

[[rule]]
operators = ["WHERE"]
require = "inputs[0].constant"
whole = true
reason = "a shape is open"
source = "mine 1: graph.c"
"""


def read(folder: Path, text: str) -> Table:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    read_table.cache_clear()
    return read_table(path)


def test_a_table_is_read_as_it_is_written(tmp_path: Path) -> None:
    table = read(tmp_path, TABLE)
    assert (table.delegate, table.title, table.format) == ("mine", "my delegate", "tflite")
    assert (table.levels, table.default, table.partitions) == ((1, 1.5, 2), 1.5, 1)
    assert [entry.version for entry in table.operators["ADD"]] == [2, 3]
    assert table.operators["RELU"][0].line == 17
    (conv,) = table.rules["CONV_2D"]
    assert (conv.line, conv.until, conv.remedy, conv.adaptation) == (
        31,
        1.5,
        "stride less",
        "padding",
    )
    assert table.rules_for("CONV_2D") == (*table.rules["*"], conv)
    assert table.rules_for("WHERE") == table.rules["WHERE"]
    assert table.rules_for("UNKNOWN") == ()
    assert list(table.definitions) == ["image", "small_image"]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("[table]\n", "[tabel]\n", 2, "there is no section 'tabel'. Did you mean 'table'?"),
        ('title = "my delegate"\n', "", 2, "title is missing"),
        ("title = ", "titel = ", 4, "there is no key 'titel'. Did you mean 'title'?"),
        ('"my delegate"', "7", 4, "title is a text, not 7"),
        ('"tflite"', '"onnx"', 5, "format is one of tflite, coreml"),
        ("levels = [1, 1.5, 2]", "levels = []", 7, "levels are numbers, one at least"),
        ("levels = [1, 1.5, 2]", 'levels = ["1"]', 7, "levels are numbers, one at least"),
        ("default = 1.5", "default = 3", 8, "default is none of the levels"),
        ("partitions = 1", "partitions = 0", 11, "partitions is 1 at least"),
        ("partitions = 1", "partitions = true", 11, "partitions is a whole number, not True"),
        ("partitions = 1", 'unpacks = "int8"', 11, "unpacks is a list, not 'int8'"),
        ("partitions = 1", "unpacks = [8]", 11, "unpacks is a list of texts"),
        ('"inputs[0].rank == 4"', '"inputs[0].rang == 4"', 14, "a tensor has no 'rang'"),
        ('"inputs[0].rank == 4"', "4", 14, "image is a condition in quotes, not 4"),
        ('"inputs[0].rank == 4"', '"small_image"', 14, "image uses small_image, which is not"),
        ('"inputs[0].rank == 4"', '"not image"', 14, "image uses image, which is not defined"),
        ('names = ["RELU", "CONV_2D"]', 'names = "RELU"', 18, "names is a list, not 'RELU'"),
        ('names = ["RELU", "CONV_2D"]', "names = []", 18, "names is a list of texts"),
        ('names = ["RELU", "CONV_2D"]', "names = [1]", 18, "names is a list of texts"),
        ("version = 2\n", 'version = "2"\n', 22, "version is a whole number, not '2'"),
        ("since = 1.5\n", 'since = "now"\n', 23, "since is a number, not 'now'"),
        ('["CONV_2D"]', '["CONV_3D"]', 32, "no [[operator]] lists 'CONV_3D'. Did you mean"),
        ('"small_image"\n', '"import os"\n', 33, "the condition 'import os' is wrong"),
        ("stride_w < 3", "stride_w <", 34, "is wrong: it is no expression"),
        ('reason = "it strides far"\n', "", 31, "reason is missing"),
        ('source = "mine 1: conv.c"\n', "", 31, "source is missing"),
        ("whole = true", 'whole = "yes"', 52, "whole is true or false, not 'yes'"),
        ('"padding"', '"pading"', 40, "there is no adaptation 'pading'. Did you mean 'padding'?"),
        ("whole = true", "hole = true", 52, "there is no key 'hole'. Did you mean 'whole'?"),
        ("[define]\n", "define = 3\n[other]\n", 14, "there is no section 'other'"),
        ('[[rule]]\noperators = ["*"]', '[rule]\noperators = ["*"]', 43, "it is no TOML"),
        ('level = "version"', "level = version", 6, "it is no TOML"),
        ('"mine 1: graph.c"\n', '"mine 1: graph.c\n', 54, "it is no TOML"),
        ("levels = [1, 1.5, 2]", "levels = [1, 1.5, 2", 8, "it is no TOML"),
    ],
)
def test_a_mistake_is_named_by_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert old in TABLE
    with pytest.raises(ProjectError) as caught:
        read(tmp_path, TABLE.replace(old, new, 1))
    assert str(caught.value).startswith(f"mine.toml, line {line}: ")
    assert message in str(caught.value)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("text", ["", "# nothing\n", "rule = 3\n", "[define]\n", "table = 3\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProjectError, match=r"mine\.toml, line \d+: "):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "define = 3\n",
        "operator = 3\n",
        "rule = [3]\n",
        "[operator]\nnames = ['A']\n",
        "rule = {}\n",
    ],
)
def test_a_section_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    head = TABLE[TABLE.index("[table]") : TABLE.index("[define]")]
    with pytest.raises(ProjectError, match=r"mine\.toml, line \d+: write "):
        read(tmp_path, text + head if text[0] != "[" else head + text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"The table of rules .*gone\.toml cannot be read"):
        read_table(tmp_path / "gone.toml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProjectError, match=r"mine\.toml cannot be read"):
        read_table(path)


@pytest.fixture(scope="module")
def damaged_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "mine.toml"


_LINES = TABLE.splitlines()


@settings(max_examples=400, deadline=None)
@given(
    st.integers(0, len(_LINES) - 1),
    st.sampled_from(["drop", "double", "cut", "swap"]) | st.text(max_size=20),
    st.integers(0, 40),
)
def test_a_damaged_table_is_read_or_its_damage_is_named(
    damaged_table: Path, at: int, how: str, place: int
) -> None:
    line = _LINES[at]
    damaged = {
        "drop": [],
        "double": [line, line],
        "cut": [line[: place % (len(line) + 1)]],
        "swap": [_LINES[place % len(_LINES)]],
    }.get(how, [line[:place] + how + line[place:]])
    text = "\n".join([*_LINES[:at], *damaged, *_LINES[at + 1 :]]) + "\n"
    damaged_table.write_text(text, encoding="utf-8", errors="replace", newline="")
    read_table.cache_clear()
    try:
        table = read_table(damaged_table)
    except ProjectError as error:
        message = str(error)
    else:
        assert table.delegate
        return
    found = re.match(r"mine\.toml, line (\d+): ", message)
    assert found, message
    assert 1 <= int(found[1]) <= len(text.splitlines()) + 1

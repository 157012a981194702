from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilekit.project import (
    OutputTable,
    check_identifier,
    identifier_from,
    load_project,
    parse_project,
    project_for,
)
from mobilekit_converters.errors import ProjectError


def parse(folder: Path = Path(), **tables: object) -> object:
    return parse_project(
        {"model": {"source": "m.keras"}, **tables}, folder=folder, origin="mobilekit.toml"
    )


def test_only_the_source_is_needed() -> None:
    project = parse_project({"model": {"source": "digit net.keras"}}, folder=Path("a"), origin="x")
    assert project.name == "DigitNet"
    assert project.source == Path("a/digit net.keras")
    assert project.variants() == (
        "tflite-fp32",
        "tflite-fp16",
        "tflite-dynamic",
        "coreml-fp16",
        "coreml-w8",
    )


def test_calibration_data_adds_int8_to_the_defaults() -> None:
    project = project_for(Path("m.keras"), data={"calibration": "c.npz"})
    assert "tflite-int8" in project.variants()


def test_an_empty_list_leaves_a_platform_out() -> None:
    project = project_for(Path("m.keras"), ios={"variants": []})
    assert not [name for name in project.variants() if name.startswith("coreml")]


@pytest.mark.parametrize(
    ("content", "labels"),
    [
        (b"a\nb\n", ("a", "b")),
        (b"a\r\nb", ("a", "b")),
        ("a\u2028b\x0cc\x85d\n\ne".encode(), ("a\u2028b\x0cc\x85d", "", "e")),
        (b"", ()),
    ],
)
def test_labels_end_with_their_line(
    content: bytes, labels: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    table = OutputTable(kind="classification", labels="labels.txt")
    assert table.facts(tmp_path).labels == labels


def test_apps_carry_half_as_many_bytes_where_it_can() -> None:
    project = project_for(Path("m.keras"))
    assert project.bundle("tflite", project.variants()) == ("tflite-fp16",)
    assert project.bundle("tflite", ["tflite-int8", "coreml-fp16"]) == ("tflite-int8",)
    assert project.bundle("tflite", ["coreml-fp16"]) == ()
    chosen = project_for(Path("m.keras"), android={"bundle": ["fp32", "fp16"]})
    assert chosen.bundle("tflite", chosen.variants()) == ("tflite-fp32", "tflite-fp16")


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("Digits", "mobilekit.digits"),
        ("New", "mobilekit.new_model"),
        ("Fun", "mobilekit.fun_model"),
    ],
)
def test_the_package_comes_from_the_name(name: str, package: str) -> None:
    assert project_for(Path("m.keras"), model={"name": name}).android_package == package


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"androit": {}}, r"androit: there is no such key. Did you mean 'android'\?"),
        (
            {"android": {"variant": []}},
            r"\[android\] variant: there is no such key. Did you mean 'variants'\?",
        ),
        (
            {"model": {"source": "m", "inputs": {"image": {"scal": 1}}}},
            r"\[model.inputs.image\] scal: there is no such key. Did you mean 'scale'\?",
        ),
        ({"model": {}}, r"\[model\] source is missing"),
        ({"model": {"source": "m", "name": "2 fast"}}, r"'2 fast' cannot name a class"),
        ({"model": {"source": "m", "name": "class"}}, "reserved word"),
        ({"model": {"source": "m", "batch": 0}}, r"\[model\] batch"),
        ({"android": {"variants": ["in8"]}}, r"no variant 'in8'. Did you mean 'int8'\?"),
        (
            {"model": {"source": "m", "inputs": {"a": {"kind": "image", "scale": "x"}}}},
            r"^mobilekit.toml: \[model.inputs.a\] scale: use a number, or a list of numbers, one "
            r"per channel.$",
        ),
        (
            {"model": {"source": "m", "inputs": {"a": {"kind": "image", "offset": [1, True, 2]}}}},
            r"^mobilekit.toml: \[model.inputs.a\] offset: use a number, or a list of numbers",
        ),
        ({"android": {"bundle": ["fp61"]}}, r"no variant 'fp61'. Did you mean 'fp16'\?"),
        ({"android": {"bundle": []}}, r"bundle is empty: name the variants that the Kotlin module"),
        (
            {"android": {"variants": ["fp32"], "bundle": ["fp16"]}},
            r"\[android\] bundle: the variant 'fp16' is not made. Add it to \[android\] variants",
        ),
        ({"ios": {"bundle": ["w9"]}}, r"no variant 'w9'. Did you mean 'w8'\?"),
        ({"ios": {"bundle": []}}, r"bundle is empty: name the variants that the Swift package"),
        (
            {"ios": {"variants": ["fp16"], "bundle": ["w8"]}},
            r"\[ios\] bundle: the variant 'w8' is not made. Add it to \[ios\] variants",
        ),
        ({"android": {"runtime": "tflite"}}, r"\[android\] runtime: .*'litert' or 'interpreter'"),
        ({"android": {"package": "digits"}}, r"'digits' is no package name: use two or more words"),
        ({"android": {"package": "com.Example"}}, r"'com.Example' is no package name"),
        ({"android": {"package": "com..digits"}}, r"'com..digits' is no package name"),
        ({"android": {"package": "com.2d"}}, r"'com.2d' is no package name"),
        ({"android": {"package": "com.x\n.y"}}, r"is no package name"),
        ({"android": {"package": "com.new.digits"}}, r"holds the reserved word 'new'"),
        ({"android": {"package": "com.example.fun"}}, r"holds the reserved word 'fun'"),
        ({"ios": {"minimum": "iOS9"}}, r"\[ios\] minimum"),
        ({"verify": {"targets": ["cpuu"]}}, r"no target 'cpuu'. Did you mean 'cpu'\?"),
        ({"verify": {"samples": 3}}, r"\[verify\] samples"),
        ({"budgets": {"tflite-int9": {}}}, r"Did you mean 'tflite-int"),
        ({"budgets": {"tflite-int8": {"agrement": 1}}}, r"Did you mean 'agreement'\?"),
        (
            {"model": {"source": "m", "inputs": {"x": {"range": [1, 0]}}}},
            "the first number must be the smaller",
        ),
        (
            {"model": {"source": "m", "inputs": {"x": {"scale": [1.0, 2.0]}}}},
            r"\[model.inputs\] x: scale has 2 numbers, color 'rgb' 3",
        ),
    ],
)
def test_each_mistake_is_named_with_its_place(tables: dict[str, object], message: str) -> None:
    with pytest.raises(ProjectError, match=message) as caught:
        parse(**tables)
    assert str(caught.value).startswith("mobilekit.toml: ")


def test_the_folder_is_not_the_files_business() -> None:
    document = {"model": {"source": "m"}, "folder": "/"}
    with pytest.raises(ProjectError, match="no key of a project file"):
        parse_project(document, folder=Path(), origin="mobilekit.toml")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ProjectError) as caught:
        parse(androit={}, ioss={})
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("content", [b"[model", b"\xff\xfe", b"model = 3"])
def test_a_file_that_is_no_project(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mobilekit.toml"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match=re.escape(str(path))):
        load_project(path)


def test_a_project_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="mobilekit init"):
        load_project(tmp_path / "mobilekit.toml")


@given(st.text())
def test_any_text_gives_a_class_name(text: str) -> None:
    assert check_identifier(identifier_from(text)) == identifier_from(text)


@given(st.from_regex(r"[A-Z][A-Za-z0-9]*", fullmatch=True))
def test_a_class_name_stays_as_it_is(name: str) -> None:
    assert identifier_from(name) in (name, f"Model{name}")

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import report_samples

from mobilekit.report import write_reports
from mobilekit.report.render import markdown_text
from mobilekit.results import Report
from mobilekit_converters.errors import OutputError

SAMPLES = [
    report_samples.passing,
    report_samples.failing,
    report_samples.accelerated,
    report_samples.crowded,
    report_samples.hostile,
]
VOID = {"meta", "link", "br", "img", "hr"}


class Outline(HTMLParser):
    """The elements of a page, checked to be closed in order; SVG and all."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data + " "


def outline(folder: Path) -> Outline:
    parser = Outline()
    parser.feed((folder / "report.html").read_text(encoding="utf-8"))
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize("make", SAMPLES)
def test_four_files_and_no_more(tmp_path: Path, make: Callable[[], Report]) -> None:
    write_reports(make(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "junit.xml", "report.html", "report.json", "summary.md",
    ]  # fmt: skip


@pytest.mark.parametrize("make", SAMPLES)
def test_the_page_loads_nothing_and_runs_nothing(
    tmp_path: Path, make: Callable[[], Report]
) -> None:
    write_reports(make(), tmp_path)
    page = outline(tmp_path)
    assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & set(page.tags)
    assert page.tags.count("link") == 1
    for tag, name, value in page.attributes:
        assert not name.startswith("on")
        if name in ("href", "src"):
            assert value.startswith("./") or (tag, value) == ("link", "data:,")
    style = re.findall(
        r"<style>(.*?)</style>", (tmp_path / "report.html").read_text("utf-8"), re.DOTALL
    )
    assert len(style) == 1
    assert "url(" not in style[0]
    assert "@import" not in style[0]
    policy = [value for _, name, value in page.attributes if name == "content" and "-src" in value]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_the_page_says_what_the_report_holds(tmp_path: Path) -> None:
    write_reports(report_samples.failing(), tmp_path)
    text = " ".join(outline(tmp_path).text.split())
    for part in (
        "DigitClassifier fails",
        "The required target arm64 did not run.",
        "The converter ended with signal 11",
        "logs/coreml-fp16.log",
        report_samples.COREML_REASON,
        "structural checks only",
        "at least 20.0 dB",
        "The 360 samples of evaluation.npz",
        "ai-edge-litert",
        report_samples.digest("tflite-int8"),
    ):
        assert part in text
    assert text.index("fails") < text.index("Variants")


def test_every_table_has_a_caption_and_headings(tmp_path: Path) -> None:
    write_reports(report_samples.failing(), tmp_path)
    page = outline(tmp_path)
    assert page.tags.count("table") == page.tags.count("caption") > 5
    scopes = {value for tag, name, value in page.attributes if (tag, name) == ("th", "scope")}
    assert scopes == {"col", "row"}
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_summary_starts_with_the_verdict_and_has_a_table(tmp_path: Path) -> None:
    write_reports(report_samples.failing(), tmp_path)
    lines = (tmp_path / "summary.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# ✕ DigitClassifier fails"
    table = [line for line in lines if line.startswith("|")]
    assert table[0] == "| Variant | Size | SNR | Agreement | Accuracy | Checks |"
    assert table[1] == "| --- | ---: | ---: | ---: | ---: | --- |"
    assert len(table) == 2 + 7
    int8 = next(line for line in table if "tflite-int8" in line)
    assert "| **✕** 7.9 dB |" in int8
    assert "✕ cpu fail, ✕ cpu-reference fail |" in int8
    assert any(line.startswith("- **coreml-fp16**: The converter ended") for line in lines)
    assert any(report_samples.COREML_REASON in line for line in lines)


def test_the_summarys_table_is_one_block(tmp_path: Path) -> None:
    write_reports(report_samples.passing(), tmp_path)
    blocks = (tmp_path / "summary.md").read_text(encoding="utf-8").split("\n\n")
    assert sum(block.lstrip().startswith("| Variant") for block in blocks) == 1
    table = next(block for block in blocks if block.lstrip().startswith("| Variant"))
    assert all(line.startswith("|") for line in table.strip().splitlines())
    assert {line.count("|") for line in table.strip().splitlines()} == {7}


def test_hostile_text_in_the_summary_is_inert(tmp_path: Path) -> None:
    write_reports(report_samples.hostile(), tmp_path)
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<", text)
    assert markdown_text("a|b\n`c` <i>") == "a\\|b \\`c\\` \\<i\\>"


def test_a_name_that_is_no_text_does_not_stop_the_report(tmp_path: Path) -> None:
    from dataclasses import replace

    sample = report_samples.passing()
    report = replace(sample, model=replace(sample.model, source=os.fsdecode(b"caf\xe9.keras")))
    write_reports(report, tmp_path)
    assert r"caf\udce9.keras" in (tmp_path / "report.html").read_text(encoding="utf-8")
    ElementTree.parse(tmp_path / "junit.xml")


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"Cannot write .*report\.json: No such file"):
        write_reports(report_samples.passing(), tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


def test_the_same_report_gives_the_same_files(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_reports(report_samples.failing(), tmp_path / name)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]


def test_importing_reports_loads_nothing_heavy() -> None:
    code = (
        "import sys, mobilekit.report; "
        "print(sorted({'jinja2', 'pydantic', 'numpy', 'matplotlib'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

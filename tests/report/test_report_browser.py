"""Opens the page in a real browser and looks at its text, its layout and its picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import bench_samples
import coverage_samples
import pytest
import report_samples
from devtools import Page, browser
from PIL import Image
from tools import require_tool

from mobilekit.report import write_reports
from mobilekit.results import Report

SAMPLES: dict[str, Callable[[], Report]] = {
    "passing": report_samples.passing,
    "failing": report_samples.failing,
    "crowded": report_samples.crowded,
    "hostile": report_samples.hostile,
    "accelerated": report_samples.accelerated,
    "planned": report_samples.planned,
    "covered": coverage_samples.covered,
    "single": lambda: report_samples.crowded(1),
    "benched": bench_samples.benched,
    "benched hostile": bench_samples.hostile,
    "benched crowded": bench_samples.crowded,
}
WIDTHS = (1280, 390)

# Everything visible whose right edge lies beyond the page, but for what is hidden on purpose.
OVERFLOWS = """
[...document.body.querySelectorAll('*')]
  .filter(e => !e.closest('.hidden, thead, svg') && e.checkVisibility())
  .filter(e => { const r = e.getBoundingClientRect();
    return r.width > 0 && (r.right > innerWidth + 0.5 || r.left < -0.5
      || (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display != 'inline')); })
  .map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 60))
"""

# Pairs of texts in one picture that cover each other, and texts that leave their picture.
SVG_FAULTS = """
[...document.querySelectorAll('svg')].filter(s => s.checkVisibility()).flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')]
    .map(t => [t.textContent, t.getBoundingClientRect()]);
  const faults = texts
    .filter(([, r]) => r.left < frame.left - 1 || r.right > frame.right + 1
      || r.top < frame.top - 1 || r.bottom > frame.bottom + 1)
    .map(([t]) => 'leaves: ' + t);
  texts.forEach(([a, p], i) => texts.slice(i + 1).forEach(([b, q]) => {
    // A line's box is taller than its letters.
    if (p.left < q.right - 1 && q.left < p.right - 1
      && p.top < q.bottom - 4 && q.top < p.bottom - 4)
      faults.push('overlap: ' + a + ' / ' + b);
  }));
  return faults;
})
"""

# Texts whose contrast with the nearest background is below 4.5 (WCAG 2.1, level AA).
LOW_CONTRAST = """
(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const back = e => { while (e) { const c = rgba(getComputedStyle(e).backgroundColor);
    if (c[3] == 255) return c; e = e.parentElement; } return [255, 255, 255, 255]; };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faults = new Set();
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const behind = back(e);
    const alpha = Number(style.opacity);
    const front = rgba(e.closest('svg') ? style.fill : style.color)
      .map((v, i) => v * alpha + behind[i] * (1 - alpha));
    const [dark, bright] = [light(front), light(behind)].sort((a, b) => a - b);
    if ((bright + 0.05) / (dark + 0.05) < 4.5) faults.add(e.className + ': ' + e.textContent);
  }
  return [...faults];
})()
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    return require_tool("chromium")


@pytest.fixture(scope="module")
def page(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(chromium, tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {}
    for name, make in SAMPLES.items():
        folders[name] = tmp_path_factory.mktemp(name)
        write_reports(make(), folders[name])
    return {name: folder / "report.html" for name, folder in folders.items()}


def boxes(page: Page, selector: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate(
        f"[...document.querySelectorAll({selector!r})].filter(e => e.checkVisibility())"
        ".map(e => e.getBoundingClientRect().toJSON())"
    )
    return found


@pytest.mark.parametrize("width", [*WIDTHS, 820, 320])
@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_leaves_the_page_sideways(
    page: Page, reports: dict[str, Path], name: str, width: int
) -> None:
    page.open(reports[name], width=width)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWS) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", SAMPLES)
def test_labels_in_pictures_neither_overlap_nor_leave(
    page: Page, reports: dict[str, Path], name: str, width: int
) -> None:
    page.open(reports[name], width=width)
    assert len(boxes(page, "svg")) >= 2
    assert page.evaluate(SVG_FAULTS) == []


def test_the_measurements_find_faults(page: Page, reports: dict[str, Path]) -> None:
    page.open(reports["passing"], width=1280)
    page.evaluate(
        "document.querySelector('svg text').parentNode.append("
        "...[0, 3].map(() => document.querySelector('svg text').cloneNode(true)))"
    )
    page.evaluate("document.querySelector('h2').style.cssText = 'width: 2000px; color: #ddd'")
    assert any(fault.startswith("overlap: ") for fault in page.evaluate(SVG_FAULTS))
    assert any(fault.startswith("H2.: ") for fault in page.evaluate(OVERFLOWS))
    assert page.evaluate(LOW_CONTRAST) == [": Variants"]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("name", ["passing", "failing", "covered"])
def test_text_is_readable(page: Page, reports: dict[str, Path], name: str, dark: bool) -> None:
    page.open(reports[name], width=1280, dark=dark)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate(LOW_CONTRAST) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_verdict_comes_first(page: Page, reports: dict[str, Path], width: int) -> None:
    page.open(reports["failing"], width=width)
    (verdict,), (table,) = boxes(page, "h1"), boxes(page, "table.main")
    assert 0 <= verdict["top"] < verdict["bottom"] < table["top"]
    # The verdict and each of its reasons are on the first screen.
    assert boxes(page, ".reasons")[0]["bottom"] < 900
    words = page.evaluate("document.querySelector('h1').innerText")
    assert words.split() == ["✕", "DigitClassifier", "fails"]


def test_the_page_reads_without_scripts(page: Page, reports: dict[str, Path]) -> None:
    page.open(reports["failing"], width=1280, scripts=False)
    document = page.call("DOM.getDocument", depth=-1)["root"]
    html = page.call("DOM.getOuterHTML", nodeId=document["nodeId"])["outerHTML"]
    assert "The Core ML numbers were not run" in html
    assert "<script" not in html


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_asks_for_nothing(page: Page, reports: dict[str, Path], name: str) -> None:
    page.open(reports[name], width=1280)
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    asked = [address for address in page.requests if not address.startswith("data:")]
    assert asked == [reports[name].resolve().as_uri()]


def test_a_hostile_name_is_only_text(page: Page, reports: dict[str, Path]) -> None:
    page.open(reports["hostile"], width=1280)
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert page.evaluate("document.title").startswith("<script>document.title")
    assert page.evaluate(
        "[...document.links].every(a => a.protocol == 'file:' && a.href.startsWith("
        "location.href.replace('report.html', '')))"
    )


def test_a_narrow_page_keeps_tables_tables(page: Page, reports: dict[str, Path]) -> None:
    page.open(reports["passing"], width=390)
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert roles.count("table") >= 5
    assert roles.count("columnheader") >= 15
    assert roles.count("rowheader") >= 7 + 8


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["passing", "failing"])
def test_the_picture(page: Page, reports: dict[str, Path], name: str, width: int) -> None:
    page.open(reports[name], width=width)
    height = page.evaluate("document.documentElement.scrollHeight")
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    # A scroll bar may take some of the width of a wide page.
    assert width - 20 <= picture.width <= width
    assert picture.height == height
    colours = picture.getcolors(maxcolors=1 << 24)
    assert colours is not None
    assert len(colours) > 200
    edge = picture.crop((0, 0, picture.width, 200)).getcolors(maxcolors=1 << 20)
    # The verdict's colour is in the banner: the green of a pass, the red of a failure.
    expected = {"passing": (15, 106, 61), "failing": (165, 31, 20)}[name]
    assert expected in {colour for _, colour in edge or ()}


def test_dark_and_light_follow_the_reader(page: Page, reports: dict[str, Path]) -> None:
    brightness = []
    for dark in (False, True):
        page.open(reports["passing"], width=1280, dark=dark)
        picture = Image.open(BytesIO(page.screenshot())).convert("L").resize((1, 1))
        brightness.append(picture.getpixel((0, 0)))
    assert brightness[0] > 200
    assert brightness[1] < 60


def test_the_page_prints_with_its_details(page: Page, reports: dict[str, Path]) -> None:
    page.open(reports["passing"], width=794, print_=True)
    hidden = page.evaluate(
        "[...document.querySelectorAll('details .inside')].filter(e => e.offsetHeight == 0).length"
    )
    assert hidden == 0
    printed = page.call("Page.printToPDF", printBackground=True)
    assert len(printed["data"]) > 20_000

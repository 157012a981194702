"""`mobilekit locate` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import breaking
import pytest
from breaking import broken
from located_models import ROOT, SHARED, Model

DIGITS = ROOT / "examples" / "digits"
BAD = "depthwise_conv2d_1 + batch_normalization_3 + re_lu_3 (DEPTHWISE_CONV_2D): SNR "


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that ended."""

    status: int
    output: str
    errors: str


Locate = Callable[..., Ended]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def locate(tmp_path: Path, cache: Path) -> Locate:
    """Run the command in an empty folder, with a cache that all tests here share."""

    def run(*arguments: str | Path) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "mobilekit", "locate", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Ended(status=done.returncode, output=done.stdout, errors=done.stderr)

    return run


@pytest.fixture(scope="module")
def bad(model: Callable[[str], Model], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose fourth weighted layer has lost its bias."""
    path = tmp_path_factory.mktemp("bad") / "böse – tflite.tflite"
    broken(model("digits").artifact("tflite-fp32").path, path, 3, breaking.drop_the_bias)
    return path


def test_a_variant_made_anew_is_clean(locate: Locate, tmp_path: Path) -> None:
    ended = locate(DIGITS, "--variant", "tflite-int8")
    assert ended.status == 0, ended.errors
    assert ended.output.startswith("No layer leaves its bounds; the lowest SNR is ")
    assert ended.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file_is_told_in_one_line(locate: Locate, bad: Path) -> None:
    ended = locate(DIGITS, "--artifact", bad)
    assert ended.status == 1
    assert ended.output.startswith(BAD)
    assert ended.output.count("\n") == 1
    assert "its bias was dropped or changed" in ended.output


def test_the_same_as_json(locate: Locate, bad: Path) -> None:
    ended = locate(DIGITS, "--artifact", bad, "--target", "cpu-reference", "--json")
    assert ended.status == 1
    found: dict[str, Any] = json.loads(ended.output)
    assert (found["variant"], found["target"]) == ("tflite-fp32", "cpu-reference")
    drift = found["drift"]
    assert drift["sentence"].startswith(BAD)
    assert drift["first"] == 3
    assert drift["tensors"] == len(drift["layers"]) == 10
    assert drift["layers"][3].keys() == {"layer", "operator", "snr_db", "max_abs", "bound"}
    assert drift["layers"][3]["snr_db"] < drift["layers"][3]["bound"]


def test_the_page_has_the_line_the_plot_and_the_table(
    locate: Locate, bad: Path, tmp_path: Path
) -> None:
    ended = locate(DIGITS, "--artifact", bad, "--out", "neu/drift.html")
    assert ended.status == 1
    page = (tmp_path / "neu" / "drift.html").read_text("utf-8")
    assert ended.output.strip() in page
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]  # noqa: ARG005
    parser.feed(page)
    assert tags.count("svg") == 2
    assert tags.count("tr") == 1 + 10
    assert not {"script", "img", "iframe"} & set(tags)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([DIGITS], "Say what to look at: --variant tflite-int8, or --artifact FILE."),
        ([DIGITS, "--variant", "tflite-int9"], "no variant 'tflite-int9'. Did you mean"),
        ([DIGITS, "--variant", "tflite-fp32", "--target", "cpus"], "no target 'cpus'. Did you"),
        ([DIGITS, "--variant", "tflite-fp32", "--target", "coreml"], "takes no tflite artifact"),
        ([DIGITS, "--artifact", "missing.tflite"], "There is no artifact"),
        (["missing.keras", "--variant", "tflite-fp32"], "missing.keras"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    locate: Locate, tmp_path: Path, arguments: list[str | Path], message: str
) -> None:
    ended = locate(*arguments, "--out", "page.html")
    assert ended.status == 2
    assert message in ended.errors
    assert ended.output == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [0, 5000])
def test_a_damaged_file_is_refused(
    locate: Locate, model: Callable[[str], Model], tmp_path: Path, kept: int
) -> None:
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(model("digits").artifact("tflite-fp32").path.read_bytes()[:kept])
    ended = locate(DIGITS, "--artifact", damaged)
    assert ended.status in (1, 2)
    assert "damaged.tflite" in ended.errors
    assert "Traceback" not in ended.errors
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.tflite"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared models are not on this machine")
def test_another_models_file_and_a_source_that_is_none_are_refused(locate: Locate) -> None:
    finished = SHARED / "image_classification" / "pretrainedResnet.tflite"
    ended = locate(DIGITS, "--artifact", finished)
    assert ended.status == 2
    assert "another model's" in ended.errors
    ended = locate(finished, "--variant", "tflite-fp32")
    assert ended.status == 2
    assert "there is no trained model to compare its layers with" in ended.errors

"""Bad input to `mobilekit convert`: a clear error, the right exit status, nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from command import DIGITS, Ended, left_in

Run = Callable[..., Ended]
Change = Callable[[Path], None]


def digits_copy(folder: Path) -> Path:
    project = folder / "projekt mit größe"
    shutil.copytree(DIGITS, project)
    return project


def replace_in_project(project: Path, old: str, new: str) -> None:
    path = project / "mobilekit.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def store(project: Path, name: str, **arrays: object) -> None:
    np.savez(project / name, **{key: np.asarray(value) for key, value in arrays.items()})


IMAGES = np.random.default_rng(0).random((40, 8, 8, 1), dtype=np.float32)
WITH_NAN = np.where(np.arange(64).reshape(8, 8, 1) == 3, np.float32("nan"), IMAGES)


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


CASES: list[tuple[str, Change, str]] = [
    ("truncated model", lambda p: truncate(p / "digits.keras"), "digits.keras"),
    (
        "random bytes",
        lambda p: (p / "digits.keras").write_bytes(np.random.default_rng(1).bytes(5000)) and None,
        "digits.keras",
    ),
    ("no model", lambda p: (p / "digits.keras").unlink(), "There is no model"),
    (
        "misspelt key",
        lambda p: replace_in_project(p, "calibration =", "calibraton ="),
        "Did you mean 'calibration'?",
    ),
    (
        "no identifier",
        lambda p: replace_in_project(p, '"DigitClassifier"', '"Digit Classifier"'),
        "cannot name a class",
    ),
    (
        "int8 without calibration",
        lambda p: replace_in_project(p, 'calibration = "calibration.npz"', ""),
        "calibration data",
    ),
    (
        "calibration that is not there",
        lambda p: (p / "calibration.npz").unlink(),
        "calibration.npz",
    ),
    ("wrong name", lambda p: store(p, "calibration.npz", imagge=IMAGES), "Did you mean"),
    ("wrong shape", lambda p: store(p, "calibration.npz", image=IMAGES[:, :7]), "shape"),
    ("wrong dtype", lambda p: store(p, "calibration.npz", image=IMAGES > 0.5), "bool"),
    ("wrong range", lambda p: store(p, "calibration.npz", image=IMAGES * 255), "0 to 1"),
    ("nan", lambda p: store(p, "calibration.npz", image=WITH_NAN), "NaN"),
    ("truncated data", lambda p: truncate(p / "calibration.npz"), "calibration.npz"),
    (
        "empty evaluation",
        lambda p: store(p, "evaluation.npz", image=IMAGES[:0], labels=np.zeros(0, np.int64)),
        "empty",
    ),
    (
        "labels beyond the classes",
        lambda p: store(p, "evaluation.npz", image=IMAGES, labels=np.full(40, 10)),
        "classes",
    ),
    (
        "a label too few",
        lambda p: (p / "labels.txt").write_text("zero\none\n") and None,
        "names 2 classes, and the output has 10",
    ),
    ("no toml", lambda p: (p / "mobilekit.toml").write_text("[model") and None, "TOML"),
]


@pytest.mark.parametrize(("change", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_bad_input(run: Run, tmp_path: Path, change: Change, words: str) -> None:
    project = digits_copy(tmp_path)
    change(project)
    before = left_in(project)
    ended = run("convert", project)
    assert ended.status == 2, ended.errors
    assert words in ended.errors
    assert "Traceback" not in ended.errors
    assert left_in(tmp_path) == [project.name]
    assert left_in(project) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.keras"], "There is no model"),
        (["nothing.toml"], "There is no project file"),
        ([], "mobilekit init MODEL"),
        ([DIGITS, "--variant", "tflite-in8"], "Did you mean 'tflite-int8'?"),
        ([DIGITS, "--shape", "image"], "NAME=H,W,C"),
        ([DIGITS, "--jobs", "0"], "--jobs"),
        ([DIGITS, "--nonsense"], "--nonsense"),
        ([DIGITS, "--batch", "3", "--shape", "image=9,9,1"], "image"),
    ],
)
def test_bad_options(run: Run, tmp_path: Path, arguments: list[str | Path], words: str) -> None:
    ended = run("convert", *arguments)
    assert ended.status == 2
    assert words in ended.errors
    assert left_in(tmp_path) == []


def test_an_output_folder_of_something_else_stays(run: Run, tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("Once upon a time")
    ended = run("convert", DIGITS, "--out", thesis)
    assert ended.status == 2
    assert "no mobilekit release" in ended.errors
    assert left_in(thesis) == ["chapter.tex"]


def test_an_unwritable_output_folder(run: Run, tmp_path: Path) -> None:
    # Not even root can make a folder in /proc.
    ended = run("convert", DIGITS, "--out", "/proc/self/task/release")
    assert ended.status == 2
    assert "/proc/self/task" in ended.errors
    assert left_in(tmp_path) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 KB, of its own."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system, to fill it")
    yield folder
    # Lazily: a worker process may take a moment longer to end than the command.
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("option", ["--out", "--cache"])
def test_a_full_disk(run: Run, small_disk: Path, option: str) -> None:
    ended = run("convert", DIGITS, option, small_disk / "folder")
    assert ended.status == 2, ended.errors
    assert "No space left on device" in ended.errors
    assert "Traceback" not in ended.errors
    release = small_disk / "folder"
    assert not (release / "manifest.json").exists()
    assert [name for name in left_in(small_disk) if name.endswith(".partial")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    cache, folder = tmp_path / "cache", tmp_path / "folder"
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "mobilekit", "convert", str(DIGITS), "--cache", str(cache)],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(cache.glob("work-*/logs/golden.log")) and time.monotonic() < deadline:
        time.sleep(0.05)
    # As a terminal does: to the whole group, worker processes included.
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert left_in(folder) == []
    assert not list(cache.glob("work-*"))


def kill_worker(cache: Path, step: str) -> None:
    """Make the process of a step crash, as a bug in native code does, as soon as it is there."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        logs = [str(path) for path in cache.glob(f"work-*/logs/{step}.log")]
        for output in Path("/proc").glob("[0-9]*/fd/1"):
            with contextlib.suppress(OSError):
                if str(output.readlink()) in logs:
                    os.kill(int(output.parts[2]), signal.SIGSEGV)
                    return
        time.sleep(0.005)
    pytest.fail(f"the process of {step} was never there")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds the worker process in /proc")
def test_a_crash_in_a_converter_fails_that_variant_alone(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    variants = ("coreml-fp16", "coreml-w8", "tflite-fp32")
    options = [word for name in variants for word in ("--variant", name)]
    process = subprocess.Popen(
        [sys.executable, "-m", "mobilekit", "convert", DIGITS, "--cache", cache, *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    kill_worker(cache, "coreml-fp16")
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 1, errors
    assert "DigitClassifier: FAIL" in output
    release = tmp_path / "DigitClassifier.release"
    report = json.loads((release / "report.json").read_text("utf-8"))
    status = {variant["name"]: variant["status"] for variant in report["variants"]}
    assert status == {"coreml-fp16": "failed", "coreml-w8": "failed", "tflite-fp32": "built"}
    crashed, unstarted, _ = sorted(report["variants"], key=lambda variant: variant["name"])
    assert "SIGSEGV" in crashed["error"]
    assert "coreml-fp16 failed" in unstarted["error"]
    assert (release / crashed["log"]).exists()


def test_activations_of_8_bits_need_ios_17(run: Run, tmp_path: Path) -> None:
    """The example's minimum is iOS 16; nothing is converted before that is told."""
    ended = run("convert", DIGITS, "--variant", "coreml-w8a8", "--out", tmp_path / "out")
    assert ended.status == 2
    assert "coreml-w8a8 needs iOS17 and [ios] minimum is iOS16" in ended.errors
    assert "] ok" not in ended.errors
    assert left_in(tmp_path) == []

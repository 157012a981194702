"""The choice of an accelerator in Kotlin, on fake engines that go wrong in every way."""

from __future__ import annotations

import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from toolchain import JUnitRun, Kotlin, KotlinError, junit_tests

from mobilekit.parity.metrics import IncomparableError, agreement_metrics, tensor_metrics
from mobilekit.wrappers.android.templates import environment

PACKAGE = "com.example.digits"
KOTLIN = Path(__file__).parent / "kotlin" / "core"
TEMPLATES = (
    "litert/Accelerator",
    *(
        f"common/{name}"
        for name in (
            *("AcceleratorChoice", "AcceleratorChooser", "AcceleratorPolicy", "AcceleratorTrial"),
            *("AndroidDevice", "AndroidModelAssets", "AnswerMetrics", "ArtifactFile", "Candidate"),
            *("ChoiceMemory", "Clock", "Decision", "Device", "Engine", "EngineOpener"),
            *("EngineThread", "Errors", "Exam", "Golden", "GoldenRun", "ModelRunner", "ModelSpec"),
            *("TensorValues", "Trial"),
        )
    ),
)
ON_BOTH = "ModelRunnerTest"
"""Its tests run once with an engine for any thread and once with one that is bound to its own."""

Case = tuple[NDArray[np.float32], NDArray[np.float32], bool]


@pytest.fixture(scope="module")
def classes(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The core as a module compiles it, and the tests beside it."""
    folder = tmp_path_factory.mktemp("core")
    sources = folder / "sources"
    sources.mkdir()
    for name in TEMPLATES:
        source = environment().get_template(f"{name}.kt.j2").render(header="", package=PACKAGE)
        (sources / f"{name.partition('/')[2]}.kt").write_text(source, encoding="utf-8")
    core = kotlin.compile(
        [sources, KOTLIN / "stand_in"], ["android"], folder / "core", explicit_api=True
    )
    tests = kotlin.compile(
        [KOTLIN / "programs", KOTLIN / "junit"],
        ["android", "junit", core],
        folder / "tests",
        friends=[core],
    )
    return [tests, core]


@pytest.fixture(scope="module")
def run(kotlin: Kotlin, classes: list[Path]) -> JUnitRun:
    names = sorted(path.stem for path in (KOTLIN / "junit").glob("*.kt"))
    return kotlin.run_junit(classes, [f"{PACKAGE}.{name}" for name in names])


def junit_names() -> list[str]:
    return [
        f"{name}{way}"
        for name in junit_tests(KOTLIN / "junit")
        for way in (("[CPU]", "[GPU]") if name.startswith(f"{ON_BOTH}.") else ("",))
    ]


@pytest.mark.parametrize("name", junit_names())
def test_core(run: JUnitRun, name: str) -> None:
    run.check(name)


@pytest.fixture(scope="module")
def run_on_android(
    kotlin: Kotlin, classes: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> JUnitRun:
    """What needs a context, on Android's own."""
    folder = tmp_path_factory.mktemp("android")
    tests = kotlin.compile(
        [KOTLIN / "robolectric"],
        ["robolectric", "junit", *classes],
        folder / "classes",
        friends=classes,
    )
    kotlin.run(f"{PACKAGE}.WriteAssetsKt", classes, [str(folder / "assets")])
    return kotlin.run_junit(
        [tests, *classes, "robolectric"],
        [f"{PACKAGE}.AndroidDeviceTest"],
        assets=folder / "assets",
        # Android closes the descriptors of assets through a field that the JVM hides.
        options=["--add-opens=java.base/java.io=ALL-UNNAMED"],
    )


@pytest.mark.parametrize("name", junit_tests(KOTLIN / "robolectric"))
def test_core_on_android(run_on_android: JUnitRun, name: str) -> None:
    run_on_android.check(name)


def choose(kotlin: Kotlin, classes: list[Path], folder: Path, driver: str) -> str:
    """Create the model in a process of its own; return what it says of the choice."""
    return kotlin.run(f"{PACKAGE}.ChooseHereKt", classes, [str(folder), driver]).strip()


def test_a_driver_that_ends_the_app_does_so_once(
    kotlin: Kotlin, classes: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(KotlinError, match="139"):
        choose(kotlin, classes, tmp_path, "ends")
    passed_over = "CPU remembered=false the app ended while this was tried"
    assert choose(kotlin, classes, tmp_path, "ends") == passed_over
    assert choose(kotlin, classes, tmp_path, "ends") == passed_over.replace("false", "true")


def test_two_processes_choose_one_after_the_other(
    kotlin: Kotlin, classes: list[Path], tmp_path: Path
) -> None:
    def wait_for(name: str) -> None:
        while not (tmp_path / name).exists():
            assert not (first.done() and second and second.done()), "the processes ended"
            time.sleep(0.01)

    with ThreadPoolExecutor() as pool:
        second = None
        first = pool.submit(choose, kotlin, classes, tmp_path, "waits")
        wait_for("begun")
        second = pool.submit(choose, kotlin, classes, tmp_path, "works")
        wait_for("started to works")
        (tmp_path / "go").touch()
        tried = "right in all of 56 runs, 0.00 ms each"
        assert first.result() == f"GPU remembered=false {tried}"
        assert second.result() == f"GPU remembered=true {tried}"


def test_kotlin_measures_as_python_does(
    kotlin: Kotlin, classes: list[Path], tmp_path: Path
) -> None:
    cases = all_cases()
    (tmp_path / "cases").write_bytes(
        struct.pack(">i", len(cases)) + b"".join(map(case_bytes, cases))
    )
    kotlin.run(
        f"{PACKAGE}.MeasureAnswersKt", classes, [str(tmp_path / "cases"), str(tmp_path / "results")]
    )
    lines = (tmp_path / "results").read_text(encoding="utf-8").splitlines()
    for case, line in zip(cases, lines, strict=True):
        assert_same(line, *case)


def assert_same(
    line: str, answers: NDArray[np.float32], references: NDArray[np.float32], classified: bool
) -> None:
    """Compare a line of Kotlin's with what Python says."""
    try:
        metrics = tensor_metrics(answers, references)
    except IncomparableError:
        assert line == "it is empty" or line.endswith("values of 12 are NaN or Inf")
        assert (line == "it is empty") == (answers.size == 0)
        return
    names = ["snr_db", "psnr_db", "max_abs", "cosine"]
    found = line.split(" ")
    if classified:
        metrics.update(agreement_metrics(answers, references))
        names += ["agreement", "agreement_high"]
    else:
        assert found[4:] == ["null", "null"]
    numbers = [float(number) for number in found[: len(names)]]
    expected = [metrics[name] for name in names]
    np.testing.assert_allclose(numbers, expected, rtol=1e-9, atol=1e-9)


def all_cases() -> list[Case]:
    """Random answers of every kind, and those that are most easily got wrong."""
    random = np.random.default_rng(7)

    def normal(*shape: int) -> NDArray[np.float32]:
        return random.normal(size=shape).astype(np.float32)

    cases: list[Case] = []
    for samples, size in ((1, 1), (1, 5), (4, 1), (8, 10), (32, 3), (5, 1000)):
        for scale in (0.0, 1e-7, 0.01, 0.3, 3.0, 1e30):
            references = normal(samples, size)
            answers = (references + scale * normal(samples, size)).astype(np.float32)
            cases.append((answers, references, True))
            cases.append((answers * np.float32(1e-30), references * np.float32(1e-30), False))
    zeros = np.zeros((4, 6), np.float32)
    ties = random.integers(0, 3, (16, 6)).astype(np.float32)
    shares = random.random((40, 1)).astype(np.float32)
    nearly = (ties + 1e-7 * normal(16, 6)).astype(np.float32)
    cases += [
        (zeros, zeros, True),
        (normal(4, 6), zeros, True),
        (zeros, normal(4, 6), True),
        (ties, ties[::-1].copy(), True),
        (nearly, ties, True),
        (ties, nearly, True),
        (shares, np.round(shares), True),
        (shares, 1 - shares, True),
        (np.full((2, 2), 0.5, np.float32), np.full((2, 2), 0.5, np.float32), True),
        (np.zeros((3, 0), np.float32), np.zeros((3, 0), np.float32), False),
        (np.full((2, 3), 3e38, np.float32), np.full((2, 3), -3e38, np.float32), False),
    ]
    for value in (np.nan, np.inf, -np.inf):
        spoiled = normal(3, 4)
        spoiled[1, 2] = value
        cases += [(spoiled, normal(3, 4), True), (normal(3, 4), spoiled, False)]
        cases.append((spoiled, spoiled, False))
    return cases


def case_bytes(case: Case) -> bytes:
    """Return what `MeasureAnswers.kt` reads."""
    answers, references, classified = case
    values = answers.astype("<f4").tobytes() + references.astype("<f4").tobytes()
    return struct.pack(">ii?", *answers.shape, classified) + values

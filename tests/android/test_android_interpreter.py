"""Classic TFLite from Kotlin: the generated engine over the published classes and libraries.

They are the Android libraries of TFLite 2.16.1, which run on Linux with `android_libc.c`; Python's
answers are the `cpu` target's, a newer LiteRT. Both have XNNPACK, in two versions.
"""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import maven
import numpy as np
import pytest
from engines.interpreter.android_library import GRAPHICS, LIBC, adapt, build_libc
from engines.interpreter.quantised_cases import write_quantised_values
from engines.interpreter.small_models import SMALL_MODELS, describe_small_models
from numpy.typing import NDArray
from real_models import FINISHED, MODELS, PACKAGE, describe_real_models
from toolchain import JUnitRun, Kotlin, junit_tests
from tools import require_tool, without

from mobilekit.parity.batches import predict_samples
from mobilekit.parity.metrics import tensor_metrics
from mobilekit.wrappers.android import write_module
from mobilekit.wrappers.description import AndroidModule
from mobilekit_converters.artifact import Artifact
from mobilekit_delegates.targets import target

KOTLIN = Path(__file__).parent / "kotlin" / "interpreter"
ON_THE_CPU = [
    KOTLIN / f"{name}.kt"
    for name in (
        "InterpreterEngineTest",
        "InterpreterCallsTest",
        "QuantisationTest",
        "ManyCallsTest",
    )
]
ON_THE_GPU = [KOTLIN / "GpuTest.kt"]

REAL_MODELS = [
    *(f"{model.name}{ends}" for model in MODELS for ends in ("", "Int8")),
    *(model.name for model in FINISHED),
]

LEAST_SNR_DB = {
    # The same arithmetic in another order; measured 128 dB and more.
    "tflite-fp32": 110,
    "tflite-fp16": 110,
    # What the older XNNPACK leaves to other kernels quantises its inputs in another way, neither
    # nearer to the trained model than the other; measured 48 dB and more.
    "tflite-dynamic": 40,
    # Equal but for one value of ResNet's that is off by one step of the output: 54 dB.
    "tflite-int8": 45,
}
"""How near Kotlin's answers are to Python's, over all samples."""

CONSTANT_HEAP = ["-Xms128m", "-Xmx128m", "-XX:+AlwaysPreTouch", "-XX:-DoEscapeAnalysis"]
"""What a JVM needs for its memory to grow with what TFLite holds alone. Without the analysis every
object is allocated that the code makes, as on a phone."""

NO_SCREEN = {"EGL_PLATFORM": "surfaceless"}


@dataclass(frozen=True, kw_only=True)
class Generated:
    """Modules of one package, written into one folder and compiled with the tests."""

    modules: Mapping[str, AndroidModule]
    classpath: tuple[Path, ...]
    assets: Path
    libraries: Path

    def properties(self, output: Path) -> dict[str, str]:
        """Return where the JVM finds everything."""
        return {
            "java.library.path": str(self.libraries),
            "android.libc": str(self.libraries / LIBC),
            "assets": str(self.assets),
            "output": str(output),
        }


@pytest.fixture(scope="module")
def generated(kotlin: Kotlin, tmp_path_factory: pytest.TempPathFactory) -> Generated:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        without("TFLite's Android libraries for x86-64 run on Linux on such a processor alone.")
    compiler = require_tool("gcc")
    folder = tmp_path_factory.mktemp("interpreter")
    modules = [
        *describe_small_models(folder / "small"),
        *describe_real_models(folder / "real", "interpreter"),
    ]
    for module in modules:
        write_module(module, folder / "module")
    libraries = folder / "libraries"
    libraries.mkdir()
    libc = build_libc(compiler, libraries, GRAPHICS if _has_graphics() else ())
    for pin in maven.classpaths()["interpreter"]:
        for library in pin.libraries:
            (libraries / library.name).write_bytes(adapt(library.read_bytes(), libc.read_bytes()))
    sources = folder / "module" / "src" / "main"
    main = kotlin.compile(
        [sources / "kotlin"],
        ["android", "interpreter", "coroutines"],
        folder / "main",
        explicit_api=True,
    )
    tests = kotlin.compile(
        [KOTLIN], [main, "junit", "android", "interpreter"], folder / "tests", friends=[main]
    )
    write_quantised_values(sources / "assets" / "quantised_values.bin")
    return Generated(
        modules={module.model.name: module for module in modules},
        classpath=(main, tests),
        assets=sources / "assets",
        libraries=libraries,
    )


def _has_graphics() -> bool:
    for name in GRAPHICS:
        try:
            ctypes.CDLL(name)
        except OSError:
            return False
    return True


def _require_graphics() -> None:
    if not _has_graphics():
        without("There is no OpenGL ES here; on Debian: apt-get install libegl1 libgles2")


def _classes(*files: Path) -> list[str]:
    return [f"{PACKAGE}.{file.stem}" for file in files]


@pytest.fixture(scope="module")
def unit_tests(
    kotlin: Kotlin, generated: Generated, tmp_path_factory: pytest.TempPathFactory
) -> JUnitRun:
    return kotlin.run_junit(
        ["android", "interpreter", *generated.classpath],
        _classes(*ON_THE_CPU),
        properties=generated.properties(tmp_path_factory.mktemp("unit")),
        options=CONSTANT_HEAP,
    )


@pytest.mark.parametrize("name", junit_tests(*ON_THE_CPU))
def test_engine(unit_tests: JUnitRun, name: str) -> None:
    unit_tests.check(name)


@pytest.fixture(scope="module")
def gpu_tests(
    kotlin: Kotlin, generated: Generated, tmp_path_factory: pytest.TempPathFactory
) -> JUnitRun:
    _require_graphics()
    return kotlin.run_junit(
        ["android", "interpreter", *generated.classpath],
        _classes(*ON_THE_GPU),
        properties=generated.properties(tmp_path_factory.mktemp("unit")),
        environment=NO_SCREEN,
    )


@pytest.mark.parametrize("name", junit_tests(*ON_THE_GPU))
def test_gpu(gpu_tests: JUnitRun, name: str) -> None:
    gpu_tests.check(name)


@pytest.fixture(scope="module")
def answers(kotlin: Kotlin, generated: Generated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Kotlin answered on the CPU to the goldens of all models, in one JVM."""
    return _answers(kotlin, generated, tmp_path_factory.mktemp("cpu"), "CPU")


@pytest.fixture(scope="module")
def gpu_answers(
    kotlin: Kotlin, generated: Generated, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    _require_graphics()
    return _answers(kotlin, generated, tmp_path_factory.mktemp("gpu"), "GPU")


def _answers(kotlin: Kotlin, generated: Generated, folder: Path, accelerator: str) -> Path:
    names = [name for name in generated.modules if name not in SMALL_MODELS]
    kotlin.run(
        f"{PACKAGE}.GoldenAnswersKt",
        ["android", "interpreter", *generated.classpath],
        [accelerator, *names],
        properties=generated.properties(folder),
        environment=NO_SCREEN,
    )
    return folder


def _module(generated: Generated, name: str) -> AndroidModule:
    if name not in generated.modules:
        pytest.skip("the real models of ../shared/models are not on this machine")
    return generated.modules[name]


def _found(
    folder: Path, module: AndroidModule, artifact: Artifact, output: int
) -> NDArray[np.float32]:
    """Return what Kotlin answered to all samples, one after another."""
    file = folder / f"{module.model.name}.{artifact.variant}.{output}.bin"
    refusal = file.with_name(f"{module.model.name}.{artifact.variant}.txt")
    assert not refusal.exists(), refusal.read_text(encoding="utf-8")
    return np.fromfile(file, "<f4")


@pytest.mark.parametrize("name", REAL_MODELS)
def test_kotlin_answers_as_python_does(generated: Generated, answers: Path, name: str) -> None:
    module = _module(generated, name)
    for carried in module.artifacts:
        artifact = carried.artifact
        signature = artifact.signature
        with target("cpu").open(artifact) as session:
            expected = predict_samples(session.run_all, signature, module.model.golden.inputs)
        for index, output in enumerate(module.model.outputs):
            python = expected[output.spec.name]
            kotlin = _found(answers, module, artifact, index).reshape(python.shape)
            metrics = tensor_metrics(kotlin, python)
            assert metrics["snr_db"] >= LEAST_SNR_DB[artifact.variant], artifact.variant
            (stored,) = (spec for spec in signature.outputs if spec.name == output.spec.name)
            if stored.quantisation is not None:
                (step,) = stored.quantisation.scales
                assert np.abs(kotlin - python).max() <= 1.01 * step


@pytest.mark.parametrize("name", REAL_MODELS)
def test_the_gpu_answers_within_its_budget(
    generated: Generated, gpu_answers: Path, name: str
) -> None:
    module = _module(generated, name)
    for carried in module.artifacts:
        bounds = carried.budgets["gpu"].bounds
        for index, output in enumerate(module.model.outputs):
            reference = module.model.golden.outputs[output.spec.name]
            found = _found(gpu_answers, module, carried.artifact, index).reshape(reference.shape)
            metrics = tensor_metrics(found, reference)
            for metric in ("snr_db", "cosine"):
                assert metrics[metric] >= bounds[metric], (carried.artifact.variant, metric)

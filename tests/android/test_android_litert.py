"""The generated modules that call LiteRT 2, run on a JVM with LiteRT's own library for Linux."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from real_models import MODELS, PACKAGE, RealModel, describe_real_models
from toolchain import DECLARED, HERE, JUnitRun, Kotlin, junit_tests
from tools import require_target, without

from mobilekit.parity.golden import Golden
from mobilekit.project import parse_project
from mobilekit.wrappers.android import write_module
from mobilekit.wrappers.android.describe import describe_android
from mobilekit.wrappers.android.runtimes import RUNTIMES
from mobilekit.wrappers.description import AndroidModule
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.frozen import freeze
from mobilekit_converters.signature import Quantisation, Signature, TensorSpec
from mobilekit_converters.tflite import TFLiteOptions, convert
from mobilekit_converters.variants import variant
from mobilekit_delegates.quantised_values import dequantise, quantise
from mobilekit_delegates.targets import target, vulkan

KOTLIN = HERE / "kotlin" / "litert"
ENGINE = HERE / "engines" / "litert"

# The files of a module that its engine needs; the others have tests of their own.
NEEDED = (
    *("Accelerator", "AcceleratorTrial", "Candidate", "Engine", "Errors", "ModelSpec"),
    "Int8Quantisation",
    *("LiteRtEngine", "LiteRtEngineLoader", "LiteRtTensor"),
)

Array = NDArray[Any]
Call = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Built:
    """Modules of one package, written into one folder, compiled with the tests of their engine.

    `modules` are those of real models.
    """

    modules: tuple[AndroidModule, ...]
    assets: Path
    classpath: tuple[str | Path, ...]

    def properties(self) -> dict[str, str]:
        return {
            "assets": str(self.assets),
            "litert.library": str(litert_library()),
            "litert.version": importlib.metadata.version("ai-edge-litert"),
        }


def litert_library() -> Path:
    package = importlib.util.find_spec("ai_edge_litert")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).with_name("libLiteRt.so")


@pytest.fixture(scope="session")
def engine(kotlin: Kotlin) -> Path:
    """LiteRT's Kotlin API with real bodies."""
    if not litert_library().is_file():
        without("The LiteRT that is installed here has no libLiteRt.so.")
    sources = [ENGINE, DECLARED / "litert" / "LiteRtException.kt"]
    return kotlin.compile(sources, ["android", "jna"], kotlin.folder / "litert-engine")


@pytest.fixture(scope="session")
def built(kotlin: Kotlin, engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("litert")
    modules = tuple(describe_real_models(folder / "models", "litert"))
    small = (mixed(folder), shuffle(folder))
    for module in (*modules, *small):
        write_module(module, folder / "android")
    assets = folder / "android" / "src" / "main" / "assets"
    sources = folder / "android" / "src" / "main" / "kotlin" / PACKAGE.replace(".", "/")
    (folder / "Models.kt").write_text(
        f"package {PACKAGE}\n\n"
        "internal val models: List<ModelSpec> = listOf("
        + ", ".join(f"{module.model.name}Spec.model" for module in modules)
        + ")\n"
    )
    write_quantisation(assets / "quantisation")
    uint8 = TFLiteOptions(io_dtype="uint8")
    digits = folder / "models" / "Digits"
    convert(
        variant("tflite-int8"),
        digits / "frozen",
        assets / "uint8.tflite",
        uint8,
        digits / "calibration.npz",
    )
    classpath = (engine, "robolectric", "android", "junit", "jna", "coroutines")
    classes = kotlin.compile(
        [
            *(sources / f"{name}.kt" for name in NEEDED),
            *(sources / f"{module.model.name}Spec.kt" for module in (*modules, *small)),
            folder / "Models.kt",
            KOTLIN,
        ],
        classpath,
        folder / "classes",
    )
    return Built(modules=modules, assets=assets, classpath=(classes, *classpath))


def described(
    name: str, folder: Path, call: Any, signature: Signature, inputs: Mapping[str, Array]
) -> AndroidModule:
    """Convert a graph to float32 and describe its module."""
    freeze(call, signature, folder / name)
    artifact = convert(
        variant("tflite-fp32"), folder / name, folder / f"{name}.tflite", TFLiteOptions(), None
    )
    with closing(target("cpu").open(artifact)) as session:
        outputs = session.run(inputs)
    golden = Golden(
        inputs=dict(inputs),
        outputs={spec.name: outputs[spec.name] for spec in signature.outputs},
        tasks={},
        origin="Zeros.",
    )
    project = parse_project(
        {"model": {"name": name, "source": "x"}, "android": {"package": PACKAGE}},
        folder=folder,
        origin=name,
    )
    return describe_android(project, artifacts=[artifact], golden=golden, source_sha256="0" * 64)


def spec(name: str, dtype: str, *shape: int) -> TensorSpec:
    return TensorSpec(name=name, shape=(1, *shape), dtype=dtype)


def mixed(folder: Path) -> AndroidModule:
    """Inputs and outputs of every dtype, in an order that is not the alphabet's."""
    inputs = (
        spec("floats", "float32", 3),
        spec("counts", "int32", 2),
        spec("long", "int64"),
        spec("flags", "bool", 2, 2),
        spec("bytes", "int8", 5),
    )
    outputs = tuple(replace(item, name=f"{item.name}_out") for item in inputs)

    def call(given: Call) -> Call:
        import tensorflow as tf

        return {
            "floats_out": tf.maximum(given["floats"], -2.0) + 0.5,
            "counts_out": given["counts"] + 1,
            "long_out": given["long"] + 1,
            "flags_out": tf.logical_not(given["flags"]),
            "bytes_out": tf.gather(given["bytes"], [4, 3, 2, 1, 0], axis=1),
        }

    zeros = {item.name: np.zeros(item.shape, item.dtype) for item in inputs}
    return described("Mixed", folder, call, Signature(inputs=inputs, outputs=outputs), zeros)


def shuffle(folder: Path) -> AndroidModule:
    """Two convolutions, and between them a transpose of rank 5, which no GPU takes."""
    image = spec("x", "float32", 8, 8, 8)
    kernel = (np.random.default_rng(0).normal(size=(3, 3, 8, 8)) * 0.2).astype("f4")

    def call(given: Call) -> Call:
        import tensorflow as tf

        first = tf.nn.conv2d(given["x"], kernel, 1, "SAME")
        groups = tf.transpose(tf.reshape(first, (1, 8, 8, 2, 4)), (0, 1, 2, 4, 3))
        return {"y": tf.nn.conv2d(tf.reshape(groups, image.shape), kernel, 1, "SAME")}

    signature = Signature(inputs=(image,), outputs=(replace(image, name="y"),))
    return described("Shuffle", folder, call, signature, {"x": np.zeros(image.shape, "f4")})


def write_quantisation(path: Path) -> None:
    """Write values, and what Python makes of them, for Kotlin to do the same."""
    random = np.random.default_rng(7)
    cases = []
    for scale, zero_point in ((0.5, 0), (1 / 256, -128), (0.0078125, 127), (0.1, 3), (3.7e-5, -7)):
        single = float(np.float32(scale))
        quantisation = Quantisation(scales=(single,), zero_points=(zero_point,))
        # Halves, both ends and beyond, and anything.
        steps = np.concatenate([np.arange(-300, 300) / 2, random.uniform(-200, 200, 1000)])
        ends = [0.0, -0.0, 1e30, -1e30, np.inf, -np.inf]
        values = np.concatenate([(steps - zero_point) * single, ends]).astype(np.float32)
        stored = quantise(values, quantisation, "int8")
        cases.append(
            struct.pack(">fii", single, zero_point, values.size)
            + values.astype(">f4").tobytes()
            + stored.tobytes()
            + dequantise(stored, quantisation).astype(">f4").tobytes()
        )
    path.write_bytes(struct.pack(">i", len(cases)) + b"".join(cases))


# --- What the engine answers, against Python. ---


VARIANTS = ("tflite-fp32", "tflite-fp16", "tflite-dynamic", "tflite-int8")
NO_DRIVER = "/nonexistent"


def kotlin_answers(
    kotlin: Kotlin,
    built: Built,
    folder: Path,
    accelerator: str,
    *,
    variants: tuple[str, ...],
    drivers: str,
) -> Path:
    """Run the real models' artifacts on their goldens, in one JVM."""
    kotlin.run(
        f"{PACKAGE}.AnswersKt",
        built.classpath,
        [str(built.assets), str(folder), accelerator, *variants],
        properties=built.properties(),
        environment={vulkan.DRIVERS: drivers},
        timeout=300,
    )
    return folder


@pytest.fixture(scope="session")
def cpu_answers(kotlin: Kotlin, built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cpu")
    return kotlin_answers(kotlin, built, folder, "CPU", variants=VARIANTS, drivers=NO_DRIVER)


def python_answers(name: str, module: AndroidModule, variant: str) -> list[Array]:
    """Return the answers of a target to a module's golden, by output."""
    artifact = next(a.artifact for a in module.artifacts if a.artifact.variant == variant)
    golden = module.model.golden
    shapes = {spec.name: spec.shape for spec in artifact.signature.inputs}
    with closing(target(name).open(artifact)) as session:
        answers = [
            session.run(
                {
                    name: values[sample : sample + 1].reshape(shapes[name])
                    for name, values in golden.inputs.items()
                }
            )
            for sample in range(len(golden))
        ]
    return [
        np.concatenate([answer[output.spec.name].reshape(1, -1) for answer in answers])
        for output in module.model.outputs
    ]


def read_answers(folder: Path, module: AndroidModule, variant: str) -> list[Array]:
    stem = f"{module.model.name}.{variant}"
    error = folder / f"{stem}.error"
    assert not error.exists(), error.read_text()
    return [
        np.fromfile(folder / f"{stem}.{index}", ">f4")
        .astype("f4")
        .reshape(len(module.model.golden), -1)
        for index in range(len(module.model.outputs))
    ]


def artifacts(built: Built, variants: tuple[str, ...]) -> Iterator[tuple[AndroidModule, str]]:
    for module in built.modules:
        for carried in module.artifacts:
            if carried.artifact.variant in variants:
                yield module, carried.artifact.variant


def test_kotlin_answers_as_python_bit_for_bit(built: Built, cpu_answers: Path) -> None:
    compared = 0
    for module, variant_name in artifacts(built, VARIANTS):
        expected = python_answers("cpu", module, variant_name)
        for found, wanted in zip(
            read_answers(cpu_answers, module, variant_name), expected, strict=True
        ):
            np.testing.assert_array_equal(found, wanted, f"{module.model.name} {variant_name}")
        compared += 1
    assert compared == sum(len(module.artifacts) for module in built.modules)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_model_was_there(built: Built, model: RealModel) -> None:
    if not model.source.exists():
        pytest.skip(f"{model.source} is not on this machine")
    names = {module.model.name for module in built.modules}
    assert {model.name, f"{model.name}Int8"} <= names


def test_a_model_that_keeps_state_is_refused(tmp_path: Path) -> None:
    """LiteRT's CompiledModel cannot run it, not even on the CPU."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    module = shuffle(tmp_path)
    (path,) = module.files.values()
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    graph = model.subgraphs[0]
    graph.tensors[graph.operators[0].outputs[0]].isVariable = True
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    said = "tflite-fp32 keeps state from run to run in .* runtime to the other one, TFLite's"
    with pytest.raises(ProjectError, match=said):
        write_module(module, tmp_path / "android")
    assert not (tmp_path / "android").exists()


# --- The engine's own tests. ---

WITHOUT_GPU = [
    KOTLIN / f"{name}.kt"
    for name in ("LiteRtEngineTest", "LiteRtManyCallsTest", "AndroidLiteRtTest")
]
WITH_GPU = KOTLIN / "LiteRtGpuTest.kt"

FIXED_HEAP = ("-Xms512m", "-Xmx512m", "-XX:+AlwaysPreTouch")


@pytest.fixture(scope="session")
def run(kotlin: Kotlin, built: Built) -> JUnitRun:
    return kotlin.run_junit(
        built.classpath,
        [f"{PACKAGE}.{file.stem}" for file in WITHOUT_GPU],
        options=FIXED_HEAP,
        properties=built.properties(),
        environment={vulkan.DRIVERS: NO_DRIVER},
        assets=built.assets,
        timeout=180,
    )


@pytest.mark.parametrize("name", junit_tests(*WITHOUT_GPU))
def test_engine(run: JUnitRun, name: str) -> None:
    run.check(name)


def test_the_runtime_is_the_one_that_modules_are_built_with() -> None:
    version = importlib.metadata.version("ai-edge-litert")
    assert all(name.endswith(f":{version}") for name in RUNTIMES["litert"].libraries)


# --- The GPU. ---


@pytest.fixture(scope="session")
def gpu_driver() -> str:
    require_target("gpu")
    return str(vulkan.devices()[0].manifest)


@pytest.fixture(scope="session")
def gpu_run(kotlin: Kotlin, built: Built, gpu_driver: str) -> JUnitRun:
    return kotlin.run_junit(
        built.classpath,
        [f"{PACKAGE}.{WITH_GPU.stem}"],
        properties=built.properties(),
        environment={vulkan.DRIVERS: gpu_driver},
        timeout=180,
    )


@pytest.mark.parametrize("name", junit_tests(WITH_GPU))
def test_gpu(gpu_run: JUnitRun, name: str) -> None:
    gpu_run.check(name)


def test_the_gpu_answers_from_kotlin(
    kotlin: Kotlin, built: Built, gpu_driver: str, tmp_path: Path
) -> None:
    floats = ("tflite-fp32", "tflite-fp16")
    kotlin_answers(kotlin, built, tmp_path, "GPU", variants=floats, drivers=gpu_driver)
    for module, variant_name in artifacts(built, floats):
        (found,) = read_answers(tmp_path, module, variant_name)
        (exact,) = python_answers("cpu", module, variant_name)
        assert not np.array_equal(found, exact), "16-bit floats leave no trace"
        np.testing.assert_allclose(found, exact, atol=0.01)


# --- The API. ---


def test_the_engine_has_the_declared_api(kotlin: Kotlin, engine: Path) -> None:
    declared = Path(kotlin.joined(["declared litert"]).rpartition(":")[2])
    classes = sorted(
        str(file.relative_to(declared)).removesuffix(".class").replace("/", ".")
        for file in declared.rglob("*.class")
        if not re.search(r"\$\d|Kt\.class$|WhenMappings", file.name)
    )
    assert "com.google.ai.edge.litert.CompiledModel$GpuOptions$Precision" in classes
    assert public_api(kotlin, engine, classes) == public_api(kotlin, declared, classes)


def public_api(kotlin: Kotlin, folder: Path, classes: list[str]) -> str:
    """Return what other modules may call: no names that Kotlin made for `internal` ones."""
    listed = subprocess.run(
        [
            *(str(kotlin.java_home / "bin" / "javap"), "-protected"),
            *("-cp", kotlin.joined([folder, "android"])),
            *classes,
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line for line in listed.splitlines() if not re.search(r"\$\w+\(|DefaultConstr", line)]
    return "\n".join(line for line in lines if not line.startswith("Compiled from"))

"""The stand-ins of Apple's modules: real predictions, arrays and images as Swift code sees them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from swift_toolchain import Swift, SwiftError, XCTestRun, xctests

from mobilekit_converters import coreml
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.sources import SourceOptions, open_source
from mobilekit_converters.variants import variant
from mobilekit_delegates.targets import target

SOURCES = Path(__file__).parent / "swift" / "stand_in"
DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(SOURCES, tmp_path_factory.mktemp("swift") / "stand_in")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The example's model as a float16 package."""
    folder = tmp_path_factory.mktemp("digits")
    open_source(DIGITS / "digits.keras", SourceOptions()).freeze(folder / "frozen")
    made = folder / "digits fp16.mlpackage"
    return coreml.convert(
        variant("coreml-fp16"), folder / "frozen", made, coreml.CoreMLOptions(minimum="iOS16")
    )


def _save(path: Path, function: Callable[..., Any], specs: list[Any], types: list[Any]) -> None:
    """Save a program; `types` are those of its inputs as its users see them."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813

    program = mb.program(input_specs=specs, opset_version=ct.target.iOS16)(function)
    model = ct.convert(
        program,
        inputs=types,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=ct.precision.FLOAT32,
        skip_model_load=True,
    )
    model.save(str(path))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages that `StandInTests.swift` loads."""
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb  # noqa: N813
    from coremltools.converters.mil.mil import types

    folder = tmp_path_factory.mktemp("samples")
    dtypes = {"f": types.fp32, "h": types.fp16, "i": types.int32}

    def doubled(f: Any, h: Any, i: Any) -> Any:
        return tuple(
            mb.add(x=value, y=value, name=f"{name}2")
            for name, value in (("f", f), ("h", h), ("i", i))
        )

    _save(
        folder / "types.mlpackage",
        doubled,
        [mb.TensorSpec(shape=(2, 3), dtype=dtype) for dtype in dtypes.values()],
        [ct.TensorType(name=name, shape=(2, 3), dtype=dtype) for name, dtype in dtypes.items()],
    )

    def same(image: Any) -> Any:
        return mb.identity(x=image, name="values")

    _save(
        folder / "colours.mlpackage",
        same,
        [mb.TensorSpec(shape=(1, 3, 2, 3), dtype=types.fp32)],
        [ct.ImageType(name="image", shape=(1, 3, 2, 3), color_layout=ct.colorlayout.RGB)],
    )
    damaged = shutil.copytree(folder / "types.mlpackage", folder / "damaged.mlpackage")
    model = damaged / "Data" / "com.apple.CoreML" / "model.mlmodel"
    model.write_bytes(model.read_bytes()[:100])
    return folder


@pytest.fixture(scope="module")
def tested(swift: Swift, package: Path, samples: Path) -> XCTestRun:
    return swift.test(package, environment={"SAMPLES": str(samples)})


@pytest.mark.parametrize("name", xctests(SOURCES / "Tests"))
def test_swift(name: str, tested: XCTestRun) -> None:
    tested.check(name)


def test_every_swift_test_is_known(tested: XCTestRun) -> None:
    assert set(tested.results) == set(xctests(SOURCES / "Tests"))


def test_swift_answers_as_python_does(swift: Swift, package: Path, digits: Artifact) -> None:
    with np.load(DIGITS / "evaluation.npz", allow_pickle=False) as archive:
        images = archive[digits.signature.inputs[0].name]
    shape = digits.signature.inputs[0].shape
    (output,) = digits.signature.outputs
    with target("coreml").open(digits) as session:
        for image in images[:3]:
            sample = np.ascontiguousarray(image.reshape(shape), "<f4")
            expected = session.run({digits.signature.inputs[0].name: sample})[output.name]
            answered = swift.run(
                package, "predict", [str(digits.path), "0"], stdin=sample.tobytes()
            )
            assert answered == expected.astype("<f4").tobytes()


def test_what_goes_wrong_in_swift_is_said(swift: Swift, package: Path, tmp_path: Path) -> None:
    with pytest.raises(SwiftError, match="There is no model at"):
        swift.run(package, "predict", [str(tmp_path / "none.mlpackage"), "0"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("let model: any Sendable = try MLModel(contentsOf: url)", "MLModel"),
        (
            "let array: any Sendable = try MLMultiArray(shape: [1], dataType: .int32)",
            "MLMultiArray",
        ),
    ],
)
def test_what_apple_did_not_make_sendable_is_not(
    swift: Swift, tmp_path: Path, source: str, message: str
) -> None:
    file = tmp_path / "Sent.swift"
    file.write_text(
        f"import CoreML\nfunc sent(_ url: URL) throws {{\n    {source}\n    _ = url\n}}\n"
    )
    with pytest.raises(SwiftError, match=f"'{message}' does not conform to the 'Sendable'"):
        swift.type_check([file])

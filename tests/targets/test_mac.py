"""What of the Mac's targets needs no Mac. Core ML itself is never run here."""

from __future__ import annotations

import platform
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import DataError, TargetError
from mobilekit_converters.signature import Signature, TensorSpec
from mobilekit_delegates.targets import target
from mobilekit_delegates.targets.mac import Mac, MacSession, execution_of
from mobilekit_delegates.targets.target import Execution
from mobilekit_delegates.targets.timed import TimedTarget, TimingPlan

NAMES = ("mac/cpu", "mac/gpu", "mac/neural-engine")

not_a_mac = pytest.mark.skipif(sys.platform == "darwin", reason="this is a Mac")


@not_a_mac
@pytest.mark.parametrize("name", NAMES)
def test_other_systems_need_a_mac(name: str) -> None:
    missing = target(name).missing()
    assert missing is not None
    assert str(missing).startswith("Core ML runs on a Mac only.")
    assert missing.command == ""


@pytest.mark.parametrize("name", NAMES)
def test_every_report_says_that_it_is_untested(name: str) -> None:
    info = target(name).info
    assert "untested" in info.meaning
    assert info.formats == ("coreml",)
    assert info.budgets_of == "coreml"


def test_an_intel_mac_has_no_neural_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert "Intel" in str(target("mac/neural-engine").missing())
    assert target("mac/gpu").missing() is None
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert target("mac/neural-engine").missing() is None


def test_the_compute_units_are_those_of_coremltools() -> None:
    import coremltools as ct

    from mobilekit_delegates.targets.mac import _UNITS

    assert {unit.units for unit in _UNITS.values()} <= set(ct.ComputeUnit.__members__)
    devices = {unit.device for unit in _UNITS.values() if unit.device}
    assert all(hasattr(ct.models.compute_device, device) for device in devices)


class MLCPUComputeDevice:
    """A stand-in for coremltools' class of this name, which only a Mac can make."""


class MLNeuralEngineComputeDevice:
    """A stand-in for coremltools' class of this name, which only a Mac can make."""


def operation(device: type | None, *inner: Any) -> Any:
    """A stand-in for an operation of a plan, and the device that Core ML prefers for it."""
    blocks = [SimpleNamespace(operations=list(inner))] if inner else []
    return SimpleNamespace(device=device, blocks=blocks)


@dataclass
class StandInPlan:
    """A stand-in for `MLComputePlan` with the attributes and the method that are read."""

    operations: list[Any]
    model_structure: Any = field(init=False)

    def __post_init__(self) -> None:
        main = SimpleNamespace(block=SimpleNamespace(operations=self.operations))
        self.model_structure = SimpleNamespace(program=SimpleNamespace(functions={"main": main}))

    def get_compute_device_usage_for_mlprogram_operation(self, operation: Any) -> Any:
        if operation.device is None:
            return None
        return SimpleNamespace(preferred_compute_device=operation.device())


def test_a_plan_says_what_runs_where() -> None:
    cpu, engine = MLCPUComputeDevice, MLNeuralEngineComputeDevice
    plan = StandInPlan(
        [operation(None), operation(engine), operation(cpu, operation(engine), operation(None))]
    )
    execution = execution_of(plan, engine.__name__, place="macOS 15")
    assert (execution.nodes, execution.nodes_taken, execution.place) == (3, 2, "macOS 15")
    assert "plans" in execution.notes[0]
    assert execution_of(plan, "MLGPUComputeDevice", place="").nodes_taken == 0


def test_the_cpu_has_no_share_to_report() -> None:
    execution = execution_of(StandInPlan([operation(MLCPUComputeDevice)]), "", place="")
    assert (execution.nodes, execution.nodes_taken, execution.notes) == (1, None, ())


@dataclass
class StandInModel:
    """A stand-in for `MLModel` on a Mac: it notes what it is given and answers with its sum."""

    colour: int = 0
    given: dict[str, Any] = field(default_factory=dict)
    broken: bool = False

    def get_spec(self) -> Any:
        from coremltools.proto import Model_pb2

        spec = Model_pb2.Model()
        feature = spec.description.input.add()
        feature.name = "native_in"
        if self.colour:
            feature.type.imageType.colorSpace = self.colour
        spec.description.metadata.userDefined["mobilekit.images"] = (
            '{"in": {"scale": 0.5, "offset": -1.0}}'
        )
        return spec

    def predict(self, features: dict[str, Any]) -> dict[str, NDArray[Any]]:
        if self.broken:
            raise RuntimeError("Unable to compute the prediction using ML Program.")
        self.given = features
        total = np.sum(np.asarray(features["native_in"], np.float64))
        return {"native_out": np.array([total], np.float64)}


def artifact(*shape: int, dtype: str = "float32") -> Artifact:
    return Artifact(
        variant="coreml-fp16",
        path=Path("m.mlpackage"),
        sha256="",
        file_bytes=0,
        signature=Signature(
            inputs=(TensorSpec(name="in", shape=shape, dtype=dtype),),
            outputs=(TensorSpec(name="out", shape=(1,), dtype="float32"),),
        ),
        native_names={"in": "native_in", "out": "native_out"},
    )


def session(model: StandInModel, subject: Artifact) -> MacSession:
    return MacSession(subject, model, execution=Execution())


def test_a_session_speaks_the_sources_names() -> None:
    with session(StandInModel(), artifact(1, 2)) as opened:
        (outputs,) = opened.run_all([{"in": np.array([[1, 2]], np.float32)}])
    assert outputs["out"].dtype == np.float32
    assert outputs["out"].tolist() == [3]


@pytest.mark.parametrize(
    ("colour", "channels", "expected"),
    [(20, 3, [2, 4, 6]), (30, 3, [6, 4, 2]), (10, 1, 2)],
)
def test_an_image_goes_in_as_pixels(colour: int, channels: int, expected: Any) -> None:
    """RGB as it is; BGR turned, because PIL has no such mode; grayscale flat."""
    model = StandInModel(colour=colour)
    values = np.array([0.0, 1.0, 2.0], np.float32)[:channels].reshape(1, 1, 1, channels)
    with session(model, artifact(1, 1, 1, channels, dtype="uint8")) as opened:
        opened.run({"in": values})
    image = model.given["native_in"]
    assert image.mode == ("L" if channels == 1 else "RGB")
    assert np.asarray(image)[0, 0].tolist() == expected


def test_what_core_ml_says_is_the_checks_reason() -> None:
    with (
        session(StandInModel(broken=True), artifact(1, 2)) as opened,
        pytest.raises(TargetError, match=r"could not run m\.mlpackage: Unable to compute"),
    ):
        opened.run({"in": np.zeros((1, 2), np.float32)})


def test_an_input_of_another_shape_is_refused() -> None:
    with (
        session(StandInModel(), artifact(1, 2)) as opened,
        pytest.raises(DataError, match=r"Input 'in' is \(1, 2\), not \(1, 3\)"),
    ):
        opened.run({"in": np.zeros((1, 3), np.float32)})


def test_a_session_removes_its_copy() -> None:
    folder = tempfile.TemporaryDirectory()
    with MacSession(artifact(1, 2), StandInModel(), execution=Execution(), folder=folder):
        assert Path(folder.name).is_dir()
    assert not Path(folder.name).exists()


@not_a_mac
def test_a_package_that_core_ml_cannot_load_is_a_target_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On this system coremltools cannot load any; nothing is left behind."""
    (tmp_path / "m.mlpackage").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    subject = Artifact(
        variant="coreml-fp16",
        path=tmp_path / "m.mlpackage",
        sha256="",
        file_bytes=0,
        signature=artifact(1, 2).signature,
    )
    with pytest.raises(TargetError, match=r"mac/cpu could not load m\.mlpackage"):
        target("mac/cpu").open(subject)
    assert list((tmp_path / "temporary").iterdir()) == []


class StandInMac(Mac):
    """A stand-in for a Mac: `StandInModel` answers for Core ML, so its times are nobody's."""

    def __init__(self, model: StandInModel) -> None:
        super().__init__("gpu")
        self.model = model
        self.folder = tempfile.TemporaryDirectory()

    def version(self) -> str:
        return "a stand-in"

    def open(self, artifact: Artifact) -> MacSession:
        execution = Execution(notes=("What runs where is what Core ML plans.",))
        return MacSession(
            artifact, self.model, execution=execution, folder=self.folder, load_ns=1234
        )


PLAN = TimingPlan(settled=lambda _times, _window: True, block_seconds=0.0, block_runs=7, threads=3)


def test_a_macs_runs_are_timed_with_what_the_clock_holds() -> None:
    """On a stand-in: what is shown is what is called and told, not how long Core ML takes."""
    model = StandInModel()
    mac = StandInMac(model)
    batches = [{"in": np.array([[value, 2]], np.float32)} for value in (1, 5)]
    found = mac.time_artifact(artifact(1, 2), batches, PLAN)
    assert len(found.run_ns) == 7
    assert (found.load_ns, found.prepare_ns, found.first_ns > 0) == (1234, None, True)
    assert (
        found.clocked == "coremltools' predict(), which copies inputs to Core ML and outputs back"
    )
    # Core ML chooses its threads, whatever was asked for.
    assert (found.threads, found.place) == (None, "a stand-in")
    assert found.notes[0] == "What runs where is what Core ML plans."
    assert "compiling the package" in found.notes[1]
    assert np.asarray(model.given["native_in"]).tolist() in ([[1, 2]], [[5, 2]])
    assert not Path(mac.folder.name).exists()


def test_a_mac_that_fails_while_it_is_timed_leaves_nothing() -> None:
    mac = StandInMac(StandInModel(broken=True))
    with pytest.raises(TargetError, match="Unable to compute"):
        mac.time_artifact(artifact(1, 2), [{"in": np.zeros((1, 2), np.float32)}], PLAN)
    assert not Path(mac.folder.name).exists()


@pytest.mark.parametrize("name", NAMES)
def test_all_of_a_macs_units_can_be_timed(name: str) -> None:
    assert isinstance(target(name), TimedTarget)
    assert not target(name).info.emulated

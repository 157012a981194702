from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from frozen_models import IMAGE, SIGNATURE, freeze_classifier

from mobilekit_converters import coreml
from mobilekit_converters.variants import variant
from mobilekit_delegates.tracing.calibration import traced_values


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return freeze_classifier(tmp_path_factory.mktemp("frozen"))


@pytest.fixture(scope="session")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> coreml.Calibration:
    """Samples of different ranges: the largest is neither the first nor the last."""
    samples = np.random.default_rng(2).normal(0, 1, (8, *SIGNATURE.inputs[0].shape[1:]))
    samples *= np.array([1, 2, 0.5, 3, 1, 0.2, 1, 0.7])[:, None, None, None]
    path = tmp_path_factory.mktemp("calibration") / "data.npz"
    np.savez(path, **{IMAGE: samples.astype("f4")})  # type: ignore[arg-type]
    return coreml.Calibration(data=path, trace=traced_values)


@pytest.fixture(scope="session")
def packages(
    frozen: Path, calibration: coreml.Calibration, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """All Core ML variants of the classifier, by precision."""
    folder = tmp_path_factory.mktemp("packages")
    made: dict[str, Path] = {}
    for precision in ("fp32", "fp16", "w8", "palette4", "palette6", "palette8", "w8a8"):
        made[precision] = folder / f"{precision}.mlpackage"
        coreml.convert(
            variant(f"coreml-{precision}"),
            frozen,
            made[precision],
            coreml.CoreMLOptions(minimum="iOS17" if precision == "w8a8" else "iOS16"),
            made.get("fp16"),
            calibration,
        )
    return made

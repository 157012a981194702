from __future__ import annotations

from pathlib import Path

import pytest
from frozen_models import freeze_classifier

from mobilekit_converters import coreml
from mobilekit_converters.variants import variant


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return freeze_classifier(tmp_path_factory.mktemp("frozen"))


@pytest.fixture(scope="session")
def packages(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All Core ML variants of the classifier, by precision."""
    folder = tmp_path_factory.mktemp("packages")
    made: dict[str, Path] = {}
    for precision in ("fp32", "fp16", "w8", "palette4", "palette6", "palette8"):
        made[precision] = folder / f"{precision}.mlpackage"
        coreml.convert(
            variant(f"coreml-{precision}"),
            frozen,
            made[precision],
            coreml.CoreMLOptions(),
            made.get("fp16"),
        )
    return made

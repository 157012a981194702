"""What a module says of its own tests, for whoever has their APK and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from mobilekit.wrappers.android.facts import artifact_asset
from mobilekit.wrappers.android.runtimes import RUNTIMES
from mobilekit.wrappers.description import AndroidModule
from mobilekit_delegates.targets.android_apk import FACTS_ASSET, FACTS_SCHEMA

RUNNER = "androidx.test.runner.AndroidJUnitRunner"


def write_test_facts(module: AndroidModule, assets: Path) -> None:
    """Write the facts among the assets of a module's tests, in a folder which is made."""
    facts = {
        "schema": FACTS_SCHEMA,
        "model": module.model.name,
        "source_sha256": module.model.source_sha256,
        # Android's Gradle plugin gives the tests of a library a package of their own.
        "test_package": f"{module.package}.test",
        "runner": RUNNER,
        "parity_test": f"{module.package}.{module.model.name}ParityTest",
        "benchmark": f"{module.package}.{module.model.name}Benchmark",
        "accelerators": [name.lower() for name in RUNTIMES[module.runtime].accelerators],
        "artifacts": {
            carried.artifact.variant: artifact_asset(module, carried.artifact.variant)
            for carried in module.artifacts
        },
    }
    path = assets / FACTS_ASSET
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

"""The runtimes that a module can call: what each reads, where it runs, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobilekit.wrappers.description import AndroidRuntime


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A generation of TFLite on Android.

    `accelerators` maps the accelerators that it offers, as Kotlin calls them, to the target whose
    budget they are held to: all but the CPU compute in 16 bits, as a GPU does. `dtypes` are those
    of inputs and outputs that it reads and writes. `keeps_state` says whether it runs graphs whose
    tensors keep values from run to run. `libraries` are Maven coordinates.
    """

    title: str
    accelerators: Mapping[str, str]
    dtypes: frozenset[str]
    keeps_state: bool
    libraries: tuple[str, ...]


RUNTIMES: dict[AndroidRuntime, Runtime] = {
    "litert": Runtime(
        title="LiteRT",
        accelerators={"CPU": "cpu", "GPU": "gpu", "NPU": "gpu"},
        # `getInputTensorType` of LiteRT 2 throws for uint8, int16 and float16.
        dtypes=frozenset({"float32", "int8", "int32", "int64", "bool"}),
        # "Variable tensors not yet supported", says `CompiledModel` even on the CPU.
        keeps_state=False,
        libraries=(
            "com.google.ai.edge.litert:litert:2.3.0",
            "com.google.ai.edge.litert:litert-api:2.3.0",
            "com.google.ai.edge.litert:litert-gpu:2.3.0",
        ),
    ),
    "interpreter": Runtime(
        title="TFLite's Interpreter",
        accelerators={"CPU": "cpu", "GPU": "gpu", "NNAPI": "gpu"},
        dtypes=frozenset({"float32", "int8", "uint8", "int16", "int32", "int64", "bool"}),
        keeps_state=True,
        libraries=(
            "com.google.ai.edge.litert:litert:1.4.1",
            "com.google.ai.edge.litert:litert-api:1.4.1",
            "com.google.ai.edge.litert:litert-gpu:1.4.1",
            "com.google.ai.edge.litert:litert-gpu-api:1.4.1",
        ),
    ),
}

COROUTINES = "org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2"

TEST_LIBRARIES = ("androidx.test:runner:1.6.2", "junit:junit:4.13.2")

"""Asks the real delegates of this machine which nodes of a file they take.

A delegate is asked by a file here and a row in `ASKERS`, under the name that it has in the table
of delegates. What it answers stands beside the estimate, and `coverage/comparison.py` says where
they disagree.
"""

from __future__ import annotations

from mobilekit_delegates.coverage.asking.asker import Asker
from mobilekit_delegates.coverage.asking.compute_plan import ComputePlanAsker
from mobilekit_delegates.coverage.asking.gpu import GpuAsker
from mobilekit_delegates.coverage.asking.npu import NpuAsker
from mobilekit_delegates.coverage.asking.vela import VelaAsker
from mobilekit_delegates.coverage.asking.xnnpack import XnnpackAsker

__all__ = ["ASKERS", "Asker"]

ASKERS: dict[str, Asker] = {
    "gpu": GpuAsker(),
    "xnnpack": XnnpackAsker(),
    "ethos_u55": VelaAsker("ethos_u55", 256),
    "ethos_u65": VelaAsker("ethos_u65", 256),
    "ethos_u85": VelaAsker("ethos_u85", 256),
    "qualcomm": NpuAsker("qualcomm"),
    "mediatek": NpuAsker("mediatek"),
    "google_tensor": NpuAsker("google_tensor"),
    "samsung": NpuAsker("samsung"),
    "neural_engine": ComputePlanAsker("neural_engine"),
    "coreml_gpu": ComputePlanAsker("coreml_gpu"),
    "coreml_cpu": ComputePlanAsker("coreml_cpu"),
}
"""By delegate; the others cannot be asked here."""

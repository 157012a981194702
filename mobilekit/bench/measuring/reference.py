"""A workload that never changes, to tell how much this machine's times vary by themselves.

It is the product of two float32 matrices of 192 × 192 on one thread: what networks spend their time
on, in runs as short as theirs. It takes its turns like any artifact, in a process of its own each.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobilekit.bench.measuring.turn import Turn, pin_here, watched
from mobilekit_delegates.targets.timed import TimedRuns, TimingPlan, time_here

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Matrices = Mapping[str, NDArray[np.generic]]

SIDE = 192


def take_reference_turn(plan: TimingPlan) -> Turn:
    """Time the workload, on the cores of a plan and one thread."""
    pin_here(plan.affinity)
    return watched(lambda: _time(plan))


def _time(plan: TimingPlan) -> TimedRuns:
    import threadpoolctl

    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        timed = time_here(Product, [Product.factors()], plan)
    return replace(timed, place=_library(), threads=1)


def _library() -> str:
    """Say what computes it: the same text, the same times on the same machine.

    Whatever else the process has loaded, such as SciPy with a BLAS of its own, is not in it.
    """
    import numpy as np
    import threadpoolctl

    libraries = [found for found in threadpoolctl.threadpool_info() if found["user_api"] == "blas"]
    # Wheels have theirs in `numpy.libs` or `numpy/.dylibs`; else all share the system's.
    packages = Path(np.__file__).parent.parent
    own = [
        found
        for found in libraries
        if Path(found["filepath"]).is_relative_to(packages)
        and Path(found["filepath"]).relative_to(packages).parts[0].startswith("numpy")
    ]
    blas = [
        f"{found['internal_api']} {found['version']} for {found.get('architecture', 'any')}"
        for found in own or libraries
    ]
    by = ", ".join([f"numpy {np.__version__}", *sorted(set(blas))])
    return f"product of two {SIDE} × {SIDE} float32 matrices, one thread, {by}"


class Product:
    """The workload as a session; see `TimedSession`."""

    clocked = "the product"
    prepare_ns: int | None = None

    def __init__(self) -> None:
        import numpy as np

        started = time.perf_counter_ns()
        self._multiply = np.matmul
        self._out: NDArray[np.generic] = np.empty((SIDE, SIDE), np.float32)
        self._left: NDArray[np.generic] = self._out
        self._right: NDArray[np.generic] = self._out
        self.load_ns = time.perf_counter_ns() - started

    @staticmethod
    def factors() -> Matrices:
        """Return the matrices to multiply, the same ones every time."""
        import numpy as np

        generator = np.random.default_rng(0)
        return {side: generator.random((SIDE, SIDE), np.float32) for side in ("left", "right")}

    def stored(self, inputs: Matrices) -> Matrices:
        """Return a batch as `set_inputs` takes it."""
        return inputs

    def set_inputs(self, stored: Matrices) -> None:
        """Set what the next run takes."""
        self._left, self._right = stored["left"], stored["right"]

    def invoke(self) -> object:
        """Multiply."""
        return self._multiply(self._left, self._right, out=self._out)

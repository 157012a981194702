"""What this machine has: cores, memory, the tools' versions."""

from __future__ import annotations

import functools
import os
import platform
from importlib import metadata

_TOOLS = (
    "tensorflow",
    "keras",
    "tf-keras",
    "ai-edge-litert",
    "coremltools",
    "numpy",
)


def default_workers() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_memory() -> float:
    """Return 80 % of the memory that is free now, in GiB."""
    import psutil

    return max(0.5, 0.8 * float(psutil.virtual_memory().available) / 2**30)


@functools.cache
def tool_versions() -> dict[str, str]:
    """Return the version of each library whose output ends up in artifacts or numbers."""
    return {name: metadata.version(name) for name in _TOOLS}


def environment() -> dict[str, str]:
    """Return what a reader of a report needs to know of where it was made."""
    return {
        "python": platform.python_version(),
        **tool_versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": str(default_workers()),
    }

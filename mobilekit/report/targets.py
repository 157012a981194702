"""What each target is, and what a pass on it proves. A new target adds one line."""

from __future__ import annotations

MEANINGS: dict[str, str] = {
    "cpu": "LiteRT with XNNPACK, the CPU path that apps get by default, on the build machine.",
    "cpu-reference": (
        "LiteRT's reference kernels on the build machine: the plain definition of each operator."
    ),
    "coreml": "Proves the conversion, not Apple's hardware.",
}

"""Asks the real delegates of this machine which nodes of a file they take.

A delegate is asked by a file here and a row in `ASKERS`, under the name that it has in the table
of delegates. What it answers stands beside the estimate, and `coverage/comparison.py` says where
they disagree.
"""

from __future__ import annotations

from mobilekit_delegates.coverage.asking.asker import Asker
from mobilekit_delegates.coverage.asking.gpu import GpuAsker
from mobilekit_delegates.coverage.asking.xnnpack import XnnpackAsker

__all__ = ["ASKERS", "Asker"]

ASKERS: dict[str, Asker] = {"gpu": GpuAsker(), "xnnpack": XnnpackAsker()}
"""By delegate; the others cannot be asked here."""

"""How much a packed file may unpack to."""

from __future__ import annotations

from pathlib import Path

from mobilekit_converters.errors import SourceError

MAX_EXPANSION = 20
"""Weights hardly compress: trained float32 numbers shrink by a tenth, and even a network of which
nine tenths were pruned to zero stays below this."""

ALWAYS_ALLOWED_BYTES = 64 << 20
"""What any file may unpack to, however small it is: a model that was never trained is all zeros."""


def refuse_expansion(path: Path, packed: int, unpacked: int) -> None:
    """Refuse a file that unpacks to far more than its size. Both sizes are in bytes.

    Raises:
        SourceError: `unpacked` is above both limits.
    """
    if unpacked > max(ALWAYS_ALLOWED_BYTES, MAX_EXPANSION * packed):
        raise SourceError(
            f"{path.name} has {packed:,} bytes and would unpack to {unpacked:,}, over "
            f"{MAX_EXPANSION} times as much: it is damaged or made to exhaust memory. No flag "
            "allows this; save the model again."
        )

"""One produced file or package, with the signature that was read back from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mobilekit_converters.signature import Signature


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A `.tflite` file or an `.mlpackage` folder that was read back and found whole.

    `sha256` is the file's; a package's is over its sorted relative paths and their files' hashes.
    `file_bytes` is the size on disk. `operators` counts the operators by name. `native_names` maps
    the signature's names to the artifact's own where a format cannot hold the source's name.
    `proofs` says in clauses what reading it back proved.
    """

    variant: str
    path: Path
    sha256: str
    file_bytes: int
    signature: Signature
    operators: dict[str, int] = field(default_factory=dict)
    native_names: dict[str, str] = field(default_factory=dict)
    proofs: tuple[str, ...] = ()

"""A file that a user could ship, running in the process of its runtime, and what it is worth."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SERVE = Path(__file__).with_name("serve.py")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A file, who made it, and the runtime (`tflite`, `onnx`, `executorch`) that runs it."""

    maker: str
    name: str
    kind: str
    file: Path
    python: Path


@dataclass(kw_only=True)
class Measured:
    """A candidate with its figures. `share` is accuracy, or agreement where there are no labels."""

    candidate: Candidate
    share: float
    snr_db: float
    rounds: list[list[int]] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        """The file's size."""
        return self.candidate.file.stat().st_size

    @property
    def milliseconds(self) -> float:
        """The median over the medians of all rounds."""
        return float(np.median([np.median(times) for times in self.rounds])) / 1e6


class Served:
    """A candidate in a process of its own. A context manager: leaving it ends the process."""

    def __init__(self, candidate: Candidate, inputs: Path, log: Path) -> None:
        self._log = log.open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [candidate.python, SERVE, candidate.kind, candidate.file, inputs],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self._name = candidate.name

    def answers(self, out: Path) -> NDArray[np.float32]:
        """Return the output for every sample, samples first."""
        self._ask({"answer": str(out)})
        with np.load(out) as file:
            return np.asarray(file["output"])

    def times(self, runs: int) -> list[int]:
        """Return the nanoseconds of each of some calls."""
        return list(self._ask({"runs": runs})["nanoseconds"])

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._name} ended; its last words are in {self._log.name}")
        return dict(json.loads(line))

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

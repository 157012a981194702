"""The peers' own environments, in the user's cache: none may disturb another, or this project's."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import platformdirs

REQUIREMENTS: dict[str, tuple[str, ...]] = {
    # The converter that TensorFlow's own guide uses, and the runtime that it recommends.
    "plain": ("tensorflow>=2.21,<2.22", "ai-edge-litert>=2.3,<2.4"),
    # Google's recipes for finished float files.
    "quantizer": ("ai-edge-quantizer>=0.10,<0.11", "ai-edge-litert>=2.3,<2.4"),
    "onnx": (
        "onnxruntime>=1.23,<2",
        # Its quantiser infers shapes with it.
        "sympy>=1.13,<2",
        "tf2onnx>=1.17,<2",
        "onnx>=1.17,<2",
        "tensorflow>=2.21,<2.22",
    ),
    # ExecuTorch reads PyTorch; the networks come to it through ONNX.
    "executorch": ("executorch>=1.5,<1.6", "onnx2torch>=1.5,<2", "onnx>=1.17,<2"),
}


def environment(name: str) -> Path:
    """Return the Python of a peer's environment, made the first time.

    Raises:
        SystemExit: it cannot be installed here; pip's last lines are shown.
    """
    wanted = REQUIREMENTS[name]
    digest = hashlib.sha256("\n".join((sys.version, *wanted)).encode()).hexdigest()[:12]
    folder = Path(platformdirs.user_cache_dir("mobilekit")) / "benchmarks" / f"{name}-{digest}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists():
        return python
    print(f"installing {', '.join(wanted)}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    ended = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-input", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        tail = "\n".join(ended.stderr.splitlines()[-10:])
        raise SystemExit(f"The environment {name} cannot be installed:\n{tail}")
    stamp.touch()
    return python

"""What the benchmarks share: the page that they write into, and the machine that they ran on."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
README = HERE / "README.md"


def write_section(name: str, text: str, page: Path = README) -> None:
    """Put a text between the markers of a page that have a name."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")


def machine() -> str:
    """Say when it is, and on what this runs."""
    return (
        f"Measured on {datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d}: "
        f"{os.cpu_count()} cores ({processor()}), {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def versions(names: Iterable[str]) -> str:
    """Return packages with their versions."""
    return ", ".join(f"{name} {metadata.version(name)}" for name in names)


def processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"


def mobilekit() -> str:
    """Return the `mobilekit` command that belongs to this Python."""
    return str(Path(sys.executable).with_name("mobilekit"))


def mobilenet_v2_project(work: Path) -> Path:
    """Return the project of MobileNetV2 in a folder, made if need be."""
    project = work / "project"
    if not (project / "mobilekit.toml").exists():
        maker = HERE / "mobilenet_v2_project.py"
        subprocess.run([sys.executable, str(maker), str(project)], check=True)
    return project

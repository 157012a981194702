"""Combinations of packages that break, named before they do. No package is imported to find out."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from mobilekit_converters.errors import ToolMissingError


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong with the Python environment.

    What is `broken` fails as `effect` says; what is `untested` lies outside of the versions that
    mobilekit asks for. `found` names the packages with their versions. `command` is the one that
    mends it, `source` says where this is known from.
    """

    severity: Literal["broken", "untested"]
    found: str
    effect: str
    command: str
    source: str

    def __str__(self) -> str:
        return f"{self.found}: {self.effect} Get what works: {self.command} ({self.source})"


@dataclass(frozen=True, kw_only=True)
class Combination:
    """Versions that break together: a specifier for each package, empty for any version.

    The package `python` is the interpreter.
    """

    packages: Mapping[str, str]
    effect: str
    command: str
    source: str


COMBINATIONS: tuple[Combination, ...] = (
    Combination(
        packages={"python": ">=3.14"},
        effect="TensorFlow 2.21 and coremltools 9.0 have no wheels for it.",
        command="uv venv --python 3.13",
        source="PyPI's files of both",
    ),
    Combination(
        packages={"tensorflow": ">=2.21,<2.22", "protobuf": "<6.31.1"},
        effect="importing TensorFlow ends with a VersionError of protobuf: its generated code is "
        "newer than the runtime.",
        command='pip install "protobuf>=6.31.1,<8"',
        source="measured with protobuf 5.29.5 and 6.30.2",
    ),
    Combination(
        packages={"tensorflow": ">=2.21,<2.22", "protobuf": ">=8"},
        effect="importing TensorFlow ends with a VersionError of protobuf: its generated code is "
        "two major versions older than the runtime.",
        command='pip install "protobuf>=6.31.1,<8"',
        source="protobuf's guarantee across versions allows one major version",
    ),
    Combination(
        packages={"tensorflow": ">=2.21,<2.22", "ml-dtypes": "<0.5"},
        effect="importing TensorFlow ends with an AttributeError: ml_dtypes has no float4_e2m1fn.",
        command='pip install "ml-dtypes>=0.5.4,<1"',
        source="measured with ml-dtypes 0.4.1",
    ),
    Combination(
        packages={"onnx": ">=1.20", "ml-dtypes": "<0.5"},
        effect="importing ONNX ends with an AttributeError: ml_dtypes has no float4_e2m1fn.",
        command='pip install "ml-dtypes>=0.5.4,<1"',
        source="measured with ml-dtypes 0.4.1 and onnx 1.23.2",
    ),
    Combination(
        packages={"coremltools": "<=9.0", "numpy": ">=2.4", "torch": ""},
        effect="PyTorch models that compute with shapes fail to convert: `only 0-dimensional "
        "arrays can be converted to Python scalars`.",
        command='pip install "numpy<2.4"',
        source="coremltools issue 2633",
    ),
)


def problems() -> tuple[Problem, ...]:
    """Return all that is known to be wrong here, what is broken first."""
    return (*_broken(), *_untested())


def require_working_packages() -> None:
    """Refuse to work with packages that are known to break.

    Raises:
        ToolMissingError: some do; the message says what to install instead.
    """
    broken = list(_broken())
    if broken:
        raise ToolMissingError("\n".join(map(str, broken)))


def _broken() -> Iterator[Problem]:
    for combination in COMBINATIONS:
        versions = {name: _version(name) for name in combination.packages}
        if all(
            version is not None and _matches(version, combination.packages[name])
            for name, version in versions.items()
        ):
            yield Problem(
                severity="broken",
                found=" with ".join(f"{name} {version}" for name, version in versions.items()),
                effect=combination.effect,
                command=combination.command,
                source=combination.source,
            )
    if _lacks_native_library():
        yield Problem(
            severity="broken",
            found=f"coremltools {_version('coremltools')} with python {_version('python')}",
            effect="it was installed without its native library, so it cannot write weights: "
            "`BlobWriter not loaded`.",
            command='pip install --force-reinstall --only-binary=:all: "coremltools==9.0"',
            source="coremltools issue 2361",
        )


def _untested() -> Iterator[Problem]:
    """Compare what is installed with what mobilekit itself asks for."""
    from packaging.requirements import Requirement

    try:
        wanted = [Requirement(text) for text in metadata.requires("mobilekit") or ()]
    except metadata.PackageNotFoundError:
        return
    for requirement in wanted:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        bounds = ",".join(sorted(map(str, requirement.specifier), reverse=True))
        if version is None or not _matches(version, bounds):
            yield Problem(
                severity="untested",
                found=f"{requirement.name} {version or 'is not installed'}",
                effect="mobilekit was not tested with that.",
                command=f'pip install "{requirement.name}{bounds}"',
                source="the versions that mobilekit asks for",
            )


def _version(name: str) -> str | None:
    if name == "python":
        return platform.python_version()
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _matches(version: str, specifier: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(version, prereleases=True)


def _lacks_native_library() -> bool:
    """Say whether coremltools is here as plain Python, as pip builds it where there is no wheel."""
    spec = importlib.util.find_spec("coremltools")
    folders = spec.submodule_search_locations if spec else None
    return bool(folders) and not any(
        any(Path(folder).glob("libmilstoragepython*")) for folder in folders or ()
    )

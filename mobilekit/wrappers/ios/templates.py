"""The templates of a package: which file each becomes, and which names their code uses."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mobilekit.wrappers.android.names import code_words

if TYPE_CHECKING:
    from jinja2 import Environment

_SOURCE_FOLDERS = {"common": "Sources/{}", "model": "Sources/{}", "tests": "Tests/{}Tests"}
"""Folders of templates, and where in a package their files go; `{}` is the model's name. Those of
`package` go into the package's own folder."""

_MODEL_FILE = "Model_"
"""How the names of files begin that are called after the model."""

_NEEDED_BY = {
    "AudioConverter": "audio",
    "ByteRows": "image",
    "CGImageConversion": "image",
    "ImageConverter": "image",
    "ImageSpec": "image",
    "PixelBufferConversion": "image",
    "PixelConverter": "image",
    "ResizePlan": "image",
    "ResizeWindows": "image",
    "YCbCrRows": "image",
    "Classification": "classification",
    "Mask": "mask",
}
"""Files that only packages need which have such an input or output."""


@functools.cache
def environment() -> Environment:
    """Return what renders the templates."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("mobilekit.wrappers", "templates/ios"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def files(name: str, kinds: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Return the path of each of a package's files, and its template.

    Args:
        name: the model's.
        kinds: all kinds of the model's inputs and outputs.
    """
    for template in environment().list_templates(extensions=["j2"]):
        top, *rest = PurePosixPath(template.removesuffix(".j2")).parts
        if _NEEDED_BY.get(rest[-1].removesuffix(".swift"), "") not in ("", *kinds):
            continue
        if top in _SOURCE_FOLDERS:
            file_name = rest[-1].replace(_MODEL_FILE, name)
            yield f"{_SOURCE_FOLDERS[top].format(name)}/{file_name}", template
        elif top == "package":
            yield "/".join(rest), template


def has_tests() -> bool:
    """Say whether packages have tests."""
    return any(name.startswith("tests/") for name in _code())


@functools.cache
def reserved_words() -> frozenset[str]:
    """Return the names that mean something in a package's code, in lower case."""
    loader = environment().loader
    assert loader is not None
    sources = (loader.get_source(environment(), name)[0] for name in _code())
    # Words in a text that holds no code are none.
    return code_words(re.sub(r'"[^"\\\n]*"', " ", source) for source in sources)


def suffixes() -> tuple[str, ...]:
    """Return what is added to the model's name for the names of its files and types."""
    names = [PurePosixPath(name).name for name in _code() if _MODEL_FILE in name]
    ends = [name.removeprefix(_MODEL_FILE).removesuffix(".swift.j2") for name in names]
    return (*ends, "Tests")


def _code() -> list[str]:
    names = environment().list_templates(extensions=["j2"])
    return [n for n in names if PurePosixPath(n).parts[0] in _SOURCE_FOLDERS and ".swift" in n]

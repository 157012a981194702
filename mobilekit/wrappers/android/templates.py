"""The templates of a module: which file each becomes, and which names their code uses."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mobilekit.wrappers.android.names import code_words
from mobilekit.wrappers.description import AndroidRuntime

if TYPE_CHECKING:
    from jinja2 import Environment

MAIN = "src/main/kotlin"
TESTS = "src/androidTest/kotlin"

_SOURCE_FOLDERS = {"common": MAIN, "model": MAIN, "tests": TESTS}
"""Folders of templates, and where in a module their files go. A runtime's own go where `common`'s
do, those of `module` into the module's own folder."""

_MODEL_FILE = "Model_"
"""How the names of files begin that are called after the model."""

_NEEDED_BY = {
    "common/AudioConverter.kt": "audio",
    "common/ImageConverter.kt": "image",
    "common/ImageSpec.kt": "image",
    "common/PixelConverter.kt": "image",
    "common/ResizePlan.kt": "image",
    "common/ResizeWindows.kt": "image",
    "model/Classification.kt": "classification",
    "model/Mask.kt": "mask",
}
"""Files that only modules need which have such an input or output."""


@functools.cache
def environment() -> Environment:
    """Return what renders the templates."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("mobilekit.wrappers", "templates/android"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def files(
    runtime: AndroidRuntime, *, name: str, package: str, kinds: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Return the path of each of a module's files, and its template.

    Args:
        runtime: the module's.
        name: the model's.
        package: the module's.
        kinds: all kinds of the model's inputs and outputs.
    """
    folders = {**_SOURCE_FOLDERS, runtime: MAIN}
    for template in environment().list_templates(extensions=["j2"]):
        file = template.removesuffix(".j2")
        top, *rest = PurePosixPath(file).parts
        if _NEEDED_BY.get(file, "") not in ("", *kinds):
            continue
        if top in folders and file.endswith(".kt"):
            file_name = rest[-1].replace(_MODEL_FILE, name)
            yield f"{folders[top]}/{package.replace('.', '/')}/{file_name}", template
        elif top == "module":
            yield "/".join(rest), template


@functools.cache
def reserved_words(runtime: AndroidRuntime) -> frozenset[str]:
    """Return the names that mean something in a module's code, in lower case."""
    loader = environment().loader
    assert loader is not None
    return code_words(loader.get_source(environment(), name)[0] for name in _code(runtime))


def suffixes(runtime: AndroidRuntime) -> tuple[str, ...]:
    """Return what is added to the model's name for the names of its files and classes."""
    names = [PurePosixPath(name).name for name in _code(runtime) if _MODEL_FILE in name]
    return tuple(name.removeprefix(_MODEL_FILE).removesuffix(".kt.j2") for name in names)


def _code(runtime: AndroidRuntime) -> list[str]:
    folders = (*_SOURCE_FOLDERS, runtime)
    names = environment().list_templates(extensions=["j2"])
    return [n for n in names if PurePosixPath(n).parts[0] in folders and n.endswith(".kt.j2")]

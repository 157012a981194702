"""Finished artifacts, whoever made them: what a file or a package is, from its path alone."""

from __future__ import annotations

from pathlib import Path

from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import ConversionError, SourceError
from mobilekit_converters.operator_graph import OperatorGraph


def read_finished(path: Path, *, allowed_operators: tuple[str, ...] = ()) -> Artifact:
    """Read a `.tflite` file or an `.mlpackage` folder, and prove that it is whole.

    Its variant is the one whose precision it shows, whatever it is called.

    Args:
        path: the file or the folder.
        allowed_operators: custom operators that a `.tflite` file may have, by their own name.

    Raises:
        SourceError: it is neither, or is damaged, or would not run on a phone.
    """
    if not path.exists():
        raise SourceError(f"There is no artifact {path}. Check the path.")
    try:
        if path.is_file():
            return _tflite(path, allowed_operators)
        if _is_package(path):
            from mobilekit_converters import coreml

            return coreml.read_artifact(path)
    except (ConversionError, OSError) as error:
        raise SourceError(str(error)) from error
    raise _no_artifact(path)


def read_graphs(path: Path) -> tuple[OperatorGraph, ...]:
    """Read the graphs of a `.tflite` file or an `.mlpackage` folder: the main one first.

    Raises:
        SourceError: it is neither, or is damaged.
    """
    if path.is_dir():
        from mobilekit_converters.coreml import operator_graph as packages

        if not _is_package(path):
            raise _no_artifact(path)
        return packages.read_graphs(path)
    from mobilekit_converters.tflite import operator_graph as files

    return files.read_graphs(path)


def _is_package(folder: Path) -> bool:
    return folder.suffix == ".mlpackage" or (folder / "Manifest.json").exists()


def _no_artifact(path: Path) -> SourceError:
    return SourceError(
        f"{path} is no finished artifact: it is neither a .tflite file nor an .mlpackage folder."
    )


def _tflite(path: Path, allowed_operators: tuple[str, ...]) -> Artifact:
    from mobilekit_converters import tflite

    return tflite.read_artifact(path, allowed_operators=allowed_operators)

"""Core ML's protobuf messages, from coremltools' wheel, without coremltools itself.

`import coremltools.proto` runs coremltools' `__init__` first, which imports every converter and
TensorFlow: 8 s. The generated modules beside it need protobuf alone, and are imported here as a
package of another name. They describe the same messages: where coremltools is imported too,
protobuf gives both the same classes.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from mobilekit_converters.errors import ToolMissingError

_PACKAGE = "mobilekit_converters.coreml._proto"


def model_messages() -> Any:
    """Return coremltools' `Model_pb2`: the file of a model, as a package holds it."""
    return _module("Model_pb2")


def program_messages() -> Any:
    """Return coremltools' `MIL_pb2`: ML programs."""
    return _module("MIL_pb2")


@functools.cache
def _module(name: str) -> Any:
    if _PACKAGE not in sys.modules:
        package = ModuleType(_PACKAGE)
        package.__path__ = [str(_folder())]
        sys.modules[_PACKAGE] = package
    return importlib.import_module(f"{_PACKAGE}.{name}")


def _folder() -> Path:
    # Of a package without dots in its name, this runs nothing.
    found = importlib.util.find_spec("coremltools")
    if found is None or found.origin is None:
        raise ToolMissingError(
            "coremltools is not installed, and Core ML packages cannot be read without it. "
            "Install it: pip install coremltools"
        )
    return Path(found.origin).parent / "proto"

"""The part of LiteRT's C API that profiles, which its Python API leaves out.

The functions are those of `litert/c/*.h` (github.com/google-ai-edge/LiteRT) and are exported by the
`libLiteRt.so` of the ai-edge-litert wheel, as `VERS_1.0`. Handles are opaque pointers, and every
function returns a `LiteRtStatus`, 0 for success.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mobilekit_converters.errors import UnsupportedError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAMES = ("libLiteRt.so", "libLiteRt.dylib")

_CPU = 1
"""`kLiteRtHwAcceleratorCpu`, of `litert_common.h`."""

_WRITE = 1
"""`kLiteRtTensorBufferLockModeWrite`, of `litert_tensor_buffer_types.h`."""

_RUNTIME_OPTIONS, _CPU_OPTIONS = "runtime_options_string", "xnnpack"
"""What `litert_runtime_options.cc` and `litert_cpu_options.cc` call their payloads, in TOML."""

Handle = ctypes.c_void_p


class _TensorType(ctypes.Structure):
    """`LiteRtRankedTensorType`: 72 bytes, which nobody reads here."""

    _fields_ = (("content", ctypes.c_uint32 * 18),)


class Event(ctypes.Structure):
    """`ProfiledEventData`, of `litert_profiler_event.h`: times are whole microseconds."""

    _fields_ = (
        ("tag", ctypes.c_char_p),
        ("kind", ctypes.c_int),
        ("start", ctypes.c_uint64),
        ("elapsed", ctypes.c_uint64),
        ("memory_before", ctypes.c_size_t * 3),
        ("memory_after", ctypes.c_size_t * 3),
        ("node", ctypes.c_uint64),
        ("extra", ctypes.c_uint64),
        ("source", ctypes.c_int),
    )


@functools.cache
def _library() -> ctypes.CDLL:
    """Return the library of the runtime that is installed.

    Raises:
        UnsupportedError: it comes without one.
    """
    package = importlib.util.find_spec("ai_edge_litert")
    folders = package.submodule_search_locations or () if package else ()
    paths = [Path(folder) / name for folder in folders for name in _NAMES]
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise UnsupportedError("the LiteRT that is installed here comes without its C library")
    return ctypes.CDLL(str(found))


class ProfiledModel:
    """A file that LiteRT has compiled for the CPU, with its profiler."""

    def __init__(self, path: Path, cpu_options: str) -> None:
        """Compile a file.

        Args:
            path: a `.tflite` file that is known to be good.
            cpu_options: keys of LiteRT's CPU options in TOML, such as `num_threads = 1`.

        Raises:
            UnsupportedError: LiteRT could not, or lacks a function that is needed.
        """
        self._stack = contextlib.ExitStack()
        self._model = self._compiled = self._environment = self._profiler = Handle()
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._environment = self._new("Environment", "CreateEnvironment", 0, None)
            self._model = self._new(
                "Model", "CreateModelFromFile", self._environment, str(path).encode()
            )
            options = self._new("Options", "CreateOptions")
            _call("SetOptionsHardwareAccelerators", options, _CPU)
            for name, text in (
                (_RUNTIME_OPTIONS, "enable_profiling = true\n"),
                (_CPU_OPTIONS, cpu_options),
            ):
                _call("AddOpaqueOptions", options, _payload(name, text))
            self._compiled = self._new(
                "CompiledModel", "CreateCompiledModel", self._environment, self._model, options
            )
            self._profiler = _created("CompiledModelGetProfiler", self._compiled)
            self._index, signature = self._signature()
            self._inputs = self._buffers("Input", signature)
            self._outputs = self._buffers("Output", signature)
            undo.pop_all()

    def set_input(self, name: str, stored: NDArray[np.generic]) -> None:
        """Copy what the artifact stores for an input."""
        buffer, address = self._inputs[name], Handle()
        _call("LockTensorBuffer", buffer, ctypes.byref(address), _WRITE)
        ctypes.memmove(address, stored.ctypes.data, stored.nbytes)
        _call("UnlockTensorBuffer", buffer)

    def run(self) -> None:
        """Run on what was set."""
        _call(
            "RunCompiledModel",
            self._compiled,
            ctypes.c_size_t(self._index),
            *_array(self._inputs),
            *_array(self._outputs),
        )

    @contextlib.contextmanager
    def profiled(self) -> Iterator[list[Event]]:
        """Profile the runs of the body; the list has their events when it is over."""
        events: list[Event] = []
        _call("StartProfiler", self._profiler)
        yield events
        _call("StopProfiler", self._profiler)
        count = ctypes.c_int()
        _call("GetNumProfilerEvents", self._profiler, ctypes.byref(count))
        array = (Event * max(1, count.value))()
        if count.value:
            _call("GetProfilerEvents", self._profiler, count, array)
        events.extend(array[: count.value])

    def close(self) -> None:
        """Free all of it."""
        self._stack.close()

    def _new(self, kind: str, function: str, *arguments: object) -> Handle:
        """Return a new handle, which is destroyed with this model."""
        handle = _created(function, *arguments)
        self._stack.callback(getattr(_library(), f"LiteRtDestroy{kind}"), handle)
        return handle

    def _signature(self) -> tuple[int, Handle]:
        """Choose a signature as reading an artifact back does."""
        count = ctypes.c_size_t()
        _call("GetNumModelSignatures", self._model, ctypes.byref(count))
        known = [
            _created("GetModelSignature", self._model, ctypes.c_size_t(index))
            for index in range(count.value)
        ]
        keys = [_text("GetSignatureKey", signature) for signature in known]
        index = keys.index("serving_default") if "serving_default" in keys else 0
        return index, known[index]

    def _buffers(self, kind: Literal["Input", "Output"], signature: Handle) -> dict[str, Handle]:
        """Return buffers for all inputs or outputs by name, in the signature's order."""
        count = ctypes.c_size_t()
        _call(f"GetNumSignature{kind}s", signature, ctypes.byref(count))
        buffers = {}
        for number in range(count.value):
            index, tensor_type = ctypes.c_size_t(number), _TensorType()
            tensor = _created(f"GetSignature{kind}TensorByIndex", signature, index)
            _call("GetRankedTensorType", tensor, ctypes.byref(tensor_type))
            needs = _created(
                f"GetCompiledModel{kind}BufferRequirements",
                self._compiled,
                ctypes.c_size_t(self._index),
                index,
            )
            buffers[_text(f"GetSignature{kind}Name", signature, index)] = self._new(
                "TensorBuffer",
                "CreateManagedTensorBufferFromRequirements",
                self._environment,
                ctypes.byref(tensor_type),
                needs,
            )
        return buffers


def _array(buffers: dict[str, Handle]) -> tuple[ctypes.c_size_t, ctypes.Array[Handle]]:
    handles = [handle.value for handle in buffers.values()]
    return ctypes.c_size_t(len(handles)), (Handle * len(handles))(*handles)


def _call(function: str, *arguments: object) -> None:
    """Call a function of the library.

    Raises:
        UnsupportedError: it failed, or is not there.
    """
    name = f"LiteRt{function}"
    try:
        status = getattr(_library(), name)(*arguments)
    except AttributeError as error:
        raise UnsupportedError(f"this LiteRT has no {name}") from error
    if status:
        raise UnsupportedError(f"{name} of LiteRT ended with the status {status}")


def _created(function: str, *arguments: object) -> Handle:
    handle = Handle()
    _call(function, *arguments, ctypes.byref(handle))
    return handle


def _text(function: str, *arguments: object) -> str:
    text = ctypes.c_char_p()
    _call(function, *arguments, ctypes.byref(text))
    return (text.value or b"").decode(errors="replace")


def _payload(name: str, text: str) -> Handle:
    """Return options as LiteRT keeps them: a text that it frees itself."""
    libc = ctypes.CDLL(None)
    libc.strdup.restype = ctypes.c_void_p
    copy = Handle(libc.strdup(text.encode()))
    return _created(
        "CreateOpaqueOptions", name.encode(), copy, ctypes.cast(libc.free, ctypes.c_void_p)
    )

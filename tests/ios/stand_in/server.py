"""Answers for the stand-in of Core ML: evaluates packages with the project's own evaluator.

The protocol is that of `Sources/CoreML/Server.swift`.
"""

from __future__ import annotations

import json
import socketserver
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilekit_converters.errors import MobilekitError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_delegates.coreml.evaluator import Evaluator
from mobilekit_delegates.coreml.package import open_package

VARIABLE = "MOBILEKIT_CORE_ML_SERVER"
_HEADER = struct.Struct("<IQ")
# What `ArrayFeatureType.ArrayDataType` of Core ML's format calls them, and NumPy's names.
_DTYPES = {65568: "float32", 65600: "float64", 131104: "int32", 65552: "float16", 131080: "int8"}
_GREY, _RGB, _BGR = 10, 20, 30
_CHANNELS = {_RGB: (2, 1, 0), _BGR: (0, 1, 2), _GREY: (0,)}  # of BGRA, or of one component

Array = NDArray[Any]


class RefusedError(Exception):
    """The stand-in cannot do what is asked; the text says why."""


@dataclass(kw_only=True)
class Model:
    """A package in the evaluator, which runs one call after another."""

    key: str
    evaluator: Evaluator
    lock: threading.Lock = field(default_factory=threading.Lock)

    def describe(self) -> dict[str, Any]:
        description = self.evaluator.package.spec.description
        return {
            "key": self.key,
            "inputs": [_described(feature) for feature in description.input],
            "outputs": [_described(feature) for feature in description.output],
            "metadata": dict(description.metadata.userDefined),
        }

    def predict(self, inputs: dict[str, Array]) -> list[tuple[str, Array]]:
        description = self.evaluator.package.spec.description
        features = {
            feature.name: _feature(feature, inputs[feature.name])
            for feature in description.input
            if feature.name in inputs
        }
        with self.lock:
            outputs = self.evaluator.run(features)
        return [
            (feature.name, np.ascontiguousarray(outputs[feature.name], _dtype(feature)))
            for feature in description.output
        ]


@dataclass(kw_only=True)
class Models:
    """The models that were asked for, by their packages' contents: a copy is the same model."""

    _models: dict[str, Model] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def answer(self, request: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        """Answer a request; see `Server.swift`."""
        if "describe" in request:
            return {"description": self._opened(Path(request["describe"])).describe()}, b""
        model = self._models[request["predict"]]
        outputs = model.predict(_arrays(request["inputs"], payload))
        listed = [
            {"name": name, "dtype": array.dtype.name, "shape": array.shape}
            for name, array in outputs
        ]
        return {"outputs": listed}, b"".join(array.tobytes() for _, array in outputs)

    def _opened(self, package: Path) -> Model:
        key = sha256_of_path(package)
        with self._lock:
            if key not in self._models:
                self._models[key] = Model(key=key, evaluator=Evaluator(open_package(package)))
            return self._models[key]


def _arrays(listed: list[dict[str, Any]], payload: bytes) -> dict[str, Array]:
    arrays = {}
    start = 0
    for tensor in listed:
        dtype = np.dtype(tensor["dtype"])
        count = int(np.prod(tensor["shape"]))
        values = np.frombuffer(payload, dtype, count, start)
        arrays[tensor["name"]] = values.reshape(tensor["shape"])
        start += values.nbytes
    return arrays


def _described(feature: Any) -> dict[str, Any]:
    kind = feature.type.WhichOneof("Type")
    common = {"name": feature.name, "optional": feature.type.isOptional}
    if kind == "imageType":
        image = feature.type.imageType
        if image.colorSpace not in _CHANNELS:
            raise RefusedError(f"The stand-in does not know the image {feature.name!r}.")
        size = {"width": image.width, "height": image.height, "grey": image.colorSpace == _GREY}
        return {**common, "dtype": "uint8", "shape": [], "image": size}
    array = feature.type.multiArrayType
    return {**common, "dtype": _dtype(feature), "shape": list(array.shape)}


def _dtype(feature: Any) -> str:
    kind = feature.type.WhichOneof("Type")
    if kind != "multiArrayType":
        raise RefusedError(f"The stand-in does not know the feature {feature.name!r}: {kind}.")
    return _DTYPES[feature.type.multiArrayType.dataType]


def _feature(feature: Any, values: Array) -> Array:
    """Return a feature as the program takes it: images by channel, in its own order."""
    if feature.type.WhichOneof("Type") != "imageType":
        return values
    channels = _CHANNELS[feature.type.imageType.colorSpace]
    return np.moveaxis(values[:, :, list(channels)], -1, 0)[np.newaxis]


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        json_size, payload_size = _HEADER.unpack(self.rfile.read(_HEADER.size))
        request = json.loads(self.rfile.read(json_size))
        payload = self.rfile.read(payload_size)
        try:
            answer, data = self.server.models.answer(request, payload)
        except (MobilekitError, RefusedError, OSError) as error:
            answer, data = {"error": str(error)}, b""
        except Exception as error:  # A fault of the server's own has to be seen in the test.
            answer, data = {"error": f"The stand-in's server failed: {error!r}"}, b""
        encoded = json.dumps(answer).encode()
        self.wfile.write(_HEADER.pack(len(encoded), len(data)) + encoded + data)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path) -> None:
        self.models = Models()
        super().__init__(str(path), _Handler)


@contextmanager
def serving() -> Iterator[Path]:
    """Answer at a Unix socket, whose path is yielded, until the end of the context."""
    with tempfile.TemporaryDirectory(prefix="coreml-") as folder:
        path = Path(folder) / "socket"
        with _Server(path) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                yield path
            finally:
                server.shutdown()
                thread.join()

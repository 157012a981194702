"""Loads many files with a delegate of TFLite for Android, whose log says what it takes of each.

    ANDROID_API_LEVEL=LEVEL python3 delegated.py FOLDER nnapi|xnnpack < PATHS

FOLDER holds the adapted library of TFLite for Android and the stand-ins for Android's own. Standard
output and standard error have to go to one place: before each file a line says `file PATH`, behind
it one says `loaded` or `refused`, and TFLite's log stands between.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

_MAKING = ("ModelCreateFromFile", "InterpreterOptionsCreate", "InterpreterCreate")


class Options(ctypes.Structure):
    """`TfLiteNnapiDelegateOptions`."""

    _fields_ = (
        ("execution_preference", ctypes.c_int),
        ("accelerator_name", ctypes.c_char_p),
        ("cache_dir", ctypes.c_char_p),
        ("model_token", ctypes.c_char_p),
        ("disallow_nnapi_cpu", ctypes.c_int),
        ("allow_fp16", ctypes.c_int),
        ("max_number_delegated_partitions", ctypes.c_int),
        ("nnapi_support_library_handle", ctypes.c_void_p),
    )


def main() -> None:
    folder = Path(sys.argv[1])
    for name in ("libc.so", "libandroid.so", "libneuralnetworks.so"):
        ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
    tflite = ctypes.CDLL(str(folder / "libtensorflowlite_jni.so"))
    for name in (*_MAKING, "NnapiDelegateCreate", "XNNPackDelegateCreate"):
        getattr(tflite, f"TfLite{name}").restype = ctypes.c_void_p
    tflite.TfLiteNnapiDelegateOptionsDefault.restype = Options
    # The delegate closes file 0, which it takes for one of its own.
    for path in sys.stdin.read().splitlines():
        print(f"\nfile {path}", flush=True)
        loaded = is_loaded(tflite, path, xnnpack=sys.argv[2] == "xnnpack")
        print("\nloaded" if loaded else "\nrefused", flush=True)


def is_loaded(tflite: ctypes.CDLL, path: str, *, xnnpack: bool) -> bool:
    model = ctypes.c_void_p(tflite.TfLiteModelCreateFromFile(path.encode()))
    if xnnpack:
        delegate = ctypes.c_void_p(tflite.TfLiteXNNPackDelegateCreate(None))
        delete = tflite.TfLiteXNNPackDelegateDelete
    else:
        given = tflite.TfLiteNnapiDelegateOptionsDefault()
        delegate = ctypes.c_void_p(tflite.TfLiteNnapiDelegateCreate(ctypes.byref(given)))
        delete = tflite.TfLiteNnapiDelegateDelete
    options = ctypes.c_void_p(tflite.TfLiteInterpreterOptionsCreate())
    tflite.TfLiteInterpreterOptionsAddDelegate(options, delegate)
    interpreter = ctypes.c_void_p(tflite.TfLiteInterpreterCreate(model, options))
    loaded = bool(interpreter) and tflite.TfLiteInterpreterAllocateTensors(interpreter) == 0
    tflite.TfLiteInterpreterDelete(interpreter)
    tflite.TfLiteInterpreterOptionsDelete(options)
    delete(delegate)
    tflite.TfLiteModelDelete(model)
    return loaded


if __name__ == "__main__":
    main()

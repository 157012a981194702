"""Loads many files with TFLite's NNAPI delegate, whose log says what it takes of each.

    ANDROID_API_LEVEL=LEVEL python3 delegated.py FOLDER < PATHS

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
    for name in (*_MAKING, "NnapiDelegateCreate"):
        getattr(tflite, f"TfLite{name}").restype = ctypes.c_void_p
    tflite.TfLiteNnapiDelegateOptionsDefault.restype = Options
    # The delegate closes file 0, which it takes for one of its own.
    for path in sys.stdin.read().splitlines():
        print(f"\nfile {path}", flush=True)
        print("\nloaded" if is_loaded(tflite, path) else "\nrefused", flush=True)


def is_loaded(tflite: ctypes.CDLL, path: str) -> bool:
    model = ctypes.c_void_p(tflite.TfLiteModelCreateFromFile(path.encode()))
    given = tflite.TfLiteNnapiDelegateOptionsDefault()
    delegate = ctypes.c_void_p(tflite.TfLiteNnapiDelegateCreate(ctypes.byref(given)))
    options = ctypes.c_void_p(tflite.TfLiteInterpreterOptionsCreate())
    tflite.TfLiteInterpreterOptionsAddDelegate(options, delegate)
    interpreter = ctypes.c_void_p(tflite.TfLiteInterpreterCreate(model, options))
    tflite.TfLiteInterpreterDelete(interpreter)
    tflite.TfLiteInterpreterOptionsDelete(options)
    tflite.TfLiteNnapiDelegateDelete(delegate)
    tflite.TfLiteModelDelete(model)
    return bool(interpreter)


if __name__ == "__main__":
    main()

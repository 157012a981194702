"""Spares the garbage collector the objects that were there before."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heap_set_aside() -> Iterator[None]:
    """Keep the garbage collector away from all objects that exist now.

    coremltools collects garbage between its steps, and each time the collector looks at the
    million objects of TensorFlow's and Keras' modules: most of the time of a small conversion.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()

"""Imported by the server that worker processes are forked from: it loads what they need.

Freezing the garbage collector keeps workers from walking, and so copying, some million objects of
these libraries at each collection, which the TFLite converter asks for by hand.
"""

import gc

import ai_edge_litert.interpreter
import coremltools.converters.mil
import coremltools.optimize.coreml
import keras
import tensorflow

import mobilekit.tasks

__all__ = ["ai_edge_litert", "coremltools", "keras", "mobilekit", "tensorflow"]

gc.collect()
gc.freeze()

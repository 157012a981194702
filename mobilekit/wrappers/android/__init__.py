"""The Android library module."""

from __future__ import annotations

from mobilekit.wrappers.android.describe import class_name, describe_android
from mobilekit.wrappers.android.module import write_module

__all__ = ["class_name", "describe_android", "write_module"]

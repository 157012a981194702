"""The Android library module."""

from __future__ import annotations

from mobilekit.wrappers.android.module import write_module

__all__ = ["write_module"]

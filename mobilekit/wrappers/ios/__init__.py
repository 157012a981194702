"""The Swift package."""

from __future__ import annotations

from mobilekit.wrappers.ios.describe import class_name, describe_ios
from mobilekit.wrappers.ios.package import write_package

__all__ = ["class_name", "describe_ios", "write_package"]

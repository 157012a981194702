"""The systems that a package is for."""

from __future__ import annotations

from collections.abc import Mapping

PLATFORMS: Mapping[str, tuple[str, ...]] = {
    "iOS16": (".iOS(.v16)", ".macOS(.v13)"),
    "iOS17": (".iOS(.v17)", ".macOS(.v14)"),
    "iOS18": (".iOS(.v18)", ".macOS(.v15)"),
}
"""`[ios] minimum`, and what it is in a manifest: with the macOS of the same year, so that a
package's tests run on a Mac. Before iOS 16 nothing can be held to the Neural Engine."""

TITLES: Mapping[str, str] = {
    "iOS16": "iOS 16 or macOS 13",
    "iOS17": "iOS 17 or macOS 14",
    "iOS18": "iOS 18 or macOS 15",
}

"""The Swift in the README, and in the README of a package, compiles against that package."""

from __future__ import annotations

import re
from pathlib import Path

from swift_toolchain import Swift
from test_ios_compiles import BUNDLE_MODULE

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ios_demo" / "digits"
PAGES = (ROOT / "README.md", PACKAGE / "README.md")


def shown(page: Path) -> str:
    """Return the block of Swift that calls the model; others are a manifest's."""
    blocks = re.findall(r"^```swift\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if "await" in block]
    return "".join(f"{line}\n" for line in block.splitlines() if not line.startswith("import"))


def test_what_the_readmes_show_compiles(swift: Swift, tmp_path: Path) -> None:
    functions = "\n".join(
        f"func shown{number}(cgImage: CGImage, image: CGImage) async throws {{\n{shown(page)}"
        "    _ = (cgImage, image)\n}\n"
        for number, page in enumerate(PAGES)
    )
    example = tmp_path / "Shown.swift"
    example.write_text(f"import CoreGraphics\n\n{functions}".replace("let answer =", "_ ="))
    module = tmp_path / "Module.swift"
    module.write_text(BUNDLE_MODULE, encoding="utf-8")
    swift.type_check([PACKAGE / "Sources", example, module])

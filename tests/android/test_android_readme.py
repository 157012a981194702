"""The Kotlin in the README, and in the README of a module, compiles against that module."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from toolchain import HERE, Kotlin

ROOT = HERE.parents[1]
MODULE = ROOT / "android_demo" / "digits"


def snippets(page: Path) -> list[str]:
    """Return the blocks of Kotlin that call the model; the others are Gradle's."""
    blocks = re.findall(r"^```kotlin\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "create(" in block]


@pytest.mark.parametrize("page", [ROOT / "README.md", MODULE / "README.md"], ids=["ours", "its"])
def test_what_the_readme_shows_compiles(page: Path, kotlin: Kotlin, tmp_path: Path) -> None:
    (snippet,) = snippets(page)
    shown = tmp_path / "Shown.kt"
    shown.write_text(
        "package com.example.app\n\n"
        "import android.content.Context\n"
        "import android.graphics.Bitmap\n"
        "import com.example.digits.DigitClassifier\n\n"
        '@Suppress("UNUSED_VARIABLE")\n'
        "fun shown(context: Context, bitmap: Bitmap, image: Bitmap = bitmap) {\n"
        f"{snippet}"
        "}\n"
    )
    libraries = ["android", "coroutines", "declared litert"]
    module = kotlin.compile([MODULE / "src" / "main" / "kotlin"], libraries, tmp_path / "module")
    kotlin.compile([shown], [module, *libraries], tmp_path / "shown")

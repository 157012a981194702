"""A stand-in for a module's test app: its tests leave the files that the tester put beside it.

Arguments: its package's folder, what its runner was given as JSON, the folder with the files, and
how many seconds it takes.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

installed, arguments, files, seconds = sys.argv[1:]
given = json.loads(arguments)
own = Path(installed, "data", "files")
assert (own / given["inputs"] / "golden.json").is_file()
Path(installed, "started").touch()
time.sleep(float(seconds))
if Path(files).is_dir():
    shutil.copytree(files, own / given["output"])
Path(installed, "instrumentation.txt").write_text(
    f"INSTRUMENTATION_STATUS: class={given['class']}\n"
    "INSTRUMENTATION_STATUS_CODE: 1\n"
    "INSTRUMENTATION_STATUS: stack=java.lang.AssertionError: It answers otherwise.\n"
    "\tat org.junit.Assert.fail(Assert.java:89)\n"
    "INSTRUMENTATION_STATUS_CODE: -2\n"
    "INSTRUMENTATION_CODE: -1\n"
)

"""Who may import whom, read from the source itself."""

from __future__ import annotations

import ast
import graphlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = (ROOT, ROOT / "converters", ROOT / "delegates")
FORBIDDEN = {
    "mobilekit_converters": {"mobilekit_delegates", "mobilekit"},
    "mobilekit_delegates": {"mobilekit"},
    "mobilekit": set[str](),
}
HEAVY = {
    "ai_edge_litert",
    "ai_edge_quantizer",
    "coremltools",
    "h5py",
    "keras",
    "onnxruntime",
    "scipy",
    "sklearn",
    "tensorflow",
    "tf_keras",
}
# Modules that exist for heavy libraries, and that only worker processes import.
EXCEPTIONS = {
    "mobilekit.preload": {"ai_edge_litert", "coremltools", "keras", "tensorflow"},
    "mobilekit_converters.coreml.activations": {"coremltools"},
}


def modules() -> dict[str, Path]:
    """Every module of the three packages, by its dotted name."""
    found = {}
    for root in SOURCE_ROOTS:
        for package in FORBIDDEN:
            for path in sorted((root / package).rglob("*.py")):
                parts = path.relative_to(root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(node: ast.stmt) -> set[str]:
    """What one statement imports: modules, and names taken from them, which may be modules."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are written in full"
        names = {f"{node.module}.{alias.name}" for alias in node.names}
        # A module taken from its package is asked for itself, as `import package.module` would.
        return names if names <= MODULES.keys() else names | {node.module or ""}
    return set()


def is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def statements_at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when a module is imported: not those in functions."""
    for node in body:
        yield node
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or is_for_type_checkers(node):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from statements_at_import(getattr(node, name, []))
        for handler in getattr(node, "handlers", []):
            yield from statements_at_import(handler.body)


def parse(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports_anywhere(module: str) -> set[str]:
    return set().union(
        *(imported(node) for node in ast.walk(parse(module)) if isinstance(node, ast.stmt))
    )


def imports_at_import(module: str) -> set[str]:
    return set().union(*(imported(node) for node in statements_at_import(parse(module).body)))


def test_every_package_was_found() -> None:
    assert {name.partition(".")[0] for name in MODULES} == FORBIDDEN.keys()


@pytest.mark.parametrize("module", MODULES)
def test_dependencies_run_one_way(module: str) -> None:
    packages = {name.partition(".")[0] for name in imports_anywhere(module)}
    assert not packages & FORBIDDEN[module.partition(".")[0]]


@pytest.mark.parametrize("module", MODULES)
def test_heavy_libraries_are_imported_where_they_are_used(module: str) -> None:
    packages = {name.partition(".")[0] for name in imports_at_import(module)}
    assert packages & HEAVY <= EXCEPTIONS.get(module, set())


def test_exceptions_are_all_needed() -> None:
    for module, libraries in EXCEPTIONS.items():
        assert {name.partition(".")[0] for name in imports_at_import(module)} & HEAVY == libraries


def test_no_module_imports_itself_through_others() -> None:
    graph = {name: imports_at_import(name) & MODULES.keys() - {name} for name in MODULES}
    graphlib.TopologicalSorter(graph).prepare()


def test_statements_at_import_are_told_from_the_others() -> None:
    code = """
import a
if TYPE_CHECKING:
    import b
try:
    import c
except ImportError:
    import d
class C:
    import e
    def f(self):
        import g
"""
    found = set().union(*(imported(node) for node in statements_at_import(ast.parse(code).body)))
    assert found == {"a", "c", "d", "e"}


def test_help_loads_no_heavy_library() -> None:
    script = """
import json, sys
from importlib.metadata import entry_points

(command,) = entry_points(group="console_scripts", name="mobilekit")
sys.argv = ["mobilekit", "--help"]
try:
    status = command.load()()
except SystemExit as end:
    status = end.code
print(json.dumps({"status": status or 0, "modules": sorted(sys.modules)}))
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    help_text, _, last = run.stdout.rstrip().rpartition("\n")
    seen = json.loads(last)
    assert seen["status"] == 0
    assert "convert" in help_text
    assert "mobilekit.cli" in seen["modules"]
    assert not {name.partition(".")[0] for name in seen["modules"]} & (HEAVY | {"numpy"})

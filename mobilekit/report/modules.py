"""The code for apps that a release brings."""

from __future__ import annotations

from collections.abc import Iterable

from mobilekit.report.tables import Cell, Column, Row, Table, relative_link
from mobilekit.results import ModuleFacts

NOT_COMPILED = (
    "Generated, and not compiled by this build: that takes the platform's own tools. Its tests run "
    "on devices with the app's build, or with mobilekit verify."
)


def modules_table(modules: Iterable[ModuleFacts]) -> Table:
    """Return every module: where it is, what it carries, or why there is none."""
    return Table(
        caption=f"Code for apps. {NOT_COMPILED}",
        columns=(
            Column(label="Platform"),
            Column(label="Folder"),
            Column(label="Package"),
            Column(label="Runtime"),
            Column(label="Carries", wide=True),
        ),
        rows=tuple(_row(module) for module in modules),
    )


def _row(module: ModuleFacts) -> Row:
    platform = Cell(text=module.platform, note=module.language)
    if module.status == "missing":
        nothing = Cell(text="–", quiet=True)
        return Row(
            cells=(platform, nothing, nothing, nothing, Cell(text=module.reason, missed=True)),
            failed=True,
        )
    return Row(
        cells=(
            platform,
            Cell(text=f"{module.folder}/", link=relative_link(module.folder), code=True),
            Cell(text=module.package, code=True),
            Cell(text=module.runtime),
            Cell(text=", ".join(module.variants)),
        )
    )

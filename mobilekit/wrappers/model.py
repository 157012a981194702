"""What a project, a golden and artifacts say of a model, as wrappers for any platform need it."""

from __future__ import annotations

from collections.abc import Iterable

from mobilekit.parity.golden import Golden, OutputFacts
from mobilekit.parity.inputs import InputFacts
from mobilekit.project import Project
from mobilekit_converters.errors import ProjectError
from mobilekit_converters.signature import TensorSpec


def in_order(names: Iterable[str], specs: Iterable[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Return an artifact's inputs or outputs in the order of the golden's names.

    Raises:
        ProjectError: they have other names.
    """
    by_name = {spec.name: spec for spec in specs}
    names = tuple(names)
    if set(names) != set(by_name):
        raise ProjectError(
            f"The golden is of {', '.join(sorted(names))}, and the artifact has "
            f"{', '.join(sorted(by_name))}: they are two models'. Build the release again."
        )
    return tuple(by_name[name] for name in names)


def input_facts(project: Project, name: str) -> InputFacts:
    """Return what the project says of an input."""
    table = project.model.inputs.get(name)
    return table.facts() if table else InputFacts()


def output_facts(project: Project, golden: Golden, name: str) -> OutputFacts:
    """Return what the project says of an output, or the golden where it says nothing."""
    table = project.model.outputs.get(name)
    if table:
        return table.facts(project.folder)
    return OutputFacts(kind=golden.tasks.get(name, "tensor"))

"""What the report tells after its main tables: each variant, the model, the golden, the build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobilekit.report.findings import ran
from mobilekit.report.formats import duration, size
from mobilekit.report.metrics import Metric, in_order
from mobilekit.report.tables import (
    NOT_MEASURED,
    NOT_RUN,
    Cell,
    Column,
    Row,
    Table,
    relative_link,
)
from mobilekit.results import GoldenFacts, ModelFacts, Report, VariantResult
from mobilekit_converters.signature import Quantisation, Signature


@dataclass(frozen=True, kw_only=True)
class VariantDetails:
    """What is worth knowing about one variant after the tables."""

    name: str
    facts: tuple[tuple[str, Cell], ...]
    structure: tuple[str, ...]
    operators: str
    tables: tuple[Table, ...]


def variant_details(variant: VariantResult) -> VariantDetails:
    """Return what is worth knowing about one variant."""
    facts: list[tuple[str, Cell]] = []
    if variant.status == "built":
        facts += [
            ("File", Cell(text=variant.file, link=relative_link(variant.file), code=True)),
            ("SHA-256", Cell(text=variant.sha256, code=True)),
            ("Size", Cell(text=f"{size(variant.bytes)} ({variant.bytes:,} bytes)")),
        ]
    else:
        facts.append(("Error", Cell(text=variant.error)))
    made = "from the cache" if variant.cached else duration(variant.seconds)
    facts.append(("Conversion", Cell(text=made)))
    operators = sorted(variant.operators.items(), key=lambda item: (-item[1], item[0]))
    tables = [_outputs_table(variant), _other_metrics_table(variant)]
    if variant.signature is not None:
        tables.insert(0, signature_table(variant.signature, "Inputs and outputs of the artifact"))
    return VariantDetails(
        name=variant.name,
        facts=tuple(facts),
        structure=variant.structure,
        operators=", ".join(f"{count} × {name}" for name, count in operators),
        tables=tuple(table for table in tables if table.rows),
    )


def _outputs_table(variant: VariantResult) -> Table:
    """Return the tensor metrics of each output on each target."""
    entries = [
        (output, check.target, values)
        for check in ran(variant)
        for output, values in check.outputs.items()
    ]
    metrics = in_order(key for _, _, values in entries for key in values)
    return Table(
        caption="Every output on every target",
        columns=(
            Column(label="Output"),
            Column(label="Target", wide=True),
            *(Column(label=item.label, numeric=True) for item in metrics),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=output, code=True),
                    Cell(text=target),
                    *(_value_cell(values, item) for item in metrics),
                )
            )
            for output, target, values in entries
        ),
    )


def _other_metrics_table(variant: VariantResult) -> Table:
    """Return what was measured of the whole model and stands in no other table."""
    checks = ran(variant)
    shown = {key for check in checks for values in check.outputs.values() for key in values}
    shown |= {key for check in checks for key in check.budget}
    metrics = in_order({key for check in checks for key in check.metrics} - shown)
    return Table(
        caption="Further metrics of the whole model",
        columns=(
            Column(label="Target"),
            *(Column(label=item.label, numeric=True) for item in metrics),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=check.target),
                    *(_value_cell(check.metrics, item) for item in metrics),
                )
            )
            for check in checks
            if metrics
        ),
    )


def _value_cell(values: Mapping[str, float], item: Metric) -> Cell:
    return Cell(text=item.text(values[item.key])) if item.key in values else NOT_MEASURED


def signature_table(signature: Signature, caption: str) -> Table:
    """Return the inputs and outputs of a model or an artifact."""
    tensors = [("input", tensor) for tensor in signature.inputs]
    tensors += [("output", tensor) for tensor in signature.outputs]
    quantised = any(tensor.quantisation for _, tensor in tensors)
    return Table(
        caption=caption,
        columns=(
            Column(label="Name"),
            Column(label="Role"),
            Column(label="Type"),
            Column(label="Shape"),
            *((Column(label="Quantisation", wide=True),) if quantised else ()),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=tensor.name, code=True),
                    Cell(text=role),
                    Cell(text=tensor.dtype),
                    Cell(text=" × ".join(map(str, tensor.shape)) or "scalar"),
                    *((_quantisation_cell(tensor.quantisation),) if quantised else ()),
                )
            )
            for role, tensor in tensors
        ),
    )


def _quantisation_cell(quantisation: Quantisation | None) -> Cell:
    if quantisation is None or not quantisation.scales:
        return Cell(text="none", quiet=True)
    if len(quantisation.scales) > 1:
        return Cell(text=f"{len(quantisation.scales)} scales along axis {quantisation.axis}")
    zero_point = quantisation.zero_points[0] if quantisation.zero_points else 0
    return Cell(text=f"scale {quantisation.scales[0]:.6g}, zero point {zero_point}")


def model_facts(model: ModelFacts) -> tuple[tuple[str, Cell], ...]:
    """Return what is known of the source."""
    parameters = "unknown" if model.parameters is None else f"{model.parameters:,}"
    return (
        ("Name", Cell(text=model.name)),
        ("Source", Cell(text=model.source, code=True)),
        ("Kind", Cell(text=model.kind)),
        ("Size", Cell(text=size(model.bytes))),
        ("Parameters", Cell(text=parameters)),
    )


def golden_facts(golden: GoldenFacts) -> tuple[tuple[str, Cell], ...]:
    """Return where the checks' inputs come from."""
    return (
        ("Origin", Cell(text=golden.origin)),
        ("Samples checked", Cell(text=f"{golden.samples:,}")),
        ("Samples in the release", Cell(text=f"{golden.stored:,}")),
        ("Labels", Cell(text="yes" if golden.labelled else "no: accuracy was not measured")),
    )


def timings_table(variants: tuple[VariantResult, ...]) -> Table:
    """Return how long each conversion and its checks took."""
    return Table(
        caption="Where the time went",
        columns=(
            Column(label="Variant"),
            Column(label="Conversion", numeric=True),
            Column(label="Checks", numeric=True),
        ),
        rows=tuple(
            Row(
                cells=(
                    Cell(text=variant.name),
                    Cell(text="cached" if variant.cached else duration(variant.seconds)),
                    Cell(text=duration(sum(check.seconds for check in ran(variant))))
                    if ran(variant)
                    else NOT_RUN,
                )
            )
            for variant in variants
        ),
    )


def hashes_table(report: Report) -> Table:
    """Return the hashes of the source and of every artifact."""
    entries = [(report.model.source, report.model.sha256)]
    entries += [(v.file, v.sha256) for v in report.variants if v.status == "built"]
    return Table(
        caption="SHA-256 of the source and the artifacts",
        columns=(Column(label="File"), Column(label="SHA-256", wide=True)),
        rows=tuple(
            Row(cells=(Cell(text=name, code=True), Cell(text=digest, code=True)))
            for name, digest in entries
        ),
    )


def environment_table(environment: dict[str, str]) -> Table:
    """Return the tools' versions and the machine's facts."""
    return Table(
        caption="Tools and machine",
        columns=(Column(label="Name"), Column(label="Version or value", wide=True)),
        rows=tuple(
            Row(cells=(Cell(text=name), Cell(text=value))) for name, value in environment.items()
        ),
    )

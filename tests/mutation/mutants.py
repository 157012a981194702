"""Puts a fault into an artifact, or into what it is fed, and asks the default checks about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from input_faults import INPUT_FAULTS, INT8_AS_UINT8, int8_as_uint8
from subjects import Subject
from weight_faults import WEIGHT_FAULTS, Fault

from mobilekit.parity.batches import predict_samples
from mobilekit.parity.budgets import PROGRAM, budget_for
from mobilekit.parity.checks import CheckRequest, run_check
from mobilekit.parity.golden import Golden, load
from mobilekit.parity.metrics import tensor_metrics
from mobilekit.parity.program.comparison import check_program
from mobilekit.results import Check
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.errors import MobilekitError
from mobilekit_converters.variants import VARIANTS, Format
from mobilekit_delegates.targets import target

LEAST_EFFECT_DB = 40.0
"""A fault has an effect where it moves the outputs by 1 % of their power's root or more.

40 dB is the drift that half precision may show; below it nobody can tell a fault from rounding.
"""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A model's artifact with one fault. `refused` says why its file could not even be read."""

    kind: str
    subject: Subject
    variant: str
    artifact: Artifact | None
    golden: Path
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one default check said of a mutant.

    `status` is a check's, or `refused` where the artifact is not even read. `effect_db` is, for one
    that passed, the SNR of its outputs against those of the clean artifact on the same target.
    """

    place: str
    status: str
    reason: str = ""
    effect_db: float | None = None

    @property
    def caught(self) -> bool:
        return self.status in ("fail", "refused")

    @property
    def has_effect(self) -> bool:
        """Whether it matters there; what cannot be run at all does."""
        return self.effect_db is None or self.effect_db < LEAST_EFFECT_DB


def faults(format: Format) -> dict[str, Fault]:
    """Return the faults that can be put into an artifact of a format."""
    if format == "tflite":
        from tflite_faults import TFLITE_FAULTS

        return {**WEIGHT_FAULTS, **TFLITE_FAULTS}
    from coreml_faults import COREML_FAULTS

    return {**WEIGHT_FAULTS, **COREML_FAULTS}


def kinds() -> tuple[str, ...]:
    """Return every kind of fault, in the table's order."""
    return tuple(
        dict.fromkeys([*faults("tflite"), *faults("coreml"), *INPUT_FAULTS, INT8_AS_UINT8])
    )


def is_fed(kind: str) -> bool:
    """Whether a fault is in what artifacts are fed: then it is in all of a release at once."""
    return kind in INPUT_FAULTS


def mutant(kind: str, subject: Subject, variant: str, folder: Path) -> Mutant | None:
    """Make a mutant in a folder, or return None where the kind does not apply to the artifact."""
    if kind in INPUT_FAULTS or kind == INT8_AS_UINT8:
        return _fed_wrongly(kind, subject, variant, folder)
    return _broken(kind, subject, variant, folder)


def _broken(kind: str, subject: Subject, variant: str, folder: Path) -> Mutant | None:
    row = VARIANTS[variant]
    fault = faults(row.format).get(kind)
    clean = subject.artifact(variant)
    path = folder / row.file_name
    if fault is None or not _put(fault, clean.path, path, row.format):
        return None
    refused, artifact = "", None
    try:
        artifact = _read(path, variant, row.format)
    except MobilekitError as error:
        refused = str(error)
    return Mutant(
        kind=kind,
        subject=subject,
        variant=variant,
        artifact=artifact,
        golden=subject.golden_file,
        refused=refused,
    )


def _put(fault: Fault, clean: Path, path: Path, format: Format) -> bool:
    if format == "tflite":
        from tflite_editing import Graph

        graph = Graph(clean)
        if not fault(graph):
            return False
        graph.save(path)
        return True
    from coreml_editing import Package

    package = Package(clean)
    if not fault(package):
        return False
    package.save(path)
    return True


def _read(path: Path, variant: str, format: Format) -> Artifact:
    from mobilekit_converters import coreml, tflite

    return (tflite if format == "tflite" else coreml).read_artifact(path, variant)


def _fed_wrongly(kind: str, subject: Subject, variant: str, folder: Path) -> Mutant | None:
    golden, clean = subject.golden(), subject.artifact(variant)
    ((name, samples),) = golden.inputs.items()
    if kind == INT8_AS_UINT8:
        if variant != "tflite-int8":
            return None
        clean = subject.with_integer_input()
        quantisation = clean.signature.inputs[0].quantisation
        assert quantisation is not None
        wrong: np.ndarray | None = int8_as_uint8(samples, quantisation)
    else:
        wrong = INPUT_FAULTS[kind](samples)
    if wrong is None or np.array_equal(wrong, samples):
        return None
    path = folder / "golden.npz"
    replace(golden, inputs={name: np.ascontiguousarray(wrong)}).save(path)
    return Mutant(kind=kind, subject=subject, variant=variant, artifact=clean, golden=path)


def places(variant: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of some places, `PROGRAM` or targets, that can be asked about a variant."""
    format = VARIANTS[variant].format
    return tuple(name for name in names if name == PROGRAM or format in target(name).info.formats)


def ask(mutant: Mutant, place: str) -> Verdict | None:
    """Hold a mutant against one default check; None where there is no such check for it."""
    if mutant.artifact is None:
        return Verdict(place=place, status="refused", reason=mutant.refused)
    if place == PROGRAM:
        return _ask_program(mutant, mutant.artifact)
    check = check_on(mutant.artifact, place, mutant.golden)
    if check.status == "not_run" and not check.metrics:
        return None
    passed = check.status == "pass"
    moved = _effect_db(mutant, mutant.artifact, place) if passed else None
    return Verdict(place=place, status=check.status, reason=check.reason, effect_db=moved)


def check_on(artifact: Artifact, place: str, golden: Path) -> Check:
    budget = budget_for(artifact.variant, target(place).info.budgets_of or place)
    return run_check(CheckRequest(artifact=artifact, target=place, golden=golden, budget=budget))


def ask_clean(subject: Subject, variant: str, place: str) -> Verdict | None:
    """Hold a clean artifact against one default check; None where there is no such check for it."""
    artifact, exact = subject.artifact(variant), subject.exact(variant)
    if place != PROGRAM:
        check = check_on(artifact, place, subject.golden_file)
    elif exact is None:
        return None
    else:
        budget = budget_for(variant, PROGRAM)
        check = check_program(artifact, exact, budget, subject.golden_file)
    if check.status == "not_run":
        return None
    return Verdict(place=place, status=check.status, reason=check.reason)


def _ask_program(mutant: Mutant, artifact: Artifact) -> Verdict | None:
    exact = mutant.subject.exact(mutant.variant)
    if exact is None or mutant.golden != mutant.subject.golden_file:
        return None
    budget = budget_for(mutant.variant, PROGRAM)
    check = check_program(artifact, exact, budget, mutant.golden)
    return Verdict(place=PROGRAM, status=check.status, reason=check.reason)


def _effect_db(mutant: Mutant, artifact: Artifact, place: str) -> float:
    """Return the SNR of a mutant's outputs against the clean artifact's for the right inputs."""
    most = target(place).info.most_samples
    wrong, right = load(mutant.golden), mutant.subject.golden()
    count = most or len(right)
    clean = mutant.subject.artifact(mutant.variant)
    found = _outputs(artifact, place, wrong.spread(count))
    expected = _outputs(clean, place, right.spread(count))
    (name,) = expected
    return tensor_metrics(found[name], expected[name])["snr_db"]


def _outputs(artifact: Artifact, place: str, golden: Golden) -> dict[str, np.ndarray]:
    with target(place).open(artifact) as session:
        return predict_samples(session.run_all, artifact.signature, golden.inputs)

"""The plan of a build: which steps there are, what each needs, and what its result depends on."""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import mobilekit_converters
import mobilekit_delegates
from mobilekit import __version__, tasks
from mobilekit.cache import Cache, key_of
from mobilekit.inspecting.floors import floor_rules, rules_for
from mobilekit.inspecting.questions import delegates_of
from mobilekit.inspecting.results import ArtifactCoverage
from mobilekit.machine import tool_versions
from mobilekit.parity.budgets import PROGRAM, budget_for
from mobilekit.parity.checks import targets_for
from mobilekit.parity.golden import GoldenRequest
from mobilekit.parity.inputs import InputFacts
from mobilekit.parity.program.comparison import exact_variant
from mobilekit.project import Project
from mobilekit.results import Check, Drift, GoldenFacts
from mobilekit_converters.adaptations.adaptation import AdaptedModel
from mobilekit_converters.artifact import Artifact
from mobilekit_converters.coreml.options import CoreMLOptions, ImageInput
from mobilekit_converters.coreml.recipes import recipe_for
from mobilekit_converters.errors import DataError, ProjectError
from mobilekit_converters.hashing import sha256_of_path
from mobilekit_converters.sources import Examination, SourceOptions
from mobilekit_converters.tflite.options import TFLiteOptions
from mobilekit_converters.variants import VARIANTS, Variant
from mobilekit_delegates.targets import Target, target

SOURCE = "source"
ADAPT = "adaptations"
GOLDEN = "golden"
CALIBRATION = "calibration data"

REFERENCE_TARGET = "cpu-reference"
"""Where a finished TFLite file makes its own reference, so that no check there says anything."""

# What a converter or an interpreter takes beside the model itself: measured peaks, rounded up.
_CONVERTER_BYTES = 700 * 2**20
_SESSION_BYTES = 200 * 2**20

Role = Literal[
    "source",
    "golden",
    "adapt",
    "calibration",
    "variant",
    "coverage",
    "check",
    "adaptation",
    "search",
]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A piece of work whose result the cache can keep.

    `key` is a hash of everything that its result depends on. `kind` is the result's type. The
    other fields are those of a `Job`; a check is of a `variant` on a `target`.
    """

    name: str
    role: Role
    key: str
    kind: type[Any]
    function: Callable[..., Any]
    arguments: dict[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    cost: float = 1
    memory: int = 0
    variant: str = ""
    target: str = ""


@dataclass(frozen=True, kw_only=True)
class Planner:
    """Makes the steps of one project's build. Files pass between steps through the cache."""

    project: Project
    examination: Examination
    cache: Cache
    trust: bool

    def steps(self) -> Iterator[Step]:
        """Return all steps, each after those that it needs.

        Raises:
            DataError: a calibrated variant is wanted and there is no calibration data.
            ProjectError: what is wanted cannot be made from this kind of source.
        """
        source = self._source()
        golden = self._golden()
        yield source
        yield golden
        model = source
        if self.project.adapt.is_wanted:
            model = self.adapt(source)
            yield model
        made: dict[str, Step] = {}
        calibration: Step | None = None
        for variant in self._with_parents(self._variants()):
            if variant.calibrated and calibration is None and not self._is_artifact:
                calibration = self._calibration(source)
                yield calibration
            step = self.conversion(variant, model, calibration, made)
            made[variant.name] = step
            yield step
            if variant.name in self.wanted:
                yield self._coverage(variant, step)
                yield from self._checks(variant, step, golden)
                yield from self._program_check(variant, made, golden)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the variants that the release will hold."""
        return tuple(variant.name for variant in self._variants())

    @property
    def _is_artifact(self) -> bool:
        return self.examination.kind == "tflite"

    @property
    def _options(self) -> SourceOptions:
        return self.project.source_options(trust=self.trust)

    def _variants(self) -> list[Variant]:
        if not self._is_artifact:
            return [VARIANTS[name] for name in self.project.variants()]
        if self.project.android.variants or self.project.ios.variants:
            raise ProjectError(
                f"{self.project.source} is a finished TFLite file: it is checked as it is, and no "
                "other variant can be made from it. Leave the lists of variants out, or convert "
                "from the trained model."
            )
        from mobilekit_converters.tflite import precision_of

        return [VARIANTS[f"tflite-{precision_of(self.project.source)}"]]

    def _with_parents(self, variants: list[Variant]) -> list[Variant]:
        """Add the variants that others are made from or compared with, before those."""
        if self._is_artifact:
            return variants
        needed = [(v.parent, exact_variant(v.name), v.name) for v in variants]
        return [VARIANTS[name] for name in dict.fromkeys(n for names in needed for n in names if n)]

    def _base(self, step: str) -> dict[str, Any]:
        """Return what every result depends on: the source, its options, the tools, this code."""
        return {
            "step": step,
            "source": self.examination.sha256,
            "options": repr(self._options),
            "tools": tool_versions(),
            "mobilekit": __version__,
            "code": _code_digest(),
        }

    def key(self, step: str, needed: Iterable[Step], **parts: Any) -> str:
        """Return the key of a step that asks about what other steps made."""
        return key_of(
            **self._base(step),
            needed=[other.key for other in needed],
            tables=_tables_digest(),
            **parts,
        )

    def _source(self) -> Step:
        function = tasks.read_source if self._is_artifact else tasks.freeze_source
        return Step(
            name=SOURCE,
            role="source",
            key=key_of(**self._base("source")),
            kind=tasks.SourceFacts,
            function=function,
            arguments={"path": self.project.source, "options": self._options},
            cost=1000,
            memory=_CONVERTER_BYTES + 6 * self.examination.bytes,
        )

    def _golden(self) -> Step:
        project = self.project
        request = GoldenRequest(
            evaluation=project.evaluation,
            inputs=self._input_facts(),
            outputs={
                name: table.facts(project.folder) for name, table in project.model.outputs.items()
            },
            samples=project.verify.samples,
            seed=project.verify.seed,
        )
        if request.evaluation and not request.evaluation.exists():
            raise DataError(f"There is no evaluation data {request.evaluation}.")
        return Step(
            name=GOLDEN,
            role="golden",
            key=key_of(
                **self._base("golden"),
                request=repr(replace(request, evaluation=None)),
                evaluation=sha256_of_path(request.evaluation) if request.evaluation else None,
            ),
            kind=GoldenFacts,
            function=tasks.make_golden,
            arguments={
                "path": self.project.source,
                "options": self._options,
                "request": request,
            },
            cost=900,
            memory=_CONVERTER_BYTES + 4 * self.examination.bytes,
        )

    def _input_facts(self) -> dict[str, InputFacts]:
        return {name: table.facts() for name, table in self.project.model.inputs.items()}

    def _calibration(self, source: Step) -> Step:
        path = self.project.calibration
        if path is None:
            raise DataError(
                "int8, int16x8 and w8a8 need calibration data, some hundred real inputs: name an "
                ".npz with [data] calibration or --calibration, or leave them out. Nothing is "
                "ever calibrated on noise."
            )
        if not path.exists():
            raise DataError(f"There is no calibration data {path}.")
        return Step(
            name=CALIBRATION,
            role="calibration",
            key=key_of(
                **self._base("calibration"),
                data=sha256_of_path(path),
                facts=repr(self._input_facts()),
            ),
            kind=int,
            function=tasks.check_calibration,
            arguments={
                "path": path,
                "facts": self._input_facts(),
                "source": self._entry(source),
            },
            after=(SOURCE,),
            cost=800,
            memory=_SESSION_BYTES,
        )

    def adapt(self, source: Step) -> Step:
        """Return the step that rewrites the source's graph for accelerators.

        Raises:
            ProjectError: the source is a finished file, which has no such graph.
        """
        if self._is_artifact:
            raise ProjectError(
                f"{self.project.source} is a finished TFLite file: only a trained model's graph "
                "can be adapted. Leave [adapt] and --adapt out, or convert from the trained model."
            )
        adapt = self.project.adapt
        return Step(
            name=ADAPT,
            role="adapt",
            key=key_of(**self._base("adapt"), adapt=repr(adapt), needed=[source.key]),
            kind=AdaptedModel,
            function=tasks.adapt_model,
            arguments={
                "frozen": self._entry(source) / tasks.FROZEN,
                "delegates": adapt.delegates,
                "changes": adapt.change_function,
            },
            after=(source.name,),
            cost=950,
            memory=_CONVERTER_BYTES + 10 * self.examination.bytes,
        )

    def conversion(
        self, variant: Variant, model: Step, calibration: Step | None, made: dict[str, Step]
    ) -> Step:
        """Return the step that makes a variant.

        Args:
            variant: which one.
            model: the source, or the source adapted: what leaves a frozen model.
            calibration: for calibrated variants.
            made: the steps of the variants so far, by name.
        """
        if self._is_artifact:
            return self._taken(variant)
        options = self._conversion_options(variant)
        if isinstance(options, CoreMLOptions):
            recipe_for(variant, options)
        parent = made[variant.parent] if variant.parent else None
        data = calibration if variant.calibrated else None
        needed = [step for step in (model, parent, data) if step]
        return Step(
            name=variant.name,
            role="variant",
            key=key_of(
                **self._base("variant"),
                variant=repr(variant),
                conversion=repr(options),
                needed=[step.key for step in needed],
            ),
            kind=Artifact,
            function=tasks.convert_variant,
            arguments={
                "variant": variant,
                "frozen": self._entry(model) / tasks.FROZEN,
                "options": options,
                "calibration": self._entry(data) / tasks.CALIBRATION if data else None,
                "parent": self._entry(parent) / VARIANTS[parent.name].file_name if parent else None,
            },
            after=tuple(step.name for step in needed),
            cost=10 * variant.cost,
            memory=_CONVERTER_BYTES + 10 * self.examination.bytes,
        )

    def _taken(self, variant: Variant) -> Step:
        return Step(
            name=variant.name,
            role="variant",
            key=key_of(**self._base("taken"), allowed=self.project.android.allowed_operators),
            kind=Artifact,
            function=tasks.take_artifact,
            arguments={
                "path": self.project.source,
                "variant": variant,
                "allowed": self.project.android.allowed_operators,
            },
            after=(SOURCE,),
            memory=_SESSION_BYTES,
        )

    def _conversion_options(self, variant: Variant) -> TFLiteOptions | CoreMLOptions:
        android, ios = self.project.android, self.project.ios
        if variant.format == "tflite":
            return TFLiteOptions(io_dtype=android.io, allowed_operators=android.allowed_operators)
        images = tuple(
            ImageInput(name=name, color=table.color, scale=table.scale, offset=table.offset)
            for name, table in self.project.model.inputs.items()
            if table.kind == "image" and ios.image_inputs
        )
        return CoreMLOptions(minimum=ios.minimum, images=images)

    def _coverage(self, variant: Variant, conversion: Step) -> Step:
        delegates = asked_of(variant, self.project)
        return Step(
            name=coverage_step(variant.name),
            role="coverage",
            key=key_of(
                step="coverage",
                artifact=conversion.key,
                delegates=delegates,
                tables=_tables_digest(),
                code=_code_digest(),
            ),
            kind=ArtifactCoverage,
            function=tasks.tell_coverage,
            arguments={
                "conversion": self._entry(conversion),
                "variant": variant,
                "delegates": delegates,
            },
            after=(conversion.name,),
            memory=_SESSION_BYTES,
            variant=variant.name,
        )

    def _checks(self, variant: Variant, conversion: Step, golden: Step) -> Iterator[Step]:
        for name in targets_for(variant.format, self.project.targets()):
            if not self._is_artifact or name != REFERENCE_TARGET:
                yield self.check(variant, conversion, golden, name)

    def check(self, variant: Variant, conversion: Step, golden: Step, name: str) -> Step:
        """Return the step that runs a variant on a target, by the target's name."""
        place = target(name)
        budget = budget_for(variant.name, place.info.budgets_of or name, self.project.budgets)
        return Step(
            name=f"{variant.name} on {name}",
            role="check",
            key=key_of(
                step="check",
                artifact=conversion.key,
                golden=golden.key,
                target=name,
                runs=_what_runs(place),
                budget=repr(budget),
            ),
            kind=Check,
            function=tasks.check,
            arguments={
                "conversion": self._entry(conversion),
                "variant": variant,
                "golden": self._entry(golden) / tasks.GOLDEN,
                "target": name,
                "budget": budget,
            },
            after=(conversion.name, GOLDEN),
            # XNNPACK does not run int16: it falls back to the reference kernels.
            cost=max(place.info.cost, 60 if variant.precision == "int16x8" else 0),
            memory=place.info.memory + 4 * self.examination.bytes,
            variant=variant.name,
            target=name,
        )

    def search(self, check: Step) -> Step:
        """Return the step that finds the layer at which an artifact goes wrong.

        `check` is the one that failed; it ran on a target, with outputs to compare.
        """
        return Step(
            name=f"{check.name}, layer by layer",
            role="search",
            key=key_of(step="search", check=check.key, code=_code_digest()),
            kind=Drift,
            function=tasks.locate,
            arguments={
                **check.arguments,
                "frozen": self._entry(self._source()) / tasks.FROZEN,
                "source": self.project.source,
            },
            memory=_CONVERTER_BYTES + 20 * self.examination.bytes,
            variant=check.variant,
            target=check.target,
        )

    def _program_check(
        self, variant: Variant, made: dict[str, Step], golden: Step
    ) -> Iterator[Step]:
        exact = exact_variant(variant.name)
        if exact is None or self._is_artifact:
            return
        needed = (made[variant.name], made[exact], golden)
        budget = budget_for(variant.name, PROGRAM, self.project.budgets)
        yield Step(
            name=f"{variant.name} on {PROGRAM}",
            role="check",
            key=key_of(
                **self._base("program"), needed=[step.key for step in needed], budget=repr(budget)
            ),
            kind=Check,
            function=tasks.check_program,
            arguments={
                "conversion": self._entry(made[variant.name]),
                "variant": variant,
                "exact_conversion": self._entry(made[exact]),
                "exact": VARIANTS[exact],
                "golden": self._entry(golden) / tasks.GOLDEN,
                "budget": budget,
            },
            after=(variant.name, exact, GOLDEN),
            memory=_SESSION_BYTES + 8 * self.examination.bytes,
            variant=variant.name,
            target=PROGRAM,
        )

    def _entry(self, step: Step) -> Path:
        return self.cache.entry(step.key)


def coverage_step(variant: str) -> str:
    """Return the name of the step that says what delegates take of a variant."""
    return f"{variant}, operators by delegate"


def asked_of(variant: Variant, project: Project) -> tuple[str, ...]:
    """Return the delegates that a build asks about a variant: all of its format, each at its usual
    level, and those that have a floor.
    """
    usual = delegates_of(variant.format)
    rules = rules_for(floor_rules(project.coverage), variant.name, variant.format)
    return tuple(dict.fromkeys((*usual, *(rule.delegate for rule in rules))))


def _what_runs(place: Target) -> str:
    """Return what a check's result depends on beside its inputs: what is on the target by now."""
    if not place.info.repeatable:
        return str(uuid.uuid4())
    return str(place.missing() or place.version())


@functools.cache
def _code_digest() -> str:
    """Return a hash of the code that makes and checks artifacts, so that a change rebuilds them."""
    folders = [Path(package.__path__[0]) for package in (mobilekit_converters, mobilekit_delegates)]
    folders += [Path(__file__).parent / name for name in ("parity", "inspecting")]
    return _digest(folders, "*.py")


@functools.cache
def _tables_digest() -> str:
    """Return a hash of the tables of rules and of what else coverage is read from."""
    return _digest([Path(mobilekit_delegates.__path__[0])], "*.toml")


def _digest(folders: Iterable[Path], pattern: str) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()

"""The steps of a build that tell what adaptations won: one variant without and with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mobilekit import tasks
from mobilekit.adapting.counting import is_here
from mobilekit.results import NodesTaken
from mobilekit.steps import ADAPT, GOLDEN, SOURCE, Planner, Step
from mobilekit_converters.adaptations.table import adaptations_for
from mobilekit_converters.tflite.options import TFLiteOptions
from mobilekit_converters.variants import VARIANTS, Format, Variant
from mobilekit_delegates.targets import target


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The finest variant that a format's delegates can take: they are asked, `targets` run it."""

    variant: Variant
    targets: tuple[str, ...]
    delegates: tuple[str, ...]


SUBJECTS: dict[Format, Subject] = {
    "tflite": Subject(
        variant=VARIANTS["tflite-fp32"],
        targets=("cpu",),
        delegates=("gpu", "nnapi"),
    ),
    "coreml": Subject(
        # The Neural Engine takes no float32.
        variant=VARIANTS["coreml-fp16"],
        targets=("coreml",),
        delegates=("neural_engine",),
    ),
}

RUN_ON = ("gpu",)
"""Those of the delegates that are targets as well, of the same name."""

BEFORE, AFTER = "before", "after"


def subjects(planner: Planner) -> Iterator[Subject]:
    """Return the variants that tell what adaptations won: those of formats that are made."""
    adapt = planner.project.adapt
    made = {VARIANTS[name].format for name in planner.wanted}
    for format, subject in SUBJECTS.items():
        asked = tuple(name for name in subject.delegates if name in adapt.delegates)
        if format in made and (asked or adapt.change_function):
            # A delegate that can be run has to answer right as well.
            runs = tuple(name for name in asked if name in RUN_ON)
            yield replace(subject, delegates=asked, targets=(*subject.targets, *runs))


def check_step(subject: Subject, place: str, when: str) -> str:
    """Return the name of the step that checks a subject on a target, before or after adaptation."""
    return f"{subject.variant.name} on {place}, {when} adaptation"


def count_step(subject: Subject, delegate: str, when: str) -> str:
    """Return the name of the step that counts what a delegate takes.

    `when` is before or after all adaptations, or the name of the one after which it counts.
    """
    words = f"{when} adaptation" if when in (BEFORE, AFTER) else f"after {when}"
    return f"nodes of {subject.variant.name} on {delegate}, {words}"


def measuring_steps(planner: Planner, steps: Sequence[Step]) -> Iterator[Step]:
    """Return what a build does beside its own steps where it adapts: each asks, none is shipped."""
    if not planner.project.adapt.is_wanted:
        return
    known = {step.name: step for step in steps}
    for subject in subjects(planner):
        variant = subject.variant
        before = replace(
            planner.conversion(variant, known[SOURCE], None, {}),
            name=f"{variant.name}, {BEFORE} adaptation",
            role="adaptation",
        )
        yield before
        after = known.get(variant.name)
        if after is None:
            after = replace(
                planner.conversion(variant, known[ADAPT], None, {}),
                name=f"{variant.name}, {AFTER} adaptation",
                role="adaptation",
            )
            yield after
        for when, conversion in ((BEFORE, before), (AFTER, after)):
            for place in subject.targets:
                check = planner.check(variant, conversion, known[GOLDEN], place)
                # As a check of the release it may be there already; no two steps share a key.
                key = planner.key("adaptation check", [conversion, known[GOLDEN]], key=check.key)
                name = check_step(subject, place, when)
                yield replace(check, name=name, role="adaptation", key=key, variant="")
            for delegate in subject.delegates:
                yield _count(planner, subject, delegate, when, conversion)
        if variant.format == "tflite":
            yield from _stages(planner, subject, known)


def _count(planner: Planner, subject: Subject, delegate: str, when: str, conversion: Step) -> Step:
    return Step(
        name=count_step(subject, delegate, when),
        role="adaptation",
        key=planner.key("nodes", [conversion], delegate=delegate, runs=_what_answers(delegate)),
        kind=NodesTaken,
        function=tasks.count_nodes,
        arguments={
            "conversion": planner.cache.entry(conversion.key),
            "variant": subject.variant,
            "delegate": delegate,
        },
        after=(conversion.name,),
        memory=_memory(delegate),
    )


def _stages(planner: Planner, subject: Subject, known: dict[str, Step]) -> Iterator[Step]:
    """Ask after each rewrite what the delegate takes by then."""
    adapt = planner.project.adapt
    for adaptation in adaptations_for(adapt.delegates, adapt.change_function):
        for delegate in subject.delegates:
            needed = [known[SOURCE], known[ADAPT]]
            yield Step(
                name=count_step(subject, delegate, adaptation.name),
                role="adaptation",
                key=planner.key(
                    "nodes of a stage",
                    needed,
                    adaptation=adaptation.name,
                    delegate=delegate,
                    runs=_what_answers(delegate),
                ),
                kind=tasks.StageNodes,
                function=tasks.count_nodes_of_stage,
                arguments={
                    "adapted": planner.cache.entry(known[ADAPT].key),
                    "adaptation": adaptation.name,
                    "frozen": planner.cache.entry(known[SOURCE].key) / tasks.FROZEN,
                    "variant": subject.variant,
                    "options": TFLiteOptions(
                        allowed_operators=planner.project.android.allowed_operators
                    ),
                    "delegate": delegate,
                },
                after=tuple(step.name for step in needed),
                memory=known[ADAPT].memory,
            )


def _what_answers(delegate: str) -> str:
    """Return what an answer depends on beside the artifact: what is on this machine by now."""
    if not is_here(delegate):
        return "rules"
    return target(delegate).version() if delegate in RUN_ON else "itself"


def _memory(delegate: str) -> int:
    return target(delegate).info.memory if delegate in RUN_ON else 200 * 2**20

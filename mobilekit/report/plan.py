"""Where apps should run the model: the plan of each platform, drawn and explained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mobilekit.report.formats import plural, size
from mobilekit.report.plan_chart import draw_plan
from mobilekit.report.plots import Plot
from mobilekit.results import Plan
from mobilekit_delegates.planning.plan import Estimate

_PLATFORMS = {"android": "Android", "ios": "iOS"}


def plan_plots(plans: Iterable[Plan]) -> tuple[Plot, ...]:
    """Return a picture of each plan that has candidates."""
    return tuple(_plot(plan) for plan in plans if plan.estimates)


def _plot(plan: Plan) -> Plot:
    platform = _PLATFORMS[plan.platform]
    title = f"Where to run it on {platform}"
    return Plot(
        title=title,
        drawing=draw_plan(list(_by_device(plan)), title=title, id=f"plan-{plan.platform}"),
        caption=_caption(plan),
    )


def _by_device(plan: Plan) -> Iterator[tuple[str, list[Estimate]]]:
    """Return each device with its candidates in the plan's order."""
    places = {(item.variant, item.accelerator): index for index, item in enumerate(plan.order)}
    for device in dict.fromkeys(item.device for item in plan.estimates):
        items = [item for item in plan.estimates if item.device == device]
        yield device, sorted(items, key=lambda item: places[item.variant, item.accelerator])


def _caption(plan: Plan) -> str:
    sentences = [
        "Estimates, not measurements: what each delegate should take of the graph, at times that "
        "were published for these devices. Apps try the candidates in this order, after the CPU, "
        "and keep the fastest that is right."
    ]
    parts = sorted(
        {
            f"{item.accelerator.replace('_', ' ')} with {item.variant} in "
            f"{plural(item.partitions, 'part')}, {size(item.crossing_bytes)} crossing"
            for item in plan.estimates
            if item.partitions > 1 or item.crossing_bytes
        }
    )
    if parts:
        sentences.append(f"Cut up: {'; '.join(parts)}.")
    return " ".join(sentences)

"""Writes docs/coverage.md: how what the tables of rules say compares with the delegates themselves.

.venv/bin/python tests/coverage/corpus_page.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpus import NOT_HERE, cases
from corpus_networks import converted, published
from corpus_results import Summary, hold
from drawn_graphs import drawn

from mobilekit_delegates.coverage.asking import ASKERS
from mobilekit_delegates.coverage.delegates import DELEGATES

HELD = ("gpu", "xnnpack")
"""The delegates that the corpus is made for."""

SEED = 2026
_DRAWN_GRAPHS = 500

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"

_TOP = """\
# Coverage: how far an estimate can be trusted

`mobilekit inspect` reads from tables of rules which nodes a delegate takes
(`delegates/mobilekit_delegates/rules/tables/`). Two of the delegates are here to be asked
themselves: LiteRT's GPU accelerator, on a software Vulkan device, and XNNPACK. They were asked
about {graphs} small graphs at the limits of their rules (ranks, dtypes, broadcasts, paddings,
dilations, axes, open batches, constants, quantisation, versions of operators;
`tests/coverage/corpus.py`) and about whole networks. This page is written by

    .venv/bin/python tests/coverage/corpus_page.py

and `tests/coverage/test_corpus.py` asks again about each small graph and holds the page to it.
"""

_WHAT_IT_MEANS = """\
A node is judged alike where both take it or both leave it, by itself or because of the rest of its
graph. Nodes of constants, which cost nothing when a graph runs, are not counted. Where the delegate
ends its process or fails to load, the whole graph counts as refused.
"""

_DRAWN = """\
Most rules were read from the delegates' sources. Some were learnt from what the delegates said of
the graphs above, and of others that were drawn like these. For the figures here, operators, shapes,
dtypes, constants and versions were drawn anew after the tables were written, with the seed {seed}
(`tests/coverage/drawn_graphs.py`).
"""

_KNOWN = """\
## Two graphs that Google's analyzer calls compatible

- All in int16 (`all_int16`): the GPU accelerator takes none of its nodes, and the estimate says so.
- With an open batch, as converters write it (`flatten_open_batch`: a new shape is computed from the
  batch): the accelerator takes nothing of the graph, and with the CPU's help it does not load
  either, because a shape is only known when the graph runs. The estimate says so. Where the batch
  is open and no operator asks for it (`open_batch`), LiteRT 2.3 does take the graph, and prepares
  it again after an input is resized. The classic delegate keeps to the shape in the file: the
  estimate for it refuses such a graph.
"""


def page(
    graphs: Sequence[Summary], drawn_graphs: Sequence[Summary], networks: Sequence[Summary]
) -> str:
    """Return the page from what was measured."""
    parts = [
        _TOP.format(graphs=f"{len(graphs[0].results):,}"),
        _WHAT_IT_MEANS,
        "Asked were:",
        "\n".join(f"- {summary.delegate}: {summary.place}" for summary in graphs),
        "## Small graphs",
        *figures(graphs),
        *_crashes(graphs),
        "## Graphs drawn at random",
        _DRAWN.format(seed=SEED),
        *figures(drawn_graphs),
        "## Networks",
        "How many nodes each takes of those that cost something when the network runs.",
        "\n".join(_networks(networks)),
        *_wrong(networks),
        _KNOWN.strip(),
        "## Not asked here",
        "\n".join(_not_asked()),
        "Not among the small graphs: "
        + ", ".join(f"{operator} ({reason})" for operator, reason in NOT_HERE.items())
        + ".",
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def figures(summaries: Sequence[Summary]) -> list[str]:
    """Return what the test holds the page to: figures that no machine changes."""
    rows = [
        "| delegate | graphs | nodes | taken | judged alike | wrongly called taken | crashes |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {summary.delegate} | {len(summary.results)} | {summary.nodes} | {summary.taken} "
            f"| {summary.agreement:.2%} | {len(summary.claimed)} | {len(summary.crashes)} |"
            for summary in summaries
        ),
    ]
    return ["\n".join(rows), *_wrong(summaries)]


def _crashes(summaries: Sequence[Summary]) -> Iterator[str]:
    for summary in summaries:
        if summary.crashes:
            named = (f"`{result.name}` ({result.crash})" for result in summary.crashes)
            yield f"{summary.delegate} ends its process at {', '.join(named)}."


def _wrong(summaries: Sequence[Summary]) -> Iterator[str]:
    lines = [
        f"- {summary.delegate}, `{name}`, {wrong.node}: {wrong.estimate} by the table, "
        f"{wrong.measured} by the delegate"
        for summary in summaries
        for name, wrong in summary.wrong
    ]
    yield "Judged apart:\n\n" + "\n".join(lines) if lines else "None is judged apart."


def _networks(summaries: Sequence[Summary]) -> Iterator[str]:
    yield "| network | " + " | ".join(summary.delegate for summary in summaries) + " |"
    yield "|---" * (len(summaries) + 1) + "|"
    for row in zip(*(summary.results for summary in summaries), strict=True):
        counts = " | ".join(f"{result.taken} of {result.nodes}" for result in row)
        yield f"| {row[0].name} | {counts} |"


def _not_asked() -> Iterator[str]:
    for name, delegate in DELEGATES.items():
        if name not in ASKERS:
            yield f"- {name}: {delegate.table.meaning}"


def measure_graphs(folder: Path, delegates: Sequence[str] = HELD) -> list[Summary]:
    """Ask about the small graphs."""
    files = {case.name: case.write(folder) for case in cases()}
    return [hold(delegate, files) for delegate in delegates]


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        graphs = measure_graphs(folder)
        others = drawn(folder, SEED, _DRAWN_GRAPHS)
        files = {**published(), **dict(converted(folder))}
        drawn_graphs = [hold(delegate, others) for delegate in HELD]
        networks = [hold(delegate, files) for delegate in HELD]
    PAGE.write_text(page(graphs, drawn_graphs, networks), encoding="utf-8")
    print(*figures([*graphs, *drawn_graphs, *networks]), sep="\n\n")


if __name__ == "__main__":
    main()

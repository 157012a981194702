"""The tables of operators that TFLite's and LiteRT's profilers print, several versions of them.

Sources: `tensorflow/core/util/stats_calculator.cc`, which lost the column `[start]` in 2022 and
grew wider columns; `litert/runtime/profiler_summarizer.cc`, which has it again; both can be CSV.
A section of the run comes after one of the start, and may be followed by the delegate's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mobilekit.bench.importing.figures import count, milliseconds
from mobilekit.bench.results import OperatorTime

_RUNS = "Operator-wise Profiling Info for Regular Benchmark Runs"
_STARTS = "Profiling Info for Benchmark Initialization"
_SECTION = re.compile(r"={5,} (?P<title>[A-Za-z ]+) ={5,}")

_NUMBER = r"(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?)"
_BETWEEN = r"(?:\s*,\s*|\s+)"
_ROW = re.compile(
    rf"(?P<type>[^\s\d\[].*?){_BETWEEN}"
    rf"(?:{_NUMBER}{_BETWEEN})?"  # [start]
    rf"{_NUMBER}{_BETWEEN}(?P<average>{_NUMBER}){_BETWEEN}"
    rf"{_NUMBER}%{_BETWEEN}{_NUMBER}%{_BETWEEN}"
    rf"{_NUMBER}{_BETWEEN}(?P<times>\d+){_BETWEEN}(?P<name>\S.*)"
)

_LONGEST_LINE = 4096
_MOST_OPERATORS = 20_000


def read_operators(text: str, name: str) -> tuple[OperatorTime, ...]:
    """Return the main graph's operators in running order; none where there is no table.

    Their times are averages over the runs, which is all that the table has.

    Args:
        text: the whole output.
        name: the file, for errors.

    Raises:
        DataError: a number in it cannot be.
    """
    rows = [
        (row["type"].strip(), row["name"].strip(), _time(row, name)) for row in _rows(text[: 2**25])
    ]
    total = sum(time for _, _, time in rows)
    return tuple(
        OperatorTime(
            name=title,
            operator=kind,
            median_ms=time,
            share=time / total if total > 0 else 0.0,
        )
        for kind, title, time in rows
    )


def _time(row: re.Match[str], name: str) -> float:
    """Return what an operator took of one run: where it ran in a loop, all its calls."""
    # Some versions leave the number of calls at 0.
    calls = max(count(row["times"], f"{name}: [times called] of {row['name']}"), 1)
    return milliseconds(row["average"], f"{name}: [avg ms] of {row['name'][:60]}", unit=calls)


def _rows(text: str) -> Iterator[re.Match[str]]:
    """Yield the rows of the first table in running order that is of runs, not of the start."""
    begun = text.find(_RUNS)
    if begun < 0 and _STARTS in text:
        return
    inside, found = False, 0
    for line in text[max(begun, 0) :].splitlines():
        if section := _SECTION.search(line):
            if inside:
                return
            inside = section["title"] == "Run Order"
        elif inside and len(line) <= _LONGEST_LINE and (row := _ROW.search(line)):
            found += 1
            if found > _MOST_OPERATORS:
                return
            yield row

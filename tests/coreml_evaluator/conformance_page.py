"""Counts what became of the suite's cases, and writes the page of operators from the counts.

    python tests/coreml_evaluator/conformance_page.py --all PART.jsonl … --sample SAMPLE.jsonl

takes what `conformance_suite.py` wrote, for the whole suite and for the sample that the tests run,
and writes `conformance_counts.json` beside this file and `docs/coreml_operators.md`. Without
arguments it writes the page again from the counts.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

COUNTS = Path(__file__).with_name("conformance_counts.json")
PAGE = Path(__file__).parents[2] / "docs" / "coreml_operators.md"

COMPARED = ("passed", "wrong", "unsupported", "failed")
"""The outcomes of cases that expect numbers: the share that passed is of these."""

OUTCOMES = (*COMPARED, "not converted", "no numbers", "excluded")

HEAD = """# Core ML operators

<!-- Written by `python tests/coreml_evaluator/conformance_page.py`; the counts are in
`tests/coreml_evaluator/conformance_counts.json`. -->

The targets `coreml` and `coreml-fp32` evaluate ML Programs, opsets iOS 15 to iOS 18, on any system.
An operator that is not listed here, or an input of one that is not honoured, makes a check
`not_run` and is named in its reason; nothing is ignored.

## Operators

{operators}

## coremltools' own operator tests

coremltools' wheel ships the tests of its operators, with outputs that numpy, PyTorch or TensorFlow
computed. They are run here with the evaluator in Core ML's place: each case builds its program,
coremltools converts it and saves it as a package, the evaluator answers from that package, and the
suite compares at its own tolerances: 1e-4 for most fp32 cases, 0.5 for fp16 ones.

- A case counts as passed only where numbers were compared, and agreed. Cases that compare none
  (types, error messages, constants), and those that the suite itself leaves out, are not counted.
- A case whose prediction must fail, and fails, is counted among those without numbers.
- Cases of precision fp16 are evaluated as `coreml` does, with rounding, those of fp32 as
  `coreml-fp32` does, without. Of the latter, {float16} that pass expect numbers that the suite
  holds in float16, and all the same within 1e-4: the prediction is rounded to float16 too before it
  is compared with these.
- Left out as a whole: {excluded}.

**{passed} of {compared} cases give the expected numbers: {share}.** Of the fp32 cases
{fp32_passed} of {fp32_compared} do: {fp32_share}. {coverage} {versions}

| file | passed | of | fp32 passed | of | refused | other numbers | no numbers | left out |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
{rows}

{unsupported}

## Where the numbers differ

{differences}

## What keeps this from falling

`tests/coreml_evaluator/test_conformance.py` runs an even sample of every file's cases, those that
need no PyTorch, and requires of each file as many passes as it had when this page was written. The
whole count is made by

```
python tests/coreml_evaluator/conformance_suite.py --out all.jsonl
python tests/coreml_evaluator/conformance_suite.py --most-per-file 16 --out sample.jsonl
python tests/coreml_evaluator/conformance_page.py --all all.jsonl --sample sample.jsonl
```

the first with PyTorch installed, the second without.
"""

REASONS = {
    r"inf location": "numbers beyond float16's range",
    r"TestResample.*(AssertionError: $|float16)": "the case counts casts as a float16 program has "
    "them, or its float16 coordinates lose what it expects of them",
    r"float16|dtype=fp16": "the program declares float16; what is expected was computed from "
    "numbers that were not rounded to it before, or in float16 throughout",
    r"TestCropResize.*iOS15": "a box turned inside out",
    r"TestCropResize.*7\.899": "the expected number is rounded to 7.899 from 7.9",
    r"ResponseNorm": "a window of an even size, which lies otherwise in Core ML than in PyTorch",
    r"float32\[None\]": "a tensor whose number of axes is known only when it runs",
}
"""Why numbers differ: the first that is found in the case's name and what became of it."""


def read(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Read the lines that `conformance_suite.py` wrote; a case that ran twice counts once."""
    results = {}
    for path in paths:
        for line in path.read_text().splitlines():
            result = json.loads(line)
            results[result["file"], result["case"]] = result
    return list(results.values())


def count(results: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Count outcomes by file; those of fp32 cases also under `fp32 ` and their name."""
    files: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        files[result["file"]][result["outcome"]] += 1
        if result["precision"] == "fp32":
            files[result["file"]][f"fp32 {result['outcome']}"] += 1
    return {file: dict(sorted(files[file].items())) for file in sorted(files)}


def compared(outcomes: Mapping[str, int], prefix: str = "") -> int:
    """How many of a file's cases expect numbers."""
    return sum(outcomes.get(f"{prefix}{outcome}", 0) for outcome in COMPARED)


def differences(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Group the cases whose numbers differ by test and likely reason."""
    groups: Counter[tuple[str, str, str]] = Counter()
    for result in results:
        if result["outcome"] in ("wrong", "failed"):
            test = result["case"].partition("[")[0]
            why = reason(f"{result['case']} {result['detail']}")
            groups[result["file"], test, why] += 1
    return [
        {"file": file, "test": test, "reason": why, "cases": number}
        for (file, test, why), number in sorted(groups.items())
    ]


def reason(what: str) -> str:
    """Say why a case's numbers differ, or that it is not known."""
    return next((why for part, why in REASONS.items() if re.search(part, what)), "not known")


def unsupported(results: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Count what the evaluator refused, by its own words."""
    refused: Counter[str] = Counter()
    for result in results:
        if result["outcome"] == "unsupported":
            refused[re.sub(r" \(in '.*?'\)|^\w+: ", "", result["detail"])] += 1
    return dict(sorted(refused.items()))


def page(counts: Mapping[str, Any]) -> str:
    """Return the page of the counts and of the evaluator's table of operators."""
    files: Mapping[str, Mapping[str, int]] = counts["all"]
    passed = sum(each.get("passed", 0) for each in files.values())
    total = sum(compared(each) for each in files.values())
    fp32_passed = sum(each.get("fp32 passed", 0) for each in files.values())
    fp32_total = sum(compared(each, "fp32 ") for each in files.values())
    return HEAD.format(
        operators=operator_table(),
        excluded=excluded_files(),
        float16=counts["passed in float16"],
        passed=passed,
        compared=total,
        share=f"{passed / total:.1%}",
        fp32_passed=fp32_passed,
        fp32_compared=fp32_total,
        fp32_share=f"{fp32_passed / fp32_total:.1%}",
        coverage=coverage(counts),
        versions=counts["versions"],
        rows="\n".join(row(file, each) for file, each in files.items()),
        unsupported=refusals(counts["unsupported"]),
        differences=difference_table(counts["differences"]),
    )


def coverage(counts: Mapping[str, Any]) -> str:
    """Say how many of the cases that the suite has were run."""
    ran = sum(sum(each.get(o, 0) for o in OUTCOMES) for each in counts["all"].values())
    collected = counts["collected"]
    if ran == collected:
        return f"All {collected} cases were run."
    return (
        f"Of the suite's {collected} cases {ran} were run: every second one, evenly spread, of the "
        "largest files (recurrent layers, compression, quantisation), and all others."
    )


def row(file: str, each: Mapping[str, int]) -> str:
    """Return a file's row of the table."""
    numbers = [
        each.get("passed", 0),
        compared(each),
        each.get("fp32 passed", 0),
        compared(each, "fp32 "),
        each.get("unsupported", 0),
        each.get("wrong", 0) + each.get("failed", 0),
        each.get("no numbers", 0) + each.get("not converted", 0),
        each.get("excluded", 0),
    ]
    return f"| {file} | {' | '.join(map(str, numbers))} |"


def refusals(refused: Mapping[str, int]) -> str:
    """Return what the evaluator refused."""
    if not refused:
        return "No case was refused for something that the evaluator does not know."
    return "\n".join(
        ["Refused:", "", *(f"- {what} ({number} cases)" for what, number in refused.items())]
    )


def difference_table(groups: list[dict[str, Any]]) -> str:
    """Return the groups of cases whose numbers differ."""
    lines = ["| file | test | cases | why |", "|---|---|---:|---|"]
    lines += [
        f"| {each['file']} | {each['test']} | {each['cases']} | {each['reason']} |"
        for each in groups
    ]
    return "\n".join(lines)


def operator_table() -> str:
    """Return the operators that the evaluator knows, by the file that they are in."""
    from mobilekit_delegates.coreml.ops.registry import operators

    families: dict[str, list[str]] = defaultdict(list)
    for name, known in operators().items():
        module = inspect.getmodule(known.lower)
        families[module.__name__.rpartition(".")[2] if module else ""].append(name)
    lines = ["| family | operators |", "|---|---|"]
    for family in sorted(families):
        names = ", ".join(f"`{name}`" for name in sorted(families[family]))
        lines.append(f"| {family.replace('_', ' ')} | {names} |")
    return "\n".join(lines)


def excluded_files() -> str:
    """Say what is left out, and where it stands."""
    from conformance_suite import EXCLUDED_FILES

    files = [f"{why} (`{file}`)" for file, why in EXCLUDED_FILES.items()]
    return ", ".join([*files, "images", "and the format before ML Programs"])


def versions() -> str:
    """Say what the counts were made with."""
    from importlib.metadata import version

    names = {"coremltools": "coremltools", "onnxruntime": "ONNX Runtime", "numpy": "numpy"}
    return f"Counted with {', '.join(f'{name} {version(key)}' for key, name in names.items())}."


def main() -> None:
    """Count and write."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--all", type=Path, nargs="+", default=[], help="lines of the whole suite")
    parser.add_argument("--sample", type=Path, nargs="+", default=[], help="lines of the sample")
    parser.add_argument("--collected", type=int, help="how many cases the whole suite has")
    chosen = parser.parse_args()
    counts = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    if chosen.all:
        results = read(chosen.all)
        counts["versions"] = versions()
        counts["all"] = count(results)
        counts["collected"] = chosen.collected or len(results)
        counts["passed in float16"] = sum(
            each["precision"] == "fp32" and each["detail"] == "expects float16" for each in results
        )
        counts["unsupported"] = unsupported(results)
        counts["differences"] = differences(results)
    if chosen.sample:
        counts["sample"] = count(read(chosen.sample))
    COUNTS.write_text(json.dumps(counts, indent=1) + "\n")
    PAGE.write_text(page(counts))


if __name__ == "__main__":
    main()

"""Writes the table of budgets as a page: `python -m mobilekit.parity.budget_page`."""

from __future__ import annotations

from mobilekit.parity.budgets import ROWS, Row
from mobilekit.parity.metrics import METRICS, Metric

_HEAD = """# Budgets

<!-- Written by `python -m mobilekit.parity.budget_page > docs/budgets.md`; edit the table in
`mobilekit/parity/budgets.py` instead. -->

A budget says what drift from the source a precision may show on a target before a check fails.
These are the defaults. A project file overrides single bounds:

```toml
[budgets.tflite-int8]
agreement = 0.98
snr_db = 25
```

## Metrics

"""

_RULES = """
Tensor metrics are computed over all samples, and a check is held to its worst output. SNR and PSNR
stop at 200 dB, which is what identical outputs get, and at -200 dB, which is what any output gets
whose reference is all zero. Shapes that differ, an empty output, NaN and Inf always fail.

A share of samples is only as certain as there are samples: 31 of 32 is 0.97, with a 95 % Wilson
interval from 0.84 to 0.99. So `agreement`, `accuracy` and `accuracy_drop` fail when the end of
their interval that is kinder to the artifact is out of budget: when the samples are evidence that
the bound is broken. More evaluation data makes these gates sharper. A sample also agrees if the
artifact's class is one of several that share the reference's highest score. The report shows the
share, its interval and the bound.

A default bound on classes applies to outputs of kind `classification`, one on accuracy where there
are labels. A bound from the project file always applies: if its metric cannot be computed, the
check fails.

## Defaults

"""


def page() -> str:
    """Return `docs/budgets.md`."""
    return _HEAD + _metrics() + _RULES + _budgets() + "\n" + _reasons()


def _metrics() -> str:
    lines = ["| metric | has to be | what it is |", "|---|---|---|"]
    lines += [f"| `{m.name}` | {_side(m)} | {m.description} |" for m in METRICS.values()]
    return "\n".join(lines) + "\n"


def _side(metric: Metric) -> str:
    return "at least" if metric.better == "higher" else "at most"


def _budgets() -> str:
    names = [name for name in METRICS if any(name in row.bounds for row in ROWS)]
    head = " | ".join(f"{name}, {_side(METRICS[name])}" for name in names)
    lines = [f"| variant | targets | {head} |", "|---|---|" + "---|" * len(names)]
    lines += [_budget(row, names) for row in ROWS]
    return "\n".join(lines) + "\n"


def _budget(row: Row, names: list[str]) -> str:
    bounds = " | ".join(f"{row.bounds[name]:g}" if name in row.bounds else "" for name in names)
    return f"| `{row.variant}` | {', '.join(f'`{name}`' for name in row.targets)} | {bounds} |"


def _reasons() -> str:
    return "## Reasons\n\n" + "\n".join(f"- `{row.variant}`: {row.reason}" for row in ROWS) + "\n"


if __name__ == "__main__":
    print(page(), end="")

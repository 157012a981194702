"""Writes the table of budgets as a page: `python -m mobilekit.parity.budget_page`."""

from __future__ import annotations

from mobilekit.parity.budgets import PROGRAM, ROWS, Row
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
check fails. A check that no bound applies to is `not_run`, whatever it gave: nothing passes for
want of a budget.

## Defaults for outputs

A target that has no row of its own, a device or a computer's own Core ML, is held to the first row
of the variant, which is the strictest.

"""

_PROGRAM = """
## Defaults for the stored program

What outputs can show ends at a precision's own noise. A fault below that noise (a dead channel that
costs an int8 model 5 dB of 44) is found in the artifact instead: its operators, their options, what
each reads, and its weights as real numbers are compared with those of the same model in a finer
variant: `tflite-fp32` for TFLite, the parent variant for Core ML. Outputs are never compared with
those of an artifact: the finer variant is itself held to the source by its outputs, within the
bounds above.

The weights of one output channel may differ by the precision's rounding: `weight_error` is the
norm of the difference over the norm of the channel, for the worst channel of all layers. Channels
smaller than 0.3 of their layer's root mean square are judged as if they had that size, and
differences of less than 2^-25 do not count: both do nothing beside the others. Any other operator,
option or connection is a failure. Where the converter took another way, so that the operators
cannot be paired, the check is `not_run` and says so.

"""


def page() -> str:
    """Return `docs/budgets.md`."""
    outputs = [row for row in ROWS if PROGRAM not in row.targets]
    programs = [row for row in ROWS if PROGRAM in row.targets]
    return (
        _HEAD
        + _metrics()
        + _RULES
        + _budgets(outputs)
        + "\n### Reasons\n\n"
        + _reasons(outputs)
        + _PROGRAM
        + _budgets(programs)
        + "\n### Reasons for the bounds of weights\n\n"
        + _reasons(programs)
    )


def _metrics() -> str:
    lines = ["| metric | has to be | what it is |", "|---|---|---|"]
    lines += [f"| `{m.name}` | {_side(m)} | {m.description} |" for m in METRICS.values()]
    return "\n".join(lines) + "\n"


def _side(metric: Metric) -> str:
    return "at least" if metric.better == "higher" else "at most"


def _budgets(rows: list[Row]) -> str:
    names = [name for name in METRICS if any(name in row.bounds for row in rows)]
    head = " | ".join(f"{name}, {_side(METRICS[name])}" for name in names)
    lines = [f"| variant | targets | {head} |", "|---|---|" + "---|" * len(names)]
    lines += [_budget(row, names) for row in rows]
    return "\n".join(lines) + "\n"


def _budget(row: Row, names: list[str]) -> str:
    bounds = " | ".join(f"{row.bounds[name]:g}" if name in row.bounds else "" for name in names)
    return f"| `{row.variant}` | {_targets(row)} | {bounds} |"


def _targets(row: Row) -> str:
    return ", ".join(f"`{name}`" for name in row.targets)


def _reasons(rows: list[Row]) -> str:
    return "".join(f"- `{row.variant}` on {_targets(row)}: {row.reason}\n" for row in rows)


if __name__ == "__main__":
    print(page(), end="")

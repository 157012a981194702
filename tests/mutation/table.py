"""Writes `docs/mutations.md`: `python tests/mutation/table.py [TARGET]…`.

The targets named, or else all that this machine can reach, are asked about every mutant; the
others keep the columns that they had. Without `--run` only the page is written.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import verdicts
from mutants import LEAST_EFFECT_DB, is_fed, kinds
from subjects import SUBJECTS, variants
from verdicts import CAUGHT, MISSED, NO_EFFECT, ONE_MODEL, THOROUGH, Verdicts, rows

from mobilekit.parity.budgets import PROGRAM
from mobilekit_delegates.targets import TARGETS

PAGE = Path(__file__).parents[2] / "docs" / "mutations.md"

COLUMNS = (
    PROGRAM, "cpu", "cpu-reference", "cpu-fp16", "gpu", "gpu-fp32", "arm64", "tflite-floor",
    "coreml", "coreml-fp32",
)  # fmt: skip

_HEAD = """# What the checks catch

<!-- Written by `python tests/mutation/table.py`; its tests ask again and compare. -->

Faults of many kinds are put into real artifacts, and into what they are fed, and every default
check is asked about each. The models are {models}; the variants are
{variants}.

A cell says how many of the faulty artifacts a check caught, of those that it could run and in which
the fault has an effect there. The last column is what a build does: it runs all of the checks, and
one that fails is enough.

- A fault **has an effect** on a target if it moves the outputs by 1 % or more ({least:g} dB or less
  against the clean artifact there). What does less cannot be told from rounding, and an artifact
  that answers alike is not wrong: an int8 layer whose lowest value is zero cuts off what its
  forgotten ReLU would have.
- `program` reads the artifact back and compares it with the finer variant, see
  [budgets](budgets.md). It finds what outputs cannot show in a precision that is noisy itself.
- A fault in what artifacts are fed is one of a build's preprocessing or golden, so that all
  variants of a model have it at once: one of them has to fail. They are counted by model.
- Every artifact is asked about on {thorough}.
  The other targets are slower, and are asked about one variant of each model for each kind, another
  one for the next kind; {slowest} about one model for each kind.

"""

_CLEAN = """
## Clean artifacts

The first row is the clean artifacts: none is flagged, but for what is wrong without our doing.

- ResNet-8 on `gpu` and `gpu-fp32` in `tflite-dynamic`, `tflite-int8` and `tflite-int16x8`: LiteRT
  2.3.0's accelerator computes 1×1 convolutions of stride 2 with int8 weights wrongly, and additions
  of int16 too. The checks are right to fail these; what they say there of faults is worth nothing,
  and other targets catch each of those.
- `coreml-palette4` of the keyword model and of ResNet-8 keeps about half of the classes with 16
  values for the weights of a layer. It fails its budget, and no faults were put into it.
"""


def page(found: Verdicts) -> str:
    """Return `docs/mutations.md`."""
    columns = [name for name in COLUMNS if name in found]
    lines = [
        f"| fault | {' | '.join(f'`{name}`' for name in columns)} | all together |",
        "|---|" + "---|" * (len(columns) + 1),
        *(_row(found, columns, kind) for kind in rows()),
    ]
    head = _HEAD.format(
        models=_listed(list(SUBJECTS)),
        variants=_listed([f"`{name}`" for name in variants()]),
        least=LEAST_EFFECT_DB,
        thorough=_listed([f"`{name}`" for name in THOROUGH]),
        slowest=_listed([f"`{name}`" for name in ONE_MODEL]),
    )
    return head + "\n".join(lines) + "\n" + _sums(found) + _CLEAN


def _row(found: Verdicts, columns: list[str], kind: str) -> str:
    cells = [_cell(verdicts.by_place(found, place, kind)) for place in columns]
    cells.append(f"**{_cell(verdicts.together(found, kind))}**")
    name = f"{kind} (by model)" if is_fed(kind) else kind
    return f"| {name} | {' | '.join(cells)} |"


def _cell(letters: dict[str, str]) -> str:
    caught = sum(letter == CAUGHT for letter in letters.values())
    missed = sum(letter == MISSED for letter in letters.values())
    if caught + missed:
        return f"{caught}/{caught + missed}"
    return "no effect" if NO_EFFECT in letters.values() else "–"


def _sums(found: Verdicts) -> str:
    every = [letter for kind in kinds() for letter in verdicts.together(found, kind).values()]
    caught, missed = every.count(CAUGHT), every.count(MISSED)
    lines = [
        "",
        f"{caught} of {caught + missed} faults of {len(kinds())} kinds are caught; "
        f"{every.count(NO_EFFECT)} more have no effect anywhere.",
    ]
    for kind in kinds():
        lines += [
            f"- Missed: {kind}, in {unit}."
            for unit, letter in verdicts.together(found, kind).items()
            if letter == MISSED
        ]
    return "\n".join(lines) + "\n"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="ask these again")
    parser.add_argument("--run", action="store_true", help="ask all that can be reached again")
    parser.add_argument("--models", type=Path, help="keep the prepared models here")
    given = parser.parse_args(arguments)
    reachable = [name for name in COLUMNS if name in TARGETS and TARGETS[name].missing() is None]
    asked = tuple(given.targets or ([PROGRAM, *reachable] if given.run else ()))
    with tempfile.TemporaryDirectory() as folder:
        for place in asked:
            print(place, file=sys.stderr)
            new = verdicts.collect(
                (place,),
                given.models or Path(folder),
                say=lambda line: print(" ", line, file=sys.stderr, flush=True),
            )
            # Another run may have stored something in the meantime.
            merged = {**(verdicts.load() if verdicts.STORED.exists() else {}), **new}
            verdicts.store({name: merged[name] for name in COLUMNS if name in merged})
    PAGE.write_text(page(verdicts.load()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

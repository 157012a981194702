"""Runs the operator tests that ship with coremltools against the evaluator, and counts.

coremltools tests each operator of its ML Programs: a case builds a program, converts it and saves
it as a package, predicts with Core ML, and compares with outputs that numpy, PyTorch or TensorFlow
computed. Off a Mac it predicts and compares nothing. Here the evaluator takes the place of
`MLModel.predict`, and the suite believes that it is on macOS 15; all else is the suite's own: the
cases, the packages, the expected outputs, the comparison and its tolerances.

It is a command of its own because the suite is set by environment variables that it reads when it
is imported:

    python tests/coreml_evaluator/conformance_suite.py --most-per-file 40 --out counts.jsonl

writes one line of JSON per case. Random numbers are seeded per case, so that a case gives the same
numbers whichever others run.
"""

from __future__ import annotations

import argparse
import builtins
import dataclasses
import gc
import importlib.util
import json
import math
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest

SETTINGS = {
    "PYMIL_TEST_TARGETS": "mlprogram",
    "INCLUDE_MIL_FP32_UNIT_TESTS": "1",
    "TQDM_DISABLE": "1",
}
"""The ML Program cases, in fp16 and in fp32, without progress bars."""

RELEASES = ("iOS14", "iOS15", "iOS16", "iOS17", "iOS18")
"""The folders of the suite: the release that brought an operator, or changed it."""

EXCLUDED_FILES = {
    "test_random.py": "random numbers",
    "test_states.py": "models with state",
    "test_control_flow.py": "control flow",
}
"""Files that are left out as a whole, but for the classes in `KEPT_CLASSES`."""

UNDEFINED_CASES = re.compile(r"test_ios17_invalid_indices\[.*validate_indices=False")
"""Cases that show that Core ML's numbers are undefined: they expect that they differ."""

CORE_ML_FAILED = "Unable to compute the prediction using ML Program"
"""How Core ML's message begins when a prediction fails; cases that expect an error look for it."""

KEPT_CLASSES = ("TestSelect",)
"""`select` stands among control flow, and is an operator like any other."""


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What became of one case of the suite.

    `file` is such as `iOS17/test_conv.py`, `case` what pytest calls it within that file,
    `precision` is `fp16`, `fp32` or empty. `outcome` is one of:

    - `passed`: the evaluator's numbers were compared with the expected ones, and agree;
    - `wrong`: they were compared and do not agree;
    - `unsupported`: the evaluator refused, as it should where it does not know something;
    - `failed`: the evaluator broke in another way;
    - `not converted`: coremltools itself could not build or convert the program here;
    - `no numbers`: the case compares no prediction (types, messages, constants, an error that came
      as expected), or the suite itself leaves it out;
    - `excluded`: random numbers, state, control flow, images.
    """

    file: str
    case: str
    precision: str
    outcome: str
    detail: str = ""


class ExcludedError(Exception):
    """A case turned out to need what this suite leaves out."""


class Evaluator:
    """Stands for Core ML: predicts, and remembers what happened during the case at hand.

    Cases of precision `fp16` are evaluated as the target `coreml` does it, those of `fp32` as
    `coreml-fp32`. Of the latter many expect numbers that are held in float16, within 1e-4: a
    prediction is rounded to float16 too before it is compared with these.
    """

    def __init__(self) -> None:
        self.begin(precision="")

    def begin(self, *, precision: str) -> None:
        """Forget the case before."""
        self._precision = precision
        self.expects_float16 = False
        self.predictions = 0
        self.error: Exception | None = None

    def expect(self, outputs: Mapping[str, Any]) -> None:
        """Note what the case at hand will compare its prediction with."""
        dtypes = {getattr(value, "dtype", None) for value in outputs.values()}
        self.expects_float16 = "float16" in map(str, dtypes)

    def predict(self, model: Any, data: dict[str, Any]) -> dict[str, Any]:
        """Answer for `MLModel.predict` from the package that the model was saved in."""
        from mobilekit_converters.errors import TargetError

        try:
            outputs = evaluate(model, data, rounds=self._precision != "fp32")
        except TargetError as error:
            # Core ML raises this one, and some cases expect it.
            self.error = error
            raise RuntimeError(f"{CORE_ML_FAILED}: {error}") from error
        except Exception as error:
            self.refuse(error)
        self.predictions += 1
        if self._precision == "fp32" and self.expects_float16:
            return {name: as_float16(value) for name, value in outputs.items()}
        return outputs

    def refuse(self, error: Exception) -> NoReturn:
        """Note why there is no prediction, and raise it."""
        self.error = error
        raise error


def as_float16(value: Any) -> Any:
    """Round an output to float16 where it holds floats."""
    return value.astype("float16").astype(value.dtype) if value.dtype.kind == "f" else value


def evaluate(model: Any, data: dict[str, Any], *, rounds: bool) -> dict[str, Any]:
    """Evaluate the package that coremltools saved a model in when it converted it.

    Args:
        model: the suite's `MLModel`.
        data: arrays by input; the suite gives nearly all as float32, and lone numbers as one value.
        rounds: whether what is declared float16 is rounded to it.
    """
    from mobilekit_delegates.coreml.evaluator import Evaluator as ProgramEvaluator
    from mobilekit_delegates.coreml.package import open_package

    described = model.get_spec().description.input
    if any(each.type.WhichOneof("Type") == "imageType" for each in described):
        raise ExcludedError("images")
    if not model.is_package:
        raise ExcludedError("neural networks, the format before ML Programs")
    program = ProgramEvaluator(open_package(Path(model.package_path)), rounds=rounds)
    scalars = {each.name for each in program.program.inputs if each.type.rank == 0}
    return program.run(
        {name: value.reshape(()) if name in scalars else value for name, value in data.items()}
    )


class Counter:
    """The pytest plugin: chooses cases, seeds each, and files what became of it."""

    def __init__(self, evaluator: Evaluator, *, out: Path, choose: Chooser, folder: Path) -> None:
        self._evaluator = evaluator
        self._out = out
        self._choose = choose
        self._folder = folder

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the cases that are to run.

        coremltools collects garbage after each conversion. What is there already, TensorFlow with
        it, need not be looked through every time.
        """
        items[:] = self._choose([item for item in items if item.path.parent.name in RELEASES])
        gc.freeze()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        """Give each case its own seed and folder for temporary files, and forget the one before."""
        self._evaluator.begin(precision=precision_of(item))
        seed_everything(zlib.crc32(item.nodeid.encode()))
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """File what became of a case, once it ran or was skipped."""
        report = yield
        if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
            outcome, detail = self._outcome(item, call)
            result = CaseResult(
                file=file_of(item),
                case=case_of(item),
                precision=precision_of(item),
                outcome=outcome,
                detail=detail,
            )
            with self._out.open("a") as lines:
                lines.write(json.dumps(dataclasses.asdict(result)) + "\n")
        return report

    def _outcome(self, item: pytest.Item, call: pytest.CallInfo[None]) -> tuple[str, str]:
        excluded = exclusion_of(item)
        error = call.excinfo.value if call.excinfo is not None else None
        if excluded:
            return "excluded", excluded
        if isinstance(self._evaluator.error, ExcludedError):
            return "excluded", str(self._evaluator.error)
        if self._evaluator.error is not None and error is None:
            return "no numbers", "expects an error, which came"
        if self._evaluator.error is not None:
            return outcome_of_refusal(self._evaluator.error)
        if isinstance(error, (pytest.skip.Exception, pytest.xfail.Exception)):
            return "no numbers", f"left out by the suite: {error.msg}"
        if self._evaluator.predictions == 0:
            if error is None:
                return "no numbers", "compares no prediction"
            return "not converted", summary_of(error)
        if error is not None:
            return "wrong", summary_of(error)
        return "passed", "expects float16" if self._evaluator.expects_float16 else ""


def outcome_of_refusal(error: Exception) -> tuple[str, str]:
    """Tell an operator or attribute that the evaluator does not know from its own failures."""
    from mobilekit_delegates.targets.target import UnsupportedError

    kind = "unsupported" if isinstance(error, UnsupportedError) else "failed"
    return kind, summary_of(error)


def summary_of(error: BaseException) -> str:
    """Return an error's type and message in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:400]


def file_of(item: pytest.Item) -> str:
    """Return the file's name within the suite, such as `iOS17/test_conv.py`."""
    return f"{item.path.parent.name}/{item.path.name}"


def case_of(item: pytest.Item) -> str:
    """Return what pytest calls a case within its file, without addresses of objects."""
    return re.sub(r" at 0x[0-9a-f]+", "", item.nodeid.partition("::")[2])


def precision_of(item: pytest.Item) -> str:
    """Return the precision that a case converts to, where it has one."""
    params = getattr(item, "callspec", None)
    backend = params.params.get("backend") if params is not None else None
    return str(getattr(backend, "precision", ""))


def exclusion_of(item: pytest.Item) -> str:
    """Say why a case is left out before it runs; empty where it is not."""
    if any(part.name in KEPT_CLASSES for part in item.listchain()):
        return ""
    if UNDEFINED_CASES.search(item.nodeid):
        return "numbers that Core ML leaves undefined"
    return EXCLUDED_FILES.get(item.path.name, "")


Chooser = Callable[[list[pytest.Item]], list[pytest.Item]]


def seed_everything(seed: int) -> None:
    """Seed what the suite takes its random numbers from."""
    import random

    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    torch: ModuleType | None = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def install(evaluator: Evaluator) -> Path:
    """Put the evaluator in Core ML's place, and return the suite's folder.

    It must come before the suite's own modules are imported: they read the environment, and decide
    what to skip.
    """
    os.environ.update(SETTINGS)
    import coremltools
    from coremltools.converters.mil import testing_utils
    from coremltools.converters.mil.mil import Program
    from coremltools.converters.mil.mil.ops import tests
    from coremltools.converters.mil.mil.ops.tests import testing_utils as case_utils

    def predict(model: Any, data: dict[str, Any], **_: object) -> dict[str, Any]:
        return evaluator.predict(model, data)

    def make_state(_: Any) -> None:
        evaluator.refuse(ExcludedError("models with state"))

    compare_as_usual = testing_utils.compare_backend

    def compare_backend(*, expected_outputs: Mapping[str, Any] | None, **rest: Any) -> object:
        evaluator.expect(expected_outputs or {})
        return compare_as_usual(expected_outputs=expected_outputs, **rest)

    case_utils.compare_backend = compare_backend
    coremltools.models.MLModel.predict = predict
    coremltools.models.MLModel.make_state = make_state
    for owner in (coremltools.models.utils, coremltools.utils):
        owner._is_macos = lambda: True
        owner._macos_version = lambda: (15, 4)
    testing_utils._IS_MACOS = True
    # coremltools checks the whole program after each of its hundred passes, which changes nothing.
    Program.validate = lambda *_, **__: None
    if importlib.util.find_spec("torch") is None:
        # Files that found no PyTorch did not import it, and name it all the same.
        sys.modules["torch"] = vars(builtins)["torch"] = OnlySeeds("torch")
    return Path(str(tests.__file__)).parent


class OnlySeeds(ModuleType):
    """Stands for PyTorch where it is not installed.

    Some files import it for tests that only seed it. A case that needs more is skipped.
    """

    class Tensor:
        """What no array is."""

    def manual_seed(self, _: int) -> None:
        """Do nothing: there is nothing to seed."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        pytest.skip("PyTorch is not installed here")


def at_most(most_per_file: int | None, part: int, parts: int) -> Chooser:
    """Choose cases spread evenly over each file, the same each time, and of these one part.

    A sample is taken of cases that have a precision: the others compare no numbers, but for a few.
    """

    def choose(items: list[pytest.Item]) -> list[pytest.Item]:
        files: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in items:
            if most_per_file is None or precision_of(item):
                files[file_of(item)].append(item)
        chosen = [item for cases in files.values() for item in spread(cases, most_per_file)]
        return chosen[part::parts]

    return choose


def spread(cases: Sequence[pytest.Item], most: int | None) -> list[pytest.Item]:
    """Return at most so many cases: as many of each test as of the others, evenly spaced.

    A test has up to thousands of cases, one for each combination of its parameters. The step
    between those chosen has no factor in common with the number of cases, so that every parameter
    takes several of its values.
    """
    if most is None or len(cases) <= most:
        return list(cases)
    tests: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in cases:
        tests[case_of(item).partition("[")[0]].append(item)
    each = max(1, most // len(tests))
    return [item for own in tests.values() for item in evenly(own, each)]


def evenly(cases: Sequence[pytest.Item], most: int) -> list[pytest.Item]:
    """Return so many cases, a fixed step apart, which wraps around."""
    count = len(cases)
    if count <= most:
        return list(cases)
    step = count // most
    while math.gcd(step, count) != 1:
        step += 1
    return [cases[place] for place in sorted(step * number % count for number in range(most))]


def run(
    out: Path,
    *,
    most_per_file: int | None = None,
    files: Sequence[str] = (),
    keyword: str = "",
    part: int = 0,
    parts: int = 1,
) -> int:
    """Run cases, and append one line of JSON to `out` for each; return pytest's exit status.

    Args:
        out: where `CaseResult`s go.
        most_per_file: how many cases of each file to run; all where None.
        files: such as `iOS17/test_conv.py`; all where empty.
        keyword: as pytest's `-k`.
        part: which part of the cases to run, for several processes that share the work.
        parts: how many of those there are.
    """
    evaluator = Evaluator()
    suite = install(evaluator)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "case"
        tempfile.tempdir = str(folder)
        folder.mkdir()
        counter = Counter(
            evaluator, out=out, choose=at_most(most_per_file, part, parts), folder=folder
        )
        options = [
            f"--rootdir={suite}", "-c", os.devnull, "-q", "--no-header", "--tb=no", "-rN",
            "-W", "ignore", "--assert=plain", "--continue-on-collection-errors",
            "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly",
        ]  # fmt: skip
        chosen = [str(suite / file) for file in files or RELEASES]
        return int(pytest.main([*options, "-k", keyword, *chosen], plugins=[counter]))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="one line of JSON per case")
    parser.add_argument("--most-per-file", type=int, help="cases of each file; default: all")
    parser.add_argument("--file", action="append", default=[], help="such as iOS17/test_conv.py")
    parser.add_argument("--keyword", default="", help="as pytest's -k")
    parser.add_argument("--part", type=int, default=0, help="which part of the work to do")
    parser.add_argument("--parts", type=int, default=1, help="how many processes share the work")
    chosen = parser.parse_args()
    chosen.out.unlink(missing_ok=True)
    run(
        chosen.out,
        most_per_file=chosen.most_per_file,
        files=chosen.file,
        keyword=chosen.keyword,
        part=chosen.part,
        parts=chosen.parts,
    )


if __name__ == "__main__":
    main()

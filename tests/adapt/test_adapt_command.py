"""`mobilekit convert --adapt` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tools import require_target

from mobilekit.adapting.measuring import measuring_steps
from mobilekit.cache import Cache
from mobilekit.project import project_for
from mobilekit.report import read_report
from mobilekit.steps import Planner
from mobilekit_converters.adaptations.table import CHANGES, DELEGATES
from mobilekit_converters.sources import examine

QUICK = ["--variant", "tflite-fp32", "--target", "cpu", "--require", "cpu"]


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that ended."""

    status: int
    output: str
    errors: str


Convert = Callable[..., Ended]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def convert(cache: Path, tmp_path: Path) -> Convert:
    def run(*arguments: str | Path) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "mobilekit", "convert", *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "XDG_CACHE_HOME": str(cache), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        return Ended(status=done.returncode, output=done.stdout, errors=done.stderr)

    return run


@pytest.fixture(scope="module")
def shuffling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a channel shuffle and a swish."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 4), name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", activation="swish")(image)
    x = keras.layers.Permute((1, 2, 4, 3))(keras.layers.Reshape((8, 8, 2, 4))(x))
    x = keras.layers.Conv2D(8, 3, padding="same")(keras.layers.Reshape((8, 8, 8))(x))
    path = tmp_path_factory.mktemp("model") / "shuffling.keras"
    keras.Model(image, x).save(path)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in which nothing can be adapted."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 4), name="image")
    path = tmp_path_factory.mktemp("model") / "plain.keras"
    keras.Model(image, keras.layers.Conv2D(3, 3, activation="relu")(image)).save(path)
    return path


@pytest.mark.slow
def test_what_was_adapted_is_reported_with_what_it_won(
    shuffling: Path, convert: Convert, tmp_path: Path
) -> None:
    require_target("gpu")
    ended = convert(shuffling, *QUICK, "--adapt", "gpu", "--out", "adapted.release")
    assert ended.status == 0, ended.errors
    report = read_report(tmp_path / "adapted.release" / "report.json")
    outcome = report.adaptations
    assert outcome is not None
    assert outcome.delegates == ("gpu",)
    results = {result.name: result for result in outcome.results}
    shuffle = results["channel_shuffle"]
    assert len(shuffle.places) == 1
    assert shuffle.snr_db == float("inf")
    assert shuffle.coverage_before["gpu"] < 1
    assert shuffle.coverage_after == {"gpu": 1.0}
    assert not results["split_groups"].places
    assert results["split_groups"].coverage_after == {}
    (before,), (after,) = outcome.before, outcome.after
    assert before.basis == after.basis == "measured"
    assert before.taken is not None
    assert before.nodes is not None
    assert 0 < before.taken < before.nodes
    assert after.taken == after.nodes
    assert "GPU accelerator on" in after.place
    names = ["tflite-fp32 on cpu", "tflite-fp32 on gpu"]
    for checks in (outcome.checks_before, outcome.checks_after):
        assert list(checks) == names
        assert {check.status for check in checks.values()} == {"pass"}
    summary = (tmp_path / "adapted.release" / "summary.md").read_text()
    assert "**channel\\_shuffle** in 1 place:" in summary
    assert "→ 100 %" in summary
    assert (
        f"{before.taken} of {before.nodes} before, {after.taken} of {after.nodes} after" in summary
    )
    page = (tmp_path / "adapted.release" / "report.html").read_text()
    assert "Adapted to accelerators" in page
    manifest = json.loads((tmp_path / "adapted.release" / "manifest.json").read_text())
    assert manifest["options"]["adapt"] == {"delegates": ["gpu"], "change_function": []}


def keys(source: Path, cache: Path, **adapt: Any) -> dict[str, str]:
    """Return the keys under which the results of a build's steps are kept."""
    project = project_for(source, adapt=adapt, android={"variants": ["fp32"]})
    examination = examine(source, project.source_options(trust=False))
    planner = Planner(
        project=project, examination=examination, cache=Cache(folder=cache), trust=False
    )
    steps = list(planner.steps())
    steps += measuring_steps(planner, steps)
    assert len({step.key for step in steps}) == len({step.name for step in steps}) == len(steps)
    return {step.name: step.key for step in steps}


def test_adapted_and_plain_builds_do_not_mix_in_the_cache(plain: Path, tmp_path: Path) -> None:
    without = keys(plain, tmp_path)
    builds = [
        keys(plain, tmp_path, **adapt)
        for adapt in (
            {"delegates": ["gpu"]},
            {"delegates": ["nnapi"]},
            {"delegates": ["gpu", "nnapi"]},
            {"delegates": ["gpu"], "change_function": ["hard_swish"]},
        )
    ]
    for name in ("tflite-fp32", "tflite-fp32 on cpu", "coreml-fp16", "coreml-w8"):
        found = [build[name] for build in (without, *builds)]
        assert len(set(found)) == len(found), name
    for build in builds:
        assert build["source"] == without["source"]
        assert build["golden"] == without["golden"]
        assert build["tflite-fp32, before adaptation"] == without["tflite-fp32"]


@pytest.mark.slow
def test_a_changed_function_has_to_meet_the_budget_as_ever(
    shuffling: Path, convert: Convert, tmp_path: Path
) -> None:
    project = tmp_path / "mobilekit.toml"
    project.write_text(
        f'[model]\nsource = "{shuffling}"\n'
        '[adapt]\nchange_function = ["hard_swish"]\n'
        '[android]\nvariants = ["fp32"]\n[ios]\nvariants = []\n'
        '[verify]\ntargets = ["cpu"]\nrequire = ["cpu"]\n'
    )
    ended = convert(project, "--out", "hard.release")
    assert ended.status == 1
    report = read_report(tmp_path / "hard.release" / "report.json")
    outcome = report.adaptations
    assert outcome is not None
    (result,) = outcome.results
    assert result.name == "hard_swish"
    assert len(result.places) == 1
    assert not result.keeps_function
    assert result.snr_db is None
    assert report.variants[0].operators["HARD_SWISH"] == 1
    assert outcome.checks_before["tflite-fp32 on cpu"].status == "pass"
    assert outcome.checks_after["tflite-fp32 on cpu"].status == "fail"
    assert any("tflite-fp32 on cpu, after adaptation: Out of" in line for line in report.reasons)
    assert "another function" in (tmp_path / "hard.release" / "summary.md").read_text()


@pytest.mark.slow
def test_where_nothing_applies_it_says_so_and_passes(
    plain: Path, convert: Convert, tmp_path: Path
) -> None:
    ended = convert(plain, *QUICK, "--adapt", "nnapi", "--out", "plain.release")
    assert ended.status == 0, ended.errors
    note = "Nothing was adapted: the graph has no place for padding, split_groups, channel_shuffle"
    assert note in ended.output
    report = read_report(tmp_path / "plain.release" / "report.json")
    assert any(line.startswith(note) for line in report.notes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--adapt", "gpus"], "A model cannot be adapted for 'gpus'. Did you mean 'gpu'?"),
        (["--adapt", "gpu,tpu"], "Known: gpu, neural_engine, nnapi."),
        (
            ["--change-function", "hard_swich"],
            "There is no change of a function called 'hard_swich'. Did you mean 'hard_swish'?",
        ),
    ],
)
def test_unknown_names_are_named_with_the_nearest(
    arguments: list[str], message: str, plain: Path, convert: Convert, tmp_path: Path
) -> None:
    ended = convert(plain, *arguments)
    assert ended.status == 2
    assert message in " ".join(ended.errors.split())
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('delegates = ["nnap"]', "[adapt] delegates: a model cannot be adapted for 'nnap'. Did"),
        ('change_function = ["gelu"]', "called 'gelu'. Did you mean 'gelu_tanh'?"),
        ("delegats = []", "[adapt] delegats: there is no such key. Did you mean 'delegates'?"),
        ('delegates = "gpu"', "[adapt] delegates: write a list, in square brackets, not 'gpu'."),
    ],
)
def test_a_wrong_table_of_the_project_file(
    line: str, message: str, plain: Path, convert: Convert, tmp_path: Path
) -> None:
    project = tmp_path / "mobilekit.toml"
    project.write_text(f'[model]\nsource = "{plain}"\n[adapt]\n{line}\n')
    ended = convert(project)
    assert ended.status == 2
    assert message in " ".join(ended.errors.split())
    assert [path.name for path in tmp_path.iterdir()] == ["mobilekit.toml"]


def test_a_finished_file_cannot_be_adapted(
    convert: Convert, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from dense_layer import freeze_dense_layer

    from mobilekit_converters.tflite import TFLiteOptions
    from mobilekit_converters.tflite import convert as to_tflite
    from mobilekit_converters.variants import variant

    folder = freeze_dense_layer(tmp_path_factory.mktemp("dense"), 4)
    file = folder / "finished.tflite"
    to_tflite(variant("tflite-fp32"), folder, file, TFLiteOptions(), None)
    ended = convert(file, "--adapt", "gpu")
    assert ended.status == 2
    said = " ".join(ended.errors.split())
    assert "finished.tflite is a finished TFLite file: only a trained model's graph can be" in said
    assert "Leave [adapt] and --adapt out, or convert from the trained model." in said
    assert not any(tmp_path.iterdir())


def test_the_help_names_what_there_is(convert: Convert) -> None:
    shown = "".join(convert("--help").output.split())
    for name in (*DELEGATES, *CHANGES):
        assert name in shown

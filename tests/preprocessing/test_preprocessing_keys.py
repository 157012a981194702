from __future__ import annotations

from pathlib import Path

import pytest

from mobilekit.parity.inputs import InputFacts
from mobilekit.project import InputTable, parse_project
from mobilekit_converters.errors import ProjectError


def facts_of(table: dict[str, object]) -> InputFacts:
    document = {"model": {"source": "m.keras", "inputs": {"x": table}}}
    return parse_project(document, folder=Path(), origin="mobilekit.toml").model.inputs["x"].facts()


def test_the_keys_reach_the_facts() -> None:
    facts = facts_of(
        {"kind": "image", "resize": "bilinear-antialias", "fit": "pad", "pad": [1, 2, 3.5]}
    )
    assert (facts.resize, facts.fit, facts.pad) == ("bilinear-antialias", "pad", (1.0, 2.0, 3.5))


def test_the_defaults_of_a_table_are_those_of_the_facts() -> None:
    assert InputTable().facts() == InputFacts()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"kind": "image", "resize": "bicubic"},
            r"resize: Input should be 'bilinear'",
        ),
        ({"kind": "image", "fit": "padd"}, "fit: Input should be 'stretch', 'crop' or 'pad'"),
        ({"kind": "image", "padd": 0}, r"padd: there is no such key. Did you mean 'pad'\?"),
        ({"resize": "nearest"}, 'resize is a key of images; set kind = "image"'),
        ({"kind": "audio", "fit": "crop"}, 'fit is a key of images; set kind = "image"'),
        ({"kind": "image", "pad": 3}, "pad is used with fit = \"pad\" only, and fit is 'stretch'"),
        ({"kind": "image", "fit": "pad", "pad": 256}, "pad = 256.0: .* between 0 and 255"),
        ({"kind": "image", "fit": "pad", "pad": [0, -1, 0]}, r"pad = \[0.0, -1.0, 0.0\]"),
        ({"kind": "image", "fit": "pad", "pad": [1, 2]}, "pad has 2 numbers, color 'rgb' 3"),
        ({"kind": "image", "fit": "pad", "pad": float("nan")}, "pad = nan is no number"),
        ({"kind": "image", "scale": float("inf")}, "scale = inf is no number"),
        ({"kind": "image", "offset": [0, 0, 1e39]}, r"offset = \[0.0, 0.0, 1e\+39\] is no number"),
        ({"kind": "audio", "scale": [1, 2, 3]}, "scale has 3 numbers, audio takes one"),
    ],
)
def test_wrong_values_are_named(table: dict[str, object], message: str) -> None:
    with pytest.raises(ProjectError, match=message) as caught:
        facts_of(table)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("facts", "bounds"),
    [
        (InputFacts(kind="audio"), (-1, 1)),
        (InputFacts(kind="audio", scale=32768), (-32768, 32768)),
        (InputFacts(kind="audio", scale=-0.5, offset=0.5), (0, 1)),
        (InputFacts(kind="image", scale=2, offset=(-1, 0, 1)), (-1, 511)),
        (InputFacts(kind="tensor", scale=2), None),
    ],
)
def test_what_scale_and_offset_make_of_the_range(
    facts: InputFacts, bounds: tuple[float, float] | None
) -> None:
    assert facts.bounds == bounds

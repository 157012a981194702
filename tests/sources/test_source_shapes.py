from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilekit_converters.errors import SourceError
from mobilekit_converters.sources import SourceOptions
from mobilekit_converters.sources.naming import unique_names
from mobilekit_converters.sources.shapes import Shape, fix_inputs, show

PATH = Path("speech.keras")


def fix(
    shape: Shape | None,
    *,
    batched: bool = True,
    given: tuple[int, ...] | None = None,
    batch: int = 1,
) -> tuple[int, ...]:
    options = SourceOptions(batch=batch, shapes={} if given is None else {"audio": given})
    (spec,) = fix_inputs(PATH, [("audio", shape, "float32")], options, batched=batched)
    return spec.shape


@pytest.mark.parametrize(
    ("shape", "options", "fixed"),
    [
        ([None, 4], {}, (1, 4)),
        ([None, 4], {"batch": 3}, (3, 4)),
        ([None], {"batch": 3}, (3,)),
        ([], {}, ()),
        ([None, None, 40], {"given": (100, 40)}, (1, 100, 40)),
        ([None, 4], {"given": (4,)}, (1, 4)),
        (None, {"given": (7,), "batch": 2}, (2, 7)),
        ([5, 4], {"batch": 5}, (5, 4)),
        ([5, 4], {"batched": False}, (5, 4)),
        ([1, None], {"given": (9,)}, (1, 9)),
    ],
)
def test_shapes_are_fixed(shape: Shape, options: dict[str, object], fixed: tuple[int, ...]) -> None:
    assert fix(shape, **options) == fixed  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ([None, None, 40], {}, ["'audio'", "dimension 1 is unknown", "[model.inputs.audio]"]),
        ([None, None, 40], {}, ["shape = […, 40]"]),
        ([None, None, None], {}, ["dimensions 1, 2 are unknown"]),
        (None, {}, ["no shape at all", "[model.inputs.audio]"]),
        ([None, 4], {"given": (5,)}, ["contradicts", "'audio'", "?×4"]),
        ([None, 4], {"given": (1, 4)}, ["Give 1 dimensions, without the batch"]),
        ([None, None], {"given": (0,)}, ["1 or more"]),
        ([], {"given": (1,)}, ["scalar"]),
        ([5, 4], {}, ["fixed to 5", "[model] batch = 5"]),
        ([5, 4], {"batched": False, "batch": 2}, ["fixed to 5", "[model] batch = 5"]),
    ],
)
def test_unknown_and_contradicting_dimensions_name_the_key(
    shape: Shape, options: dict[str, object], said: list[str]
) -> None:
    with pytest.raises(SourceError) as caught:
        fix(shape, **options)  # type: ignore[arg-type]
    for part in said:
        assert part in str(caught.value)


def test_shape_of_an_input_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(SourceError, match="Did you mean 'audio'"):
        fix_inputs(
            PATH, [("audio", [None], "int8")], SourceOptions(shapes={"adio": (2,)}), batched=True
        )


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=5),
    st.data(),
)
def test_known_dimensions_are_kept_and_unknown_ones_filled(
    sizes: list[int], data: st.DataObject
) -> None:
    hidden = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    shape = [None, *(None if gone else size for gone, size in zip(hidden, sizes, strict=True))]
    assert fix(shape, given=tuple(sizes)) == (1, *sizes)


def test_shapes_read_well() -> None:
    assert show([None, 2]) == "?×2"
    assert show([]) == "a scalar"


def test_repeated_names_are_numbered_around_names_that_exist() -> None:
    assert unique_names(["split", "split", "split_1"]) == ["split", "split_2", "split_1"]


@given(st.lists(st.sampled_from(["a", "b", "a_1", "a_2", "a_1_1"])))
def test_names_become_unique_and_the_first_keeps_its_own(names: list[str]) -> None:
    unique = unique_names(names)
    assert len(set(unique)) == len(names)
    for name in set(names):
        assert unique[names.index(name)] == name

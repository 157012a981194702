from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilekit.report.charts import (
    Distribution,
    Point,
    Quality,
    distributions,
    median,
    power_of_ten,
    scatter,
)
from mobilekit.report.formats import percent
from mobilekit.report.svg import (
    Anchor,
    Box,
    Scale,
    element,
    place_labels,
    shorten,
    text_element,
    text_width,
)
from mobilekit.results import Histogram

FRAME = Box(left=40, top=20, right=340, bottom=300)
NUMBERS = st.floats(min_value=-1e9, max_value=1e9)


def test_linear_scale_maps_ends_and_middle() -> None:
    scale = Scale(low=10, high=20, start=100, end=0)
    assert [scale(value) for value in (10, 15, 20)] == [100, 50, 0]


def test_log_scale_gives_each_decade_the_same_room() -> None:
    scale = Scale(low=1, high=1000, start=0, end=300, log=True)
    assert [round(scale(value), 6) for value in (1, 10, 100, 1000)] == [0, 100, 200, 300]


def test_scale_keeps_what_lies_outside_within_the_axis() -> None:
    scale = Scale(low=1, high=10, start=0, end=100, log=True)
    assert (scale(0), scale(1e9)) == (0, 100)


def test_scale_of_one_value_puts_it_in_the_middle() -> None:
    assert Scale(low=5, high=5, start=0, end=100)(5) == 50


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0, 10, 6, (0, 2, 4, 6, 8, 10)),
        (0, 1, 3, (0, 0.5, 1)),
        (-3, 4, 8, (-3, -2, -1, 0, 1, 2, 3, 4)),
        (7, 7, 5, (7,)),
    ],
)
def test_linear_ticks(low: float, high: float, most: int, expected: tuple[float, ...]) -> None:
    assert Scale(low=low, high=high, start=0, end=1).ticks(most) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (1, 100, 9, (1, 2, 5, 10, 20, 50, 100)),
        (1, 100, 5, (1, 3, 10, 30, 100)),
        (1, 100, 3, (1, 10, 100)),
        (1, 1e6, 4, (1, 100, 1e4, 1e6)),
        # Less than a decade, with one round number in it: linear ticks say more.
        (11, 19, 5, (12, 14, 16, 18)),
    ],
)
def test_log_ticks(low: float, high: float, most: int, expected: tuple[float, ...]) -> None:
    assert Scale(low=low, high=high, start=0, end=1, log=True).ticks(most) == pytest.approx(
        expected
    )


@given(low=NUMBERS, span=st.floats(min_value=1e-3, max_value=1e9), most=st.integers(2, 12))
def test_ticks_lie_on_the_axis_and_are_few(low: float, span: float, most: int) -> None:
    ticks = Scale(low=low, high=low + span, start=0, end=1).ticks(most)
    slack = span * 1e-6
    assert 1 <= len(ticks) <= most
    assert all(low - slack <= tick <= low + span + slack for tick in ticks)
    assert list(ticks) == sorted(ticks)


@given(text=st.text(max_size=60), width=st.floats(min_value=15, max_value=300))
def test_shortened_text_fits(text: str, width: float) -> None:
    short = shorten(text, 13, width)
    assert text_width(short, 13) <= width
    if text_width(text, 13) <= width:
        assert short == text


def test_shortening_keeps_both_ends() -> None:
    short = shorten("tflite-a-very-long-recipe-name-07", 13, 120)
    assert short.startswith("tflite")
    assert short.endswith("07")
    assert "…" in short


def test_wide_characters_need_more_room() -> None:
    assert text_width("名前", 10) > text_width("na", 10)


ANCHORS = st.lists(
    st.builds(
        Anchor,
        x=st.floats(FRAME.left, FRAME.right),
        y=st.floats(FRAME.top, FRAME.bottom),
        text=st.text(min_size=1, max_size=40),
    ),
    max_size=20,
)


@settings(max_examples=60)
@given(anchors=ANCHORS)
def test_labels_never_overlap_or_leave_the_frame(anchors: list[Anchor]) -> None:
    marks = [Box(left=a.x - 6, top=a.y - 6, right=a.x + 6, bottom=a.y + 6) for a in anchors]
    labels = place_labels(anchors, frame=FRAME, size=13, obstacles=marks)
    boxes = [label.box for label in labels if label is not None]
    assert len(labels) == len(anchors)
    assert all(box.within(FRAME) for box in boxes)
    assert not any(
        box.overlaps(other) for index, box in enumerate(boxes) for other in boxes[index + 1 :]
    )
    assert not any(box.overlaps(mark) for box in boxes for mark in marks)
    for label in labels:
        if label is not None and label.leader is not None:
            (x, y), (end_x, end_y) = label.leader
            middle = Box(
                left=(x + end_x) / 2, right=(x + end_x) / 2 + 0.1,
                top=(y + end_y) / 2, bottom=(y + end_y) / 2 + 0.1,
            )  # fmt: skip
            assert not any(middle.overlaps(box) for box in boxes if box != label.box)


def test_a_lone_label_stands_to_the_right_of_its_point() -> None:
    (label,) = place_labels([Anchor(x=100, y=100, text="fp32")], frame=FRAME, size=13)
    assert label is not None
    assert label.text == "fp32"
    assert 100 < label.x < 120


def test_a_label_with_a_short_name_is_never_cut() -> None:
    frame = Box(left=0, top=0, right=120, bottom=100)
    anchor = Anchor(x=5, y=50, text="tflite-int8 · 191 kB and more", short="tflite-int8")
    (label,) = place_labels([anchor], frame=frame, size=12)
    assert label is not None
    assert label.text == "tflite-int8"
    narrow = Box(left=0, top=0, right=60, bottom=100)
    assert place_labels([anchor], frame=narrow, size=12) == [None]


def test_a_label_without_room_is_left_out() -> None:
    anchors = [Anchor(x=190, y=160, text="fp32")]
    assert place_labels(anchors, frame=FRAME, size=13, obstacles=[FRAME]) == [None]


def test_markup_is_escaped() -> None:
    assert text_element("<b>&", x=1.5, class_='a"b') == (
        '<text x="1.5" class="a&quot;b">&lt;b&gt;&amp;</text>'
    )
    assert element("line", stroke_width=2) == '<line stroke-width="2"></line>'


def point(index: int, value: float, size: int, *, failed: bool = False) -> Point:
    return Point(
        name=f"variant <{index}>",
        bytes=size,
        value=value,
        low=value,
        high=value,
        failed=failed,
        diamond=index % 2 == 1,
    )


ACCURACY = Quality(title="Accuracy", text=percent, least_span=0.04, most=1.0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 10**9), st.booleans()), min_size=1, max_size=20
    )
)
def test_scatter_marks_every_point_within_the_picture(
    values: list[tuple[float, int, bool]],
) -> None:
    points = [
        point(i, value, size, failed=failed) for i, (value, size, failed) in enumerate(values)
    ]
    drawing = scatter(points, ACCURACY, title="T & T", id="a")
    for picture in (drawing.wide, drawing.narrow):
        root = ElementTree.fromstring(picture)
        width, height = float(root.get("width", 0)), float(root.get("height", 0))
        tag = "{http://www.w3.org/2000/svg}"
        marks = list(root.iter(f"{tag}g"))
        assert len(marks) == len(points)
        assert sum("failed" in (mark.get("class") or "") for mark in marks) == sum(
            p.failed for p in points
        )
        for circle in root.iter(f"{tag}circle"):
            assert 0 <= float(circle.get("cx", -1)) <= width
            assert 0 <= float(circle.get("cy", -1)) <= height


def test_histograms_draw_what_they_hold_and_nothing_else() -> None:
    empty = Histogram(edges=(-3, -2, -1), counts=(0, 0))
    full = Histogram(edges=(-3, -2, -1), counts=(3, 1))
    rows = [
        Distribution(name="empty", detail="cpu", failed=False, histogram=empty),
        Distribution(name="full", detail="cpu", failed=True, histogram=full),
    ]
    root = ElementTree.fromstring(distributions(rows, title="errors", id="e").wide)
    paths = [path.get("d") for path in root.iter("{http://www.w3.org/2000/svg}path")]
    assert paths[0] == ""
    assert (paths[1] or "").count("z") == 2


def test_median_of_a_histogram() -> None:
    assert median(Histogram(edges=(-4, -3, -2, -1), counts=(1, 5, 1))) == -2.5
    assert median(Histogram(edges=(-4, -3), counts=(0,))) == -math.inf


def test_a_histogram_of_uneven_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="2 bins need 3 edges, not 2"):
        Histogram(edges=(0, 1), counts=(1, 1))


@pytest.mark.parametrize(
    ("exponent", "text"), [(-12, "10⁻¹²"), (-1, "0.1"), (0, "1"), (1, "10"), (3, "10³")]
)
def test_powers_of_ten(exponent: int, text: str) -> None:
    assert power_of_ten(exponent) == text

"""Resizing and resampling of the last two dimensions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mobilekit_delegates.coreml.graph import Graph
from mobilekit_delegates.coreml.op import Op
from mobilekit_delegates.coreml.ops.registry import op
from mobilekit_delegates.coreml.ops.sampling import Array, grid, interpolation


def _sizes(op: Op, name: str = "x") -> tuple[int, int]:
    """Height and width of an input."""
    height, width = op.input(name).shape[-2:]
    if height is None or width is None:
        raise op.unsupported("a height or width that is not fixed")
    return height, width


def _bilinear(graph: Graph, op: Op, target: tuple[int, int], mode: str) -> str:
    """Interpolate along both axes: a matrix from the left, and one from the right."""
    height, width = _sizes(op)
    value = op.tensor("x")
    if target[0] != height:
        rows = interpolation(grid(op, mode, target[0]).positions(height), height)
        value = graph.node("MatMul", graph.constant(rows), value)
    if target[1] != width:
        columns = interpolation(grid(op, mode, target[1]).positions(width), width)
        value = graph.node("MatMul", value, graph.constant(columns.T))
    return value


def _before(points: Array) -> Array:
    return np.floor(points)


def _nearest_or_before(points: Array) -> Array:
    return np.ceil(points - 0.5)


def _nearest_or_after(points: Array) -> Array:
    return np.floor(points + 0.5)


def _chosen(
    graph: Graph, op: Op, target: tuple[int, int], mode: str, index: Callable[[Array], Array]
) -> str:
    """Take one value for each point, along both axes."""
    value, rank = op.tensor("x"), op.input("x").rank
    for axis, length, count in zip((rank - 2, rank - 1), _sizes(op), target, strict=True):
        if length != count:
            indices = index(grid(op, mode, count).positions(length))
            value = graph.node("Gather", value, graph.constant(indices, "int64"), axis=axis)
    return value


def _upsampled(op: Op) -> tuple[int, int]:
    factors = (op.number("scale_factor_height", 1), op.number("scale_factor_width", 1))
    return tuple(  # type: ignore[return-value]
        int(np.floor(np.float32(factor) * length))
        for factor, length in zip(factors, _sizes(op), strict=True)
    )


@op("upsample_nearest_neighbor", exact=True)
def upsample_nearest_neighbor(graph: Graph, op: Op) -> str:
    """Larger by factors, each value repeated."""
    return _chosen(graph, op, _upsampled(op), "DEFAULT", _before)


@op("upsample_bilinear")
def upsample_bilinear(graph: Graph, op: Op) -> str:
    """Larger by factors, interpolated."""
    aligned = op.flag("align_corners", True)
    centred = op.flag("half_pixel_centers", not aligned)
    if aligned and centred:
        raise op.unsupported("align_corners together with half_pixel_centers")
    unaligned = "UNALIGN_CORNERS" if centred else "DEFAULT"
    return _bilinear(graph, op, _upsampled(op), "STRICT_ALIGN_CORNERS" if aligned else unaligned)


@op("resize_nearest_neighbor", exact=True)
def resize_nearest_neighbor(graph: Graph, op: Op) -> str:
    """To a given size, each value repeated or left out: TensorFlow's, with centres of pixels."""
    target = op.integer("target_size_height"), op.integer("target_size_width")
    return _chosen(graph, op, target, "UNALIGN_CORNERS", _nearest_or_after)


@op("resize_bilinear")
def resize_bilinear(graph: Graph, op: Op) -> str:
    """To a given size, interpolated."""
    target = op.integer("target_size_height", 1), op.integer("target_size_width", 1)
    return _bilinear(graph, op, target, op.text("sampling_mode", "DEFAULT"))


@op("resize")
def resize(graph: Graph, op: Op) -> str:
    """To the last of a given shape's dimensions, of which 0 means as before."""
    kind, mode = op.text("interpolation_mode", "LINEAR"), op.text("sampling_mode", "DEFAULT")
    if kind not in ("LINEAR", "NEAREST_NEIGHBOR"):
        raise op.unsupported(f"the interpolation_mode {kind!r}")
    count, x = op.integer("resized_dims"), op.input("x")
    if not 1 <= count <= min(2, x.rank):
        raise op.unsupported(f"resized_dims of {count}")
    if not op.is_constant("shape") or None in x.shape[-2:]:
        return _resized_at_run_time(graph, op, count, kind, mode)
    wanted = [0, *op.integers("shape")[-count:]][-2:]
    height, width = (new or old for new, old in zip(wanted, _sizes(op), strict=True))
    if kind == "LINEAR":
        return _bilinear(graph, op, (height, width), mode)
    return _chosen(graph, op, (height, width), mode, _nearest_or_before)


_ONNX_MODES = {
    "DEFAULT": "asymmetric",
    "UNALIGN_CORNERS": "half_pixel",
    "STRICT_ALIGN_CORNERS": "align_corners",
}


def _resized_at_run_time(graph: Graph, op: Op, count: int, kind: str, mode: str) -> str:
    """Resize to a shape that is computed when the program runs."""
    if mode not in _ONNX_MODES:
        raise op.unsupported(f"the sampling_mode {mode!r} to a computed shape")
    last = [graph.constant([value], "int64") for value in (-count, np.iinfo(np.int64).max, 0)]
    old = graph.node("Shape", op.tensor("x"))
    wanted = graph.node("Slice", graph.cast(op.tensor("shape"), "int64"), *last)
    as_before = graph.node("Equal", wanted, graph.constant([0], "int64"))
    new = graph.node("Where", as_before, graph.node("Slice", old, *last), wanted)
    kept = graph.node("Shape", op.tensor("x"), end=op.input("x").rank - count)
    return graph.node(
        "Resize",
        op.tensor("x"),
        "",
        "",
        graph.node("Concat", kept, new, axis=0),
        mode="linear" if kind == "LINEAR" else "nearest",
        coordinate_transformation_mode=_ONNX_MODES[mode],
        nearest_mode="round_prefer_floor",
    )


@op("crop", exact=True)
def crop(graph: Graph, op: Op) -> str:
    """Without some rows and columns at the edges."""
    (top, bottom), (left, right) = op.integers("crop_height"), op.integers("crop_width")
    height, width = _sizes(op)
    begins, ends = [top, left], [height - bottom, width - right]
    return graph.node(
        "Slice",
        op.tensor("x"),
        *(graph.constant(values, "int64") for values in (begins, ends, [-2, -1])),
    )


@op("crop_resize")
def crop_resize(graph: Graph, op: Op) -> str:
    """Boxes cut out of images and resized, interpolated; what lies outside is `pad_value`."""
    x, height_and_width = op.tensor("x"), _sizes(op)
    boxes, images, batched = _boxes(graph, op)
    targets = op.integer("target_height", 1), op.integer("target_width", 1)
    mode = op.text("sampling_mode", "DEFAULT")
    pad = graph.constant(op.number("pad_value", 0.0))
    normalised = op.flag("normalized_coordinates", False)
    scale = op.number("spatial_scale", 1.0)

    weights, inside = [], []
    for sides, length, count in zip(
        _starts_and_ends(graph, op, boxes), height_and_width, targets, strict=True
    ):
        factor = graph.constant(scale * (length - 1 if normalised else 1))
        start, end = (graph.node("Mul", side, factor) for side in sides)
        points = _points_in_boxes(graph, op, start, end, mode, count)
        last = graph.constant(float(length - 1))
        low = graph.node("GreaterOrEqual", points, graph.constant(0.0))
        inside.append(graph.node("And", low, graph.node("LessOrEqual", points, last)))
        points = graph.node("Clip", points, graph.constant(0.0), last)
        points = graph.node("Unsqueeze", points, graph.constant([2], "int64"))
        offsets = graph.node("Sub", points, graph.constant(np.arange(float(length))))
        hat = graph.node("Sub", graph.constant(1.0), graph.node("Abs", offsets))
        weights.append(_for_images(graph, graph.node("Relu", hat), batched))

    rows, columns = weights
    columns = graph.node("Transpose", columns, perm=[0, 1, 2, 4, 3] if batched else [0, 1, 3, 2])
    chosen = x if batched else graph.node("Gather", x, images, axis=0)
    value = graph.node("MatMul", graph.node("MatMul", rows, chosen), columns)
    both = graph.node(
        "And",
        graph.node("Unsqueeze", inside[0], graph.constant([2], "int64")),
        graph.node("Unsqueeze", inside[1], graph.constant([1], "int64")),
    )
    value = graph.node("Where", _for_images(graph, both, batched), value, pad)
    if op.output.rank == 5 and not batched:
        return graph.node("Unsqueeze", value, graph.constant([1], "int64"))
    return value


def _for_images(graph: Graph, value: str, batched: bool) -> str:
    """Boxes × … to boxes × (images ×) channels × …, as the images have it."""
    return graph.node("Unsqueeze", value, graph.constant([1, 2] if batched else [1], "int64"))


def _boxes(graph: Graph, op: Op) -> tuple[str, str, bool]:
    """Boxes of shape (boxes, 4), the image of each, and whether every image has every box."""
    if op.has("boxes"):
        boxes = op.tensor("boxes")
        if op.input("boxes").dtype not in ("float16", "float32"):
            boxes = graph.cast(boxes, "float32")
        if op.has("box_indices"):
            return boxes, op.tensor("box_indices"), False
        count = op.input("boxes").shape[0]
        if count is None:
            raise op.unsupported("a number of boxes that is not fixed")
        return boxes, graph.constant(np.arange(count)), False
    values = op.input("roi").shape[2]
    boxes = graph.node("Reshape", op.tensor("roi"), graph.constant([-1, values], "int64"))
    if values == 4:
        return boxes, "", True
    image, corners = graph.nodes("Split", boxes, graph.constant([1, 4], "int64"), count=2, axis=1)
    image = graph.node("Squeeze", graph.cast(image, "int32"), graph.constant([1], "int64"))
    return corners, image, False


def _starts_and_ends(graph: Graph, op: Op, boxes: str) -> list[tuple[str, str]]:
    """Start and end of each box along height, and along width, each of shape (boxes, 1)."""
    mode = op.text("box_coordinate_mode", "CORNERS_HEIGHT_FIRST")
    kind, _, first = mode.partition("_HEIGHT" if mode.endswith("_HEIGHT_FIRST") else "_WIDTH")
    if kind not in ("CORNERS", "CENTER_SIZE") or first != "_FIRST":
        raise op.unsupported(f"the box_coordinate_mode {mode!r}")
    columns = graph.nodes("Split", boxes, count=4, axis=1, num_outputs=4)
    pairs = [(columns[0], columns[2]), (columns[1], columns[3])]
    if kind == "CENTER_SIZE":
        half = graph.constant(0.5)
        halves = [(centre, graph.node("Mul", size, half)) for centre, size in pairs]
        pairs = [
            (graph.node("Sub", centre, part), graph.node("Add", centre, part))
            for centre, part in halves
        ]
    return pairs if mode.endswith("_HEIGHT_FIRST") else pairs[::-1]


def _points_in_boxes(graph: Graph, op: Op, start: str, end: str, mode: str, count: int) -> str:
    """The points of each box along one axis, of shape (boxes, count)."""
    points = grid(op, mode, count)
    length = graph.node("Sub", end, start)
    if points.inset != 1:
        length = graph.node("Add", length, graph.constant(1.0 - points.inset))
    if points.least:
        length = graph.node("Max", length, graph.constant(points.least))
    along = graph.node("Mul", length, graph.constant(points.fractions[None]))
    return graph.node("Add", graph.node("Add", along, start), graph.constant(points.shift))


@op("resample")
def resample(graph: Graph, op: Op) -> str:
    """The image's values at given points (x, y), interpolated or the nearest."""
    kinds = {"bilinear": "linear", "nearest": "nearest"}
    kind, padding = op.text("sampling_mode"), op.text("padding_mode")
    if kind not in kinds or padding not in ("constant", "border", "reflection", "symmetric"):
        raise op.unsupported(f"the sampling_mode {kind!r} with the padding_mode {padding!r}")
    height, width = _sizes(op)
    sizes = np.array([width, height], dtype=np.float64)

    points = op.tensor("coordinates")
    if not op.input("coordinates").is_float:
        points = graph.cast(points, "float32")
    factor, shift = _to_pixels(op, sizes)
    points = graph.node("Mul", points, graph.constant(factor))
    points = graph.node("Add", points, graph.constant(shift))
    if padding in ("reflection", "symmetric"):
        low, span = (0.0, sizes - 1) if padding == "reflection" else (-0.5, sizes)
        points = _reflected(graph, points, low, span)
    # ONNX takes coordinates from -1 to 1, from edge to edge of the pixels.
    points = graph.node("Mul", points, graph.constant(2 / sizes))
    points = graph.node("Add", points, graph.constant(1 / sizes - 1))

    x, outside = op.tensor("x"), graph.constant(op.number("padding_value", 0.0))
    value = graph.node(
        "GridSample",
        graph.node("Sub", x, outside) if padding == "constant" else x,
        points,
        mode=kinds[kind],
        padding_mode="zeros" if padding == "constant" else "border",
    )
    return graph.node("Add", value, outside) if padding == "constant" else value


def _reflected(graph: Graph, points: str, low: float, span: np.ndarray) -> str:
    """Reflect points at `low` and `low + span` until they lie between."""
    span = np.maximum(span, np.finfo(np.float32).tiny)  # An image of one pixel has no width.
    distance = graph.node("Abs", graph.node("Sub", points, graph.constant(low)))
    cycle = graph.node("Mod", distance, graph.constant(2 * span), fmod=1)
    from_end = graph.node("Abs", graph.node("Sub", cycle, graph.constant(span)))
    return graph.node("Sub", graph.constant(low + span), from_end)


def _to_pixels(op: Op, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Factor and shift that turn an operation's coordinates into pixels' indices."""
    mode, aligned = op.text("coordinates_mode"), op.flag("align_corners")
    length, shift = (sizes - 1, 0.0) if aligned else (sizes, -0.5)
    if mode == "unnormalized":
        return np.ones(2), np.zeros(2)
    if mode == "normalized_zero_to_one":
        return length, np.full(2, shift)
    if mode == "normalized_minus_one_to_one":
        return length / 2, length / 2 + shift
    raise op.unsupported(f"the coordinates_mode {mode!r}")


@op("affine")
def affine(graph: Graph, op: Op) -> str:
    """The image's values at points that a matrix gives, interpolated, 0 outside of the image."""
    expected = {
        "sampling_mode": "bilinear",
        "padding_mode": "constant",
        "coordinates_mode": "normalized_minus_one_to_one",
    }
    for name, value in expected.items():
        if op.text(name).lower() != value:
            raise op.unsupported(f"the {name} {op.text(name)!r}")
    if not op.flag("align_corners") or op.number("padding_value", 0.0):
        raise op.unsupported("a padding_value, or corners that are not aligned,")
    height, width = op.integer("output_height"), op.integer("output_width")
    rows, columns = np.meshgrid(
        np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"
    )
    points = np.stack([columns, rows, np.ones_like(rows)], axis=-1).reshape(1, -1, 3)
    matrix = graph.node(
        "Reshape", op.tensor("transform_matrix"), graph.constant([-1, 2, 3], "int64")
    )
    places = graph.node(
        "MatMul", graph.constant(points), graph.node("Transpose", matrix, perm=[0, 2, 1])
    )
    shape = graph.constant([-1, height, width, 2], "int64")
    places = graph.node("Reshape", places, shape)
    images = op.input("x").shape[0]
    if op.input("transform_matrix").shape[0] != images:
        if images is None:
            raise op.unsupported("a number of images that is not fixed")
        places = graph.node("Expand", places, graph.constant([images, 1, 1, 1], "int64"))
    return graph.node(
        "GridSample", op.tensor("x"), places, mode="linear", padding_mode="zeros", align_corners=1
    )

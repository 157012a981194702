"""Fixed shapes for a model's inputs: phones allocate every tensor before they run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mobilekit_converters.errors import SourceError, nearest
from mobilekit_converters.signature import TensorSpec
from mobilekit_converters.sources import SourceOptions

Shape = Sequence[int | None]
"""A shape as a source has it: the batch first, `None` where a dimension is unknown."""


def fix_inputs(
    path: Path,
    inputs: Iterable[tuple[str, Shape | None, str]],
    options: SourceOptions,
    *,
    batched: bool,
) -> tuple[TensorSpec, ...]:
    """Fix the shapes of all inputs.

    Args:
        path: the source, for messages.
        inputs: name, shape (`None` where even the rank is unknown) and numpy dtype of each.
        options: `batch` and `shapes` fix what is unknown.
        batched: the first dimension is the batch by the format's own rule. Without such a rule, a
            first dimension that the file fixes is the model's own and stays, while the batch asked
            for is the default of 1.

    Raises:
        SourceError: a dimension stays unknown, or an option contradicts a known one.
    """
    wanted = list(inputs)
    names = [name for name, _, _ in wanted]
    for name in options.shapes:
        if name not in names:
            raise SourceError(
                f"{path.name} has no input {name!r}, for which [model.inputs.{name}] gives a "
                f"shape.{nearest(name, names)} Its inputs: {', '.join(names)}."
            )
    return tuple(
        TensorSpec(name=name, shape=_fix(path, name, shape, options, batched), dtype=dtype)
        for name, shape, dtype in wanted
    )


def _fix(
    path: Path, name: str, shape: Shape | None, options: SourceOptions, batched: bool
) -> tuple[int, ...]:
    given = options.shapes.get(name)
    if given is not None and any(size < 1 for size in given):
        raise SourceError(
            f"{_key(name, given)} is no shape: every dimension must be 1 or more. Correct it."
        )
    if shape is None:
        if given is None:
            raise SourceError(
                f"Input {name!r} of {path.name} has no shape at all. Give its dimensions without "
                f"the batch in the project file: {_key(name, ['…'])}."
            )
        shape = [None, *given]
    if not shape:
        if given:
            raise SourceError(
                f"{_key(name, given)}: but input {name!r} of {path.name} is a scalar."
            )
        return ()
    first = _first(path, name, shape, options, batched)
    return (first, *_rest(path, name, shape, given))


def _first(path: Path, name: str, shape: Shape, options: SourceOptions, batched: bool) -> int:
    fixed = shape[0]
    if fixed is None:
        return options.batch
    if fixed != options.batch and (batched or options.batch != 1):
        raise SourceError(
            f"Input {name!r} of {path.name} is {show(shape)}: its first dimension, the batch, is "
            f"fixed to {fixed}, and the batch asked for is {options.batch}. Set `[model] batch = "
            f"{fixed}` in the project file, or save the model with an open batch."
        )
    return fixed


def _rest(path: Path, name: str, shape: Shape, given: Sequence[int] | None) -> tuple[int, ...]:
    sizes = list(shape[1:])
    if given is None:
        unknown = [index for index, size in enumerate(shape) if index and size is None]
        if unknown:
            word, list_of = ("dimension", "is") if len(unknown) == 1 else ("dimensions", "are")
            raise SourceError(
                f"Input {name!r} of {path.name} is {show(shape)}: {word} "
                f"{', '.join(map(str, unknown))} {list_of} unknown, and a phone needs fixed "
                "shapes. Give the dimensions without the batch in the project file: "
                f"{_key(name, sizes)}."
            )
        return tuple(size for size in sizes if size is not None)
    agrees = len(given) == len(sizes) and all(
        size in (None, wanted) for size, wanted in zip(sizes, given, strict=True)
    )
    if not agrees:
        raise SourceError(
            f"{_key(name, given)} contradicts the model: input {name!r} of {path.name} is "
            f"{show(shape)}, batch first. Give {len(sizes)} dimensions, without the batch, that "
            "agree with the known ones."
        )
    return tuple(given)


def show(shape: Shape) -> str:
    """Return a shape for a message, such as `?×224×224×3`."""
    return "×".join("?" if size is None else str(size) for size in shape) or "a scalar"


def _key(name: str, sizes: Sequence[int | str | None]) -> str:
    """Return the lines of the project file that fix a shape."""
    listed = ", ".join("…" if size is None else str(size) for size in sizes)
    return f"`[model.inputs.{name}]` `shape = [{listed}]`"

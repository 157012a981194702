"""The table of all rewrites, in the order in which they are applied. A new one is a row here."""

from __future__ import annotations

from collections.abc import Iterable

from mobilekit_converters.adaptations.adaptation import Adaptation
from mobilekit_converters.adaptations.channel_shuffle import CHANNEL_SHUFFLE
from mobilekit_converters.adaptations.dense_as_convolution import DENSE_AS_CONVOLUTION
from mobilekit_converters.adaptations.hard_activations import GELU_TANH, HARD_SIGMOID, HARD_SWISH
from mobilekit_converters.adaptations.mean_axes import MEAN_AXES
from mobilekit_converters.adaptations.padding import PADDING
from mobilekit_converters.adaptations.pointwise_strides import POINTWISE_STRIDES
from mobilekit_converters.adaptations.resize_flags import RESIZE_FLAGS
from mobilekit_converters.adaptations.split_groups import SPLIT_GROUPS
from mobilekit_converters.errors import ProjectError, nearest

# Activations come first, because later rewrites take them along; padding before the groups of a
# convolution that reads it.
_ROWS = (
    HARD_SWISH,
    HARD_SIGMOID,
    GELU_TANH,
    PADDING,
    SPLIT_GROUPS,
    CHANNEL_SHUFFLE,
    POINTWISE_STRIDES,
    RESIZE_FLAGS,
    MEAN_AXES,
    DENSE_AS_CONVOLUTION,
)

ADAPTATIONS: dict[str, Adaptation] = {row.name: row for row in _ROWS}

DELEGATES = tuple(sorted({name for row in _ROWS for name in row.delegates}))
"""The delegates that a model can be adapted for."""

CHANGES = tuple(row.name for row in _ROWS if not row.keeps_function)
"""The rewrites that change the function."""


def adaptations_for(delegates: Iterable[str], changes: Iterable[str]) -> tuple[Adaptation, ...]:
    """Return the rewrites for some delegates, and those of `changes`, in the order of the table."""
    wanted, asked = set(delegates), set(changes)
    return tuple(row for row in _ROWS if wanted & set(row.delegates) or row.name in asked)


def check_delegate(name: str) -> str:
    """Return a delegate's name.

    Raises:
        ProjectError: a model cannot be adapted for it.
    """
    return _known(name, DELEGATES, "A model cannot be adapted for")


def check_change(name: str) -> str:
    """Return the name of a rewrite that changes the function.

    Raises:
        ProjectError: there is none of that name.
    """
    return _known(name, CHANGES, "There is no change of a function called")


def _known(name: str, known: tuple[str, ...], wrong: str) -> str:
    if name not in known:
        raise ProjectError(f"{wrong} {name!r}.{nearest(name, known)} Known: {', '.join(known)}.")
    return name

"""What a rewrite of a frozen graph is: it finds places, and says what to compute there instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow as tf

    Find = Callable[[tf.Graph, frozenset[str]], Iterable["Place"]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """An operation whose one output is computed in another way from now on.

    `build` gets the tensors `inputs`, which any operations of the graph make, and returns a tensor
    of the operation's own shape and dtype. What only the old way needed goes.
    """

    operation: tf.Operation
    inputs: tuple[tf.Tensor, ...]
    build: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """A rewrite.

    `summary` says in a sentence what becomes of what. `delegates` are those that it is for; none
    where it is asked for by its own name, because it changes the function, and `keeps_function` is
    false. `find` gets a graph of fixed shapes and the delegates that were asked for, and returns
    the places in it.
    """

    name: str
    summary: str
    delegates: tuple[str, ...] = ()
    keeps_function: bool = True
    find: Find


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """What became of a rewrite.

    `places` names the operations that were replaced. `refused` says, a sentence each, which were
    found and left as they are, and why. `snr_db` is the least agreement between old and new, in
    decibels, over the places; infinite where all numbers are the same, None where the function was
    meant to change or there is no place.
    """

    name: str
    places: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    snr_db: float | None = None


@dataclass(frozen=True, kw_only=True)
class AdaptedModel:
    """What became of all rewrites, in the order in which they were applied."""

    adaptations: tuple[Adapted, ...]

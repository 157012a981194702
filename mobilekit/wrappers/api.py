"""What the typed API of a model is in any language: its inputs, its outputs, what it does."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from mobilekit.parity.batches import sample_shape
from mobilekit.parity.inputs import InputFacts
from mobilekit.preprocessing import ImageContract, image_contract
from mobilekit_converters.signature import TensorSpec

TOP_K = 3
"""How many classes an app gets if it does not say."""

VERBS = {"classification": "classify", "embedding": "embed", "mask": "segment"}
"""What a model of one output does, by the output's kind. Every other model predicts."""

PURPOSES = {
    "classify": "Tells the most likely classes.",
    "embed": "Computes an embedding.",
    "segment": "Computes a mask.",
}
"""What the typed functions do, for a comment. Every other one runs the model."""


@dataclass(frozen=True, kw_only=True)
class Tensor(ABC):
    """An input or output: its name in the language, and words for comments."""

    index: int
    name: str
    spec: TensorSpec

    @property
    @abstractmethod
    def quoted(self) -> str:
        """The model's own name of it, for a comment."""

    @property
    @abstractmethod
    def array(self) -> str:
        """The language's array of its values."""

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.spec.shape)

    @property
    def is_float(self) -> bool:
        """Whether its values may be NaN."""
        return self.spec.dtype == "float32"

    @property
    def words(self) -> str:
        """How many values it has, and their shape."""
        unsigned = ", unsigned" if self.spec.dtype == "uint8" else ""
        shape = "×".join(map(str, self.spec.shape)) or "a single one"
        return f"{self.size:,} value{'s' * (self.size != 1)} ({shape}, row by row{unsigned})"


@dataclass(frozen=True, kw_only=True)
class Input(Tensor):
    """An input. `kind` is `tensor` where an app passes its values as they are."""

    kind: str
    facts: InputFacts

    @property
    def converter(self) -> str:
        """The name of what turns pixels or sound into its values."""
        return f"{self.name}Converter"

    @property
    def is_converted(self) -> bool:
        """Whether an app passes something else than its values."""
        return self.kind != "tensor"

    @cached_property
    def image(self) -> ImageContract:
        """How pixels become its values, where it is an image."""
        return image_contract(self.facts, self.spec.shape, self.spec.dtype)

    @property
    def audio(self) -> tuple[float, float]:
        """The scale and the offset of its samples, where it is sound."""
        scale, offset = self.facts.scale, self.facts.offset
        assert not isinstance(scale, tuple)
        assert not isinstance(offset, tuple)
        return scale, offset

    @property
    def value_words(self) -> str:
        """Its values, with the range that they are known to have."""
        bounds = self.facts.bounds
        return self.words + (f", from {bounds[0]:g} to {bounds[1]:g}" if bounds else "")


@dataclass(frozen=True, kw_only=True)
class Output(Tensor):
    """An output. `labels` is the property with its classes' names, where it has classes.

    `labels_file` is where those names are, and is empty where they have none.
    """

    kind: str
    labels: str = ""
    labels_file: str = ""

    @property
    def is_classified(self) -> bool:
        """Whether an app gets its classes."""
        return self.kind == "classification"

    @property
    def classes(self) -> int:
        """How many classes it tells apart: one score stands for two, no and yes."""
        return max(self.size, 2)

    @property
    @abstractmethod
    def type(self) -> str:
        """What an app gets."""

    @property
    def mask(self) -> tuple[int, int, int]:
        """The width, height and channels of a mask of a batch of one."""
        height, width = itertools.islice(sample_shape(self.spec, 1), 2)
        return width, height, self.size // (height * width)

    @property
    def result_words(self) -> str:
        """Say for a comment what an app gets."""
        if self.is_classified:
            return f"the classes with the highest scores of {self.quoted}, the highest first"
        if self.kind == "mask":
            width, height, _ = self.mask
            return f"the mask {self.quoted} of {width}×{height} pixels"
        what = "the embedding" if self.kind == "embedding" else "the output"
        return f"{what} {self.quoted}, {self.words}"


AnyInput = TypeVar("AnyInput", bound=Input)
AnyOutput = TypeVar("AnyOutput", bound=Output)


@dataclass(frozen=True, kw_only=True)
class Api(Generic[AnyInput, AnyOutput]):
    """The class of a model."""

    name: str
    inputs: tuple[AnyInput, ...]
    outputs: tuple[AnyOutput, ...]

    @property
    def verb(self) -> str:
        """What the model does."""
        return VERBS.get(self.outputs[0].kind, "predict") if len(self.outputs) == 1 else "predict"

    @property
    def purpose(self) -> str:
        """What the typed functions do, for a comment."""
        return PURPOSES.get(self.verb, "Runs the model.")

    @property
    def result(self) -> str:
        """What the typed functions return."""
        return self.outputs[0].type if len(self.outputs) == 1 else "Result"

    @property
    def result_words(self) -> str:
        """What the typed functions return, for a comment."""
        return self.outputs[0].result_words if len(self.outputs) == 1 else "all outputs"

    @property
    def classified(self) -> tuple[AnyOutput, ...]:
        """The outputs that have classes."""
        return tuple(output for output in self.outputs if output.is_classified)

    @property
    def converted(self) -> tuple[AnyInput, ...]:
        """The inputs that are made from pixels or sound."""
        return tuple(item for item in self.inputs if item.is_converted)

    @property
    def kinds(self) -> frozenset[str]:
        """All kinds of inputs and outputs."""
        return frozenset({*(item.kind for item in self.inputs), *(o.kind for o in self.outputs)})


def clauses(known: dict[str, bool]) -> str:
    """Put together those clauses that hold: `a, b, or c`."""
    held = [words for words, holds in known.items() if holds]
    return ", or ".join([", ".join(held[:-1]), held[-1]] if held[1:] else held)


def labels_property(name: str, kinds: Iterable[str]) -> str:
    """Return the name of the property with an output's labels, from the kinds of all outputs."""
    alone = sum(kind == "classification" for kind in kinds) == 1
    return "labels" if alone else f"{name}Labels"

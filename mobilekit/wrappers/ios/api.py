"""The typed API of a model: what its functions are called, take and return."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from mobilekit.wrappers import api as shared
from mobilekit.wrappers.api import TOP_K, clauses, labels_property
from mobilekit.wrappers.description import InputDescription, IosPackage, OutputDescription
from mobilekit.wrappers.ios import literals
from mobilekit.wrappers.ios.names import argument_names

ARRAYS = {"float32": "[Float]", "int32": "[Int32]"}
"""Swift's arrays of the values that an app sees."""

CASES = {"float32": "floats", "int32": "integers"}
"""What makes `TensorValues` of them, and them of it."""

TYPES = {"image": ("CGImage", "CVPixelBuffer"), "audio": ("[Float]", "[Int16]")}
"""What an app can pass for an input of a kind."""

MODULES = {"image": ("CoreGraphics", "CoreVideo")}
"""Modules with such types."""


class Tensor(shared.Tensor):
    """An input or output: its Swift name, its array, and words for comments."""

    @property
    def quoted(self) -> str:
        """The model's own name of it, for a comment."""
        return f"`{literals.comment(self.spec.name)}`"

    @property
    def array(self) -> str:
        """The Swift array of its values."""
        return ARRAYS[self.spec.dtype]

    @property
    def case(self) -> str:
        """The function that takes its values, or gives them."""
        return CASES[self.spec.dtype]


class Input(Tensor, shared.Input):
    """An input."""

    @property
    def value(self) -> str:
        """The expression of its values, from what an app passed."""
        return f"{self.converter}.convert({self.name})" if self.is_converted else self.name

    @property
    def types(self) -> tuple[str, ...]:
        """The Swift types that an app can pass."""
        return TYPES.get(self.kind, (self.array,))

    @property
    def converter_type(self) -> str:
        """The type of the converter, with what it is made from."""
        return "ImageConverter" if self.kind == "image" else "AudioConverter"

    def converter_arguments(self) -> tuple[str, ...]:
        """Return what says how pixels or sound become its values."""
        if self.kind == "audio":
            scale, offset = map(literals.float32, self.audio)
            return f"count: {self.size}", f"scale: {scale}", f"offset: {offset}"
        image = self.image
        return (
            f"height: {image.height}",
            f"width: {image.width}",
            f"color: .{image.color}",
            f"channelsFirst: {str(image.channels_first).lower()}",
            f"resize: .{_constant(image.resize)}",
            f"fit: .{_constant(image.fit)}",
            f"scale: {_floats(image.scale)}",
            f"offset: {_floats(image.offset)}",
            f"pad: {_floats(image.pad)}",
        )

    def parameter_words(self, kind: str) -> str:
        """Say for a comment what an app passes as a parameter of a Swift type."""
        name = f"the model's input {self.quoted}"
        if self.kind == "image":
            size = f"{self.image.width}×{self.image.height} pixels"
            what = "an image" if kind == "CGImage" else "a pixel buffer"
            return f"{name}: {what} of any size, brought to {size}."
        if self.kind == "audio":
            samples = "of 16 bits" if kind == "[Int16]" else "from -1 to 1"
            return f"{name}: {self.size:,} samples {samples}."
        return f"{name}: {self.value_words}."


class Output(Tensor, shared.Output):
    """An output."""

    @property
    def type(self) -> str:
        """What an app gets."""
        return {"classification": "[Classification]", "mask": "Mask"}.get(self.kind, self.array)

    @property
    def labels_source(self) -> str:
        """The expression that gives the names of its classes."""
        if not self.labels_file:
            return f"indexLabels({self.classes})"
        resource = literals.string(self.labels_file)
        return f"try readLabels({resource}, classes: {self.classes}, in: resources)"

    def result(self, values: str) -> str:
        """Return the expression that an app gets, from its values."""
        if self.is_classified:
            return f"topClasses({values}, {self.labels}, topK)"
        if self.kind == "mask":
            width, height, channels = self.mask
            sides = f"width: {width}, height: {height}, channels: {channels}"
            return f"Mask({sides}, values: {values})"
        return values


@dataclass(frozen=True, kw_only=True)
class Form:
    """One typed function: the type of each input's parameter, in their order."""

    inputs: tuple[tuple[Input, str], ...]
    has_top_k: bool

    @property
    def parameters(self) -> tuple[str, ...]:
        """Its parameters. A single input needs no label."""
        unlabelled = "_ " if len(self.inputs) == 1 else ""
        given = tuple(f"{unlabelled}{item.name}: {kind}" for item, kind in self.inputs)
        return (*given, *((f"topK: Int = {TOP_K}",) if self.has_top_k else ()))

    @property
    def tags(self) -> tuple[str, ...]:
        """What a comment says of the parameters."""
        given = tuple(
            f"- Parameter {item.name}: {item.parameter_words(kind)}" for item, kind in self.inputs
        )
        top_k = "- Parameter topK: how many classes to return, one at least."
        return (*given, *((top_k,) if self.has_top_k else ()))

    @property
    def complaints(self) -> str:
        """Which arguments are wrong, for a comment."""
        kinds = {kind for _, kind in self.inputs}
        arrays = {kind for kind in kinds if kind.startswith("[")}
        size = "an array has another size" + (" or holds NaN" if "[Float]" in arrays else "")
        known = {
            "an image cannot be read": bool(kinds - arrays),
            size: bool(arrays),
            "`topK` is less than 1": self.has_top_k,
        }
        return clauses(known)


class Api(shared.Api[Input, Output]):
    """The class of a model."""

    @property
    def forms(self) -> tuple[Form, ...]:
        """A typed function for each type of image and of sound; all inputs of a kind share it."""
        kinds = sorted({item.kind for item in self.inputs if item.is_converted})
        return tuple(
            Form(
                inputs=tuple(
                    (item, dict(zip(kinds, types, strict=True)).get(item.kind, item.array))
                    for item in self.inputs
                ),
                has_top_k=bool(self.classified),
            )
            for types in itertools.product(*(TYPES[kind] for kind in kinds))
        )

    @property
    def returns_values(self) -> bool:
        """Whether the typed functions return the model's values as they are."""
        return all(output.type == output.array for output in self.outputs)

    @property
    def values(self) -> str:
        """What the function `run` returns."""
        if len(self.outputs) == 1:
            return self.outputs[0].array
        return "Result" if self.returns_values else "Values"

    @property
    def values_words(self) -> str:
        """What the function `run` returns, for a comment."""
        return self.outputs[0].words if len(self.outputs) == 1 else "the values of all outputs"

    @property
    def run_parameters(self) -> tuple[str, ...]:
        """The parameters of the function `run`."""
        unlabelled = "_ " if len(self.inputs) == 1 else ""
        return tuple(f"{unlabelled}{item.name}: {item.array}" for item in self.inputs)

    @property
    def run_arguments(self) -> tuple[str, ...]:
        """What the typed functions pass to it."""
        if len(self.inputs) == 1:
            return (self.inputs[0].value,)
        return tuple(f"{item.name}: {item.value}" for item in self.inputs)

    @property
    def run_call(self) -> tuple[str, tuple[str, ...], str]:
        """That call, as `fitted` takes it."""
        return "try await run(", self.run_arguments, ")"

    @property
    def call_arguments(self) -> tuple[str, ...]:
        """What an app passes to the typed functions."""
        if len(self.inputs) == 1:
            return (self.inputs[0].name,)
        return tuple(f"{item.name}: {item.name}" for item in self.inputs)

    @property
    def run_tags(self) -> tuple[str, ...]:
        """What a comment says of the parameters of `run`."""
        return tuple(
            f"- Parameter {i.name}: the model's input {i.quoted}: {i.value_words}."
            for i in self.inputs
        )

    @property
    def run_complaints(self) -> str:
        """Which arguments of the function `run` are wrong, for a comment."""
        floats = any(item.is_float for item in self.inputs)
        return "an array has another size" + (" or holds NaN" if floats else "")

    @property
    def run_result(self) -> tuple[str, tuple[str, ...], str]:
        """What `run` returns from the array `outputs`, as `fitted` takes it."""
        read = [f"outputs[{o.index}].{o.case}(of: spec.outputs[{o.index}])" for o in self.outputs]
        if len(read) == 1:
            return f"try {read[0]}", (), ""
        named = (f"{o.name}: {text}" for o, text in zip(self.outputs, read, strict=True))
        return f"try {self.values}(", tuple(named), ")"

    @property
    def answer(self) -> tuple[str, tuple[str, ...], str]:
        """What the typed functions return from `values`, as `fitted` takes it."""
        if len(self.outputs) == 1:
            return self.outputs[0].result("values"), (), ""
        return (
            "Result(",
            tuple(f"{o.name}: {o.result(f'values.{o.name}')}" for o in self.outputs),
            ")",
        )

    @property
    def imports(self) -> tuple[str, ...]:
        """What the class's file imports."""
        modules = (module for kind in self.kinds for module in MODULES.get(kind, ()))
        return tuple(sorted({"Foundation", *modules}))


def describe_api(package: IosPackage) -> Api:
    """Return the API of a package's class. A model of batches takes and gives arrays alone."""
    model = package.model
    input_names, output_names = argument_names(
        [item.spec.name for item in model.inputs], [item.spec.name for item in model.outputs]
    )
    return Api(
        name=model.name,
        inputs=tuple(
            _input(index, name, item, model.batch)
            for index, (name, item) in enumerate(zip(input_names, model.inputs, strict=True))
        ),
        outputs=tuple(
            _output(package, index, name, item)
            for index, (name, item) in enumerate(zip(output_names, model.outputs, strict=True))
        ),
    )


def labels_resource(output: int) -> str:
    """Return where the labels of an output lie among a package's resources."""
    return f"labels-{output}.txt"


def _input(index: int, name: str, item: InputDescription, batch: int) -> Input:
    return Input(
        index=index,
        name=name,
        spec=item.spec,
        kind=item.facts.kind if batch == 1 else "tensor",
        facts=item.facts,
    )


def _output(package: IosPackage, index: int, name: str, item: OutputDescription) -> Output:
    model = package.model
    return Output(
        index=index,
        name=name,
        spec=item.spec,
        kind=item.facts.kind if model.batch == 1 else "tensor",
        labels=labels_property(name, (other.facts.kind for other in model.outputs)),
        labels_file=labels_resource(index) if item.facts.labels else "",
    )


def _floats(numbers: Sequence[float]) -> str:
    return literals.array(map(literals.float32, numbers))


def _constant(word: str) -> str:
    """Return a word of the project file as a Swift case: `bilinear-antialias`, in camel case."""
    first, *others = word.replace("_", "-").split("-")
    return first + "".join(other.capitalize() for other in others)

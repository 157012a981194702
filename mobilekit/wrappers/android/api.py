"""The typed API of a model: what its functions are called, take and return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mobilekit.wrappers import api as shared
from mobilekit.wrappers.android import literals
from mobilekit.wrappers.android.facts import labels_asset
from mobilekit.wrappers.android.names import argument_names
from mobilekit.wrappers.api import TOP_K, clauses, labels_property
from mobilekit.wrappers.description import AndroidModule, InputDescription, OutputDescription

ARRAYS = {
    "float32": "FloatArray",
    "int8": "ByteArray",
    "uint8": "ByteArray",
    "int16": "ShortArray",
    "int32": "IntArray",
    "int64": "LongArray",
    "bool": "BooleanArray",
}
"""Kotlin's arrays. Unsigned bytes have none that is stable, so that they come as bytes."""

TAKEN = frozenset(
    """
    accelerators answer assets call choice classify classifysuspending close companion context
    create createsuspending cancelled created dispatcher embed embedsuspending engine labels lock
    model on predict predictsuspending result run runner segment segmentsuspending topk values
    nofloats noints nolongs nobytes noshorts nobooleans synchronized topclasses withcontext
    readlabels indexlabels requireanswer requirenumbers requiresize requiretopk runinterruptible
    """.split()  # noqa: SIM905 - a list of this length reads worse
)
"""Names of the generated class's own, which no input or output may have there."""


def empty_array(array: str) -> str:
    """Return the name of the empty array of a Kotlin type."""
    return f"NO_{array.removesuffix('Array').upper()}S"


class Tensor(shared.Tensor):
    """An input or output: its Kotlin name, its array, and words for comments and messages."""

    @property
    def quoted(self) -> str:
        """The model's own name of it, for a comment."""
        return f"`{literals.comment(self.spec.name)}`"

    @property
    def array(self) -> str:
        """The Kotlin array of its values."""
        return ARRAYS[self.spec.dtype]

    @property
    def literal(self) -> str:
        """The model's own name of it, as a Kotlin string."""
        return literals.string(self.spec.name)

    @property
    def empty(self) -> str:
        """The empty array that stands for it between calls."""
        return empty_array(self.array)

    @property
    def values(self) -> str:
        """The name of an array for its values."""
        return f"{self.name}Values"


class Input(Tensor, shared.Input):
    """An input."""

    @cached_property
    def types(self) -> tuple[str, ...]:
        """The Kotlin types that an app can pass."""
        known = {"image": ("Bitmap",), "audio": ("FloatArray", "ShortArray")}
        return known.get(self.kind, (self.array,))

    @property
    def converter_start(self) -> str:
        """How the converter is made."""
        return "ImageConverter(ImageSpec(" if self.kind == "image" else "AudioConverter("

    @property
    def converter_end(self) -> str:
        """The brackets that close `converter_start`."""
        return "))" if self.kind == "image" else ")"

    def converter_arguments(self) -> tuple[str, ...]:
        """Return the arguments between `converter_start` and `converter_end`."""
        if self.kind == "audio":
            scale, offset = map(literals.float32, self.audio)
            return f"size = {self.size}", f"scale = {scale}", f"offset = {offset}"
        image = self.image
        return (
            f"height = {image.height}",
            f"width = {image.width}",
            f"color = ImageColor.{image.color.upper()}",
            f"channelsFirst = {str(image.channels_first).lower()}",
            f"resize = ImageResize.{_constant(image.resize)}",
            f"fit = ImageFit.{_constant(image.fit)}",
            f"scale = {_floats(image.scale)}",
            f"offset = {_floats(image.offset)}",
            f"pad = {_floats(image.pad)}",
            f"dtype = DType.{image.dtype.upper()}",
        )

    def parameter_words(self, kind: str) -> str:
        """Say for a comment what an app passes as a parameter of a Kotlin type."""
        name = f"the model's input {self.quoted}"
        if kind == "Bitmap":
            size = f"{self.image.width}×{self.image.height} pixels"
            return f"{name}: a bitmap of any size and configuration, brought to {size}."
        if self.kind == "audio":
            samples = "of 16 bits" if kind == "ShortArray" else "from -1 to 1"
            return f"{name}: {self.size:,} samples {samples}."
        return f"{name}: {self.value_words}."


class Output(Tensor, shared.Output):
    """An output."""

    @property
    def labels_source(self) -> tuple[str, tuple[str, ...], str]:
        """The expression that gives the names of its classes, as `fitted` takes it."""
        if not self.labels_file:
            return "indexLabels(", (str(self.classes),), ")"
        arguments = ("assets", literals.string(self.labels_file), str(self.classes))
        return "readLabels(", arguments, ")"

    @property
    def type(self) -> str:
        """What an app gets."""
        return {"classification": "List<Classification>", "mask": "Mask"}.get(self.kind, self.array)

    @property
    def result(self) -> str:
        """The expression that an app gets, from the array `values`."""
        if self.is_classified:
            return f"topClasses({self.values}, {self.labels}, topK)"
        if self.kind == "mask":
            return f"Mask({', '.join(map(str, self.mask))}, {self.values})"
        return self.values


@dataclass(frozen=True, kw_only=True)
class Form:
    """One typed function: the type of each input's parameter, in their order."""

    inputs: tuple[tuple[Input, str], ...]
    outputs: tuple[Output, ...]

    @property
    def has_top_k(self) -> bool:
        """Whether it is told how many classes to return."""
        return any(output.is_classified for output in self.outputs)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Its parameters."""
        given = tuple(f"{item.name}: {kind}" for item, kind in self.inputs)
        return (*given, *((f"topK: Int = {TOP_K}",) if self.has_top_k else ()))

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""
        return (*(item.name for item, _ in self.inputs), *(("topK",) if self.has_top_k else ()))

    @property
    def argument_names(self) -> tuple[str, ...]:
        """The parameters that have to be given."""
        return tuple(item.name for item, _ in self.inputs)

    @property
    def tags(self) -> tuple[str, ...]:
        """What a comment says of the parameters."""
        given = tuple(f"@param {i.name} {i.parameter_words(kind)}" for i, kind in self.inputs)
        top_k = "@param topK how many classes to return, one at least."
        return (*given, *((top_k,) if self.has_top_k else ()))

    @property
    def complaints(self) -> str:
        """Which arguments are wrong, for a comment."""
        kinds = {kind for _, kind in self.inputs}
        arrays = "if an array has another size" + (" or holds NaN" if "FloatArray" in kinds else "")
        known = {
            "if a bitmap is recycled": "Bitmap" in kinds,
            arrays: bool(kinds - {"Bitmap"}),
            "if topK is less than 1": self.has_top_k,
        }
        return clauses(known)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arrays that it runs the model on."""
        return (
            *(item.values if item.is_converted else item.name for item, _ in self.inputs),
            *(output.values for output in self.outputs),
        )


class Api(shared.Api[Input, Output]):
    """The class of a model."""

    @property
    def forms(self) -> tuple[Form, ...]:
        """A typed function for each type of sound, which all inputs of sound then have."""
        count = max((len(item.types) for item in self.inputs), default=1)
        return tuple(
            Form(
                inputs=tuple((i, i.types[min(at, len(i.types) - 1)]) for i in self.inputs),
                outputs=self.outputs,
            )
            for at in range(count)
        )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All inputs and outputs, in the order of the function `run`."""
        return (*self.inputs, *self.outputs)

    @property
    def answer(self) -> tuple[str, tuple[str, ...], str]:
        """The expression that the typed functions return, as `fitted` takes it."""
        if len(self.outputs) == 1:
            return self.outputs[0].result, (), ""
        return "Result(", tuple(output.result for output in self.outputs), ")"

    @property
    def has_labels(self) -> bool:
        """Whether any class has a name."""
        return any(output.labels_file for output in self.classified)

    @property
    def has_scratch(self) -> bool:
        """Whether the typed functions use arrays of the class's own."""
        return bool(self.converted or self.classified)

    @property
    def empty_arrays(self) -> tuple[tuple[str, str], ...]:
        """The name of the empty array of each type that it takes or gives, and the type."""
        return tuple((empty_array(t), t) for t in sorted({tensor.array for tensor in self.tensors}))

    @property
    def properties(self) -> tuple[str, ...]:
        """The parameters of the class's constructor."""
        labels = (f"public val {output.labels}: List<String>" for output in self.classified)
        return ("private val runner: ModelRunner", *labels)

    @property
    def property_names(self) -> tuple[str, ...]:
        """The names of those parameters."""
        return ("runner", *(output.labels for output in self.classified))

    @property
    def property_tags(self) -> tuple[str, ...]:
        """What a comment says of the properties with labels."""
        return tuple(
            f"@property {output.labels} the classes of the output {output.quoted}, in its order."
            for output in self.classified
        )

    @property
    def result_tags(self) -> tuple[str, ...]:
        """What a comment says of the properties of `Result`."""
        return tuple(f"@property {o.name} {o.result_words}." for o in self.outputs)

    @property
    def run_parameters(self) -> tuple[str, ...]:
        """The parameters of the function `run`."""
        return tuple(f"{tensor.name}: {tensor.array}" for tensor in self.tensors)

    @property
    def run_complaints(self) -> str:
        """Which arguments of the function `run` are wrong, for a comment."""
        floats = any(item.is_float for item in self.inputs)
        return "if an array has another size" + (", or an input holds NaN" if floats else "")

    @property
    def run_tags(self) -> tuple[str, ...]:
        """What a comment says of them."""
        return (
            *(f"@param {i.name} the model's input: {i.value_words}." for i in self.inputs),
            *(f"@param {o.name} takes the model's output: {o.words}." for o in self.outputs),
        )

    @property
    def imports(self) -> tuple[str, ...]:
        """What the class's file imports."""
        return tuple(
            sorted(
                {
                    "android.content.Context",
                    "kotlinx.coroutines.CancellationException",
                    "kotlinx.coroutines.CoroutineDispatcher",
                    "kotlinx.coroutines.Dispatchers",
                    "kotlinx.coroutines.runInterruptible",
                    "kotlinx.coroutines.withContext",
                    *(["android.graphics.Bitmap"] if "image" in self.kinds else []),
                }
            )
        )


def describe_api(module: AndroidModule) -> Api:
    """Return the API of a module's class. A model of batches takes and gives arrays alone."""
    model = module.model
    input_names, output_names = argument_names(
        [item.spec.name for item in model.inputs], [item.spec.name for item in model.outputs], TAKEN
    )
    return Api(
        name=model.name,
        inputs=tuple(
            _input(index, name, item, model.batch)
            for index, (name, item) in enumerate(zip(input_names, model.inputs, strict=True))
        ),
        outputs=tuple(
            _output(module, index, name, item)
            for index, (name, item) in enumerate(zip(output_names, model.outputs, strict=True))
        ),
    )


def _input(index: int, name: str, item: InputDescription, batch: int) -> Input:
    return Input(
        index=index,
        name=name,
        spec=item.spec,
        kind=item.facts.kind if batch == 1 else "tensor",
        facts=item.facts,
    )


def _output(module: AndroidModule, index: int, name: str, item: OutputDescription) -> Output:
    model = module.model
    return Output(
        index=index,
        name=name,
        spec=item.spec,
        kind=item.facts.kind if model.batch == 1 else "tensor",
        labels=labels_property(name, (other.facts.kind for other in model.outputs)),
        labels_file=labels_asset(module, index) if item.facts.labels else "",
    )


def _floats(numbers: Sequence[float]) -> str:
    return f"floatArrayOf({', '.join(map(literals.float32, numbers))})"


def _constant(word: str) -> str:
    """Return a word of the project file as a Kotlin constant."""
    return word.upper().replace("-", "_")

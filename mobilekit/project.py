"""The project file, `mobilekit.toml`: its keys, their defaults, and errors that name the place."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from mobilekit.parity.golden import OutputFacts
from mobilekit.parity.inputs import Color, Fit, InputFacts, Resize
from mobilekit.parity.inputs import Kind as InputKind
from mobilekit_converters.adaptations.table import check_change, check_delegate
from mobilekit_converters.errors import ProjectError, nearest
from mobilekit_converters.sources import SourceOptions
from mobilekit_converters.variants import VARIANTS, Format, precisions
from mobilekit_delegates.targets import target

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT_FILE = "mobilekit.toml"

OutputKind = Literal["tensor", "classification", "embedding", "mask"]


def _numbers(value: object) -> object:
    """Let numbers and lists of numbers through; one message for all else."""
    items = value if isinstance(value, (list, tuple)) else [value]
    if all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in items):
        return value
    raise ValueError("use a number, or a list of numbers, one per channel")


PerChannel = Annotated[float | tuple[float, ...], BeforeValidator(_numbers)]

# Names that are no class names in Kotlin or Swift (kotlinlang.org/docs/keyword-reference.html,
# "The Swift Programming Language", Lexical Structure), beside Python's own keywords.
_RESERVED = frozenset(
    """
    as break class continue do else false for fun if in interface is null object package return
    super this throw true try typealias typeof val var when while
    associatedtype deinit enum extension fileprivate func import init inout internal let open
    operator private precedencegroup protocol public rethrows static struct subscript case catch
    default defer fallthrough guard repeat switch where Any nil self Self throws Type Protocol
    """.split()  # noqa: SIM905 - a list of this length reads worse
)

# Android's build tools refuse packages with Java's keywords (docs.oracle.com/javase/specs, 3.9).
_JAVA_KEYWORDS = frozenset(
    """
    abstract assert boolean break byte case catch char class const continue default do double else
    enum extends false final finally float for goto if implements import instanceof int interface
    long native new null package private protected public return short static strictfp super switch
    synchronized this throw throws transient true try void volatile while
    """.split()  # noqa: SIM905 - a list of this length reads worse
)


def check_identifier(name: str) -> str:
    """Return `name` if it can name a class in Kotlin and Swift alike, else raise `ValueError`."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"{name!r} cannot name a class: use letters, digits and underscores, a letter first, "
            f"such as {identifier_from(name)!r}"
        )
    if name in _RESERVED or keyword.iskeyword(name):
        raise ValueError(
            f"{name!r} is a reserved word; use another name, such as '{name.title()}Model'"
        )
    return name


def identifier_from(text: str) -> str:
    """Make a class name from any text: `str_ww ref-model` becomes `StrWwRefModel`."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[0].upper() + word[1:] for word in words)
    if not name or not name[0].isalpha() or name in _RESERVED or keyword.iskeyword(name):
        name = f"Model{name}"
    return name


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class InputTable(_Table):
    """`[model.inputs.NAME]`: what an input means, and how an app's image or audio becomes it."""

    kind: InputKind = "tensor"
    shape: tuple[Annotated[int, Field(gt=0)], ...] | None = None
    color: Color = "rgb"
    resize: Resize = "bilinear"
    fit: Fit = "stretch"
    pad: PerChannel = 0.0
    scale: PerChannel = 1.0
    offset: PerChannel = 0.0
    range: tuple[float, float] | None = None

    def facts(self) -> InputFacts:
        """Return what the table says of the input's values."""
        low, high = self.range or (None, None)
        return InputFacts(
            kind=self.kind,
            color=self.color,
            scale=self.scale,
            offset=self.offset,
            resize=self.resize,
            fit=self.fit,
            pad=self.pad,
            low=low,
            high=high,
        )

    @model_validator(mode="after")
    def _check(self) -> InputTable:
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range = {list(self.range)}: the first number must be the smaller")
        self._check_keys_of_images()
        for key, value in (("scale", self.scale), ("offset", self.offset), ("pad", self.pad)):
            self._check_numbers(key, value)
        if not all(0 <= pixel <= 255 for pixel in _listed(self.pad)):
            raise ValueError(f"pad = {_shown(self.pad)}: a pixel's value lies between 0 and 255")
        return self

    def _check_keys_of_images(self) -> None:
        if self.kind != "image":
            for key in ("resize", "fit", "pad"):
                if key in self.model_fields_set:
                    raise ValueError(
                        f'{key} is a key of images; set kind = "image", or leave it out'
                    )
        elif "pad" in self.model_fields_set and self.fit != "pad":
            raise ValueError(f'pad is used with fit = "pad" only, and fit is {self.fit!r}')

    def _check_numbers(self, key: str, value: PerChannel) -> None:
        if isinstance(value, tuple):
            if self.kind == "audio":
                raise ValueError(f"{key} has {len(value)} numbers, audio takes one")
            channels = 1 if self.color == "grayscale" else 3
            if len(value) != channels:
                raise ValueError(f"{key} has {len(value)} numbers, color {self.color!r} {channels}")
        if not all(abs(number) <= _LARGEST for number in _listed(value)):
            raise ValueError(f"{key} = {_shown(value)} is no number that a model can hold")


_LARGEST = 3.4e38
"""What float32 still holds."""


def _listed(value: PerChannel) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def _shown(value: PerChannel) -> float | list[float]:
    return list(value) if isinstance(value, tuple) else value


class OutputTable(_Table):
    """`[model.outputs.NAME]`: what an output means. `labels` is a text file, one class a line."""

    kind: OutputKind = "tensor"
    labels: str | None = None

    def facts(self, folder: Path) -> OutputFacts:
        """Return what the table says of the output, its labels read from a file in `folder`.

        Raises:
            ProjectError: the labels cannot be read.
        """
        return OutputFacts(
            kind=self.kind, labels=_read_labels(folder / self.labels) if self.labels else ()
        )


def _read_labels(path: Path) -> tuple[str, ...]:
    try:
        # Reading makes every end of a line a line feed; a label may hold what else ends lines.
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"The labels {path} cannot be read: {error}.") from error
    return tuple(text.removesuffix("\n").split("\n")) if text else ()


class ModelTable(_Table):
    """`[model]`: the source and what its inputs and outputs mean."""

    source: str
    name: Annotated[str, AfterValidator(check_identifier)] | None = None
    batch: Annotated[int, Field(gt=0)] = 1
    signature: str | None = None
    inputs: dict[str, InputTable] = {}
    outputs: dict[str, OutputTable] = {}


class DataTable(_Table):
    """`[data]`: `.npz` files with arrays by input name; `evaluation` may hold `labels`."""

    calibration: str | None = None
    evaluation: str | None = None


def _known_precisions(format: Literal["tflite", "coreml"], names: Iterable[str]) -> None:
    known = precisions(format)
    for name in names:
        if name not in known:
            raise ValueError(
                f"there is no variant {name!r}.{nearest(name, known)} Known: {', '.join(known)}"
            )


def check_package(name: str) -> str:
    """Return `name` if it can name a Kotlin package, else raise `ValueError`."""
    parts = name.split(".")
    if not all(re.fullmatch(r"[a-z][a-z0-9_]*", part) for part in parts) or len(parts) < 2:
        raise ValueError(
            f"{name!r} is no package name: use two or more words of small letters, digits and "
            "underscores with dots between them, such as 'com.example.digits'"
        )
    reserved = [part for part in parts if part in _RESERVED or part in _JAVA_KEYWORDS]
    if reserved:
        raise ValueError(f"{name!r} holds the reserved word {reserved[0]!r}; use another name")
    return name


class AndroidTable(_Table):
    """`[android]`: the TFLite variants, and the Kotlin module.

    `io` is the dtype of the int8 variant's ends. The module has the Kotlin package `package`, calls
    the `runtime`, and carries the artifacts of the variants `bundle`.
    """

    variants: tuple[str, ...] | None = None
    package: Annotated[str, AfterValidator(check_package)] | None = None
    runtime: Literal["litert", "interpreter"] = "litert"
    bundle: tuple[str, ...] | None = None
    io: Literal["float32", "int8", "uint8"] = "float32"
    allowed_operators: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> AndroidTable:
        _known_precisions("tflite", (*(self.variants or ()), *(self.bundle or ())))
        if self.bundle == ():
            raise ValueError("bundle is empty: name the variants that the Kotlin module carries")
        return self


class IosTable(_Table):
    """`[ios]`: the Core ML variants, and the Swift package.

    `image_inputs` makes inputs of kind `image` image inputs. The package carries the artifacts of
    the variants `bundle`.
    """

    variants: tuple[str, ...] | None = None
    bundle: tuple[str, ...] | None = None
    minimum: Literal["iOS15", "iOS16", "iOS17", "iOS18"] = "iOS16"
    image_inputs: bool = False

    @model_validator(mode="after")
    def _check(self) -> IosTable:
        _known_precisions("coreml", (*(self.variants or ()), *(self.bundle or ())))
        if self.bundle == ():
            raise ValueError("bundle is empty: name the variants that the Swift package carries")
        return self


DEFAULT_TARGETS = ("cpu", "cpu-reference", "cpu-fp16", "gpu", "arm64", "coreml")
"""Where artifacts are run unless somebody says otherwise; what is not here is told as not run."""


class VerifyTable(_Table):
    """`[verify]`: where artifacts are run. `not_run` on a target of `require` fails the build.

    What is required is run also where `targets` does not name it.
    """

    targets: tuple[str, ...] = DEFAULT_TARGETS
    require: tuple[str, ...] = ("cpu", "coreml")
    samples: Annotated[int, Field(ge=32)] = 32
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check(self) -> VerifyTable:
        for name in (*self.targets, *self.require):
            try:
                target(name)
            except ProjectError as error:
                raise ValueError(str(error).rstrip(".")) from None
        return self


def _each(check: Callable[[str], str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """Return a check of a list's names from a check of one."""

    def check_all(names: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(map(check, names))
        except ProjectError as error:
            sentence = str(error).rstrip(".")
            raise ValueError(sentence[0].lower() + sentence[1:]) from None

    return check_all


class AdaptTable(_Table):
    """`[adapt]`: the accelerators that the model's graph is rewritten for.

    `change_function` names rewrites that change what the model computes.
    """

    delegates: Annotated[tuple[str, ...], AfterValidator(_each(check_delegate))] = ()
    change_function: Annotated[tuple[str, ...], AfterValidator(_each(check_change))] = ()

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be rewritten."""
        return bool(self.delegates or self.change_function)


class Project(_Table):
    """A whole project file. `folder` is what its paths are relative to."""

    model: ModelTable
    data: DataTable = DataTable()
    android: AndroidTable = AndroidTable()
    ios: IosTable = IosTable()
    adapt: AdaptTable = AdaptTable()
    verify: VerifyTable = VerifyTable()
    budgets: dict[str, dict[str, float]] = {}
    latency: dict[str, Any] = {}
    coverage: dict[str, Any] = {}
    folder: Annotated[Path, Field(exclude=True)] = Path()

    @property
    def name(self) -> str:
        """The model's class name: `[model] name`, or one made from the source's file name."""
        return self.model.name or identifier_from(self.source.stem)

    @property
    def source(self) -> Path:
        """The source's path."""
        return self.folder / self.model.source

    @property
    def calibration(self) -> Path | None:
        """The calibration data's path."""
        return self.folder / self.data.calibration if self.data.calibration else None

    @property
    def evaluation(self) -> Path | None:
        """The evaluation data's path."""
        return self.folder / self.data.evaluation if self.data.evaluation else None

    @property
    def android_package(self) -> str:
        """The Kotlin module's package: `[android] package`, or one made from the model's name."""
        word = self.name.lower()
        ending = "_model" if word in _RESERVED | _JAVA_KEYWORDS else ""
        return self.android.package or f"mobilekit.{word}{ending}"

    def asks_for_module(self, format: Format) -> bool:
        """Whether the project file says anything of the code for the apps that use a format."""
        return bool(self._app(format).model_fields_set & {"package", "runtime", "bundle"})

    def bundle(self, format: Format, variants: Iterable[str]) -> tuple[str, ...]:
        """Return the full names of those variants of a release that the code for apps carries.

        Left to itself it carries the float16 one, which is half as large as float32 and which every
        accelerator takes, or where there is none the first.

        Args:
            format: what those apps use.
            variants: the release's, of any format.
        """
        given = self._app(format).bundle
        if given is not None:
            return tuple(f"{format}-{name}" for name in given)
        made = [name for name in variants if VARIANTS[name].format == format]
        return (f"{format}-fp16",) if f"{format}-fp16" in made else tuple(made[:1])

    def with_default_bundle(self, format: Format, variant: str) -> Project:
        """Return the project with one variant for its bundle, where the file names none."""
        app = self._app(format)
        if app.bundle is not None:
            return self
        carrying = app.model_copy(update={"bundle": (variant.removeprefix(f"{format}-"),)})
        return self.model_copy(update={"android" if format == "tflite" else "ios": carrying})

    def _app(self, format: Format) -> AndroidTable | IosTable:
        return self.android if format == "tflite" else self.ios

    def targets(self) -> tuple[str, ...]:
        """Return every target to run artifacts on, the required ones included."""
        return tuple(dict.fromkeys((*self.verify.targets, *self.verify.require)))

    def source_options(self, *, trust: bool) -> SourceOptions:
        """Return how to read the source. `trust` lets code from the file run."""
        shapes = {name: table.shape for name, table in self.model.inputs.items() if table.shape}
        return SourceOptions(
            trust=trust, signature=self.model.signature, batch=self.model.batch, shapes=shapes
        )

    def variants(self) -> tuple[str, ...]:
        """Return the full names of the variants to make.

        Left to itself a build makes every uncompressed TFLite variant, int8 as well where there is
        calibration data, and Core ML in float16 and with 8-bit weights.
        """
        android = self.android.variants
        if android is None:
            android = ("fp32", "fp16", "dynamic", *(("int8",) if self.data.calibration else ()))
        ios = ("fp16", "w8") if self.ios.variants is None else self.ios.variants
        names = [*(f"tflite-{name}" for name in android), *(f"coreml-{name}" for name in ios)]
        return tuple(dict.fromkeys(names))


def project_for(source: Path, **tables: Mapping[str, Any]) -> Project:
    """Return the project of a bare model file: every default, and the given tables' keys.

    Raises:
        ProjectError: a value is wrong.
    """
    document = {**tables, "model": {"source": source.name, **tables.get("model", {})}}
    return parse_project(document, folder=source.parent, origin="the command line")


def load_project(path: Path) -> Project:
    """Read a project file.

    Raises:
        ProjectError: it is not there, is no TOML, or holds a wrong key or value.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ProjectError(
            f"There is no project file {path}. `mobilekit init MODEL` writes one."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProjectError(f"{path} cannot be read as TOML: {error}") from error
    return parse_project(document, folder=path.parent, origin=str(path))


def parse_project(document: Mapping[str, Any], *, folder: Path, origin: str) -> Project:
    """Check a project file's content. `origin` is the place that errors name.

    Raises:
        ProjectError: with every mistake in it, one a line.
    """
    if "folder" in document:
        raise ProjectError(f"{origin}: [folder] is no key of a project file.")
    try:
        project = Project.model_validate({**document, "folder": folder})
    except ValidationError as error:
        lines = [_sentence(dict(item)) for item in error.errors()]
        raise ProjectError("\n".join(f"{origin}: {line}" for line in lines)) from error
    _check_budgets(project, origin)
    _check_latency(project, origin)
    _check_coverage(project, origin)
    _check_bundle(project, origin)
    return project


def _check_bundle(project: Project, origin: str) -> None:
    for table, app in (("android", project.android), ("ios", project.ios)):
        for name in app.bundle or ():
            if app.variants and name not in app.variants:
                raise ProjectError(
                    f"{origin}: [{table}] bundle: the variant {name!r} is not made. Add it to "
                    f"[{table}] variants, or carry one of those."
                )


def _check_budgets(project: Project, origin: str) -> None:
    from mobilekit.parity.budgets import check_metric

    for name, bounds in project.budgets.items():
        if name not in VARIANTS:
            raise ProjectError(
                f"{origin}: [budgets.{name}]: there is no variant of that name."
                f"{nearest(name, VARIANTS)}"
            )
        for metric in bounds:
            check_metric(metric, f"{origin}: [budgets.{name}]")


def _check_latency(project: Project, origin: str) -> None:
    from mobilekit.bench.bounds import bounds_of

    bounds_of(project.latency, place=f"{origin}: [latency]")


def _check_coverage(project: Project, origin: str) -> None:
    # What it needs is only loaded where the table is there.
    if project.coverage:
        from mobilekit.inspecting.floors import floor_rules

        floor_rules(project.coverage, place=f"{origin}: [coverage]")


def _sentence(error: Mapping[str, Any]) -> str:
    """Put one of pydantic's errors into a sentence that names the table and the key."""
    *tables, key = [str(part) for part in error["loc"]] or [""]
    place = f"[{'.'.join(tables)}] {key}" if tables else key
    if error["type"] == "extra_forbidden":
        return f"{place}: there is no such key.{nearest(key, _keys_of(tables))}"
    if error["type"] == "missing":
        return f"{place} is missing."
    if error["type"] == "tuple_type":
        return f"{place}: write a list, in square brackets, not {error['input']!r}."
    return f"{place}: {error['msg'].removeprefix('Value error, ')}."


def _keys_of(tables: list[str]) -> list[str]:
    """Return the keys that the table at a path of names has."""
    annotation: Any = Project
    for name in tables:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[name].annotation
        else:
            annotation = get_args(annotation)[-1]
    return [key for key in annotation.model_fields if key != "folder"]

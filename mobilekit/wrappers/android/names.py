"""Kotlin names for what a model calls its inputs and outputs, and names that no model may have."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence

from mobilekit_converters.errors import ProjectError

KEYWORDS = frozenset(
    """
    as break class continue do else false for fun if in interface is null object package return
    super this throw true try typealias typeof val var when while it field
    """.split()  # noqa: SIM905 - a list of this length reads worse
)
"""Words that are no names in Kotlin (kotlinlang.org/docs/keyword-reference.html), and those that
mean something of their own in a lambda or an accessor."""

DERIVED = ("Values", "Converter", "Labels")
"""What is added to the name of an input or output for what belongs to it."""

LONGEST_NAME = 60
LONGEST_MODEL_NAME = 100

_SYSTEM_NAMES = frozenset({"R", "BuildConfig", "Manifest"})
"""Classes that Android's build makes in a module's package."""

_SYSTEM_PACKAGES = ("android", "androidx", "dalvik", "java", "javax", "kotlin", "kotlinx")


def identifier(text: str, otherwise: str) -> str:
    """Make a Kotlin name from any text: `serving/Input-1:0` becomes `servingInput1`.

    It holds ASCII letters and digits alone, so that it reads the same for everyone; accents are
    dropped.

    Args:
        text: any text.
        otherwise: the name where that leaves none, such as `input`.
    """
    text = re.sub(r":\d+$", "", text)  # TensorFlow's number of an operation's output.
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", plain)
    joined = "".join([*(words[:1]), *(word[0].upper() + word[1:] for word in words[1:])])
    joined = joined[:LONGEST_NAME]
    if not joined:
        return otherwise
    if joined[0].isdigit():
        return f"{otherwise}{joined}"
    return joined.lower() if joined.isupper() else joined[0].lower() + joined[1:]


def argument_names(
    inputs: Sequence[str], outputs: Sequence[str], taken: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a Kotlin name for each input and output; no two are alike, even but for case.

    Args:
        inputs: the model's own names, of any text.
        outputs: likewise.
        taken: names that mean something else where these are used.
    """
    known = {name.lower() for name in (*taken, *KEYWORDS)}
    return (
        tuple(_unused(identifier(name, "input"), "Input", known) for name in inputs),
        tuple(_unused(identifier(name, "output"), "Output", known) for name in outputs),
    )


def _unused(name: str, suffix: str, known: set[str]) -> str:
    """Return a name that is not known yet, by adding what it is and a number, and make it known."""
    numbered = (f"{name}{suffix}{number}" for number in itertools.count(2))
    candidates = itertools.chain((name, f"{name}{suffix}"), numbered)
    chosen = next(one for one in candidates if not known & _with_derived(one))
    known |= _with_derived(chosen)
    return chosen


def _with_derived(name: str) -> set[str]:
    return {f"{name}{end}".lower() for end in ("", *DERIVED)}


def code_words(sources: Iterable[str]) -> frozenset[str]:
    """Return the names of types and functions in Kotlin sources, in lower case.

    Names in comments are none, and no names of variables, which no class hides.
    """
    words: set[str] = set()
    for source in sources:
        code = re.sub(r"/\*.*?\*/|//[^\n]*", " ", source, flags=re.DOTALL)
        words.update(word.lower() for word in re.findall(r"\b[A-Z]\w*|\b[a-z]\w*(?=[(<{])", code))
    return frozenset(words)


def model_name_clash(name: str, suffixes: Iterable[str], words: frozenset[str]) -> str | None:
    """Return the class of a model that would have the name of something else, or None.

    Args:
        name: the model's.
        suffixes: what its classes' names end with. Files are named after them, so that names which
            differ in case alone clash, too.
        words: the names in the module's other code, in lower case.
    """
    reserved = words | {system.lower() for system in _SYSTEM_NAMES}
    return next((name + end for end in suffixes if (name + end).lower() in reserved), None)


def require_model_name(name: str, suffixes: Iterable[str], words: frozenset[str]) -> None:
    """Check that a model's name can be a class's; the arguments are those of `model_name_clash`.

    Raises:
        ProjectError: the name is too long, or means something else in the module's code.
    """
    if len(name) > LONGEST_MODEL_NAME:
        raise ProjectError(
            f"[model] name has {len(name)} characters, and file systems take no class of more than "
            f"{LONGEST_MODEL_NAME}. Give a shorter one."
        )
    clash = model_name_clash(name, suffixes, words)
    if clash:
        raise ProjectError(
            f"[model] name = {name!r}: the Android module uses the name {clash!r} for something "
            f"else. Give the model another one, such as {f'My{name}'!r}."
        )


def require_package(package: str) -> None:
    """Check that a package may be an app's.

    Raises:
        ProjectError: it is one of the system's.
    """
    if package.partition(".")[0] in _SYSTEM_PACKAGES:
        raise ProjectError(
            f"[android] package = {package!r}: packages of that beginning are the system's. Use "
            "your own domain's, such as 'com.example.digits'."
        )

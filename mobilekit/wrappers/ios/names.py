"""Swift names for what a model calls its inputs and outputs, and names that no model may have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mobilekit.wrappers.android import names as shared
from mobilekit_converters.errors import ProjectError

KEYWORDS = frozenset(
    """
    actor any as associatedtype async await borrowing break case catch class consuming continue
    default defer deinit do dynamic else enum extension fallthrough false fileprivate final for func
    get guard if import in indirect infix init inout internal is isolated lazy let macro mutating
    nil nonisolated open operator optional override package postfix precedencegroup prefix private
    protocol public repeat required rethrows return self sending set some static struct subscript
    super switch throw throws true try type typealias unowned var weak where while yield each copy
    """.split()  # noqa: SIM905 - a list of this length reads worse
)
"""Words that are no names in Swift, or none everywhere ("The Swift Programming Language", Lexical
Structure)."""

TAKEN = frozenset(
    """
    answer choice classify computeunits embed inputs labels module outputs predict prewarm resources
    result run runner segment spec topk values
    topclasses requiretopk readlabels indexlabels
    """.split()  # noqa: SIM905 - a list of this length reads worse
)
"""Names of the generated class's own, which no input or output may have there."""

_SYSTEM_MODULES = frozenset(
    """
    accelerate appkit applearchive arkit avfoundation combine coreai coredata corefoundation
    coregraphics coreimage coreml coremedia corevideo cryptokit darwin dispatch foundation glibc
    imageio metal metalkit naturallanguage observation objectivec os packagedescription photos
    quartzcore scenekit security soundanalysis speech spritekit swift swiftdata swiftui
    synchronization testing uikit vision xctest
    """.split()  # noqa: SIM905 - a list of this length reads worse
)
"""Modules of Apple's, which a package called the same would hide from an app."""

LONGEST_MODEL_NAME = shared.LONGEST_MODEL_NAME


def argument_names(
    inputs: Sequence[str], outputs: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a Swift name for each input and output; no two are alike, even but for case.

    Args:
        inputs: the model's own names, of any text.
        outputs: likewise.
    """
    return shared.argument_names(inputs, outputs, TAKEN | KEYWORDS)


def model_name_clash(name: str, suffixes: Iterable[str], words: frozenset[str]) -> str | None:
    """Return the type of a model that would have the name of something else, or None.

    Args:
        name: the model's.
        suffixes: what its types' names end with. Files are named after them, so that names which
            differ in case alone clash, too.
        words: the names in the package's other code, in lower case.
    """
    if name in KEYWORDS:
        return name
    reserved = words | _SYSTEM_MODULES
    return next((name + end for end in suffixes if (name + end).lower() in reserved), None)


def require_model_name(name: str, suffixes: Iterable[str], words: frozenset[str]) -> None:
    """Check that a model's name can be a class's; the arguments are those of `model_name_clash`.

    Raises:
        ProjectError: the name is too long, or means something else in the package's code.
    """
    if len(name) > LONGEST_MODEL_NAME:
        raise ProjectError(
            f"[model] name has {len(name)} characters, and file systems take no class of more than "
            f"{LONGEST_MODEL_NAME}. Give a shorter one."
        )
    clash = model_name_clash(name, suffixes, words)
    if clash:
        raise ProjectError(
            f"[model] name = {name!r}: the Swift package, or the system, uses the name {clash!r} "
            f"for something else. Give the model another one, such as {f'My{name}'!r}."
        )

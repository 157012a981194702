"""Writes an Android library module. The same description gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mobilekit.wrappers.android import literals
from mobilekit.wrappers.android.api import Api, describe_api
from mobilekit.wrappers.android.assets import write_assets
from mobilekit.wrappers.android.facts import StoredFact, TensorFact, model_facts
from mobilekit.wrappers.android.layout import fitted, kdoc
from mobilekit.wrappers.android.names import code_words, require_model_name
from mobilekit.wrappers.android.runtimes import COROUTINES, RUNTIMES, TEST_LIBRARIES
from mobilekit.wrappers.description import AndroidModule

if TYPE_CHECKING:
    from jinja2 import Environment

MAIN = "src/main/kotlin"
TESTS = "src/androidTest/kotlin"
ASSETS = "src/main/assets"

_SOURCE_FOLDERS = {"common": MAIN, "model": MAIN, "tests": TESTS}
"""Folders of templates, and where in a module their files go. A runtime's own go where `common`'s
do, those of `module` into the module's own folder."""

_MODEL_FILE = "Model_"
"""How the names of files begin that are called after the model."""

_NEEDED_BY = {
    "common/AudioConverter.kt": "audio",
    "common/ImageConverter.kt": "image",
    "common/ImageSpec.kt": "image",
    "common/PixelConverter.kt": "image",
    "common/ResizePlan.kt": "image",
    "common/ResizeWindows.kt": "image",
    "model/Classification.kt": "classification",
    "model/Mask.kt": "mask",
}
"""Files that only modules need which have such an input or output."""


def write_module(module: AndroidModule, folder: Path) -> None:
    """Write the module's files into a folder, which is made.

    Raises:
        OutputError: an artifact's file is not the one that was checked.
        ProjectError: the model's name cannot be a class's; nothing was written.
        SourceError: an artifact's file is damaged.
    """
    environment = _environment()
    api = describe_api(module)
    templates = dict(_templates(environment, module, api))
    _require_name(environment, module, templates)
    for path, template in templates.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = environment.get_template(template).render(_context(module, api))
        target.write_text(text, encoding="utf-8", newline="\n")
    write_assets(module, folder / ASSETS)


def _templates(
    environment: Environment, module: AndroidModule, api: Api
) -> Iterator[tuple[str, str]]:
    """Return the module's files, and the template of each."""
    package = module.package.replace(".", "/")
    folders = {**_SOURCE_FOLDERS, module.runtime: MAIN}
    for template in environment.list_templates(extensions=["j2"]):
        file = template.removesuffix(".j2")
        top, *rest = PurePosixPath(file).parts
        if _NEEDED_BY.get(file, "") not in ("", *api.kinds):
            continue
        if top in folders and file.endswith(".kt"):
            name = rest[-1].replace(_MODEL_FILE, module.model.name)
            yield f"{folders[top]}/{package}/{name}", template
        elif top == "module":
            yield "/".join(rest), template


def _require_name(
    environment: Environment, module: AndroidModule, templates: dict[str, str]
) -> None:
    """Check that the model's name means nothing else in the module's code."""
    assert environment.loader is not None
    names = [name for name in templates.values() if name.endswith(".kt.j2")]
    sources = [environment.loader.get_source(environment, name)[0] for name in names]
    own = [PurePosixPath(name).name for name in names if _MODEL_FILE in name]
    suffixes = [name.removeprefix(_MODEL_FILE).removesuffix(".kt.j2") for name in own]
    require_model_name(module.model.name, suffixes, code_words(sources))


def _context(module: AndroidModule, api: Api) -> dict[str, Any]:
    model = module.model
    return {
        "header": _header(module),
        "package": module.package,
        "name": model.name,
        "module": module,
        "api": api,
        "facts": model_facts(module),
        "runtime": RUNTIMES[module.runtime],
        "coroutines": COROUTINES,
        "test_libraries": TEST_LIBRARIES,
        "fitted": fitted,
        "kdoc": kdoc,
        "string": literals.string,
        "tensor_spec": _tensor_spec,
        "stored_tensor": _stored_tensor,
    }


def _tensor_spec(tensor: TensorFact) -> str:
    """Return the expression of a `TensorSpec`, as it stands in a list of two levels."""
    classified = ["classified = true"] if tensor.classified else []
    items = [tensor.name, tensor.shape, f"DType.{tensor.dtype}", *classified]
    return fitted("TensorSpec(", items, ")", indent=12)


def _stored_tensor(tensor: StoredFact) -> str:
    """Return the expression of a `StoredTensor`, as it stands in a list of two levels."""
    quantisation = [tensor.scale, str(tensor.zero_point)] if tensor.scale else []
    items = [tensor.name, str(tensor.position), f"DType.{tensor.dtype}", *quantisation]
    return fitted("StoredTensor(", items, ")", indent=12)


def _header(module: AndroidModule) -> str:
    model = module.model
    return (
        f"// Generated by mobilekit {model.tool_version} from a model with the sha256\n"
        f"// {model.source_sha256}.\n"
        "// Changes are lost when it is generated again."
    )


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("mobilekit.wrappers", "templates/android"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )

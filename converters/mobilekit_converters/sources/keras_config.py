"""The configuration of a Keras model: reading it, and refusing what would run code of its own.

Keras's own safe mode stops lambdas. A configuration can do more: name modules to import, functions
of Keras that open files or addresses, layers that unpickle or that load another model. So it is
held here against lists of what a network is built from (`keras_names`), before any is loaded.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mobilekit_converters.errors import SourceError, UntrustedSourceError
from mobilekit_converters.sources import keras_names as names

Config = dict[str, Any]

_HALF = frozenset({"mixed_float16", "mixed_bfloat16", "float16", "bfloat16"})


def parse_config(path: Path, text: bytes | str) -> Config:
    """Parse a configuration as it will be loaded: for inference only, and in float32.

    Losses, metrics and optimizers go, because a release does not train. Half precision becomes
    float32: it was a way to train, and no converter takes its graph. The weights stay the model's.

    Raises:
        SourceError: it is not the JSON of a model.
    """
    try:
        config = json.loads(text, object_hook=_for_inference)
    except (ValueError, RecursionError) as error:
        raise SourceError(
            f"{path.name} is damaged: its model configuration is not valid JSON ({error}). Save or "
            "download it again."
        ) from error
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        raise SourceError(
            f"{path.name} is damaged: its configuration describes no model. Save it again with "
            "`model.save(...)`."
        )
    return config


def check_config(path: Path, config: Config, *, trust: bool, saved_by: str = "") -> None:
    """Refuse a model that would run code of its own, or that keeps state between calls.

    Args:
        path: the source, for messages.
        config: what `parse_config` returned.
        trust: let it run code.
        saved_by: the Keras version that saved it, where the file says so.

    Raises:
        UntrustedSourceError: something in it is outside of `keras_names`, and `trust` is not set.
        SourceError: a recurrent layer is stateful.
    """
    for layer, node in _nodes(config):
        if node.get("stateful") is True:
            raise SourceError(
                f"{path.name}: layer {layer!r} is stateful, so its answers depend on earlier "
                "calls. Build the model with stateful=False, and pass the state as inputs and "
                "outputs."
            )
        if not trust:
            _check_node(path, layer, node, saved_by)


def import_custom_modules(config: Config) -> None:
    """Import the modules of a trusted model's own classes, so that they register themselves.

    A module that is not installed is passed over here: Keras then names the class that it misses.
    """
    for _, node in _nodes(config):
        module = node.get("module")
        if isinstance(module, str) and module and not names.is_keras_module(module):
            try:
                importlib.import_module(module)
            except ImportError:
                continue


def custom_class_hint(config: Config, saved_by: str) -> str:
    """Return what to do about a model that Keras could not load, as far as its file tells."""
    for layer, node in _nodes(config):
        name = node.get("class_name")
        if isinstance(name, str) and _is_custom(node, name):
            return (
                f"Layer {layer!r} is of class {_full_name(node, name)!r}, whose code is not in the "
                "file. Install the package that defines and registers it, or export the model as a "
                "SavedModel folder (`model.export(FOLDER)`), which needs no class."
            )
    return _version_hint(saved_by)


def _for_inference(node: Config) -> Config:
    """Change one JSON object, its inner ones being changed already."""
    node.pop("compile_config", None)
    if isinstance(node.get("dtype"), str) and node["dtype"] in _HALF:
        node["dtype"] = "float32"
    inner = node.get("config")
    is_policy = str(node.get("class_name", "")).startswith(("Policy", "DTypePolicy", "FloatDType"))
    if is_policy and isinstance(inner, dict) and inner.get("name") in _HALF:
        node["config"] = {"name": "float32"}
    return node


def _nodes(config: Config) -> Iterator[tuple[str, Config]]:
    """Yield every JSON object with the name of the layer that it belongs to. No recursion."""
    waiting: list[tuple[str, Any]] = [("model", config)]
    while waiting:
        layer, value = waiting.pop()
        if isinstance(value, list):
            waiting.extend((layer, item) for item in reversed(value))
        elif isinstance(value, dict):
            inner = value.get("config")
            own = inner.get("name") if isinstance(inner, dict) else None
            if isinstance(own, str) and not _is_part(value):
                layer = own
            yield layer, value
            waiting.extend((layer, item) for item in reversed(list(value.values())))


def _is_part(node: Config) -> bool:
    """Say whether it is a part of a layer, such as its dtype policy, whose name says nothing."""
    return node.get("class_name") in names.PARTS


def _check_node(path: Path, layer: str, node: Config, saved_by: str) -> None:
    if isinstance(node.get("vocabulary"), str):
        raise _untrusted(path, layer, f"reads its vocabulary from a file, {node['vocabulary']!r}")
    if "class_name" not in node:
        return
    name, module = node["class_name"], node.get("module")
    if not isinstance(name, str) or not isinstance(module, str | None):
        raise _untrusted(path, layer, "has a class that is not a name")
    if name in names.PLAIN_DATA:
        return
    if name in names.DANGEROUS:
        raise _untrusted(path, layer, f"is or holds a {name}, which {names.DANGEROUS[name]}")
    if name == "function":
        _check_function(path, layer, node)
    elif name in names.TENSORFLOW_FUNCTION_LAYERS:
        _check_tensorflow_function(path, layer, node)
    elif _is_custom(node, name):
        raise _custom(path, layer, node, name)
    elif not names.is_known_class(module, name):
        raise UntrustedSourceError(
            f"{path.name}: layer {layer!r} holds a {_full_name(node, name)!r}, which is not among "
            f"the parts of Keras that a model may hold. {_version_hint(saved_by)} If it is right "
            "and you trust the file, pass --trust-source."
        )


def _check_function(path: Path, layer: str, node: Config) -> None:
    function, module, registered = (node.get(k) for k in ("config", "module", "registered_name"))
    known = (
        isinstance(function, str)
        and isinstance(module, str | None)
        and names.is_known_function(module, function)
        and registered in (None, function)
    )
    if not known:
        raise _untrusted(
            path, layer, f"calls the Python function '{module}.{function}', which is no activation"
        )


def _check_tensorflow_function(path: Path, layer: str, node: Config) -> None:
    inner = node.get("config")
    symbol = inner.get("function") if isinstance(inner, dict) else None
    if symbol is None and node["class_name"] == "SlicingOpLambda":
        return
    if not isinstance(symbol, str) or not names.is_pure_tensorflow(symbol):
        raise _untrusted(
            path, layer, f"calls the TensorFlow function {symbol!r}, which may do more than compute"
        )


def _is_custom(node: Config, name: str) -> bool:
    """Say whether a class comes from a package other than Keras."""
    module, registered = node.get("module"), node.get("registered_name")
    if name == "function" or name in names.PLAIN_DATA:
        return False
    if isinstance(module, str) and not names.is_keras_module(module):
        return True
    if registered not in (None, name):
        return True
    return ">" in name or (module is None and not _is_any_keras_class(name))


def _is_any_keras_class(name: str) -> bool:
    return (
        name in names.CLASSES or name in names.DANGEROUS or name in names.TENSORFLOW_FUNCTION_LAYERS
    )


def _full_name(node: Config, name: str) -> str:
    registered, module = node.get("registered_name"), node.get("module")
    if isinstance(registered, str) and registered != name:
        return registered
    return f"{module}.{name}" if isinstance(module, str) else name


def _custom(path: Path, layer: str, node: Config, name: str) -> UntrustedSourceError:
    module = node.get("module")
    imports = f" imports the module {module!r} and" if isinstance(module, str) else ""
    return UntrustedSourceError(
        f"{path.name}: layer {layer!r} is of class {_full_name(node, name)!r}, which is not one of "
        "Keras's own and whose code is not in the file. Export the model as a SavedModel folder "
        "(`model.export(FOLDER)`), which needs no class; or, if you trust the file and have the "
        f"package that defines the class, pass --trust-source, which{imports} uses what is "
        "registered there."
    )


def _untrusted(path: Path, layer: str, what: str) -> UntrustedSourceError:
    return UntrustedSourceError(
        f"{path.name}: layer {layer!r} {what}. Rebuild the model without it, or, if you trust "
        "where the file comes from, pass --trust-source."
    )


def _version_hint(saved_by: str) -> str:
    try:
        here = version("keras")
    except PackageNotFoundError:
        here = ""
    if _numbers(saved_by) > _numbers(here):
        return (
            f"Keras {saved_by} saved the file and this is Keras {here}: install a newer one "
            f"(`pip install 'keras>={saved_by}'`), or save the model with {here}."
        )
    saved = f"Keras {saved_by} saved the file and this is Keras {here}. " if saved_by else ""
    return f"{saved}Check that the file is whole and comes from where you think."


def _numbers(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, for comparing."""
    parts = []
    for part in text.split("."):
        if not part.isdigit():
            break
        parts.append(int(part))
    return tuple(parts)

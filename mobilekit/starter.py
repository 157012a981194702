"""A project file to start from, written for the model at hand."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mobilekit_converters.errors import MobilekitError, OutputError, SourceError
from mobilekit_converters.signature import TensorSpec
from mobilekit_converters.sources import SourceOptions
from mobilekit_converters.variants import precisions


def write_project_file(source: Path, target: Path, options: Mapping[str, Any]) -> None:
    """Load a source in a worker process and write a project file with its names.

    Raises:
        SourceError: the source cannot be read.
        OutputError: the file is there already, or cannot be written.
    """
    if target.exists():
        raise OutputError(f"{target} is there already and stays. Name another with --out.")
    source_options = SourceOptions(
        trust=options["trust_source"],
        signature=options["signature"],
        batch=options["batch"] or 1,
        shapes=options["shapes"],
    )
    text = project_text(source, target, source_options, _facts(source, source_options, options))
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}.") from error


def _facts(source: Path, source_options: SourceOptions, options: Mapping[str, Any]) -> Any:
    from mobilekit.jobs import Job, Limits, run_jobs
    from mobilekit.tasks import read_source
    from mobilekit_converters.sources import examine

    examine(source, source_options)
    job = Job(
        name="source", function=read_source, arguments={"path": source, "options": source_options}
    )
    limits = Limits(workers=1, memory=int(options["memory"] * 2**30), seconds=600)
    with TemporaryDirectory(prefix="mobilekit-") as logs:
        (outcome,) = run_jobs([job], limits=limits, logs=Path(logs))
        if options["verbose"]:
            print(outcome.log.read_text(encoding="utf-8", errors="replace"), file=sys.stderr)
    if isinstance(outcome.error, MobilekitError):
        raise outcome.error
    if outcome.error:
        raise SourceError(f"{source} could not be loaded: {outcome.error}.") from outcome.error
    return outcome.value


def project_text(source: Path, target: Path, options: SourceOptions, facts: Any) -> str:
    """Return the project file's text for a source of the given facts (`tasks.SourceFacts`)."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from mobilekit.modules import safe_name

    environment = Environment(
        loader=PackageLoader("mobilekit", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template("mobilekit.toml.j2").render(
        name=toml_string(safe_name(source)),
        source=toml_string(_relative(source, target)),
        batch=options.batch,
        signature=toml_string(options.signature) if options.signature else None,
        inputs=[_view(spec, options) for spec in facts.signature.inputs],
        outputs=[_view(spec, options) for spec in facts.signature.outputs],
        android=" | ".join(precisions("tflite")),
        ios=" | ".join(precisions("coreml")),
    )


def _relative(source: Path, target: Path) -> str:
    inside = source.is_relative_to(target.parent)
    return (source.relative_to(target.parent) if inside else source).as_posix()


def _view(spec: TensorSpec, options: SourceOptions) -> dict[str, Any]:
    shape = options.shapes.get(spec.name)
    return {
        "key": toml_key(spec.name),
        "text": f"{spec.dtype} {'×'.join(map(str, spec.shape)) or 'scalar'}",
        "shape": list(shape) if shape else None,
        "floating": spec.dtype.startswith("float"),
    }


def toml_string(text: str) -> str:
    """Quote a text as a TOML basic string. JSON's quoting is a part of TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def toml_key(text: str) -> str:
    """Return a TOML key, quoted where it is no bare key."""
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else toml_string(text)

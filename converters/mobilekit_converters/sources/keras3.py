"""`.keras` files, and `.h5` files that Keras 3 saved, through Keras 3."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mobilekit_converters.sources import Source, SourceOptions
from mobilekit_converters.sources.framework_errors import load_error
from mobilekit_converters.sources.hdf5 import is_hdf5
from mobilekit_converters.sources.keras_archive import (
    archive_saved_by,
    check_archive,
    copy_archive,
    is_archive,
    read_archive_config,
)
from mobilekit_converters.sources.keras_config import (
    check_config,
    custom_class_hint,
    import_custom_modules,
)
from mobilekit_converters.sources.keras_hdf5 import (
    check_hdf5_model,
    copy_hdf5,
    hdf5_saved_by,
    read_hdf5_config,
)

KIND = "keras"


def recognises(path: Path) -> bool:
    """Say whether it is a zip archive or an HDF5 file that Keras 3 saved."""
    return is_archive(path) or (is_hdf5(path) and hdf5_saved_by(path).startswith("3."))


def check(path: Path, options: SourceOptions) -> None:
    """Refuse a damaged file, an archive bomb, and what would run code."""
    if is_hdf5(path):
        check_hdf5_model(path)
        config, saved_by = read_hdf5_config(path), hdf5_saved_by(path)
    else:
        check_archive(path)
        config, saved_by = read_archive_config(path), archive_saved_by(path)
    check_config(path, config, trust=options.trust, saved_by=saved_by)


def open_source(path: Path, options: SourceOptions) -> Source:
    """Load the model, for inference and in float32."""
    try:
        model = load(path, options)
    except Exception as error:
        raise _explained(path, error) from error
    return as_source(path, model, options, kind=KIND)


def load(path: Path, options: SourceOptions) -> Any:
    """Load the model through Keras 3, from a copy that holds the configuration that was checked.

    Raises:
        Exception: whatever Keras raises.
    """
    import keras

    read, copy = (
        (read_hdf5_config, copy_hdf5) if is_hdf5(path) else (read_archive_config, copy_archive)
    )
    config = read(path)
    if options.trust:
        import_custom_modules(config)
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        return keras.models.load_model(
            copy(path, config, Path(folder)), compile=False, safe_mode=not options.trust
        )


def as_source(path: Path, model: Any, options: SourceOptions, *, kind: str) -> Source:
    """Make a source of a model that `load` returned."""
    import keras

    from mobilekit_converters.sources.keras_model import keras_source

    return keras_source(path, model, options, kind=kind, framework=f"Keras {keras.__version__}")


def _explained(path: Path, error: Exception) -> Exception:
    import keras

    if is_hdf5(path):
        hint = custom_class_hint(read_hdf5_config(path), hdf5_saved_by(path))
    else:
        hint = custom_class_hint(read_archive_config(path), archive_saved_by(path))
    return load_error(path, f"Keras {keras.__version__}", error, hint)

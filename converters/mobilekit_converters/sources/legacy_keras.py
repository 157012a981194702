"""`.h5` files of Keras 2: through Keras 3 where it takes them, else through `tf_keras`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from mobilekit_converters.sources import Source, SourceOptions, keras3
from mobilekit_converters.sources.framework_errors import first_line, load_error
from mobilekit_converters.sources.hdf5 import is_hdf5
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

KIND = "legacy-keras"


def recognises(path: Path) -> bool:
    """Say whether it is an HDF5 file. Those of Keras 3 were recognised before."""
    return is_hdf5(path)


def check(path: Path, options: SourceOptions) -> None:
    """Refuse a damaged file, and what would run code."""
    check_hdf5_model(path)
    config = read_hdf5_config(path)
    check_config(path, config, trust=options.trust, saved_by=hdf5_saved_by(path))


def open_source(path: Path, options: SourceOptions) -> Source:
    """Load the model, for inference and in float32."""
    try:
        model = keras3.load(path, options)
    except Exception as refusal:
        return _open_with_tf_keras(path, options, refusal)
    return keras3.as_source(path, model, options, kind=KIND)


def _open_with_tf_keras(path: Path, options: SourceOptions, refusal: Exception) -> Source:
    import tf_keras

    from mobilekit_converters.sources.keras_model import keras_source

    framework = f"tf_keras {tf_keras.__version__}"
    try:
        model = _load(path, options)
    except Exception as error:
        hint = custom_class_hint(read_hdf5_config(path), hdf5_saved_by(path))
        also = f"(Keras 3: {first_line(refusal)}) {hint}"
        raise load_error(path, framework, error, also) from error
    return keras_source(path, model, options, kind=KIND, framework=framework)


def _load(path: Path, options: SourceOptions) -> Any:
    import tf_keras

    config = read_hdf5_config(path)
    if options.trust:
        import_custom_modules(config)
    with tempfile.TemporaryDirectory(prefix="mobilekit-") as folder:
        return tf_keras.models.load_model(copy_hdf5(path, config, Path(folder)), compile=False)

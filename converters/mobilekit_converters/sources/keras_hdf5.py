"""The `.h5` file: an HDF5 file with the configuration in the attribute `model_config`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from mobilekit_converters.errors import SourceError
from mobilekit_converters.sources.hdf5 import check_hdf5, open_hdf5
from mobilekit_converters.sources.keras_config import Config, parse_config

_CONFIG, _VERSION, _WEIGHTS = "model_config", "keras_version", "model_weights"


def check_hdf5_model(path: Path) -> None:
    """Refuse a damaged or incomplete file, and one that leads to other files.

    Raises:
        SourceError: it is damaged, or holds weights without a model.
        UntrustedSourceError: it leads to other files.
    """
    with open_hdf5(path, path) as file:
        check_hdf5(path, file, path.stat().st_size)
        if _CONFIG not in file.attrs or _WEIGHTS not in file:
            raise SourceError(
                f"{path.name} holds no whole model, only weights or other data. Save the model "
                "with `model.save('NAME.keras')` rather than with `save_weights`."
            )


def read_hdf5_config(path: Path) -> Config:
    """Read the model's configuration.

    Raises:
        SourceError: the file is damaged, or holds no model.
    """
    return parse_config(path, _attribute(path, _CONFIG))


def hdf5_saved_by(path: Path) -> str:
    """Return the Keras version that saved it, such as `2.14.0`, or an empty string."""
    return _attribute(path, _VERSION)


def copy_hdf5(path: Path, config: Config, folder: Path) -> Path:
    """Copy a file with another configuration, and return the copy's path."""
    import h5py

    copy = folder / "model.h5"
    shutil.copyfile(path, copy)
    copy.chmod(0o600)
    with h5py.File(copy, "r+") as file:
        file.attrs[_CONFIG] = json.dumps(config).encode()
        file.attrs.pop("training_config", None)
    return copy


def _attribute(path: Path, key: str) -> str:
    with open_hdf5(path, path) as file:
        try:
            value = file.attrs.get(key, "")
            return value.decode() if isinstance(value, bytes) else str(value)
        except (OSError, RuntimeError, ValueError) as error:
            raise SourceError(
                f"{path.name} is damaged: HDF5 cannot read its {key} ({error}). Save or download "
                "it again."
            ) from error

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mobilekit_converters.errors import SourceError
from mobilekit_converters.sources import KINDS, SourceOptions, detect, examine, open_source


def test_kind_comes_from_the_content_and_not_from_the_suffix(
    keras_file: Path, h5_file: Path, saved_model: Path, tflite_file: Path, tmp_path: Path
) -> None:
    files = {
        "keras": keras_file,
        "legacy-keras": h5_file,
        "saved-model": saved_model,
        "tflite": tflite_file,
    }
    assert list(files) == list(KINDS)
    for number, (kind, path) in enumerate(files.items()):
        assert detect(path) == kind
        misnamed = tmp_path / f"model{number}.bin"
        misnamed.symlink_to(path)
        assert detect(misnamed) == kind
        assert open_source(misnamed, SourceOptions(shapes={})).kind == kind


def test_examination_has_the_files_hash_and_size(keras_file: Path, saved_model: Path) -> None:
    examination = examine(keras_file, SourceOptions())
    assert examination.kind == "keras"
    assert examination.sha256 == hashlib.sha256(keras_file.read_bytes()).hexdigest()
    assert examination.bytes == keras_file.stat().st_size
    whole = examine(saved_model, SourceOptions())
    assert whole.bytes == sum(f.stat().st_size for f in saved_model.rglob("*") if f.is_file())


def test_examining_imports_no_framework(
    keras_file: Path, h5_file: Path, saved_model: Path, tflite_file: Path
) -> None:
    script = """
import json, sys
from pathlib import Path
from mobilekit_converters.sources import SourceOptions, examine
for path in sys.argv[1:]:
    examine(Path(path), SourceOptions())
print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
"""
    paths = [keras_file, h5_file, saved_model, tflite_file]
    result = subprocess.run(
        [sys.executable, "-c", script, *map(str, paths)], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(result.stdout))
    assert not loaded & {"tensorflow", "keras", "tf_keras", "coremltools"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("model.keras", b"\x13\x37 random bytes, no archive", "not that of a .keras file"),
        ("model.h5", b"nothing of HDF5", "not that of a .h5 file"),
        ("model.tflite", b"\x00" * 64, "not that of a .tflite file"),
        ("model", b"whatever", "not that of any"),
        ("empty.keras", b"", "empty"),
        ("pointer.keras", b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        ("model.pt2", b"PK\x03\x04 a zip archive", "not supported yet"),
        ("model.pth", b"PK\x03\x04 a zip archive", "runs code"),
        ("model.onnx", b"\x08\x07", "ONNX"),
        ("frozen.pb", b"\x0a\x00", "SavedModel folder"),
    ],
)
def test_unknown_file_is_an_error_that_lists_what_is_read(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        examine(path, SourceOptions())
    assert said in str(caught.value)
    assert name in str(caught.value)
    for readable in (".keras", ".h5", "SavedModel", ".tflite"):
        assert readable in str(caught.value)


def test_missing_path_and_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="There is no model"):
        detect(tmp_path / "absent.keras")
    with pytest.raises(SourceError, match=r"no saved_model\.pb"):
        detect(tmp_path)


def test_errors_of_sources_end_with_status_two() -> None:
    assert SourceError.exit_status == 2

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobilekit.parity.data import load_samples, save_arrays
from mobilekit.parity.inputs import InputFacts
from mobilekit_converters.errors import DataError
from mobilekit_converters.signature import Signature, TensorSpec

SIGNATURE = Signature(
    inputs=(
        TensorSpec(name="image", shape=(1, 4, 4, 1), dtype="float32"),
        TensorSpec(name="tokens", shape=(1, 3), dtype="int32"),
    ),
    outputs=(TensorSpec(name="scores", shape=(1, 5), dtype="float32"),),
)
FACTS = {"image": InputFacts(kind="image", scale=1 / 255, offset=0.0)}


def _arrays(**changes: Any) -> dict[str, Any]:
    random = np.random.default_rng(0)
    arrays = {
        "image": random.random((6, 4, 4, 1)).astype("f4"),
        "tokens": random.integers(0, 9, (6, 3)).astype("i4"),
        "labels": np.array([0, 1, 2, 3, 4, 0]),
    }
    arrays.update(changes)
    return {name: array for name, array in arrays.items() if array is not None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "auswertung – größe.npz"


def _load(path: Path, arrays: dict[str, Any] | None = None, **options: Any) -> Any:
    if arrays is not None:
        np.savez_compressed(path, **arrays)
    return load_samples(path, SIGNATURE, FACTS, classes=5, **options)


def test_data_that_fits_is_read(path: Path) -> None:
    arrays = _arrays()
    samples = _load(path, arrays)
    assert len(samples) == 6
    for name in ("image", "tokens"):
        np.testing.assert_array_equal(samples.inputs[name], arrays[name])
    assert samples.labels.tolist() == [0, 1, 2, 3, 4, 0]


def test_labels_may_be_absent(path: Path) -> None:
    assert _load(path, _arrays(labels=None)).labels is None


@pytest.mark.parametrize(
    "change",
    [
        {"image": np.full((6, 4, 4, 1), 0.5, "f8") + np.eye(4)[..., None] / 3},
        {"image": np.eye(4)[None, ..., None].repeat(6, 0).astype("u1")},
        {"image": np.asfortranarray(_arrays()["image"])},
        {"image": _arrays()["image"].astype(">f4")},
        {"tokens": np.arange(18, dtype="i8").reshape(6, 3)},
        {"labels": np.array([0.0, 1.0, 2.0, 3.0, 4.0, 0.0])},
    ],
)
def test_what_means_the_same_is_converted(path: Path, change: dict[str, Any]) -> None:
    samples = _load(path, _arrays(**change))
    assert samples.inputs["image"].dtype == np.float32
    assert samples.inputs["tokens"].dtype == np.int32
    assert samples.labels.dtype == np.int64
    for name, array in change.items():
        loaded = samples.labels if name == "labels" else samples.inputs[name]
        np.testing.assert_allclose(loaded, array, rtol=1e-6)


IMAGE = _arrays()["image"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": None, "imgae": IMAGE}, "no array 'image'.*Did you mean 'imgae'"),
        ({"lables": np.zeros(6, int)}, "'lables', which is no input.*Did you mean 'labels'"),
        ({"image": np.zeros((6, 4, 5, 1))}, r"'image' has the shape \(6, 4, 5, 1\).*samples, 4, 4"),
        ({"image": np.zeros((4, 4, 1))}, r"shape \(4, 4, 1\)"),
        ({"image": np.float32(1)}, "has the shape"),
        ({"image": IMAGE[:0]}, "'image' is empty"),
        ({"image": np.where(IMAGE > 0.9, np.nan, IMAGE)}, "values that are NaN or Inf"),
        ({"image": np.where(IMAGE > 0.9, np.inf, IMAGE)}, "values that are NaN or Inf"),
        ({"image": IMAGE.astype("f8") * 1e300}, "that float32 cannot hold"),
        ({"image": IMAGE * 255}, "values from .* to 25.*takes 0 to 1"),
        ({"image": IMAGE - 1}, "takes 0 to 1"),
        ({"image": IMAGE / 255}, "scaled already"),
        ({"image": IMAGE > 0.5}, "'image' is bool, and the input is float32"),
        ({"tokens": np.zeros((6, 3), "f4")}, "'tokens' is float32, and the input is int32"),
        ({"tokens": np.full((6, 3), 2**40)}, "that int32 cannot hold"),
        ({"tokens": np.zeros((5, 3), int)}, "image: 6, tokens: 5, labels: 6"),
        ({"labels": np.array([0, 1, 2, 3, 4, 5])}, "classes 0 to 5, and the model has 0 to 4"),
        ({"labels": np.array([0, 1, 2, 3, 4, -1])}, "classes -1 to 4"),
        ({"labels": np.zeros((6, 5), int)}, "labels are whole numbers of shape"),
        ({"labels": np.full(6, 0.5)}, "labels are whole numbers"),
        ({"labels": np.full(6, np.nan)}, "labels are whole numbers"),
        ({"labels": np.zeros(5, int)}, "labels: 5"),
        ({"image": np.array([["a"]])}, "holds <U1, and data files hold real numbers"),
        ({"image": IMAGE.astype("c8")}, "holds complex64"),
    ],
)
def test_what_does_not_fit_is_refused(path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        _load(path, _arrays(**change))
    assert path.name in str(caught.value)


class _Bomb:
    def __reduce__(self) -> Any:
        return (pytest.fail, ("code from the file ran",))


def test_code_in_a_file_does_not_run(path: Path) -> None:
    np.savez(path, image=np.array([_Bomb()], dtype=object), tokens=np.zeros((1, 3), "i4"))
    with pytest.raises(DataError, match=r"holds object.*would run code"):
        _load(path)


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(path: Path) -> None:
    arrays = _arrays(image=np.zeros((50_000, 4, 4, 1), "f4"))
    with pytest.raises(DataError, match=r"unpacks to 3,.* more than the 1,000,000"):
        _load(path, arrays, most_bytes=1_000_000)


def test_a_header_that_claims_more_than_the_file_holds_is_refused(path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (10**12, 4, 4, 1)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", header.getvalue() + b"\0" * 64)
        archive.writestr("tokens.npy", b"")
    with pytest.raises(DataError, match="its data has another size"):
        _load(path)


def test_a_missing_file_is_said_to_be_missing(path: Path) -> None:
    with pytest.raises(DataError, match="there is no such file"):
        _load(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x93NUMPY" + b"\0" * 50])
def test_what_is_no_npz_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as an \.npz file"):
        _load(path)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(0, 255), truncate=st.booleans())
def test_a_damaged_file_is_a_clean_error_or_whole(
    path: Path, share: float, flip: int, truncate: bool
) -> None:
    np.savez_compressed(path, **_arrays())
    content = bytearray(path.read_bytes())
    at = int(share * len(content))
    if truncate:
        del content[at:]
    else:
        content[at] = flip
    path.write_bytes(bytes(content))
    try:
        samples = _load(path)
    except DataError:
        return
    assert len(samples) == 6
    assert not truncate


@pytest.mark.parametrize("name", ["file", "a/b", "größe 1", "x.npy"])
def test_saved_arrays_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "arrays.npz"
    save_arrays(path, {name: np.arange(6, dtype=np.float32).reshape(2, 3)})
    with np.load(path, allow_pickle=False) as stored:
        assert stored[name].tolist() == [[0, 1, 2], [3, 4, 5]]

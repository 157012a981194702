"""Damaged `.tflite` files: a clean error, or a file that is whole still."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mutations import mutated, no_hang, peak_bytes

from mobilekit_converters.artifacts import read_finished
from mobilekit_converters.errors import SourceError
from mobilekit_converters.tflite import precision_of
from mobilekit_converters.variants import VARIANTS

MODELS = Path(__file__).parents[3] / "shared" / "models"

COUNT = 400
"""Mutations of each file."""

VARIANT_NAMES = [name for name, variant in VARIANTS.items() if variant.format == "tflite"]


def fuzz(content: bytes, seed: int, folder: Path) -> tuple[int, int]:
    """Read damaged forms of a file; return how many were refused and how many were read."""
    path = folder / "größe – damaged.tflite"
    refused = read = 0
    for name, damaged in mutated(content, seed, COUNT):
        path.write_bytes(damaged)
        try:
            with no_hang():
                artifact = read_finished(path)
                assert artifact.variant in VARIANTS, name
                assert f"tflite-{precision_of(path)}" == artifact.variant, name
        except SourceError as error:
            refused += str(path) in str(error)
        except BaseException as error:
            raise AssertionError(f"{name}: {error!r}") from error
        else:
            read += 1
    return refused, read


@pytest.mark.parametrize("variant", VARIANT_NAMES)
def test_damage_is_a_clean_error_or_none(
    variant: str, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    content = artifacts[variant].read_bytes()
    before = peak_bytes()
    refused, read = fuzz(content, VARIANT_NAMES.index(variant), tmp_path)
    # Both have to occur: a reader that refuses everything proves nothing, and neither does damage
    # that is none.
    assert refused > COUNT / 5
    assert read > COUNT / 20
    assert peak_bytes() - before < 64 * 2**20


@pytest.mark.skipif(
    not MODELS.is_dir(), reason="the real models of ../shared/models are not on this machine"
)
@pytest.mark.parametrize(
    "file",
    [
        "image_classification/pretrainedResnet.tflite",
        "keyword_spotting/kws_ref_model.tflite",
        "streaming_wakeword/str_ww_ref_model.tflite",
    ],
)
def test_damage_to_others_files_is_a_clean_error_or_none(file: str, tmp_path: Path) -> None:
    refused, read = fuzz((MODELS / file).read_bytes(), 100, tmp_path)
    assert refused > COUNT / 5
    assert read > COUNT / 20


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tflite")
    with no_hang(), pytest.raises(SourceError, match="is no regular file"):
        precision_of(tmp_path / "pipe.tflite")
    with no_hang(), pytest.raises(SourceError, match="neither a"):
        read_finished(tmp_path / "pipe.tflite")

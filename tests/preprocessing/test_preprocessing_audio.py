from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mobilekit.parity.inputs import InputFacts
from mobilekit.preprocessing import audio_to_input
from mobilekit_converters.errors import DataError, ProjectError


def convert(samples: Any, shape: tuple[int, ...], **facts: Any) -> Any:
    return audio_to_input(samples, InputFacts(**{"kind": "audio", **facts}), shape)


def test_16_bit_samples_become_shares_of_full_scale() -> None:
    found = convert(np.array([-32768, -1, 0, 32767], np.int16), (1, 4))
    assert found.dtype == np.float32
    assert found.tolist() == [[-1, -(2**-15), 0, 1 - 2**-15]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_stay_as_they_are(dtype: Any) -> None:
    samples = np.array([-1, 0.25, 0.5], dtype)
    np.testing.assert_array_equal(convert(samples, (1, 3)).ravel(), samples)


def test_scale_and_offset() -> None:
    samples = np.array([-32768, 16384], np.int16)
    assert convert(samples, (2,), scale=32768.0).tolist() == [-32768, 16384]
    assert convert(samples, (1, 2, 1), scale=0.5, offset=0.5).tolist() == [[[0], [0.75]]]


def test_the_callers_samples_are_not_changed() -> None:
    samples = np.array([0.5], np.float32)
    found = convert(samples, (1,), scale=2.0)
    assert (samples.tolist(), found.tolist()) == ([0.5], [1])


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(3, np.int16), "takes 4 audio samples in one dimension; these are 3"),
        (np.zeros((2, 2), np.int16), "these are 2×2"),
        (np.zeros(4, np.int32), "int16 or floats; these are int32"),
    ],
)
def test_what_is_no_audio_for_the_input(samples: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        convert(samples, (1, 4))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"kind": "tensor"}, "of kind 'tensor'; set kind = \"audio\""),
        ({"scale": (1.0, 2.0)}, "one number each"),
    ],
)
def test_what_can_be_no_audio_input(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        convert(np.zeros(4, np.int16), (1, 4), **facts)

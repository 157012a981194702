from __future__ import annotations

import hashlib

import numpy as np
import pytest

from mobilekit.parity.inputs import InputFacts
from mobilekit.parity.synthetic import generate

IMAGE = InputFacts(kind="image", scale=1 / 127.5, offset=-1.0)


def _images(**facts: float) -> np.ndarray:
    return generate(
        InputFacts(kind="image", **facts),
        (64, 48, 3),
        "float32",
        samples=8,
        seed=1,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("facts", "shape", "dtype"),
    [
        (IMAGE, (32, 32, 3), "float32"),
        (InputFacts(kind="image", color="grayscale"), (9, 7), "uint8"),
        (InputFacts(kind="image"), (1, 1, 3), "float32"),
        (InputFacts(kind="audio"), (16000,), "float32"),
        (InputFacts(kind="audio"), (1,), "float32"),
        (InputFacts(), (30, 1, 40), "float32"),
        (InputFacts(), (), "float32"),
        (InputFacts(low=0.0, high=99.0), (6,), "int32"),
        (InputFacts(), (6,), "bool"),
    ],
)
def test_samples_have_the_inputs_shape_and_dtype_and_a_seed_gives_them_again(
    facts: InputFacts, shape: tuple[int, ...], dtype: str
) -> None:
    first = generate(facts, shape, dtype, samples=5, seed=7)
    assert first.shape == (5, *shape)
    assert first.dtype == dtype
    assert np.isfinite(first).all()
    np.testing.assert_array_equal(first, generate(facts, shape, dtype, samples=5, seed=7))


def test_seeds_differ() -> None:
    first, second = (generate(IMAGE, (8, 8, 3), "float32", samples=1, seed=s) for s in (1, 2))
    assert not np.array_equal(first, second)


def test_images_are_the_same_on_every_machine() -> None:
    images = generate(InputFacts(kind="image"), (24, 24, 3), "uint8", samples=4, seed=0)
    assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == "6a40125cbf32c83b"


def test_images_lie_on_pixel_steps_within_their_range() -> None:
    images = generate(IMAGE, (64, 64, 3), "float32", samples=8, seed=0)
    assert images.min() >= -1
    assert images.max() <= 1
    assert images.max() - images.min() > 1.5
    pixels = (images.astype("f8") + 1) * 127.5
    assert np.abs(pixels - np.rint(pixels)).max() < 1e-3


def test_channels_have_their_own_scale_and_offset() -> None:
    images = generate(
        InputFacts(kind="image", scale=(1.0, 0.1, 0.01), offset=(0.0, 5.0, -1.0)),
        (32, 32, 3),
        "float32",
        samples=8,
        seed=0,
    )
    assert images[..., 0].max() > 200
    assert 5 <= images[..., 1].min() <= images[..., 1].max() <= 30.5
    assert -1 <= images[..., 2].min() <= images[..., 2].max() <= 1.55


def test_channels_may_come_first() -> None:
    scale, offset = (0.01, 0.02, 0.03), (0.0, -1.0, 1.0)
    facts = InputFacts(kind="image", scale=scale, offset=offset)
    last = generate(facts, (10, 8, 3), "float32", samples=4, seed=5)
    first = generate(facts, (3, 10, 8), "float32", samples=4, seed=5)
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), last)


def test_images_are_smooth_with_edges_as_photographs_are() -> None:
    images = _images()
    steps = np.abs(np.diff(images, axis=1))
    assert np.median(steps) < 0.1 * images.std()  # White noise has about its own deviation.
    assert steps.max() > 0.5 * images.std()


def test_images_differ_in_brightness_and_their_channels_go_together() -> None:
    images = _images()
    assert images.mean(axis=(1, 2, 3)).std() > 5
    together = [np.corrcoef(i[..., 0].ravel(), i[..., 1].ravel())[0, 1] for i in images]
    assert np.mean(together) > 0.4


def test_images_have_more_power_at_low_frequencies() -> None:
    spectrum = np.abs(np.fft.rfft(_images()[..., 0].mean(axis=1), axis=1)) ** 2
    power = spectrum.mean(axis=0)
    assert power[1:4].mean() > 20 * power[12:].mean()


def test_audio_is_pcm_within_its_range_and_mostly_below_4_khz() -> None:
    sounds = generate(InputFacts(kind="audio"), (16000,), "float32", samples=4, seed=0)
    assert np.abs(sounds).max() <= 1
    assert np.abs(sounds).max() > 0.15
    steps = sounds.astype("f8") * 32767
    assert np.abs(steps - np.rint(steps)).max() < 1e-2
    power = (np.abs(np.fft.rfft(sounds, axis=1)) ** 2).mean(axis=0)
    assert power[:4000].sum() > 0.9 * power.sum()


def test_tensors_fill_their_range() -> None:
    values = generate(InputFacts(low=10.0, high=20.0), (200,), "float32", samples=8, seed=0)
    assert 10 <= values.min() < 12
    assert 18 < values.max() <= 20


def test_integers_take_every_value_of_their_range() -> None:
    values = generate(InputFacts(low=3, high=6), (100,), "int64", samples=4, seed=0)
    assert sorted(set(values.ravel().tolist())) == [3, 4, 5, 6]


def test_integers_without_a_range_are_0_and_1() -> None:
    values = generate(InputFacts(), (100,), "int32", samples=4, seed=0)
    assert set(values.ravel().tolist()) == {0, 1}

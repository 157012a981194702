"""Train the example's digit classifier, and write the model and its data beside this file.

The data is what `sklearn.datasets.load_digits` returns: 1,797 real handwritten digits of 8×8
pixels, each pixel from 0 (paper) to 16 (ink). Nothing is downloaded. Run it again with

    python examples/digits/train.py

It takes about half a minute on two cores and gives the same weights every time on one machine.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

SEED = 2026
EVALUATION_SAMPLES = 597  # A third: it bounds the accuracy to about one percentage point.
CALIBRATION_SAMPLES = 128
EPOCHS = 14
BATCH = 32

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Digits:
    """The digits, split: `images` are (N, 8, 8, 1) in 0 to 1, `labels` (N,) in 0 to 9."""

    train_images: Images
    train_labels: Labels
    evaluation_images: Images
    evaluation_labels: Labels


def as_images(pixels: NDArray[np.float64]) -> Images:
    """Turn scikit-learn's (N, 8, 8) pixels of 0 to 16 into (N, 8, 8, 1) values of 0 to 1.

    The way leads through 8-bit grey, because a phone's image has nothing finer: every value is
    `pixel / 255` of a whole `pixel`, the rule that `mobilekit.toml` states as `scale`.
    """
    grey = np.rint(pixels * (255 / 16))
    return (grey / 255).astype(np.float32)[..., np.newaxis]


def load_digits() -> Digits:
    """Load scikit-learn's digits and hold a third of them back, with every digit's share kept."""
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    digits = load()
    train_images, evaluation_images, train_labels, evaluation_labels = train_test_split(
        as_images(digits.images),
        digits.target.astype(np.int64),
        test_size=EVALUATION_SAMPLES,
        random_state=SEED,
        stratify=digits.target,
    )
    return Digits(
        train_images=train_images,
        train_labels=train_labels,
        evaluation_images=evaluation_images,
        evaluation_labels=evaluation_labels,
    )


def with_shifts(images: Images, labels: Labels) -> tuple[Images, Labels]:
    """Add copies that are moved by one pixel to each side; the pixels that come in are paper."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moves = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]  # (1, 1) leaves the image where it is.
    shifted = [padded[:, row : row + 8, column : column + 8] for row, column in moves]
    return np.concatenate(shifted), np.tile(labels, len(moves))


def build_model() -> keras.Model:
    """Build a small MobileNet-like network: a convolution and three depthwise-separable blocks."""
    import keras

    def normalised(x: keras.KerasTensor) -> keras.KerasTensor:
        x = keras.layers.BatchNormalization(momentum=0.95)(x)
        return keras.layers.ReLU(max_value=6.0)(x)

    def separable(x: keras.KerasTensor, filters: int, stride: int = 1) -> keras.KerasTensor:
        x = keras.layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = normalised(x)
        x = keras.layers.Conv2D(filters, 1, use_bias=False)(x)
        return normalised(x)

    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(24, 3, padding="same", use_bias=False)(image)
    x = normalised(x)
    x = separable(x, 48)
    x = separable(x, 64, stride=2)
    x = separable(x, 96)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    scores = keras.layers.Dense(10, activation="softmax", name="scores")(x)
    return keras.Model(image, scores, name="digit_classifier")


def train(digits: Digits) -> keras.Model:
    """Train on the training digits alone; the evaluation digits choose nothing."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    images, labels = with_shifts(digits.train_images, digits.train_labels)
    steps = EPOCHS * -(-len(images) // BATCH)
    model = build_model()
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(images, labels, batch_size=BATCH, epochs=EPOCHS, verbose=2)

    # A copy without the optimizer, which only a training that goes on would need.
    trained = keras.models.clone_model(model)
    trained.set_weights(model.get_weights())
    return trained


def main() -> None:
    """Train, and write `digits.keras`, `calibration.npz`, `evaluation.npz` and `labels.txt`."""
    parser = argparse.ArgumentParser(description="Train the digit classifier of this example.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write")
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    model = train(digits)
    predicted = model.predict(digits.evaluation_images, verbose=0).argmax(axis=1)
    correct = int((predicted == digits.evaluation_labels).sum())

    model.save(folder / "digits.keras")
    np.savez_compressed(folder / "calibration.npz", image=digits.train_images[:CALIBRATION_SAMPLES])
    np.savez_compressed(
        folder / "evaluation.npz", image=digits.evaluation_images, labels=digits.evaluation_labels
    )
    (folder / "labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    print(f"{correct} of {len(predicted)} held-out digits right: {correct / len(predicted):.4f}")


if __name__ == "__main__":
    main()

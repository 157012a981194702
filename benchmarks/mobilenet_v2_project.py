"""Make the benchmark's project: MobileNetV2 at 224×224, its data and a mobilekit.toml.

Nothing is downloaded. The weights are drawn from a seed and never trained. Two things then make
activations as large as in a trained network, without which quantisation only shows rounding: the
statistics of the batch normalisations are gathered on crops of scikit-learn's two photographs, and
the classifier is scaled until its scores are as far apart as confident ones.

    python benchmarks/mobilenet_v2_project.py FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

SIDE = 224
CALIBRATION_SAMPLES = 50
EVALUATION_SAMPLES = 32

PROJECT = """\
[model]
name = "MobileNetV2"
source = "model.keras"

[model.inputs.image]
kind = "image"
color = "rgb"
scale = 0.00784313725490196   # 2/255
offset = -1.0

# The weights were never trained: which of the thousand classes comes first says nothing.
[model.outputs.predictions]
kind = "tensor"

[data]
calibration = "calibration.npz"
evaluation = "evaluation.npz"

[android]
variants = ["fp32", "fp16", "dynamic", "int8", "int16x8"]

[ios]
variants = ["fp32", "fp16", "w8", "palette4", "palette6", "palette8"]

[verify]
targets = ["cpu", "cpu-reference"]
require = ["cpu", "cpu-reference"]

# Sixteen values a layer cost weights that were never trained a little more than they may cost.
[budgets.coreml-palette4]
cosine = 0.85
"""


def photographs(count: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """Crop, mirror and recolour scikit-learn's two photographs.

    Returns:
        (count, 224, 224, 3), values -1 to 1.
    """
    from PIL import Image
    from sklearn.datasets import load_sample_images

    sources = load_sample_images().images
    images = []
    for _ in range(count):
        source = sources[generator.integers(len(sources))]
        side = generator.integers(100, 400)
        top = generator.integers(source.shape[0] - side + 1)
        left = generator.integers(source.shape[1] - side + 1)
        crop = Image.fromarray(source[top : top + side, left : left + side])
        pixels = np.asarray(crop.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
        if generator.random() < 0.5:
            pixels = pixels[:, ::-1]
        brightness = generator.uniform(0.5, 1.0)
        images.append(np.rint(pixels[..., generator.permutation(3)] * brightness) * (2 / 255) - 1)
    return np.stack(images).astype(np.float32)


def build_model(generator: np.random.Generator) -> keras.Model:
    """Build MobileNetV2 with seeded weights and batch statistics of real photographs."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 3), name="image")
    model = keras.applications.MobileNetV2(weights=None, input_tensor=image)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5  # The statistics settle within a few batches.
            channels = layer.gamma.shape[0]
            layer.gamma.assign(generator.uniform(0.7, 1.3, channels))
            layer.beta.assign(generator.normal(0.0, 0.3, channels))
    for _ in range(8):
        model(photographs(16, generator), training=True)
    make_confident(model, photographs(16, generator))
    return model


def make_confident(model: keras.Model, images: NDArray[np.float32]) -> None:
    """Scale the classifier so that the logits' standard deviation over the classes is 5."""
    scores = np.asarray(model(images, training=False), np.float64)
    classifier = model.get_layer("predictions")
    classifier.kernel.assign(classifier.kernel * (5.0 / np.log(scores).std(axis=1).mean()))


def main() -> None:
    """Write the project into a folder."""
    parser = argparse.ArgumentParser(description="Make the benchmark's project.")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    build_model(generator).save(folder / "model.keras")
    calibration = photographs(CALIBRATION_SAMPLES, generator)
    np.savez(folder / "calibration.npz", image=calibration)
    np.savez(folder / "evaluation.npz", image=photographs(EVALUATION_SAMPLES, generator))
    # Last, so that a folder with a project file is whole.
    (folder / "mobilekit.toml").write_text(PROJECT, encoding="utf-8")


if __name__ == "__main__":
    main()

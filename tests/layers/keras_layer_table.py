"""Every layer of `keras.layers` with a fixed shape: how to build it, and what does not convert.

A row is one way to build a layer. Several rows may share a layer, and a class that has an older
name (`Convolution2D`) is the same class, so it needs no row of its own. Everything here is data;
the test beside it does the work. `keras` is imported by the rows' functions, when they are called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input: its shape without the batch, and where its values come from."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    low: float = -2.0
    high: float = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One way to build a layer.

    `build` gets `keras.layers` and returns a layer. `inputs` are called as one argument, a list
    where there are several. `fails` says, by format, why it does not convert.
    """

    layer: str
    build: Callable[[Any], Any]
    inputs: tuple[Tensor, ...]
    case: str = ""
    fails: dict[str, str] = field(default_factory=dict)
    tolerance: float = 1e-4

    @property
    def id(self) -> str:
        """The layer's name, and the case's."""
        return f"{self.layer}-{self.case}" if self.case else self.layer


def _t(*shape: int, **kw: Any) -> Tensor:
    return Tensor(shape=shape, **kw)


VECTOR = _t(12)
SEQUENCE = _t(8, 6)
IMAGE = _t(12, 12, 4)
PIXELS = _t(16, 16, 3, low=0, high=255)
VOLUME = _t(6, 6, 6, 2)
TOKENS = _t(7, dtype="int32", low=0, high=9)


def _row(
    layer: str,
    *inputs: Tensor,
    case: str = "",
    fails: Any = None,
    tolerance: float = 1e-4,
    build: Callable[[Any], Any] | None = None,
    **arguments: Any,
) -> Row:
    return Row(
        layer=layer,
        build=build or (lambda layers: getattr(layers, layer)(**arguments)),
        inputs=inputs,
        case=case,
        fails=fails or {},
        tolerance=tolerance,
    )


_TABLE = dict.fromkeys(
    ("tflite", "coreml"), "looks values up in a table, which has no constant form"
)
_TEXT = dict.fromkeys(
    ("tflite", "coreml"), "hashes its numbers as text, and there are no text tensors"
)
_RANK = {"coreml": "computes with six dimensions, and Core ML has at most five"}

_POOLED = {1: SEQUENCE, 2: IMAGE, 3: VOLUME}


def _by_rank(name: str, ranks: tuple[int, ...] = (1, 2, 3), **arguments: Any) -> list[Row]:
    """Rows of a layer that exists for one, two and three dimensions."""
    return [_row(f"{name}{rank}D", _POOLED[rank], **arguments) for rank in ranks]


_CORE = [
    _row("Dense", VECTOR, units=5),
    _row("Dense", SEQUENCE, units=5, activation="relu", case="sequence"),
    *[
        _row("Activation", VECTOR, activation=name, case=name)
        for name in (
            "relu",
            "relu6",
            "sigmoid",
            "hard_sigmoid",
            "tanh",
            "softmax",
            "log_softmax",
            "softplus",
            "softsign",
            "elu",
            "selu",
            "celu",
            "gelu",
            "silu",
            "hard_silu",
            "mish",
            "exponential",
            "leaky_relu",
            "linear",
            "log_sigmoid",
            "hard_tanh",
            "hard_shrink",
            "soft_shrink",
            "tanh_shrink",
            "squareplus",
            "sparse_plus",
            "glu",
            "sparse_sigmoid",
        )
    ],
    _row(
        "Activation",
        VECTOR,
        case="gelu_tanh",
        build=lambda layers: layers.Activation(_approximate_gelu),
    ),
    _row("Embedding", TOKENS, input_dim=10, output_dim=4),
    _row("ReversibleEmbedding", TOKENS, input_dim=10, output_dim=4),
    _row("EinsumDense", SEQUENCE, equation="abc,cd->abd", output_shape=(None, 5), bias_axes="d"),
    _row("Identity", VECTOR),
    _row("InputLayer", VECTOR, build=lambda layers: layers.Identity()),
    _row("Lambda", VECTOR, function=lambda x: x * 2 + 1),
    _row("Masking", SEQUENCE, mask_value=0.0),
    _row("Flatten", IMAGE),
    _row("Reshape", VECTOR, target_shape=(3, 4)),
    _row("Permute", SEQUENCE, dims=(2, 1)),
    _row("RepeatVector", VECTOR, n=3),
    _row("ActivityRegularization", VECTOR, l2=0.1),
    _row(
        "Pipeline",
        PIXELS,
        build=lambda layers: layers.Pipeline([layers.Rescaling(1 / 255), layers.CenterCrop(8, 8)]),
    ),
]

_ACTIVATIONS = [
    _row("ReLU", VECTOR),
    _row("ReLU", VECTOR, max_value=1.5, negative_slope=0.1, threshold=0.2, case="all"),
    _row("LeakyReLU", VECTOR, negative_slope=0.2),
    _row("PReLU", IMAGE, shared_axes=(1, 2), alpha_initializer="random_uniform"),
    _row("PReLU", VECTOR, alpha_initializer="random_uniform", case="vector"),
    _row("ELU", VECTOR, alpha=0.7),
    _row("Softmax", SEQUENCE),
]

_CONVOLUTIONS = [
    *_by_rank("Conv", filters=4, kernel_size=3, padding="same"),
    _row(
        "Conv1D",
        SEQUENCE,
        filters=4,
        kernel_size=3,
        padding="causal",
        dilation_rate=2,
        case="causal",
    ),
    _row("Conv1D", SEQUENCE, filters=4, kernel_size=3, groups=2, case="grouped"),
    _row("Conv2D", IMAGE, filters=6, kernel_size=3, strides=2, padding="same", case="strided"),
    _row("Conv2D", IMAGE, filters=6, kernel_size=3, dilation_rate=2, case="dilated"),
    _row("Conv2D", IMAGE, filters=6, kernel_size=3, groups=2, case="grouped"),
    _row("Conv1DTranspose", SEQUENCE, filters=4, kernel_size=3, strides=2, padding="same"),
    _row("Conv2DTranspose", IMAGE, filters=4, kernel_size=3, strides=2, padding="same"),
    _row("Conv2DTranspose", IMAGE, filters=4, kernel_size=3, case="valid"),
    _row("Conv3DTranspose", VOLUME, filters=4, kernel_size=3, strides=2, padding="same"),
    *_by_rank("DepthwiseConv", ranks=(1, 2), kernel_size=3, padding="same", depth_multiplier=2),
    _row("DepthwiseConv2D", IMAGE, kernel_size=3, strides=2, case="strided"),
    *_by_rank("SeparableConv", ranks=(1, 2), filters=4, kernel_size=3),
]

_POOLING = [
    *_by_rank("MaxPooling"),
    *_by_rank("AveragePooling", pool_size=2),
    _row("MaxPooling2D", IMAGE, pool_size=3, strides=2, padding="same", case="same"),
    _row("AveragePooling2D", IMAGE, pool_size=3, strides=2, padding="same", case="same"),
    *_by_rank("GlobalMaxPooling"),
    *_by_rank("GlobalAveragePooling"),
    *_by_rank("AdaptiveAveragePooling", output_size=2),
    *_by_rank("AdaptiveMaxPooling", output_size=2),
    _row("AdaptiveAveragePooling2D", IMAGE, output_size=5, case="uneven"),
    _row("AdaptiveMaxPooling2D", IMAGE, output_size=5, case="uneven"),
]

_NORMALISATION = [
    _row("BatchNormalization", IMAGE),
    _row("BatchNormalization", SEQUENCE, case="sequence"),
    _row("LayerNormalization", SEQUENCE),
    _row("GroupNormalization", IMAGE, groups=2),
    _row("RMSNormalization", SEQUENCE),
    _row("UnitNormalization", SEQUENCE),
    _row(
        "SpectralNormalization",
        IMAGE,
        build=lambda layers: layers.SpectralNormalization(layers.Conv2D(4, 3)),
    ),
    _row("Normalization", VECTOR, mean=[0.5] * 12, variance=[2.0] * 12),
]

_REGULARISATION = [
    _row("Dropout", VECTOR, rate=0.5),
    _row("AlphaDropout", VECTOR, rate=0.5),
    _row("GaussianDropout", VECTOR, rate=0.5),
    _row("GaussianNoise", VECTOR, stddev=0.5),
    *_by_rank("SpatialDropout", rate=0.5),
]

_SHAPING = [
    _row("Cropping1D", SEQUENCE, cropping=1),
    _row("Cropping2D", IMAGE, cropping=((1, 2), (3, 1))),
    _row("Cropping3D", VOLUME, cropping=1),
    _row("ZeroPadding1D", SEQUENCE, padding=1),
    _row("ZeroPadding2D", IMAGE, padding=((1, 2), (3, 1))),
    _row("ZeroPadding3D", VOLUME, padding=1),
    *_by_rank("UpSampling", ranks=(1, 2), size=2),
    _row("UpSampling3D", VOLUME, size=2, fails=_RANK),
    _row("UpSampling2D", IMAGE, size=2, interpolation="bilinear", case="bilinear"),
]

_MERGING = [
    *[
        _row(name, VECTOR, VECTOR)
        for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate")
    ],
    _row("Dot", VECTOR, VECTOR, axes=1),
    _row("Dot", SEQUENCE, SEQUENCE, axes=2, normalize=True, case="normalised"),
]

_ATTENTION = [
    _row("Attention", SEQUENCE, SEQUENCE),
    _row("AdditiveAttention", SEQUENCE, SEQUENCE),
    _row(
        "MultiHeadAttention",
        SEQUENCE,
        SEQUENCE,
        build=lambda layers: _call_with_arguments(
            layers.MultiHeadAttention(num_heads=2, key_dim=4)
        ),
    ),
    _row(
        "MultiHeadAttention",
        SEQUENCE,
        SEQUENCE,
        case="causal",
        build=lambda layers: _call_with_arguments(
            layers.MultiHeadAttention(num_heads=2, key_dim=4), use_causal_mask=True
        ),
    ),
    _row(
        "GroupQueryAttention",
        SEQUENCE,
        SEQUENCE,
        build=lambda layers: _call_with_arguments(
            layers.GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)
        ),
    ),
]

LONG = _t(200, 6)
"""More steps than `prepare_keras_model` unrolls: a loop in the artifact."""

_RECURRENT = [
    *[
        row
        for name in ("SimpleRNN", "GRU", "LSTM")
        for row in (
            _row(name, SEQUENCE, units=5),
            _row(
                name, SEQUENCE, units=5, return_sequences=True, go_backwards=True, case="backwards"
            ),
            _row(name, LONG, units=5, return_sequences=True, case="long"),
        )
    ],
    _row("GRU", SEQUENCE, units=5, reset_after=False, case="reset_before"),
    *[
        _row(cell, SEQUENCE, build=lambda layers, cell=cell: layers.RNN(getattr(layers, cell)(5)))
        for cell in ("SimpleRNNCell", "GRUCell", "LSTMCell")
    ],
    _row("RNN", LONG, case="long", build=lambda layers: layers.RNN(layers.GRUCell(5))),
    _row("RNN", SEQUENCE, build=lambda layers: layers.RNN(layers.GRUCell(5))),
    _row(
        "StackedRNNCells",
        SEQUENCE,
        build=lambda layers: layers.RNN(
            layers.StackedRNNCells([layers.LSTMCell(5), layers.LSTMCell(4)])
        ),
    ),
    _row(
        "Bidirectional",
        SEQUENCE,
        build=lambda layers: layers.Bidirectional(layers.LSTM(5, return_sequences=True)),
    ),
    _row(
        "Bidirectional", LONG, case="long", build=lambda layers: layers.Bidirectional(layers.GRU(5))
    ),
    _row(
        "TimeDistributed",
        _t(5, 8, 8, 2),
        build=lambda layers: layers.TimeDistributed(layers.Conv2D(3, 3)),
    ),
    _row("ConvLSTM1D", _t(4, 8, 2), filters=3, kernel_size=3, padding="same"),
    _row("ConvLSTM2D", _t(4, 8, 8, 2), filters=3, kernel_size=3, padding="same"),
    _row("ConvLSTM3D", _t(3, 5, 5, 5, 2), filters=2, kernel_size=3, padding="same", fails=_RANK),
]

_PREPROCESSING = [
    _row("Rescaling", PIXELS, scale=1 / 127.5, offset=-1),
    _row("Resizing", PIXELS, height=24, width=20),
    _row("Resizing", PIXELS, height=24, width=20, interpolation="nearest", case="nearest"),
    _row("CenterCrop", PIXELS, height=9, width=10),
    _row("CategoryEncoding", TOKENS, num_tokens=10, output_mode="multi_hot"),
    _row(
        "CategoryEncoding",
        _t(1, dtype="int32", low=0, high=9),
        num_tokens=10,
        output_mode="one_hot",
        case="one_hot",
    ),
    _row("Discretization", VECTOR, bin_boundaries=[-1.0, 0.0, 0.5, 1.0]),
    _row("IntegerLookup", TOKENS, vocabulary=[1, 3, 5, 7], fails=_TABLE),
    _row("Hashing", TOKENS, num_bins=5, fails=_TEXT),
    _row(
        "HashedCrossing",
        _t(1, dtype="int32", low=0, high=9),
        _t(1, dtype="int32", low=0, high=9),
        num_bins=5,
        fails=_TEXT,
    ),
    _row("STFTSpectrogram", _t(400, 1), frame_length=64, frame_step=32, fft_length=64),
    _row(
        "MelSpectrogram",
        _t(400),
        num_mel_bins=8,
        sampling_rate=1600,
        sequence_stride=64,
        fft_length=128,
        min_freq=20,
        tolerance=1e-3,
    ),
    _row("AutoContrast", PIXELS, value_range=(0, 255)),
    # Alone in a functional model it is a cycle, a bug of Keras 3.15.
    _row(
        "Equalization",
        PIXELS,
        build=lambda layers: layers.Pipeline([layers.Equalization(), layers.Rescaling(1.0)]),
    ),
    _row(
        "ContrastLimitedAdaptiveHistogramEqualization",
        PIXELS,
        value_range=(0, 255),
        tile_grid_size=(2, 2),
        fails=_RANK,
    ),
    _row("Solarization", PIXELS, threshold_factor=0.5),
    _row("MaxNumBoundingBoxes", PIXELS, max_number=3),
    _row("AugMix", PIXELS),
    _row("CutMix", PIXELS),
    _row("MixUp", PIXELS),
    _row("RandAugment", PIXELS),
    *[
        _row(name, PIXELS, **arguments)
        for name, arguments in {
            "RandomBrightness": {"factor": 0.2},
            "RandomColorDegeneration": {"factor": 0.2},
            "RandomColorJitter": {"brightness_factor": 0.2},
            "RandomContrast": {"factor": 0.2},
            "RandomCrop": {"height": 9, "width": 10},
            "RandomElasticTransform": {},
            "RandomErasing": {},
            "RandomFlip": {},
            "RandomGaussianBlur": {},
            "RandomGrayscale": {},
            "RandomHue": {"factor": 0.2},
            "RandomInvert": {},
            "RandomPerspective": {},
            "RandomPosterization": {"factor": 4},
            "RandomRotation": {"factor": 0.2},
            "RandomSaturation": {"factor": 0.2},
            "RandomSharpness": {"factor": 0.2},
            "RandomShear": {"x_factor": 0.2},
            "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
            "RandomZoom": {"height_factor": 0.2},
        }.items()
    ],
]

ROWS: tuple[Row, ...] = (
    *_CORE, *_ACTIVATIONS, *_CONVOLUTIONS, *_POOLING, *_NORMALISATION, *_REGULARISATION, *_SHAPING,
    *_MERGING, *_ATTENTION, *_RECURRENT, *_PREPROCESSING,
)  # fmt: skip

WITHOUT_FIXED_FORM: dict[str, str] = {
    "Layer": "the base class of all layers; it computes nothing",
    "Wrapper": "the base class of wrappers; it computes nothing",
    "InputSpec": "a description of an input, not a layer",
    "StringLookup": "its input is text, and no accelerator's tensor holds text",
    "TextVectorization": "its input is text, and no accelerator's tensor holds text",
    "FlaxLayer": "runs a Flax module; needs the JAX backend",
    "JaxLayer": "runs a JAX function; needs the JAX backend",
    "TorchModuleWrapper": "runs a PyTorch module; needs the PyTorch backend",
    "TFSMLayer": "runs a SavedModel, which is a source of its own",
}


def _approximate_gelu(x: Any) -> Any:
    import keras

    return keras.activations.gelu(x, approximate=True)


def document(public: int) -> str:
    """The text of `docs/layers.md`, for so many public classes of `keras.layers`."""
    layers = {row.layer for row in ROWS}
    text = [
        "# Keras layers that convert",
        "",
        "Every public class of `keras.layers` is built with a fixed shape, frozen and converted by",
        "`tests/layers`. TFLite's numbers are compared with Keras'; Core ML packages are read",
        "back. `python tests/layers/keras_layer_table.py` writes this page; a test compares it.",
        "",
        f"- {public} public names, {public - len(WITHOUT_FIXED_FORM)} of them with a fixed numeric "
        f"form: {len(layers)} different layers, older names left out.",
    ]
    for title, format in (("TFLite", "tflite"), ("Core ML", "coreml")):
        good = len(layers - {row.layer for row in failing(format)})
        text.append(
            f"- {title}: {good} of {len(layers)} convert ({100 * good / len(layers):.1f} %)."
        )
    text += ["", "## Those that do not", "", "| layer | format | reason |", "|---|---|---|"]
    for title, format in (("TFLite", "tflite"), ("Core ML", "coreml")):
        text += [f"| `{row.id}` | {title} | {row.fails[format]} |" for row in failing(format)]
    text += ["", "## Those without a fixed numeric form", "", "| class | reason |", "|---|---|"]
    text += [f"| `{name}` | {reason} |" for name, reason in sorted(WITHOUT_FIXED_FORM.items())]
    text += [
        "",
        "## Recurrent layers",
        "",
        "Up to 64 time steps a recurrent layer of a Keras model becomes straight-line operations,",
        "which accelerators and int8 quantisation take; the cell's weights are stored once. Longer",
        "ones stay loops: `WHILE` in TFLite and `while_loop` in Core ML, which run on the CPU. A",
        "SavedModel's loops stay as they are. Loops within loops do not convert to Core ML.",
        "",
    ]
    return "\n".join(text)


def failing(format: str) -> list[Row]:
    """The rows that do not convert to a format."""
    return [row for row in ROWS if format in row.fails]


def public_classes() -> dict[str, type]:
    """Every public class of `keras.layers`, by name."""
    import inspect

    import keras

    return {name: item for name, item in vars(keras.layers).items() if inspect.isclass(item)}


def _call_with_arguments(layer: Any, **arguments: Any) -> Callable[[Any], Any]:
    """A layer that takes its inputs as arguments rather than as a list."""
    return lambda inputs: layer(*inputs, **arguments)


if __name__ == "__main__":
    page = Path(__file__).parents[2] / "docs" / "layers.md"
    page.write_text(document(len(public_classes())), "utf-8")

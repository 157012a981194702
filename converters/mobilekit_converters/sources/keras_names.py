"""What a Keras configuration may name: classes and functions that compute, and nothing else.

A configuration is a tree of names that the loader looks up and calls. The lists below hold what
Keras 3 and Keras 2 offer for building a network; everything else is refused, because a name outside
of them can mean code in the file, a file or an address to open, or a module to import. A test
compares the lists with the installed versions, so that a new layer is not forgotten.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODELS = frozenset({"Functional", "Model", "Sequential"})

LAYERS = _words(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
    AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization
    BatchNormalizationV1 BatchNormalizationV2 Bidirectional CategoryEncoding CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM1DCell ConvLSTM2D ConvLSTM2DCell ConvLSTM3D
    ConvLSTM3DCell Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose
    Convolution3D Convolution3DTranspose Cropping1D Cropping2D Cropping3D CuDNNGRU CuDNNLSTM CutMix
    Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding
    Equalization Flatten GRU GRUCell GRUCellV1 GRUCellV2 GRUV1 GRUV2 GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D
    GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D
    GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention
    GroupedQueryAttention HashedCrossing Hashing Identity InputLayer InputSpec IntegerLookup LSTM
    LSTMCell LSTMCellV1 LSTMCellV2 LSTMV1 LSTMV2 LayerNormalization LayerScale LeakyReLU
    LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D
    MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp MultiHeadAttention
    Multiply Normalization PReLU Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
    RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert
    RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
    RandomShear RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape
    Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D
    SeparableConvolution1D SeparableConvolution2D SimpleRNN SimpleRNNCell Softmax Solarization
    SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells
    StringLookup Subtract SyncBatchNormalization TextVectorization ThresholdedReLU TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D
    """
)

PARTS = _words(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform IdentityInitializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT
    STFTInitializer TruncatedNormal VarianceScaling Zeros
    L1 L1L2 L2 OrthogonalRegularizer
    MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm
    AWQDTypePolicy DTypePolicy DTypePolicyMap FloatDTypePolicy GPTQDTypePolicy Int4DTypePolicy
    Policy PolicyV1 QuantizedDTypePolicy QuantizedFloat8DTypePolicy
    AWQConfig AbsMaxQuantizer Float8QuantizationConfig GPTQConfig Int4QuantizationConfig
    Int8QuantizationConfig QuantizationConfig
    SeedGenerator
    """
)
"""Initializers, regularizers, constraints, dtype policies, quantizers and seeds."""

CLASSES = MODELS | LAYERS | PARTS

FUNCTIONS = _words(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu
    linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus
    softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
    """
)
"""Activations."""

PLAIN_DATA = _words(
    """
    __bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__ TensorShape
    """
)
"""Marks of plain values that JSON cannot hold."""

DANGEROUS = {
    "Lambda": "runs Python code that is stored in the file",
    "__lambda__": "is Python code that is stored in the file",
    "FlaxLayer": "runs a Python function that the file names",
    "JaxLayer": "runs a Python function that the file names",
    "TFSMLayer": "loads and runs another model, from a path that the file names",
    "TorchModuleWrapper": "unpickles Python objects that are stored in the file",
    "TensorFlowOpLayer": "runs a TensorFlow operation that the file spells out",
    "ClassMethod": "calls a Python method that the file names",
    "InstanceMethod": "calls a Python method that the file names",
    "InstanceProperty": "reads a Python property that the file names",
    "__typespec__": "builds a Python object that the file names",
    "TypeSpec": "builds a Python object that the file names",
    "CompositeTensor": "builds a Python object that the file names",
}
"""Class name -> what it does that a model file has no need to do."""

TENSORFLOW_FUNCTION_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda"})
"""Keras 2 layers that call the public TensorFlow function named under `function`."""

_PURE_TENSORFLOW = re.compile(
    r"""(compat\.v[12]\.)?(
        (__operators__|linalg|math|nn|signal)\.[\w.]+
        | image\.(resize|resize_with_pad|central_crop|crop_and_resize|rgb_to_grayscale
                 |grayscale_to_rgb|adjust_\w+|flip_\w+|per_image_standardization)
        | broadcast_to | cast | clip_by_value | concat | convert_to_tensor | cumsum | einsum
        | expand_dims | eye | fill | gather | gather_nd | identity | linspace | matmul | maximum
        | meshgrid | minimum | norm | one_hot | ones | ones_like | pad | range | rank | repeat
        | reshape | reverse | roll | shape | slice | split | squeeze | stack | stop_gradient
        | strided_slice | tensordot | tile | transpose | unstack | where | zeros | zeros_like
        | abs | add | argmax | argmin | cos | divide | equal | exp | floor | greater
        | greater_equal | less | less_equal | logical_and | logical_not | logical_or | multiply
        | negative | not_equal | pow | reduce_\w+ | round | sigmoid | sign | sin | sqrt | square
        | subtract | tanh | truediv
    )""",
    re.VERBOSE,
)

_KERAS_MODULES = re.compile(
    r"""(keras|tf_keras)
        (\.api|\.src)*
        (\.(applications|constraints|dtype_policies|engine|initializers|layers|mixed_precision|models
           |quantizers|random|regularizers)
         (\.\w+)*)?""",
    re.VERBOSE,
)

_KERAS_OPERATIONS = re.compile(r"keras\.src\.ops\.\w+")

_FUNCTION_MODULES = re.compile(r"builtins|(keras|tf_keras)(\.src)?\.activations(\.\w+)?")


def is_keras_module(module: str) -> bool:
    """Say whether a module is Keras's own."""
    return module.split(".")[0] in {"keras", "tf_keras"}


def is_known_class(module: str | None, name: str) -> bool:
    """Say whether a class is one that builds a network. Old files name no module."""
    if module is None:
        return name in CLASSES
    if _KERAS_OPERATIONS.fullmatch(module):
        # Operations are computations one and all, and their class names are capitalised.
        return re.fullmatch(r"[A-Z]\w*", name) is not None
    return _KERAS_MODULES.fullmatch(module) is not None and name in CLASSES


def is_known_function(module: str | None, name: str) -> bool:
    """Say whether a function is an activation."""
    return name in FUNCTIONS and _FUNCTION_MODULES.fullmatch(module or "builtins") is not None


def is_pure_tensorflow(symbol: str) -> bool:
    """Say whether a TensorFlow function, such as `math.add`, only computes."""
    return _PURE_TENSORFLOW.fullmatch(symbol) is not None

"""mobilekit: a trained model in, a checked TFLite and Core ML release out."""

__version__ = "0.1.0"

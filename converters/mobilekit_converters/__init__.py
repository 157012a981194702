"""Trained models in, TFLite and Core ML artifacts out. Knows nothing of delegates or targets."""

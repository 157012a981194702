"""What becomes of an app's images and audio before a model sees them.

These functions are the reference of the generated wrappers, which compute the same numbers. Make
calibration and evaluation data with them, so that a model is measured on what an app will feed it.
`docs/preprocessing.md` states the contract.
"""

from mobilekit.preprocessing.audio import audio_to_input
from mobilekit.preprocessing.contract import ImageContract, image_contract
from mobilekit.preprocessing.image import image_to_input

__all__ = ["ImageContract", "audio_to_input", "image_contract", "image_to_input"]

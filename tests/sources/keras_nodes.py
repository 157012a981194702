"""Finding one's way in a Keras configuration."""

from __future__ import annotations

from typing import Any


def layer(config: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a layer's node of a model's configuration."""
    return next(node for node in config["config"]["layers"] if node["config"]["name"] == name)

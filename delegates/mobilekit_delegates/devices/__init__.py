"""Ways to a device: folders there and back, and programs in between, whatever they are."""

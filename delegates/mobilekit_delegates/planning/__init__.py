"""Where to run what: how long an artifact may take on each accelerator of known devices."""

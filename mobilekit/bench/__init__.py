"""Latency, start-up and memory of artifacts on targets: measured, compared, gated."""

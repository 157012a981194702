"""Measures artifacts on targets, in turns: each a process of its own, one at a time."""

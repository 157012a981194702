"""Runs artifacts in another Python: under an emulator, with an old runtime, on a Linux board."""

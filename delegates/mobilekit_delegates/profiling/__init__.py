"""How long single operators take, as the runtimes themselves measure it."""

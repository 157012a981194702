from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from located_models import Model, prepare

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

Models = Callable[[str], Model]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Return a real model by its name; each is prepared once."""
    made: dict[str, Model] = {}

    def get(name: str) -> Model:
        if name not in made:
            made[name] = prepare(name, tmp_path_factory.mktemp(name))
        return made[name]

    return get

from __future__ import annotations

import pytest

from tests.generations import GENERATIONS, Generation
from tests.operators.support import Task


@pytest.fixture(params=GENERATIONS, ids=lambda generation: generation.name)
def generation(request: pytest.FixtureRequest) -> Generation:
    """What a user does is the same in both generations of DataStudio."""
    chosen: Generation = request.param
    return chosen


@pytest.fixture(params=[False, True], ids=["in place", "deferred"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def task() -> Task:
    return Task()

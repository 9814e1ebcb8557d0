from __future__ import annotations

import pytest

from tests.generations import GENERATIONS, Generation


@pytest.fixture(params=GENERATIONS, ids=lambda generation: generation.name)
def generation(request: pytest.FixtureRequest) -> Generation:
    """What a user waits for is the same in both generations of DataStudio."""
    chosen: Generation = request.param
    return chosen

from __future__ import annotations

import pytest

from tests.operators.support import Task


@pytest.fixture(params=[False, True], ids=["in place", "deferred"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def task() -> Task:
    return Task()

"""What all tests of the monitor share."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def the_same_jitter() -> Iterator[None]:
    state = random.getstate()
    random.seed(7)
    yield
    random.setstate(state)

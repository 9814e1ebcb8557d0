"""For tests of DAGs, without an account: ``pytest_plugins = ["airflow_provider_pai_designer.testing"]``.

This module needs pytest, which the provider does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator, launch

TIME_SCALE = 60
"""A minute of the emulator's time takes a second."""


@pytest.fixture
def pai_designer_seed() -> Mapping[str, Any]:
    """What the world of the emulator has in place of the default's; define a fixture of this name to have your own."""
    return {}


@pytest.fixture
def pai_designer_emulator(pai_designer_seed: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """A local DataWorks of this test's own, with ``pai_designer_default`` as the connection to its first workspace."""
    with launch(seed=pai_designer_seed, time_scale=TIME_SCALE) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", emulator.connection())
        yield emulator

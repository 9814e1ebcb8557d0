"""What a user would lose: weather in tests that comes as it comes outside, and comes again when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator import faults, seed
from airflow_provider_pai_designer.emulator.world import World

CALLS = 1000


def struck(folder: Path, *given: dict[str, Any]) -> list[str | None]:
    """Make calls; give of each the behaviour of the fault that it met."""
    folder.mkdir()
    document = seed.starting_document({"faults": [{"times": None, **fault} for fault in given]})
    world = World.open(folder / "emulator.sqlite", seed=seed.parse(document))
    met = [faults.take(world, "GetFile") for _ in range(CALLS)]
    world.store.close()
    return [fault.behaviour if fault else None for fault in met]


def test_chance_is_a_share_of_the_calls_and_the_same_for_the_same_draw(tmp_path: Path) -> None:
    first = struck(tmp_path / "first", {"behaviour": "reset", "chance": 0.1, "draw": 7})
    assert 60 < first.count("reset") < 140
    assert struck(tmp_path / "again", {"behaviour": "reset", "chance": 0.1, "draw": 7}) == first
    assert struck(tmp_path / "other", {"behaviour": "reset", "chance": 0.1, "draw": 8}) != first


def test_what_one_fault_spares_another_may_strike(tmp_path: Path) -> None:
    both = [{"behaviour": "reset", "chance": 0.5, "draw": 1}, {"behaviour": "hang", "chance": 1}]
    met = struck(tmp_path / "both", *both)
    assert set(met) == {"reset", "hang"}


@pytest.mark.parametrize("chance", [0, 1.5])
def test_a_chance_that_is_none_is_refused(chance: float) -> None:
    with pytest.raises(seed.SeedError, match="chance"):
        seed.parse({"faults": [{"behaviour": "reset", "chance": chance}]})

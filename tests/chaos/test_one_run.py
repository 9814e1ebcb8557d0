"""What a user would lose: a pipeline that runs twice, or never, because something died."""

from __future__ import annotations

import os

import pytest

from tests.chaos.barriers import POINTS
from tests.chaos.scene import DAGS, KILLS, Scene

SMOKE = {
    ("between record and call", "task", "in place"),
    ("in the call, after the service acted", "task", "deferred"),
    ("in the call, before it is sent", "supervisor", "in place"),
    ("after the record", "supervisor and task", "deferred"),
}
ALL = [
    (point, kill, mode)
    for point in POINTS
    for kill in KILLS
    for mode in DAGS
    # a task that waits deferred has no process
    if (point, mode) != ("while it waits", "deferred")
]
CASES = ALL if os.environ.get("PAI_DESIGNER_CHAOS_ALL") else [case for case in ALL if case in SMOKE]


@pytest.mark.parametrize(("point", "kill", "mode"), CASES)
def test_one_ask_is_one_run(scene: Scene, point: str, kill: str, mode: str) -> None:
    before = len(scene.remote())
    path = scene.begin(mode, point)
    scene.kill(scene.held(), kill)
    assert scene.ended(path) == "success"
    assert scene.tries(path) == 2
    (run,) = scene.remote()[before:]
    assert run["status"] == "SUCCESS"


@pytest.mark.parametrize("times", [1, 2])
def test_a_triggerer_that_dies_stops_nothing(scene: Scene, times: int) -> None:
    before, stops = len(scene.remote()), scene.stops()
    scene.emulator.control.seed(
        {"steps": [{"behaviour": "slow", "node": "chaos", "step": "*", "seconds": 4, "times": 3}]}
    )
    path = scene.begin("deferred")
    scene.in_state(path, "deferred")
    for _ in range(times):
        scene.restart_triggerer()
    assert scene.ended(path) == "success"
    (run,) = scene.remote()[before:]
    assert run["status"] == "SUCCESS"
    assert scene.stops() == stops

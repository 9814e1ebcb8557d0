"""What a user would lose: a run that goes on after it was cancelled."""

from __future__ import annotations

import sys

import pytest

from tests.chaos.scene import DAGS, Scene

HANGS = {"steps": [{"behaviour": "hang", "node": "chaos", "step": "*", "times": 1}]}


@pytest.mark.parametrize("mode", DAGS)
@pytest.mark.parametrize("how", ["failed", "success", "clear"])
def test_a_cancel_reaches_the_run(scene: Scene, mode: str, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    before, stops = len(scene.remote()), scene.stops()
    scene.emulator.control.seed(HANGS)
    path = scene.begin(mode)
    scene.airflow.wait_for("the run", lambda: [item for item in scene.remote()[before:] if item["status"] == "RUNNING"])
    scene.in_state(path, "deferred" if mode == "deferred" else "running")
    scene.cancel(path, how)
    seconds = scene.seconds_until("the stop", lambda: scene.stops() > stops)
    with capsys.disabled():
        sys.stdout.write(f"\n{how}, {mode}: a stop was sent after {seconds:.1f} s\n")
    (first, *others) = scene.remote()[before:]
    scene.airflow.wait_for("its end", lambda: scene.status(first["id"]) == "FAILURE")
    if how == "clear":
        assert scene.ended(path) == "success"
        (other,) = scene.remote()[before + 1 :]
        assert other["status"] == "SUCCESS"
    else:
        assert others == []

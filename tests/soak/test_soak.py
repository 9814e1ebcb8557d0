"""What a user would lose: a night of bad weather after which somebody has to look what ran, and how often."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from threading import Event as Moment

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.local_airflow import LocalAirflowError
from tests.soak.account import STOPS_WITHIN_SECONDS, settle
from tests.soak.hazards import Hazards, RestartedAirflow
from tests.soak.plan import Event, plan, weather

MINUTES = float(os.environ.get("PAI_DESIGNER_SOAK_MINUTES") or 30)
LAST_END_SECONDS = 600


def pause(seconds: float) -> None:
    """Let time pass."""
    Moment().wait(max(0.0, seconds))


@pytest.mark.timeout(int(MINUTES * 60 + LAST_END_SECONDS + 600))
def test_every_task_ends_as_its_run_did(
    draw: int,
    random: Random,
    airflow: RestartedAirflow,
    emulator: Emulator,
    data: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hazards = Hazards(airflow=airflow, random=random)
    events = plan(random, MINUTES)
    numbers = count(1)

    def happen(event: Event) -> None:
        if event.what == "run":
            emulator.control.seed({"steps": list(event.steps)})
            body = {"dag_run_id": f"soak_{next(numbers)}", "logical_date": None}
            airflow.call(f"/dags/{event.how}/dagRuns", body)
        else:
            {"kill": hazards.kill, "cancel": hazards.cancel}[event.what](event.how)

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{time.strftime('%H:%M:%S')} {text}", flush=True)  # noqa: T201

    say(f"PAI_DESIGNER_SOAK_SEED={draw} PAI_DESIGNER_SOAK_MINUTES={MINUTES:g}; logs: {airflow.home}")
    emulator.control.seed({"faults": weather(random)})
    emulator.control.reset_counters()
    began = time.monotonic()
    for event in events:
        pause(began + event.at - time.monotonic())
        happen(event)
    with suppress(LocalAirflowError):
        airflow.wait_for("the end of all runs", lambda: unfinished(airflow) == 0, seconds=LAST_END_SECONDS / 2)
    if airflow.instances(state=["queued"]):
        # Whose worker was killed as it took the task over stays queued until the LocalExecutor is a new one.
        airflow.restart("scheduler", signal.SIGTERM)
    airflow.wait_for("the end of all runs", lambda: unfinished(airflow) == 0, seconds=LAST_END_SECONDS / 2)
    pause(STOPS_WITHIN_SECONDS)
    account = settle(
        airflow, emulator.control, hazards, secret=emulator.access_key_secret, logs=list(data.glob("*.log"))
    )
    (airflow.home / "account.log").write_text(f"{account.table()}\n")
    say(f"after {(time.monotonic() - began) / 60:.1f} minutes\n{account.figures()}")
    wrongs = account.wrongs()
    assert not wrongs, "\n" + "\n".join(wrongs)


def unfinished(airflow: RestartedAirflow) -> int:
    """How many runs of DAGs have not ended."""
    return int(airflow.call("/dags/~/dagRuns?state=queued&state=running&limit=1")["total_entries"])

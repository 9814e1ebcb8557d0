"""What a user would lose: a backfill that runs every business date once, in the order and at the pace asked for."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from airflow_provider_pai_designer.emulator.launch import Emulator
from tests.browser.conftest import DAG_ID, successes
from tests.browser.pages import fill_backfill_form, open_backfill_form, run_backfill, take_picture
from tests.browser.remote import RemoteRun, most_at_once, remote_runs
from tests.e2e.real_airflow import RealAirflow

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 6)
DATES = [f"{FIRST + timedelta(days=number):%Y%m%d}" for number in range(5)]
FROM, TO = "2026-03-02T00:00:00+08:00", "2026-03-06T00:00:00+08:00"
PICTURES = os.environ.get("PAI_DESIGNER_PICTURES")
BACKFILL_SECONDS = 150


@pytest.fixture(scope="module")
def first_backfill(airflow: RealAirflow, emulator: Emulator, page: Page) -> list[RemoteRun]:
    """The remote runs of a backfill over five days, two at once and backwards, started from the page."""
    before = len(remote_runs(emulator.control))
    form = open_backfill_form(page, DAG_ID)
    fill_backfill_form(form, FIRST, LAST, "Missing Runs")
    expect(form.get_by_text("5 runs will be triggered.")).to_be_visible()
    run_backfill(form, most_active=2, backwards=True)
    if PICTURES:
        airflow.wait_for("two successes", lambda: successes(airflow, "backfill") >= 2, BACKFILL_SECONDS)
        take_picture(page, DAG_ID, Path(PICTURES) / "backfill.png")
    await_end(airflow)
    return remote_runs(emulator.control)[before:]


def await_end(airflow: RealAirflow) -> None:
    """Wait until Airflow has closed the backfill, up to half a minute after its last run; before, it takes no other."""

    def closed() -> bool:
        return all(backfill["completed_at"] for backfill in airflow.call(f"/backfills?dag_id={DAG_ID}")["backfills"])

    airflow.wait_for("the end of the backfill", closed, BACKFILL_SECONDS)
    assert successes(airflow, "backfill") == len(DATES)


def test_every_business_date_is_run_once(first_backfill: list[RemoteRun]) -> None:
    assert sorted(run.business_date for run in first_backfill) == DATES
    for run in first_backfill:
        assert run.status == "SUCCESS"
        assert run.parameters == f"bizdate={run.business_date}"
        assert run.partitions == (f"dt={run.business_date}",)


def test_no_more_run_at_once_than_the_form_says(first_backfill: list[RemoteRun]) -> None:
    assert most_at_once(first_backfill) == 2


def test_backwards_starts_with_the_newest(first_backfill: list[RemoteRun]) -> None:
    """Two that run at once may overtake each other on their way, so a place beside its own is right too."""
    places = {run.business_date: place for place, run in enumerate(first_backfill)}
    assert all(abs(places[day] - place) <= 1 for place, day in enumerate(reversed(DATES)))


@pytest.mark.usefixtures("first_backfill")
def test_missing_runs_runs_nothing_again(emulator: Emulator, page: Page) -> None:
    before = len(remote_runs(emulator.control))
    form = open_backfill_form(page, DAG_ID)
    fill_backfill_form(form, FIRST, LAST, "Missing Runs")
    expect(form.get_by_text("No runs matching selected criteria.")).to_be_visible()
    expect(form.get_by_role("button", name="Run Backfill")).to_be_disabled()
    assert len(remote_runs(emulator.control)) == before


@pytest.mark.usefixtures("first_backfill")
def test_all_runs_runs_every_business_date_again(airflow: RealAirflow, emulator: Emulator, page: Page) -> None:
    before = len(remote_runs(emulator.control))
    form = open_backfill_form(page, DAG_ID)
    fill_backfill_form(form, FIRST, LAST, "All Runs")
    expect(form.get_by_text("5 runs will be triggered.")).to_be_visible()
    run_backfill(form, most_active=1, backwards=True)
    await_end(airflow)
    again = remote_runs(emulator.control)[before:]
    assert [run.business_date for run in again] == DATES[::-1]
    assert most_at_once(again) == 1
    assert {run.status for run in again} == {"SUCCESS"}


@pytest.mark.usefixtures("first_backfill")
def test_the_command_line_gives_the_same_business_dates(airflow: RealAirflow, emulator: Emulator) -> None:
    before = len(remote_runs(emulator.control))
    dates = ("--from-date", FROM, "--to-date", TO)
    airflow.run("backfill", "create", "--dag-id", DAG_ID, *dates, "--reprocess-behavior", "completed")
    await_end(airflow)
    again = remote_runs(emulator.control)[before:]
    assert sorted(run.business_date for run in again) == DATES


@pytest.mark.usefixtures("first_backfill")
def test_the_rest_api_gives_the_same_business_dates_at_a_pace_of_its_own(
    airflow: RealAirflow, emulator: Emulator
) -> None:
    """The limit of a backfill counts, not the DAG's: all five get to run while time stands still."""
    before = len(remote_runs(emulator.control))
    body = {"dag_id": DAG_ID, "from_date": FROM, "to_date": TO, "reprocess_behavior": "completed"}
    emulator.control.clock.freeze()
    try:
        airflow.call("/backfills", {**body, "max_active_runs": 5})
        airflow.wait_for("five runs", lambda: len(remote_runs(emulator.control)) == before + 5)
    finally:
        emulator.control.clock.resume()
    await_end(airflow)
    again = remote_runs(emulator.control)[before:]
    assert sorted(run.business_date for run in again) == DATES
    assert most_at_once(again) == 5

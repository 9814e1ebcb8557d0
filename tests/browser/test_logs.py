"""What a user would lose: a task log that fits on a page, with the remote log behind one line of it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import DAG_ID
from tests.e2e.real_airflow import RealAirflow


def test_the_log_of_an_instance_opens_on_a_click(airflow: RealAirflow, page: Page) -> None:
    (run, *_) = airflow.call(f"/dags/{DAG_ID}/dagRuns?run_type=scheduled&state=success")["dag_runs"]
    page.goto(f"/dags/{DAG_ID}/runs/{run['dag_run_id']}/tasks/daily_features")
    title = page.get_by_text(re.compile(r"Log of instance \d+"))
    remote = page.get_by_text(re.compile(r"\[Write Table-1\] OK"))
    expect(title).to_be_visible()
    expect(remote).to_have_count(0)
    title.click()
    expect(remote).to_be_visible()
    expect(page.get_by_text(re.compile("::(end)?group::"))).to_have_count(0)

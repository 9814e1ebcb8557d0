"""A real Airflow on PostgreSQL, a local DataWorks behind its connection, and a browser before it."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Error, Page

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from tests.browser.pages import browser
from tests.browser.postgresql import empty_database
from tests.conftest import DAGS_FOLDER, connection
from tests.e2e.real_airflow import RealAirflow

DAG_ID = "example_pai_designer_backfill"


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A local DataWorks in which a run takes five seconds: long enough for two to meet."""
    with launch() as started:
        yield started


@pytest.fixture(scope="session")
def airflow(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAirflow]:
    """An Airflow with all its components, in which the example is switched on and has run for yesterday."""
    with empty_database() as database:
        started = RealAirflow(
            tmp_path_factory.mktemp("airflow"),
            database=database,
            variables={
                "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT": connection(emulator),
                "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            },
        )
        shutil.copy(DAGS_FOLDER / f"{DAG_ID}.py", started.dags)
        shutil.copytree(DAGS_FOLDER / "pipelines", started.dags / "pipelines")
        with started.running(DAG_ID):
            # its scheduled run for yesterday makes the node, and does not get mixed up with a backfill
            started.wait_for("the scheduled run", lambda: successes(started, "scheduled") == 1)
            yield started


def successes(airflow: RealAirflow, kind: str) -> int:
    """How many Airflow runs of the example have succeeded, of one kind: ``scheduled`` or ``backfill``."""
    return int(airflow.call(f"/dags/{DAG_ID}/dagRuns?run_type={kind}&state=success")["total_entries"])


@pytest.fixture(scope="session")
def page(airflow: RealAirflow) -> Iterator[Page]:
    """A page of the browser."""
    with browser(airflow.url) as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what only Airflow's logs and the page tell."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    if report.failed and (airflow := fixtures.get("airflow")):
        report.sections.append((f"ends of the logs in {airflow.home}", airflow.ends_of_logs()))
        if page := fixtures.get("page"):
            picture = airflow.home / f"{item.name}.png"
            with suppress(Error):  # the browser itself may be what failed
                page.screenshot(path=picture)
                report.sections.append(("the page", f"{picture}\n{page.locator('body').inner_text()}"))
    return report

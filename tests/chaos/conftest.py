"""A real Airflow whose tasks can be held and killed, and a local DataWorks behind its connections."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from tests.chaos.barriers import FOLDER
from tests.chaos.cases import IN_MAKE_TEST, LEVELS, Case
from tests.chaos.kinds import DAGS, NODE, connection_of
from tests.chaos.report import Book
from tests.chaos.scene import Scene
from tests.conftest import connection
from tests.e2e.real_airflow import RealAirflow
from tests.generations import LEGACY, NEW
from tests.operators.test_existing_node import deployed

ROOT = Path(__file__).parent.parent.parent
LEVEL = os.environ.get("PAI_DESIGNER_CHAOS", IN_MAKE_TEST)
PAGE = "PAI_DESIGNER_CHAOS_PAGE"
"""Names the file that the outcomes are written to, if all went well."""

_BOOK = Book()


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A local DataWorks in which a run takes some five seconds."""
    with launch() as running:
        yield running


@contextmanager
def database() -> Iterator[str | None]:
    """PostgreSQL, as in production; SQLite where the tests are to need nothing that is not there."""
    if LEVEL == IN_MAKE_TEST:
        yield None
        return
    from tests.browser.postgresql import empty_database

    with empty_database() as address:
        yield address


@pytest.fixture(scope="session")
def scene(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An Airflow that notices soon when a task or a triggerer is gone."""
    folder = tmp_path_factory.mktemp("barriers")
    environment = {"PYTHONPATH": str(ROOT), FOLDER: str(folder)}
    for generation in (LEGACY, NEW):
        name = connection_of(generation.name)
        variable = f"AIRFLOW_CONN_{name.upper()}"
        os.environ[variable] = environment[variable] = connection(emulator, generation=generation)
        environment[NODE[generation.name]] = str(deployed(node_name="chaos", pai_designer_conn_id=name)["node_id"])
    with database() as address:
        airflow = RealAirflow(
            tmp_path_factory.mktemp("airflow"),
            database=address,
            variables={
                **environment,
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "12",
                "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
                "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
                "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
                "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
            },
        )
        shutil.copy(Path(__file__).parent / "dag_of_chaos.py", airflow.dags)
        with airflow.running(*DAGS.values()):
            yield Scene(airflow=airflow, emulator=emulator, folder=folder, book=_BOOK)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cases of a higher level."""
    higher = LEVELS[LEVELS.index(LEVEL) + 1 :]
    left_out = [item for item in items if isinstance(case := _case(item), Case) and case.level in higher]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _case(item: pytest.Item) -> object:
    return item.callspec.params.get("case") if hasattr(item, "callspec") else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
    """Show all outcomes, and write the page."""
    if not _BOOK.rows:
        return
    terminalreporter.section("what came of chaos")
    for line in _BOOK.lines():
        terminalreporter.write_line(line)
    if exitstatus == pytest.ExitCode.OK and (page := os.environ.get(PAGE)):
        Path(page).write_text(_BOOK.page(), encoding="utf-8")

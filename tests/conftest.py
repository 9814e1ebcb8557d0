"""A clean Airflow of the test session's own; set up before anything imports Airflow."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="pai-designer-tests-"))
DAGS_FOLDER = Path(__file__).parent.parent / "example_dags"

os.environ.update(
    {
        "AIRFLOW_HOME": str(AIRFLOW_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS_FOLDER),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{AIRFLOW_HOME}/unit.db",
    }
)

import json  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from airflow_provider_pai_designer.emulator.launch import Emulator, launch  # noqa: E402
from tests.generations import LEGACY, Generation  # noqa: E402

# no test is about time: what takes long on a busy machine is right all the same
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest_plugins = ["tests.leaks"]

# A worker runs whole files. Where tests mostly wait, files begin early, so that none is waited for at the end.
_FIRST = ("test_weather", "sensors", "doctor", "operators", "e2e", "tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""

    def place(item: pytest.Item) -> int:
        names = (item.path.stem, item.path.parent.name)
        return next((place for place, name in enumerate(_FIRST) if name in names), len(_FIRST))

    items.sort(key=place)


def pytest_unconfigure() -> None:
    """Leave nothing behind on the machine."""
    shutil.rmtree(AIRFLOW_HOME, ignore_errors=True)


def connection(
    emulator: Emulator,
    *,
    login: str | None = None,
    password: str | None = None,
    generation: Generation = LEGACY,
    **extra: Any,
) -> str:
    """Return a connection to the emulator in Airflow's JSON form; fields of extra that are None are left out."""
    document = json.loads(emulator.connection(generation.workspace))
    document.update({name: given for name, given in (("login", login), ("password", password)) if given is not None})
    fields = {**document["extra"], **extra}
    return json.dumps({**document, "extra": {name: value for name, value in fields.items() if value is not None}})


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A local DataWorks in which a minute passes in three seconds."""
    with launch(time_scale=20) as running:
        yield running


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own database, made once."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def generation() -> Generation:
    """The generation of DataStudio that the default connection names; tests of both give another one."""
    return LEGACY


@pytest.fixture
def connected(emulator: Emulator, generation: Generation, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator behind the default connection."""
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator, generation=generation))
    return emulator

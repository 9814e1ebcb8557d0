"""What a user would lose: a connection form that is filled in where it is needed, and a test of it on both sides."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.provider_info import get_provider_info
from tests.conftest import connection
from tests.e2e.real_airflow import RealAirflow
from tests.versions import BEFORE_3_3


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealAirflow]:
    """An Airflow with a worker, in which connections may be tested."""
    variables = {
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        # A worker asks anew where the answer comes late, and Airflow gives it the credentials but once.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    }
    airflow = RealAirflow(tmp_path_factory.mktemp("airflow"), variables=variables)
    try:
        airflow.migrate()
        airflow.start("api-server")
        airflow.start("scheduler")
        airflow.log_in()
        yield airflow
    finally:
        airflow.stop()


def as_stored(emulator: Emulator, **fields: Any) -> dict[str, Any]:
    """A connection as the form sends it."""
    document = json.loads(connection(emulator, **fields))
    return {**document, "connection_id": "pai", "port": 443, "extra": json.dumps(document["extra"])}


def test_the_form_is_what_the_provider_describes(airflow: RealAirflow) -> None:
    info: dict[str, Any] = get_provider_info()
    (described,) = info["connection-types"]
    request = urllib.request.Request(f"{airflow.url}/ui/connections/hook_meta", headers=airflow.authorization)
    with urllib.request.urlopen(request, timeout=30) as reply:
        (form,) = [kind for kind in json.load(reply) if kind["connection_type"] == described["connection-type"]]
    assert list(form["extra_fields"]) == list(described["conn-fields"])
    assert form["extra_fields"]["sts_token"]["schema"]["format"] == "password"
    assert form["standard_fields"]["port"]["title"] == "Port (for the Test button)"
    assert form["standard_fields"]["port"]["placeholder"] == "443"


def test_the_api_server_tests_a_connection(airflow: RealAirflow, emulator: Emulator) -> None:
    good = airflow.call("/connections/test", as_stored(emulator))
    assert (good["status"], "workspace 'demo_project' (100001" in good["message"]) == (True, True)
    bad = airflow.call("/connections/test", as_stored(emulator, workspace="elsewhere"))
    assert (bad["status"], "Set Workspace" in bad["message"]) == (False, True)


@pytest.mark.skipif(BEFORE_3_3, reason="before Airflow 3.3 only the API server tests connections")
def test_a_worker_tests_a_connection(airflow: RealAirflow, emulator: Emulator) -> None:
    token = airflow.call("/connections/enqueue-test", as_stored(emulator))["token"]

    def ended() -> Any:
        result = airflow.call("/connections/enqueue-test", headers={"Airflow-Connection-Test-Token": token})
        return result if result["state"] in ("success", "failed") else None

    result = airflow.wait_for("the worker's answer", ended)
    assert (result["state"], "workspace 'demo_project' (100001" in result["result_message"]) == ("success", True)

"""What a user would lose: new data that starts the next DAG for its day, and lineage of both, in a real Airflow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.execution_time.context import OutletEventAccessor

from airflow_provider_pai_designer.emulator.launch import Emulator
from tests.conftest import DAGS_FOLDER, connection
from tests.e2e.real_airflow import RealAirflow

FILLS, LISTENS = "example_pai_designer_assets", "example_pai_designer_assets_scores"


def ended(airflow: RealAirflow, dag_id: str, day: str) -> dict[str, Any] | None:
    """The run for a partition, once it has ended well; switched on, the first DAG has a run by its schedule too."""
    runs: list[dict[str, Any]] = airflow.call(f"/dags/{dag_id}/dagRuns")["dag_runs"]
    assert all(run["state"] != "failed" for run in runs), airflow.ends_of_logs()
    return next((run for run in runs if run["state"] == "success" and run["partition_key"] == day), None)


@pytest.mark.skipif(
    not hasattr(OutletEventAccessor, "add_partitions"), reason="tasks name partitions from Airflow 3.3 on"
)
def test_new_data_starts_the_dag_that_listens_for_its_day(emulator: Emulator, tmp_path: Path) -> None:
    events = tmp_path / "events.json"
    airflow = RealAirflow(
        tmp_path / "airflow",
        variables={
            "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT": connection(emulator),
            "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
                {"type": "file", "log_file_path": str(events), "append": True}
            ),
        },
    )
    shutil.copy(DAGS_FOLDER / f"{FILLS}.py", airflow.dags)
    shutil.copytree(DAGS_FOLDER / "pipelines", airflow.dags / "pipelines")
    with airflow.running(FILLS, LISTENS):
        airflow.call(f"/dags/{FILLS}/dagRuns", {"logical_date": "2026-11-10T18:30:00Z"})
        # 02:30 on the 11th in Shanghai
        run = airflow.wait_for("the DAG that listens", lambda: ended(airflow, LISTENS, "2026-11-10"), seconds=150)
        where = f"/dags/{LISTENS}/dagRuns/{run['dag_run_id']}/taskInstances/scores/xcomEntries/return_value"
        result = airflow.call(where)["value"]
        result = json.loads(result) if isinstance(result, str) else result
    assert result["business_date"] == "2026-11-10"
    told = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    for task in (f"{FILLS}.features", f"{LISTENS}.scores"):
        complete = [event for event in told if event["eventType"] == "COMPLETE" and event["job"]["name"] == task]
        (of_the_day,) = [event for event in complete if facet_of(event)["businessDate"] == "2026-11-10"]
        assert facet_of(of_the_day)["instanceIds"]
        (written,) = of_the_day["outputs"]
        condition = written["outputFacets"]["subset"]["outputCondition"]
        assert [part["dimensions"] for part in condition["partitions"]] == [{"dt": "20261110"}]


def facet_of(event: dict[str, Any]) -> dict[str, Any]:
    facet: dict[str, Any] = event["run"]["facets"]["paiDesigner_run"]
    return facet

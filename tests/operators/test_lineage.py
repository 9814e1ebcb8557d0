"""What a user would lose: tables, partitions and the run in their lineage, at no risk and nearly no cost to the task.

Asked as Airflow's own OpenLineage provider asks; the last test has the provider write its events itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.openlineage.extractors.manager import ExtractorManager
from airflow.sdk.exceptions import TaskDeferred
from airflow.utils.state import TaskInstanceState
from openlineage.client.serde import Serde

from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import RunFailedError
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerBackfillNodeOperator,
    PaiDesignerRerunFailedOperator,
    PaiDesignerStopRunOperator,
    PaiDesignerTestNodeOperator,
)
from tests.conftest import DAGS_FOLDER
from tests.generations import Generation
from tests.operators.support import Task, fire
from tests.operators.test_existing_node import deployed
from tests.operators.test_node_operator import operator

READ = ["demo_project.demo_input_table", "demo_project.dwd_user_info_d"]
WRITTEN = "demo_project.demo_output_table"
STARTED, ENDED, FAILED = TaskInstanceState.RUNNING, TaskInstanceState.SUCCESS, TaskInstanceState.FAILED


def told(subject: Any, state: TaskInstanceState) -> dict[str, Any]:
    """What the OpenLineage provider gets from a task, as it would stand in an event."""
    found = ExtractorManager().extract_metadata(
        dagrun=SimpleNamespace(run_id="run"),
        task=subject,
        task_instance_state=state,
        task_instance=SimpleNamespace(task_id="daily"),
    )
    document = json.loads(Serde.to_json(found))
    return {"inputs": document["inputs"], "outputs": document["outputs"], "run": document["run_facets"]}


def names(datasets: list[dict[str, Any]]) -> list[str]:
    assert {item["namespace"] for item in datasets} <= {"maxcompute://cn-shanghai"}
    return [item["name"] for item in datasets]


def partitions(dataset: dict[str, Any]) -> list[str]:
    condition = dataset["outputFacets"]["subset"]["outputCondition"]
    return [item["dimensions"]["dt"] for item in condition["partitions"]]


def test_a_declared_node_tells_its_tables_and_the_partition_of_its_run(
    connected: Emulator, generation: Generation, task: Task
) -> None:
    subject = operator()
    begun = told(subject, STARTED)
    assert (names(begun["inputs"]), names(begun["outputs"]), begun["run"]) == (READ, [WRITTEN], {})
    result = task.run(subject)
    ended = told(subject, ENDED)
    assert names(ended["inputs"]) == READ
    (written,) = ended["outputs"]
    assert (written["name"], partitions(written)) == (WRITTEN, ["20261122"])
    facet = ended["run"]["paiDesigner_run"]
    assert {key: value for key, value in facet.items() if not key.startswith("_")} == {
        "runName": result["run_name"],
        "nodeId": result["node_id"],
        "environment": "DEV",
        "businessDate": "2026-11-22",
        "remoteDagIds": result["remote_dag_ids"],
        "instanceIds": [item["instance_id"] for item in result["instances"]],
        "workspace": generation.workspace,
        "region": "cn-shanghai",
    }
    assert ended["run"]["externalQuery"]["externalQueryId"] == result["run_name"]


def test_the_content_of_a_node_that_is_there_is_asked_for_once_and_only_for_lineage(
    connected: Emulator, task: Task, deferrable: bool
) -> None:
    node = deployed()
    arguments = {"task_id": "daily", "designer_node_id": node["node_id"], "poll_interval": 0.1}
    subject = PaiDesignerTestNodeOperator(deferrable=deferrable, **arguments)
    assert told(subject, STARTED) == {"inputs": [], "outputs": [], "run": {}}
    try:
        subject.execute(task.context)
    except TaskDeferred as deferral:
        # Airflow goes on in another process.
        subject = PaiDesignerTestNodeOperator(deferrable=deferrable, **arguments)
        subject.resume_execution(deferral.method_name, {"event": fire(deferral.trigger)}, task.context)
    before = connected.control.calls()
    ended = told(subject, ENDED)
    assert connected.control.calls() == before + 1
    assert names(ended["inputs"]) == READ
    assert [partitions(item) for item in ended["outputs"]] == [["20261122"]]


def test_a_backfill_writes_a_partition_for_each_business_date(connected: Emulator, task: Task) -> None:
    node = deployed()
    subject = PaiDesignerBackfillNodeOperator(
        task_id="daily",
        designer_node_id=node["node_id"],
        start_business_date="2026-11-01",
        end_business_date="2026-11-03",
        max_parallel_dates=3,
        poll_interval=0.1,
    )
    task.run(subject)
    ended = told(subject, ENDED)
    (written,) = ended["outputs"]
    assert partitions(written) == ["20261101", "20261102", "20261103"]
    assert ended["run"]["paiDesigner_run"]["lastBusinessDate"] == "2026-11-03"


def test_a_run_that_is_not_waited_for_tells_the_partition_that_it_will_write(connected: Emulator, task: Task) -> None:
    subject = operator(wait_for_completion=False)
    task.run(subject)
    (written,) = told(subject, ENDED)["outputs"]
    assert partitions(written) == ["20261122"]


def test_a_run_that_fails_is_told_too_and_so_is_its_rerun(connected: Emulator, task: Task) -> None:
    subject = operator()
    rule = {"behaviour": "fail", "node": subject.node_name, "step": "Write Table-1", "times": 1}
    connected.control.seed({"steps": [rule]})
    with pytest.raises(RunFailedError):
        task.run(subject)
    failed = told(subject, FAILED)
    assert failed["run"]["paiDesigner_run"]["runName"] == task.xcoms["run_name"]
    assert names(failed["outputs"]) == [WRITTEN]
    again = PaiDesignerRerunFailedOperator(task_id="again", run=task.xcoms["remote_dag_ids"], poll_interval=0.1)
    Task().run(again)
    repaired = told(again, ENDED)
    assert [partitions(item) for item in repaired["outputs"]] == [["20261122"]]
    stop = PaiDesignerStopRunOperator(task_id="stop", run=task.xcoms["remote_dag_ids"], poll_interval=0.1)
    Task().run(stop)
    assert [told(stop, ENDED)[kind] for kind in ("inputs", "outputs")] == [[], []]


def test_a_service_that_is_away_leaves_the_tables_out_and_no_more(connected: Emulator, task: Task) -> None:
    node = deployed()
    subject = PaiDesignerTestNodeOperator(task_id="daily", designer_node_id=node["node_id"], poll_interval=0.1)
    task.run(subject)
    try:
        connected.control.seed(
            {"faults": [{"behaviour": "http", "operation": "*", "status": 503, "code": "Away", "message": "away"}]}
        )
        ended = told(subject, ENDED)
    finally:
        connected.control.clear_behaviours()
    assert (ended["inputs"], ended["outputs"]) == ([], [])
    assert ended["run"]["paiDesigner_run"]["runName"] == task.xcoms["run_name"]


def test_a_task_without_openlineage_imports_none_of_it(connected: Emulator) -> None:
    script = (
        "import sys; from tests.operators.test_existing_node import deployed; from tests.operators.support import Task;"
        "from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerTestNodeOperator as Operator;"
        "task = Operator(task_id='daily', designer_node_id=deployed()['node_id'], poll_interval=0.1);"
        "assert Task().run(task)['outcome'] == 'success';"
        "print([name for name in sys.modules if name.startswith('openlineage') or name.endswith('operators.lineage')])"
    )
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert shown.splitlines()[-1] == "[]"


@pytest.mark.usefixtures("airflow_database")
def test_the_events_that_the_provider_writes_have_it_all(connected: Emulator, tmp_path: Path) -> None:
    events = tmp_path / "events.json"
    script = (
        "import runpy, sys;"
        f"dag = runpy.run_path({str(DAGS_FOLDER / 'example_pai_designer_assets.py')!r})['dag'];"
        "dag.get_task('features').deferrable = True;"
        "sys.exit(dag.test().state != 'success')"
    )
    transport = json.dumps({"type": "file", "log_file_path": str(events), "append": True})
    environment = {**os.environ, "AIRFLOW__OPENLINEAGE__TRANSPORT": transport}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    written = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    of_task = [event for event in written if event["job"]["name"].endswith(".features")]
    assert {event["eventType"] for event in of_task} == {"START", "COMPLETE"}
    assert all(names(event["inputs"]) == READ and names(event["outputs"]) == [WRITTEN] for event in of_task)
    (complete,) = [event for event in of_task if event["eventType"] == "COMPLETE"]
    facet = complete["run"]["facets"]["paiDesigner_run"]
    assert partitions(complete["outputs"][0]) == [facet["businessDate"].replace("-", "")]
    assert facet["instanceIds"]

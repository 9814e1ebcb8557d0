"""What a user would lose: the way from a task to what it does in the consoles, while it runs and after it failed."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization
from structlog.testing import capture_logs

from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import PaiDesignerError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.links.pai_designer import LINKS, PIPELINE_LINKS, push_links
from airflow_provider_pai_designer.operators import pai_designer as operators
from airflow_provider_pai_designer.operators.base import PaiDesignerOperator, RunOperator
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerDeleteNodeOperator,
    PaiDesignerStopRunOperator,
    PaiDesignerTestNodeOperator,
)
from airflow_provider_pai_designer.operators.run_pipeline import PaiDesignerRunPipelineOperator
from airflow_provider_pai_designer.provider_info import get_provider_info
from airflow_provider_pai_designer.sensors import pai_designer as sensors
from airflow_provider_pai_designer.sensors.pai_designer import InstancesSensor, PaiDesignerRunSensor
from airflow_provider_pai_designer.sensors.pipeline_run import PaiDesignerPipelineRunSensor
from tests.generations import GENERATIONS, LEGACY, Generation
from tests.operators.support import Task
from tests.operators.test_existing_node import FOLDER, deployed
from tests.operators.test_node_operator import operator
from tests.test_example_dags import load_dag

OPERATION_CENTER, PAI_DESIGNER = (link.xcom_key for link in LINKS)


@pytest.fixture(params=GENERATIONS, ids=lambda generation: generation.name)
def generation(request: pytest.FixtureRequest) -> Generation:
    """The consoles are the same for both generations."""
    chosen: Generation = request.param
    return chosen


@pytest.fixture
def console(connected: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator, taken for the real service."""
    monkeypatch.setattr(PaiDesignerHook, "_speaks_to_emulator", False)
    return connected


@pytest.fixture
def task() -> Task:
    return Task()


def addresses(generation: Generation, env: str) -> dict[str, str]:
    number = generation.workspace_id
    return {
        OPERATION_CENTER: f"https://workbench2-cn-shanghai.data.aliyun.com/?defaultProjectId={number}&env={env}#/",
        PAI_DESIGNER: (
            f"https://pai.console.aliyun.com/?regionId=cn-shanghai&workspaceId={number}#/workspace/overview"
        ),
    }


def shown(task: Task) -> dict[str, str]:
    """The buttons that a task has."""
    return {link.xcom_key: task.xcoms[link.xcom_key] for link in LINKS if link.xcom_key in task.xcoms}


def said(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """The lines of a log."""
    return [record["event"] % record.get("positional_args", ()) for record in records]


def test_every_operator_and_sensor_has_both_buttons() -> None:
    public = [kind for module in (operators, sensors) for name, kind in vars(module).items() if name[:3] == "Pai"]
    kinds = [kind for kind in public if issubclass(kind, PaiDesignerOperator | InstancesSensor)]
    assert len(kinds) == 10
    for kind in kinds:
        assert [link.name for link in kind.operator_extra_links] == ["Operation Center", "PAI Designer"]


def test_tasks_about_a_pipelines_run_have_buttons_of_their_own() -> None:
    for kind in (PaiDesignerRunPipelineOperator, PaiDesignerPipelineRunSensor):
        assert [link.name for link in kind.operator_extra_links] == ["Pipeline run", "PAI Designer"]


def test_airflow_lists_the_links_of_the_provider() -> None:
    listed = get_provider_info()["extra-links"]
    links = dict.fromkeys([*map(type, LINKS), *map(type, PIPELINE_LINKS)])
    assert listed == [f"{link.__module__}.{link.__qualname__}" for link in links]


@pytest.mark.usefixtures("console")
def test_the_buttons_are_there_while_the_run_goes_on_and_in_the_log_of_the_try(
    generation: Generation, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    wait = RunOperator._wait

    def waiting(subject: RunOperator, *arguments: Any) -> Any:
        seen.append(shown(task))
        return wait(subject, *arguments)

    monkeypatch.setattr(RunOperator, "_wait", waiting)
    with capture_logs() as records:
        task.run(operator(environment="PROD"))
    assert seen == [addresses(generation, "prod")]
    assert f"Operation Center: {addresses(generation, 'prod')[OPERATION_CENTER]}" in said(records)


@pytest.mark.usefixtures("console")
def test_a_run_that_takes_long_to_be_made_does_not_keep_them_back(
    generation: Generation, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    start = PaiDesignerHook.test_node

    def starting(hook: PaiDesignerHook, *arguments: Any, **options: Any) -> Any:
        seen.append(shown(task))
        return start(hook, *arguments, **options)

    monkeypatch.setattr(PaiDesignerHook, "test_node", starting)
    with capture_logs() as records:
        task.run(operator())
    assert seen == [addresses(generation, "dev")]
    assert said(records).count(f"Operation Center: {addresses(generation, 'dev')[OPERATION_CENTER]}") == 1


@pytest.mark.usefixtures("console")
def test_a_deferred_task_has_them_in_its_own_environment(generation: Generation, task: Task) -> None:
    task.run(operator(deferrable=True))
    assert shown(task) == addresses(generation, "dev")


@pytest.mark.usefixtures("console")
def test_a_task_about_a_run_leads_to_where_the_run_is(generation: Generation, task: Task) -> None:
    run = Task().run(operator(environment="PROD"))
    task.run(PaiDesignerStopRunOperator(task_id="stop", run=run, poll_interval=0.1))
    assert shown(task) == addresses(generation, "prod")
    awaiting = Task()
    PaiDesignerRunSensor(task_id="await", run=run).execute(awaiting.context)
    assert shown(awaiting) == addresses(generation, "prod")


@pytest.mark.usefixtures("console")
def test_tasks_about_a_node_have_them_too(generation: Generation, task: Task) -> None:
    name = deployed(environment="DEV")["node_name"]
    PaiDesignerDeleteNodeOperator(task_id="delete", node_name=name, folder=FOLDER).execute(task.context)
    assert shown(task) == addresses(generation, "prod")


def test_a_task_that_failed_before_its_run_has_them(console: Emulator, generation: Generation, task: Task) -> None:
    node = deployed(environment="DEV")
    console.control.seed(
        {"faults": [{"behaviour": "refuse", "operation": generation.start_test, "code": "No.Such.Luck", "times": 1}]}
    )
    with pytest.raises(PaiDesignerError, match="No.Such.Luck"):
        task.run(PaiDesignerTestNodeOperator(task_id="daily", designer_node_id=node["node_id"]))
    assert shown(task) == addresses(generation, "dev")


def test_a_sensor_that_first_met_weather_has_them_once_it_sees_again(
    console: Emulator, generation: Generation, task: Task
) -> None:
    run = Task().run(operator(wait_for_completion=False))
    project = "GetProject" if generation is LEGACY else "ListProjects"
    console.control.seed({"faults": [{"behaviour": "http", "operation": project, "status": 503, "times": 1}]})
    sensor = PaiDesignerRunSensor(task_id="await", run=run)
    assert not sensor.poke(task.context)
    assert shown(task) == {}
    sensor.poke(task.context)
    assert shown(task) == addresses(generation, "dev")


def test_no_call_is_made_for_a_button(console: Emulator, task: Task) -> None:
    before = console.control.calls()
    hook = PaiDesignerHook()
    push_links(task.context["ti"], hook, LINKS, lambda: hook.console_addresses("DEV"), shown={})
    assert (shown(task), console.control.calls()) == ({}, before)


@pytest.mark.usefixtures("console")
def test_a_task_never_fails_for_a_button(task: Task) -> None:
    push = task.context["ti"].xcom_push

    def broken(key: str, value: Any) -> None:
        if key in (OPERATION_CENTER, PAI_DESIGNER):
            raise RuntimeError("the database is away")
        push(key, value)

    task.context["ti"].xcom_push = broken
    assert task.run(operator())["outcome"] == "success"
    for link in LINKS:
        assert link.get_link(operator(), ti_key=None) == ""  # type: ignore[arg-type]


def test_on_the_emulator_they_lead_to_the_run_and_its_node(connected: Emulator, task: Task) -> None:
    """Not to a console that knows nothing of it; first to the workspace, for as long as there is no run."""
    with capture_logs() as records:
        result = task.run(operator())
    assert shown(task) == {
        OPERATION_CENTER: f"{connected.url}/console/runs/{result['remote_dag_ids'][0]}",
        PAI_DESIGNER: f"{connected.url}/console/nodes/DEV/{result['node_id']}",
    }
    for address in shown(task).values():
        with urllib.request.urlopen(address, timeout=10) as reply:
            assert result["run_name"] in reply.read().decode()
    told = [line for line in said(records) if line.startswith("Operation Center: ")]
    assert [line.split("/console/")[1].split("/")[0] for line in told] == ["workspaces", "runs"]


@pytest.mark.usefixtures("connected")
def test_on_the_emulator_a_failure_names_the_page_of_its_run(connected: Emulator, task: Task) -> None:
    connected.control.seed({"steps": [{"behaviour": "fail", "times": 1}]})
    with pytest.raises(PaiDesignerError, match=rf"Operation Center: {connected.url}/console/runs/\d+$"):
        task.run(operator())


@pytest.mark.usefixtures("airflow_database", "console")
@pytest.mark.parametrize("deferrable", [False, True], ids=["in place", "deferred"])
@pytest.mark.parametrize("fails", [False, True], ids=["good", "failed"])
def test_airflow_shows_them_when_the_task_has_ended(
    generation: Generation, connected: Emulator, deferrable: bool, fails: bool
) -> None:
    dag = load_dag("example_pai_designer_node")
    dag.get_task("daily_features").deferrable = deferrable
    if fails:
        connected.control.seed({"steps": [{"behaviour": "fail", "node": "daily_features", "times": 1}]})
    (ended,) = [item for item in dag.test().get_task_instances() if item.task_id == "daily_features"]
    assert ended.state == ("failed" if fails else "success")
    served = DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task("daily_features")
    links = {link.xcom_key: served.get_extra_links(ended, link.name) for link in LINKS}
    assert links == addresses(generation, "dev")

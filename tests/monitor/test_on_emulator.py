"""What a user would lose: a call for each of his runs at each poll, where one would do for all."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerTestNodeOperator
from tests.operators.support import Task, fire
from tests.operators.test_existing_node import deployed

COUNT = 6


def deferred(node: dict[str, Any], **arguments: Any) -> Any:
    """Start a run, and return the trigger that awaits it."""
    values = {"task_id": "daily", "designer_node_id": node["node_id"], "deferrable": True, "poll_interval": 0.5}
    with pytest.raises(TaskDeferred) as deferral:
        PaiDesignerTestNodeOperator(**{**values, **arguments}).execute(Task().context)
    return deferral.value.trigger


def test_many_triggers_share_their_polls(connected: Emulator) -> None:
    connected.control.seed({"steps": [{"behaviour": "slow", "node": "shared", "step": "*", "seconds": 60}]})
    node = deployed(node_name="shared")
    triggers = [deferred(node) for _ in range(COUNT)]
    polls = ("ListInstances", "GetInstance", "ListTaskInstances", "GetWorkflowInstance")
    before = sum(connected.control.calls(name) for name in polls)
    projects = connected.control.calls("GetProject") + connected.control.calls("ListProjects")

    async def await_all() -> list[dict[str, Any]]:
        async def first(trigger: Any) -> dict[str, Any]:
            async for event in trigger.run():
                return dict(event.payload)
            raise AssertionError("the trigger fired nothing")

        return await asyncio.gather(*(first(trigger) for trigger in triggers))

    events = asyncio.run(await_all())
    assert [event["verdict"] for event in events] == ["ended"] * COUNT
    assert all(len(str(event)) < 2000 for event in events)
    calls = sum(connected.control.calls(name) for name in polls) - before
    assert calls < 2 * COUNT * 3
    assert connected.control.calls("GetProject") + connected.control.calls("ListProjects") == projects + 1


def test_a_trigger_alone_sees_its_run(connected: Emulator) -> None:
    event = fire(deferred(deployed()))
    assert event["verdict"] == "ended"
    assert list(event["instances"].values()) == ["SUCCESS"]


def test_a_list_shows_the_newest_first_and_what_is_gone_is_left_out(connected: Emulator) -> None:
    node = deployed()
    runs = [Run.from_dict(deferred(node).run_data) for _ in range(2)]
    hook = PaiDesignerHook()
    (older,), (newer,) = (hook.list_instances(run) for run in runs)
    day, environment = runs[0].business_date, hook.workspace.check_environment(runs[0].environment)
    page = hook.dataworks.list_newest(hook.workspace, environment, first=day, last=day, page=1)
    listed = [item.id for item in page.instances if item.id in (older.id, newer.id)]
    assert listed == [newer.id, older.id]
    assert page.total >= len(page.instances)
    assert all(item.created for item in page.instances)
    ids = [older.id, 999_999_999][: hook.dataworks.ids_at_once]
    (found,) = hook.dataworks.list_by_ids(hook.workspace, environment, business_date=day, ids=ids)
    assert (found.id, found.remote_dag_id) == (older.id, older.remote_dag_id)
    gone = hook.dataworks.list_by_ids(hook.workspace, environment, business_date=day, ids=[999_999_999])
    assert gone == ()

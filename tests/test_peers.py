"""What users of other providers lost, and ours must not lose: fourteen bugs of well-known peers, each as a test.

The number in each docstring is that of the class of bug. Where other tests hold the same more broadly, the test here is
the smallest one that would see the peer's bug.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_pai_designer.designer.run import InstanceStatus, Outcome, TaskType, read_status
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    ConfigurationError,
    NotSentError,
    RunStoppedError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.operators import pai_designer as operators
from airflow_provider_pai_designer.operators import run_pipeline
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerDeleteNodeOperator,
    PaiDesignerTestNodeOperator,
)
from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerRunSensor, PaiDesignerScheduledInstanceSensor
from airflow_provider_pai_designer.triggers import pai_designer as triggers
from airflow_provider_pai_designer.triggers import pipeline_run
from airflow_provider_pai_designer.triggers.pai_designer import AwaitTrigger
from tests.conftest import connection
from tests.designer.test_run import instance
from tests.operators.support import Task, status_of, wait_until, writes
from tests.operators.test_existing_node import deployed

OPERATORS = [
    kind
    for module in (operators, run_pipeline)
    for kind in vars(module).values()
    if isinstance(kind, type)
    and issubclass(kind, BaseOperator)
    and kind.__name__.startswith("PaiDesigner")
    and kind.__module__ == module.__name__
]
TRIGGERS = [
    kind
    for module in (triggers, pipeline_run)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, AwaitTrigger) and kind.__name__.startswith("PaiDesigner")
]
POLLS = "[GL]*Instance*"


@pytest.fixture(params=[False, True], ids=["in place", "deferred"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def node(connected: Emulator) -> Iterator[dict[str, Any]]:
    """A node of which a run takes some seconds."""
    found = deployed()
    rule = {"behaviour": "slow", "node": found["node_name"], "step": "*", "seconds": 8}
    connected.control.seed({"steps": [rule]})
    yield found
    connected.control.clear_behaviours()


def waits(node: dict[str, Any], **arguments: Any) -> PaiDesignerTestNodeOperator:
    values = {"poll_interval": 0.2, "timeout": 60, **arguments}
    return PaiDesignerTestNodeOperator(task_id="daily", designer_node_id=node["node_id"], **values)


def awaited_through(emulator: Emulator, node: dict[str, Any], fault: dict[str, Any], *, deferrable: bool = True) -> Any:
    """Await a run of which one poll fails, and return what was written meanwhile."""
    emulator.control.seed({"faults": [{**fault, "operation": POLLS, "after": 1, "times": 1}]})
    with writes(emulator) as written:
        assert Task().run(waits(node, deferrable=deferrable))["outcome"] == "success"
    return written


def test_a_connection_that_breaks_in_the_middle_of_a_wait_is_made_again(
    connected: Emulator, node: dict[str, Any]
) -> None:
    """V1: a trigger that never refreshes its connection after an error."""
    assert awaited_through(connected, node, {"behaviour": "reset"}) == ["start"]


@pytest.mark.parametrize("code", ["SomethingNew", "Forbidden.Access"])
def test_a_poll_that_is_refused_stops_no_run(connected: Emulator, node: dict[str, Any], code: str) -> None:
    """V2: any error of a poll cancels the remote run."""
    assert awaited_through(connected, node, {"behaviour": "http", "status": 400, "code": code}) == ["start"]


@pytest.mark.parametrize(
    "fault",
    [
        {"behaviour": "close"},
        {"behaviour": "truncated"},
        {"behaviour": "http", "status": 408, "code": "RequestTimeout"},
        {"behaviour": "http", "status": 503, "code": "ServiceUnavailable"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_no_kind_of_broken_poll_fails_a_task(connected: Emulator, node: dict[str, Any], fault: dict[str, Any]) -> None:
    """V3: a list of errors that are retried, with holes in it."""
    assert awaited_through(connected, node, fault) == ["start"]


def test_a_request_that_the_service_gave_up_on_is_made_again(connected: Emulator) -> None:
    """V3: HTTP 408, which is no refusal."""
    fault = {"behaviour": "http", "status": 408, "code": "RequestTimeout", "operation": "GetProject", "times": 1}
    connected.control.seed({"faults": [fault]})
    assert PaiDesignerHook().workspace.id == 100001


@pytest.mark.parametrize("user_acts", [True, False], ids=["cleared", "moved to another triggerer"])
def test_a_deferred_task_that_is_cleared_stops_its_run_once_and_one_that_moves_does_not(
    connected: Emulator, node: dict[str, Any], monkeypatch: pytest.MonkeyPatch, user_acts: bool
) -> None:
    """V4 and V5: a trigger that swallows its cancellation, so that Airflow never reaches its ``on_kill``."""
    connected.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*"}]})
    monkeypatch.setattr(triggers, "is_awaited", lambda *_: not user_acts)
    task = Task()
    with pytest.raises(TaskDeferred) as deferral:
        waits(node, deferrable=True).execute(task.context)
    trigger = deferral.value.trigger
    trigger.task_instance = SimpleNamespace(**vars(task.context["ti"]), id=uuid4(), context_carrier=None)
    (dag_id,) = task.xcoms["remote_dag_ids"]
    with writes(connected) as written:
        in_triggerer(trigger, until=lambda: status_of(connected, dag_id) == "RUNNING", user_acts=user_acts)
    assert written == (["stop"] if user_acts else [])
    wait_until(lambda: status_of(connected, dag_id) == ("FAILURE" if user_acts else "RUNNING"))


def in_triggerer(trigger: Any, *, until: Any, user_acts: bool) -> None:
    """Run a trigger as Airflow's triggerer does, and cancel it as Airflow does; the cancellation must come through."""
    from airflow.jobs.triggerer_job_runner import _USER_ACTION_CANCEL_MSG, TriggerRunner

    async def scene() -> None:
        runner = TriggerRunner()
        runner.triggers[1] = {"name": "the trigger", "events": 0}  # type: ignore[typeddict-item]
        running = asyncio.create_task(runner.run_trigger(1, trigger))
        await asyncio.to_thread(wait_until, until)
        running.cancel(_USER_ACTION_CANCEL_MSG if user_acts else None)
        with suppress(asyncio.CancelledError):
            await running
        assert running.cancelled()
        assert not runner.events

    asyncio.run(scene())


@pytest.mark.parametrize("kind", OPERATORS, ids=lambda kind: kind.__name__)
def test_a_task_that_is_killed_before_it_began_ends_in_peace(kind: type[BaseOperator]) -> None:
    """V6: ``on_kill`` uses what only ``execute`` sets."""
    subject: Any = kind(task_id="daily", **required(kind))
    subject.on_kill()
    with pytest.raises(RunStoppedError):
        subject._hook.pause(0)


def required(kind: type[BaseOperator]) -> dict[str, Any]:
    """Something for every argument that must be given."""
    return dict.fromkeys((name for name, given in arguments_of(kind).items() if given.default is given.empty), "x")


def arguments_of(kind: type[Any]) -> dict[str, inspect.Parameter]:
    """All arguments that a class of ours takes, its bases' included."""
    ours = [base for base in kind.__mro__ if base.__module__.startswith("airflow_provider_pai_designer.")]
    return {
        name: parameter
        for base in reversed(ours)
        if "__init__" in vars(base)
        for name, parameter in inspect.signature(vars(base)["__init__"]).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }


BY_DEFAULT = """
import json
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerDeleteNodeOperator,
    PaiDesignerTestNodeOperator,
)
from tests.operators.support import Task
subject = PaiDesignerTestNodeOperator(task_id="daily", designer_node_id={node_id}, wait_for_completion=False)
print(json.dumps([subject.deferrable, subject.execute(Task().context)["remote_dag_ids"]]))
"""


def test_a_task_that_should_not_wait_does_not_wait_where_deferring_is_the_default(
    connected: Emulator, node: dict[str, Any]
) -> None:
    """V7: ``default_deferrable`` turns tasks that fire and forget into tasks that wait."""
    environment = {
        **os.environ,
        "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE": "True",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    command = [sys.executable, "-c", BY_DEFAULT.format(node_id=node["node_id"])]
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    deferrable, (dag_id,) = json.loads(ran.stdout.splitlines()[-1])
    assert deferrable
    wait_until(lambda: status_of(connected, dag_id) == "SUCCESS")


@pytest.mark.parametrize(
    "fault",
    [{"behaviour": "http", "status": 400, "code": "Throttling.User"}, {"behaviour": "garbage"}],
    ids=["throttled", "another reply than expected"],
)
def test_an_answer_without_a_status_does_not_end_a_trigger(
    connected: Emulator, node: dict[str, Any], fault: dict[str, Any]
) -> None:
    """V8: the status is read from an answer that is none: ``KeyError``."""
    assert awaited_through(connected, node, fault) == ["start"]


@pytest.mark.parametrize("kind", TRIGGERS, ids=lambda kind: kind.__name__)
def test_a_trigger_that_is_made_again_knows_all_that_it_knew(kind: type[AwaitTrigger]) -> None:
    """V9: an argument that does not survive the way through the database."""
    given: dict[str, Any] = {name: f"some {name}" for name in arguments_of(kind)}
    path, arguments = kind(**given).serialize()
    again = kind(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, given)
    assert path == f"{kind.__module__}.{kind.__qualname__}"


def test_what_a_task_is_told_reaches_its_trigger(
    emulator: Emulator, node: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """V9: an argument of the operator or sensor that its trigger never hears of."""
    emulator.control.seed({"steps": [{"behaviour": "hang", "node": node["node_name"], "step": "*"}]})
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", connection(emulator, region=None, workspace=None))
    where = {"pai_designer_conn_id": "elsewhere", "workspace": "demo_project", "region": "cn-shanghai"}
    task = Task()
    subject = waits(node, **where, deferrable=True, poll_interval="0.3", outage_timeout="77", cancel_on_kill=False)
    told = deferral_of(subject, task)
    run = {**where, "run": task.run(waits(node, **where, wait_for_completion=False)), "poke_interval": 0.3}
    day = {"designer_node_id": node["node_id"], "business_date": "2026-11-20", "cycle": 2, "environment": "DEV"}
    gate = PaiDesignerRunSensor(task_id="gate", deferrable=True, timeout=60, **run)
    scheduled = PaiDesignerScheduledInstanceSensor(
        task_id="gate", deferrable=True, timeout=60, poke_interval=0.3, **where, **day
    )
    for arguments in (told, deferral_of(gate, Task()), deferral_of(scheduled, Task())):
        assert {name: arguments[name] for name in where} == where
        assert arguments["poll_interval"] == 0.3
        assert arguments["deadline"] is not None
    assert (told["outage_seconds"], told["cancel_on_kill"]) == (77, False)
    assert told["run"]["remote_dag_ids"] == task.xcoms["remote_dag_ids"]


def deferral_of(subject: Any, task: Task) -> dict[str, Any]:
    """Run a task until it defers, and return what its trigger is made from."""
    with pytest.raises(TaskDeferred) as deferral:
        subject.execute(task.context)
    arguments: dict[str, Any] = deferral.value.trigger.serialize()[1]
    return arguments


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"password": "the-secret-of-nobody"}, AuthenticationError),
        ({"login": "LTAI-nobody"}, AuthenticationError),
        ({"dataworks_endpoint": "http://127.0.0.1:1"}, NotSentError),
    ],
    ids=["wrong secret", "wrong key", "no network"],
)
def test_a_connection_that_does_not_work_says_so_at_the_first_look(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], error: type[Exception]
) -> None:
    """V10: a check of the connection that succeeds with any key, and without a network."""
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator, **changes))
    hook = PaiDesignerHook()
    with hook.one_attempt(), pytest.raises(error):
        assert hook.workspace


def test_a_run_that_is_asked_for_again_is_asked_for_by_the_same_name(connected: Emulator, node: dict[str, Any]) -> None:
    """V11: a token against duplicates that is new in every call, and so protects from nothing."""
    task = Task()
    keep, names = task.store.set, []

    def kept(key: str, value: Any) -> None:
        names.append(value["run"]["run_name"])
        keep(key, value)

    task.store.set = kept  # type: ignore[method-assign]
    connected.control.seed({"faults": [{"behaviour": "close", "operation": "RunSmokeTest", "times": 1}]})
    result = task.run(waits(node, settle=1))
    assert result["asks"] == 2
    assert len(names) > 2
    assert set(names) == {result["run_name"]}


@pytest.mark.parametrize("kind", [kind for kind in OPERATORS if required(kind)], ids=lambda kind: kind.__name__)
def test_an_argument_that_must_be_given_is_missed_when_the_dag_is_parsed(kind: type[BaseOperator]) -> None:
    """V12: an argument that is called optional, and is missed only when the task runs."""
    for name in required(kind):
        given = {other: value for other, value in required(kind).items() if other != name}
        with pytest.raises(TypeError, match=f"missing keyword argument '{name}'"):
            kind(task_id="daily", **given)


@pytest.mark.parametrize(
    "kind",
    [kind for kind in OPERATORS if kind is not PaiDesignerDeleteNodeOperator],
    ids=lambda kind: kind.__name__,
)
def test_an_argument_that_may_be_left_out_is_a_typed_error_where_it_is_needed(
    connected: Emulator, kind: type[BaseOperator]
) -> None:
    """V12: the same, with a ``TypeError`` from deep inside."""
    subject: Any = kind(task_id="daily", **required(kind))
    before = connected.control.calls()
    with pytest.raises(ConfigurationError, match="Give|give"):
        subject.execute(Task().context)
    assert connected.control.calls() == before


@pytest.mark.parametrize("status", ["PAUSED", "SUSPENDED", "STOPPED", "CANCELLED", "SKIPPED", "TRANSFERRED", "", None])
def test_only_what_is_listed_as_good_is_good(status: str | None) -> None:
    """V13: a pipeline that is paused counts as one that succeeded."""
    assert read_status(status) is InstanceStatus.UNKNOWN
    good = {
        (state, kind)
        for state, kind in product(InstanceStatus, TaskType)
        if instance(status=state, task_type=kind).outcome is Outcome.SUCCESS
    }
    assert good == {(InstanceStatus.SUCCESS, TaskType.NORMAL), (InstanceStatus.SUCCESS, TaskType.MANUAL)}


def test_an_error_500_in_the_middle_of_a_wait_starts_no_second_run(
    connected: Emulator, node: dict[str, Any], deferrable: bool
) -> None:
    """V14: one HTTP 500 ends the wait, and the retry of the task starts the run once more."""
    fault = {"behaviour": "http", "status": 500, "code": "InternalError.System"}
    assert awaited_through(connected, node, fault, deferrable=deferrable) == ["start"]

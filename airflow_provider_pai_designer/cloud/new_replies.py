"""Reading the replies of DataWorks OpenAPI 2024-05-18 into the words of this provider.

Units differ from place to place: a spec has milliseconds and local times, a task has seconds, an instance epoch
milliseconds. A reply that cannot be read becomes an :class:`UnclearError`, see :func:`~.replies.understood`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.replies import shared_text, understood
from airflow_provider_pai_designer.cloud.verbs import LAST_PAGE
from airflow_provider_pai_designer.designer.flow_spec import RERUN_MODES, read_moment, read_recurrence
from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, Schedule, SchedulerType
from airflow_provider_pai_designer.designer.run import Instance, InstanceStatus, TaskType
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.scheduling import SchedulingParameters

_Result = TypeVar("_Result")

_STATUSES = {
    "NotRun": InstanceStatus.NOT_RUN,
    "Running": InstanceStatus.RUNNING,
    "WaitTime": InstanceStatus.WAIT_TIME,
    "CheckingCondition": InstanceStatus.CHECKING_CONDITION,
    "WaitResource": InstanceStatus.WAIT_RESOURCE,
    "Failure": InstanceStatus.FAILURE,
    "Success": InstanceStatus.SUCCESS,
    "Checking": InstanceStatus.CHECKING,
    "WaitTrigger": InstanceStatus.WAIT_TRIGGER,
}
_TASK_TYPES = {
    "Normal": TaskType.NORMAL,
    "Manual": TaskType.MANUAL,
    "Pause": TaskType.PAUSE,
    "PauseCalendar": TaskType.PAUSE,
    "Skip": TaskType.SKIP,
    "SkipCalendar": TaskType.SKIP,
    "SkipUnchoose": TaskType.SKIP_UNCHOOSE,
    "SkipCycle": TaskType.SKIP_CYCLE,
    "ConditionUnchoose": TaskType.CONDITION_UNCHOOSE,
    "RealtimeDeprecated": TaskType.REALTIME_DEPRECATED,
}
"""How an instance was triggered (``TriggerRecurrence``), to ours; a calendar pauses and skips as a schedule does."""


@dataclass(frozen=True, kw_only=True)
class NodeRow:
    """A node as ListNodes shows it.

    :param task_id: id of the task that was made of it; None before it is published.
    :param path: folder and name.
    :param command: type of the node.
    :param inputs: output names of its parents.
    :param outputs: its own output names.
    """

    id: str
    task_id: int | None
    name: str
    path: str
    command: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What an environment has of a node.

    :param environment: None where the service does not say.
    :param node: what the environment runs; it has no folder, and of the content only what the scheduler gets.
    """

    id: int
    environment: Environment | None
    node: Node


@dataclass(frozen=True, kw_only=True)
class WorkflowInstance:
    """One business date of a run: what this generation has in the place of a remote DAG.

    :param kind: ``SmokeTest``, ``SupplementData``, ``Normal``, ...
    :param milliseconds: the business date as the service prints it, to be given back in that form.
    :param own_instance_id: the task instance that stands for all of it; None where the service names none.
    :param created: epoch milliseconds.
    """

    id: int
    name: str
    kind: str
    milliseconds: int
    business_date: date
    own_instance_id: int | None
    created: int


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of a pipeline run.

    :param step: place among the stages.
    :param kind: ``Build``, ``Check``, ``Deploy``, ``Offline`` or ``Delete``.
    """

    code: str
    name: str
    step: int
    kind: str
    status: str
    message: str


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """One publishing, or taking offline, of a node.

    :param created: epoch milliseconds.
    :param stages: in their order.
    """

    id: str
    status: str
    message: str
    created: int
    description: str
    stages: tuple[Stage, ...]

    @property
    def works(self) -> bool:
        """Whether a stage is under way."""
        return any(stage.status == "Running" for stage in self.stages)

    @property
    def removes(self) -> bool:
        """Whether the run takes a node away."""
        return any(stage.kind in ("Offline", "Delete") for stage in self.stages)


def read_pages(
    gateway: Gateway,
    operation: str,
    items: str,
    read: Callable[[Mapping[str, Any]], _Result],
    *,
    page_size: int = 100,
    **filters: Any,
) -> Iterator[_Result]:
    """Read all pages of a list.

    :param items: member of ``PagingInfo`` with the rows.
    :param page_size: at most what the operation allows.
    """
    for page in range(1, LAST_PAGE + 1):
        rows, total = read_page(gateway, operation, items, read, page=page, page_size=page_size, **filters)
        yield from rows
        if not rows or page * page_size >= total:
            return


def read_page(
    gateway: Gateway,
    operation: str,
    items: str,
    read: Callable[[Mapping[str, Any]], _Result],
    *,
    page: int,
    page_size: int,
    **filters: Any,
) -> tuple[list[_Result], int]:
    """Read one page of a list, and how many rows the whole list has."""
    reply = gateway.read(operation, page_number=page, page_size=page_size, **filters)
    # Some operations print the numbers of the paging as text.
    return understood(
        operation,
        reply,
        lambda paging: ([read(row) for row in paging.get(items) or ()], int(paging.get("TotalCount") or 0)),
        member="PagingInfo",
    )


def read_id(value: object) -> str:
    """Read an id that is text; one of the vendor's own samples ends with a line break."""
    text = str(value or "").strip()
    if not text:
        raise ValueError(f"{value!r} is no id")
    return text


def read_project(data: Mapping[str, Any]) -> Workspace:
    """Read a workspace."""
    standard = data.get("DevEnvironmentEnabled") is True
    return Workspace(
        id=int(data["Id"]),
        identifier=str(data["Name"]),
        environments=(Environment.DEV, Environment.PROD) if standard else (Environment.PROD,),
    )


def read_node_row(data: Mapping[str, Any]) -> NodeRow:
    """Read a node of a list."""
    script = data.get("Script") or {}
    return NodeRow(
        id=read_id(data["Id"]),
        task_id=_optional(data.get("TaskId")),
        name=str(data["Name"]),
        path=str(script.get("Path") or "").strip("/"),
        command=str((script.get("Runtime") or {}).get("Command") or ""),
        inputs=_outputs(data.get("Inputs")),
        outputs=_outputs(data.get("Outputs")),
    )


def read_task(data: Mapping[str, Any], zone: ZoneInfo) -> Task:
    """Read what an environment has of a node."""
    script, trigger = data.get("Script") or {}, data.get("Trigger") or {}
    environment = str(data.get("EnvType") or data.get("ProjectEnv") or "").upper()
    scheduled = trigger.get("Type", "Scheduler") == "Scheduler"
    return Task(
        id=int(data["Id"]),
        environment=Environment(environment) if environment else None,
        node=Node(
            name=str(data["Name"]),
            folder="",
            content=str(script.get("Content") or ""),
            parameters=SchedulingParameters.parse(str(script.get("Parameters") or ""), strict=False),
            schedule=Schedule(
                cron=str(trigger.get("Cron") or ""),
                type=read_recurrence(trigger.get("Recurrence")) if scheduled else SchedulerType.MANUAL,
                start=read_moment(trigger["StartTime"], zone) if trigger.get("StartTime") else 0,
                end=read_moment(trigger["EndTime"], zone) if trigger.get("EndTime") else 0,
            ),
            parents=tuple(
                str(item["UpstreamOutput"])
                for item in data.get("Dependencies") or ()
                if item.get("Type") == "Normal" and item.get("UpstreamOutput")
            ),
            rerun=RerunPolicy(
                mode=RERUN_MODES.get(str(data.get("RerunMode")), ""),
                times=int(data.get("RerunTimes") or 0),
                interval_seconds=int(data.get("RerunInterval") or 0),
            ),
            resource_group=(data.get("RuntimeResource") or {}).get("ResourceGroupId"),
            owner=str(data.get("Owner") or "") or None,
            description=str(data.get("Description") or ""),
        ),
    )


def read_pipeline_run(data: Mapping[str, Any]) -> PipelineRun:
    """Read how far a publishing has come."""
    stages = [
        Stage(
            code=str(item["Code"]),
            name=str(item.get("Name") or item["Code"]),
            step=int(item["Step"]),
            kind=str(item.get("Type") or ""),
            status=str(item["Status"]),
            message=str(item.get("Message") or ""),
        )
        for item in data.get("Stages") or ()
    ]
    return PipelineRun(
        id=read_id(data["Id"]),
        status=str(data["Status"]),
        message=str(data.get("Message") or ""),
        created=int(data.get("CreateTime") or 0),
        description=str(data.get("Description") or ""),
        stages=tuple(sorted(stages, key=lambda stage: stage.step)),
    )


def read_workflow_instance(data: Mapping[str, Any], zone: ZoneInfo) -> WorkflowInstance:
    """Read one business date of a run."""
    own_instance_id = data.get("WorkflowTaskInstanceId")
    return WorkflowInstance(
        id=int(data["Id"]),
        name=str(data["Name"]),
        kind=str(data.get("Type") or ""),
        milliseconds=int(data["BizDate"]),
        business_date=_moment(data["BizDate"], zone).date(),
        own_instance_id=int(own_instance_id) if own_instance_id else None,
        created=int(data.get("CreateTime") or 0),
    )


def read_task_instance(data: Mapping[str, Any], zone: ZoneInfo) -> Instance:
    """Read an instance.

    How many automatic reruns are left is not among what the service says of an instance: a FAILURE counts as the end.
    """
    trigger_time = data.get("TriggerTime")
    return Instance(
        id=int(data["Id"]),
        node_id=int(data["TaskId"]),
        node_name=shared_text(data.get("TaskName")),
        remote_dag_id=int(data.get("WorkflowInstanceId") or 0),
        status=_STATUSES.get(str(data["Status"]), InstanceStatus.UNKNOWN),
        task_type=_task_type(data),
        business_date=_moment(data["Bizdate"], zone).date(),
        schedule_time=_moment(trigger_time, zone) if trigger_time else None,
        parameters=shared_text(data.get("ScriptParameters") or (data.get("Script") or {}).get("Parameters")),
        kind=str(data.get("WorkflowInstanceType") or ""),
        created=_optional(data.get("CreateTime")),
        started=_optional(data.get("StartedTime")),
        finished=_optional(data.get("FinishedTime")),
    )


def day_in_milliseconds(business_date: date, zone: ZoneInfo) -> int:
    """Return a business date as the lists of instances want it: its midnight in the workspace's zone."""
    return int(datetime(business_date.year, business_date.month, business_date.day, tzinfo=zone).timestamp()) * 1000


def _task_type(data: Mapping[str, Any]) -> TaskType:
    """What is not scheduled has no recurrence, and is executed."""
    recurrence = data.get("TriggerRecurrence") or ("Manual" if data.get("TriggerType") == "Manual" else None)
    return _TASK_TYPES.get(str(recurrence), TaskType.UNKNOWN)


def _outputs(artifacts: Mapping[str, Any] | None) -> tuple[str, ...]:
    return tuple(str(item["Data"]) for item in (artifacts or {}).get("NodeOutputs") or ())


def _optional(number: Any) -> int | None:
    return int(number) if number else None


def _moment(milliseconds: Any, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, zone)

"""DataWorks of the new Data Studio generation (OpenAPI 2024-05-18), in the words of this provider.

What the legacy generation calls the DAG of a run is here a workflow instance: one for every business date.
Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2024-05-18-overview
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from threading import Event
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.new_ensure import StudioEnsurer
from airflow_provider_pai_designer.cloud.new_replies import (
    WorkflowInstance,
    day_in_milliseconds,
    read_id,
    read_page,
    read_pages,
    read_project,
    read_task_instance,
    read_workflow_instance,
)
from airflow_provider_pai_designer.cloud.replies import understood
from airflow_provider_pai_designer.cloud.studio_nodes import StudioNodes, get_task
from airflow_provider_pai_designer.cloud.verbs import Pause
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.log import InstanceLog
from airflow_provider_pai_designer.designer.node import Change, DeletedNode, DeployedNode, EnsuredNode, Node
from airflow_provider_pai_designer.designer.run import Instance, InstancePage, Run
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import NotFoundError, RejectedError, ServiceError, UnclearError

CREATION_PATIENCE_SECONDS = 60.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0
_SCHEDULED_TASKS = 1
"""The id of the workflow to which the vendor counts every task that is scheduled by itself."""

_MOST_INSTANCES = 500
"""The service's own limit for a page of instances."""

_MOST_CHANGES = 50
"""How many instances are stopped by one call; the service's limit is not documented."""

_TEST, _BACKFILL, _SCHEDULED = "SmokeTest", "SupplementData", "Normal"
_ALERT_ON = {"SUCCESS": "Success", "FAILURE": "Failure", "SUCCESS_FAILURE": "SuccessFailure"}
_ALERT_BY = {"SMS": "Sms", "MAIL": "Mail", "SMS_MAIL": "SmsMail"}

log = logging.getLogger(__name__)


class NewDataStudio:
    """The verbs of one account in one region, see :class:`~.verbs.Verbs`.

    :param gateway: makes the calls, of version 2024-05-18.
    :param timezone: zone of the workspaces; the service's days are days in this zone.
    :param wait: waits for some seconds while the service makes the instances of a run that it has accepted. It should
        not be interrupted: the ids of the run would be lost.
    """

    lists_many_days = False
    ids_at_once = _MOST_INSTANCES

    def __init__(self, *, gateway: Gateway, timezone: ZoneInfo, wait: Callable[[float], object] | None = None) -> None:
        self._gateway = gateway
        self._zone = timezone
        self._wait = wait or Event().wait
        self._workflow_instances: dict[int, WorkflowInstance] = {}

    @property
    def calls_per_second(self) -> float:
        """How many calls this process makes for the account; infinite without a limit."""
        return self._gateway.calls_per_second

    def get_workspace(self, name_or_id: str) -> Workspace:
        """Look a workspace up by its identifier or its number."""
        if name_or_id.isdecimal():
            reply = self._gateway.read("GetProject", id=int(name_or_id))
            return understood("GetProject", reply, read_project, member="Project")
        found = read_pages(self._gateway, "ListProjects", "Projects", read_project, names=[name_or_id])
        workspace = next((item for item in found if item.identifier == name_or_id), None)
        if workspace is None:
            raise NotFoundError(
                f"ListProjects: there is no workspace {name_or_id!r} in this region, or the key is not a member of it. "
                "Check the workspace and the region of the connection.",
                operation="ListProjects",
            )
        return workspace

    def list_workspace_names(self) -> list[str]:
        """List the identifiers of the workspaces that the key can see, as far as one page shows them."""
        found, _ = read_page(self._gateway, "ListProjects", "Projects", read_project, page=1, page_size=100)
        return [item.identifier for item in found]

    def count_nodes(self, workspace: Workspace) -> int:
        """Count the nodes in Data Studio, of every type."""
        return StudioNodes(gateway=self._gateway, workspace=workspace, zone=self._zone).count()

    def ensure_node(
        self, workspace: Workspace, node: Node, *, environment: Environment, create_folder: bool, pause: Pause
    ) -> EnsuredNode:
        """Create or update, and publish a node, each as far as it is needed.

        :param create_folder: without effect: a folder is nothing but the path of the nodes in it.
        """
        return self._ensurer(workspace).ensure(node, environment=environment, pause=pause)

    def compare_node(self, workspace: Workspace, node: Node) -> tuple[Change, ...] | None:
        """Tell how a declared node differs from the stored one, None where there is none."""
        return self._ensurer(workspace).compare(node)

    def find_node(self, workspace: Workspace, *, name: str, folder: str, environment: Environment) -> int:
        """Return the id of the task by which an environment runs the node of this name."""
        return self._ensurer(workspace).find(name, folder, environment)

    def get_content(self, workspace: Workspace, *, name: str, folder: str) -> str | None:
        """Read the content that a node has in Data Studio."""
        nodes = StudioNodes(gateway=self._gateway, workspace=workspace, zone=self._zone)
        row = nodes.find(name, folder)
        return None if row is None else nodes.read(row.id).node.content

    def get_node_content(self, node_id: int, environment: Environment) -> str:
        """Read what the scheduler gets of a node: all that an environment has of its content."""
        return get_task(self._gateway, node_id, environment, self._zone).node.content

    def get_node(self, node_id: int, environment: Environment) -> DeployedNode:
        """Read a node as an environment has it; the service says nothing of the file and its version."""
        task = get_task(self._gateway, node_id, environment, self._zone)
        return DeployedNode(
            id=task.id,
            name=task.node.name,
            file_id=None,
            version=None,
            cron=task.node.schedule.cron,
            scheduler_type=task.node.schedule.type.value,
            parameters=task.node.parameters.render(),
            resource_group=task.node.resource_group,
            owner=task.node.owner or "",
        )

    def delete_node(self, workspace: Workspace, *, name: str, folder: str, pause: Pause) -> DeletedNode:
        """Take a node offline and delete it."""
        return self._ensurer(workspace).remove(name, folder, pause=pause)

    def start_test(
        self,
        workspace: Workspace,
        *,
        node_id: int,
        environment: Environment,
        business_date: date,
        name: str,
        parameters: str | None = None,
    ) -> Run:
        """Start a Test run of a node.

        That its business date is said as a period of one day is the natural reading; no page says it of a test.
        """
        return Run(
            name=name,
            node_id=node_id,
            environment=environment.value,
            business_date=business_date,
            remote_dag_ids=self._start(
                workspace,
                kind=_TEST,
                environment=environment,
                name=name,
                periods={"BizDates": [_range(business_date, business_date)]},
                properties={"RootTaskIds": [node_id]},
                parameters=_task_parameters(node_id, parameters),
            ),
        )

    def start_backfill(self, workspace: Workspace, backfill: Backfill, *, environment: Environment, name: str) -> Run:
        """Start a Backfill run of a node; its business dates are one range, of the seven that a request may have."""
        return Run(
            name=name,
            node_id=backfill.node_id,
            environment=environment.value,
            business_date=backfill.first,
            last_business_date=backfill.last,
            remote_dag_ids=self._start(
                workspace,
                kind=_BACKFILL,
                environment=environment,
                name=name,
                periods=_periods(backfill),
                properties=_run_properties(backfill),
                parameters=_task_parameters(backfill.node_id, backfill.parameters),
            ),
        )

    def get_run(self, remote_dag_ids: Sequence[int], environment: Environment) -> Run:
        """Read a run by the ids of its workflow instances."""
        return _run([self._workflow_instance(item) for item in remote_dag_ids], node_id=None, environment=environment)

    def find_runs(
        self, workspace: Workspace, *, node_id: int, environment: Environment, business_date: date, prefix: str
    ) -> list[Run]:
        """Find the runs for a business date whose names have this beginning, the oldest first.

        A backfill has a workflow instance for every business date, and nothing but the name holds them together: day
        after day is looked at, until one has none. Of two runs with one name, the older has the older instances.
        """
        runs = {key: [item] for key, item in _numbered(self._named(workspace, prefix, business_date, environment))}
        day = business_date
        going_on = [key for key, (item,) in runs.items() if item.kind == _BACKFILL]
        while going_on:
            day += timedelta(days=1)
            later = dict(_numbered(self._named(workspace, prefix, day, environment)))
            going_on = [key for key in going_on if key in later]
            for key in going_on:
                runs[key].append(later[key])
        return [_run(items, node_id=node_id, environment=environment) for items in runs.values()]

    def list_instances(self, workspace: Workspace, run: Run) -> tuple[Instance, ...]:
        """List the instances of a run; none while it is young."""
        return tuple(
            instance
            for identity in run.remote_dag_ids
            for instance in self._instances_of(workspace, run, self._workflow_instance(identity))
        )

    def list_scheduled_instances(
        self, workspace: Workspace, *, node_id: int, environment: Environment, business_date: date
    ) -> tuple[Instance, ...]:
        """List the instances that the service's own schedule has made of a node for a business date."""
        found = self._instances(
            workspace,
            environment,
            bizdate=day_in_milliseconds(business_date, self._zone),
            task_id=node_id,
            workflow_instance_type=_SCHEDULED,
        )
        return tuple(sorted(found, key=lambda item: (str(item.schedule_time), item.id)))

    def list_newest(
        self, workspace: Workspace, environment: Environment, *, first: date, last: date, page: int
    ) -> InstancePage:
        """List a page of all instances of an environment for a business date, the newest first.

        :param last: the same day: a list of this generation shows one.
        """
        instances, total = read_page(
            self._gateway,
            "ListTaskInstances",
            "TaskInstances",
            lambda row: read_task_instance(row, self._zone),
            page=page,
            page_size=_MOST_INSTANCES,
            sort_by="CreateTime Desc",
            project_id=workspace.id,
            project_env=environment.value.capitalize(),
            bizdate=day_in_milliseconds(first, self._zone),
        )
        return InstancePage(instances=tuple(instances), total=total, size=_MOST_INSTANCES)

    def list_by_ids(
        self, workspace: Workspace, environment: Environment, *, business_date: date, ids: Collection[int]
    ) -> tuple[Instance, ...]:
        """Read instances of one business date by their ids, at most 500."""
        day = day_in_milliseconds(business_date, self._zone)
        return tuple(self._instances(workspace, environment, bizdate=day, ids=list(ids)))

    def get_log(self, instance_id: int, environment: Environment) -> InstanceLog:
        """Read the log of an instance as far as it has been written; the service gives it whole."""
        reply = self._gateway.read("GetTaskInstanceLog", id=instance_id)
        return InstanceLog(
            text=str(reply.get("TaskInstanceLog") or ""), request_id=str(reply.get("RequestId") or "").strip()
        )

    def stop_instances(self, ids: Sequence[int], environment: Environment) -> Iterator[tuple[int, ServiceError | None]]:
        """Ask for instances to be stopped, many in one call; they stop some time later."""
        for first in range(0, len(ids), _MOST_CHANGES):
            batch = ids[first : first + _MOST_CHANGES]
            try:
                answers: Mapping[int, ServiceError | None] = self._change_instances("StopTaskInstances", batch)
            except ServiceError as error:
                answers = dict.fromkeys(batch, error)
            yield from answers.items()

    def restart_instance(self, instance_id: int, environment: Environment) -> None:
        """Run an ended instance again, under the same id."""
        if refusal := self._change_instances("RerunTaskInstances", [instance_id])[instance_id]:
            raise refusal

    def _ensurer(self, workspace: Workspace) -> StudioEnsurer:
        return StudioEnsurer(gateway=self._gateway, workspace=workspace, zone=self._zone)

    def _start(
        self,
        workspace: Workspace,
        *,
        kind: str,
        environment: Environment,
        name: str,
        periods: Mapping[str, Any],
        properties: Mapping[str, Any],
        parameters: str | None,
    ) -> tuple[int, ...]:
        """Start a run and return the ids of its workflow instances."""
        reply = self._gateway.write(
            "CreateWorkflowInstances",
            project_id=workspace.id,
            name=name,
            type=kind,
            workflow_id=_SCHEDULED_TASKS,
            env_type=environment.value.capitalize(),
            periods=periods,
            default_run_properties=properties,
            task_parameters=parameters,
        )
        return self._created(understood("CreateWorkflowInstances", reply, read_id, member="OperationId"), name)

    def _created(self, operation_id: str, name: str) -> tuple[int, ...]:
        """Wait until the service has made the workflow instances of a run, and return their ids."""
        give_up = monotonic() + CREATION_PATIENCE_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while True:
            status, ids, message = self._creation(operation_id, name)
            if status == "Created":
                return ids
            if status == "CreateFailure":
                raise RejectedError(
                    f"CreateWorkflowInstances: {message or 'the service gave no message'} (operation {operation_id})",
                    operation="CreateWorkflowInstances",
                    code=status,
                )
            if monotonic() > give_up:
                raise _lost(name, operation_id, f"its creation is still {status} after a minute")
            self._wait(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)

    def _creation(self, operation_id: str, name: str) -> tuple[str, tuple[int, ...], str]:
        try:
            reply = self._gateway.read("GetCreateWorkflowInstancesResult", operation_id=operation_id)
            return understood("GetCreateWorkflowInstancesResult", reply, _read_creation, member="Result")
        except ServiceError as error:
            # The run was accepted: an error that says "not sent" must not be taken for the run's.
            raise _lost(name, operation_id, str(error)) from None

    def _workflow_instance(self, identity: int) -> WorkflowInstance:
        """Read a workflow instance; what is read of it never changes, so it is read once."""
        if identity not in self._workflow_instances:
            reply = self._gateway.read("GetWorkflowInstance", id=identity)
            self._workflow_instances[identity] = understood(
                "GetWorkflowInstance",
                reply,
                lambda data: read_workflow_instance(data, self._zone),
                member="WorkflowInstance",
            )
        return self._workflow_instances[identity]

    def _named(
        self, workspace: Workspace, prefix: str, business_date: date, environment: Environment
    ) -> list[WorkflowInstance]:
        """List the tests and backfills on one business date whose names begin so, the oldest first."""
        found = read_pages(
            self._gateway,
            "ListWorkflowInstances",
            "WorkflowInstances",
            lambda row: read_workflow_instance(row, self._zone),
            project_id=workspace.id,
            biz_date=day_in_milliseconds(business_date, self._zone),
            name=prefix,
            env_type=environment.value.capitalize(),
        )
        ours = {
            item.id: item
            for item in found
            if item.name.startswith(prefix) and item.business_date == business_date and item.kind in (_TEST, _BACKFILL)
        }
        return sorted(ours.values(), key=lambda item: (item.created, item.id))

    def _instances_of(self, workspace: Workspace, run: Run, day: WorkflowInstance) -> list[Instance]:
        found = self._instances(
            workspace, Environment(run.environment), bizdate=day.milliseconds, workflow_instance_id=day.id
        )
        # One instance may stand for all of the run, beside those of the nodes; alone it is no more than that the run
        # is young. Where the node is not known, what is alone is taken for the node's.
        others = [item for item in found if item.id != day.own_instance_id or item.node_id == run.node_id]
        return others or (found if run.node_id is None else [])

    def _instances(self, workspace: Workspace, environment: Environment, **filters: Any) -> list[Instance]:
        found = read_pages(
            self._gateway,
            "ListTaskInstances",
            "TaskInstances",
            lambda row: read_task_instance(row, self._zone),
            page_size=_MOST_INSTANCES,
            project_id=workspace.id,
            project_env=environment.value.capitalize(),
            **filters,
        )
        # Rows may move from one page to the next while they are read; each instance counts once.
        return list({instance.id: instance for instance in found}.values())

    def _change_instances(self, operation: str, ids: Sequence[int]) -> dict[int, RejectedError | None]:
        """Call an operation on a batch; the reply tells of every id by itself whether it was done."""
        reply = self._gateway.write(operation, ids=list(ids), comment="Asked for by Apache Airflow")
        request_id = str(reply.get("RequestId") or "")

        def refusal(instance_id: int, result: Mapping[str, Any]) -> RejectedError | None:
            if result["Success"] is True:
                return None
            message = result.get("Message") or "the service gave no message"
            return RejectedError(
                f"{operation}: {message} (instance {instance_id}, request id {request_id})",
                operation=operation,
                request_id=request_id,
            )

        return understood(
            operation,
            reply,
            lambda results: {instance_id: refusal(instance_id, results[str(instance_id)]) for instance_id in ids},
            member="SuccessInfo",
        )


def _read_creation(data: Mapping[str, Any]) -> tuple[str, tuple[int, ...], str]:
    """Read status, ids and message; the vendor's own sample has a failure's message beside a success."""
    status = str(data["Status"])
    ids = tuple(int(item) for item in data.get("WorkflowInstanceIds") or ())
    if status == "Created" and not ids:
        raise ValueError("no WorkflowInstanceIds")
    return status, ids, str(data.get("FailureMessage") or "")


def _lost(name: str, operation_id: str, reason: str) -> UnclearError:
    return UnclearError(
        f"CreateWorkflowInstances: the run {name} was accepted (operation {operation_id}), and it is not known what "
        f"became of it: {reason.rstrip('.')}. Look for it in Operation Center before asking again.",
        operation="CreateWorkflowInstances",
        code="Unclear",
    )


def _numbered(day: Sequence[WorkflowInstance]) -> Iterator[tuple[tuple[str, int], WorkflowInstance]]:
    """Count the instances of one day that have the same name."""
    seen = Counter[str]()
    for item in day:
        seen[item.name] += 1
        yield (item.name, seen[item.name]), item


def _run(instances: Sequence[WorkflowInstance], *, node_id: int | None, environment: Environment) -> Run:
    days = sorted(item.business_date for item in instances)
    return Run(
        name=instances[0].name,
        node_id=node_id,
        environment=environment.value,
        business_date=days[0],
        last_business_date=days[-1] if instances[0].kind == _BACKFILL else None,
        remote_dag_ids=tuple(sorted(item.id for item in instances)),
    )


def _range(first: date, last: date) -> dict[str, str]:
    return {"StartBizDate": first.isoformat(), "EndBizDate": last.isoformat()}


def _periods(backfill: Backfill) -> dict[str, Any]:
    periods: dict[str, Any] = {"BizDates": [_range(backfill.first, backfill.last)]}
    if backfill.hours:
        periods["StartTime"], periods["EndTime"] = (f"{hour:%H:%M:%S}" for hour in backfill.hours)
    return periods


def _run_properties(backfill: Backfill) -> dict[str, Any]:
    included = [backfill.node_id, *(item for item in backfill.include_node_ids if item != backfill.node_id)]
    properties: dict[str, Any] = {
        "Mode": "ManualSelection",
        "RootTaskIds": [backfill.node_id],
        "IncludeTaskIds": included,
        "ExcludeTaskIds": list(backfill.exclude_node_ids) or None,
        "Parallelism": backfill.parallel_dates,
        "Order": "Asc",
        # An analysis that finds a fault holds the run back until somebody looks at it in the console.
        "Analysis": {"Enabled": False, "Blocked": False},
    }
    if backfill.future_at_once:
        properties["RunPolicy"] = {
            "Type": "Daily",
            "StartTime": "00:00:00",
            "EndTime": "23:59:59",
            "Immediately": True,
        }
    if backfill.alert_on and backfill.alert_by:
        properties["Alert"] = {"Type": _ALERT_ON[backfill.alert_on], "NoticeType": _ALERT_BY[backfill.alert_by]}
    return properties


def _task_parameters(node_id: int, parameters: str | None) -> str | None:
    return None if parameters is None else json.dumps({str(node_id): parameters}, ensure_ascii=False)

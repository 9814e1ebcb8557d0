"""DataWorks of the legacy DataStudio generation (OpenAPI 2020-05-18), in the words of this provider.

Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-overview
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.cloud.gateway import DataWorksGateway
from airflow_provider_pai_designer.designer.node import (
    FILE_TYPE,
    Change,
    Node,
    RerunPolicy,
    Schedule,
    SchedulerType,
    StoredNode,
)
from airflow_provider_pai_designer.designer.run import Instance, Run, read_status, read_task_type
from airflow_provider_pai_designer.designer.workspace import Deployment, Environment, Workspace, read_deployment
from airflow_provider_pai_designer.exceptions import NodeDefinitionError, NotFoundError, UnclearError
from airflow_provider_pai_designer.scheduling import SchedulingParameters

_PAGE_SIZE = 100

_UPDATE_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "content": ("content", str),
    "parameters": ("para_value", str),
    "cron": ("cron_express", str),
    "cycle_type": ("cycle_type", str),
    "scheduler_type": ("scheduler_type", str),
    "effective_start": ("start_effect_date", int),
    "effective_end": ("end_effect_date", int),
    "parents": ("input_list", ",".join),
    "rerun_mode": ("rerun_mode", str),
    "rerun_times": ("auto_rerun_times", int),
    "rerun_interval": ("auto_rerun_interval_millis", lambda seconds: seconds * 1000),
    "description": ("file_description", str),
    "owner": ("owner", str),
    "resource_group": ("resource_group_identifier", str),
}
"""Property of a node (see :func:`~airflow_provider_pai_designer.designer.node.difference`) to field of UpdateFile."""

_Result = TypeVar("_Result")


class DataWorks:
    """The verbs of one account in one region.

    :param gateway: makes the calls.
    :param timezone: zone of the workspaces; the service's days are days in this zone.
    """

    def __init__(self, *, gateway: DataWorksGateway, timezone: ZoneInfo) -> None:
        self._gateway = gateway
        self._zone = timezone

    def get_workspace(self, name_or_id: str) -> Workspace:
        """Look a workspace up by its identifier or its number.

        :raises NotFoundError: there is none, or not for this key.
        """
        key = {"project_id": int(name_or_id)} if name_or_id.isdecimal() else {"project_identifier": name_or_id}
        reply = self._gateway.read("GetProject", **key)
        return _understood("GetProject", reply, _read_workspace)

    def check_folder(self, workspace: Workspace, folder: str) -> None:
        """Check that a folder exists.

        :raises NodeDefinitionError: it does not.
        """
        try:
            self._gateway.read("GetFolder", project_id=workspace.id, folder_path=folder)
        except NotFoundError as error:
            raise NodeDefinitionError(
                f"The folder {folder!r} does not exist in the workspace {workspace.identifier!r}. Create it in "
                "DataStudio, correct the path, or let the task make it with create_folder=True. "
                f"(request id {error.request_id})"
            ) from None

    def find_file(self, workspace: Workspace, *, name: str, folder: str) -> int | None:
        """Return the file id of the PAI Designer node with this name in this folder, None where there is none."""
        found = [
            int(file["FileId"])
            for file in self._pages(
                "ListFiles",
                "Files",
                project_id=workspace.id,
                exact_file_name=name,
                file_folder_path=folder,
                file_types=str(FILE_TYPE),
                use_type="NORMAL",
                need_absolute_folder_path=True,
            )
            if file.get("FileName") == name and _in_folder(file.get("AbsoluteFolderPath"), folder)
        ]
        if len(found) > 1:
            raise NodeDefinitionError(
                f"The folder {folder!r} has {len(found)} nodes with the name {name!r} (file ids "
                f"{', '.join(map(str, found))}): delete or rename all but one in DataStudio."
            )
        return found[0] if found else None

    def read_node(self, workspace: Workspace, file_id: int, *, folder: str) -> StoredNode:
        """Read a node as it is stored.

        :param folder: where it is; the service does not say.
        """
        reply = self._gateway.read("GetFile", project_id=workspace.id, file_id=file_id)
        return _understood("GetFile", reply, lambda data: _read_stored_node(data, folder))

    def read_resource_group(self, node_id: int, environment: Environment) -> str | None:
        """Return the identifier of the scheduling resource group of a submitted node."""
        reply = self._gateway.read("GetNode", node_id=node_id, project_env=environment.value)
        return _understood("GetNode", reply, lambda data: str(data.get("ResGroupIdentifier") or "") or None)

    def create_node(self, workspace: Workspace, node: Node, *, create_folder: bool) -> int:
        """Create the file of a node and return its file id; nothing is submitted yet."""
        reply = self._gateway.write(
            "CreateFile",
            project_id=workspace.id,
            file_name=node.name,
            file_type=FILE_TYPE,
            file_folder_path=node.folder,
            create_folder_if_not_exists=create_folder,
            file_description=node.description,
            content=node.content,
            para_value=node.parameters.render(),
            input_list=",".join(node.parents),
            auto_parsing=False,
            scheduler_type=node.schedule.type.value,
            cycle_type=node.schedule.cycle_type,
            cron_express=node.schedule.cron,
            start_effect_date=node.schedule.start,
            end_effect_date=node.schedule.end,
            rerun_mode=node.rerun.mode,
            auto_rerun_times=node.rerun.times,
            auto_rerun_interval_millis=node.rerun.interval_seconds * 1000,
            resource_group_identifier=node.resource_group,
            owner=node.owner,
        )
        return _understood("CreateFile", reply, int)

    def update_node(self, workspace: Workspace, file_id: int, changes: Iterable[Change], *, rerun: RerunPolicy) -> None:
        """Change properties of a stored node.

        Only what differs is sent: the service refuses a value that it has already. The number of automatic reruns is
        the exception, it is always asked for.
        """
        fields: dict[str, Any] = {"auto_rerun_times": rerun.times}
        for change in changes:
            field, convert = _UPDATE_FIELDS[change.name]
            fields[field] = convert(change.wanted)
        self._gateway.write("UpdateFile", project_id=workspace.id, file_id=file_id, **fields)

    def submit(self, workspace: Workspace, file_id: int) -> int:
        """Start to submit a node to the development environment and return the deployment's id."""
        reply = self._gateway.write(
            "SubmitFile", project_id=workspace.id, file_id=file_id, skip_all_deploy_file_extensions=False
        )
        return _understood("SubmitFile", reply, int)

    def deploy(self, workspace: Workspace, file_id: int) -> int:
        """Start to deploy a node to production and return the deployment's id."""
        reply = self._gateway.write("DeployFile", project_id=workspace.id, file_id=file_id)
        return _understood("DeployFile", reply, int)

    def get_deployment(self, workspace: Workspace, deployment_id: int) -> Deployment:
        """Read how far a submit or a deploy has come."""
        reply = self._gateway.read("GetDeployment", project_id=workspace.id, deployment_id=deployment_id)
        return _understood(
            "GetDeployment",
            reply,
            lambda data: read_deployment(
                deployment_id=deployment_id,
                status=data["Deployment"]["Status"],
                checking=data["Deployment"].get("CheckingStatus"),
                message=data["Deployment"].get("ErrorMessage"),
            ),
        )

    def production_version(self, workspace: Workspace, file_id: int) -> int | None:
        """Return the number of the file version that is in production, None where none is."""
        for version in self._pages("ListFileVersions", "FileVersions", project_id=workspace.id, file_id=file_id):
            if version.get("IsCurrentProd"):
                return int(version["FileVersion"])
        return None

    def start_test(
        self, *, node_id: int, environment: Environment, business_date: date, name: str, parameters: str | None = None
    ) -> Run:
        """Start a Test run of a node.

        :param name: the run name, unique; at most 128 characters.
        :param parameters: the complete scheduling parameters of this run; None keeps those of the node.
        """
        reply = self._gateway.write(
            "RunSmokeTest",
            project_env=environment.value,
            node_id=node_id,
            bizdate=f"{business_date.isoformat()} 00:00:00",
            name=name,
            node_params=parameters,
        )
        return Run(
            name=name,
            node_id=node_id,
            environment=environment.value,
            business_date=business_date,
            remote_dag_ids=(_understood("RunSmokeTest", reply, int),),
        )

    def list_instances(self, workspace: Workspace, run: Run) -> tuple[Instance, ...]:
        """List the instances of a run; none while it is young."""
        return tuple(
            instance
            for remote_dag_id in run.remote_dag_ids
            for instance in self._instances(project_id=workspace.id, project_env=run.environment, dag_id=remote_dag_id)
        )

    def get_instance(self, instance_id: int, environment: Environment) -> Instance:
        """Read one instance."""
        reply = self._gateway.read("GetInstance", instance_id=instance_id, project_env=environment.value)
        return _understood("GetInstance", reply, self._read_instance)

    def get_log(self, instance_id: int, environment: Environment) -> str:
        """Read the log of an instance as far as it has been written."""
        reply = self._gateway.read("GetInstanceLog", instance_id=instance_id, project_env=environment.value)
        return str(reply.get("Data") or "")

    def stop_instance(self, instance_id: int, environment: Environment) -> None:
        """Ask for an instance to be stopped; it stops some time later."""
        self._gateway.write("StopInstance", instance_id=instance_id, project_env=environment.value)

    def _instances(self, **filters: Any) -> Iterator[Instance]:
        for item in self._pages("ListInstances", "Instances", **filters):
            yield _understood("ListInstances", {"Data": item}, self._read_instance)

    def _pages(self, operation: str, items: str, **filters: Any) -> Iterator[Mapping[str, Any]]:
        page = 1
        while True:
            reply = self._gateway.read(operation, page_number=page, page_size=_PAGE_SIZE, **filters)
            found, total = _understood(
                operation, reply, lambda data: (list(data.get(items) or ()), int(data.get("TotalCount") or 0))
            )
            yield from found
            if not found or page * _PAGE_SIZE >= total:
                return
            page += 1

    def _read_instance(self, data: Mapping[str, Any]) -> Instance:
        reruns_left = data.get("TaskRerunTime")
        schedule_time = data.get("CycTime")
        return Instance(
            id=int(data["InstanceId"]),
            node_id=int(data["NodeId"]),
            node_name=str(data.get("NodeName") or ""),
            remote_dag_id=int(data.get("DagId") or 0),
            status=read_status(data["Status"]),
            task_type=read_task_type(data.get("TaskType")),
            business_date=self._moment(data["Bizdate"]).date(),
            schedule_time=self._moment(schedule_time) if schedule_time else None,
            parameters=str(data.get("ParamValues") or ""),
            reruns_left=None if reruns_left in (None, "") else int(reruns_left),
            rerun_interval_seconds=int(data.get("RepeatInterval") or 0) / 1000,
            started=data.get("BeginRunningTime") or None,
            finished=data.get("FinishTime") or None,
        )

    def _moment(self, milliseconds: Any) -> datetime:
        return datetime.fromtimestamp(int(milliseconds) / 1000, self._zone)


def _understood(operation: str, reply: Mapping[str, Any], read: Callable[[Any], _Result]) -> _Result:
    """Read ``Data`` of a reply; whatever cannot be read is a reply that says nothing about what was done."""
    try:
        return read(reply["Data"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UnclearError(
            f"{operation}: the reply cannot be understood ({type(error).__name__}: {error}; request id "
            f"{reply.get('RequestId') or 'none'}).",
            operation=operation,
            code="MalformedReply",
            request_id=str(reply.get("RequestId") or ""),
        ) from None


def _read_workspace(data: Mapping[str, Any]) -> Workspace:
    # The service prints the list in more than one way: ["PROD"], ["[\"DEV\",\"PROD\"]"], or leaves it out.
    printed = json.dumps(data.get("EnvTypes") or []).upper()
    standard = "DEV" in printed or (not data.get("EnvTypes") and str(data.get("ProjectMode")) == "3")
    return Workspace(
        id=int(data["ProjectId"]),
        identifier=str(data["ProjectIdentifier"]),
        environments=(Environment.DEV, Environment.PROD) if standard else (Environment.PROD,),
    )


def _read_stored_node(data: Mapping[str, Any], folder: str) -> StoredNode:
    file, configuration = data["File"], data["NodeConfiguration"]
    node_id = file.get("NodeId")
    return StoredNode(
        file_id=int(file["FileId"]),
        node_id=int(node_id) if node_id else None,
        committed=str(file.get("CommitStatus")) == "1",
        version=int(file.get("CurrentVersion") or 0),
        node=Node(
            name=str(file["FileName"]),
            folder=folder,
            content=str(file.get("Content") or ""),
            parameters=SchedulingParameters.parse(str(configuration.get("ParaValue") or "")),
            schedule=Schedule(
                cron=str(configuration.get("CronExpress") or ""),
                type=SchedulerType(configuration.get("SchedulerType") or "NORMAL"),
                start=int(configuration.get("StartEffectDate") or 0),
                end=int(configuration.get("EndEffectDate") or 0),
            ),
            parents=tuple(str(item["Input"]) for item in configuration.get("InputList") or ()),
            rerun=RerunPolicy(
                mode=str(configuration.get("RerunMode") or ""),
                times=int(configuration.get("AutoRerunTimes") or 0),
                interval_seconds=int(configuration.get("AutoRerunIntervalMillis") or 0) // 1000,
            ),
            owner=str(file.get("Owner") or "") or None,
            description=str(file.get("FileDescription") or ""),
        ),
    )


def _in_folder(path: object, folder: str) -> bool:
    return path is None or str(path).strip("/") == folder.strip("/")

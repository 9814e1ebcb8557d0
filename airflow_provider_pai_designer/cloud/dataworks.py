"""DataWorks of the legacy DataStudio generation (OpenAPI 2020-05-18), in the words of this provider.

Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-overview
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.cloud.ensure import UNDER_WAY, NodeEnsurer
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.removal import NodeRemover
from airflow_provider_pai_designer.cloud.replies import (
    read_attempt,
    read_deployed_node,
    read_file_version,
    read_folder,
    read_instance,
    read_remote_dag,
    read_resource_group,
    read_stored_node,
    read_workspace,
    understood,
)
from airflow_provider_pai_designer.cloud.verbs import LAST_PAGE, Pause
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.log import InstanceLog
from airflow_provider_pai_designer.designer.node import (
    FILE_TYPE,
    Change,
    DeletedNode,
    DeployedNode,
    EnsuredNode,
    FileVersion,
    Node,
    RerunPolicy,
    StoredNode,
)
from airflow_provider_pai_designer.designer.run import Attempt, Instance, InstancePage, RemoteDag, Run
from airflow_provider_pai_designer.designer.workspace import (
    Deployment,
    DeploymentStatus,
    Environment,
    Folder,
    ResourceGroup,
    Workspace,
    read_deployment,
)
from airflow_provider_pai_designer.exceptions import (
    NodeDefinitionError,
    NotFoundError,
    RejectedError,
    ServiceError,
    UnclearError,
)

_Result = TypeVar("_Result")
_PAGE_SIZE = 100
"""The service's own limit."""

_MAY_BE_CHECKED = 3
"""How many of the newest deployments of a name are asked for their checks."""


_BACKFILL, _SCHEDULED = "SUPPLY_DATA", "DAILY"
_STARTED_BY_US = ("SMOKE_TEST", _BACKFILL)

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


class DataWorks:
    """The verbs of one account in one region.

    :param gateway: makes the calls.
    :param timezone: zone of the workspaces; the service's days are days in this zone.
    """

    lists_many_days = True
    ids_at_once = 1

    def __init__(self, *, gateway: Gateway, timezone: ZoneInfo) -> None:
        self._gateway = gateway
        self._zone = timezone
        self._known_dags: dict[int, RemoteDag] = {}

    @property
    def calls_per_second(self) -> float:
        """How many calls this process makes for the account; infinite without a limit."""
        return self._gateway.calls_per_second

    def get_workspace(self, name_or_id: str) -> Workspace:
        """Look a workspace up by its identifier or its number.

        :raises NotFoundError: there is none, or not for this key.
        """
        key = {"project_id": int(name_or_id)} if name_or_id.isdecimal() else {"project_identifier": name_or_id}
        reply = self._gateway.read("GetProject", **key)
        return understood("GetProject", reply, read_workspace)

    def list_workspace_names(self) -> list[str]:
        """List the identifiers of the workspaces that the key can see, as far as one page shows them."""
        found, _ = self._page("ListProjects", "ProjectList", 1, member="PageResult")
        return self._read_all("ListProjects", found, lambda item: str(item["ProjectIdentifier"]))

    def count_nodes(self, workspace: Workspace) -> int:
        """Count the files of nodes, of every type."""
        _, total = self._page("ListFiles", "Files", 1, project_id=workspace.id, use_type="NORMAL")
        return total

    def list_resource_groups(self) -> list[ResourceGroup]:
        """List the scheduling resource groups of the account."""
        reply = self._gateway.read("ListResourceGroups")
        return self._read_all("ListResourceGroups", understood("ListResourceGroups", reply, list), read_resource_group)

    def list_file_types(self, workspace: Workspace, *, keyword: str | None = None) -> dict[int, str]:
        """List the node types that the workspace offers, number to name."""
        found = self._pages(
            "ListFileType",
            "NodeTypeInfo",
            member="NodeTypeInfoList",
            project_id=workspace.id,
            keyword=keyword,
            locale="en-US",
        )
        kinds = self._read_all("ListFileType", found, lambda kind: (int(kind["NodeType"]), str(kind["NodeTypeName"])))
        return dict(kinds)

    def list_folders(self, workspace: Workspace, parent: str) -> list[Folder]:
        """List the folders directly below a folder."""
        found = self._pages("ListFolders", "Folders", project_id=workspace.id, parent_folder_path=parent)
        return self._read_all("ListFolders", found, read_folder)

    def create_folder(self, workspace: Workspace, path: str) -> str:
        """Create a folder and return its id."""
        reply = self._gateway.write("CreateFolder", project_id=workspace.id, folder_path=path)
        return understood("CreateFolder", reply, str)

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
        """Return the file id of the PAI Designer node with this name in this folder, None where there is none.

        :raises NodeDefinitionError: there are several.
        """
        found = self.find_files(workspace, name=name, folder=folder)
        if len(found) > 1:
            raise NodeDefinitionError(
                f"The folder {folder!r} has {len(found)} nodes with the name {name!r} (file ids "
                f"{', '.join(map(str, found))}): delete or rename all but one in DataStudio."
            )
        return found[0] if found else None

    def find_files(self, workspace: Workspace, *, name: str, folder: str) -> list[int]:
        """Return the file ids of all PAI Designer nodes with this name in this folder, the lowest first.

        Whether the service lets there be more than one is not documented.
        """
        found = self._pages(
            "ListFiles",
            "Files",
            project_id=workspace.id,
            exact_file_name=name,
            file_folder_path=folder,
            file_types=str(FILE_TYPE),
            use_type="NORMAL",
            need_absolute_folder_path=True,
        )
        return sorted(
            understood("ListFiles", {"Data": file}, lambda data: int(data["FileId"]))
            for file in found
            if file.get("FileName") == name and _in_folder(file.get("AbsoluteFolderPath"), folder)
        )

    def read_node(self, workspace: Workspace, file_id: int, *, folder: str) -> StoredNode:
        """Read a node as it is stored.

        :param folder: where it is; the service does not say.
        """
        reply = self._gateway.read("GetFile", project_id=workspace.id, file_id=file_id)
        return understood("GetFile", reply, lambda data: read_stored_node(data, folder))

    def get_content(self, workspace: Workspace, *, name: str, folder: str) -> str | None:
        """Read the content of the file of this name, of several the one with the lowest id."""
        files = self.find_files(workspace, name=name, folder=folder)
        return self.read_node(workspace, files[0], folder=folder).node.content if files else None

    def get_node(self, node_id: int, environment: Environment) -> DeployedNode:
        """Read a node as an environment has it."""
        reply = self._gateway.read("GetNode", node_id=node_id, project_env=environment.value)
        return understood("GetNode", reply, read_deployed_node)

    def list_nodes(
        self, workspace: Workspace, environment: Environment, *, name: str | None = None
    ) -> list[DeployedNode]:
        """List the nodes of an environment."""
        found = self._pages(
            "ListNodes", "Nodes", project_id=workspace.id, project_env=environment.value, node_name=name
        )
        return self._read_all("ListNodes", found, read_deployed_node)

    def get_node_content(self, node_id: int, environment: Environment) -> str:
        """Return the content that an environment has of a node."""
        reply = self._gateway.read("GetNodeCode", node_id=node_id, project_env=environment.value)
        return understood("GetNodeCode", reply, str)

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
        return understood("CreateFile", reply, int)

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
        return understood("SubmitFile", reply, int)

    def deploy(self, workspace: Workspace, file_id: int) -> int:
        """Start to deploy a node to production and return the deployment's id."""
        reply = self._gateway.write("DeployFile", project_id=workspace.id, file_id=file_id)
        return understood("DeployFile", reply, int)

    def get_deployment(self, workspace: Workspace, deployment_id: int) -> Deployment:
        """Read how far a submit or a deploy has come."""
        return self._get_deployment(workspace, deployment_id)[0]

    def find_deployment(self, workspace: Workspace, file_id: int, *, name: str) -> Deployment | None:
        """Return the submit or deploy of a file that has not ended, or is not through its checks; None without one.

        :param name: of the node: the name of a deployment begins with it.
        """
        found = self._pages("ListDeployments", "Deployments", project_id=workspace.id, keyword=name)
        newest = self._read_all("ListDeployments", islice(found, _PAGE_SIZE), _listed_deployment)
        pending = [item for item in newest if item.status is DeploymentStatus.PENDING]
        # The list does not show which deployments are being checked; one that is will be among the newest.
        ended = [item for item in newest if item.status is DeploymentStatus.SUCCESS]
        for listed in (*pending, *ended[:_MAY_BE_CHECKED]):
            deployment, files = self._get_deployment(workspace, listed.id)
            if file_id in files and deployment.status in UNDER_WAY:
                return deployment
        return None

    def list_deployments(self, workspace: Workspace, *, name: str | None = None) -> list[Deployment]:
        """List submits and deploys, newest first.

        :param name: part of the deployment's name, which begins with the node's.
        """
        found = self._pages("ListDeployments", "Deployments", project_id=workspace.id, keyword=name)
        return self._read_all("ListDeployments", found, _listed_deployment)

    def list_versions(self, workspace: Workspace, file_id: int) -> list[FileVersion]:
        """List the submitted versions of a node, newest first."""
        found = self._pages("ListFileVersions", "FileVersions", project_id=workspace.id, file_id=file_id)
        return self._read_all("ListFileVersions", found, read_file_version)

    def get_version(self, workspace: Workspace, file_id: int, number: int) -> FileVersion:
        """Read one submitted version of a node."""
        reply = self._gateway.read("GetFileVersion", project_id=workspace.id, file_id=file_id, file_version=number)
        return understood("GetFileVersion", reply, read_file_version)

    def delete_file(self, workspace: Workspace, file_id: int) -> int | None:
        """Delete a node's file; return the id of the deployment that removes the node, None where there was none."""
        reply = self._gateway.write("DeleteFile", project_id=workspace.id, file_id=file_id)
        return understood("DeleteFile", reply, lambda data: int(data.get("DeploymentId") or 0) or None, member="")

    def offline_node(self, workspace: Workspace, node_id: int) -> None:
        """Take a node out of production."""
        self._gateway.write("OfflineNode", project_id=workspace.id, node_id=node_id)

    def list_children(self, node_id: int, environment: Environment) -> list[str]:
        """List the nodes that depend on a node, by name and id."""
        reply = self._gateway.read("GetNodeChildren", node_id=node_id, project_env=environment.value)
        return understood(
            "GetNodeChildren",
            reply,
            lambda data: [f"{child['NodeName']} ({child['NodeId']})" for child in data.get("Nodes") or ()],
        )

    def ensure_node(
        self, workspace: Workspace, node: Node, *, environment: Environment, create_folder: bool, pause: Pause
    ) -> EnsuredNode:
        """Create or update, submit and deploy a node, each as far as it is needed."""
        ensurer = NodeEnsurer(dataworks=self, workspace=workspace, pause=pause)
        return ensurer.ensure(node, environment=environment, create_folder=create_folder)

    def compare_node(self, workspace: Workspace, node: Node) -> tuple[Change, ...] | None:
        """Tell how a declared node differs from the stored one, None where there is none."""
        return NodeEnsurer(dataworks=self, workspace=workspace).compare(node)

    def find_node(self, workspace: Workspace, *, name: str, folder: str, environment: Environment) -> int:
        """Return the id by which an environment runs the node of this name."""
        return NodeEnsurer(dataworks=self, workspace=workspace).find(name, folder, environment)

    def delete_node(self, workspace: Workspace, *, name: str, folder: str, pause: Pause) -> DeletedNode:
        """Take a node out of production, delete its file, and deploy the deletion."""
        return NodeRemover(dataworks=self, workspace=workspace, pause=pause).remove(name, folder)

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
        """Start a Test run of a node."""
        request = {
            "project_env": environment.value,
            "node_id": node_id,
            "bizdate": _day(business_date),
            "name": name,
        }
        try:
            reply = self._gateway.write("RunSmokeTest", **request, node_params=_node_params(node_id, parameters))
        except RejectedError:
            if parameters is None:
                raise
            # The page says JSON by node id and shows plain pairs: what is refused as one is said as the other.
            reply = self._gateway.write("RunSmokeTest", **request, node_params=parameters)
        return Run(
            name=name,
            node_id=node_id,
            environment=environment.value,
            business_date=business_date,
            remote_dag_ids=(understood("RunSmokeTest", reply, int),),
        )

    def start_backfill(
        self,
        workspace: Workspace,
        backfill: Backfill,
        *,
        environment: Environment,
        name: str,
    ) -> Run:
        """Start a Backfill run of a node, for every business date from the first to the last."""
        begin, end = backfill.hours or (None, None)
        included = (backfill.node_id, *(item for item in backfill.include_node_ids if item != backfill.node_id))
        reply = self._gateway.write(
            "RunCycleDagNodes",
            project_env=environment.value,
            root_node_id=backfill.node_id,
            include_node_ids=",".join(map(str, included)),
            exclude_node_ids=",".join(map(str, backfill.exclude_node_ids)) or None,
            start_biz_date=_day(backfill.first),
            end_biz_date=_day(backfill.last),
            biz_begin_time=begin and f"{begin:%H:%M:%S}",
            biz_end_time=end and f"{end:%H:%M:%S}",
            name=name,
            parallelism=backfill.parallel_dates > 1,
            concurrent_runs=backfill.parallel_dates if backfill.parallel_dates > 1 else None,
            node_params=_node_params(backfill.node_id, backfill.parameters),
            start_future_instance_immediately=backfill.future_at_once or None,
            alert_type=backfill.alert_on,
            alert_notice_type=backfill.alert_by,
        )
        return Run(
            name=name,
            node_id=backfill.node_id,
            environment=environment.value,
            business_date=backfill.first,
            last_business_date=backfill.last,
            remote_dag_ids=understood("RunCycleDagNodes", reply, lambda ids: tuple(int(dag_id) for dag_id in ids)),
        )

    def get_run(self, remote_dag_ids: Sequence[int], environment: Environment) -> Run:
        """Read a run by the ids that its start gave."""
        found = [self.get_remote_dag(dag_id, environment) for dag_id in remote_dag_ids]
        return _run(found, node_id=None, environment=environment)

    def find_runs(
        self, workspace: Workspace, *, node_id: int, environment: Environment, business_date: date, prefix: str
    ) -> list[Run]:
        """Find the runs of a node for a business date whose names have this beginning, the oldest first."""
        instances = self._instances(
            project_id=workspace.id,
            project_env=environment.value,
            node_id=node_id,
            bizdate=_day(business_date),
            order_by="CREATE_TIME_DESC",
        )
        candidates = {item.remote_dag_id for item in instances if item.kind in _STARTED_BY_US}
        dags = (self._known_dag(dag_id, environment) for dag_id in candidates)
        found = [dag for dag in dags if dag and dag.name.startswith(prefix)]
        # The remote DAGs of one backfill share an operation id; it has one for every business date, or one for all.
        whole = {
            dag.operation_id or dag.id: self.list_remote_dags(dag.operation_id, environment)
            if dag.operation_id and dag.kind == _BACKFILL
            else [dag]
            for dag in found
        }
        runs = sorted(whole.values(), key=lambda dags: min((dag.created, dag.id) for dag in dags))
        return [_run(dags, node_id=node_id, environment=environment) for dags in runs]

    def get_remote_dag(self, remote_dag_id: int, environment: Environment) -> RemoteDag:
        """Read the remote DAG of a run: its name and what it has come to."""
        reply = self._gateway.read("GetDag", dag_id=remote_dag_id, project_env=environment.value)
        return understood("GetDag", reply, self._remote_dag)

    def _known_dag(self, remote_dag_id: int, environment: Environment) -> RemoteDag | None:
        """Read a remote DAG once, for what never changes of it, such as its name; None where it is forgotten."""
        if remote_dag_id not in self._known_dags:
            try:
                self._known_dags[remote_dag_id] = self.get_remote_dag(remote_dag_id, environment)
            except NotFoundError:
                return None
        return self._known_dags[remote_dag_id]

    def list_remote_dags(self, operation_id: int, environment: Environment) -> list[RemoteDag]:
        """List all remote DAGs of one backfill."""
        reply = self._gateway.read("ListDags", op_seq=operation_id, project_env=environment.value)
        found = understood("ListDags", reply, lambda data: list(data.get("Dags") or ()))
        return self._read_all("ListDags", found, self._remote_dag)

    def list_instances(self, workspace: Workspace, run: Run) -> tuple[Instance, ...]:
        """List the instances of a run; none while it is young."""
        return tuple(
            instance
            for remote_dag_id in run.remote_dag_ids
            for instance in self._instances(project_id=workspace.id, project_env=run.environment, dag_id=remote_dag_id)
        )

    def list_scheduled_instances(
        self, workspace: Workspace, *, node_id: int, environment: Environment, business_date: date
    ) -> tuple[Instance, ...]:
        """List the instances that the service's own schedule has made of a node for a business date."""
        found = self._instances(
            project_id=workspace.id, project_env=environment.value, node_id=node_id, bizdate=_day(business_date)
        )
        scheduled = [item for item in found if item.kind == _SCHEDULED]
        return tuple(sorted(scheduled, key=lambda item: (str(item.schedule_time), item.id)))

    def list_newest(
        self, workspace: Workspace, environment: Environment, *, first: date, last: date, page: int
    ) -> InstancePage:
        """List a page of all instances of an environment for a span of business dates, the newest first."""
        rows, total = self._page(
            "ListInstances",
            "Instances",
            page,
            project_id=workspace.id,
            project_env=environment.value,
            begin_bizdate=_day(first),
            end_bizdate=_day(last),
            order_by="CREATE_TIME_DESC",
        )
        instances = self._read_all("ListInstances", rows, self._instance)
        return InstancePage(instances=tuple(instances), total=total, size=_PAGE_SIZE)

    def list_by_ids(
        self, workspace: Workspace, environment: Environment, *, business_date: date, ids: Collection[int]
    ) -> tuple[Instance, ...]:
        """Read instances by their ids, one by one: this generation has no list of them."""
        found = []
        for instance_id in ids:
            with suppress(NotFoundError):
                found.append(self.get_instance(instance_id, environment))
        return tuple(found)

    def get_instance(self, instance_id: int, environment: Environment) -> Instance:
        """Read one instance."""
        reply = self._gateway.read("GetInstance", instance_id=instance_id, project_env=environment.value)
        return understood("GetInstance", reply, self._instance)

    def get_log(self, instance_id: int, environment: Environment) -> InstanceLog:
        """Read the log of an instance as far as it has been written."""
        reply = self._gateway.read("GetInstanceLog", instance_id=instance_id, project_env=environment.value)
        return InstanceLog(text=str(reply.get("Data") or ""), request_id=str(reply.get("RequestId") or ""))

    def stop_instances(self, ids: Sequence[int], environment: Environment) -> Iterator[tuple[int, ServiceError | None]]:
        """Ask for instances to be stopped, one call each; they stop some time later."""
        for instance_id in ids:
            refusal = None
            try:
                self._gateway.write("StopInstance", instance_id=instance_id, project_env=environment.value)
            except ServiceError as error:
                refusal = error
            yield instance_id, refusal

    def restart_instance(self, instance_id: int, environment: Environment) -> None:
        """Run an ended instance again, under the same id."""
        self._gateway.write("RestartInstance", instance_id=instance_id, project_env=environment.value)

    def list_attempts(self, instance_id: int, environment: Environment) -> list[Attempt]:
        """List the earlier attempts of an instance that was rerun."""
        reply = self._gateway.read("ListInstanceHistory", instance_id=instance_id, project_env=environment.value)
        found = understood("ListInstanceHistory", reply, list, member="Instances")
        return self._read_all("ListInstanceHistory", found, read_attempt)

    def _get_deployment(self, workspace: Workspace, deployment_id: int) -> tuple[Deployment, frozenset[int]]:
        """Read a deployment, and the ids of the files that it carries."""
        reply = self._gateway.read("GetDeployment", project_id=workspace.id, deployment_id=deployment_id)
        return understood(
            "GetDeployment",
            reply,
            lambda data: (
                read_deployment(
                    deployment_id=deployment_id,
                    status=data["Deployment"]["Status"],
                    checking=data["Deployment"].get("CheckingStatus"),
                    message=data["Deployment"].get("ErrorMessage"),
                ),
                frozenset(int(item["FileId"]) for item in data.get("DeployedItems") or ()),
            ),
        )

    def _instances(self, **filters: Any) -> list[Instance]:
        found = self._read_all("ListInstances", self._pages("ListInstances", "Instances", **filters), self._instance)
        # Rows may move from one page to the next while they are read; each instance counts once.
        return list({instance.id: instance for instance in found}.values())

    def _read_all(self, operation: str, items: Iterable[Any], read: Callable[[Any], _Result]) -> list[_Result]:
        return [understood(operation, {"Data": item}, read) for item in items]

    def _instance(self, data: Mapping[str, Any]) -> Instance:
        return read_instance(data, self._zone)

    def _remote_dag(self, data: Mapping[str, Any]) -> RemoteDag:
        return read_remote_dag(data, self._zone)

    def _pages(
        self, operation: str, items: str, *, member: str = "Data", **filters: Any
    ) -> Iterator[Mapping[str, Any]]:
        for page in range(1, LAST_PAGE + 1):
            found, total = self._page(operation, items, page, member=member, **filters)
            yield from found
            if not found or page * _PAGE_SIZE >= total:
                return

    def _page(
        self, operation: str, items: str, page: int, *, member: str = "Data", **filters: Any
    ) -> tuple[list[Mapping[str, Any]], int]:
        """Read one page of a list, and how many rows the whole list has."""
        reply = self._gateway.read(operation, page_number=page, page_size=_PAGE_SIZE, **filters)
        return understood(
            operation,
            reply,
            lambda data: (list(data.get(items) or ()), int(data.get("TotalCount") or 0)),
            member=member,
        )


def _listed_deployment(data: Mapping[str, Any]) -> Deployment:
    """Read a deployment of a list, which shows no checks."""
    return read_deployment(
        deployment_id=int(data["Id"]), status=data["Status"], checking=None, message=data.get("ErrorMessage")
    )


def _in_folder(path: object, folder: str) -> bool:
    """Tell whether a file is in a folder, by the path that the service prints.

    The service may print the first and the third part (``Business Flow``, ``Algorithm``) in the workspace's language.
    """
    if path is None:
        return True
    printed, wanted = str(path).strip("/").split("/"), folder.strip("/").split("/")
    if printed[0] != wanted[0]:
        del printed[2:3], printed[0], wanted[2:3], wanted[0]
    return printed == wanted


def _run(dags: Sequence[RemoteDag], *, node_id: int | None, environment: Environment) -> Run:
    days = sorted(dag.business_date for dag in dags if dag.business_date)
    if not days:
        raise UnclearError(f"GetDag: the run {dags[0].name} has no business date.", operation="GetDag")
    return Run(
        name=dags[0].name,
        node_id=node_id,
        environment=environment.value,
        business_date=days[0],
        last_business_date=days[-1] if dags[0].kind == _BACKFILL else None,
        remote_dag_ids=tuple(sorted(dag.id for dag in dags)),
    )


def _node_params(node_id: int, parameters: str | None) -> str | None:
    return None if parameters is None else json.dumps({str(node_id): parameters}, ensure_ascii=False)


def _day(business_date: date) -> str:
    return f"{business_date.isoformat()} 00:00:00"

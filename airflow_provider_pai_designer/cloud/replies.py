"""Reading the replies of DataWorks (OpenAPI 2020-05-18) into the words of this provider.

A reply that cannot be read says nothing about what was done: it becomes an :class:`UnclearError`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.designer.node import (
    DeployedNode,
    FileVersion,
    Node,
    RerunPolicy,
    Schedule,
    SchedulerType,
    StoredNode,
)
from airflow_provider_pai_designer.designer.run import Attempt, Instance, RemoteDag, read_status, read_task_type
from airflow_provider_pai_designer.designer.workspace import (
    Environment,
    Folder,
    ResourceGroup,
    Workspace,
)
from airflow_provider_pai_designer.exceptions import UnclearError
from airflow_provider_pai_designer.scheduling import SchedulingParameters

_Result = TypeVar("_Result")
_RERUN_GRACE_MILLISECONDS = 120_000


def understood(
    operation: str, reply: Mapping[str, Any], read: Callable[[Any], _Result], member: str = "Data"
) -> _Result:
    """Read the data of a reply.

    :param member: where the data is; the reply itself where empty.
    :raises UnclearError: it is not there, or not of the documented shape.
    """
    try:
        return read(reply[member] if member else reply)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
        raise UnclearError(
            f"{operation}: the reply cannot be understood ({type(error).__name__}: {error}; request id "
            f"{reply.get('RequestId') or 'none'}).",
            operation=operation,
            code="MalformedReply",
            request_id=str(reply.get("RequestId") or ""),
        ) from None


def read_workspace(data: Mapping[str, Any]) -> Workspace:
    # The service prints the list in more than one way: ["PROD"], ["[\"DEV\",\"PROD\"]"], or leaves it out.
    printed = json.dumps(data.get("EnvTypes") or []).upper()
    standard = "DEV" in printed or (not data.get("EnvTypes") and str(data.get("ProjectMode")) == "3")
    return Workspace(
        id=int(data["ProjectId"]),
        identifier=str(data["ProjectIdentifier"]),
        environments=(Environment.DEV, Environment.PROD) if standard else (Environment.PROD,),
    )


def read_stored_node(data: Mapping[str, Any], folder: str) -> StoredNode:
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
            parameters=SchedulingParameters.parse(str(configuration.get("ParaValue") or ""), strict=False),
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


def read_instance(data: Mapping[str, Any], zone: ZoneInfo) -> Instance:
    """Read an instance; the service's days are days in the given zone.

    A watch keeps thousands of them, of few nodes: they share their texts.
    """
    reruns_left = data.get("TaskRerunTime")
    schedule_time = data.get("CycTime")
    return Instance(
        id=int(data["InstanceId"]),
        node_id=int(data["NodeId"]),
        node_name=shared_text(data.get("NodeName")),
        remote_dag_id=int(data.get("DagId") or 0),
        status=read_status(data["Status"]),
        task_type=read_task_type(data.get("TaskType")),
        business_date=_moment(data["Bizdate"], zone).date(),
        schedule_time=_moment(schedule_time, zone) if schedule_time else None,
        parameters=shared_text(data.get("ParamValues")),
        reruns_left=None if reruns_left in (None, "") else _reruns_to_come(data, int(reruns_left)),
        rerun_interval_seconds=int(data.get("RepeatInterval") or 0) / 1000,
        kind=str(data.get("DagType") or "").upper(),
        created=_optional(data.get("CreateTime")),
        started=_optional(data.get("BeginRunningTime")),
        finished=_optional(data.get("FinishTime")),
    )


@lru_cache(maxsize=1024)
def shared_text(given: object) -> str:
    """Return one string for all that are alike, empty for none."""
    return str(given or "")


def read_remote_dag(data: Mapping[str, Any], zone: ZoneInfo) -> RemoteDag:
    """Read the remote DAG of a run."""
    return RemoteDag(
        id=int(data["DagId"]),
        name=str(data["Name"]),
        kind=str(data.get("Type") or ""),
        status=str(data["Status"]),
        operation_id=int(data["OpSeq"]) if data.get("OpSeq") else None,
        business_date=_moment(data["Bizdate"], zone).date() if data.get("Bizdate") else None,
        created=int(data.get("CreateTime") or 0),
    )


def read_attempt(data: Mapping[str, Any]) -> Attempt:
    """Read an earlier attempt of an instance."""
    return Attempt(
        id=int(data["InstanceHistoryId"]),
        status=read_status(data["Status"]),
        started=_optional(data.get("BeginRunningTime")),
        finished=_optional(data.get("FinishTime")),
    )


def read_file_version(data: Mapping[str, Any]) -> FileVersion:
    """Read a submitted version of a file."""
    return FileVersion(
        number=int(data["FileVersion"]),
        status=str(data.get("Status") or ""),
        in_production=data.get("IsCurrentProd") is True,
        committed=int(data.get("CommitTime") or 0),
        comment=str(data.get("Comment") or ""),
    )


def read_deployed_node(data: Mapping[str, Any]) -> DeployedNode:
    """Read a node as an environment has it."""
    return DeployedNode(
        id=int(data["NodeId"]),
        name=str(data["NodeName"]),
        file_id=int(data["FileId"]) if data.get("FileId") else None,
        version=int(data["FileVersion"]) if data.get("FileVersion") else None,
        cron=str(data.get("CronExpress") or ""),
        scheduler_type=str(data.get("SchedulerType") or ""),
        parameters=str(data.get("ParamValues") or ""),
        resource_group=str(data.get("ResGroupIdentifier") or "") or None,
        owner=str(data.get("OwnerId") or ""),
    )


def read_resource_group(data: Mapping[str, Any]) -> ResourceGroup:
    """Read a resource group."""
    return ResourceGroup(
        identifier=str(data["Identifier"]), name=str(data.get("Name") or ""), is_default=data.get("IsDefault") is True
    )


def read_folder(data: Mapping[str, Any]) -> Folder:
    """Read a folder."""
    return Folder(id=str(data["FolderId"]), path=str(data["FolderPath"]))


def _reruns_to_come(data: Mapping[str, Any], left: int) -> int:
    """An automatic rerun that is long overdue does not come: the instance was stopped, say."""
    due = int(data.get("FinishTime") or time.time() * 1000) + int(data.get("RepeatInterval") or 0)
    return left if time.time() * 1000 < due + _RERUN_GRACE_MILLISECONDS else 0


def _optional(number: Any) -> int | None:
    return int(number) if number else None


def _moment(milliseconds: Any, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, zone)

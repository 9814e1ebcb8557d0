"""A PAI Designer node as FlowSpec: the JSON in which the new Data Studio takes and gives nodes.

Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2024-05-18-createnode
and the schemas of https://github.com/aliyun/dataworks-spec.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, Schedule, SchedulerType
from airflow_provider_pai_designer.designer.workspace import Workspace
from airflow_provider_pai_designer.exceptions import ContentError, NodeDefinitionError
from airflow_provider_pai_designer.scheduling import SchedulingParameters, Text, parse

COMMAND = "PAI_STUDIO"
"""The type of PAI Designer nodes; the service looks it up in any case of letters."""

RECURRENCES = {"Normal": SchedulerType.NORMAL, "Pause": SchedulerType.PAUSE, "Skip": SchedulerType.SKIP}
RERUN_MODES = {
    "Allowed": "ALL_ALLOWED",
    "FailureAllowed": "FAILURE_ALLOWED",
    "Denied": "ALL_DENIED",
    "AllAllowed": "ALL_ALLOWED",
    "AllDenied": "ALL_DENIED",
}
"""The service's words, of Data Studio and of Operation Center, to ours."""

_MOMENT = "%Y-%m-%d %H:%M:%S"
_SPEC_RERUN_MODES = {RERUN_MODES[word]: word for word in ("Allowed", "FailureAllowed", "Denied")}
_SPEC_RECURRENCES = {kind: word for word, kind in RECURRENCES.items()}

_MEMBERS = {
    "content": ("script",),
    "parameters": ("script",),
    "cron": ("trigger",),
    "cycle_type": (),
    "scheduler_type": ("recurrence", "trigger"),
    "effective_start": ("trigger",),
    "effective_end": ("trigger",),
    "parents": ("inputs",),
    "rerun_mode": ("rerunMode",),
    "rerun_times": ("rerunTimes",),
    "rerun_interval": ("rerunInterval",),
    "description": ("description",),
    "owner": ("owner",),
    "resource_group": ("runtimeResource",),
}
"""Property of a node (see :func:`~.node.difference`) to the members of its spec that say it."""


@dataclass(frozen=True, kw_only=True)
class StudioNode:
    """A node as the new Data Studio has it.

    :param id: of the node in Data Studio; 18 or 19 digits.
    :param task_id: id of the task that was made of it; None before it is published.
    :param workflow: name of the workflow that it is part of; None for a node by itself.
    :param outputs: output names of the node.
    :param modified: when it was last saved, epoch milliseconds.
    """

    id: str
    task_id: int | None
    modified: int
    workflow: str | None
    outputs: tuple[str, ...]
    node: Node


def storable(node: Node, workspace: Workspace, zone: ZoneInfo) -> Node:
    """Return a declared node as Data Studio can store it: with a parent, its effective window in whole seconds.

    :raises NodeDefinitionError: Data Studio cannot have such a node.
    """
    if node.schedule.type is SchedulerType.MANUAL:
        raise NodeDefinitionError(
            "A node of the schedule type MANUAL cannot be made in the new Data Studio over its API. Leave schedule "
            "unset: DataWorks does not start such a node by itself either."
        )
    if unnamed := [name for name in node.parameters if name.isdecimal() or name == "-"]:
        raise NodeDefinitionError(
            f"The new Data Studio knows scheduling parameters by name only, and {', '.join(unnamed)} has none: write "
            "name=expression, and ${name} in the pipeline."
        )
    start, end = (read_moment(write_moment(moment, zone), zone) for moment in (node.schedule.start, node.schedule.end))
    return replace(
        node,
        folder=node.folder.strip("/"),
        parents=node.parents or (workspace.root_output,),
        schedule=replace(node.schedule, start=start, end=end),
    )


def script_path(name: str, folder: str) -> str:
    """Return the path by which Data Studio has a node: its folder and its name."""
    return f"{folder.strip('/')}/{name}"


def write_node(node: Node, workspace: Workspace, zone: ZoneInfo) -> str:
    """Write the spec of a new node.

    Its id is its name: with any other id the service may drop the dependencies without a word.

    :param node: see :func:`storable`.
    :param zone: of the workspace.
    """
    members = _members(node, zone)
    members["instanceMode"] = "T+1"
    members["outputs"] = {"nodeOutputs": [_output(f"{workspace.identifier}.{node.name}")]}
    unset = [name for name, value in members.items() if value in (None, "")]
    for name in unset:
        del members[name]
    return _write({"id": node.name, "name": node.name, **members}, flow=_dependencies(node.name, node.parents))


def write_changes(node_id: str, wanted: Node, changed: Collection[str], zone: ZoneInfo) -> str:
    """Write the part of a spec that changes a stored node.

    :param changed: names of the properties that differ, see :func:`~.node.difference`. A member of the spec is sent
        whole: whether the service merges inside of one is not documented.
    """
    members = _members(wanted, zone)
    sent = {name: members[name] for property_name in changed for name in _MEMBERS[property_name]}
    flow = _dependencies(node_id, wanted.parents) if "parents" in changed else None
    return _write({"id": node_id, **sent}, flow=flow)


def write_dependencies(node_id: str, parents: Iterable[str]) -> str:
    """Write what gives a stored node its parents, in the newer form of the spec.

    The vendor's samples say dependencies as ``flow`` of version 1.1.0, its tools as ``dependencies`` of 2.0.0.
    """
    dependencies = _dependencies(node_id, parents)
    return json.dumps(
        {"version": "2.0.0", "kind": "Node", "spec": {"nodes": [{"id": node_id}], "dependencies": dependencies}},
        ensure_ascii=False,
    )


def read_node(data: Mapping[str, Any], zone: ZoneInfo) -> StudioNode:
    """Read a stored node; the spec of a node in a workflow may be the whole workflow's.

    :param data: the member ``Node`` of GetNode's reply.
    :raises ValueError, LookupError, TypeError, AttributeError: it has not the documented shape.
    """
    node_id = str(data["Id"]).strip()
    spec = json.loads(data["Spec"])["spec"]
    workflow = next(iter(spec.get("workflows") or ()), None)
    container = workflow or spec
    members = _find(container.get("nodes") or (), node_id)
    flow = next(
        (
            place[name]
            for place in (container, spec)
            for name in ("flow", "dependencies")
            if place.get(name) is not None
        ),
        None,
    )
    folder, _, name = str(members["script"]["path"]).strip("/").rpartition("/")
    return StudioNode(
        id=node_id,
        task_id=int(data["TaskId"]) if data.get("TaskId") else None,
        modified=int(data.get("ModifyTime") or 0),
        workflow=str(workflow.get("name") or workflow.get("id")) if workflow else None,
        outputs=tuple(_data(members.get("outputs"))),
        node=Node(
            name=str(members.get("name") or name),
            folder=folder,
            content=str(members["script"].get("content") or ""),
            parameters=_read_parameters(members["script"].get("parameters") or ()),
            schedule=_read_schedule(members, zone),
            parents=tuple(_data(members.get("inputs")) if flow is None else _read_flow(flow, members)),
            rerun=RerunPolicy(
                mode=RERUN_MODES.get(str(members.get("rerunMode")), ""),
                times=int(members.get("rerunTimes") or 0),
                interval_seconds=int(members.get("rerunInterval") or 0) // 1000,
            ),
            resource_group=(members.get("runtimeResource") or {}).get("resourceGroup"),
            owner=members.get("owner") or data.get("Owner"),
            description=str(members.get("description") or ""),
        ),
    )


def read_recurrence(word: object) -> SchedulerType:
    """Read what the scheduler does with a node; what we have no word for is nothing that anybody can ask for."""
    return RECURRENCES.get(str(word or "Normal"), SchedulerType.MANUAL)


def same_code(first: str, second: str) -> bool:
    """Tell whether two contents give the scheduler the same flow; it never has more of a content than that."""
    try:
        return first == second or NodeContent.parse(first).flow == NodeContent.parse(second).flow
    except ContentError:
        return False


def write_moment(milliseconds: int, zone: ZoneInfo) -> str:
    """Write a moment as the specs have it: local time of the workspace, in seconds.

    :raises NodeDefinitionError: it lies outside the calendar.
    """
    try:
        return datetime.fromtimestamp(milliseconds // 1000, zone).strftime(_MOMENT)
    except (ValueError, OverflowError, OSError):
        raise NodeDefinitionError(
            f"The effective window of the schedule has the moment {milliseconds}, which is no epoch milliseconds of a "
            "year that the calendar has."
        ) from None


def read_moment(text: str, zone: ZoneInfo) -> int:
    """Read what :func:`write_moment` wrote, as epoch milliseconds."""
    return int(datetime.strptime(text, _MOMENT).replace(tzinfo=zone).timestamp()) * 1000


def _members(node: Node, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "recurrence": _SPEC_RECURRENCES[node.schedule.type],
        "rerunMode": _SPEC_RERUN_MODES[node.rerun.mode],
        "rerunTimes": node.rerun.times,
        "rerunInterval": node.rerun.interval_seconds * 1000,
        "script": {
            "path": script_path(node.name, node.folder),
            "language": "json",
            "runtime": {"command": COMMAND},
            "content": node.content,
            "parameters": [_parameter(name, expression) for name, expression in node.parameters.items()],
        },
        "trigger": {
            "type": "Scheduler",
            "cron": node.schedule.cron,
            "startTime": write_moment(node.schedule.start, zone),
            "endTime": write_moment(node.schedule.end, zone),
            "timezone": zone.key,
            "delaySeconds": 0,
        },
        "runtimeResource": node.resource_group and {"resourceGroup": node.resource_group},
        "owner": node.owner,
        "description": node.description,
        "inputs": {"nodeOutputs": [_output(parent) for parent in node.parents]},
    }


def _parameter(name: str, expression: str) -> dict[str, str]:
    constant = all(isinstance(part, Text) for part in parse(expression).parts)
    return {
        "name": name,
        "type": "Constant" if constant else "System",
        "scope": "NodeParameter",
        "value": expression,
        "artifactType": "Variable",
    }


def _output(name: str) -> dict[str, str]:
    return {"data": name, "artifactType": "NodeOutput"}


def _dependencies(node_id: str, parents: Iterable[str]) -> list[dict[str, Any]]:
    return [{"nodeId": node_id, "depends": [{"type": "Normal", "output": parent} for parent in parents]}]


def _write(node: Mapping[str, Any], *, flow: list[dict[str, Any]] | None) -> str:
    spec: dict[str, Any] = {"nodes": [node]}
    if flow is not None:
        spec["flow"] = flow
    return json.dumps({"version": "1.1.0", "kind": "Node", "spec": spec}, ensure_ascii=False)


def _find(nodes: Iterable[Mapping[str, Any]], node_id: str) -> Mapping[str, Any]:
    """The spec of a node alone may name it by another id than the service does; in a workflow the id tells."""
    found = list(nodes)
    if len(found) == 1:
        return found[0]
    return {str(node.get("id")): node for node in found}[node_id]


def _data(artifacts: Mapping[str, Any] | None) -> Iterator[str]:
    for output in (artifacts or {}).get("nodeOutputs") or ():
        yield str(output["data"])


def _read_flow(flow: Iterable[Mapping[str, Any]], members: Mapping[str, Any]) -> Iterator[str]:
    """Only what a node waits for in the same cycle is a parent."""
    for entry in flow:
        if str(entry.get("nodeId")) in (str(members.get("id")), str(members.get("name"))):
            for dependency in entry.get("depends") or ():
                if dependency.get("type", "Normal") == "Normal":
                    yield str(dependency.get("output") or dependency["nodeId"])


def _read_parameters(parameters: Iterable[Mapping[str, Any]]) -> SchedulingParameters:
    entries: list[tuple[str, str]] = []
    for parameter in parameters:
        if parameter.get("type") == "NoKvVariableExpression":
            entries.extend(SchedulingParameters.parse(str(parameter.get("value") or ""), strict=False).entries)
        else:
            entries.append((str(parameter["name"]), str(parameter.get("value") or "")))
    return SchedulingParameters(entries=tuple(entries))


def _read_schedule(members: Mapping[str, Any], zone: ZoneInfo) -> Schedule:
    trigger = members.get("trigger") or {}
    scheduled = trigger.get("type", "Scheduler") == "Scheduler"
    return Schedule(
        cron=str(trigger.get("cron") or ""),
        type=read_recurrence(members.get("recurrence")) if scheduled else SchedulerType.MANUAL,
        start=read_moment(trigger["startTime"], zone) if trigger.get("startTime") else 0,
        end=read_moment(trigger["endTime"], zone) if trigger.get("endTime") else 0,
    )

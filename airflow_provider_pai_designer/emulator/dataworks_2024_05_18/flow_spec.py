"""FlowSpec: the JSON document in which the new Data Studio keeps a node, read, completed and changed.

Two versions of the format are about: ``1.1.0`` has the dependencies under ``flow``, ``2.0.0`` under ``dependencies``.
Source: https://github.com/aliyun/dataworks-spec and the page ``...-createnode``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.emulator.errors import BusinessError
from airflow_provider_pai_designer.emulator.world import milliseconds
from airflow_provider_pai_designer.exceptions import NodeDefinitionError
from airflow_provider_pai_designer.scheduling.cron import cycle_type, schedule_time_for

_RERUN_MODES = {"Allowed": "ALL_ALLOWED", "FailureAllowed": "FAILURE_ALLOWED", "Denied": "ALL_DENIED"}
_CHOICES = {
    "recurrence": ("Normal", "Pause", "Skip"),
    "instanceMode": ("T+1", "Immediately"),
    "rerunMode": tuple(_RERUN_MODES),
}
_TRIGGER_TYPES = ("Scheduler", "Manual")
_MOST = 2**31
_ALWAYS = ("1970-01-01 00:00:00", "9999-01-01 00:00:00")


@dataclass(frozen=True, kw_only=True)
class FlowSpec:
    """What a request says about a node.

    :param node: the first of its nodes: the service ignores any other.
    :param depends: the node's dependencies; None where the document says nothing about them.
    """

    version: str
    node: Mapping[str, Any]
    depends: list[Any] | None

    @classmethod
    def parse(cls, text: str, *, known_as: tuple[str, ...] = ()) -> FlowSpec:
        """Read a document.

        :param known_as: ids and names under which its dependencies may stand, beside those that it says itself.
        :raises BusinessError: it cannot be read, or is of another kind than ``Node``.
        """
        try:
            document = json.loads(text)
            kind, version, spec = document["kind"], str(document["version"]), document["spec"]
            node = spec["nodes"][0]
            edges = spec.get(edges_member(version))
            names = {*known_as, node.get("id"), node.get("name")}
            own = [edge["depends"] for edge in edges or () if edge["nodeId"] in names]
            depends = None if edges is None else [dict(item) for depends in own for item in depends]
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            raise unreadable(f"{type(error).__name__}: {error}") from None
        if kind != "Node":
            raise BusinessError("Undocumented.SpecKind", "spec kind and request not match")
        return cls(version=version, node=node, depends=depends)


def edges_member(version: str) -> str:
    """Return the member that holds the dependencies in a version of the format."""
    return "dependencies" if version.startswith("2") else "flow"


def render(*, version: str, node: Mapping[str, Any], depends: list[Any]) -> str:
    """Return a whole document."""
    edges = {edges_member(version): [{"nodeId": node["id"], "depends": depends}]}
    document = {
        "version": version,
        "kind": "Node",
        "spec": {"nodes": [node], **edges},
        "metadata": {"uuid": node["id"]},
    }
    return json.dumps(document, ensure_ascii=False)


def merge(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored object with changes made to it: members that are not named stay, at every depth."""
    merged = dict(stored)
    for name, value in changes.items():
        below = merged.get(name)
        merged[name] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def defaults(*, time_zone: str) -> dict[str, Any]:
    """Return what a node has for which nothing was given; the values are those of the vendor's samples."""
    return {
        "recurrence": "Normal",
        "instanceMode": "T+1",
        "rerunMode": "Allowed",
        "rerunTimes": 0,
        "rerunInterval": 180000,
        "timeout": 0,
        "trigger": {
            "type": "Scheduler",
            "cron": "00 00 00 * * ?",
            "startTime": _ALWAYS[0],
            "endTime": _ALWAYS[1],
            "timezone": time_zone,
            "delaySeconds": 0,
        },
        "script": {"content": "", "parameters": []},
    }


def check(node: Mapping[str, Any]) -> None:
    """Check a whole node, completed with the defaults.

    :raises BusinessError: a member is missing or of a wrong kind, or the cron expression cannot be read.
    """
    try:
        _check_members(node)
    except (TypeError, LookupError, AttributeError) as error:
        raise unreadable(f"{type(error).__name__}: {error}") from None
    try:
        schedule_time_for(date(2026, 1, 1), node["trigger"]["cron"])
    except NodeDefinitionError as error:
        raise BusinessError("Undocumented.CronExpression", f"invalid cron: {error}") from None


def _check_members(node: Mapping[str, Any]) -> None:
    script, trigger = node["script"], node["trigger"]
    for name, text in {
        "name": node["name"],
        "script.path": script["path"],
        "script.runtime.command": script["runtime"]["command"],
        "trigger.cron": trigger["cron"],
        "owner": node.get("owner", " "),
        "runtimeResource.resourceGroup": node.get("runtimeResource", {}).get("resourceGroup", " "),
    }.items():
        if not isinstance(text, str) or not text:
            raise unreadable(f"{name} must be a text")
    if not isinstance(script["content"], str):
        raise unreadable("script.content must be a text")
    for name, choices in _CHOICES.items():
        if node[name] not in choices:
            raise unreadable(f"{name} must be one of {', '.join(choices)}")
    if trigger["type"] not in _TRIGGER_TYPES:
        raise unreadable(f"trigger.type must be one of {', '.join(_TRIGGER_TYPES)}")
    for name in ("rerunTimes", "rerunInterval", "timeout"):
        if type(node[name]) is not int or not 0 <= node[name] < _MOST:
            raise unreadable(f"{name} must be a whole number of 0 or more")
    _parameters(script["parameters"])
    node.get("datasource", {}).get("name")
    for side in ("inputs", "outputs"):
        names_of(node, side)


def unreadable(reason: str) -> BusinessError:
    """A document that is no FlowSpec."""
    return BusinessError("58014884415", f"The spec cannot be parsed: {reason}.")


def names_of(node: Mapping[str, Any], side: str) -> list[str]:
    """Return the names of a node's ``inputs`` or ``outputs``."""
    return [str(item["data"]) for item in node.get(side, {}).get("nodeOutputs", [])]


def settings(node: Mapping[str, Any], depends: list[Any], *, zone: ZoneInfo) -> dict[str, Any]:
    """Return the configuration that the scheduler works with, under the names of 2020-05-18."""
    trigger = node["trigger"]
    manual = trigger["type"] == "Manual"
    return {
        "AutoParsing": False,
        "CronExpress": trigger["cron"],
        "CycleType": cycle_type(trigger["cron"]),
        "DependentType": "NONE",
        "RerunMode": _RERUN_MODES[node["rerunMode"]],
        "AutoRerunTimes": node["rerunTimes"],
        "AutoRerunIntervalMillis": node["rerunInterval"],
        "SchedulerType": "MANUAL" if manual else node["recurrence"].upper(),
        "StartEffectDate": _moment(trigger["startTime"], zone),
        "EndEffectDate": _moment(trigger["endTime"], zone),
        "StartImmediately": node["instanceMode"] == "Immediately",
        "Stop": False,
        "Timeout": node["timeout"],
        "ParaValue": _parameters(node["script"]["parameters"]),
        "InputList": ",".join(str(item["output"]) for item in depends if "output" in item),
        "OutputList": ",".join(names_of(node, "outputs")),
        "ResourceGroupIdentifier": node["runtimeResource"]["resourceGroup"],
        "ConnectionName": node.get("datasource", {}).get("name"),
    }


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    """Return scheduling parameters as the scheduler knows them, ``a=x b=y``."""
    return " ".join(
        str(item["value"]) if item.get("type") == "NoKvVariableExpression" else f"{item['name']}={item['value']}"
        for item in parameters
    )


def _moment(text: str, zone: ZoneInfo) -> int:
    try:
        return milliseconds(datetime.strptime(text, "%Y-%m-%d %H:%M:%S"), zone)
    except (TypeError, ValueError, OverflowError):
        raise unreadable(f"a time of the trigger must have the form yyyy-MM-dd HH:mm:ss, not {text}") from None

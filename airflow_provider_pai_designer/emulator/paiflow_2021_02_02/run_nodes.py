"""The nodes of a run: a root that holds the steps, and the steps, with what each of them says and puts out."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_pai_designer.emulator import flows, pai
from airflow_provider_pai_designer.emulator.flows import FlowState, StepState
from airflow_provider_pai_designer.emulator.operations import INTEGER, STRING, Caller, Parameter, present, required
from airflow_provider_pai_designer.emulator.paiflow_2021_02_02.registry import metadata_of, operation, run_of
from airflow_provider_pai_designer.emulator.world import World

_NODE = "/pipelineruns/{PipelineRunId}/nodes/{NodeId}"
_DEPTH = Parameter(kind=int, default=2, minimum=1, maximum=99999)
# both are the same nodes here: no step is made of others
_TREE = {"Depth": _DEPTH, "Type": Parameter(kind=str, choices=("Logical", "Physical")), "TokenId": STRING}
_SORTS = {"Name": "name", "Type": "type", "GmtCreateTime": "created"}


@dataclass(frozen=True, kw_only=True)
class _Node:
    """The node that a request names.

    :param step: None for the root.
    """

    run: sqlite3.Row
    state: FlowState
    step: StepState | None

    def below(self, depth: int) -> tuple[StepState, ...]:
        """The steps that this node holds, where so many layers are wanted."""
        return self.state.steps if self.step is None and depth > 1 else ()


@operation("GetPipelineRunNode", f"GET {_NODE}", _TREE)
def get_pipeline_run_node(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """https://help.aliyun.com/document_detail/438036.htm"""
    node = _node(world, caller, arguments)
    if node.step is not None:
        return _step(node.step)
    return _root(node, arguments["Depth"])


@operation("ListPipelineRunNodeStatus", f"GET {_NODE}/status", _TREE)
def list_pipeline_run_node_status(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paiflow-2021-02-02-listpipelinerunnodestatus``."""
    node = _node(world, caller, arguments)
    state = node.state if node.step is None else node.step
    name = node.run["name"] if node.step is None else node.step.plan["name"]
    own = _status(arguments["NodeId"], name, state)
    steps = [_status(step.plan["node_id"], step.plan["name"], step) for step in node.below(arguments["Depth"])]
    return {"Status": [own, *steps]}


@operation(
    "ListPipelineRunNodeLogs",
    f"GET {_NODE}/logs",
    {
        "Offset": Parameter(kind=int, default=0, minimum=0),
        "PageSize": Parameter(kind=int, default=100, minimum=1),
        "Keyword": STRING,
        "Reverse": Parameter(kind=bool, default=False),
        "FromTimeInSeconds": INTEGER,
        "ToTimeInSeconds": INTEGER,
        "TokenId": STRING,
    },
)
def list_pipeline_run_node_logs(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Lines by their number; the root says nothing. See the page ``...-listpipelinerunnodelogs``."""
    node = _node(world, caller, arguments)
    said = [] if node.step is None else flows.logs(world, node.run, node.step.plan["name"])
    lines = [f"{pai.moment(at)} {text}" for at, text in said if _in_time(at, arguments)]
    lines = [line for line in lines if arguments.get("Keyword", "") in line]
    if arguments["Reverse"]:
        lines.reverse()
    first = arguments["Offset"]
    return {"TotalCount": len(lines), "Logs": lines[first : first + arguments["PageSize"]]}


def _in_time(at: int, arguments: Mapping[str, Any]) -> bool:
    second = at // 1000
    earliest, latest = (arguments.get(f"{end}TimeInSeconds", second) for end in ("From", "To"))
    return bool(earliest <= second <= latest)


@operation(
    "ListPipelineRunNodeOutputs",
    f"GET {_NODE}/outputs",
    {
        **pai.PAGE,
        "Depth": required(_DEPTH),
        "Name": STRING,
        "Type": STRING,
        "SortBy": Parameter(kind=str, default="GmtCreateTime", choices=tuple(_SORTS)),
        "Order": pai.ORDER,
        "TokenId": STRING,
    },
)
def list_pipeline_run_node_outputs(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """The root has none of its own: its steps' need a depth of 2. See the page ``...-listpipelinerunnodeoutputs``."""
    node = _node(world, caller, arguments)
    steps = node.below(arguments["Depth"]) if node.step is None else (node.step,)
    ids = [step.plan["node_id"] for step in steps]
    found = [output for output in flows.outputs(world, node.run) if output["node_id"] in ids]
    found = [output for output in found if _wanted(output, arguments)]
    found.sort(key=lambda output: str(output[_SORTS[arguments["SortBy"]]]), reverse=arguments["Order"] == "DESC")
    shown = [
        {**pai.output(output), "Info": {"value": pai.as_json(output["value"]), "metadata": output["metadata"]}}
        for output in pai.page(found, arguments)
    ]
    return {"TotalCount": len(found), "Outputs": shown}


def _wanted(output: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    return all(output[name.lower()] == arguments[name] for name in ("Name", "Type") if name in arguments)


def _node(world: World, caller: Caller, arguments: Mapping[str, Any]) -> _Node:
    run = run_of(world, caller, arguments["PipelineRunId"])
    state, node_id = flows.state(world, run), arguments["NodeId"]
    if node_id == run["root"]:
        return _Node(run=run, state=state, step=None)
    step = next((step for step in state.steps if step.plan["node_id"] == node_id), None)
    if step is None:
        raise pai.missing_object("Node", node_id)
    return _Node(run=run, state=state, step=step)


def _status(node_id: str, name: str, state: FlowState | StepState) -> dict[str, Any]:
    return present(
        NodeId=node_id,
        NodeName=name,
        Status=state.status,
        StartedAt=pai.moment(state.started),
        FinishedAt=pai.moment(state.finished),
    )


def _root(node: _Node, depth: int) -> dict[str, Any]:
    run, done = node.run, [step for step in node.state.steps if step.status == "Succeeded"]
    return {
        "ApiVersion": "core/v1",
        "Metadata": {
            **{name.capitalize(): value for name, value in metadata_of(run["manifest"]).items()},
            "NodeId": run["root"],
            "NodeType": "Dag",
            "Name": run["id"],
            "DisplayName": run["name"],
            "RelatedNodeIds": [run["root"]],
        },
        "Spec": {
            "HasPipelines": True,
            "Dependencies": [],
            "Inputs": {"Parameters": [], "Artifacts": []},
            "Outputs": {"Parameters": [], "Artifacts": []},
            "Pipelines": [_step(step) for step in node.below(depth)],
        },
        "StatusInfo": {**_status_info(node.state), "Progress": f"{len(done)}/{len(node.state.steps)}"},
    }


def _step(step: StepState) -> dict[str, Any]:
    """What the type of a step's node is called is not documented, so it has none."""
    plan = step.plan
    produced = plan["outputs"] if step.status == "Succeeded" else []
    return {
        "ApiVersion": "core/v1",
        "Metadata": {
            "NodeId": plan["node_id"],
            "Name": plan["name"],
            "DisplayName": plan["display_name"],
            "Identifier": plan["identifier"],
            "Provider": "pai",
            "Version": "v1",
            "RelatedNodeIds": [plan["node_id"]],
        },
        "Spec": {
            "HasPipelines": False,
            "Dependencies": plan["dependencies"],
            "Inputs": {"Parameters": [], "Artifacts": []},
            "Outputs": {
                "Parameters": [],
                "Artifacts": [{"Name": one["name"], "Value": pai.as_json(one["value"])} for one in produced],
            },
            "Pipelines": [],
        },
        "StatusInfo": _status_info(step),
    }


def _status_info(state: FlowState | StepState) -> dict[str, Any]:
    return present(Status=state.status, StartedAt=pai.moment(state.started), FinishedAt=pai.moment(state.finished))

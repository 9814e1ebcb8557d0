"""Runs of PAIFlow as wholes."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import yaml

from airflow_provider_pai_designer.emulator import flows, pai, scheduler
from airflow_provider_pai_designer.emulator.flows import FlowOrder
from airflow_provider_pai_designer.emulator.operations import (
    BOOLEAN,
    LIST,
    STRING,
    Caller,
    Parameter,
    present,
    required,
)
from airflow_provider_pai_designer.emulator.paiflow_2021_02_02.registry import (
    check_manifest,
    operation,
    run_of,
)
from airflow_provider_pai_designer.emulator.world import World
from airflow_provider_pai_designer.exceptions import ContentError

_STATUSES = (
    *("Initialized", "Running", "Succeeded", "Failed", "Suspended"),
    *("Terminated", "Unknown", "Skipped", "Terminating"),
)
_SORTS = {
    "PipelineId": "PipelineId",
    "UserId": "UserId",
    "ParentUserId": "ParentUserId",
    "StartedAt": "StartedAt",
    "FinishedAt": "FinishedAt",
    "WorkflowServiceId": "PipelineRunId",
    "Duration": "Duration",
    "GmtCreateTime": "GmtCreateTime",
    "GmtModifiedTime": "GmtModifiedTime",
}
"""What a list can be sorted by, and the field that has it."""
_FILTERS = ("PipelineRunId", "SourceType", "SourceId", "Status", "UserId", "WorkspaceId")
_URI = "https://pai.console.aliyun.com/?regionId={region}&workspaceId={workspace}#/studio/task/detail/{run}"


@operation(
    "CreatePipelineRun",
    "POST /pipelineruns",
    {
        "PipelineId": STRING,
        "PipelineManifest": STRING,
        "Name": STRING,
        "Arguments": STRING,
        "NoConfirmRequired": Parameter(kind=bool, default=True),
        "WorkspaceId": required(STRING),
        "SourceType": Parameter(kind=str, default="UNKNOWN", choices=("UNKNOWN", "SDK", "DESIGNER", "M6")),
        "SourceId": STRING,
        "Options": STRING,
        "Accessibility": pai.ACCESSIBILITY,
    },
)
def create_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Nothing makes a second call the same run. https://help.aliyun.com/document_detail/438035.htm"""
    workspace = pai.workspace_of(world, caller, arguments["WorkspaceId"])
    manifest, given = _manifest(world, caller, arguments), arguments.get("Arguments", "")
    run_id, now = flows.new_identifier(world, "flow"), world.clock.now()
    name = arguments.get("Name") or run_id
    _check_arguments(given)
    order = FlowOrder(
        run_id=run_id,
        workspace_id=workspace["id"],
        account=caller.account,
        name=name,
        seed_name=name,
        project=flows.project_of(given, workspace["identifier"]),
        manifest=manifest,
        arguments=given,
        pipeline_id=arguments.get("PipelineId"),
        source_type=arguments["SourceType"],
        source_id=arguments.get("SourceId"),
        options=arguments.get("Options"),
        accessibility=arguments["Accessibility"],
    )
    flows.add(world, order, now)
    if arguments["NoConfirmRequired"]:
        _begin(world, run_of(world, caller, run_id))
    return {"PipelineRunId": run_id}


@operation("StartPipelineRun", "PUT /pipelineruns/{PipelineRunId}/start", {})
def start_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Only a run that was created without ``NoConfirmRequired`` waits for it."""
    run = run_of(world, caller, arguments["PipelineRunId"])
    if run["started"] is not None:
        raise pai.refusal("PipelineRunStarted", f"The run {run['id']} has been started already.")
    _begin(world, run)
    return {}


@operation("TerminatePipelineRun", "PUT /pipelineruns/{PipelineRunId}/termination", {})
def terminate_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """The run of a node takes its instance with it. See the page ``...-terminatepipelinerun``."""
    run = run_of(world, caller, arguments["PipelineRunId"])
    if flows.state(world, run).ended:
        if world.reading("pai_terminate_ended") == "refuse":
            raise pai.refusal("PipelineRunEnded", f"The run {run['id']} has ended already.")
    elif run["stop"] is None:
        terminate(world, run)
    return {}


def terminate(world: World, run: sqlite3.Row) -> None:
    """End an active run a little later."""
    if run["started"] is None:
        flows.end_without_steps(world, run, world.clock.now())
        return
    flows.stop_at(world, run["id"], world.clock.now() + int(world.timing.stop_seconds * 1000))
    instance = world.store.row("SELECT * FROM instances WHERE id = ? AND open = 1", run["instance_id"])
    if instance:
        scheduler.stop(world, instance)


@operation("RerunPipelineRun", "PUT /pipelineruns/{PipelineRunId}/rerun", {})
def rerun_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """The reply names no run (doubt ``pai_rerun``). See the page ``...-rerunpipelinerun``."""
    run = run_of(world, caller, arguments["PipelineRunId"])
    if not flows.state(world, run).ended:
        raise pai.refusal("PipelineRunActive", f"The run {run['id']} has not ended.")
    if world.reading("pai_rerun") == "new_run":
        order = flows.order_of(run, run_id=flows.new_identifier(world, "flow"))
        flows.add(world, order, world.clock.now())
        run = run_of(world, caller, order.run_id)
    _begin(world, run)
    return {}


@operation("UpdatePipelineRun", "PUT /pipelineruns/{PipelineRunId}", {"Name": required(STRING)})
def update_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Only the name can be changed."""
    run = run_of(world, caller, arguments["PipelineRunId"])
    world.store.update("flow_runs", {"id": run["id"]}, name=arguments["Name"], modified=world.clock.now())
    return {}


@operation("DeletePipelineRun", "DELETE /pipelineruns/{PipelineRunId}", {})
def delete_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paiflow-2021-02-02-deletepipelinerun``."""
    run = run_of(world, caller, arguments["PipelineRunId"])
    if run["started"] is not None and not flows.state(world, run).ended:
        raise pai.refusal("PipelineRunActive", f"The run {run['id']} has not ended.")
    world.store.update("flow_runs", {"id": run["id"]}, deleted=1, modified=world.clock.now())
    return {}


@operation(
    "GetPipelineRun",
    "GET /pipelineruns/{PipelineRunId}",
    {
        "Verbose": BOOLEAN,
        "ManifestType": Parameter(
            kind=str, default="Raw", choices=("Raw", "Frozen", "Expanded", "Rendered", "Runtime")
        ),
        "TokenId": STRING,
    },
)
def get_pipeline_run(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Of the forms of a manifest only the submitted one is modelled. See the page ``...-getpipelinerun``."""
    run = run_of(world, caller, arguments["PipelineRunId"])
    shown = {**_shown(world, run), **present(Arguments=run["arguments"] or None, Options=run["options"])}
    if not arguments.get("Verbose"):
        return shown
    if arguments["ManifestType"] != "Raw":
        raise pai.not_supported("A ManifestType other than Raw")
    return {**shown, "Manifest": run["manifest"]}


@operation(
    "ListPipelineRuns",
    "GET /pipelineruns",
    {
        **pai.PAGE,
        **dict.fromkeys((*_FILTERS, "Name", "PipelineIds"), STRING),
        "Status": Parameter(kind=str, choices=_STATUSES),
        "SortBy": Parameter(kind=str, default="GmtCreateTime", choices=tuple(_SORTS)),
        "Order": pai.ORDER,
    },
)
def list_pipeline_runs(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paiflow-2021-02-02-listpipelineruns``."""
    latest = world.clock.now() - int(world.reading("pai_list_lag")) * 1000
    rows = world.store.rows("SELECT * FROM flow_runs WHERE deleted = 0 AND created <= ? ORDER BY number DESC", latest)
    rows = pai.named(world, pai.visible(caller, rows), arguments.get("Name"))
    if "PipelineIds" in arguments:
        pipelines = [identity.strip() for identity in arguments["PipelineIds"].split(",")]
        rows = [row for row in rows if row["pipeline_id"] in pipelines]
    if "WorkspaceId" in arguments:
        rows = [row for row in rows if str(row["workspace_id"]) == arguments["WorkspaceId"]]
    runs = [run for run in (_shown(world, row) for row in rows) if _wanted(run, arguments)]
    field = _SORTS[arguments["SortBy"]]
    # rows are newest first; of equals, the newer one stays before the older one, and behind it in the other order
    runs.sort(key=lambda run: str(run.get(field, "")), reverse=True)
    if arguments["Order"] == "ASC":
        runs.reverse()
    return {"TotalCount": len(runs), "PipelineRuns": pai.page(runs, arguments)}


def _wanted(run: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    return all(run.get(name) == arguments[name] for name in _FILTERS if name in arguments)


@operation(
    "ListPipelineRunsStatus",
    "PUT /pipelineruns",
    {"PipelineRuns": LIST, "Nodes": LIST, "WorkspaceId": STRING, "OutputType": STRING},
)
def list_pipeline_runs_status(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """Of runs, or of nodes of runs, which are preferred. See the page ``...-listpipelinerunsstatus``."""
    nodes = arguments.get("Nodes") or []
    if not all(isinstance(node, dict) for node in nodes):
        raise pai.refusal("InvalidNodes", "Every item of Nodes must have a PipelineRunId and a NodeId.")
    wanted = [node.get("PipelineRunId") for node in nodes] if nodes else arguments.get("PipelineRuns") or []
    most = world.reading("pai_status_ids")
    if most != "any" and len(wanted) > int(most):
        raise pai.refusal("TooManyPipelineRuns", f"Not more than {most} runs may be asked for at once.")
    found = [run for identity in dict.fromkeys(map(str, wanted)) if (run := flows.find(world, identity))]
    runs = [run for run in pai.visible(caller, found) if _in_workspace(run, arguments)]
    by_id = {run["id"]: run for run in runs}
    return {
        "PipelineRuns": [] if nodes else [_status(world, run) for run in runs],
        "Nodes": [
            status
            for node in nodes
            if node.get("PipelineRunId") in by_id
            for status in _node_statuses(world, by_id[node["PipelineRunId"]], node.get("NodeId"))
        ],
        "Outputs": [
            output
            for run in runs
            for output in _outputs(world, run, arguments.get("OutputType"))
            if not nodes or {"PipelineRunId": run["id"], "NodeId": output["NodeId"]} in nodes
        ],
    }


def _in_workspace(run: sqlite3.Row, arguments: Mapping[str, Any]) -> bool:
    return arguments.get("WorkspaceId") in (None, str(run["workspace_id"]))


def _status(world: World, run: sqlite3.Row) -> dict[str, Any]:
    return present(
        PipelineRunId=run["id"],
        Name=run["name"],
        Status=flows.state(world, run).status,
        NodeId=run["root"],
        SourceId=run["source_id"],
        UserId=run["account"],
        ParentUserId=run["account"],
        IsDeleted=bool(run["deleted"]),
    )


def _node_statuses(world: World, run: sqlite3.Row, node_id: Any) -> list[dict[str, Any]]:
    return [
        present(
            PipelineRunId=run["id"],
            NodeId=node_id,
            NodeName=step.plan["name"],
            Status=step.status,
            StartedAt=pai.moment(step.started),
            FinishedAt=pai.moment(step.finished),
            InputArtifactArchived=step.started is not None,
            OutputArtifactArchived=step.status == "Succeeded",
        )
        for step in flows.state(world, run).steps
        if step.plan["node_id"] == node_id
    ]


def _outputs(world: World, run: sqlite3.Row, wanted: str | None) -> list[dict[str, Any]]:
    """What a run has put out, where a type was asked for."""
    return [
        {
            **pai.output(output),
            "PipelineRunId": run["id"],
            "Value": pai.as_json(output["value"]),
            "Metadata": output["metadata"],
        }
        for output in flows.outputs(world, run)
        if output["type"] == wanted
    ]


def _manifest(world: World, caller: Caller, arguments: Mapping[str, Any]) -> str:
    identity, manifest = arguments.get("PipelineId"), arguments.get("PipelineManifest")
    if bool(identity) == bool(manifest):
        raise pai.refusal("InvalidPipeline", "Exactly one of PipelineId and PipelineManifest must be given.")
    if identity:
        return str(pai.find(world, caller, "flow_pipelines", "Pipeline", identity)["manifest"])
    if world.reading("pai_bad_manifest") == "refuse":
        check_manifest(str(manifest))
    return str(manifest)


def _check_arguments(text: str) -> None:
    try:
        document = yaml.safe_load(text or "{}")
    except (yaml.YAMLError, ValueError, RecursionError):
        document = None
    inner = document.get("arguments", {}) if isinstance(document, dict) else None
    parameters = inner.get("parameters") or [] if isinstance(inner, dict) else None
    if not isinstance(parameters, list) or not all(isinstance(item, dict) and item.get("name") for item in parameters):
        raise pai.refusal(
            "InvalidArguments", "Arguments must be YAML with arguments.parameters, a list of names and values."
        )


def _begin(world: World, run: sqlite3.Row) -> None:
    try:
        flows.begin(world, run, world.clock.now())
    except ContentError as error:
        flows.end_without_steps(world, run, world.clock.now(), message=str(error))


def _shown(world: World, run: sqlite3.Row) -> dict[str, Any]:
    state = flows.state(world, run)
    until = state.finished or world.clock.now()
    return present(
        PipelineRunId=run["id"],
        Name=run["name"],
        Status=state.status,
        NodeId=run["root"],
        PipelineId=run["pipeline_id"],
        Message=run["message"] if state.status == "Failed" else None,
        Duration=None if state.started is None else (until - state.started) // 1000,
        StartedAt=pai.moment(state.started),
        FinishedAt=pai.moment(state.finished),
        GmtCreateTime=pai.moment(run["created"]),
        GmtModifiedTime=pai.moment(run["modified"]),
        SourceType=run["source_type"],
        SourceId=run["source_id"],
        UserId=run["account"],
        ParentUserId=run["account"],
        WorkspaceId=str(run["workspace_id"]),
        Accessibility=run["accessibility"],
        PipelineRunUri=_URI.format(
            region=world.workspace(run["workspace_id"])["region"], workspace=run["workspace_id"], run=run["id"]
        ),
    )

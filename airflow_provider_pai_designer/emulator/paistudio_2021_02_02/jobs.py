"""Jobs: runs of a draft, as a whole or in part."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_pai_designer.designer.manifest import Manifest
from airflow_provider_pai_designer.emulator import canvas, flows, pai, pipeline
from airflow_provider_pai_designer.emulator.flows import FlowOrder
from airflow_provider_pai_designer.emulator.operations import BOOLEAN, STRING, Caller, Parameter, present, required
from airflow_provider_pai_designer.emulator.paiflow_2021_02_02 import runs
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02.registry import draft_of, operation
from airflow_provider_pai_designer.emulator.world import World
from airflow_provider_pai_designer.exceptions import ContentError

_ALL = "EXECUTE_ALL"
_EXECUTE_TYPES = (_ALL, "EXECUTE_ONE", "EXECUTE_TO_HERE", "EXECUTE_FROM_HERE", "EXECUTE_CHILDREN")


@operation(
    "CreateJob",
    "POST /jobs",
    {
        "PipelineDraftId": STRING,
        "ExperimentId": STRING,
        "ExecuteType": Parameter(kind=str, default=_ALL, choices=_EXECUTE_TYPES),
        "NodeId": Parameter(kind=str, default=""),
        "Options": STRING,
    },
)
def create_job(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """``ExperimentId`` is the older name of the draft's id. See the page ``...-createjob``."""
    identity = arguments.get("PipelineDraftId") or arguments.get("ExperimentId")
    if not identity:
        raise pai.refusal("MissingDraft", "PipelineDraftId is mandatory for this action.")
    draft = draft_of(world, caller, identity)
    if world.reading("pai_second_job") == "refuse":
        going = (job["id"] for job, run in of_draft(world, draft["id"]) if not flows.state(world, run).ended)
        if other := next(going, None):
            raise pai.refusal("JobRunning", f"The job {other} of the draft has not ended.")
    return {"JobId": _create(world, draft, caller.account, arguments)}


@operation("GetJob", "GET /jobs/{JobId}", {"Verbose": BOOLEAN})
def get_job(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """``RunInfo`` is the manifest of its run. See the page ``...-getjob``."""
    job = _find(world, caller, arguments)
    run = _run(world, job)
    verbose = {"Arguments": run["arguments"], "RunInfo": run["manifest"], "Snapshot": "{}"}
    return {**_shown(world, job, run), **(verbose if arguments.get("Verbose") else {})}


@operation(
    "ListJobs",
    "GET /jobs",
    {**pai.PAGE, "ExperimentId": required(STRING), "Creator": STRING, "Order": pai.ORDER},
)
def list_jobs(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """The reply has no count: the last page is the one that is not full. See the page ``...-listjobs``."""
    draft = draft_of(world, caller, arguments["ExperimentId"])
    newest = world.clock.now() - int(world.reading("pai_job_lag")) * 1000
    found = [
        _shown(world, job, run)
        for job, run in of_draft(world, draft["id"])
        if arguments.get("Creator") in (None, job["creator"]) and job["created"] <= newest
    ]
    if arguments["Order"] == "ASC":
        found.reverse()
    return {"Jobs": pai.page(found, arguments)}


@operation("StopJob", "PUT /jobs/{JobId}/stop", {})
def stop_job(world: World, caller: Caller, arguments: dict[str, Any]) -> dict[str, Any]:
    """See the page ``api-paistudio-2021-02-02-stopjob``."""
    stop_run(world, _run(world, _find(world, caller, arguments)))
    return {}


def of_draft(world: World, draft_id: str) -> Iterator[tuple[sqlite3.Row, sqlite3.Row]]:
    """Yield the jobs of a draft with their runs, newest first."""
    for job in world.store.rows("SELECT * FROM draft_jobs WHERE draft = ? ORDER BY number DESC", draft_id):
        yield job, _run(world, job)


def stop_run(world: World, run: sqlite3.Row) -> None:
    """End the run of a job, unless it has ended or is about to."""
    if run["stop"] is None and not flows.state(world, run).ended:
        runs.terminate(world, run)


def on_event(world: World, number: int, at: int) -> None:
    """Run a draft of the seed, which wants it to have run already."""
    draft = world.store.row("SELECT * FROM drafts WHERE number = ?", number)
    if draft:
        with world.clock.standing_at(at):
            arguments = {"ExecuteType": _ALL, "NodeId": ""}
            # a step that is seeded to fail is meant to fail later, in a run that somebody starts
            _create(world, draft, draft["creator"], arguments, misbehave=False)


def _create(
    world: World, draft: sqlite3.Row, account: str, arguments: Mapping[str, Any], *, misbehave: bool = True
) -> str:
    content, workspace = json.loads(draft["content"]), world.workspace(draft["workspace_id"])
    manifest = _manifest(content, arguments, provider=account)
    variables, run_id = json.loads(draft["variables"]), flows.new_identifier(world, "flow")
    if world.reading("pai_job_variables") == "replaced":
        manifest = pipeline.substitute(manifest, variables)
    job_id, now = flows.new_identifier(world, "job"), world.clock.now()
    project = workspace["identifier"] + ("_dev" if workspace["mode"] == "standard" else "")
    order = FlowOrder(
        run_id=run_id,
        workspace_id=workspace["id"],
        account=account,
        name=draft["name"],
        seed_name=draft["name"],
        project=project,
        manifest=manifest,
        arguments=canvas.arguments(region=workspace["region"], project=project),
        variables=variables,
        source_type="DESIGNER",
        source_id=draft["id"],
        options=arguments.get("Options"),
        accessibility=draft["accessibility"],
    )
    flows.add(world, order, now)
    run = flows.find(world, run_id)
    assert run is not None
    flows.begin(world, run, now, misbehave=misbehave)
    world.store.insert(
        "draft_jobs",
        id=job_id,
        draft=draft["id"],
        workspace_id=workspace["id"],
        execute_type=arguments["ExecuteType"],
        node_id=arguments["NodeId"],
        run=run_id,
        creator=account,
        created=now,
    )
    return job_id


def _chosen(content: Mapping[str, Any], arguments: Mapping[str, Any]) -> set[str]:
    """Return the ids of the nodes that a job is to run."""
    every, node_id = {node["id"] for node in content["nodes"]}, arguments["NodeId"]
    if arguments["ExecuteType"] == _ALL:
        return every
    if node_id not in every:
        raise pai.missing_object("Node", node_id)
    return {
        "EXECUTE_ONE": {node_id},
        "EXECUTE_TO_HERE": canvas.reach(content, node_id, downstream=False),
        "EXECUTE_FROM_HERE": canvas.reach(content, node_id, downstream=True),
        "EXECUTE_CHILDREN": canvas.reach(content, node_id, downstream=True) - {node_id},
    }[arguments["ExecuteType"]]


def _manifest(content: Mapping[str, Any], arguments: Mapping[str, Any], *, provider: str) -> str:
    """Return the manifest of what is drawn, as far as a job is to run it.

    :raises GatewayError: nothing is drawn, or something that cannot run.
    """
    try:
        text = canvas.manifest(content, only=_chosen(content, arguments), provider=provider)
        Manifest.parse(text)
    except (ContentError, AttributeError, KeyError, TypeError) as error:
        raise pai.refusal("InvalidContent", f"The draft cannot be run: {error}") from None
    return text


def _find(world: World, caller: Caller, arguments: Mapping[str, Any]) -> sqlite3.Row:
    return pai.find(world, caller, "draft_jobs", "Job", arguments["JobId"])


def _run(world: World, job: sqlite3.Row) -> sqlite3.Row:
    run = flows.find(world, job["run"])
    assert run is not None
    return run


def _shown(world: World, job: sqlite3.Row, run: sqlite3.Row) -> dict[str, Any]:
    linked = job["created"] + int(world.reading("pai_run_id_lag")) * 1000 <= world.clock.now()
    return present(
        JobId=job["id"],
        ExperimentId=job["draft"],
        WorkspaceId=str(job["workspace_id"]),
        ExecuteType=job["execute_type"],
        NodeId=job["node_id"],
        Status=flows.state(world, run).status,
        RunId=run["id"] if linked else None,
        PaiflowNodeId=run["root"] if linked else None,
        Creator=job["creator"],
        GmtCreateTime=pai.moment(job["created"]),
    )

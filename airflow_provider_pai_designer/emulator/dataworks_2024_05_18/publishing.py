"""Publishing: a run through stages, after some of which a node has a task in development or in production.

A run builds its package by itself; every other stage waits until somebody asks for it, unless the run is automatic.
Source: the pages ``...-createpipelinerun``, ``...-getpipelinerun`` and ``...-execpipelinerunstage``.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from uuid import uuid4

from airflow_provider_pai_designer.emulator import generation, releases
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18 import studio
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18.registry import invalid_parameter
from airflow_provider_pai_designer.emulator.errors import BusinessError
from airflow_provider_pai_designer.emulator.seed import DeploymentBehaviour
from airflow_provider_pai_designer.emulator.world import World

NAMES = {
    "BUILD_PACKAGE": "Build the package",
    "DEV_CHECK": "Check before development",
    "DEV": "Publish to development",
    "OfflineCheck": "Check what depends on the node",
    "PROD_CHECK": "Check before production",
    "APPROVAL": "Approval",
    "PROD": "Publish to production",
}
"""What the stages are called, by code."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be published, or taken offline.

    :param kind: ``Online`` or ``Offline``.
    :param until: number of the stage through which the run goes on by itself; the first one is 1.
    """

    kind: str
    until: int
    description: str
    account: str


def stages(workspace: sqlite3.Row, kind: str) -> list[tuple[str, str]]:
    """Return code and type of the stages of a run in a workspace, in order."""
    approval = [("APPROVAL", "Check")] if workspace["approval"] else []
    if kind == "Offline":
        return [("OfflineCheck", "Check"), ("PROD_CHECK", "Check"), *approval, ("PROD", "Offline")]
    development = [("DEV_CHECK", "Check"), ("DEV", "Deploy")] if workspace["mode"] == "standard" else []
    return [("BUILD_PACKAGE", "Build"), *development, ("PROD_CHECK", "Check"), *approval, ("PROD", "Deploy")]


def start(world: World, workspace: sqlite3.Row, node: sqlite3.Row, order: Order) -> str:
    """Start a run; return its id.

    :raises BusinessError: another run of the node has not ended (doubt ``new_second_publish``).
    """
    store, now = world.store, world.clock.now()
    query = "SELECT id FROM pipeline_runs WHERE file_id = ? AND status = 'Running'"
    other = store.value(query, node["id"])
    if other and world.reading("new_second_publish") == "refuse":
        raise BusinessError("Undocumented.PipelineRunning", f"The node is being published by {other}.")
    version = node["version"]
    if order.kind == "Online":
        version = releases.add_version(
            world, node, comment=order.description, status="COMMITTED", account=order.account
        )
        store.update("files", {"id": node["id"]}, version=version, committed=1)
    number = store.next_id("pipeline_run")
    identity = str(uuid4())
    store.insert(
        "pipeline_runs",
        number=number,
        id=identity,
        workspace_id=workspace["id"],
        file_id=node["id"],
        version=version,
        type=order.kind,
        until=order.until,
        description=order.description,
        status="Running",
        spec=studio.document(node),
        creator=order.account,
        created=now,
        modified=now,
    )
    for step, (code, kind) in enumerate(stages(workspace, order.kind), start=1):
        store.insert("pipeline_stages", run=number, step=step, code=code, type=kind, status="Init")
    _begin(world, number, 1, now)
    return identity


def execute(world: World, run: sqlite3.Row, code: str) -> None:
    """Let a run go on to its next stage.

    :raises BusinessError: the run has ended, it has no such stage, or that one is not the next.
    """
    _check_running(run)
    stage = world.store.row("SELECT * FROM pipeline_stages WHERE run = ? AND code = ?", run["number"], code)
    if stage is None:
        raise invalid_parameter(f"The pipeline has no stage {code}.")
    query = "SELECT code FROM pipeline_stages WHERE run = ? AND step < ? AND status != 'Success'"
    before = world.store.value(query, run["number"], stage["step"])
    if stage["status"] != "Init" or before:
        reason = f"{before} comes first" if before else f"it is {stage['status']} already"
        raise BusinessError("Undocumented.StageOrder", f"The stage {code} cannot be executed: {reason}.")
    _begin(world, run["number"], stage["step"], world.clock.now())


def abolish(world: World, run: sqlite3.Row) -> None:
    """End a run where it is; what it has published stays.

    :raises BusinessError: it has ended.
    """
    _check_running(run)
    world.store.cancel("pipeline_run", run["number"])
    world.store.update("pipeline_stages", {"run": run["number"], "status": "Running"}, status="Termination")
    _end(world, run["number"], world.clock.now(), status="Termination")


def on_event(world: World, number: int, at: int) -> None:
    """End the stage that is under way, and begin the next one where the run is automatic."""
    store = world.store
    run = store.row("SELECT * FROM pipeline_runs WHERE number = ?", number)
    stage = store.row("SELECT * FROM pipeline_stages WHERE run = ? AND status = 'Running'", number)
    assert run is not None
    assert stage is not None
    this = {"run": number, "step": stage["step"]}
    failure = stage["failure"] or _carry_out(world, run, stage, at)
    if failure:
        store.update("pipeline_stages", this, status="Fail", message=failure)
        _end(world, number, at, status="Fail", message=failure)
        return
    store.update("pipeline_stages", this, status="Success")
    following = store.value("SELECT step FROM pipeline_stages WHERE run = ? AND step > ?", number, stage["step"])
    if following is None:
        _end(world, number, at, status="Success")
    elif stage["step"] < run["until"]:
        _begin(world, number, following, at)
    else:
        store.update("pipeline_runs", {"number": number}, modified=at)


def _check_running(run: sqlite3.Row) -> None:
    if run["status"] != "Running":
        raise BusinessError("Undocumented.PipelineNotRunning", f"pipeline is not running: it is {run['status']}")


def _begin(world: World, number: int, step: int, at: int) -> None:
    """Begin a stage; an approval takes until a behaviour of the seed gives or denies it."""
    store = world.store
    store.update("pipeline_runs", {"number": number}, modified=at)
    stage = store.row(
        "SELECT code, name FROM pipeline_stages JOIN pipeline_runs ON run = number JOIN files ON files.id = file_id "
        "WHERE run = ? AND step = ?",
        number,
        step,
    )
    assert stage is not None
    behaviour = releases.behaviour_of(world, stage["name"], stage["code"])
    failure = behaviour.message if behaviour and behaviour.behaviour in ("fail", "check_fails") else None
    store.update("pipeline_stages", {"run": number, "step": step}, status="Running", failure=failure)
    if behaviour or stage["code"] != "APPROVAL":
        store.schedule(at + int(_duration(world, behaviour) * 1000), "pipeline_run", number)


def _duration(world: World, behaviour: DeploymentBehaviour | None) -> float:
    return behaviour.seconds if behaviour and behaviour.behaviour != "fail" else world.timing.stage_seconds


def _end(world: World, number: int, at: int, **changes: str) -> None:
    world.store.update("pipeline_runs", {"number": number}, modified=at, **changes)


def _carry_out(world: World, run: sqlite3.Row, stage: sqlite3.Row, at: int) -> str | None:
    """Do what a stage is for; return why it failed, None where it did not."""
    store = world.store
    file = store.row("SELECT * FROM files WHERE id = ?", run["file_id"])
    assert file is not None
    if file["deleted_status"] != "NORMAL":
        return "The node does not exist any more."
    if stage["type"] == "Offline":
        # what is not in production any more must not stay in development either, or it could never be deleted
        for environment in ("DEV", "PROD"):
            releases.remove_node(world, environment, file)
    elif stage["type"] == "Deploy":
        environment = "DEV" if stage["code"] == "DEV" else "PROD"
        version = store.row("SELECT * FROM file_versions WHERE file_id = ? AND version = ?", file["id"], run["version"])
        assert version is not None
        if environment == "PROD" and (taken := _taken_output(world, file, version)):
            return f"can not exported multiple nodes into the same output: {taken}"
        task_id = releases.write_node(world, environment, file, version, at, doubt="new_task_id_envs")
        store.update("files", {"id": file["id"]}, node_id=task_id)
        if environment == "PROD":
            generation.plan(world, file["workspace_id"], at)
    return None


def _taken_output(world: World, file: sqlite3.Row, version: sqlite3.Row) -> str | None:
    """Return an output that another node in production has already."""
    own: set[str] = _outputs(version["settings"])
    query = "SELECT settings FROM nodes WHERE environment = 'PROD' AND workspace_id = ? AND file_id != ?"
    others = world.store.rows(query, file["workspace_id"], file["id"])
    return next((min(common) for (settings,) in others if (common := own & _outputs(settings))), None)


def _outputs(settings: str) -> set[str]:
    return {name for name in (json.loads(settings).get("OutputList") or "").split(",") if name}

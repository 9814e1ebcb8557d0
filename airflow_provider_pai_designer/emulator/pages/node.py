"""What the page of a node tells: its steps, how it is scheduled, its versions, deployments and runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.manifest import Step
from airflow_provider_pai_designer.designer.node import FILE_TYPE as PAI_STUDIO
from airflow_provider_pai_designer.emulator import pipeline, releases, scheduler
from airflow_provider_pai_designer.emulator.pages.drawing import Graph, draw_graph
from airflow_provider_pai_designer.emulator.pages.words import State, Times
from airflow_provider_pai_designer.emulator.pages.workspace import RunRow, first_runs, run_row
from airflow_provider_pai_designer.emulator.world import World, local
from airflow_provider_pai_designer.exceptions import ContentError

_MOST = 20
_CHECKING = {releases.CHECKING: "being checked", releases.CHECK_FAILED: "check failed"}
_DEPLOYMENTS = {
    releases.UNDER_WAY: ("UNDER WAY", "running"),
    releases.SUCCEEDED: ("SUCCEEDED", "good"),
    releases.FAILED: ("FAILED", "bad"),
}
_PUBLISHING = {"Running": "running", "Success": "good", "Fail": "bad"}
_TARGETS = {releases.DEVELOPMENT: "DEV", releases.PRODUCTION: "PROD"}


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of the file behind the node."""

    number: int
    status: str
    change: str
    comment: str
    by: str
    at: str
    in_production: bool
    shown: bool


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A way of a version into an environment; of the new Data Studio, a run through its stages.

    :param where: the environment, or the stages.
    """

    id: str
    version: int
    where: str
    state: State
    message: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Form:
    """What the fields of the buttons hold."""

    first: str
    last: str
    latest: str
    parameters: str = ""
    at_once: int = 1


@dataclass(frozen=True, kw_only=True)
class NodePage:
    """All that the page tells.

    :param trouble: why the content cannot be drawn; empty where it is.
    :param code: of a node that is no pipeline.
    :param elsewhere: the same node in the other environment, None where that has none.
    :param complaint: why a button was refused.
    """

    node: Mapping[str, object]
    workspace: Mapping[str, object]
    type: str
    settings: tuple[tuple[str, str], ...]
    steps: Mapping[str, Step]
    graph: Graph
    trouble: str
    code: str
    elsewhere: Mapping[str, object] | None
    versions: tuple[Version, ...]
    deployments: tuple[Deployment, ...]
    runs: tuple[RunRow, ...]
    form: Form
    complaint: str
    live: bool


def read(world: World, node: sqlite3.Row, *, form: Form | None = None, complaint: str = "") -> NodePage:
    """Read what the page tells.

    :param form: what somebody has filled in; None for what there is at first.
    """
    times = Times.of(world, node["workspace_id"])
    steps, trouble = _steps(node)
    runs = tuple(run_row(world, run, times) for run in _runs(world, node))
    deployments = tuple(_deployments(world, node, times))
    return NodePage(
        node=dict(node),
        workspace=dict(world.workspace(node["workspace_id"])),
        type=scheduler.program_type(node["file_type"]),
        settings=tuple(_settings(node, times)),
        steps=steps,
        graph=draw_graph({name: step.dependencies for name, step in steps.items()}),
        trouble=trouble,
        code="" if node["file_type"] == PAI_STUDIO else node["content"],
        elsewhere=_elsewhere(world, node),
        versions=tuple(_versions(world, node, times)),
        deployments=deployments,
        runs=runs,
        form=form or first_form(world, node),
        complaint=complaint,
        live=any(state.goes_on for state in (*(run.state for run in runs), *(item.state for item in deployments))),
    )


def first_form(world: World, node: sqlite3.Row) -> Form:
    """Return what the fields hold at first: yesterday."""
    today = local(world.clock.now(), world.zone(node["workspace_id"])).date()
    yesterday = (today - timedelta(days=1)).isoformat()
    return Form(first=yesterday, last=yesterday, latest=today.isoformat())


def _steps(node: sqlite3.Row) -> tuple[dict[str, Step], str]:
    if node["file_type"] != PAI_STUDIO:
        return {}, ""
    try:
        steps = pipeline.steps_of(NodeContent.parse(node["content"]).flow["paiflowPipeline"])
    except ContentError as error:
        return {}, str(error)
    return {step.name: step for step in steps}, ""


def _settings(node: sqlite3.Row, times: Times) -> Iterator[tuple[str, str]]:
    settings = json.loads(node["settings"])
    yield "Scheduling parameters", settings.get("ParaValue") or ""
    yield "Cron expression", settings["CronExpress"]
    yield "Schedule type", "PAUSE" if settings.get("Stop") else settings["SchedulerType"]
    begin, end = settings.get("StartEffectDate") or None, settings.get("EndEffectDate")
    yield (
        "In force",
        " ".join(
            word for word in (begin and f"from {times.moment(begin)}", end and f"until {times.moment(end)}") if word
        )
        or "always",
    )
    yield "Rerun", settings["RerunMode"]
    yield "Automatic reruns", str(settings.get("AutoRerunTimes") or 0)
    yield "Resource group", settings.get("ResourceGroupIdentifier") or "the default one"
    yield "Inputs", settings.get("InputList") or ""
    yield "Outputs", settings.get("OutputList") or ""


def _elsewhere(world: World, node: sqlite3.Row) -> dict[str, object] | None:
    row = world.store.row(
        "SELECT environment, id FROM nodes WHERE file_id = ? AND environment != ?", node["file_id"], node["environment"]
    )
    return dict(row) if row else None


def _runs(world: World, node: sqlite3.Row) -> list[sqlite3.Row]:
    return first_runs(
        world,
        "id IN (SELECT run_id FROM instances WHERE node_id = ? AND environment = ?)",
        node["id"],
        node["environment"],
        most=_MOST,
    )


def _versions(world: World, node: sqlite3.Row, times: Times) -> Iterator[Version]:
    for row in world.store.rows(
        "SELECT * FROM file_versions WHERE file_id = ? ORDER BY version DESC LIMIT ?", node["file_id"], _MOST
    ):
        yield Version(
            number=row["version"],
            status=row["status"],
            change=row["change_type"],
            comment=row["comment"],
            by=row["committer"],
            at=times.moment(row["committed"]),
            in_production=bool(row["in_production"]),
            shown=row["version"] == node["version"],
        )


def _deployments(world: World, node: sqlite3.Row, times: Times) -> Iterator[Deployment]:
    for row in world.store.rows(
        "SELECT * FROM deployments WHERE file_id = ? ORDER BY id DESC LIMIT ?", node["file_id"], _MOST
    ):
        word, kind = _DEPLOYMENTS[row["status"]]
        yield Deployment(
            id=str(row["id"]),
            version=row["version"],
            where=_TARGETS[row["to_environment"]],
            state=State(word=word, kind=kind, note=_CHECKING.get(row["checking_status"], "")),
            message=row["error_message"] or "",
            at=times.moment(row["created"]),
        )
    for row in world.store.rows(
        "SELECT * FROM pipeline_runs WHERE file_id = ? ORDER BY number DESC LIMIT ?", node["file_id"], _MOST
    ):
        stages = world.store.rows("SELECT code, status FROM pipeline_stages WHERE run = ? ORDER BY step", row["number"])
        yield Deployment(
            id=row["id"],
            version=row["version"],
            where=", ".join(stage["code"] for stage in stages if stage["status"] != "Init"),
            state=State(word=row["status"].upper(), kind=_PUBLISHING.get(row["status"], "dry")),
            message=row["message"] or "",
            at=times.moment(row["created"]),
        )

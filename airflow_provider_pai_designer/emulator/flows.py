"""PAIFlow: its runs, whoever started them, and what of their plan has happened by now.

A run is planned when it begins, see :mod:`~.pipeline`; every status follows from the plan and the clock, so that a run
needs no event. Statuses: https://help.aliyun.com/zh/pai/developer-reference/api-paiflow-2021-02-02-getpipelinerun and
https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-getexperimentstatus
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from hashlib import sha256
from typing import Any

import yaml

from airflow_provider_pai_designer.designer.manifest import READ_TABLE, WRITE_TABLE, Step
from airflow_provider_pai_designer.emulator import pipeline
from airflow_provider_pai_designer.emulator.pipeline import Execution, Job, StepPlan, Write
from airflow_provider_pai_designer.emulator.seed import StepBehaviour
from airflow_provider_pai_designer.emulator.world import World
from airflow_provider_pai_designer.exceptions import ContentError

_REFERENCE = re.compile(r"\{\{pipelines\.([^{}]+?)\.outputs\.artifacts\.([^{}]+?)\}\}")
_MODEL = "model"
_METRICS = "metrics"
_ENDPOINT = "http://service.odps.aliyun.com/api"


@dataclass(frozen=True, kw_only=True)
class FlowOrder:
    """What a run is asked to be.

    :param manifest: YAML, as submitted; ``arguments`` likewise.
    :param variables: values of the pipeline's variables that are not in the manifest yet.
    :param instance_id: the instance of DataWorks whose code it is.
    :param seed_name: what behaviours of the seed call it: the name of the node or of the run.
    :param environment: of the node, for the same behaviours.
    :param project: engine project that log lines name.
    """

    run_id: str
    workspace_id: int
    account: str
    name: str
    seed_name: str
    project: str
    manifest: str = ""
    arguments: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""
    instance_id: int | None = None
    pipeline_id: str | None = None
    source_type: str = "UNKNOWN"
    source_id: str | None = None
    options: str | None = None
    accessibility: str = "PUBLIC"


@dataclass(frozen=True, kw_only=True)
class StepState:
    """A step of a run, as it is now."""

    plan: Mapping[str, Any]
    status: str
    started: int | None = None
    finished: int | None = None


@dataclass(frozen=True, kw_only=True)
class FlowState:
    """A run as it is now; times are epoch milliseconds."""

    status: str
    started: int | None
    finished: int | None
    steps: tuple[StepState, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.finished is not None


def identifier(kind: str, of: str) -> str:
    """Return an id in PAI's form, such as ``flow-...``, the same one for the same thing."""
    return f"{kind}-{sha256(f'{kind}/{of}'.encode()).hexdigest()[:18]}"


def new_identifier(world: World, kind: str) -> str:
    """Return an id in PAI's form that nothing else has."""
    return identifier(kind, f"number {world.store.next_id('pai')}")


def execute(world: World, order: FlowOrder, steps: tuple[Step, ...], at: int, *, misbehave: bool = True) -> Execution:
    """Plan an execution as the seed wants its steps to behave."""

    def behaviour_of(step: Step) -> StepBehaviour | None:
        for identity, rule in world.behaviours("step") if misbehave else ():
            behaviour = StepBehaviour(**rule)
            labels = (step.display_name, step.name, step.identifier)
            if behaviour.matches(node=order.seed_name, environment=order.environment, labels=labels):
                world.use_behaviour(identity)
                return behaviour
        return None

    job = Job(
        steps=steps,
        project=order.project,
        run_id=order.run_id,
        start=at,
        step_milliseconds=int(world.timing.step_seconds * 1000),
    )
    return pipeline.execute(job, behaviour_of)


def keep_writes(world: World, writes: Iterable[Write], *, owner: int, attempt: int, environment: str) -> None:
    """Keep what an execution is going to write."""
    for write in writes:
        world.store.upsert(
            "partitions",
            table_name=write.table,
            partition=write.partition,
            instance_id=owner,
            attempt=attempt,
            environment=environment,
            written=write.at,
        )


def add(world: World, order: FlowOrder, at: int) -> None:
    """Add a run that has not begun."""
    columns = asdict(order)
    del columns["run_id"]
    world.store.insert(
        "flow_runs",
        **{**columns, "variables": json.dumps(order.variables)},
        id=order.run_id,
        root=identifier("node", order.run_id),
        created=at,
        modified=at,
    )


def begin(world: World, run: sqlite3.Row, at: int, *, misbehave: bool = True) -> None:
    """Let a run that nobody else executes begin, or begin anew.

    :param misbehave: whether its steps do what the seed wants of such steps, instead of ending well.
    :raises ContentError: nobody can read its manifest.
    """
    steps = pipeline.steps_of(pipeline.substitute(run["manifest"], json.loads(run["variables"])))
    execution = execute(world, order_of(run, run_id=run["id"]), steps, at, misbehave=misbehave)
    keep_writes(world, execution.writes, owner=-run["number"], attempt=run["attempt"], environment=run["environment"])
    keep_plan(world, run["id"], execution, at)


def end_without_steps(world: World, run: sqlite3.Row, at: int, *, message: str | None = None) -> None:
    """End a run none of whose steps has begun.

    :param message: why it has failed; None where somebody asked for its end.
    """
    steps = tuple(StepPlan(step=step) for step in _readable_steps(run))
    keep_plan(world, run["id"], Execution(lines=(), writes=(), end=at, succeeded=False, steps=steps), at)
    world.store.update("flow_runs", {"id": run["id"]}, message=message, stop=at if message is None else None)


def order_of(run: sqlite3.Row, *, run_id: str) -> FlowOrder:
    """Return what a run was asked to be, for itself or for another one that is to be the same."""
    names = [item.name for item in fields(FlowOrder) if item.name not in ("run_id", "variables")]
    return FlowOrder(run_id=run_id, variables=json.loads(run["variables"]), **{name: run[name] for name in names})


def keep_plan(world: World, run_id: str, execution: Execution, at: int) -> None:
    """Keep what a run is going to do from now on."""
    run = find(world, run_id)
    assert run is not None
    failures = (line.text for line in execution.lines if line.level == "ERROR")
    world.store.update(
        "flow_runs",
        {"id": run_id},
        started=at,
        finish=execution.end,
        succeeded=execution.succeeded,
        stop=None,
        attempt=run["attempt"] + 1,
        message=None if execution.succeeded else next(failures, None),
        steps=json.dumps([_stored(run, plan) for plan in execution.steps]),
        lines=json.dumps([[line.at, line.level, line.text, line.step] for line in execution.lines]),
        modified=at,
    )


def stop_at(world: World, run_id: str, at: int) -> None:
    """End a run at a moment, unless it has ended by then; what it would have written later is not written."""
    run = find(world, run_id)
    if run is None or run["started"] is None or (run["finish"] is not None and run["finish"] <= at):
        return
    world.store.update("flow_runs", {"id": run_id}, stop=at, modified=world.clock.now())
    world.store.execute("DELETE FROM partitions WHERE instance_id = ? AND written > ?", -run["number"], at)


def find(world: World, run_id: str) -> sqlite3.Row | None:
    """Return a run, also one that was deleted; None where there never was one."""
    return world.store.row("SELECT * FROM flow_runs WHERE id = ?", run_id)


def state(world: World, run: sqlite3.Row) -> FlowState:
    """Return what a run has come to."""
    now, plans = world.clock.now(), json.loads(run["steps"])
    if run["started"] is None:
        return FlowState(
            status="Initialized",
            started=None,
            finished=None,
            steps=tuple(
                StepState(plan=_stored(run, StepPlan(step=step)), status="Initialized") for step in _readable_steps(run)
            ),
        )
    end = run["finish"] if run["stop"] is None else run["stop"]
    ended = end is not None and end <= now
    if ended:
        status = "Terminated" if run["stop"] is not None else "Succeeded" if run["succeeded"] else "Failed"
    else:
        status = "Running" if run["stop"] is None else "Terminating"
    return FlowState(
        status=status,
        started=run["started"],
        finished=end if ended else None,
        steps=tuple(_step_state(plan, now, end=end if ended else None, status=status) for plan in plans),
    )


def logs(world: World, run: sqlite3.Row, step: str) -> list[tuple[int, str]]:
    """Return what a step has said by now, as (time, text)."""
    moments = [world.clock.now(), *([] if run["stop"] is None else [run["stop"]])]
    return [
        (at, f"{level} {text}")
        for at, level, text, said_by in json.loads(run["lines"])
        if said_by == step and at <= min(moments)
    ]


def outputs(world: World, run: sqlite3.Row) -> Iterator[dict[str, Any]]:
    """Yield what the steps of a run have put out by now: name, type, value, metadata, node and moment of each."""
    for step in state(world, run).steps:
        if step.status == "Succeeded":
            for output in step.plan["outputs"]:
                yield {
                    **output,
                    "id": identifier("artifact", f"{step.plan['node_id']}/{output['name']}"),
                    "node_id": step.plan["node_id"],
                    "producer": step.plan["name"],
                    "created": step.finished,
                }


def project_of(arguments: str, otherwise: str) -> str:
    """Return the engine project that a run's arguments name."""
    document = yaml.safe_load(arguments or "{}")
    for parameter in document.get("arguments", {}).get("parameters") or ():
        value = parameter.get("value")
        if isinstance(value, dict) and value.get("odpsProject"):
            return str(value["odpsProject"])
    return otherwise


def _readable_steps(run: sqlite3.Row) -> tuple[Step, ...]:
    """The steps of a run, none where nobody can read its manifest (doubt ``pai_bad_manifest``)."""
    try:
        return pipeline.steps_of(run["manifest"])
    except ContentError:
        return ()


def _stored(run: sqlite3.Row, plan: StepPlan) -> dict[str, Any]:
    step, node_id = plan.step, identifier("node", f"{run['id']}/{plan.step.name}")
    return {
        "node_id": node_id,
        "name": step.name,
        "display_name": step.display_name,
        "identifier": step.identifier,
        "dependencies": list(step.dependencies),
        "start": plan.start,
        "end": plan.end,
        "succeeded": plan.succeeded,
        "outputs": [
            _output(run, step, node_id, name) for name in (*_ports(run["manifest"]).get(step.name, ()), *_own(step))
        ],
    }


def _step_state(plan: Mapping[str, Any], now: int, *, end: int | None, status: str) -> StepState:
    """Return the state of a step.

    :param end: when the run has ended; None while it goes on.
    :param status: of the run.
    """
    limit = now if end is None else end
    start, finish = plan["start"], plan["end"]
    if start is None or start > limit:
        waiting = "Terminated" if status == "Terminated" else "Skipped"
        return StepState(plan=plan, status="ReadyToSchedule" if end is None else waiting)
    if finish is not None and finish <= limit:
        return StepState(
            plan=plan, status="Succeeded" if plan["succeeded"] else "Failed", started=start, finished=finish
        )
    return StepState(plan=plan, status="Running" if end is None else "Terminated", started=start, finished=end)


@lru_cache(maxsize=64)
def _ports(manifest: str) -> Mapping[str, tuple[str, ...]]:
    """The outputs of each step that another one reads: nothing else in a manifest names them."""
    ports: dict[str, list[str]] = {}
    for step, port in _REFERENCE.findall(manifest):
        if port not in ports.setdefault(step, []):
            ports[step].append(port)
    return {step: tuple(names) for step, names in ports.items()}


def _own(step: Step) -> tuple[str, ...]:
    """What comes out of a step though none reads it."""
    if step.identifier == WRITE_TABLE:
        return ("outputTable",)
    return (_METRICS,) if step.identifier.startswith("evaluate") else ()


def _output(run: sqlite3.Row, step: Step, node_id: str, name: str) -> dict[str, Any]:
    """Of a value the vendor documents the location; what metrics look like is the emulator's own."""
    if name == _METRICS:
        return {"name": name, "type": "Metrics", "value": {"auc": 0.875, "f1": 0.8}, "metadata": {}}
    own_name = f"{name}_{run['id']}_{node_id}".replace("-", "_")
    if name == _MODEL:
        location = {"name": own_name, "endpoint": _ENDPOINT, "project": run["project"]}
        return {
            "name": name,
            "type": "Model",
            "value": {"name": own_name, "location": location},
            "metadata": {"type": {"Model": {"locationType": "MaxComputeOfflineModel"}}},
        }
    parameter = {READ_TABLE: "inputTableName", WRITE_TABLE: "outputTableName"}.get(step.identifier, "")
    table = str(step.parameters.get(parameter) or f"{run['project']}.pai_temp_{own_name}")
    project, _, bare = table.rpartition(".")
    return {
        "name": name,
        "type": "DataSet",
        "value": {"location": {"project": project or run["project"], "table": bare}},
        "metadata": {"type": {"DataSet": {"locationType": "MaxComputeTable"}}},
    }

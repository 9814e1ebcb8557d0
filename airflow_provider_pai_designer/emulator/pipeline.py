"""What one execution does: the content of a node is read as DataWorks reads it, and the steps run in their order.

Runs of PAIFlow and instances of DataWorks are executed alike.

The whole execution is planned at its start, with a time for every line and every written partition; whoever reads
the log or the tables sees what lies before the present. That keeps an instance at one event, however many steps.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.manifest import WRITE_TABLE, Manifest, Step
from airflow_provider_pai_designer.emulator.seed import StepBehaviour
from airflow_provider_pai_designer.exceptions import ContentError

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_.]*)\}")
_ENGINE_VARIABLES = {
    *(f"t{number}" for number in range(1, 5)),
    *(f"pai_system_{kind}_id{form}" for kind in ("run", "node") for form in ("", "_underscore")),
}
"""Left for the engine: the ports of a SQL component, and the names PAI fills in temporary tables."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a log.

    :param at: epoch milliseconds.
    :param step: name of the step that says it; empty for what is said about the whole.
    """

    at: int
    level: str
    text: str
    step: str = ""


@dataclass(frozen=True, kw_only=True)
class Write:
    """A table, or a partition of it, that a step has written."""

    at: int
    table: str
    partition: str


@dataclass(frozen=True, kw_only=True)
class StepPlan:
    """When a step begins and ends, in epoch milliseconds.

    :param start: None if it never begins: a step before it fails or hangs.
    :param end: None if it never ends.
    """

    step: Step
    start: int | None = None
    end: int | None = None
    succeeded: bool = False


@dataclass(frozen=True, kw_only=True)
class Execution:
    """All that will happen, unless it is stopped.

    :param end: when it ends, epoch milliseconds; None if it hangs.
    """

    lines: tuple[Line, ...]
    writes: tuple[Write, ...]
    end: int | None
    succeeded: bool
    steps: tuple[StepPlan, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What a Designer node hands to PAIFlow, its variables replaced; both are YAML texts."""

    manifest: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be executed.

    :param steps: in an order in which they can run.
    :param project: engine project that log lines name.
    :param run_id: PAIFlow run id.
    """

    steps: tuple[Step, ...]
    project: str
    run_id: str
    start: int
    step_milliseconds: int


BehaviourOf = Callable[[Step], StepBehaviour | None]
"""Tells how a step behaves, and counts that it did; None for a step that ends well."""


def execute(job: Job, behaviour_of: BehaviourOf) -> Execution:
    """Plan an execution."""
    return _Plan(job=job, behaviour_of=behaviour_of).run()


def unreadable(what: str, error: ContentError, at: int) -> Execution:
    """Return the execution of something that nobody can read: it fails at once."""
    line = Line(at=at, level="ERROR", text=f"FAILED: {what} cannot be read: {error}")
    return Execution(lines=(line,), writes=(), end=at, succeeded=False)


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Replace ``${name}`` where the name has a value, and leave it where it has none."""
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


def flow_of(content: str, values: Mapping[str, str]) -> Flow:
    """Return what a Designer node hands to PAIFlow.

    :param values: evaluated scheduling parameters and system variables, by name.
    :raises ContentError: nobody can read the content.
    """
    # first the scheduler replaces scheduling parameters in its text, then the launcher the pipeline's variables
    flow = NodeContent.parse(substitute(NodeContent.parse(content).scheduler_text, values)).flow
    variables = {str(name): str(value) for name, value in (flow.get("paiflowParameters") or {}).items()}
    return Flow(
        manifest=substitute(flow["paiflowPipeline"], variables), arguments=str(flow.get("paiflowArguments") or "")
    )


@lru_cache(maxsize=64)
def steps_of(manifest: str) -> tuple[Step, ...]:
    """Return the steps of a manifest in an order in which they can run.

    :raises ContentError: nobody can read it, or its steps have no such order.
    """
    # reading YAML is most of the cost of an instance, and the instances of a day have the same text
    return Manifest.parse(manifest).in_order()


def whole_file(name: str, content: str, values: Mapping[str, str]) -> Step:
    """Return the single step as which a node of another type runs: its code."""
    return Step(
        name=name,
        display_name=name,
        identifier="code",
        dependencies=(),
        parameters={"code": substitute(content, values)},
        sources=(),
        definition=content,
    )


@dataclass(kw_only=True)
class _Plan:
    """The steps on the time line: each starts when the last of its dependencies has ended."""

    job: Job
    behaviour_of: BehaviourOf
    lines: list[Line] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    plans: dict[str, StepPlan] = field(default_factory=dict)
    ends: dict[str, int] = field(default_factory=dict)
    failed_at: int | None = None
    hangs: bool = False

    def run(self) -> Execution:
        self._say(self.job.start, f"Pipeline run {self.job.run_id} submitted, {len(self.job.steps)} steps")
        for step in self.job.steps:
            self.plans[step.name] = StepPlan(step=step)
            if all(name in self.ends for name in step.dependencies):
                self._run_step(step, max((self.ends[name] for name in step.dependencies), default=self.job.start))
        if self.failed_at is not None:
            return self._ended(self.failed_at, succeeded=False)
        return self._ended(None if self.hangs else max(self.ends.values()), succeeded=True)

    def _run_step(self, step: Step, start: int) -> None:
        behaviour = self.behaviour_of(step)
        undefined = _undefined(step)
        seconds = behaviour.seconds if behaviour else None
        end = start + (self.job.step_milliseconds if seconds is None else int(seconds * 1000))
        self.plans[step.name] = StepPlan(step=step, start=start)
        self._say_start(step, start)
        if undefined:
            self._fail(step, start, undefined)
        elif behaviour and behaviour.behaviour == "hang":
            self.hangs = True
        elif behaviour and behaviour.behaviour == "fail":
            self._fail(step, end, behaviour.message)
        else:
            self._end_well(step, end)

    def _say_start(self, step: Step, at: int) -> None:
        engine_id = sha256(f"{self.job.run_id}/{step.name}".encode()).hexdigest()[:20]
        label = step.display_name
        for text in (
            f"[{label}] start: component {step.identifier}, node {step.name}",
            f"[{label}] ID = {engine_id}",
            f"[{label}] Log view: http://logview.invalid/logview/?p={self.job.project}&i={engine_id}",
            f"[{label}] Job running on project {self.job.project}",
        ):
            self._say(at, text, step=step.name)

    def _end_well(self, step: Step, at: int) -> None:
        self.ends[step.name] = at
        self.plans[step.name] = replace(self.plans[step.name], end=at, succeeded=True)
        if write := _write(step, at):
            self.writes.append(write)
            where = f" partition ({write.partition})" if write.partition else ""
            self._say(at, f"[{step.display_name}] wrote table {write.table}{where}", step=step.name)
        self._say(at, f"[{step.display_name}] OK", step=step.name)

    def _fail(self, step: Step, at: int, message: str) -> None:
        self.failed_at = at if self.failed_at is None else min(at, self.failed_at)
        self.plans[step.name] = replace(self.plans[step.name], end=at)
        self.lines.append(Line(at=at, level="ERROR", text=f"[{step.display_name}] FAILED: {message}", step=step.name))

    def _say(self, at: int, text: str, *, step: str = "") -> None:
        self.lines.append(Line(at=at, level="INFO", text=text, step=step))

    def _ended(self, end: int | None, *, succeeded: bool) -> Execution:
        """A failed step ends the run: what would have happened later does not happen."""
        lines = sorted(self.lines, key=lambda line: line.at)
        return Execution(
            lines=tuple(line for line in lines if end is None or line.at <= end),
            writes=tuple(write for write in self.writes if end is None or write.at <= end),
            end=end,
            succeeded=succeeded,
            steps=tuple(self.plans.values()),
        )


def _undefined(step: Step) -> str | None:
    """Return what the engine says about the first variable that nothing replaced."""
    for value in step.parameters.values():
        for match in _VARIABLE.finditer(value if isinstance(value, str) else json.dumps(value, default=str)):
            if match[1] not in _ENGINE_VARIABLES:
                line = match.string.count("\n", 0, match.start()) + 1
                column = match.start() - match.string.rfind("\n", 0, match.start())
                return f"ODPS-0130161:[{line},{column}] Parse exception - invalid token '$'"
    return None


def _write(step: Step, at: int) -> Write | None:
    table: Any = step.parameters.get("outputTableName")
    if step.identifier != WRITE_TABLE or not table:
        return None
    partition = str(step.parameters.get("outputTablePartition") or "")
    return Write(at=at, table=str(table), partition=partition)

"""What PAI has of a drawn pipeline: its draft, the templates to make one from, its jobs, and its runs by PAIFlow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from airflow_provider_pai_designer.designer.run import Outcome
from airflow_provider_pai_designer.exceptions import ConfigurationError

_LONGEST_NAME = 128

WHOLE = "EXECUTE_ALL"
"""What a job is to execute when it is to run every step."""


class PipelineRunStatus(StrEnum):
    """States of a run and of its steps.

    Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-getexperimentstatus
    """

    INITIALIZED = "Initialized"
    READY_TO_SCHEDULE = "ReadyToSchedule"
    STARTING = "Starting"
    WORKFLOW_SERVICE_STARTING = "WorkflowServiceStarting"
    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TERMINATED = "Terminated"
    SKIPPED = "Skipped"
    SUSPENDED = "Suspended"
    UNKNOWN = "Unknown"

    @property
    def succeeded(self) -> bool:
        """Whether the work was done; nothing else is a success."""
        return self is PipelineRunStatus.SUCCEEDED

    @property
    def failed(self) -> bool:
        """Whether it ended without success; nothing resumes a suspended run in this version of the API."""
        return self in _FAILED

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to wait for; an unknown state may still end in any way."""
        return self.succeeded or self.failed

    @property
    def outcome(self) -> Outcome:
        """What a run in this state has come to; an unknown state is no end, nor is it any other word."""
        if self.ended:
            return Outcome.SUCCESS if self.succeeded else Outcome.FAILURE
        return Outcome.ACTIVE


_FAILED = frozenset(
    [
        PipelineRunStatus.FAILED,
        PipelineRunStatus.TERMINATED,
        PipelineRunStatus.SKIPPED,
        PipelineRunStatus.SUSPENDED,
    ]
)
_BY_TEXT = {status.value.lower(): status for status in PipelineRunStatus} | {"init": PipelineRunStatus.INITIALIZED}


def read_pipeline_run_status(text: object) -> PipelineRunStatus:
    """Read a state as the service prints it; what is not in the vocabulary is unknown, and never a success."""
    return _BY_TEXT.get(str(text).strip().lower(), PipelineRunStatus.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline as it is drawn in PAI Designer (PaiStudio: experiment, pipeline draft).

    :param id: ``draft-...``, of older ones ``experiment-...``.
    :param modified: ISO 8601, as the service prints it.
    :param version: of what is drawn; it grows with each change of that.
    """

    id: str
    name: str
    description: str
    workspace_id: str
    creator: str
    modified: str
    version: int = 0


@dataclass(frozen=True, kw_only=True)
class WantedPipeline:
    """A pipeline that is to be there.

    :param folder: path such as ``Demo/Churn``, or an id (``folder-...``); ``root`` for the folder of all others.
    :param template: id or exact name; None for a blank pipeline.
    """

    name: str
    folder: str
    description: str
    template: str | None

    def check(self) -> None:
        """Check what the service would refuse.

        Source: https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-copyexperiment

        :raises ConfigurationError: the name is empty, too long, or has spaces at an end.
        """
        if not 0 < len(self.name) <= _LONGEST_NAME or self.name != self.name.strip():
            raise ConfigurationError(
                f"The name of a pipeline has 1 to {_LONGEST_NAME} characters and no space at an end, unlike "
                f"{self.name!r}: give another one."
            )


@dataclass(frozen=True, kw_only=True)
class EnsuredPipeline:
    """A pipeline that is there.

    :param created: whether it was not there before.
    """

    id: str
    created: bool


@dataclass(frozen=True, kw_only=True)
class Template:
    """A preset or custom template.

    :param kind: name of its type, as the service prints it; empty where it has none.
    """

    id: str
    name: str
    description: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class PipelineJob:
    """One execution of a pipeline, or of a part of it, started from PAI Designer.

    :param run_id: its run in PAIFlow; empty until the service has started it.
    :param scope: :data:`WHOLE` for the whole pipeline.
    :param manifest: YAML text; empty in lists.
    :param arguments: YAML text; empty in lists.
    """

    id: str
    pipeline_id: str
    run_id: str
    scope: str
    status: PipelineRunStatus
    created: str
    manifest: str
    arguments: str

    @property
    def whole(self) -> bool:
        """Whether every step was to be executed."""
        return self.scope == WHOLE


def is_blank(drawing: str) -> bool:
    """Tell whether nothing is drawn.

    :param drawing: JSON text, the content of the pipeline draft.
    """
    try:
        return not json.loads(drawing)["nodes"]
    except (ValueError, KeyError, TypeError):
        return False


@dataclass(frozen=True, kw_only=True)
class AskedJob:
    """A job that is to run every step of a pipeline, as the button Run of PAI Designer does.

    The service takes no name for a job, so it is told by the jobs that were there before it was asked for.

    :param pipeline_id: the pipeline.
    :param since: when the newest job that was there before was created, as the service prints it; empty where there
        was none.
    :param before: ids of the jobs that were created at that moment.
    :param id: ``job-...``; empty until an answer named it.
    """

    pipeline_id: str
    since: str
    before: tuple[str, ...]
    id: str = ""

    def may_be(self, job: PipelineJob) -> bool:
        """Whether a job can be this one; that of somebody who runs the whole pipeline at the same moment can, too."""
        return job.whole and job.created >= self.since and job.id not in self.before

    def to_dict(self) -> dict[str, Any]:
        """Return the job as plain JSON."""
        return {
            "pipeline_id": self.pipeline_id,
            "job_id": self.id,
            "jobs_before": {"created": self.since, "ids": list(self.before)},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AskedJob:
        """Read what :meth:`to_dict` wrote.

        :raises KeyError: it is not that of a job that was asked for.
        """
        before = data["jobs_before"]
        return cls(
            pipeline_id=str(data["pipeline_id"]),
            since=str(before["created"]),
            before=tuple(map(str, before["ids"])),
            id=str(data["job_id"] or ""),
        )


@dataclass(frozen=True, kw_only=True)
class AskedPipelineRun:
    """A run in PAIFlow, by what it was asked for with.

    :param name: the run name, by which the run can be found again, unless it is that of a job.
    :param id: ``flow-...``; empty until an answer named it.
    :param job: the job that was asked for, where PAI Designer starts the run.
    """

    name: str
    workspace_id: str
    id: str = ""
    job: AskedJob | None = None

    @property
    def is_known(self) -> bool:
        """Whether the service has named it; the run of a job gets its id some time after the job."""
        return bool(self.id or (self.job and self.job.id))

    def __str__(self) -> str:
        """Name the run in a message."""
        if self.job is not None:
            ids = ", ".join(filter(None, (self.job.id, self.id)))
            return f"run of the pipeline {self.job.pipeline_id} in PAI Designer" + (f" ({ids})" if ids else "")
        return f"pipeline run {self.name}" + (f" ({self.id})" if self.id and self.id != self.name else "")

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain JSON, for XCom and for triggers."""
        return {
            "run_name": self.name,
            "workspace_id": self.workspace_id,
            "pipeline_run_id": self.id,
            **(self.job.to_dict() if self.job else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AskedPipelineRun:
        """Read what :meth:`to_dict` wrote.

        :raises KeyError: it is not that of a run of a pipeline.
        """
        return cls(
            name=str(data["run_name"]),
            workspace_id=str(data["workspace_id"]),
            id=str(data["pipeline_run_id"] or ""),
            job=AskedJob.from_dict(data) if "jobs_before" in data else None,
        )


@dataclass(frozen=True, kw_only=True)
class PipelineRunState:
    """A run in PAIFlow, as far as one call for many tells of it.

    :param id: ``flow-...``.
    """

    id: str
    status: PipelineRunStatus

    begins = 0.0
    """Nothing is known of a time for which a run would wait."""

    rerun_seconds = None
    """The service runs nothing again by itself."""

    @property
    def outcome(self) -> Outcome:
        """What the run has come to."""
        return self.status.outcome

    @property
    def words(self) -> str:
        """The run and its state, for a log."""
        return f"pipeline run {self.id}: {self.status.value}"


@dataclass(frozen=True, kw_only=True)
class PipelineRun(PipelineRunState):
    """A run in PAIFlow.

    :param root_node_id: the node that stands for the whole run; its children are the steps.
    :param message: the service's own words on a failure.
    :param url: its page in the console; empty where the service gives none.
    """

    name: str
    root_node_id: str
    workspace_id: str
    source_id: str
    message: str
    url: str
    created: str


@dataclass(frozen=True, kw_only=True)
class PipelineRunStep:
    """A node of a run.

    :param name: id on the canvas, as in the manifest.
    :param kind: ``Dag`` for a node with children; other values are not documented.
    :param started: ISO 8601; empty before it starts.
    """

    node_id: str
    name: str
    display_name: str
    kind: str
    status: PipelineRunStatus
    started: str
    finished: str
    children: tuple[PipelineRunStep, ...]

    @property
    def label(self) -> str:
        """How messages name the step: its label on the canvas and its id."""
        return self.name if self.display_name == self.name else f"{self.display_name} ({self.name})"

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from start to end, None before the end, or where the service prints no times."""
        try:
            return (datetime.fromisoformat(self.finished) - datetime.fromisoformat(self.started)).total_seconds()
        except (ValueError, TypeError):
            return None

    def walk(self) -> Iterator[PipelineRunStep]:
        """Yield this node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def leaves(self) -> tuple[PipelineRunStep, ...]:
        """The steps that do something themselves: the nodes that have no others below them, but for a lone root."""
        return tuple(step for step in self.walk() if not step.children and step is not self)

    def to_dict(self) -> dict[str, Any]:
        """Return the step as the plain dict that task results carry."""
        return {
            "step": self.display_name,
            "name": self.name,
            "node_id": self.node_id,
            "status": self.status.value,
            "duration_seconds": self.duration_seconds,
        }


@dataclass(frozen=True, kw_only=True)
class StepLog:
    """A part of a step's log.

    :param lines: from where the reading began; of very many the middle is left out, with a note in its place.
    :param end: how many lines of the log have been read or left out; the next reading begins there.
    """

    lines: tuple[str, ...]
    end: int


@dataclass(frozen=True, kw_only=True)
class PipelineReport:
    """A run in PAIFlow, and what became of its steps.

    :param asked: the run, as it was asked for.
    """

    asked: AskedPipelineRun
    run: PipelineRun
    steps: tuple[PipelineRunStep, ...]

    @property
    def outcome(self) -> Outcome:
        """What the run has come to."""
        return self.run.outcome

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return self.outcome is Outcome.ACTIVE

    @property
    def failed_steps(self) -> tuple[PipelineRunStep, ...]:
        """The steps that failed themselves; those after them were skipped."""
        return tuple(step for step in self.steps if step.status is PipelineRunStatus.FAILED)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as the plain dict that task results carry."""
        return {
            **self.asked.to_dict(),
            "status": self.run.status.value,
            "outcome": self.outcome.value,
            "url": self.run.url,
            "steps": [step.to_dict() for step in self.steps],
        }


@dataclass(frozen=True, kw_only=True)
class PipelineRunOutput:
    """What a step left behind.

    :param type: ``Model``, ``DataSet``, ``Metrics`` or ``ModelEvaluation``.
    :param information: the service's description; its layout depends on the component.
    """

    id: str
    name: str
    type: str
    node_id: str
    producer: str
    information: Mapping[str, Any]

    @property
    def value(self) -> Any:
        """What it is: the service puts JSON into a text; what is none stays as it is."""
        value = self.information.get("value")
        try:
            return json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError):
            return value


OUTPUTS_LIMIT = 32 * 1024
"""Characters of JSON that the outputs of a run may take in a task's result, which is an XCom."""


def outputs_to_list(
    outputs: Sequence[PipelineRunOutput], steps: Sequence[PipelineRunStep], *, limit: int = OUTPUTS_LIMIT
) -> list[dict[str, Any]]:
    """Return what the steps of a run left behind as the plain list that task results carry.

    Metrics come first; what JSON knows no number for is a text (``"NaN"``). What is left out because the list grows too
    long has the value None and ``left_out`` true.

    :param limit: characters of JSON that the list may take; of what is beyond even that, the rest is not listed.
    """
    labels = {step.node_id: step.display_name for step in steps}
    listed: list[dict[str, Any]] = []
    left = limit
    for output in sorted(outputs, key=lambda item: item.type != "Metrics"):
        item: dict[str, Any] = {
            "name": output.name[:200],
            "type": output.type[:200],
            "step": labels.get(output.node_id, output.producer)[:200],
            "value": output.value,
        }
        # A metric may be NaN, which Python's JSON knows, and Airflow's XComs do not: it becomes a text.
        item = json.loads(json.dumps(item, default=str), parse_constant=str)
        if (size := len(json.dumps(item))) > left:
            item |= {"value": None, "left_out": True}
            size = len(json.dumps(item))
        if size > left:
            break
        left -= size
        listed.append(item)
    return listed

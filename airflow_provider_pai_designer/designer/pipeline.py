"""What PAI has of a drawn pipeline: its draft, the templates to make one from, its jobs, and its runs by PAIFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from airflow_provider_pai_designer.exceptions import ConfigurationError

_LONGEST_NAME = 128


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
    """

    id: str
    name: str
    description: str
    workspace_id: str
    creator: str
    modified: str


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
    :param scope: ``EXECUTE_ALL`` for the whole pipeline.
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
        return self.scope == "EXECUTE_ALL"


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """A run in PAIFlow.

    :param id: ``flow-...``.
    :param root_node_id: the node that stands for the whole run; its children are the steps.
    :param message: the service's own words on a failure.
    :param url: its page in the console; empty where the service gives none.
    """

    id: str
    name: str
    status: PipelineRunStatus
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

    def walk(self) -> Iterator[PipelineRunStep]:
        """Yield this node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


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

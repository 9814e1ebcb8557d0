"""Publishing nodes of the new Data Studio, and taking them offline: pipeline runs, stage by stage.

Which stages a run has depends on the workspace (checks, code review, approval), so nothing here knows them by name but
the one that the vendor's page names as the end of a run for development.
Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2024-05-18-createpipelinerun
"""

from __future__ import annotations

import logging
from time import monotonic

from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.new_replies import PipelineRun, Stage, read_id, read_pages, read_pipeline_run
from airflow_provider_pai_designer.cloud.replies import understood
from airflow_provider_pai_designer.cloud.verbs import Pause
from airflow_provider_pai_designer.designer.flow_spec import StudioNode
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import DeploymentError, RejectedError

PATIENCE_SECONDS = 900.0
OURS = "Started by Apache Airflow"
"""The description of publishing runs that make way for others of ours."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0
_DEVELOPMENT = "DEV"
_UNDER_WAY = ("Init", "Running")
_FAILED = ("Fail", "Termination", "Cancel")

log = logging.getLogger(__name__)


class Publisher:
    """Publishes nodes of one workspace.

    :param pause: waits for some seconds; may raise to end the work between two steps.
    """

    def __init__(self, *, gateway: Gateway, workspace: Workspace, pause: Pause) -> None:
        self._gateway = gateway
        self._workspace = workspace
        self._pause = pause

    def publish(self, stored: StudioNode, environment: Environment) -> None:
        """Bring the stored definition of a node into an environment; into PROD through all that comes before.

        :raises DeploymentError: a stage failed, or waited too long for a human.
        """
        if environment is Environment.DEV:
            # Runs by itself, and leaves the stages after this one to whoever deploys.
            run_id = self._start("Online", stored.id, run_mode="Auto", auto_run_until_stage=_DEVELOPMENT)
            self._follow("publishing", run_id, last=_DEVELOPMENT)
        else:
            self._follow("publishing", self._under_way(stored) or self._start("Online", stored.id))

    def take_offline(self, node_id: str) -> None:
        """Take a node out of the environments.

        :raises DeploymentError: a stage failed: other nodes may depend on the node.
        """
        self._follow("taking offline", self._start("Offline", node_id))

    def _start(self, kind: str, node_id: str, **mode: str) -> str:
        try:
            return self._create(kind, node_id, **mode)
        except RejectedError:
            # Whether a run may begin before an earlier one has ended is not documented. A run of ours that ended for us
            # in development, and waits for somebody to go on with it, makes way.
            waiting = [run for run in self._runs(node_id) if run.description == OURS and not run.works]
            if not waiting:
                raise
        for run in waiting:
            log.info("Ending the pipeline run %s, which waits after its development stage", run.id)
            self._gateway.write("AbolishPipelineRun", project_id=self._workspace.id, id=run.id)
        return self._create(kind, node_id, **mode)

    def _create(self, kind: str, node_id: str, **mode: str) -> str:
        reply = self._gateway.write(
            "CreatePipelineRun",
            project_id=self._workspace.id,
            type=kind,
            object_ids=[node_id],
            description=OURS,
            **mode,
        )
        return understood("CreatePipelineRun", reply, read_id, member="Id")

    def _under_way(self, stored: StudioNode) -> str | None:
        """Find a run that carries the stored definition already: one that waited for an approval is gone on with."""
        newer = [
            run
            for run in self._runs(stored.id)
            if run.created > stored.modified and not run.removes and _failed_stage(run) is None
        ]
        return max(newer, key=lambda run: run.created).id if newer else None

    def _runs(self, node_id: str) -> list[PipelineRun]:
        """List the runs of a node that have not ended."""
        found = read_pages(
            self._gateway,
            "ListPipelineRuns",
            "PipelineRuns",
            read_pipeline_run,
            project_id=self._workspace.id,
            object_id=node_id,
        )
        return [run for run in found if run.status in _UNDER_WAY]

    def _follow(self, what: str, run_id: str, *, last: str | None = None) -> None:
        """Watch a run until it has ended, and start its stages, one after the other.

        :param last: the stage at which an automatic run, whose stages start by themselves, has ended for us.
        """
        give_up = monotonic() + PATIENCE_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        started: set[str] = set()
        said: dict[str, str] = {}
        while True:
            run = self._read(run_id)
            _report(what, run, said)
            _check(what, run)
            if run.status == "Success" or any(stage.code == last and stage.status == "Success" for stage in run.stages):
                return
            if monotonic() > give_up:
                raise _too_long(what, run)
            stage = _due(run)
            if last is None and stage is not None and stage.code not in started:
                self._gateway.write("ExecPipelineRunStage", project_id=self._workspace.id, id=run_id, code=stage.code)
                started.add(stage.code)
                pause = _FIRST_PAUSE_SECONDS
            self._pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)

    def _read(self, run_id: str) -> PipelineRun:
        reply = self._gateway.read("GetPipelineRun", project_id=self._workspace.id, id=run_id)
        return understood("GetPipelineRun", reply, read_pipeline_run, member="Pipeline")


def _due(run: PipelineRun) -> Stage | None:
    """Return the stage that waits to be started; the first one, and every build, starts by itself."""
    for number, stage in enumerate(run.stages):
        if stage.status == "Success":
            continue
        waits = stage.status == "Init" and number > 0 and stage.kind != "Build"
        return stage if waits else None
    return None


def _failed_stage(run: PipelineRun) -> Stage | None:
    return next((stage for stage in run.stages if stage.status in _FAILED), None)


def _report(what: str, run: PipelineRun, said: dict[str, str]) -> None:
    for stage in run.stages:
        if stage.status in ("Init", said.get(stage.code)):
            continue
        said[stage.code] = stage.status
        waits = stage.kind == "Check" and stage.status == "Running"
        hint = " (a review or an approval is given in Data Studio)" if waits else ""
        log.info("The %s (pipeline run %s): %s is %s%s", what, run.id, stage.name, stage.status, hint)


def _check(what: str, run: PipelineRun) -> None:
    bad = _failed_stage(run)
    if bad is None and run.status not in _FAILED:
        return
    where = f" in the stage {bad.name} ({bad.code})" if bad else ""
    message = (bad.message if bad else "") or run.message or "the service gave no message"
    raise DeploymentError(
        f"The {what} of the node ended with {bad.status if bad else run.status}{where} (pipeline run {run.id}): "
        f"{message}. Look at it in Data Studio (Publish), mend what it names, and run the task again.",
        deployment_id=run.id,
    )


def _too_long(what: str, run: PipelineRun) -> DeploymentError:
    stage = next((stage for stage in run.stages if stage.status != "Success"), None)
    where = f"at the stage {stage.name} ({stage.code}), which is {stage.status}" if stage else "without a stage"
    return DeploymentError(
        f"The {what} of the node is not done after 15 minutes: it is {where} (pipeline run {run.id}). If it waits for "
        "a review or an approval, have it given in Data Studio, and run the task again: it goes on from there.",
        deployment_id=run.id,
    )

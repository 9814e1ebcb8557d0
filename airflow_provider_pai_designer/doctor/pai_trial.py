"""What ``pai-designer doctor --write`` makes in PAI for its open questions, and removes again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from airflow_provider_pai_designer.cloud.paistudio import ROOT_FOLDER
from airflow_provider_pai_designer.cloud.replies import understood
from airflow_provider_pai_designer.designer.pipeline import PipelineRun
from airflow_provider_pai_designer.doctor import readings
from airflow_provider_pai_designer.doctor.examination import Patient
from airflow_provider_pai_designer.doctor.findings import Finding, Verdict
from airflow_provider_pai_designer.doctor.pai import name_filter
from airflow_provider_pai_designer.doctor.questions import told, untold
from airflow_provider_pai_designer.doctor.throw_away import manifest
from airflow_provider_pai_designer.exceptions import (
    NotFoundError,
    PaiDesignerError,
    PermissionDeniedError,
    PipelineError,
    RejectedError,
)

_LONGEST_LAG_SECONDS, _LOOKS = 20, 20
_RIGHTS = (
    "give the RAM user the policy AliyunPAIFullAccess, or paidesigner:CreatePipelineDraft and DeletePipelineDraft and "
    "paiflow:CreatePipelineRun, ListPipelineRuns, TerminatePipelineRun, RerunPipelineRun and DeletePipelineRun"
)
_FLOW_QUESTIONS = ("pai_list_lag", "pai_terminate_ended", "pai_rerun")


@dataclass(kw_only=True)
class PaiTrial:
    """One run through what PAI can tell when it is written to.

    :param name: of the pipeline and, numbered, of the runs.
    :param told: the findings so far.
    """

    patient: Patient
    name: str
    told: dict[str, Finding] = field(default_factory=dict)
    _touched: bool = False
    _pipeline_ids: list[str] = field(default_factory=list)
    _run_ids: list[str] = field(default_factory=list)

    @property
    def steps(self) -> list[tuple[tuple[str, ...], Callable[[], None]]]:
        """The questions that a step answers, and what it does."""
        return [
            (("pai_root_folder", "pai_name_filter"), self._root_folder),
            (("pai_bad_manifest",), self._bad_manifest),
            (_FLOW_QUESTIONS, self._flow),
        ]

    def go(self) -> None:
        """Take every step; PAI is not needed, so what is refused there is no failure."""
        self._touched = True
        for questions, step in self.steps:
            try:
                step()
                why = "what was seen does not tell"
            except PermissionDeniedError as error:
                why = f"{error} To have it told, {_RIGHTS}"
            except PaiDesignerError as error:
                why = str(error)
            self._leave(questions, why)

    def leave(self, why: str) -> None:
        """Leave the questions open that were not come to."""
        for questions, _ in self.steps:
            self._leave(questions, why)

    def _leave(self, questions: tuple[str, ...], why: str) -> None:
        for name in questions:
            self.told.setdefault(name, untold(name, why))

    def remove(self) -> Iterator[Finding]:
        """Delete the pipeline and the runs; nothing is said where nothing was made."""
        if not self._touched:
            return
        try:
            made = self._remove_pipeline() + self._remove_runs()
        except Exception as error:  # what is left must be told whatever happens
            if isinstance(error, PermissionDeniedError) and not self._pipeline_ids and not self._run_ids:
                # Who may not look has made nothing either.
                return
            said = (
                f"Perhaps left in PAI, workspace {self._workspace_id}: the pipeline {self.name!r} and runs whose names "
                f"begin with it. Delete them in the console of PAI. {error}"
            )
            yield Finding(check="removal in PAI", verdict=Verdict.FAIL, said=said)
            return
        said = f"what was made in PAI is gone ({made} thing(s))"
        yield Finding(check="removal in PAI", verdict=Verdict.PASS, said=said)

    @property
    def _workspace_id(self) -> str:
        return str(self.patient.workspace.id)

    def _tell(self, name: str, reading: str, seen: str = "") -> None:
        self.told[name] = told(name, reading, seen)

    def _root_folder(self) -> None:
        studio = self.patient.hook.paistudio
        try:
            pipeline_id = studio.create_pipeline(
                workspace_id=self._workspace_id, name=self.name, folder_id=ROOT_FOLDER, description="To be thrown away"
            )
        except PipelineError as error:
            self._tell("pai_root_folder", "refuse", f"in the words of the service: {error}")
            return
        self._pipeline_ids.append(pipeline_id)
        self._tell("pai_root_folder", "accept")
        if reading := name_filter(self.patient, self.patient.hook.list_pipelines()):
            self._tell("pai_name_filter", reading)

    def _create(self, number: int, *, cyclic: bool) -> str:
        """Create a run that is not to be started."""
        reply = self.patient.hook.paiflow.gateway.write(
            "CreatePipelineRun",
            workspace_id=self._workspace_id,
            name=f"{self.name}_{number}",
            pipeline_manifest=manifest(cyclic=cyclic),
            no_confirm_required=False,
            source_type="SDK",
        )
        self._run_ids.append(understood("CreatePipelineRun", reply, str, member="PipelineRunId"))
        return self._run_ids[-1]

    def _bad_manifest(self) -> None:
        try:
            self._create(1, cyclic=True)
        except RejectedError as error:
            self._tell("pai_bad_manifest", "refuse", f"in the words of the service: {error}")
        else:
            self._tell("pai_bad_manifest", "run_fails")

    def _flow(self) -> None:
        """Create a run, end it before it has started, and ask for it again."""
        flow, pause = self.patient.hook.paiflow, self.patient.hook.pause
        run_id = self._create(2, cyclic=False)
        for seconds in range(_LONGEST_LAG_SECONDS):
            if self._runs(2):
                self._tell("pai_list_lag", readings.lag(seconds), f"seen after {seconds} second(s)")
                break
            pause(1)
        flow.terminate_run(run_id)
        self._await_end(run_id)
        try:
            flow.terminate_run(run_id)
        except (RejectedError, NotFoundError) as error:
            self._tell("pai_terminate_ended", "refuse", f"in the words of the service: {error}")
        else:
            self._tell("pai_terminate_ended", "accept")
        flow.rerun(run_id)
        for _ in range(_LONGEST_LAG_SECONDS):
            pause(1)
            if len(self._runs(2)) > 1:
                self._tell("pai_rerun", "new_run")
                return
            if not flow.get_run(run_id).status.name.startswith("TERMINAT"):
                self._tell("pai_rerun", "same_id")
                return

    def _runs(self, number: int) -> tuple[PipelineRun, ...]:
        return self.patient.hook.paiflow.find_runs(workspace_id=self._workspace_id, name=f"{self.name}_{number}")

    def _await_end(self, run_id: str) -> None:
        for _ in range(_LOOKS):
            if self.patient.hook.paiflow.get_run(run_id).status.ended:
                return
            self.patient.hook.pause(3)

    def _remove_pipeline(self) -> int:
        studio = self.patient.hook.paistudio
        found = [] if self._pipeline_ids else [studio.seek_pipeline(workspace_id=self._workspace_id, name=self.name)]
        made = [*self._pipeline_ids, *(pipeline.id for pipeline in found if pipeline)]
        for pipeline_id in made:
            studio.delete_pipeline(pipeline_id)
        return len(made)

    def _remove_runs(self) -> int:
        flow = self.patient.hook.paiflow
        # One whose creation was not confirmed, and one that a rerun has made, is known by its name alone.
        run_ids = {*self._run_ids, *(run.id for number in (1, 2) for run in self._runs(number))}
        for run_id in run_ids:
            if not flow.get_run(run_id).status.ended:
                self._terminate(run_id)
            flow.gateway.write("DeletePipelineRun", pipeline_run_id=run_id)
        return len(run_ids)

    def _terminate(self, run_id: str) -> None:
        try:
            self.patient.hook.paiflow.terminate_run(run_id)
        except (RejectedError, NotFoundError):  # it has just ended, or was never started
            return
        self._await_end(run_id)

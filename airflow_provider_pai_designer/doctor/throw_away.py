"""The node that the doctor makes to write to: what it is, what is done with it, and that it goes again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property, partial

from airflow_provider_pai_designer.designer.content import NodeContent, PipelineCopy
from airflow_provider_pai_designer.designer.node import EnsuredNode, Node, RerunPolicy
from airflow_provider_pai_designer.designer.node import Schedule as NodeSchedule
from airflow_provider_pai_designer.designer.record import SETTLE_SECONDS
from airflow_provider_pai_designer.designer.run import Instance, InstanceStatus, Outcome, Run
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.doctor.examination import Patient
from airflow_provider_pai_designer.doctor.findings import Finding, Verdict
from airflow_provider_pai_designer.doctor.readings import ENDED
from airflow_provider_pai_designer.exceptions import PaiDesignerError, RunNotStoppedError, UnclearError
from airflow_provider_pai_designer.scheduling import SchedulingParameters

FOLDER = "Business Flow/pai_designer_doctor/Algorithm"
PREFIX = "pai_designer_doctor_throw_away"

CRON = "00 50/5 23 * * ?"
"""Two cycles a day, and late: a test of today's is still to come, and one of an earlier day is not."""

FIRST, SECOND, GIVEN = "doctor_declared_first", "doctor_declared_second", "doctor_given_first"
"""The values of the node's two parameters, and the one that a run is given for the first of them."""

LOOK_SECONDS = 15.0
"""Between two looks at a run: a call every quarter of a minute is within every edition's pace."""

_MANIFEST = """\
apiVersion: "core/v1"
metadata:
  provider: "{owner}"
  version: "v1"
  identifier: "job-root-pipeline-identifier"
  annotations: {{}}
spec:
  inputs:
    artifacts: []
    parameters:
    - name: "execution_maxcompute"
      type: "Map"
  arguments:
    artifacts: []
    parameters: []
  dependencies: []
  initContainers: []
  sideCarContainers: []
  pipelines:
  - apiVersion: "core/v1"
    metadata:
      provider: "pai"
      version: "v1"
      identifier: "sql"
      name: "id-doct-0001-0001-0001"
      displayName: "Fails on purpose"
      annotations: {{}}
    spec:
      arguments:
        artifacts: []
        parameters:
        - name: "scriptMode"
          value: false
        - name: "addCreateTableStatement"
          value: true
        - name: "sql"
          value: "select ${{pai_designer_doctor}};"
        - name: "execution"
          from: "{{{{inputs.parameters.execution_maxcompute}}}}"
      dependencies: [{dependency}]
      initContainers: []
      sideCarContainers: []
      pipelines: []
      volumes: []
  volumes: []
"""
_ARGUMENTS = """\
arguments:
  parameters:
  - name: "execution_maxcompute"
    value:
      endpoint: "http://service.{region}.maxcompute.aliyun.com/api"
      odpsProject: "{project}"
      resourceType: "MaxCompute"
"""


def manifest(*, cyclic: bool = False) -> str:
    """Return the manifest of one step that fails on purpose: the engine refuses to parse it, and computes nothing.

    :param cyclic: let the step depend on itself, so that nobody can run it.
    """
    return _MANIFEST.format(owner="pai-designer-doctor", dependency='"id-doct-0001-0001-0001"' if cyclic else "")


@dataclass(kw_only=True)
class ThrowAway:
    """One throw-away node, with all that was made for it.

    :param node: as it is declared; its name says that it is to be thrown away.
    :param node_id: by which the environment runs it, once it is there.
    :param runs: run name to run, for those that may still go on.
    :param drafts: names of nodes that were made beside it and are never to be published.
    """

    patient: Patient
    node: Node
    node_id: int | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    drafts: list[str] = field(default_factory=list)
    _unclear: bool = False
    _rests: bool = False

    @classmethod
    def declare(cls, patient: Patient) -> ThrowAway:
        """Say what the node is; nothing is sent."""
        workspace, zone = patient.workspace, patient.hook.timezone
        project = f"{workspace.identifier}_dev" if workspace.standard_mode else workspace.identifier
        name = f"{PREFIX}_{datetime.now(zone):%Y%m%d_%H%M%S}"
        content = NodeContent.build(
            PipelineCopy(
                pipeline_id="",
                job_id=name,
                name=name,
                description="",
                workspace_id=workspace.id,
                region=patient.hook.region,
                manifest=manifest(),
                arguments=_ARGUMENTS.format(region=patient.hook.region, project=project),
                variables={},
            )
        )
        return cls(
            patient=patient,
            node=Node(
                name=name,
                folder=FOLDER,
                content=content.render(),
                parameters=SchedulingParameters.from_mapping({"doctor_first": FIRST, "doctor_second": SECOND}),
                schedule=NodeSchedule(cron=CRON),
                rerun=RerunPolicy(times=1, interval_seconds=60),
                parents=(workspace.root_output,),
                description="Made by pai-designer doctor, which removes it. Delete it if it is still here.",
            ),
        )

    @property
    def environment(self) -> Environment:
        """Development, where there is one."""
        return Environment.DEV if self.patient.workspace.standard_mode else Environment.PROD

    @cached_property
    def long_past(self) -> date:
        """A business date whose schedule times are over."""
        return self.patient.yesterday - timedelta(days=1)

    def draft(self, number: int) -> Node:
        """Declare a node beside it, and remember that it is to go."""
        node = replace(self.node, name=f"{self.node.name}_draft{number}")
        if node.name not in self.drafts:
            self.drafts.append(node.name)
        return node

    def ensure(self, node: Node) -> EnsuredNode:
        """Make the node be as wanted, and publish it."""
        ensured = self.patient.hook.ensure_node(node, environment=self.environment, create_folder=True)
        self.node_id = ensured.node_id
        return ensured

    def start(self, number: int, business_date: date, start: Callable[[str], Run]) -> Run:
        """Start a run and remember it; also one whose start nobody confirmed.

        :param start: takes the run name.
        """
        name = f"{self.node.name}_{number}"
        self.runs[name] = Run(
            name=name,
            node_id=self.node_id,
            environment=self.environment,
            business_date=business_date,
            remote_dag_ids=(),
        )
        self.runs[name] = start(name)
        return self.runs[name]

    def looks(self, run: Run, most: int, *, seconds: float = LOOK_SECONDS) -> Iterator[tuple[Instance, ...]]:
        """Look at the instances of a run from time to time."""
        for look in range(most):
            if look:
                self._rests = True
                self.patient.hook.pause(seconds)
                self._rests = False
            yield self.patient.hook.list_instances(run)

    def failed(self, error: BaseException) -> None:
        """Remember that a call may still be carried out: what it makes must be waited for before it can be removed."""
        cut_off = not isinstance(error, PaiDesignerError) and not self._rests
        self._unclear = self._unclear or cut_off or isinstance(error, UnclearError)

    def remove(self) -> Iterator[Finding]:
        """Stop what goes on, remove what was made, and say what is left."""
        if self._unclear:
            # What was given up may be carried out by the service all the same.
            self.patient.hook.pause(SETTLE_SECONDS)
        left: list[str] = []
        for name in list(self.runs):
            self._try(partial(self._stop, name), f"the run {name} may go on: stop it in Operation Center", left)
        for name in self.drafts:
            self._try(partial(self._delete_draft, name), f"the node {name!r}", left)
        self._try(
            lambda: self.patient.hook.delete_node(name=self.node.name, folder=FOLDER),
            f"the node {self.node.name!r}, perhaps also in {self.environment} (node id {self.node_id or 'unknown'})",
            left,
        )
        where = f"the workspace {self.patient.workspace.identifier!r}, folder {FOLDER!r}"
        if left:
            said = f"Left in {where}: {'; '.join(left)}. Remove it by hand in the console."
            yield Finding(check="removal", verdict=Verdict.FAIL, said=said)
        else:
            said = f"the throw-away node is gone; of {where} the empty folder stays, for which there is no call"
            yield Finding(check="removal", verdict=Verdict.PASS, said=said)

    def _try(self, remove: Callable[[], object], what: str, left: list[str]) -> None:
        try:
            remove()
        except Exception as error:  # what is left must be told whatever happens
            left.append(f"{what} ({error})")

    def _stop(self, name: str) -> None:
        hook = self.patient.hook
        run = hook.identify(self.runs[name])
        if not run.remote_dag_ids:
            return
        report = hook.get_run(run)
        # An automatic rerun may still follow; that nothing is left to be stopped is no error.
        failed = [item.id for item in report.instances if item.status is InstanceStatus.FAILURE]
        for _ in hook.dataworks.stop_instances(failed, self.environment):
            pass
        if report.outcome is not Outcome.ACTIVE:
            return
        try:
            hook.stop_run(run)
        except RunNotStoppedError:
            # A stopped instance may keep automatic reruns that never come.
            if any(item.status not in ENDED for item in hook.list_instances(run)):
                raise

    def _delete_draft(self, name: str) -> None:
        legacy, workspace = self.patient.legacy, self.patient.workspace
        if legacy is None:
            self.patient.hook.delete_node(name=name, folder=FOLDER)
            return
        for file_id in legacy.find_files(workspace, name=name, folder=FOLDER):
            legacy.delete_file(workspace, file_id)

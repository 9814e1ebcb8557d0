"""What ``pai-designer doctor --write`` does with its throw-away node, and what it learns from that."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

from airflow_provider_pai_designer.cloud.errors import SERVICE_ROLE
from airflow_provider_pai_designer.cloud.publish import OURS
from airflow_provider_pai_designer.cloud.replies import understood
from airflow_provider_pai_designer.cloud.studio_nodes import StudioNodes
from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.flow_spec import write_node
from airflow_provider_pai_designer.designer.node import Node, RerunPolicy, SchedulerType, difference
from airflow_provider_pai_designer.designer.run import Instance, InstanceStatus, Outcome, Run
from airflow_provider_pai_designer.designer.workspace import DeploymentStatus
from airflow_provider_pai_designer.doctor import readings
from airflow_provider_pai_designer.doctor.examination import Patient
from airflow_provider_pai_designer.doctor.findings import Finding, Verdict
from airflow_provider_pai_designer.doctor.questions import told, untold
from airflow_provider_pai_designer.doctor.throw_away import GIVEN, SECOND, ThrowAway
from airflow_provider_pai_designer.exceptions import PaiDesignerError, RejectedError, ServiceError

_MOST_LOOKS, _FEW_LOOKS = 40, 8
_LONGEST_LAG_SECONDS = 20
_LATEST_HOUR = 23
"""A test of today's cycle, which is at 23:50, is begun before this hour."""

_DRAFT = ("update_omitted", "duplicate_file", "deletion_id")
_NEW_DRAFTS = ("new_dependencies_version", "new_dependencies_dropped", "new_update_depth")
_FIRST = ("smoke_cycles", "effective_window", "node_params", "transient_failure", "pai_id_in_log")
_BACKFILL = ("restart_active", "stop_finished")
_FUTURE = ("future_test", "restart_rerun_mode")


class UnanswerableError(PaiDesignerError):
    """What a step needs is not there."""


@dataclass(kw_only=True)
class Trial:
    """One run through everything that the throw-away node can tell.

    :param told: the findings so far.
    """

    patient: Patient
    thing: ThrowAway
    told: dict[str, Finding] = field(default_factory=dict)

    @property
    def steps(self) -> list[tuple[str, tuple[str, ...], Callable[[], None]]]:
        """The steps in their order: the check that a step is, the questions that it answers, and what it does."""
        legacy, standard = self.patient.legacy is not None, self.patient.workspace.standard_mode
        submit = () if standard else ("submit_in_basic",)
        in_development = ("new_dev_task_id",) if standard else ()
        lag: str = "new_instances_lag"
        backfill: tuple[str, ...] = _BACKFILL
        if legacy:
            lag, backfill = "instance_lag", ("backfill_dags", *_BACKFILL, "stopped_reruns")
        return [
            ("drafts", _DRAFT if legacy else _NEW_DRAFTS, self._legacy_draft if legacy else self._new_drafts),
            (
                "throw-away node",
                submit if legacy else (*in_development, "new_second_publish"),
                self._make_legacy if legacy else self._make_new,
            ),
            ("test", (lag, *_FIRST, *(("smoke_node_params",) if legacy else ())), self._first_test),
            ("backfill", backfill, self._backfill),
            ("test of today", (*_FUTURE, *(() if legacy else ("new_periods_required",))), self._future_test),
            ("test of a frozen node", ("frozen_test",), self._frozen_test),
        ]

    def go(self) -> None:
        """Take every step; what one of them needs and does not have leaves its questions open."""
        for check, questions, step in self.steps:
            self.patient.hook.log.info("The doctor goes on with the %s", check)
            try:
                step()
                why = "what was seen does not tell"
            except PaiDesignerError as error:
                self.thing.failed(error)
                why = str(error)
                self._fail(check, error)
                if SERVICE_ROLE in why:
                    self.told["service-linked role"] = _not_done("service-linked role", error)
            self._leave(why, *questions)

    def _fail(self, check: str, error: PaiDesignerError) -> None:
        """Say of a step that it failed; of one that had begun well, say which call did."""
        if check in self.told and isinstance(error, ServiceError):
            check = f"call {error.operation}"
        self.told.setdefault(check, _not_done(check, error))

    def leave(self, why: str) -> None:
        """Leave the questions open that were not come to."""
        for _, questions, _ in self.steps:
            self._leave(why, *questions)

    def _tell(self, name: str, reading: str | None, seen: str = "") -> None:
        if reading is not None:
            self.told[f"doubt {name}"] = told(name, reading, seen)

    def _leave(self, why: str, *names: str) -> None:
        for name in names:
            self.told.setdefault(f"doubt {name}", untold(name, why))

    def _works(self, check: str, said: str) -> None:
        self.told[check] = Finding(check=check, verdict=Verdict.PASS, said=said)

    def _refused(self, name: str, call: Callable[[], object], *, yes: str, no: str) -> bool:
        """Tell a question by whether the service refuses a call."""
        try:
            call()
        except RejectedError as error:
            self._tell(name, yes, f"in the words of the service: {error}")
            return True
        self._tell(name, no)
        return False

    def _legacy_draft(self) -> None:
        """A file that is never submitted shows what the service does with files."""
        dataworks, workspace = self.patient.legacy, self.patient.workspace
        assert dataworks is not None
        draft = self.thing.draft(1)
        where = {"project_id": workspace.id}
        file_id = dataworks.create_node(workspace, draft, create_folder=True)
        self._works("service-linked role", f"{SERVICE_ROLE} is there, or no node had been created")
        before = dataworks.read_node(workspace, file_id, folder=draft.folder).node
        description = f"{draft.description} Its description was changed."
        self.patient.gateway.write("UpdateFile", **where, file_id=file_id, file_description=description)
        after = dataworks.read_node(workspace, file_id, folder=draft.folder).node
        lost = difference(after, replace(before, description=after.description, owner=None, resource_group=None))
        names = ", ".join(change.name for change in lost)
        self._tell("update_omitted", "clear" if lost else "keep", f"it lost {names}" if lost else "")
        twins: list[int] = []
        self._refused(
            "duplicate_file",
            lambda: twins.append(dataworks.create_node(workspace, draft, create_folder=False)),
            yes="refuse",
            no="allow",
        )
        reply = self.patient.gateway.write("DeleteFile", **where, file_id=file_id)
        if not reply.get("DeploymentId"):
            self._tell("deletion_id", "absent" if reply.get("DeploymentId") is None else "zero")
        for twin in twins:
            dataworks.delete_file(workspace, twin)
        self.thing.drafts.remove(draft.name)

    def _new_drafts(self) -> None:
        """Nodes that are never published show what Data Studio keeps of a spec."""
        nodes = self._studio_nodes()
        draft = self.thing.draft(1)
        first = nodes.create(draft)
        stored = nodes.read(first)
        dropped = bool(nodes.lost_parents(stored, draft.parents))
        self._tell("new_dependencies_version", "only_2.0.0" if dropped else "any")
        trigger = {"type": "Scheduler", "cron": "00 40 23 * * ?"}
        nodes.update(first, _spec({"id": first, "trigger": trigger}))
        kept = nodes.read(first).node.schedule.start == stored.node.schedule.start
        self._tell("new_update_depth", "all" if kept else "members")
        nodes.delete(first)
        self.thing.drafts.remove(draft.name)
        other = self.thing.draft(2)
        second = understood(
            "CreateNode",
            self.patient.gateway.write(
                "CreateNode",
                project_id=self.patient.workspace.id,
                scene="DATAWORKS_PROJECT",
                spec=self._unlike_named(other, newest=dropped),
            ),
            str,
            member="Id",
        )
        lost = nodes.lost_parents(nodes.read(second), other.parents)
        self._tell("new_dependencies_dropped", "unless_id_is_name" if lost else "kept")
        nodes.delete(second)
        self.thing.drafts.remove(other.name)

    def _studio_nodes(self) -> StudioNodes:
        return StudioNodes(
            gateway=self.patient.gateway, workspace=self.patient.workspace, zone=self.patient.hook.timezone
        )

    def _unlike_named(self, node: Node, *, newest: bool) -> str:
        """Write the spec of a node whose id is not its name, in the form whose dependencies are taken."""
        spec = json.loads(write_node(node, self.patient.workspace, self.patient.hook.timezone))
        inner, own_id = spec["spec"], f"{node.name}_id"
        inner["nodes"][0]["id"] = inner["flow"][0]["nodeId"] = own_id
        if newest:
            spec["version"], inner["dependencies"] = "2.0.0", inner.pop("flow")
        return json.dumps(spec, ensure_ascii=False)

    def _make_legacy(self) -> None:
        workspace, dataworks = self.patient.workspace, self.patient.legacy
        if not workspace.standard_mode:
            assert dataworks is not None
            file_id = dataworks.create_node(workspace, self.thing.node, create_folder=True)
            self._refused("submit_in_basic", lambda: self._submit(file_id), yes="error", no="noop")
        self._make()

    def _submit(self, file_id: int) -> None:
        dataworks, workspace = self.patient.legacy, self.patient.workspace
        assert dataworks is not None
        submitted = dataworks.submit(workspace, file_id)
        for _ in range(_FEW_LOOKS):
            if not submitted or dataworks.get_deployment(workspace, submitted).status is not DeploymentStatus.PENDING:
                return
            self.patient.hook.pause(5)

    def _make_new(self) -> None:
        node_id = self._make()
        self._works("service-linked role", f"{SERVICE_ROLE} is there, or no node had been created")
        if self.patient.workspace.standard_mode:
            self._tell("new_dev_task_id", "no" if self._studio_nodes().read(node_id).task_id is None else "yes")
        self._publish_twice(node_id)

    def _publish_twice(self, node_id: str) -> None:
        """Start publishing runs that nobody drives on, and end them; in standard mode one waits already."""
        began: list[str] = []

        def publish() -> None:
            reply = self.patient.gateway.write(
                "CreatePipelineRun",
                project_id=self.patient.workspace.id,
                type="Online",
                object_ids=[node_id],
                description=OURS,
            )
            began.append(understood("CreatePipelineRun", reply, str, member="Id"))

        if not self.patient.workspace.standard_mode:
            publish()
        self._refused("new_second_publish", publish, yes="refuse", no="accept")
        for run_id in began:
            self.patient.gateway.write("AbolishPipelineRun", project_id=self.patient.workspace.id, id=run_id)

    def _make(self) -> str:
        ensured = self.thing.ensure(self.thing.node)
        self._works("throw-away node", f"{self.thing.node.name}: {ensured.summary}")
        return str(ensured.file_id)

    def _running_node(self) -> int:
        if self.thing.node_id is None:
            raise UnanswerableError("the throw-away node is not there")
        return self.thing.node_id

    def _first_test(self) -> None:
        """A test that fails on purpose, with an automatic rerun."""
        run = self.thing.start(1, self.thing.long_past, self._start_with_parameters)
        first, seconds = self._await_instances(run)
        self._works("test", f"{run.name} was started")
        lag = "instance_lag" if self.patient.legacy else "new_instances_lag"
        self._tell(lag, readings.lag(seconds), f"seen after {seconds} second(s)")
        self._tell("smoke_cycles", "first" if len(first) == 1 else "all", f"{len(first)} instance(s)")
        self._tell("effective_window", readings.effective_window(first[0]))
        if readings.effective_window(first[0]) == "dry_run":
            open_still = ("node_params", "smoke_node_params", "transient_failure", "pai_id_in_log")
            known = ("smoke_node_params",) if self.patient.legacy is None else ()
            self._leave("the test was a dry run", *(name for name in open_still if name not in known))
            return
        self._follow_rerun(run, first[0])
        log = self.patient.hook.get_log(first[0], self.thing.environment).text
        self._tell("node_params", readings.node_params(log, given=GIVEN, kept=SECOND))
        self._tell("pai_id_in_log", readings.flow_in(log))
        self._works("log", f"{len(log.splitlines())} line(s) of an instance were read")

    def _start_with_parameters(self, name: str) -> Run:
        """Start the test with one parameter of two; in the legacy DataStudio as JSON, else as plain pairs."""
        node_id, given = self._running_node(), f"doctor_first={GIVEN}"
        if self.patient.legacy is None:
            return self._start_test(name, parameters=given)
        ids: list[int] = []

        def start(parameters: str) -> None:
            reply = self.patient.gateway.write(
                "RunSmokeTest",
                project_env=self.thing.environment.value,
                node_id=node_id,
                bizdate=f"{self.thing.long_past} 00:00:00",
                name=name,
                node_params=parameters,
            )
            ids.append(understood("RunSmokeTest", reply, int))

        as_json = json.dumps({str(node_id): given})
        if self._refused("smoke_node_params", lambda: start(as_json), yes="plain", no="json"):
            start(given)
        return replace(self.thing.runs[name], remote_dag_ids=tuple(ids))

    def _start_test(self, name: str, *, parameters: str | None = None) -> Run:
        return self.patient.hook.test_node(
            self._running_node(),
            business_date=self.thing.runs[name].business_date,
            name=name,
            environment=self.thing.environment,
            parameters=parameters,
        )

    def _await_instances(self, run: Run) -> tuple[tuple[Instance, ...], int]:
        """Return the instances of a run as they were first seen, and after how many seconds that was."""
        for seconds, instances in enumerate(self.thing.looks(run, _LONGEST_LAG_SECONDS, seconds=1)):
            if instances:
                return instances, seconds
        raise UnanswerableError(f"the {run} shows no instance after {_LONGEST_LAG_SECONDS} seconds")

    def _follow_rerun(self, run: Run, first: Instance) -> None:
        """Watch an instance until its automatic rerun was seen, or it has ended for long enough."""
        history, ended = [first], 0
        for instances in self.thing.looks(run, _MOST_LOOKS):
            history += [item for item in instances if item.id == first.id]
            ended = ended + 1 if history[-1].status in readings.ENDED else 0
            reading = readings.transient_failure(history)
            if reading is not None or ended > _FEW_LOOKS:
                self._tell("transient_failure", reading)
                return

    def _backfill(self) -> None:
        """A backfill of two days, the later of which waits for the earlier: it can be stopped before it runs."""
        last = self.thing.long_past
        backfill = Backfill(
            node_id=self._running_node(),
            first=last - timedelta(days=1),
            last=last,
            hours=(time(23, 50), time(23, 50)),
        )
        run = self.thing.start(
            2,
            backfill.first,
            lambda name: self.patient.hook.backfill_node(backfill, name=name, environment=self.thing.environment),
        )
        self._works("backfill", f"{run.name} was started")
        if self.patient.legacy:
            dags = len(run.remote_dag_ids)
            self._tell("backfill_dags", "single" if dags == 1 else "per_date", f"{dags} remote DAG(s) for two dates")
        instances, _ = self._await_instances(run)
        newest = max(instances, key=lambda item: (item.business_date, item.id))
        if newest.outcome is Outcome.ACTIVE:
            self._refused("restart_active", lambda: self._restart(newest), yes="refuse", no="accept")
        stopped = self._stop(run, newest)
        if self.patient.legacy and stopped.reruns_left is not None:
            self._tell("stopped_reruns", "kept" if stopped.reruns_left else "zero", f"{stopped.reruns_left} left")
        self._refused("stop_finished", lambda: self._ask_to_stop([newest.id]), yes="refuse", no="accept")

    def _restart(self, instance: Instance) -> None:
        self.patient.hook.dataworks.restart_instance(instance.id, self.thing.environment)

    def _ask_to_stop(self, ids: list[int]) -> None:
        for _, refusal in self.patient.hook.dataworks.stop_instances(ids, self.thing.environment):
            if refusal:
                raise refusal

    def _stop(self, run: Run, instance: Instance) -> Instance:
        """Stop what of a run goes on, and return the instance once it has ended."""
        asked = False
        for instances in self.thing.looks(run, _MOST_LOOKS):
            active = [item.id for item in instances if item.status not in readings.ENDED]
            seen = next((item for item in instances if item.id == instance.id), None)
            if seen and not active:
                del self.thing.runs[run.name]
                if asked:
                    self._works("stop", f"what went on of {run.name} was stopped")
                return seen
            if active and not asked:
                self._ask_to_stop(active)
                asked = True
        raise UnanswerableError(f"the {run} has not ended after it was stopped")

    def _future_test(self) -> None:
        """A test whose schedule time is still to come, of a node that may not be run again."""
        self.thing.ensure(replace(self.thing.node, rerun=RerunPolicy(mode="ALL_DENIED", interval_seconds=60)))
        run = self.thing.start(3, self.patient.yesterday, self._start_without_periods)
        first = self._await_instances(run)[0][0]
        reading = self._future(run, first)
        if datetime.now(self.patient.hook.timezone).hour >= _LATEST_HOUR:
            self._leave("the day is too late for it: try before 23:00 of the workspace", "future_test")
        else:
            self._tell("future_test", reading)
        self._stop(run, first)
        self.thing.runs[run.name] = run
        self._refused("restart_rerun_mode", lambda: self._restart(first), yes="governs", no="ignored")

    def _future(self, run: Run, first: Instance) -> str | None:
        for instances in self.thing.looks(run, _FEW_LOOKS):
            first = next((item for item in instances if item.id == first.id), first)
            if readings.began(first):
                return "runs"
        return "waits" if first.status is InstanceStatus.WAIT_TIME else None

    def _start_without_periods(self, name: str) -> Run:
        """Start the test of yesterday; in the new Data Studio without a word of the date, if that is taken."""
        if self.patient.legacy is not None:
            return self._start_test(name)
        request: dict[str, Any] = {
            "project_id": self.patient.workspace.id,
            "name": name,
            "type": "SmokeTest",
            "workflow_id": 1,
            "env_type": self.thing.environment.value.capitalize(),
            "default_run_properties": {"RootTaskIds": [self._running_node()]},
        }
        if self._refused(
            "new_periods_required",
            lambda: self.patient.gateway.write("CreateWorkflowInstances", **request),
            yes="yes",
            no="no",
        ):
            return self._start_test(name)
        for _ in range(_LONGEST_LAG_SECONDS):
            run = self.patient.hook.identify(self.thing.runs[name])
            if run.remote_dag_ids:
                return run
            self.patient.hook.pause(1)
        raise UnanswerableError(f"the {self.thing.runs[name]} is not to be found under the business date of yesterday")

    def _frozen_test(self) -> None:
        """A test of the node once it is frozen."""
        frozen = replace(self.thing.node.schedule, type=SchedulerType.PAUSE)
        self.thing.ensure(replace(self.thing.node, schedule=frozen))
        run = self.thing.start(4, self.thing.long_past, self._start_test)
        first = self._await_instances(run)[0][0]
        for instances in self.thing.looks(run, _FEW_LOOKS):
            seen = next((item for item in instances if item.id == first.id), first)
            if reading := readings.frozen_test(seen):
                self._tell("frozen_test", reading)
                return


def _spec(node: dict[str, Any]) -> str:
    return json.dumps({"version": "1.1.0", "kind": "Node", "spec": {"nodes": [node]}})


def _not_done(check: str, error: PaiDesignerError) -> Finding:
    """A service that says no is a failure; what only was not to be seen is not."""
    verdict = Verdict.FAIL if isinstance(error, ServiceError) else Verdict.UNKNOWN
    return Finding(check=check, verdict=verdict, said=str(error))

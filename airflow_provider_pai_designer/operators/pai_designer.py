"""Operators for PAI Designer nodes.

Airflow parses DAG files over and over, so what only a running task needs is imported where it is used.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.configuration import conf

from airflow_provider_pai_designer.designer.log import log_lines, resolved_parameters
from airflow_provider_pai_designer.designer.run import Instance, Outcome, Run, RunReport, run_name
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    ContentError,
    PaiDesignerError,
    RunFailedError,
    RunOutOfSightError,
    RunStoppedError,
    RunTimeoutError,
    ServiceError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook, configured_timezone
from airflow_provider_pai_designer.monitor.watch import RunWatch, Verdict
from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from airflow_provider_pai_designer.designer.node import EnsuredNode, Node
    from airflow_provider_pai_designer.scheduling import SchedulingParameters

_BACKSTOP = timedelta(days=2)
"""Airflow's own deferral time-out lies this long after our deadline: it stops nothing, so it must never come first."""

_KILL_SECONDS = 4
"""Airflow leaves a killed task five seconds."""

_REASON_LINES = 8
_REASONS = {
    Outcome.ACTIVE: "failed, and the automatic rerun that it had left did not come",
    Outcome.FAILURE: "failed",
    Outcome.FROZEN: "was failed at its start, because the node is frozen (schedule type PAUSE). Unfreeze the node",
    Outcome.DRY_RUN: (
        "reported success without running the pipeline (task type {task_type}). Choose a business date on which the "
        "node is due, a schedule of type NORMAL, and an effective window (schedule start and end) that holds that date"
    ),
    Outcome.UNKNOWN: "ended with the unknown task type {task_type}, which does not count as success",
}


class PaiDesignerNodeOperator(BaseOperator):
    """Make a PAI Designer node be as declared, run a Test of it for one business date, and await the run.

    What the node lacks is done first: it is created, updated, submitted to DEV and, for ``environment="PROD"``,
    deployed; a node that is as declared is left alone. Sources:
    https://www.alibabacloud.com/help/en/dataworks/user-guide/pai-designer-node and
    https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-runsmoketest

    The result (and XCom ``return_value``) is a plain dict: ``node_id``, ``file_id``, ``node`` (what was done to it),
    ``parameters`` (all of the run, expressions where DataWorks evaluates them), ``run_name``, ``environment``,
    ``business_date``, ``remote_dag_ids``, ``outcome``, and ``instances``, a list of dicts with ``instance_id``,
    ``business_date``, ``schedule_time``, ``status``, ``outcome``, ``duration_seconds`` and ``parameters``. ``node_id``,
    ``run_name`` and ``remote_dag_ids`` are XComs of their own from the start of the run.

    :param node_name: name of the node in DataStudio.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param content: the node's content document as text. It is no template, because manifests have braces of their own.
    :param content_file: path of a file with the content instead; relative to the DAG file's folder.
    :param parameters: scheduling parameters of the node, name to expression (``{"dt": "$bizdate"}``).
    :param run_parameters: scheduling parameters of this run alone, laid over ``parameters``; they get their values
        here, at the first schedule time that the node's cron has for the business date.
    :param schedule: how DataWorks schedules the node by itself: a mapping with ``cron``, ``type``, ``start`` and
        ``end`` of the effective window. None: a daily node whose window lies far in the future, so that only Airflow
        starts it.
    :param parents: output names of parent nodes; None for the workspace's root.
    :param rerun: automatic reruns by DataWorks, a mapping with ``mode``, ``times``, ``interval_seconds``.
    :param resource_group: identifier of the scheduling resource group.
    :param node_owner: account id of the node's owner; None for the caller.
    :param description: description of the node.
    :param create_folder: make the folder where it does not exist.
    :param environment: ``DEV`` or ``PROD``. A workspace in basic mode has only ``PROD``, which must be written.
    :param business_date: the day the data is for (``YYYY-MM-DD`` or ``YYYYMMDD``). None: the day before the local date
        of the Airflow run's ``data_interval_end`` (or ``run_after``) in the workspace's time zone.
    :param pai_designer_conn_id: the connection.
    :param workspace: workspace instead of the connection's.
    :param region: region instead of the connection's.
    :param wait_for_completion: False returns once the run has started, whatever ``deferrable`` says.
    :param deferrable: wait in the triggerer, without a worker slot.
    :param poll_interval: seconds between polls.
    :param timeout: seconds after which a run that still goes on is stopped, and the task fails.
    :param stream_logs: show the remote log while the run goes on (in place only); else it is shown at the end.
    """

    template_fields: Sequence[str] = (
        "node_name",
        "folder",
        "content_file",
        "parameters",
        "run_parameters",
        "schedule",
        "parents",
        "rerun",
        "resource_group",
        "node_owner",
        "description",
        "environment",
        "business_date",
        "pai_designer_conn_id",
        "workspace",
        "region",
        "poll_interval",
        "timeout",
    )
    template_fields_renderers = {  # noqa: RUF012
        "parameters": "json",
        "run_parameters": "json",
        "schedule": "json",
        "rerun": "json",
    }
    ui_color = "#ffe9dc"

    def __init__(
        self,
        *,
        node_name: str,
        folder: str,
        content: str | None = None,
        content_file: str | None = None,
        parameters: Mapping[str, str] | None = None,
        run_parameters: Mapping[str, str] | None = None,
        schedule: Mapping[str, Any] | None = None,
        parents: Sequence[str] | None = None,
        rerun: Mapping[str, Any] | None = None,
        resource_group: str | None = None,
        node_owner: str | None = None,
        description: str = "",
        create_folder: bool = False,
        environment: str = Environment.DEV.value,
        business_date: str | date | None = None,
        pai_designer_conn_id: str = PaiDesignerHook.default_conn_name,
        workspace: str | None = None,
        region: str | None = None,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | str = 10,
        timeout: float | str | None = None,
        stream_logs: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.node_name = node_name
        self.folder = folder
        self.content = content
        self.content_file = content_file
        self.parameters = parameters
        self.run_parameters = run_parameters
        self.schedule = schedule
        self.parents = parents
        self.rerun = rerun
        self.resource_group = resource_group
        self.node_owner = node_owner
        self.description = description
        self.create_folder = create_folder
        self.environment = environment
        self.business_date = business_date
        self.pai_designer_conn_id = pai_designer_conn_id
        self.workspace = workspace
        self.region = region
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.stream_logs = stream_logs
        self._run: Run | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Ensure the node, start the run, and await it."""
        from airflow_provider_pai_designer.operators.arguments import read_number

        node = self._declared_node(context)
        business_date = self._business_date(context)
        parameters = self._all_parameters(node, business_date)
        poll_interval = read_number("poll_interval", self.poll_interval, least=0.1)
        timeout = None if self.timeout is None else read_number("timeout", self.timeout, least=1)
        deadline = self._deadline(timeout)
        ensured = self._hook.ensure_node(node, environment=self.environment, create_folder=self.create_folder)
        self._run = self._hook.test_node(
            ensured.node_id,
            business_date=business_date,
            name=self._run_name(context),
            environment=self.environment,
            parameters=parameters if self.run_parameters else None,
        )
        self._end_if_killed(self._run)
        started = _started(self._run, ensured, parameters)
        for key in ("node_id", "run_name", "remote_dag_ids"):
            context["ti"].xcom_push(key=key, value=started[key])
        if not self.wait_for_completion:
            return started
        if self.deferrable:
            self._defer(started, poll_interval, deadline)
        verdict, shown = self._wait(self._run, RunWatch(poll_interval=poll_interval, deadline=deadline))
        return self._finish(started, verdict, shown)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume after deferral: read what became of the run, and answer for it."""
        if not event or "verdict" not in event or "run" not in event:
            raise RunOutOfSightError(
                f"The trigger came back without saying what it saw ({event!r}). The run was left alone: look for it in "
                "Operation Center, then clear or mark this task."
            )
        self._run = Run.from_dict(event["run"])
        return self._finish(event["run"], Verdict(event["verdict"]), {}, message=event.get("message") or "")

    def on_kill(self) -> None:
        """Stop the run, if one was started; nothing is started any more."""
        # In a thread of its own: this is a signal handler, and may have interrupted a call that holds the same locks.
        stopper = Thread(target=self._release, args=(self._run,), name="pai_designer-stop")
        stopper.start()
        stopper.join(timeout=_KILL_SECONDS)

    def _release(self, run: Run | None) -> None:
        self._hook.release()
        if run is not None:
            self._stop(run)

    def _end_if_killed(self, run: Run) -> None:
        """End a task that was killed while the run was being asked for; ``on_kill`` could not know of the run."""
        try:
            self._hook.pause(0)
        except RunStoppedError:
            self._stop(run)
            raise

    @cached_property
    def _hook(self) -> PaiDesignerHook:
        return PaiDesignerHook(self.pai_designer_conn_id, workspace=self.workspace, region=self.region)

    def _declared_node(self, context: Context) -> Node:
        """Build the node from the arguments; nothing is sent."""
        from airflow_provider_pai_designer.designer.content import NodeContent
        from airflow_provider_pai_designer.designer.node import Node
        from airflow_provider_pai_designer.operators.arguments import (
            read_names,
            read_parameters,
            read_rerun_policy,
            read_schedule,
            read_text,
        )
        from airflow_provider_pai_designer.scheduling import SchedulingParameters

        schedule = read_schedule(self.schedule)
        schedule.check_runnable()
        node = Node(
            name=read_text("node_name", self.node_name),
            folder=read_text("folder", self.folder),
            content=NodeContent.parse(self._read_content(context)).completed().render(),
            parameters=SchedulingParameters.from_mapping(read_parameters("parameters", self.parameters)),
            schedule=schedule,
            parents=read_names("parents", self.parents),
            rerun=read_rerun_policy(self.rerun),
            resource_group=self.resource_group,
            owner=None if self.node_owner is None else read_text("node_owner", self.node_owner),
            description=str(self.description or ""),
        )
        node.check()
        return node

    def _read_content(self, context: Context) -> str:
        if (self.content is None) == (self.content_file is None):
            raise ConfigurationError("Give the node's content either as content= or as content_file=.")
        if self.content is not None and not isinstance(self.content, str):
            raise ConfigurationError(
                f"content must be text, not {type(self.content).__name__}: it is no template, so what another task "
                "returned cannot stand here. Write it to a file and give content_file=, or map the task over it."
            )
        if self.content is not None:
            return self.content
        path = Path(context["dag"].fileloc).parent / str(self.content_file)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ContentError(
                f"The content file {str(path)!r} cannot be read ({error}); a relative path starts at the folder of the "
                "DAG file."
            ) from None

    def _business_date(self, context: Context) -> date:
        from airflow_provider_pai_designer.operators.arguments import read_business_date
        from airflow_provider_pai_designer.scheduling.run_times import read_run_times

        timezone = self._hook.timezone
        if (configured := configured_timezone()) != timezone.key:
            self.log.info(
                "Dates are days in %s, the connection's time zone; [pai_designer] timezone is %s, so give macros "
                "conn_id=%r or tz=%r.",
                timezone.key,
                configured,
                self.pai_designer_conn_id,
                timezone.key,
            )
        today = datetime.now(timezone).date()
        if self.business_date is not None:
            business_date = read_business_date(self.business_date, today=today)
        else:
            business_date = read_run_times(dict(context), timezone=timezone.key).business_date
        if business_date == today:
            self.log.warning(
                "The business date is today, %s: its data is not complete, and the node's schedule time is tomorrow. A "
                "partitioned timetable needs run_offset=-1 for the day before.",
                business_date,
            )
        return business_date

    def _all_parameters(self, node: Node, business_date: date) -> SchedulingParameters:
        """All scheduling parameters of the run, compared with the variables of its pipeline."""
        from airflow_provider_pai_designer.designer.content import NodeContent
        from airflow_provider_pai_designer.designer.run_parameters import (
            check_variables,
            complete_parameters,
            first_schedule_time,
        )
        from airflow_provider_pai_designer.operators.arguments import read_parameters

        parameters = node.parameters
        if for_run := read_parameters("run_parameters", self.run_parameters):
            moment = first_schedule_time(business_date, node.schedule.cron, self._hook.timezone)
            parameters = complete_parameters(parameters, for_run, schedule_time=moment)
            self.log.info("Scheduling parameters of this run: %s", parameters.render())
        for warning in check_variables(NodeContent.parse(node.content), parameters):
            self.log.warning("%s", warning)
        return parameters

    def _deadline(self, timeout: float | None) -> float | None:
        """Epoch seconds at which waiting ends; Airflow does not apply ``execution_timeout`` to a deferred task."""
        limits = [] if timeout is None else [timeout]
        if self.deferrable and self.execution_timeout is not None:
            limits.append(self.execution_timeout.total_seconds())
        return time.time() + min(limits) if limits else None

    def _run_name(self, context: Context) -> str:
        ti: Any = context["ti"]
        identity = (ti.dag_id, ti.run_id, ti.task_id, ti.map_index, getattr(ti, "max_tries", 0))
        return run_name(f"{ti.dag_id}.{ti.task_id}", identity, ti.try_number)

    def _defer(self, started: dict[str, Any], poll_interval: float, deadline: float | None) -> NoReturn:
        self.defer(
            trigger=PaiDesignerRunTrigger(
                pai_designer_conn_id=self.pai_designer_conn_id,
                run=started,
                workspace=self.workspace,
                region=self.region,
                poll_interval=poll_interval,
                deadline=deadline,
            ),
            method_name=self.execute_complete.__name__,
            timeout=None if deadline is None else timedelta(seconds=max(0, deadline - time.time())) + _BACKSTOP,
        )

    def _wait(self, run: Run, watch: RunWatch) -> tuple[Verdict, dict[int, str]]:
        """Poll in place until the watch has something to say.

        :return: the verdict, and by instance id what was shown of its log already.
        """
        shown: dict[int, str] = {}
        while True:
            try:
                instances = self._hook.list_instances(run)
                verdict = watch.observe(instances, now=time.time())
                if self.stream_logs:
                    begun = tuple(instance for instance in instances if instance.started)
                    self._show_logs(RunReport(run=run, instances=begun), shown)
            except ServiceError as error:
                verdict = watch.miss(error, now=time.time())
            if verdict is not Verdict.WAIT:
                return verdict, shown
            self._hook.pause(watch.pause(now=time.time()))

    def _finish(
        self, started: Mapping[str, Any], verdict: Verdict, shown: dict[int, str], message: str = ""
    ) -> dict[str, Any]:
        """Say how the run ended: return the result of a good run, raise for any other."""
        run = Run.from_dict(started)
        if verdict is Verdict.OUT_OF_SIGHT:
            raise RunOutOfSightError(
                f"The run {run.name} of node {run.node_id} could not be looked at for an hour, and was left alone: "
                f"look for it in Operation Center. The last answer was: {message}"
            )
        report = self._look(run)
        logs = self._show_logs(report, shown)
        if verdict is Verdict.DEADLINE and report.outcome is Outcome.ACTIVE:
            raise RunTimeoutError(
                f"The run {run.name} of node {run.node_id} was still going when its time was up. {self._stop(run)} "
                "Raise timeout (or execution_timeout), or look at the log above for what it waited for."
            )
        for instance in report.instances:
            self._compare_parameters(instance, logs.get(instance.id, ""), started.get("parameters", ""))
        if report.outcome is not Outcome.SUCCESS:
            raise RunFailedError(_failure(report, logs))
        return {**started, **report.to_dict()}

    def _look(self, run: Run) -> RunReport:
        """Read what the run has come to, through weather; a good run is not failed because the service is away."""
        watch = RunWatch(poll_interval=5)
        while True:
            try:
                return self._hook.get_run(run)
            except ServiceError as error:
                if watch.miss(error, now=time.time()) is Verdict.OUT_OF_SIGHT:
                    raise
                self._hook.pause(watch.pause(now=time.time()))

    def _compare_parameters(self, instance: Instance, log: str, expected: str) -> None:
        """Say which values DataWorks gave to the scheduling parameters, and warn of those that are not ours."""
        from airflow_provider_pai_designer.designer.run_parameters import differences
        from airflow_provider_pai_designer.scheduling import SchedulingParameters

        if (values := resolved_parameters(log)) is None:
            return
        self.log.info("Instance %s ran with the scheduling parameters %s", instance.id, values)
        if instance.schedule_time is None:
            return
        parameters = SchedulingParameters.parse(expected, strict=False)
        for difference in differences(parameters, values, schedule_time=instance.schedule_time):
            self.log.warning("Instance %s: %s", instance.id, difference)

    def _show_logs(self, report: RunReport, shown: dict[int, str]) -> dict[int, str]:
        """Write what is new in the remote logs into the task log, and return the logs by instance id."""
        logs: dict[int, str] = {}
        for instance in report.instances:
            try:
                text = self._hook.get_log(instance, report.run.environment)
            except ServiceError as error:
                self.log.warning("The log of instance %s cannot be read: %s", instance.id, error)
                continue
            logs[instance.id] = text
            old = shown.get(instance.id, "")
            # An automatic rerun begins a log of its own; whatever it begins with, it is shown whole.
            if new := text.removeprefix(old) if text.startswith(old) else text:
                self.log.info("Log of instance %s:", instance.id)
                for line in log_lines(new):
                    self.log.info("%s", line)
            shown[instance.id] = text
        return logs

    def _stop(self, run: Run) -> str:
        """Ask for the run to be stopped, and say in a sentence what came of that."""
        try:
            stopped = self._hook.stop_run(run)
        except PaiDesignerError as error:
            self.log.error("The run %s could not be stopped: %s", run.name, error)
            return f"It could not be stopped, so stop it in Operation Center: {error}"
        return f"DataWorks was asked to stop {len(stopped)} instance(s)." if stopped else "It had ended by itself."


def _started(run: Run, ensured: EnsuredNode, parameters: SchedulingParameters) -> dict[str, Any]:
    return {
        **run.to_dict(),
        "file_id": ensured.file_id,
        "node": ensured.summary,
        "parameters": parameters.render(),
    }


def _failure(report: RunReport, logs: Mapping[int, str]) -> str:
    """Say what went wrong: every instance that did not succeed, with the last lines of its log."""
    parts = [f"The run {report.run.name} of node {report.run.node_id} did not succeed."]
    for instance in report.instances:
        if instance.outcome is Outcome.SUCCESS:
            continue
        reason = _REASONS[instance.outcome].format(task_type=instance.task_type.value)
        last = [line[:500] for line in logs.get(instance.id, "").splitlines() if line.strip()][-_REASON_LINES:]
        parts.append(f"Instance {instance.id} (business date {instance.business_date}) {reason}.")
        parts += [f"Its log ends: {' | '.join(last)}"] if last else []
    return " ".join(parts)

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
    RunFailedError,
    RunOutOfSightError,
    RunTimeoutError,
    ServiceError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.monitor.watch import RunWatch, Verdict
from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from airflow_provider_pai_designer.designer.node import EnsuredNode, Node

_BACKSTOP = timedelta(days=2)
"""Airflow's own deferral time-out lies this long after our deadline: it stops nothing, so it must never come first."""

_KILL_SECONDS = 4
"""Airflow leaves a killed task five seconds."""

_REASON_LINES = 8
_REASONS = {
    Outcome.FAILURE: "failed",
    Outcome.FROZEN: "was failed at its start, because the node is frozen (schedule type PAUSE). Unfreeze the node",
    Outcome.DRY_RUN: (
        "reported success without running the pipeline (task type {task_type}). Choose a business date on which the "
        "node is due, and a schedule of type NORMAL"
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
    ``run_name``, ``environment``, ``business_date``, ``remote_dag_ids``, ``outcome``, and ``instances``, a list of
    dicts with ``instance_id``, ``business_date``, ``schedule_time``, ``status``, ``outcome``, ``duration_seconds`` and
    ``parameters``. ``node_id``, ``run_name`` and ``remote_dag_ids`` are XComs of their own from the start of the run.

    :param node_name: name of the node in DataStudio.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param content: the node's content document as text. It is no template, because manifests have braces of their own.
    :param content_file: path of a file with the content instead; relative to the DAG file's folder.
    :param parameters: scheduling parameters of the node, name to expression (``{"dt": "$bizdate"}``).
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
    template_fields_renderers = {"parameters": "json", "schedule": "json", "rerun": "json"}  # noqa: RUF012
    ui_color = "#ffe9dc"

    def __init__(
        self,
        *,
        node_name: str,
        folder: str,
        content: str | None = None,
        content_file: str | None = None,
        parameters: Mapping[str, str] | None = None,
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
        poll_interval = read_number("poll_interval", self.poll_interval, least=0.1)
        deadline = self._deadline(None if self.timeout is None else read_number("timeout", self.timeout))
        ensured = self._hook.ensure_node(node, environment=self.environment, create_folder=self.create_folder)
        self._run = self._hook.test_node(
            ensured.node_id,
            business_date=business_date,
            name=self._run_name(context),
            environment=self.environment,
        )
        started = _started(self._run, ensured)
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
        """Stop the run, if one was started."""
        self._hook.release()
        if self._run is None:
            return
        # In a thread of its own: this is a signal handler, and may have interrupted a call that holds the same locks.
        stopper = Thread(target=self._stop, args=(self._run,), name="pai_designer-stop")
        stopper.start()
        stopper.join(timeout=_KILL_SECONDS)

    @cached_property
    def _hook(self) -> PaiDesignerHook:
        return PaiDesignerHook(self.pai_designer_conn_id, workspace=self.workspace, region=self.region)

    def _declared_node(self, context: Context) -> Node:
        """Build the node from the arguments; nothing is sent."""
        from airflow_provider_pai_designer.designer.node import Node
        from airflow_provider_pai_designer.operators.arguments import read_parameters, read_rerun_policy, read_schedule
        from airflow_provider_pai_designer.scheduling import SchedulingParameters

        schedule = read_schedule(self.schedule)
        schedule.check_runnable()
        node = Node(
            name=self.node_name,
            folder=self.folder,
            content=self._read_content(context),
            parameters=SchedulingParameters.from_mapping(read_parameters(self.parameters)),
            schedule=schedule,
            parents=tuple(self.parents or ()),
            rerun=read_rerun_policy(self.rerun),
            resource_group=self.resource_group,
            owner=self.node_owner,
            description=self.description,
        )
        node.check()
        return node

    def _read_content(self, context: Context) -> str:
        if (self.content is None) == (self.content_file is None):
            raise ConfigurationError("Give the node's content either as content= or as content_file=.")
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
        from airflow_provider_pai_designer.scheduling import business_date_for

        timezone = self._hook.timezone
        if self.business_date is not None:
            return read_business_date(self.business_date, today=datetime.now(timezone).date())
        dag_run: Any = context["dag_run"]
        return business_date_for(
            run_after=dag_run.run_after,
            data_interval_end=dag_run.data_interval_end,
            partition_date=context.get("partition_date"),
            timezone=timezone.key,
        )

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
                    self._show_logs([instance for instance in instances if instance.started], shown)
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
        report = self._hook.get_run(run)
        logs = self._show_logs(report.instances, shown)
        if verdict is Verdict.DEADLINE and report.outcome is Outcome.ACTIVE:
            self._hook.stop_run(run)
            raise RunTimeoutError(
                f"The run {run.name} of node {run.node_id} was still going when its time was up, and was asked to "
                "stop. Raise timeout (or execution_timeout), or look at the log above for what it waited for."
            )
        if report.outcome is not Outcome.SUCCESS:
            raise RunFailedError(_failure(report, logs))
        for instance in report.instances:
            if (values := resolved_parameters(logs.get(instance.id, ""))) is not None:
                self.log.info("Instance %s ran with the scheduling parameters %s", instance.id, values)
        return {**started, **report.to_dict()}

    def _show_logs(self, instances: Sequence[Instance], shown: dict[int, str]) -> dict[int, str]:
        """Write what is new in the remote logs into the task log, and return the logs by instance id."""
        logs: dict[int, str] = {}
        for instance in instances:
            try:
                text = self._hook.get_log(instance, self.environment)
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

    def _stop(self, run: Run) -> None:
        try:
            self._hook.stop_run(run)
        except ServiceError as error:
            self.log.error("The run %s could not be stopped, stop it in Operation Center: %s", run.name, error)


def _started(run: Run, ensured: EnsuredNode) -> dict[str, Any]:
    return {**run.to_dict(), "file_id": ensured.file_id, "node": ensured.summary}


def _failure(report: RunReport, logs: Mapping[int, str]) -> str:
    """Say what went wrong: every instance that did not succeed, with the last lines of its log."""
    parts = [f"The run {report.run.name} of node {report.run.node_id} did not succeed."]
    for instance in report.instances:
        if instance.outcome is Outcome.SUCCESS:
            continue
        reason = _REASONS.get(instance.outcome, "did not end").format(task_type=instance.task_type.value)
        last = [line for line in logs.get(instance.id, "").splitlines() if line.strip()][-_REASON_LINES:]
        parts.append(f"Instance {instance.id} (business date {instance.business_date}) {reason}.")
        parts += [f"Its log ends: {' | '.join(last)}"] if last else []
    return " ".join(parts)

"""What operators have in common: the connection, the dates, and how a run is started, awaited and answered for.

Airflow parses DAG files over and over, so what only a running task needs is imported where it is used.
"""

from __future__ import annotations

import json
import math
import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property, partial
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Protocol, TypeVar

from airflow.sdk import BaseOperator
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowTaskTimeout

from airflow_provider_pai_designer.designer.log import InstanceLog, resolved_parameters
from airflow_provider_pai_designer.designer.run import (
    Asked,
    Instance,
    Observed,
    Outcome,
    Run,
    RunReport,
    is_full_and_ended,
    next_part,
    with_part,
    young_dags,
)
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.exceptions import (
    NotFoundError,
    PaiDesignerError,
    RunFailedError,
    RunOutOfSightError,
    RunStoppedError,
    RunTimeoutError,
    ServiceError,
)
from airflow_provider_pai_designer.hooks.context import business_date_of
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.hooks.reporting import explain_failure, show_logs
from airflow_provider_pai_designer.links.pai_designer import LINKS, push_links
from airflow_provider_pai_designer.monitor.ownership import answer_within, has_ended, is_running
from airflow_provider_pai_designer.monitor.watch import OUTAGE_SECONDS, RunWatch, Verdict
from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger, RunTrigger

if TYPE_CHECKING:
    from datetime import date

    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import BaseOperatorLink, Context

BACKSTOP = timedelta(days=2)
"""Airflow's own deferral time-out lies this long after our deadline: it stops nothing, so it must never come first."""

_KILL_SECONDS = 4
"""Airflow leaves a killed task five seconds."""

_QUESTION_SECONDS = 1.0
_STOP_SECONDS, _STOP_PAUSE_SECONDS = 60.0, 2.0
_DEFERRED = "deferred_run"
"""The XCom that brings a run over a deferral."""
_Result = TypeVar("_Result")


class _GoesOnError(Exception):
    """A run that was seen to have ended has not: a list may show a part of its instances."""


class PaiDesignerOperator(BaseOperator):
    """A task with a connection to DataWorks.

    :param pai_designer_conn_id: the connection.
    :param workspace: workspace instead of the connection's.
    :param region: region instead of the connection's.
    """

    template_fields: Sequence[str] = ("pai_designer_conn_id", "workspace", "region")
    operator_extra_links: Collection[BaseOperatorLink] = LINKS
    ui_color = "#ffe9dc"
    environment: str = Environment.PROD.value
    """Where a task works that names no environment."""

    def __init__(
        self,
        *,
        pai_designer_conn_id: str = PaiDesignerHook.default_conn_name,
        workspace: str | None = None,
        region: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pai_designer_conn_id = pai_designer_conn_id
        self.workspace = workspace
        self.region = region
        self._links_shown: Mapping[str, str] = {}

    @cached_property
    def _hook(self) -> PaiDesignerHook:
        return PaiDesignerHook(self.pai_designer_conn_id, workspace=self.workspace, region=self.region)

    def on_kill(self) -> None:
        """Begin nothing any more."""
        self._hook.release()

    @property
    def _environment(self) -> str:
        """The environment to which the task's links lead."""
        return self.environment

    @property
    def _linked_run(self) -> Run | None:
        """The run to which the task's links lead, None where it has none (yet)."""
        return None

    @contextmanager
    def _showing_links(self, context: Context) -> Iterator[None]:
        """Show the way to the consoles, however the block ends."""
        try:
            yield
        finally:
            self._show_links(context)

    def _show_links(self, context: Context) -> None:
        """Show the way to the consoles, if it is known by now."""
        self._links_shown = push_links(
            context["ti"], self._hook, self.operator_extra_links, self._addresses, shown=self._links_shown
        )

    def _addresses(self) -> Mapping[str, str]:
        """Where the task's links lead, by their names, as far as that is known."""
        return self._hook.console_addresses(self._environment, self._linked_run)

    def _business_date(self, context: Context, given: object, name: str = "business_date") -> date:
        """Read a business date that was given, else tell that of the Airflow run."""
        return business_date_of(self._hook, context, given, name=name)


class Report(Protocol):
    """What has become of a run.

    :var goes_on: whether something of it is sure to come.
    """

    @property
    def outcome(self) -> Outcome: ...
    @property
    def goes_on(self) -> bool: ...


class AwaitOperator(PaiDesignerOperator, Generic[Asked]):
    """A task that awaits a run, in place or deferred, and answers for it.

    :param wait_for_completion: False returns once the run has started, whatever ``deferrable`` says.
    :param deferrable: wait in the triggerer, without a worker slot.
    :param poll_interval: seconds between polls; None for a tenth of the run's age, between 10 and 60 seconds.
    :param timeout: seconds after which a run that still goes on is stopped, and the task fails.
    :param stream_logs: show the remote log while the run goes on (in place only); else it is shown at the end.
    :param cancel_on_kill: stop the run when the task is cleared, marked or timed out; False leaves it to itself.
    :param outage_timeout: seconds for which the run may be out of sight before the task gives up, and leaves it alone.
    """

    template_fields: Sequence[str] = (
        *PaiDesignerOperator.template_fields,
        "poll_interval",
        "timeout",
        "outage_timeout",
    )
    _service: ClassVar[str] = "DataWorks"
    _console: ClassVar[str] = "Operation Center"
    """Where people see the run."""

    _told_at_once: ClassVar[tuple[str, ...]] = ("run_name",)
    """What of the result is an XCom of its own from the start of the run."""

    def __init__(
        self,
        *,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | str | None = None,
        timeout: float | str | None = None,
        stream_logs: bool = False,
        cancel_on_kill: bool = True,
        outage_timeout: float | str = OUTAGE_SECONDS,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.stream_logs = stream_logs
        self.cancel_on_kill = cancel_on_kill
        self.outage_timeout = outage_timeout
        self._run: Asked | None = None
        self._started: Mapping[str, Any] = {}
        self._seen: Sequence[Any] = ()
        self._hurries = False
        self._is_left = False
        self._is_running: Callable[[], bool] = lambda: False
        self._has_ended: Callable[[], bool] = lambda: False
        self._say_name: Callable[[str], None] = lambda _: None

    def execute(self, context: Context) -> dict[str, Any]:
        """Begin, and await the run."""
        self._attach(context["ti"])
        self._seen = ()
        waiting = self._read_waiting()
        # Whatever could keep the task from deferring shows before a run is started.
        json.dumps(self._trigger({}, waiting).serialize())
        with self._showing_links(context):
            started = self._started = self._begin(context)
            self._run = self._read_run(started)
        for key in self._told_at_once:
            context["ti"].xcom_push(key=key, value=started[key])
        if not self.wait_for_completion:
            return started
        if self.deferrable:
            context["ti"].xcom_push(key=_DEFERRED, value={"epoch": context["ti"].max_tries, "run": started})
            self._defer(started, waiting)
        watch = RunWatch(**waiting)
        while True:
            verdict = self._wait(self._run, watch)
            with suppress(_GoesOnError):
                return self._finish(started, verdict)
            self._seen = ()

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume after deferral: read what became of the run, and answer for it; wait on if it goes on after all."""
        ti = context["ti"]
        kept = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index, key=_DEFERRED)
        if kept is None:
            raise RunOutOfSightError(
                f"The XCom {_DEFERRED!r} of this task is gone, so its run was left alone: look for "
                f"{(event or {}).get('run_name')} in {self._console}, then clear this task; a retry joins the run."
            )
        if kept["epoch"] != ti.max_tries:
            # Airflow resumes where it was when it was cleared; what the user wants is another run.
            self.log.info("The task was cleared while it resumed, so it begins anew.")
            return self.execute(context)
        started = kept["run"]
        run = self._read_run(started)
        if not event or "verdict" not in event:
            raise RunOutOfSightError(
                f"The trigger came back without saying what it saw ({event!r}). The {run} was left alone: look for it "
                f"in {self._console}, then clear or mark this task."
            )
        self._attach(context["ti"])
        self._run = run
        try:
            return self._finish(
                started,
                Verdict(event["verdict"]),
                message=event.get("message") or "",
                stopped=bool(event.get("stopped")),
            )
        except _GoesOnError:
            self.log.info("The %s goes on; waiting again.", run)
            self._defer(started, event["waiting"])

    def on_kill(self) -> None:
        """Stop the run, if one was started; nothing is started any more."""
        # In a thread of its own: this is a signal handler, and may have interrupted a call that holds the same locks.
        timed_out = isinstance(sys.exception(), AirflowTaskTimeout)
        stopper = Thread(target=self._release, args=(self._run, timed_out), name="pai_designer-stop")
        stopper.start()
        # Airflow kills a process that does not end soon after its signal; a time-out is its own, and can wait.
        stopper.join(timeout=None if timed_out else _KILL_SECONDS)

    def _attach(self, ti: Any) -> None:
        """Keep the ways to talk to Airflow about this task."""
        self._is_running = partial(is_running, ti)
        self._has_ended = partial(has_ended, ti)
        self._say_name = lambda name: ti.xcom_push(key="run_name", value=name)

    @abstractmethod
    def _begin(self, context: Context) -> dict[str, Any]:
        """Start or find the run, and return what its ``to_dict`` gives, with more if there is more to say."""

    @abstractmethod
    def _read_run(self, started: Mapping[str, Any]) -> Asked:
        """Read the run in what :meth:`_begin` returned."""

    @abstractmethod
    def _trigger(self, started: dict[str, Any], waiting: Mapping[str, Any]) -> RunTrigger:
        """Make the trigger that awaits the run."""

    @abstractmethod
    def _look(self, run: Asked) -> tuple[Sequence[Observed], bool]:
        """Look at the run once, and show what is to be shown of it while it goes on.

        :return: what is seen of it, and whether that is all there is.
        """

    @abstractmethod
    def _read_outcome(self, run: Asked) -> Outcome:
        """Tell what a run has come to.

        :raises NotFoundError: the service does not know it (any more).
        """

    @abstractmethod
    def _report(self, run: Asked) -> Any:
        """Read what has become of the run: a :class:`Report`."""

    @abstractmethod
    def _conclude(self, started: Mapping[str, Any], report: Any) -> dict[str, Any]:
        """Return the result of a run that ended well; raise for any other."""

    @abstractmethod
    def _show_end(self, report: Any) -> None:
        """Show what was not shown of the run yet, however it ended."""

    @abstractmethod
    def _ask_to_stop(self, run: Asked) -> str:
        """Ask for the run to be stopped.

        :return: a sentence on what was asked; empty where it had ended.
        """

    def _release(self, run: Asked | None, timed_out: bool) -> None:
        self._hook.release()
        if run is None or not self.cancel_on_kill:
            return
        if not timed_out and answer_within(_QUESTION_SECONDS, self._is_running):
            # A worker that is shut down sends the same signal; the next try finds the run.
            self.log.warning("The task goes on for Airflow, so only this process ends: the %s is left running.", run)
            self._is_left = True
            return
        self._stop(run)

    def _read_waiting(self) -> dict[str, Any]:
        """How to wait: what :class:`RunWatch` takes."""
        from airflow_provider_pai_designer.hooks.arguments import read_number

        timeout = None if self.timeout is None else read_number("timeout", self.timeout, least=1)
        return {
            "poll_interval": None
            if self.poll_interval is None
            else read_number("poll_interval", self.poll_interval, least=0.1),
            "deadline": self._deadline(timeout),
            "outage_seconds": read_number("outage_timeout", self.outage_timeout, least=1),
            "since": time.time(),
        }

    def _deadline(self, timeout: float | None) -> float | None:
        """Epoch seconds at which waiting ends; Airflow does not apply ``execution_timeout`` to a deferred task."""
        limits = [] if timeout is None else [timeout]
        if self.deferrable and self.execution_timeout is not None:
            limits.append(self.execution_timeout.total_seconds())
        return time.time() + min(limits) if limits else None

    def _defer(self, started: dict[str, Any], waiting: Mapping[str, Any]) -> NoReturn:
        if answer_within(_QUESTION_SECONDS, self._has_ended):
            # Airflow defers no task that was marked a moment ago, and no process is left that could stop its run.
            run = self._read_run(started)
            done = self._stop_if_ours(run)
            raise RunStoppedError(f"The task was marked while it began to wait for the {run}. {done}")
        deadline = waiting["deadline"]
        self.defer(
            trigger=self._trigger(started, waiting),
            method_name=self.execute_complete.__name__,
            timeout=None if deadline is None else timedelta(seconds=max(0, deadline - time.time())) + BACKSTOP,
        )

    @property
    def _trigger_arguments(self) -> dict[str, Any]:
        """What every trigger of this task needs to speak to the service, and to know whose the run is."""
        return {
            "pai_designer_conn_id": self.pai_designer_conn_id,
            "workspace": self.workspace,
            "region": self.region,
            "cancel_on_kill": self.cancel_on_kill,
        }

    def _wait(self, run: Asked, watch: RunWatch) -> Verdict:
        """Poll in place until the watch has something to say."""
        while True:
            self._hurries = False
            try:
                with self._hook.one_attempt():
                    self._seen, complete = self._look(run)
                verdict = watch.observe(self._seen, now=time.time(), complete=complete)
            except ServiceError as error:
                verdict = watch.miss(error, now=time.time())
            if verdict is not Verdict.WAIT:
                return verdict
            self._hook.pause(0.0 if self._hurries else watch.pause(now=time.time()))

    def _finish(
        self, started: Mapping[str, Any], verdict: Verdict, *, message: str = "", stopped: bool = False
    ) -> dict[str, Any]:
        """Say how the run ended: return the result of a good run, raise for any other.

        :param message: why the run could not be seen.
        :param stopped: whether the run was asked to stop already.
        """
        run = self._read_run(started)
        if verdict is Verdict.OUT_OF_SIGHT:
            raise RunOutOfSightError(
                f"The {run} could not be looked at for too long, and was left alone: look for it in {self._console}. "
                f"The last answer was: {message}"
            )
        self._started = started
        report: Report = self._through_weather(lambda: self._report(run), begun=True)
        if verdict is Verdict.ENDED and report.goes_on:
            raise _GoesOnError
        self._show_end(report)
        late = report.outcome is Outcome.ACTIVE or (stopped and report.outcome is not Outcome.SUCCESS)
        if verdict is Verdict.DEADLINE and late:
            # A fence: a process whose supervisor is dead fails here, and stops nothing that the next try has joined.
            self._say_name(run.name)
            done = f"{self._service} was asked to stop it." if stopped else self._stop_if_ours(run)
            if self.cancel_on_kill:
                with suppress(ServiceError):
                    # The next try must not join a run that is about to end.
                    self._await_end(run, patience=_STOP_SECONDS)
            raise RunTimeoutError(
                f"The {run} was still going when its time was up. {done} Raise timeout (or execution_timeout), or look "
                "at the log above for what it waited for."
            )
        return {**started, **self._conclude(started, report)}

    def _outcome(self, run: Asked, *, patience: float = math.inf) -> Outcome | None:
        """What a run has come to; None where the service knows no such run (any more)."""
        if not run.is_known:
            return None
        try:
            return self._through_weather(lambda: self._read_outcome(run), patience=patience)
        except NotFoundError:
            return None

    def _await_end(self, run: Asked, *, patience: float = math.inf) -> bool:
        """Wait until a run that was asked to stop has ended, so that two never write the same partition.

        :param patience: seconds for which it may be out of sight, where that is less than ``outage_timeout``.
        :return: whether it has; no more is waited for that than a minute.
        """
        until = time.time() + _STOP_SECONDS
        while self._outcome(run, patience=patience) is Outcome.ACTIVE:
            if time.time() > until:
                self.log.warning("The %s still goes on, a minute after it was asked to stop.", run)
                return False
            self._hook.pause(_STOP_PAUSE_SECONDS)
        self.log.info("The %s has ended.", run)
        return True

    def _through_weather(
        self,
        look: Callable[[], _Result],
        *,
        begun: bool = False,
        writes: bool = False,
        patience: float = math.inf,
    ) -> _Result:
        """Look until something is seen; nothing is decided because the service is away for a while.

        :param writes: whether looking changes something, so that it is not repeated if it may have been done.
        :param begun: whether the run was seen before, so that a clear no may pass too, as it may in a poll.
        :param patience: seconds to look for, where that is less than ``outage_timeout``.
        """
        from airflow_provider_pai_designer.hooks.arguments import read_number

        outage = read_number("outage_timeout", self.outage_timeout, least=1)
        watch = RunWatch(poll_interval=5, outage_seconds=min(outage, patience))
        while True:
            try:
                return look()
            except ServiceError as error:
                done = writes and error.acted
                if done or not (error.retryable or begun) or watch.miss(error, now=time.time()) is Verdict.OUT_OF_SIGHT:
                    raise
                self._hook.pause(watch.pause(now=time.time()))

    def _stop_if_ours(self, run: Asked) -> str:
        return self._stop(run) if self.cancel_on_kill else "It was left alone, because cancel_on_kill is False."

    def _stop(self, run: Asked) -> str:
        """Ask for the run to be stopped, and say in a sentence what came of that."""
        try:
            return self._ask_to_stop(run) or "It had ended by itself."
        except PaiDesignerError as error:
            self.log.error("The %s could not be stopped: %s", run, error)
            return f"It could not be stopped, so stop it in {self._console}: {error}"


class RunOperator(AwaitOperator[Run]):
    """A task that awaits a run of a node.

    The result (and XCom ``return_value``) is a plain dict: ``run_name``, ``node_id``, ``environment``,
    ``business_date``, ``last_business_date`` (of a backfill), ``remote_dag_ids``, ``outcome``, and ``instances``, a
    list of dicts with ``instance_id``, ``business_date``, ``schedule_time``, ``status``, ``outcome``,
    ``duration_seconds`` and ``parameters``. ``node_id``, ``run_name`` and ``remote_dag_ids`` are XComs of their own
    from the start of the run.

    :param partitioned_outlets: emit an asset event for each business date, with the day as its partition (Airflow 3.3);
        False emits one event without, for DAGs with ``schedule=[asset]``.
    """

    writes_tables: ClassVar[bool] = True
    """Whether the tables of the node are read and written by this task."""

    _told_at_once = ("node_id", "run_name", "remote_dag_ids")

    def __init__(self, *, partitioned_outlets: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.partitioned_outlets = partitioned_outlets
        self._ended: RunReport | None = None
        self._values: dict[int, str] = {}
        self._last_dag = 0
        self._shown: dict[int, str] = {}
        self._read: set[tuple[int, int | None]] = set()
        self._logs: dict[int, InstanceLog] = {}

    @property
    def _environment(self) -> str:
        return self._run.environment if self._run else self.environment

    def post_execute(self, context: Any, result: Any = None) -> None:
        """Say in the events of the task's assets for which business dates there is new data."""
        super().post_execute(context, result)
        if not self.outlets or not self.writes_tables or self._run is None:
            return
        from airflow_provider_pai_designer.hooks.assets import describe_outlets

        ended = sorted({item.business_date for item in self._ended.own_instances}) if self._ended else []
        describe_outlets(
            context,
            self.outlets,
            run=self._run.identity,
            business_dates=ended or self._run.business_dates,
            timezone=self._hook.timezone.key,
            partitioned=self.partitioned_outlets,
        )

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage the tables, as far as they are known without asking the service."""
        return self._lineage(may_ask=False)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Tell OpenLineage the tables, their partitions and the run; one call at most asks for the node's content."""
        return self._lineage(may_ask=True)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Tell the same of a run that did not succeed, as far as there is one."""
        return self._lineage(may_ask=True)

    def _lineage(self, *, may_ask: bool) -> OperatorLineage[Any, Any]:
        """Answer OpenLineage; who does not use it never comes here."""
        from airflow_provider_pai_designer.operators.lineage import lineage_of

        content = None
        try:
            if self.writes_tables:
                content = self._content_at_hand()
                if content is None and may_ask:
                    content = self._read_content()
        except PaiDesignerError as error:
            self.log.debug("OpenLineage is told no tables: %s", error)
        return lineage_of(
            self._hook,
            self._run,
            self._ended,
            content=content,
            parameters=str(self._started.get("parameters") or ""),
            logged=self._values,
        )

    def _content_at_hand(self) -> str | None:
        """The content of the node that runs, if the service need not be asked for it."""
        return None

    def _read_content(self) -> str | None:
        """Ask for the content of the node that has run, if one call is enough."""
        if self._run is None or self._hook.known_workspace is None:
            return None
        node_id = self._ended.node_id if self._ended else self._run.node_id
        if node_id is None:
            return None
        with self._hook.one_attempt():
            return self._hook.get_node_content(node_id, environment=self._run.environment)

    @property
    def _linked_run(self) -> Run | None:
        return self._run

    def _read_run(self, started: Mapping[str, Any]) -> Run:
        return Run.from_dict(started)

    def _trigger(self, started: dict[str, Any], waiting: Mapping[str, Any]) -> PaiDesignerRunTrigger:
        return PaiDesignerRunTrigger(run=started, **self._trigger_arguments, **waiting)

    def _look(self, run: Run) -> tuple[Sequence[Observed], bool]:
        part = next_part(run, self._seen, after=self._last_dag)
        self._last_dag = max(part.remote_dag_ids, default=0)
        found = self._hook.list_instances(part)
        self._hurries = is_full_and_ended(part, found)
        instances = with_part(self._seen, part, found)
        if self.stream_logs:
            begun = [item for item in instances if item.started and (item.id, item.finished) not in self._read]
            show_logs(self._hook, begun, run.environment, shown=self._shown, fold=False)
            self._read |= {(item.id, item.finished) for item in begun if item.finished}
        return instances, not young_dags(run, instances)

    def _read_outcome(self, run: Run) -> Outcome:
        report = self._hook.get_run(run)
        if not report.instances:
            self._hook.read_run(run.remote_dag_ids, environment=run.environment)
        return report.outcome

    def _report(self, run: Run) -> RunReport:
        return self._hook.get_run(run)

    def _show_end(self, report: RunReport) -> None:
        self._ended = report
        self._logs = show_logs(self._hook, report.instances, report.run.environment, shown=self._shown)

    def _conclude(self, started: Mapping[str, Any], report: RunReport) -> dict[str, Any]:
        for instance in report.instances:
            if instance.id in self._logs:
                self._compare_parameters(instance, self._logs[instance.id], started.get("parameters", ""))
        self._judge(report, self._logs)
        return report.to_dict()

    def _judge(self, report: RunReport, logs: Mapping[int, InstanceLog]) -> None:
        """Raise for a run that did not end well."""
        if report.outcome is not Outcome.SUCCESS:
            run = report.run
            raise RunFailedError(
                explain_failure(self._hook, str(run), report.instances, logs, environment=run.environment, run=run)
            )

    def _compare_parameters(self, instance: Instance, log: InstanceLog, expected: str) -> None:
        """Say which values DataWorks gave to the scheduling parameters, and warn of those that are not ours."""
        from airflow_provider_pai_designer.designer.run_parameters import differences
        from airflow_provider_pai_designer.scheduling import SchedulingParameters

        if (values := resolved_parameters(log.text)) is None:
            return
        self._values[instance.id] = values
        self.log.info("Instance %s ran with the scheduling parameters %s", instance.id, values)
        if instance.schedule_time is None:
            return
        parameters = SchedulingParameters.parse(expected, strict=False)
        for difference in differences(parameters, values, schedule_time=instance.schedule_time):
            self.log.warning("Instance %s: %s", instance.id, difference)

    def _ask_to_stop(self, run: Run) -> str:
        stopped = self._hook.stop_run(run, seen=self._seen)
        return f"DataWorks was asked to stop {len(stopped)} instance(s)." if stopped else ""

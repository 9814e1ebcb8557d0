"""Sensors that gate what comes after a run, or after the instances of DataWorks' own schedule.

One outcome in poke, reschedule and deferred mode: met, failed for good, or out of time; weather is waited out.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_provider_pai_designer.designer.run import Instance, Outcome, Run, run_outcome, select_cycle, young_dags
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PaiDesignerError,
    QuotaExhaustedError,
    ServiceError,
)
from airflow_provider_pai_designer.hooks.context import business_date_of, run_of
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.hooks.reporting import explain_failure, show_logs
from airflow_provider_pai_designer.links.pai_designer import LINKS, push_links
from airflow_provider_pai_designer.triggers.pai_designer import (
    AwaitTrigger,
    PaiDesignerRunTrigger,
    PaiDesignerScheduledInstanceTrigger,
)

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context, XComArg

_BACKSTOP = timedelta(days=2)
"""Airflow's own deferral time-out lies this long after our deadline: its message says nothing of the service."""


class PaiDesignerSensorError(AirflowFailException):
    """What the sensor waits for can no longer come; the task is not retried."""


class AwaitSensor(BaseSensorOperator):
    """Waits for the good end of something that the service does.

    :param pai_designer_conn_id: the connection.
    :param workspace: workspace instead of the connection's.
    :param region: region instead of the connection's.
    :param deferrable: wait in the triggerer, without a worker slot, whatever ``mode`` says.
    """

    template_fields: Sequence[str] = ("pai_designer_conn_id", "workspace", "region")
    ui_color = "#fff3ea"

    def __init__(
        self,
        *,
        pai_designer_conn_id: str = PaiDesignerHook.default_conn_name,
        workspace: str | None = None,
        region: str | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pai_designer_conn_id = pai_designer_conn_id
        self.workspace = workspace
        self.region = region
        self.deferrable = deferrable
        self._has_looked = False
        self._links_shown: Mapping[str, str] = {}

    def execute(self, context: Context) -> Any:
        """Look, and wait if it is too early."""
        with self._softly():
            if not self.deferrable:
                return super().execute(context)
            return self._look_or_defer(context, deadline=time.time() + min(self.timeout, self._execution_seconds()))

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """Resume after deferral: look once more, and answer."""
        with self._softly():
            self._has_looked = True
            return self._look_or_defer(
                context, deadline=event["waiting"]["deadline"], message=event.get("message") or ""
            )

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once.

        :raises PaiDesignerSensorError: what is awaited can no longer come.
        """
        first = not self._has_looked and not self._was_rescheduled(context)
        try:
            with self._hook.one_attempt():
                seen = self._look(context)
        except PaiDesignerError as error:
            if isinstance(error, ServiceError) and self._passes(error, first=first):
                self.log.warning("%s cannot be seen at the moment, looking again: %s", self._describe(), error)
                return PokeReturnValue(is_done=False)
            raise PaiDesignerSensorError(f"{type(error).__name__}: {error}") from error
        finally:
            self._links_shown = push_links(
                context["ti"], self._hook, self.operator_extra_links, self._addresses, shown=self._links_shown
            )
            self._has_looked = True
        return self._judge(seen)

    @abstractmethod
    def _look(self, context: Context) -> Any:
        """Look at what is awaited, and return what :meth:`_judge` takes."""

    @abstractmethod
    def _judge(self, seen: Any) -> PokeReturnValue:
        """Say whether it has come to a good end.

        :raises PaiDesignerSensorError: it can no longer.
        """

    @abstractmethod
    def _describe(self) -> str:
        """Name what is awaited."""

    @abstractmethod
    def _addresses(self) -> Mapping[str, str]:
        """Where the task's links lead, by their names, as far as that is known."""

    @abstractmethod
    def _trigger(self, **waiting: Any) -> AwaitTrigger:
        """Make the trigger that waits for what was looked at."""

    def _passes(self, error: ServiceError, *, first: bool) -> bool:
        """Tell weather from a clear no. A key that was good may be renewed, and so are the calls of a day; what was not
        good at the first look is an error at once.
        """
        return error.retryable or (isinstance(error, AuthenticationError | QuotaExhaustedError) and not first)

    def _was_rescheduled(self, context: Context) -> bool:
        return bool(self.reschedule and context["ti"].get_first_reschedule_date(context))

    def _execution_seconds(self) -> float:
        """Airflow does not apply ``execution_timeout`` to a deferred task."""
        return self.execution_timeout.total_seconds() if self.execution_timeout else float("inf")

    def _look_or_defer(self, context: Context, *, deadline: float, message: str = "") -> Any:
        """Look, and defer if it is too early; in place while weather hides what a trigger would have to look at.

        :param message: why the trigger could not see it.
        """
        while True:
            if found := self.poke(context):
                return found.xcom_value
            if (left := deadline - time.time()) <= 0:
                raise AirflowSensorTimeout(
                    f"{self._describe()} did not come to a good end within {self.timeout:g} seconds. {message}".strip()
                )
            if self._is_located:
                self._defer(deadline)
            self._hook.pause(min(self.poke_interval, left))

    @property
    @abstractmethod
    def _is_located(self) -> bool:
        """Whether it is known what a trigger would have to look at."""

    def _defer(self, deadline: float) -> NoReturn:
        trigger = self._trigger(
            pai_designer_conn_id=self.pai_designer_conn_id,
            workspace=self.workspace,
            region=self.region,
            poll_interval=max(self.poke_interval, 0.1),
            deadline=deadline,
        )
        self.defer(
            trigger=trigger,
            method_name=self.execute_complete.__name__,
            timeout=timedelta(seconds=max(0, deadline - time.time())) + _BACKSTOP,
        )

    @contextmanager
    def _softly(self) -> Iterator[None]:
        """Skip instead of failing where the task says so, the same in every mode."""
        try:
            yield
        except (AirflowFailException, AirflowSensorTimeout) as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise

    @cached_property
    def _hook(self) -> PaiDesignerHook:
        return PaiDesignerHook(self.pai_designer_conn_id, workspace=self.workspace, region=self.region)


class InstancesSensor(AwaitSensor):
    """Waits for instances of a node.

    The result (and XCom ``return_value``) is a plain dict with ``outcome`` and ``instances``, a list of dicts with
    ``instance_id``, ``business_date``, ``schedule_time``, ``status``, ``outcome``, ``duration_seconds`` and
    ``parameters``; of a run also what :class:`PaiDesignerNodeOperator` returns of it.

    :param accept_dry_run: let an instance that ended without running the pipeline count as good.
    :param partitioned_outlets: emit an asset event for each business date, with the day as its partition (Airflow 3.3);
        False emits one event without, for DAGs with ``schedule=[asset]``.
    """

    template_fields: Sequence[str] = (*AwaitSensor.template_fields, "business_date", "environment")
    operator_extra_links = LINKS

    def __init__(
        self,
        *,
        business_date: str | date | None = None,
        environment: str,
        accept_dry_run: bool = False,
        partitioned_outlets: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.business_date = business_date
        self.environment = environment
        self.accept_dry_run = accept_dry_run
        self.partitioned_outlets = partitioned_outlets
        self._met: Sequence[Instance] = ()

    def post_execute(self, context: Any, result: Any = None) -> None:
        """Say in the events of the task's assets for which business dates there is new data."""
        super().post_execute(context, result)
        if self.outlets and self._met:
            from airflow_provider_pai_designer.hooks.assets import describe_outlets

            describe_outlets(
                context,
                self.outlets,
                run=self._identity(self._met),
                business_dates=sorted({item.business_date for item in self._met}),
                timezone=self._hook.timezone.key,
                partitioned=self.partitioned_outlets,
            )

    @abstractmethod
    def _look(self, context: Context) -> Sequence[Instance]:
        """List the instances that are awaited; none where they are not there yet."""

    def _addresses(self) -> Mapping[str, str]:
        return self._hook.console_addresses(self._environment, self._linked_run)

    def _is_complete(self, instances: Sequence[Instance]) -> bool:
        """Whether no instance is missing that is still to come."""
        return True

    @property
    def _environment(self) -> str:
        return self.environment

    @property
    def _linked_run(self) -> Run | None:
        """The run to which the links lead, None where it is none of ours, or is not known yet."""
        return None

    def _identity(self, instances: Sequence[Instance]) -> dict[str, Any]:
        """Say which run it was, as plain JSON."""
        return {
            "node_id": instances[0].node_id,
            "environment": self._environment,
            "remote_dag_ids": sorted({item.remote_dag_id for item in instances}),
        }

    def _result(self, instances: Sequence[Instance]) -> dict[str, Any]:
        return {
            "outcome": run_outcome(instances).value,
            "instances": [instance.to_dict() for instance in instances],
        }

    def _judge(self, instances: Sequence[Instance]) -> PokeReturnValue:
        for instance in instances:
            self.log.info("Instance %s of %s: %s", instance.id, instance.schedule_time, instance.status.value)
        outcome = run_outcome(instances) if self._is_complete(instances) else Outcome.ACTIVE
        if outcome is Outcome.ACTIVE:
            if not instances:
                self.log.info("%s: no instance yet", self._describe())
            return PokeReturnValue(is_done=False)
        if outcome is Outcome.SUCCESS or (outcome is Outcome.DRY_RUN and self.accept_dry_run):
            self._met = instances
            return PokeReturnValue(is_done=True, xcom_value=self._result(instances))
        bad = [item for item in instances if item.outcome is not Outcome.SUCCESS]
        environment = self._environment
        logs = show_logs(self._hook, bad, environment, shown={})
        raise PaiDesignerSensorError(
            explain_failure(self._hook, self._describe(), bad, logs, environment=environment, run=self._linked_run)
        )


class PaiDesignerRunSensor(InstancesSensor):
    """Waits for the good end of a run that was started elsewhere.

    A run of that name that is not there yet is waited for. Parameters that are not listed here are those of
    Airflow's sensors, and of :class:`PaiDesignerScheduledInstanceSensor`.

    :param run: what another task returned (``start.output``), or remote DAG ids, or a run name.
    :param designer_node_id: the node, where ``run`` is a name.
    :param business_date: the run's business date, where ``run`` is a name; None for that of the Airflow run.
    :param environment: ``DEV`` or ``PROD``; where ``run`` is a dict, it says so itself.
    """

    template_fields: Sequence[str] = (*InstancesSensor.template_fields, "run", "designer_node_id")

    def __init__(
        self,
        *,
        run: XComArg | Mapping[str, Any] | Sequence[int] | int | str,
        designer_node_id: int | str | None = None,
        environment: str = Environment.DEV.value,
        **kwargs: Any,
    ) -> None:
        super().__init__(environment=environment, **kwargs)
        self.run = run
        self.designer_node_id = designer_node_id
        self._found: Run | None = None

    def _look(self, context: Context) -> Sequence[Instance]:
        if self._found is None:
            self._found = run_of(
                self._hook,
                context,
                self.run,
                node_id=self.designer_node_id,
                business_date=self.business_date,
                environment=self.environment,
            )
        self._found = self._hook.identify(self._found)
        if not self._found.remote_dag_ids:
            return ()
        try:
            instances = self._hook.list_instances(self._found)
            if not instances:
                # It is young, or forgotten: the latter is not found.
                self._hook.read_run(self._found.remote_dag_ids, environment=self._found.environment)
        except NotFoundError as error:
            raise PaiDesignerSensorError(
                f"The {self._found} is gone: the service does not know it, or no longer (it keeps runs for some days "
                f"only). {error}"
            ) from error
        return instances

    def _is_complete(self, instances: Sequence[Instance]) -> bool:
        return self._found is not None and not young_dags(self._found, instances)

    @property
    def _environment(self) -> str:
        return self._found.environment if self._found else self.environment

    @property
    def _linked_run(self) -> Run | None:
        return self._found

    def _identity(self, instances: Sequence[Instance]) -> dict[str, Any]:
        assert self._found is not None
        return self._found.identity

    @property
    def _is_located(self) -> bool:
        return self._found is not None

    def _describe(self) -> str:
        return str(self._found) if self._found else f"run {self.run}"

    def _result(self, instances: Sequence[Instance]) -> dict[str, Any]:
        return {**(self._found.to_dict() if self._found else {}), **super()._result(instances)}

    def _trigger(self, **waiting: Any) -> AwaitTrigger:
        assert self._found is not None
        return PaiDesignerRunTrigger(run=self._found.to_dict(), **waiting)


class PaiDesignerScheduledInstanceSensor(InstancesSensor):
    """Waits for the good end of the instance(s) that DataWorks' own schedule makes of a node for a business date.

    An instance that is not generated yet is waited for; one of a frozen node fails, with that reason.

    :param designer_node_id: the node, as the environment knows it.
    :param node_name: name of the node instead, with its ``folder``.
    :param folder: its folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param business_date: the day the data is for (``YYYY-MM-DD`` or ``YYYYMMDD``). None: the day before the local date
        of the Airflow run's ``data_interval_end`` (or ``run_after``) in the workspace's time zone.
    :param cycle: the n-th instance of the day by schedule time; None for every instance of the day.
    :param environment: ``PROD``, where nodes are scheduled, or ``DEV``.
    :param pai_designer_conn_id: the connection.
    :param workspace: workspace instead of the connection's.
    :param region: region instead of the connection's.
    :param deferrable: wait in the triggerer, without a worker slot, whatever ``mode`` says.
    :param accept_dry_run: let an instance that ended without running the pipeline count as good.
    :param partitioned_outlets: emit an asset event for each business date, with the day as its partition (Airflow 3.3);
        False emits one event without, for DAGs with ``schedule=[asset]``.
    """

    template_fields: Sequence[str] = (
        *InstancesSensor.template_fields,
        "designer_node_id",
        "node_name",
        "folder",
        "cycle",
    )

    def __init__(
        self,
        *,
        designer_node_id: int | str | None = None,
        node_name: str | None = None,
        folder: str | None = None,
        cycle: int | str | None = None,
        environment: str = Environment.PROD.value,
        **kwargs: Any,
    ) -> None:
        super().__init__(environment=environment, **kwargs)
        self.designer_node_id = designer_node_id
        self.node_name = node_name
        self.folder = folder
        self.cycle = cycle
        self._target: tuple[int, date] | None = None

    def _look(self, context: Context) -> Sequence[Instance]:
        node_id, business_date = self._target = self._target or self._read_target(context)
        cycle = self._read_cycle()
        found = self._hook.list_scheduled_instances(node_id, business_date=business_date, environment=self.environment)
        if cycle is not None and 0 < len(found) < cycle:
            raise PaiDesignerSensorError(
                f"The schedule of node {node_id} has only {len(found)} instance(s) for the business date "
                f"{business_date}, so cycle {cycle} does not come."
            )
        return select_cycle(found, cycle)

    def _read_target(self, context: Context) -> tuple[int, date]:
        from airflow_provider_pai_designer.hooks.arguments import read_node_reference

        reference = read_node_reference(self.designer_node_id, self.node_name, self.folder)
        business_date = business_date_of(self._hook, context, self.business_date)
        if isinstance(reference, int):
            return reference, business_date
        name, folder = reference
        return self._hook.find_node(name=name, folder=folder, environment=self.environment), business_date

    def _read_cycle(self) -> int | None:
        from airflow_provider_pai_designer.hooks.arguments import read_integer

        if self.cycle is None:
            return None
        cycle = read_integer("cycle", self.cycle)
        if cycle < 1:
            raise ConfigurationError(f"cycle counts the instances of the day from 1, so it cannot be {cycle}.")
        return cycle

    @property
    def _is_located(self) -> bool:
        return self._target is not None

    def _describe(self) -> str:
        if self._target is None:
            return "scheduled instance"
        node_id, business_date = self._target
        which = "" if self.cycle is None else f", cycle {self.cycle}"
        return f"schedule of node {node_id} for business date {business_date}{which}"

    def _trigger(self, **waiting: Any) -> AwaitTrigger:
        assert self._target is not None
        node_id, business_date = self._target
        return PaiDesignerScheduledInstanceTrigger(
            node_id=node_id,
            business_date=business_date.isoformat(),
            environment=self.environment,
            cycle=self._read_cycle(),
            **waiting,
        )

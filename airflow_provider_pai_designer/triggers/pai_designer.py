"""Awaiting runs and scheduled instances in the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import date
from functools import cached_property, partial
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_pai_designer.designer.run import Instance, Run, select_cycle, young_dags
from airflow_provider_pai_designer.exceptions import PaiDesignerError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.monitor.ownership import answer_within, is_awaited
from airflow_provider_pai_designer.monitor.pool import in_pool, surely_in_pool
from airflow_provider_pai_designer.monitor.watch import OUTAGE_SECONDS, RunWatch, Verdict

_TRIGGERS_ARE_TOLD = hasattr(BaseTrigger, "on_kill")
"""Airflow tells a trigger that it was killed since 3.3; before, it is only cancelled, as it is for any other reason."""

_QUESTION_SECONDS = 10.0


class InstancesTrigger(BaseTrigger):
    """Fires when instances have ended, their deadline has passed, or they could not be seen for too long.

    The event is ``{"verdict": ..., "message": ...}``, with what was awaited; it says that they ended, not how: who
    resumes reads that from the service.

    :param poll_interval: seconds between polls.
    :param deadline: epoch seconds at which waiting ends, None for no deadline.
    :param outage_seconds: how long the instances may be out of sight before the trigger says so.
    """

    def __init__(
        self,
        *,
        pai_designer_conn_id: str,
        workspace: str | None = None,
        region: str | None = None,
        poll_interval: float = 30,
        deadline: float | None = None,
        outage_seconds: float = OUTAGE_SECONDS,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pai_designer_conn_id = pai_designer_conn_id
        self.workspace = workspace
        self.region = region
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.outage_seconds = outage_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made from again, in this or another triggerer."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "pai_designer_conn_id": self.pai_designer_conn_id,
                "workspace": self.workspace,
                "region": self.region,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
                "outage_seconds": self.outage_seconds,
                **self._arguments(),
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until there is something to say, and say it once."""
        watch = RunWatch(poll_interval=self.poll_interval, deadline=self.deadline, outage_seconds=self.outage_seconds)
        try:
            while (verdict := await self._poll(watch)) is Verdict.WAIT:
                await asyncio.sleep(watch.pause(now=time.time()))
        except asyncio.CancelledError:
            if not _TRIGGERS_ARE_TOLD:
                await self.on_kill()
            raise
        done = await self._act(verdict)
        message = str(watch.last_error or "")[:500]
        yield TriggerEvent({"verdict": verdict.value, **self._subject(), **done, "message": message})

    async def on_kill(self) -> None:
        """Nothing is stopped: what is awaited belongs to somebody else."""

    async def _act(self, verdict: Verdict) -> dict[str, Any]:
        """Do what must not wait for a worker, and return what the event says of it."""
        return {}

    def _subject(self) -> dict[str, Any]:
        """What is awaited, as plain JSON."""
        raise NotImplementedError

    def _arguments(self) -> dict[str, Any]:
        """The arguments that only this kind of trigger has."""
        return self._subject()

    def _list(self) -> Sequence[Instance]:
        """Look at it."""
        raise NotImplementedError

    def _look(self) -> Sequence[Instance]:
        with self._hook.one_attempt():
            return self._list()

    async def _poll(self, watch: RunWatch) -> Verdict:
        try:
            instances = await in_pool(self._look)
        except Exception as error:
            # Whatever keeps us from looking is not the run's failure; an exception would lose its type on the way.
            return watch.miss(error, now=time.time())
        return watch.observe(instances, now=time.time(), complete=self._is_complete(instances))

    def _is_complete(self, instances: Sequence[Instance]) -> bool:
        """Whether no instance is missing that is still to come."""
        return True

    @cached_property
    def _hook(self) -> PaiDesignerHook:
        return PaiDesignerHook(self.pai_designer_conn_id, workspace=self.workspace, region=self.region)


class PaiDesignerRunTrigger(InstancesTrigger):
    """Fires when a run has ended, its deadline has passed, or it could not be seen for too long.

    :param run: the run, as :meth:`~airflow_provider_pai_designer.designer.run.Run.to_dict` gives it; without remote
        DAG ids it is looked for by its name. Further members come back in the event as they are.
    :param cancel_on_kill: whether the run belongs to the task, and is stopped when the task is killed or out of time.
    """

    def __init__(self, *, run: dict[str, Any], cancel_on_kill: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_data = run
        self.cancel_on_kill = cancel_on_kill
        self._has_fired = False

    @cached_property
    def _run(self) -> Run:
        return Run.from_dict(self.run_data)

    async def on_kill(self) -> None:
        """Stop the run, unless the task still waits for it: a trigger that only moves looks the same."""
        if self.cancel_on_kill and not self._has_fired:
            # In a thread, which ends its work though Airflow cancels this call after about a second.
            await surely_in_pool(self._stop_unless_awaited)

    def _stop_unless_awaited(self) -> None:
        if answer_within(_QUESTION_SECONDS, partial(is_awaited, self.task_instance, self._run.name)):
            self.log.info("The task still waits for the %s: this trigger only ends here, and stops nothing.", self._run)
            return
        self._stop()

    def _stop(self) -> bool:
        try:
            self._hook.stop_run(self._run)
        except PaiDesignerError as error:
            self.log.error("The %s could not be stopped, so stop it in Operation Center: %s", self._run, error)
            return False
        return True

    async def _act(self, verdict: Verdict) -> dict[str, Any]:
        stops = verdict is Verdict.DEADLINE and self.cancel_on_kill
        done = {"stopped": await surely_in_pool(self._stop)} if stops else {}
        self._has_fired = True
        return done

    def _subject(self) -> dict[str, Any]:
        return {"run": self.run_data}

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), "cancel_on_kill": self.cancel_on_kill}

    def _is_complete(self, instances: Sequence[Instance]) -> bool:
        return not young_dags(self._run, instances)

    def _list(self) -> Sequence[Instance]:
        self._run = self._hook.identify(self._run)
        return self._hook.list_instances(self._run)


class PaiDesignerScheduledInstanceTrigger(InstancesTrigger):
    """Fires when the scheduled instances of a node for a business date have ended, or their deadline has passed.

    :param node_id: the node, as the environment knows it.
    :param business_date: ``YYYY-MM-DD``.
    :param cycle: the n-th instance of the day by schedule time, None for all of them.
    """

    def __init__(
        self, *, node_id: int, business_date: str, environment: str, cycle: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.node_id = node_id
        self.business_date = business_date
        self.environment = environment
        self.cycle = cycle

    def _subject(self) -> dict[str, Any]:
        return {
            "node_id": self.node_id,
            "business_date": self.business_date,
            "environment": self.environment,
            "cycle": self.cycle,
        }

    def _list(self) -> Sequence[Instance]:
        found = self._hook.list_scheduled_instances(
            self.node_id, business_date=date.fromisoformat(self.business_date), environment=self.environment
        )
        return select_cycle(found, self.cycle)

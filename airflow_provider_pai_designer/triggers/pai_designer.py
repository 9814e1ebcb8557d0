"""Awaiting runs and scheduled instances in the triggerer."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_pai_designer.designer.run import (
    AskedRun,
    Instance,
    Observed,
    Run,
    is_full_and_ended,
    next_part,
    select_cycle,
    with_part,
    young_dags,
)
from airflow_provider_pai_designer.exceptions import PaiDesignerError, one_line
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.monitor.ownership import answer_within, is_awaited
from airflow_provider_pai_designer.monitor.watch import OUTAGE_SECONDS, RunWatch, Verdict

if TYPE_CHECKING:
    from airflow_provider_pai_designer.monitor.shared import SharedWatch
    from airflow_provider_pai_designer.monitor.watched import Awaited, Watched

_TRIGGERS_ARE_TOLD = hasattr(BaseTrigger, "on_kill")
"""Airflow tells a trigger that it was killed since 3.3; before, it is only cancelled, as it is for any other reason."""

_QUESTION_SECONDS = 10.0
_MOST_SHOWN = 30
_LAST_LOOK_SECONDS = 1.0


class AwaitTrigger(BaseTrigger):
    """Fires when what is awaited has ended, its deadline has passed, or it could not be seen for too long.

    The event is ``{"verdict": ..., "message": ..., "instances": {id: status}, "waiting": {...}}``, with what was
    awaited, in less than two kilobytes. It says that it ended, not how: who resumes reads that from the service. All
    that is needed to wait on is in it, for ``dag.test()`` resumes a task with the event alone.

    :param since: epoch seconds from which the age of what is awaited counts; None for now.
    :param poll_interval: seconds between polls; None for a tenth of that age, between 10 and 60 seconds.
    :param deadline: epoch seconds at which waiting ends, None for no deadline.
    :param outage_seconds: how long it may be out of sight before the trigger says so.
    """

    seen_as: ClassVar[str] = "instances"
    """What the event calls the ids and states that were seen last."""

    def __init__(
        self,
        *,
        pai_designer_conn_id: str,
        workspace: str | None = None,
        region: str | None = None,
        since: float | None = None,
        poll_interval: float | None = None,
        deadline: float | None = None,
        outage_seconds: float = OUTAGE_SECONDS,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pai_designer_conn_id = pai_designer_conn_id
        self.workspace = workspace
        self.region = region
        self.since = time.time() if since is None else since
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.outage_seconds = outage_seconds
        self._watch: SharedWatch | None = None
        self._seen: Sequence[Observed] = ()
        self._hurries = False

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made from again, in this or another triggerer."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "pai_designer_conn_id": self.pai_designer_conn_id,
                "workspace": self.workspace,
                "region": self.region,
                **self._waiting,
                **self._arguments(),
            },
        )

    @property
    def _waiting(self) -> dict[str, Any]:
        """How to wait, as plain JSON."""
        return {
            "since": self.since,
            "poll_interval": self.poll_interval,
            "deadline": self.deadline,
            "outage_seconds": self.outage_seconds,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to say, and say it once."""
        view = RunWatch(**self._waiting)
        try:
            verdict = await self._await_end(view)
        except asyncio.CancelledError:
            if not _TRIGGERS_ARE_TOLD:
                await self.on_kill()
            raise
        done = await self._act(verdict)
        message = one_line(str(view.last_error or ""))[:500]
        states = {str(item.id): item.status.value for item in self._seen[:_MOST_SHOWN]}
        yield TriggerEvent(
            {
                "verdict": verdict.value,
                **self._subject(),
                **done,
                self.seen_as: states,
                "message": message,
                "waiting": self._waiting,
            }
        )

    async def _await_end(self, view: RunWatch) -> Verdict:
        """Look through the watch that all triggers of the workspace share."""
        self._watch = self._shared_watch()
        watched, after = self._watched(), 0.0
        self._watch.begin(watched)
        try:
            while True:
                self._hurries = False
                try:
                    async with asyncio.timeout(self._patience) as limit:
                        self._seen = await self._watch.look(watched, after=after)
                except Exception as error:
                    # Whatever keeps us from looking is not the run's failure; our deadline is no word of the service.
                    verdict = Verdict.DEADLINE if limit.expired() else view.miss(error, now=time.time())
                else:
                    verdict = view.observe(self._seen, now=time.time(), complete=self._is_complete(self._seen))
                if verdict is not Verdict.WAIT:
                    return verdict
                after = 0.0 if self._hurries else view.pause(now=time.time())
        finally:
            self._watch.end(watched)

    @property
    def _patience(self) -> float | None:
        """Seconds for which a look may keep the trigger waiting."""
        return None if self.deadline is None else self.deadline - time.time() + _LAST_LOOK_SECONDS

    async def on_kill(self) -> None:
        """Nothing is stopped: what is awaited belongs to somebody else."""

    async def _act(self, verdict: Verdict) -> dict[str, Any]:
        """Do what must not wait for a worker, and return what the event says of it."""
        return {}

    @abstractmethod
    def _subject(self) -> dict[str, Any]:
        """What is awaited, as plain JSON."""

    def _arguments(self) -> dict[str, Any]:
        """The arguments that only this kind of trigger has."""
        return self._subject()

    @abstractmethod
    def _shared_watch(self) -> SharedWatch:
        """The watch that looks for all triggers of this kind in the workspace."""

    @abstractmethod
    def _watched(self) -> Awaited:
        """What the shared watch has to know."""

    def _is_complete(self, seen: Sequence[Any]) -> bool:
        """Whether nothing is missing that is still to come."""
        return True

    @property
    def _hook(self) -> PaiDesignerHook:
        """The hook that all triggers of a workspace share; one of its own for a trigger that has not begun."""
        if self._watch is not None:
            return self._watch.hook
        return PaiDesignerHook(self.pai_designer_conn_id, workspace=self.workspace, region=self.region)


class RunTrigger(AwaitTrigger):
    """Fires when a run has ended, its deadline has passed, or it could not be seen for too long.

    :param run: the run, as its ``to_dict`` gives it; one that is not known is looked for by its name.
    :param cancel_on_kill: whether the run belongs to the task, and is stopped when the task is killed or out of time.
    """

    _console: ClassVar[str]
    """Where people see the run."""

    def __init__(self, *, run: dict[str, Any], cancel_on_kill: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.run_data = run
        self.cancel_on_kill = cancel_on_kill
        self._has_fired = False

    @property
    @abstractmethod
    def _run(self) -> AskedRun:
        """The run, as far as it is known."""

    @abstractmethod
    def _ask_to_stop(self) -> None:
        """Ask for the run to be stopped."""

    async def on_kill(self) -> None:
        """Stop the run, unless the task still waits for it: a trigger that only moves looks the same."""
        if self.cancel_on_kill and not self._has_fired:
            from airflow_provider_pai_designer.monitor.pool import surely_in_pool

            # In a thread, which ends its work though Airflow cancels this call after about a second.
            await surely_in_pool(self._stop_unless_awaited)

    def _stop_unless_awaited(self) -> None:
        if answer_within(_QUESTION_SECONDS, partial(is_awaited, self.task_instance, self._run.name)):
            self.log.info("The task still waits for the %s: this trigger only ends here, and stops nothing.", self._run)
            return
        self._stop()

    def _stop(self) -> bool:
        try:
            self._ask_to_stop()
        except PaiDesignerError as error:
            self.log.error("The %s could not be stopped, so stop it in %s: %s", self._run, self._console, error)
            return False
        return True

    async def _act(self, verdict: Verdict) -> dict[str, Any]:
        from airflow_provider_pai_designer.monitor.pool import surely_in_pool

        stops = verdict is Verdict.DEADLINE and self.cancel_on_kill
        done = {"stopped": await surely_in_pool(self._stop)} if stops else {}
        self._has_fired = True
        return done

    def _subject(self) -> dict[str, Any]:
        return {"run_name": self._run.name}

    def _arguments(self) -> dict[str, Any]:
        return {"run": self.run_data, "cancel_on_kill": self.cancel_on_kill}


class _NodeTrigger(AwaitTrigger):
    """Awaits instances of a node."""

    @property
    @abstractmethod
    def _environment(self) -> str:
        """``DEV`` or ``PROD``."""

    def _shared_watch(self) -> SharedWatch:
        from airflow_provider_pai_designer.monitor.shared import SharedWatch, WatchKey, watch_of

        key = WatchKey(self.pai_designer_conn_id, self.workspace, self.region, environment=self._environment)
        return watch_of(key, SharedWatch)


class PaiDesignerRunTrigger(_NodeTrigger, RunTrigger):
    """Fires when a run of a node has ended, its deadline has passed, or it could not be seen for too long.

    :param run: the run, as :meth:`~airflow_provider_pai_designer.designer.run.Run.to_dict` gives it; without remote
        DAG ids it is looked for by its name.
    :param cancel_on_kill: whether the run belongs to the task, and is stopped when the task is killed or out of time.
    """

    _console = "Operation Center"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._identified: Run | None = None
        self._last_dag = 0

    @property
    def _run(self) -> Run:
        return self._identified or Run.from_dict(self.run_data)

    def _ask_to_stop(self) -> None:
        self._hook.stop_run(self._run)

    def _is_complete(self, instances: Sequence[Instance]) -> bool:
        return not young_dags(self._run, instances)

    @property
    def _environment(self) -> str:
        return self._run.environment

    def _watched(self) -> Watched:
        from airflow_provider_pai_designer.monitor.watched import Watched

        run = self._identified = self._run
        self._entry = Watched(
            days=(run.business_date, run.last_business_date or run.business_date),
            dag_ids=run.remote_dag_ids,
            is_whole=self._shows_the_node,
            look=self._look,
        )
        return self._entry

    def _look(self, hook: PaiDesignerHook) -> Sequence[Instance]:
        run = self._identified = hook.identify(self._run)
        self._entry.dag_ids = run.remote_dag_ids
        known = self._entry.known.values()
        part = next_part(run, known, after=self._last_dag)
        self._last_dag = max(part.remote_dag_ids, default=0)
        found = hook.list_instances(part)
        self._hurries = is_full_and_ended(part, found)
        return with_part(known, part, found)

    def _shows_the_node(self, instances: Sequence[Instance]) -> bool:
        """Whether every remote DAG shows an instance of the node, and not only one that stands for the run."""
        run = self._run
        return not young_dags(run, [item for item in instances if run.node_id in (None, item.node_id)])


class PaiDesignerScheduledInstanceTrigger(_NodeTrigger):
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

    @property
    def _environment(self) -> str:
        return self.environment

    def _watched(self) -> Watched:
        from airflow_provider_pai_designer.monitor.watched import Watched

        day = date.fromisoformat(self.business_date)
        return Watched(days=(day, day), look=self._look)

    def _look(self, hook: PaiDesignerHook) -> Sequence[Instance]:
        found = hook.list_scheduled_instances(
            self.node_id, business_date=date.fromisoformat(self.business_date), environment=self.environment
        )
        return select_cycle(found, self.cycle)

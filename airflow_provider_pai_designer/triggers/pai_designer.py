"""Awaiting runs in the triggerer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import cached_property
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.monitor.pool import in_pool
from airflow_provider_pai_designer.monitor.watch import RunWatch, Verdict


class PaiDesignerRunTrigger(BaseTrigger):
    """Fires when a run has ended, its deadline has passed, or it could not be seen for too long.

    The event is ``{"verdict": ..., "run": {...}, "message": ...}``; it says that the run ended, not how: who resumes
    reads that from the service.

    :param run: the run, as :meth:`~airflow_provider_pai_designer.designer.run.Run.to_dict` gives it; further members
        come back in the event as they are.
    :param poll_interval: seconds between polls.
    :param deadline: epoch seconds at which waiting ends, None for no deadline.
    """

    def __init__(
        self,
        *,
        pai_designer_conn_id: str,
        run: dict[str, Any],
        workspace: str | None = None,
        region: str | None = None,
        poll_interval: float = 30,
        deadline: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pai_designer_conn_id = pai_designer_conn_id
        self.workspace = workspace
        self.region = region
        self.run_data = run
        self.poll_interval = poll_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the trigger is made from again, in this or another triggerer."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "pai_designer_conn_id": self.pai_designer_conn_id,
                "run": self.run_data,
                "workspace": self.workspace,
                "region": self.region,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll until there is something to say, and say it once."""
        watch = RunWatch(poll_interval=self.poll_interval, deadline=self.deadline)
        while (verdict := await self._poll(watch)) is Verdict.WAIT:
            await asyncio.sleep(watch.pause(now=time.time()))
        yield TriggerEvent(
            {"verdict": verdict.value, "run": self.run_data, "message": str(watch.last_error or "")[:500]}
        )

    async def _poll(self, watch: RunWatch) -> Verdict:
        run = Run.from_dict(self.run_data)
        try:
            instances = await in_pool(lambda: self._hook.list_instances(run))
        except Exception as error:
            # Whatever keeps us from looking is not the run's failure; an exception would lose its type on the way.
            return watch.miss(error, now=time.time())
        return watch.observe(instances, now=time.time())

    @cached_property
    def _hook(self) -> PaiDesignerHook:
        return PaiDesignerHook(self.pai_designer_conn_id, workspace=self.workspace, region=self.region)

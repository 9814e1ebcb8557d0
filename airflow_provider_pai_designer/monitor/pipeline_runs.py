"""One watch for all deferred runs of pipelines of a workspace: one call tells the states of many of them.

Source: https://www.alibabacloud.com/help/en/pai/developer-reference/api-paiflow-2021-02-02-listpipelinerunsstatus
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun, PipelineRunState, PipelineRunStatus
from airflow_provider_pai_designer.exceptions import (
    NotFoundError,
    PermissionDeniedError,
    RejectedError,
    UnclearError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.hooks.pipeline_runs import check_state
from airflow_provider_pai_designer.monitor.shared import REFUSED_SECONDS, SharedWatch, StormError, WatchKey
from airflow_provider_pai_designer.monitor.watched import Request

RUNS_AT_ONCE = 50
"""How many runs one call asks for; the most that the service takes is not documented (doubt ``pai_status_ids``)."""

_ENVIRONMENT = "PAI"
"""Stands in a key where watches of nodes have DEV or PROD: PAIFlow has neither."""


@dataclass(slots=True, eq=False, kw_only=True)
class WatchedPipelineRun:
    """A run as the watch knows it.

    :param run: brought up to date once the service lists a run that was known by its name alone.
    :param known: its state by its id, as it was seen last.
    """

    run: AskedPipelineRun
    known: dict[str, PipelineRunState] = field(default_factory=dict)
    request: Request | None = None


def key_of(conn_id: str, workspace: str | None, region: str | None) -> WatchKey:
    """Return the key of the watch for a connection and workspace."""
    return WatchKey(conn_id, workspace, region, environment=_ENVIRONMENT)


class PipelineRunWatch(SharedWatch):
    """Looks at runs of pipelines for their triggers."""

    def __init__(self, key: WatchKey) -> None:
        super().__init__(key)
        self._runs_at_once = RUNS_AT_ONCE
        self._most_taken = 1
        self._many_from = -math.inf
        self._connected_with: PaiDesignerHook | None = None

    async def _sweep(self, due: Sequence[Any]) -> None:
        try:
            if self._connected_with is not self._hook:
                hook = self._hook
                if (rate := await self._call(due, _connect)) is None:
                    return
                self._limit(rate)
                self._connected_with = hook
            known = [item for item in due if item.run.is_known]
            known += self._near(known)[: -len(known) % RUNS_AT_ONCE]
            for first in range(0, len(known), RUNS_AT_ONCE):
                await self._look_at(known[first : first + RUNS_AT_ONCE])
            for item in due:
                if not item.run.is_known:
                    await self._look_at_one(item)
        except StormError as error:
            self._fail(due, error.cause)

    def _near(self, due: Sequence[WatchedPipelineRun]) -> list[WatchedPipelineRun]:
        """Runs that will be due soon, the next first: what is left of a call for many shows them for nothing."""
        now, taken = self._now(), set(due)
        near = [item for item in self._watched - taken if item.request and item.run.is_known and item.known]
        return sorted((item for item in near if item.request.free <= now), key=lambda item: item.request.due)

    async def _look_at(self, runs: Sequence[WatchedPipelineRun]) -> bool:
        """Look at runs together, as many at once as the service takes; return whether it took them."""
        if not (batch := self._staying(runs)):
            return True
        if len(batch) == 1 or self._now() < self._many_from:
            return all([await self._look_at_one(item) for item in batch])
        if len(batch) > self._runs_at_once:
            return await self._look_at_halves(batch)
        try:
            states = await self._ask(partial(_states, [item.run.id for item in batch]))
        except PermissionDeniedError as error:
            if not self._is_renewed_by(error):
                self._many_from = self._now() + REFUSED_SECONDS
            return await self._look_at(batch)
        except (RejectedError, NotFoundError) as error:
            self._take_blow((), error)
            # They are too many if it never took as many, and takes both halves; else it is about one of them.
            if await self._look_at_halves(batch) and len(batch) > self._most_taken:
                self._take_fewer_than(len(batch))
        except Exception as error:
            self._take_blow(batch, error)
        else:
            self._most_taken = max(self._most_taken, len(batch))
            for item in batch:
                await self._take_in(item, states.get(item.run.id))
            return True
        return False

    async def _look_at_halves(self, batch: Sequence[WatchedPipelineRun]) -> bool:
        middle = len(batch) // 2
        return all([await self._look_at(half) for half in (batch[:middle], batch[middle:])])

    def _take_fewer_than(self, count: int) -> None:
        if count == 2:
            self._many_from = self._now() + REFUSED_SECONDS
        else:
            self._runs_at_once = count - count // 2

    async def _take_in(self, item: WatchedPipelineRun, status: PipelineRunStatus | None) -> None:
        if status is None:
            # Deleted, or not known: its own call tells.
            await self._look_at_one(item)
        else:
            self._see(item, PipelineRunState(id=item.run.id, status=status))

    async def _look_at_one(self, item: WatchedPipelineRun) -> bool:
        """Look at one run by itself, and find it first where only its name is known; return whether it was seen."""
        if item not in self._watched:
            return True
        if not item.run.is_known:
            found = await self._call([item], lambda hook: hook.pipeline_runs.identify(item.run))
            if found is None:
                return False
            item.run = found
            if not found.is_known:
                self._tell([item])
                return False
        state = await self._call([item], lambda hook: hook.pipeline_runs.read(item.run))
        if state is not None:
            self._see(item, state)
        return state is not None

    def _see(self, item: WatchedPipelineRun, state: PipelineRunState) -> None:
        try:
            check_state(state)
        except UnclearError as error:
            # Not a failure of the service: the others are seen.
            self._fail([item], error)
            return
        item.known = {state.id: state}
        self._tell([item])


def _connect(hook: PaiDesignerHook) -> float:
    """Read the connection, the workspace's number and PAIFlow's endpoint, which the hook keeps."""
    assert hook.pai_workspace_id
    return hook.paiflow.calls_per_second


def _states(run_ids: Sequence[str], hook: PaiDesignerHook) -> Mapping[str, PipelineRunStatus]:
    return hook.paiflow.run_statuses(workspace_id=hook.pai_workspace_id, run_ids=run_ids)

"""A triggerer without waiting: its clock leaps to whatever comes next, and the service answers out of memory."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pai_designer.designer.run import Instance, InstancePage, InstanceStatus, Run, TaskType
from airflow_provider_pai_designer.monitor import shared
from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger

DAY = date(2026, 11, 22)
_EPOCH = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
_CALL_SECONDS = 0.1


class _LeapingSelector(selectors.DefaultSelector):
    """Waits for nothing: it lets the time pass instead."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "everybody waits, and nothing will come"
        self.now += max(0.0, timeout)
        return super().select(0)


class _LeapingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


@dataclass(kw_only=True)
class Service:
    """DataWorks, as far as a watch needs it.

    :param many_days: whether a list shows several business dates, as that of the legacy generation does.
    :param trouble: called before every call with the name of the verb; may raise.
    """

    many_days: bool = True
    calls_per_second: float = 5.0
    trouble: Callable[[str], None] = lambda _: None
    rows: list[tuple[Instance, float]] = field(default_factory=list)
    calls: list[tuple[float, str]] = field(default_factory=list)
    now: Callable[[], float] = lambda: 0.0

    @property
    def lists_many_days(self) -> bool:
        return self.many_days

    @property
    def ids_at_once(self) -> int:
        return 1 if self.many_days else 500

    def add(self, *, seconds: float, day: date = DAY, node_id: int = 7) -> Run:
        """Start a run that ends so many seconds from now."""
        identity = len(self.rows) + 1
        instance = Instance(
            id=identity,
            node_id=node_id,
            node_name="daily",
            remote_dag_id=identity,
            status=InstanceStatus.RUNNING,
            task_type=TaskType.NORMAL,
            business_date=day,
            created=identity,
        )
        self.rows.append((instance, self.now() + seconds))
        return Run(
            name=f"run-{identity}",
            node_id=node_id,
            environment="DEV",
            business_date=day,
            remote_dag_ids=(identity,),
        )

    def add_backfill(self, *, dates: int, cycles: int, seconds: float) -> Run:
        """Start a run with a remote DAG for each date, and an instance for each cycle; the oldest ends last."""
        first = len(self.rows) + 1
        dag_ids = tuple(100_000 + number for number in range(dates))
        for dag_id in dag_ids:
            for _ in range(cycles):
                before = len(self.rows) + 1 - first
                run = self.add(seconds=seconds - before, day=DAY)
                instance, end = self.rows[-1]
                self.rows[-1] = (replace(instance, remote_dag_id=dag_id), end)
        return replace(run, name="backfill", last_business_date=DAY + timedelta(days=dates - 1), remote_dag_ids=dag_ids)

    def remove(self, run: Run) -> None:
        """Forget a run, as the service does after some time."""
        self.rows = [row for row in self.rows if row[0].remote_dag_id not in run.remote_dag_ids]

    def list_newest(
        self, workspace: object, environment: object, *, first: date, last: date, page: int
    ) -> InstancePage:
        self._called("list")
        size = 100 if self.many_days else 500
        rows = [row for row in reversed(self.rows) if first <= row[0].business_date <= last]
        shown = tuple(self._shown(row) for row in rows[(page - 1) * size : page * size])
        return InstancePage(instances=shown, total=len(rows), size=size)

    def list_by_ids(
        self, workspace: object, environment: object, *, business_date: date, ids: Collection[int]
    ) -> tuple[Instance, ...]:
        self._called("ids")
        wanted = set(ids)
        return tuple(self._shown(row) for row in self.rows if row[0].id in wanted)

    def list_instances(self, run: Run) -> tuple[Instance, ...]:
        for _ in run.remote_dag_ids:
            self._called("run")
        return tuple(self._shown(row) for row in self.rows if row[0].remote_dag_id in run.remote_dag_ids)

    def _called(self, verb: str) -> None:
        self.calls.append((self.now(), verb))
        self.trouble(verb)

    def _shown(self, row: tuple[Instance, float]) -> Instance:
        instance, end = row
        return replace(instance, status=InstanceStatus.SUCCESS) if self.now() >= end else instance


@dataclass(kw_only=True)
class Triggerer:
    """Runs triggers on a clock that leaps."""

    service: Service
    ends: dict[str, float] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)

    async def watch(self, run: Run, **arguments: Any) -> None:
        """Await one run, and note when its trigger fired."""
        trigger = PaiDesignerRunTrigger(pai_designer_conn_id="c", run=run.to_dict(), **arguments)
        async for event in trigger.run():
            self.ends[run.name] = asyncio.get_running_loop().time()
            self.verdicts[run.name] = event.payload["verdict"]

    async def watch_all(self, runs: Sequence[Run], **arguments: Any) -> None:
        await asyncio.gather(*(self.watch(run, **arguments) for run in runs))


@contextmanager
def simulated(service: Service) -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Give what runs a coroutine on a clock that leaps, with DataWorks behind every hook."""
    hook = SimpleNamespace(
        dataworks=service,
        workspace="w",
        identify=lambda run: run,
        list_instances=service.list_instances,
        one_attempt=nullcontext,
    )
    with leaping(service, hook) as run:
        yield run


@contextmanager
def leaping(service: Any, hook: SimpleNamespace) -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Give what runs a coroutine on a clock that leaps.

    :param service: is told the time: its ``now`` becomes that of the clock.
    :param hook: what every watch gets.
    """

    async def in_pool(function: Callable[[], Any]) -> Any:
        await asyncio.sleep(_CALL_SECONDS)
        return function()

    with pytest.MonkeyPatch.context() as patch, asyncio.Runner(loop_factory=_LeapingLoop) as runner:
        loop = runner.get_loop()
        service.now = loop.time
        patch.setattr(shared, "PaiDesignerHook", lambda *_, **__: hook)
        patch.setattr(shared, "in_pool", in_pool)
        patch.setattr(time, "time", lambda: _EPOCH + loop.time())
        yield runner.run

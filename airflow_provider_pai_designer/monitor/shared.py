"""One watch for all deferred runs of a workspace: it asks the service once for many, and tells every trigger its part.

It lives in the triggerer's event loop, as long as somebody waits. The calls are made in the provider's own threads, one
after the other, so that one connection is enough.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from airflow_provider_pai_designer.cloud.verbs import LAST_PAGE, Verbs
from airflow_provider_pai_designer.designer.run import Instance, InstancePage, Observed
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.exceptions import (
    NotFoundError,
    PermissionDeniedError,
    RejectedError,
    ThrottledError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.monitor.figures import REPORT_SECONDS, Figures
from airflow_provider_pai_designer.monitor.listing import Listing, cheapest
from airflow_provider_pai_designer.monitor.pool import in_pool
from airflow_provider_pai_designer.monitor.watched import Awaited, Request, Watched

CALLS_PER_SECOND = 0.4
"""What one watch spends at most, over any longer time."""

CALLS_AT_ONCE = 10
"""How many calls it may make in a row after a pause."""

_EARLY, _EARLIEST_SECONDS = 0.2, 12.0
"""The share of its interval by which a run may be looked at earlier where others are, and the most."""

_FREE = 0.6
"""The same where that costs no call, because the page of a list shows it."""

_HOOK_SECONDS = 30.0
"""A hook that is refused something is made anew, but not more often."""

REFUSED_SECONDS = 1800.0
"""For so long a list that was refused is done without."""

_OF_THE_RUN = (NotFoundError, RejectedError, PermissionDeniedError)
_PAUSE_SECONDS = 1.0
_STORM = 2
"""So many failures in a row, and everybody who is due is told: what cannot be seen now is not asked for one by one."""

_Result = TypeVar("_Result")
_Item = TypeVar("_Item", bound=Awaited)
log = logging.getLogger(__name__)


class WatchKey(NamedTuple):
    """What is watched together."""

    conn_id: str
    workspace: str | None
    region: str | None
    environment: str


class Budget:
    """Spaces the calls of a watch out; after a pause some may come at once."""

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._next = -math.inf

    async def spend(self, calls: float) -> None:
        """Return when so many calls may be made."""
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now - CALLS_AT_ONCE * self._interval) + calls * self._interval
        await asyncio.sleep(max(0.0, self._next - now))


class SharedWatch:
    """Looks at runs for their triggers.

    :param key: connection, workspace and environment.
    """

    def __init__(self, key: WatchKey) -> None:
        self._key = key
        self._hook = self._new_hook()
        self._hook_made = self._now()
        self._verbs: Verbs | None = None
        self._budget: Budget | None = None
        self._lists_from = -math.inf
        self._watched: set[Any] = set()
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._wakes = -math.inf
        self._failures = 0
        self._figures = Figures(since=self._now())

    @property
    def hook(self) -> PaiDesignerHook:
        """The hook that all triggers of this watch share."""
        return self._hook

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits."""
        return not self._watched

    def begin(self, watched: Awaited) -> None:
        """Watch something, until :meth:`end`."""
        self._watched.add(watched)

    def end(self, watched: Awaited) -> None:
        """Watch it no longer; the watch ends with the last."""
        self._watched.discard(watched)
        self._changed.set()

    async def look(self, watched: Awaited, *, after: float) -> Sequence[Observed]:
        """Look at something.

        :param after: seconds to wait before.
        :raises Exception: what kept the watch from looking.
        """
        loop, now = asyncio.get_running_loop(), self._now()
        due = now + after
        request = Request(
            due=due,
            early=due - min(_EARLY * after, _EARLIEST_SECONDS),
            free=due - _FREE * after,
            answer=loop.create_future(),
        )
        watched.request = request
        if self._task is None or self._task.done():
            # In a context of its own: the watch must not write into the log of the task whose trigger came first.
            self._task = loop.create_task(self._run(), context=contextvars.Context())
        if request.due < self._wakes:
            self._changed.set()
        try:
            return await request.answer
        finally:
            watched.request = None

    async def _run(self) -> None:
        try:
            while self._watched:
                self._changed.clear()
                await self._wait()
                if due := self._due():
                    await self._sweep(due)
        except Exception as error:
            # A mistake in here must not leave triggers waiting for ever: each takes it as a look that failed.
            log.exception("The watch of %s failed; it begins anew.", self._key)
            self._fail(self._watched, error, early=True)

    async def _wait(self) -> None:
        """Wait until something is due, or may be."""
        now = self._now()
        first = min((item.request.due for item in self._watched if item.request), default=math.inf)
        self._figures.report(len(self._watched), now=now, next_due=first)
        self._wakes = min(first, self._figures.since + REPORT_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._wakes):
                await self._changed.wait()
        self._wakes = -math.inf

    def _due(self) -> list[Any]:
        """What to look at now, the most overdue first; nothing while nothing is due."""
        now = self._now()
        waiting = [(item.request, item) for item in self._watched if item.request and item.request.early <= now]
        if not any(request.due <= now for request, _ in waiting):
            return []
        return [item for _, item in sorted(waiting, key=lambda pair: pair[0].due)]

    async def _sweep(self, due: Sequence[Any]) -> None:
        """Look at everything that is due."""
        try:
            verbs = self._verbs = self._verbs or await self._call(due, _connect)
            if verbs is None:
                return
            self._limit(verbs.calls_per_second)
            for span, group in _spans(due, self._watched, many_days=verbs.lists_many_days):
                lists = span is not None and self._now() >= self._lists_from
                left = await self._list(span, group, ids_at_once=verbs.ids_at_once) if span and lists else group
                await self._read(left, ids_at_once=verbs.ids_at_once)
        except StormError as error:
            self._fail(due, error.cause)

    def _limit(self, rate: float) -> None:
        """Spend no more than a watch may, and than the account has; infinite where nothing is limited."""
        if self._budget is None:
            self._budget = Budget(rate if math.isinf(rate) else min(rate, CALLS_PER_SECOND))

    async def _list(self, span: tuple[date, date], wanted: list[Watched], *, ids_at_once: int) -> list[Watched]:
        """Look for what is due in the list of all instances, as far as that saves calls; return what is left."""
        listing = Listing(pages_left=LAST_PAGE)
        claims = _Claims(self._watched)
        alone: list[Watched] = []
        number = 1
        while number <= LAST_PAGE:
            wanted = self._staying(wanted)
            chosen = cheapest(listing, wanted, ids_at_once=ids_at_once)
            for item in (others := _without(wanted, chosen)):
                item.row = max(item.row or 0, listing.rows) or None
            alone += others
            if not chosen:
                break
            try:
                page = await self._ask(partial(self._page, span, number))
            except (RejectedError, PermissionDeniedError) as error:
                if self._is_renewed_by(error):
                    continue
                log.warning("The list of all instances is refused, so runs are looked at one by one: %s", error)
                self._lists_from = self._now() + REFUSED_SECONDS
                return [*alone, *chosen]
            except NotFoundError as error:
                self._take_blow(chosen, error)
                break
            except Exception as error:
                # Once more, before everybody waits for another interval.
                self._take_blow((), error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            seen = claims.take_in(page, first_row=listing.rows)
            self._tell_in_passing(filter(claims.shows_all_of, seen))
            found = [item for item in chosen if claims.shows_all_of(item)]
            self._tell(found)
            number += 1
            listing, wanted = listing.after(page, found=len(found)), _without(chosen, found)
        return alone

    def _page(self, span: tuple[date, date], number: int, hook: PaiDesignerHook) -> InstancePage:
        environment = Environment(self._key.environment)
        return hook.dataworks.list_newest(hook.workspace, environment, first=span[0], last=span[1], page=number)

    async def _read(self, wanted: Sequence[Watched], *, ids_at_once: int) -> None:
        """Look at what the list does not show, or not cheaply: by instance ids where they are known."""
        alone = [item for item in wanted if not item.single]
        for day, members in _batches(_without(wanted, alone), ids_at_once):
            if not (batch := self._staying(members)):
                continue
            found = await self._call(batch, partial(self._by_ids, day, batch))
            if found is None:
                continue
            by_id = {instance.id: instance for instance in found}
            there = [item for item in batch if item.known.keys() <= by_id.keys()]
            for item in there:
                item.learn(by_id[identity] for identity in item.known)
            self._tell(there)
            alone += _without(batch, there)
        for item in alone:
            if item in self._watched:
                await self._look_alone(item)

    def _by_ids(self, day: date, batch: Sequence[Watched], hook: PaiDesignerHook) -> Sequence[Instance]:
        return hook.dataworks.list_by_ids(
            hook.workspace,
            Environment(self._key.environment),
            business_date=day,
            ids=[identity for item in batch for identity in item.known],
        )

    async def _look_alone(self, item: Watched) -> None:
        found = await self._call([item], item.look, calls=item.calls)
        if found is not None:
            item.known = {instance.id: instance for instance in found}
            self._tell([item])

    async def _call(
        self, wanted: Sequence[Awaited], function: Callable[[PaiDesignerHook], _Result], *, calls: int = 1
    ) -> _Result | None:
        """Ask the service; None if that failed, and whoever wanted it was told."""
        try:
            return await self._ask(function, calls=calls)
        except Exception as error:
            self._take_blow(wanted, error)
            return None

    async def _ask(self, function: Callable[[PaiDesignerHook], _Result], *, calls: int = 1) -> _Result:
        if self._budget is not None:
            await self._budget.spend(calls)
        self._figures.calls += calls
        found = await in_pool(partial(_once, self._hook, function))
        self._failures = 0
        return found

    def _take_blow(self, wanted: Iterable[Awaited], error: Exception) -> None:
        """Tell who wanted it that nothing was seen; whatever keeps us from looking is not the runs' failure.

        :raises StormError: it has nothing to do with what was asked, and is not the first.
        """
        self._fail(wanted, error)
        if isinstance(error, ThrottledError):
            self._figures.throttled += 1
        if not getattr(error, "retryable", False) and self._now() - self._hook_made > _HOOK_SECONDS:
            # The connection may have been edited.
            self._hook, self._hook_made, self._verbs = self._new_hook(), self._now(), None
        if isinstance(error, _OF_THE_RUN):
            return
        self._failures += 1
        if self._failures >= _STORM:
            raise StormError(error)

    def _is_renewed_by(self, error: Exception) -> bool:
        """Tell whether a call for many that was refused may pass now, because the connection was read again."""
        made = self._hook_made
        self._take_blow((), error)
        return self._hook_made != made

    def _staying(self, items: Iterable[_Item]) -> list[_Item]:
        """Leave out what nobody waits for any more."""
        return [item for item in items if item in self._watched]

    def _tell(self, items: Iterable[Awaited]) -> None:
        """Give triggers what they wait for."""
        now = self._now()
        for item in items:
            if item.request and not item.request.answer.done():
                self._figures.lag = max(self._figures.lag, now - item.request.due)
                item.request.answer.set_result(tuple(item.known.values()))

    def _tell_in_passing(self, seen: Iterable[Watched]) -> None:
        """Give triggers what they will soon ask for, and who has ended at once: it costs no call."""
        now = self._now()
        near = (item for item in seen if item.request and (now >= item.request.free or item.has_ended))
        self._tell(item for item in near if item.is_complete)

    def _fail(self, items: Iterable[Awaited], error: Exception, *, early: bool = False) -> None:
        """Tell triggers that nothing was seen.

        :param early: tell those too that are not due yet; else who was told a moment ago may wait for the next look.
        """
        now = self._now()
        for item in items:
            if item.request and (early or item.request.early <= now) and not item.request.answer.done():
                item.request.answer.set_exception(error)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _new_hook(self) -> PaiDesignerHook:
        return PaiDesignerHook(self._key.conn_id, workspace=self._key.workspace, region=self._key.region)


class StormError(Exception):
    """The service lets nobody see at the moment."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class _Claims:
    """Whose instance is whose."""

    def __init__(self, everybody: Iterable[Watched]) -> None:
        self._by_dag: dict[int, list[Watched]] = defaultdict(list)
        self._by_id: dict[int, list[Watched]] = defaultdict(list)
        self._shown: set[int] = set()
        for watched in everybody:
            for dag_id in watched.dag_ids:
                self._by_dag[dag_id].append(watched)
            if not watched.dag_ids:
                for identity in watched.known:
                    self._by_id[identity].append(watched)

    def take_in(self, page: InstancePage, *, first_row: int) -> set[Watched]:
        """Let everybody learn what a page of the list shows of him; return who did."""
        seen: set[Watched] = set()
        for row, instance in enumerate(page.instances, start=first_row):
            for watched in (*self._by_dag.get(instance.remote_dag_id, ()), *self._by_id.get(instance.id, ())):
                watched.learn([instance])
                watched.row = row
                self._shown.add(instance.id)
                seen.add(watched)
        return seen

    def shows_all_of(self, watched: Watched) -> bool:
        """Whether the pages so far show every instance of somebody; those of an earlier sweep do not count."""
        return watched.is_complete and watched.known.keys() <= self._shown


def watch_of(key: WatchKey, kind: type[SharedWatch]) -> SharedWatch:
    """Return the one watch of this event loop for what is watched together.

    :param kind: of watch, where there is none yet.
    """
    watches = _watches.setdefault(asyncio.get_running_loop(), {})
    for idle in [other for other, watch in watches.items() if watch.is_idle and other != key]:
        del watches[idle]
    return watches.setdefault(key, kind(key))


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[WatchKey, SharedWatch]] = WeakKeyDictionary()


def _connect(hook: PaiDesignerHook) -> Verbs:
    """Read the connection and the workspace, which the hook keeps, and return the verbs."""
    assert hook.workspace
    return hook.dataworks


def _once(hook: PaiDesignerHook, function: Callable[[PaiDesignerHook], _Result]) -> _Result:
    with hook.one_attempt():
        return function(hook)


def _without(items: Iterable[Watched], others: Iterable[Watched]) -> list[Watched]:
    gone = set(others)
    return [item for item in items if item not in gone]


def _spans(
    due: Sequence[Watched], everybody: Iterable[Watched], *, many_days: bool
) -> Iterator[tuple[tuple[date, date] | None, list[Watched]]]:
    """Group what is due by the lists that show it; None for what no list shows.

    :param everybody: what is watched; a list for many days shows all of it, so that rows mean the same in each sweep.
    :param many_days: whether one list shows several business dates.
    """
    listable = [item for item in due if (item.dag_ids or item.known) and (many_days or item.days[0] == item.days[1])]
    if many_days:
        first, last = zip(*(item.days for item in (*due, *everybody)), strict=True)
        yield (min(first), max(last)), listable
    else:
        for days in {item.days for item in listable}:
            yield days, [item for item in listable if item.days == days]
    yield None, _without(due, listable)


def _batches(wanted: Iterable[Watched], size: int) -> Iterator[tuple[date, list[Watched]]]:
    """Group runs of one instance by the calls that read them by their ids."""
    by_day: dict[date, list[Watched]] = defaultdict(list)
    for item in wanted:
        if item.single:
            by_day[item.single.business_date].append(item)
    for day, items in by_day.items():
        for first in range(0, len(items), size):
            yield day, items[first : first + size]

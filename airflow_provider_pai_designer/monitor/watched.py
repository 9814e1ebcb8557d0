"""One run (or one day of a node's schedule) as the shared watch knows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_pai_designer.designer.run import DATES_AT_ONCE, Instance, Observed, Outcome

if TYPE_CHECKING:
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook


@dataclass(slots=True, kw_only=True)
class Request:
    """The wish of a trigger to see what it awaits.

    :param due: when, in the loop's time.
    :param early: from when on it may be granted together with others.
    :param free: from when on it may be granted where that costs nothing.
    """

    due: float
    early: float
    free: float
    answer: asyncio.Future[Sequence[Observed]]


class Awaited(Protocol):
    """What a watch looks at for a trigger.

    :var known: what was seen of it last, by its id.
    """

    request: Request | None

    @property
    def known(self) -> Mapping[Any, Observed]: ...


@dataclass(slots=True, eq=False, kw_only=True)
class Watched:
    """Something with instances, and what is known of them.

    :param days: first and last business date.
    :param look: looks at this alone; in a thread.
    :param is_whole: whether these instances are all there are, as far as that can be told from them.
    :param dag_ids: remote DAGs whose instances belong to this; none where only known instances do.
    :param known: the instances by id, as they were seen last.
    :param row: the row of the list in which the deepest of them was seen last, from 0; None before.
    """

    days: tuple[date, date]
    look: Callable[[PaiDesignerHook], Sequence[Instance]]
    is_whole: Callable[[Sequence[Instance]], bool] = bool
    dag_ids: tuple[int, ...] = ()
    known: dict[int, Instance] = field(default_factory=dict)
    row: int | None = None
    request: Request | None = None

    @property
    def created(self) -> int:
        """When the oldest instance was made, epoch milliseconds; 0 where that is not known."""
        return min((instance.created or 0 for instance in self.known.values()), default=0)

    @property
    def is_complete(self) -> bool:
        """Whether the known instances are all there are."""
        return bool(self.known) and self.is_whole(list(self.known.values()))

    @property
    def has_ended(self) -> bool:
        """Whether every instance has."""
        return self.is_complete and all(item.outcome is not Outcome.ACTIVE for item in self.known.values())

    @property
    def single(self) -> Instance | None:
        """The one instance of a run that has no more."""
        return next(iter(self.known.values())) if len(self.known) == 1 and self.is_complete else None

    def price(self, ids_at_once: int) -> float:
        """How many calls it takes to read this apart from the list."""
        return 1 / ids_at_once if self.single else self.calls

    @property
    def calls(self) -> int:
        """How many calls it takes to look at this alone."""
        return max(1, min(DATES_AT_ONCE, len(self.dag_ids)))

    def learn(self, instances: Iterable[Instance]) -> None:
        """Keep what was seen."""
        self.known |= {instance.id: instance for instance in instances}

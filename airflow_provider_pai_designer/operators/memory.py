"""Where a task keeps its record: Airflow's task state store, which outlives the tries of a task (Airflow 3.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic

from airflow_provider_pai_designer.designer.record import Record
from airflow_provider_pai_designer.designer.run import Asked

if TYPE_CHECKING:
    from airflow.sdk import Context

KEY = "pai_designer_run"

log = logging.getLogger(__name__)


class RunMemory(Generic[Asked]):
    """Keeps the record of one task instance.

    Writing goes through the task's supervisor and Airflow's API. So it is a fence too: a task process whose supervisor
    is dead, beside which the next try may run already, fails here and asks for nothing.

    :param read_run: reads the run in a record.
    :param durable: False keeps nothing; the fence stays.
    """

    def __init__(self, context: Context, *, read_run: Callable[[Mapping[str, Any]], Asked], durable: bool) -> None:
        self._read_run = read_run
        self._ti: Any = context["ti"]
        self._store: Any = context.get("task_state_store") if durable else None

    @property
    def outlives_tries(self) -> bool:
        """Whether a later try will find what is kept here."""
        return self._store is not None

    def load(self) -> Record[Asked] | None:
        """Return what was kept last."""
        kept = self._store.get(KEY) if self._store is not None else None
        if kept is None:
            return None
        try:
            return Record.from_dict(kept, self._read_run)
        except (KeyError, TypeError, ValueError) as error:
            log.warning("What this task kept of its run cannot be read (%s: %s); it begins anew.", error, kept)
            return None

    def save(self, record: Record[Asked]) -> None:
        """Keep a record, before anything is asked for in its name."""
        if self._store is not None:
            self._store.set(KEY, record.to_dict())
        else:
            self._ti.xcom_push(key="run_name", value=record.run.name)

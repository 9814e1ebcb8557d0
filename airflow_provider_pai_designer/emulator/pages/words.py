"""What all pages say alike: states, times, lengths of time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.emulator.world import World, local

_KINDS = {"SUCCESS": "good", "FAILURE": "bad", "RUNNING": "running"}
_EXECUTED = ("NORMAL", "MANUAL")


@dataclass(frozen=True, kw_only=True)
class State:
    """A state: its word, and the kind that gives it its shape and colour.

    :param kind: ``waiting``, ``running``, ``good``, ``bad``, or ``dry`` for a success that did nothing.
    """

    word: str
    kind: str
    note: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether it is going to change by itself."""
        return self.kind in ("waiting", "running")


def state_of(status: str, *, note: str = "") -> State:
    """Return a state in the vendor's word."""
    return State(word=status, kind=_KINDS.get(status, "waiting"), note=note)


def instance_state(instance: sqlite3.Row, *, stopping: bool = False) -> State:
    """Return the state of an instance."""
    status, task_type = instance["status"], instance["task_type"]
    if status == "SUCCESS" and task_type not in _EXECUTED:
        return State(word=status, kind="dry", note=f"dry run, {task_type}")
    if stopping:
        return state_of(status, note="asked to stop")
    if status == "FAILURE" and instance["open"]:
        return state_of(status, note="will be rerun")
    return state_of(status, note="frozen" if task_type == "PAUSE" else "held" if instance["held"] else "")


@dataclass(frozen=True, kw_only=True)
class Times:
    """How a workspace writes times."""

    zone: ZoneInfo

    @classmethod
    def of(cls, world: World, workspace_id: int) -> Times:
        """Return them for a workspace."""
        return cls(zone=world.zone(workspace_id))

    def moment(self, at: int | None) -> str:
        """Write a time to the second; empty where there is none."""
        return "" if at is None else f"{local(at, self.zone):%Y-%m-%d %H:%M:%S}"

    def day(self, at: int | None) -> str:
        """Write a day."""
        return "" if at is None else f"{local(at, self.zone):%Y-%m-%d}"


def length(milliseconds: int | None) -> str:
    """Write a length of time: ``4.2 s``, ``3 min 05 s``, ``2 h 07 min``; empty where there is none."""
    if milliseconds is None:
        return ""
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"

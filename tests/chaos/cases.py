"""Everything that befalls a task, and what is to come of it: the guarantee of docs/durability.md, case by case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.barriers import FIRING, IN_THE_DEPLOYMENT, LOOKING, POINTS
from tests.chaos.kinds import LIMIT, MODES, SETTLE
from tests.generations import LEGACY, NEW

IN_MAKE_TEST, IN_SMOKE, IN_ALL = LEVELS = ("test", "smoke", "all")
SUCCESS, STOPPED = "SUCCESS", "FAILURE"
TASK, BOTH, SUPERVISOR = KILLS = ("task killed", "task and supervisor killed", "supervisor killed")
EVICTION = "SIGTERM to the worker"
NOTHING = "-"
AWHILE = {"steps": [{"behaviour": "slow", "node": "chaos", "step": "*", "seconds": 12, "times": 1}]}
LONG = {"steps": [{**AWHILE["steps"][0], "seconds": 25}]}
"""A run that goes on for so long that a later try meets it, or another triggerer."""
TWO = {
    "steps": [
        {"behaviour": "slow", "node": "chaos", "step": "Write Table-1", "seconds": 8, "times": 1},
        {"behaviour": "slow", "node": "chaos", "step": "Write Table-1", "seconds": 60},
    ]
}
"""Two runs, of which the older one ends first."""

_BEFORE_THE_RUN = POINTS[:3]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a task came to.

    :param runs: how each run ended that DataWorks has of it, the oldest first.
    """

    state: str = "success"
    tries: int = 2
    runs: tuple[str, ...] = (SUCCESS,)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One thing that befalls a task.

    :param point: where the task is held when it happens; a name that no barrier has holds nothing.
    :param event: what happens there.
    :param then: what the user or Airflow does about it.
    :param kind: of the DAG.
    :param seed: how DataWorks behaves.
    :param level: with which of :data:`LEVELS` the case begins to run.
    """

    point: str
    event: str
    mode: str
    then: str = "retry"
    generation: str = LEGACY.name
    kind: str = "usual"
    seed: Mapping[str, Any] = field(default_factory=dict)
    expected: Outcome = Outcome()
    level: str = IN_ALL

    def __str__(self) -> str:
        """Name it in the report of the tests."""
        return ", ".join((self.point, self.event, self.then, self.mode, self.generation))


def _held(mode: str) -> tuple[str, ...]:
    """The points that a task comes by; one that waits deferred has no process."""
    return tuple(point for point in POINTS if (point, mode) != ("while it waits", "deferred"))


_IN_MAKE_TEST = {
    ("between record and call", TASK, "in place"),
    ("in the call, after the service acted", TASK, "deferred"),
    ("in the call, before it is sent", SUPERVISOR, "in place"),
    ("after the record", BOTH, "deferred"),
}
_IN_SMOKE = {("while it waits", EVICTION, "in place")}


def _level(point: str, event: str, mode: str) -> str:
    if (point, event, mode) in _IN_MAKE_TEST:
        return IN_MAKE_TEST
    return IN_SMOKE if (point, event, mode) in _IN_SMOKE else IN_ALL


_UNTOUCHED = Outcome(tries=1)
RETRIES = [
    Case(
        point=point,
        event=event,
        mode=mode,
        # whoever is told to end with the run's end in hand has nothing left to pause for
        expected=_UNTOUCHED if (point, event) == ("during the end", EVICTION) else Outcome(),
        level=_level(point, event, mode),
    )
    for event in (*KILLS, EVICTION)
    for mode in MODES
    for point in _held(mode)
] + [
    Case(
        point=point,
        event=TASK,
        mode=mode,
        generation=NEW.name,
        level=IN_SMOKE if (point, mode) == ("in the call, after the service acted", "in place") else IN_ALL,
    )
    for mode in MODES
    for point in _held(mode)
]

DEPLOYS = [
    Case(point=point, event=event, mode="in place", generation=generation, kind="deploying")
    for point in IN_THE_DEPLOYMENT
    for event in (TASK, SUPERVISOR)
    for generation in (LEGACY.name, NEW.name)
]

JOINS = [
    Case(point=point, event=event, mode=mode, seed=LONG, then="retry while the run goes on")
    for event in (BOTH, SUPERVISOR, EVICTION)
    for point, mode in (
        ("after the record", "in place"),
        ("after the record", "deferred"),
        ("while it waits", "in place"),
    )
]

ORPHANS = [
    Case(
        point=point,
        event=SUPERVISOR,
        mode=mode,
        then="retry, then the old process wakes up",
        # the one hole: it had written its record, and nobody is left to find its run
        expected=Outcome(runs=(SUCCESS, SUCCESS) if point == "in the call, before it is sent" else (SUCCESS,)),
    )
    for mode in MODES
    for point in _held(mode)
] + [
    Case(
        point="in the call, before it is sent",
        event=SUPERVISOR,
        mode=mode,
        then="retry, beside which the old process wakes up",
        seed=TWO,
        expected=Outcome(runs=(SUCCESS, STOPPED)),
    )
    for mode in MODES
]


def _cleared(point: str) -> Outcome:
    """What a task comes to that is cleared at a point."""
    if point in _BEFORE_THE_RUN:
        return Outcome()
    # a run that had ended well is what the user wants to have again
    return Outcome(runs=(SUCCESS if point == "during the end" else STOPPED, SUCCESS))


CLEARS = [
    Case(
        point=point,
        event=event,
        mode=mode,
        then="clear",
        kind=kind,
        seed=LONG if point in POINTS[3:7] else {},
        expected=_cleared(point),
        level=IN_SMOKE if (point, event, mode) == ("after the record", TASK, "deferred") else IN_ALL,
    )
    for event, kind in ((NOTHING, "usual"), (TASK, "patient"))
    for mode in MODES
    for point in _held(mode)
] + [
    # for Airflow this is a task that failed, so the epoch stays
    Case(
        point="after the record",
        event=BOTH,
        mode=mode,
        then="clear before Airflow has noticed",
        seed=LONG,
    )
    for mode in MODES
]

_ASKS = {LEGACY.name: LEGACY.start_test, NEW.name: NEW.start_test}
_LATE = {"behaviour": "later", "seconds": SETTLE + 3}
_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "answer lost": {"behaviour": "close", "done": True},
    "question lost": {"behaviour": "close"},
    "acts late, within settle": {"behaviour": "later", "seconds": SETTLE - 2},
    "acts later than settle": _LATE,
}
LOST = [
    Case(
        point=LOOKING if event else "in the call",
        event=f"{fault}, {event}" if event else fault,
        mode=mode,
        then="retry" if event else "-",
        generation=generation,
        seed={
            "faults": [{**_FAULTS[fault], "operation": _ASKS[generation], "times": 1}],
            **(TWO if _FAULTS[fault] is _LATE else {}),
        },
        expected=Outcome(tries=2 if event else 1, runs=(SUCCESS, STOPPED) if _FAULTS[fault] is _LATE else (SUCCESS,)),
    )
    for fault in _FAULTS
    for generation, event in ((LEGACY.name, ""), (NEW.name, ""), (LEGACY.name, TASK))
    for mode in MODES
]

_TRIGGERER = (
    ("while deferred", "SIGKILL", IN_SMOKE),
    ("while deferred", "SIGKILL twice", IN_ALL),
    ("while deferred", "SIGTERM", IN_ALL),
    ("while deferred", "SIGKILL, another takes over", IN_ALL),
    ("while deferred", "SIGTERM, another takes over", IN_ALL),
    ("while deferred", "it stands still, another takes over", IN_SMOKE),
    (FIRING, "SIGKILL", IN_ALL),
    (FIRING, "SIGTERM", IN_ALL),
    ("during the end", "SIGKILL", IN_ALL),
    ("during the end", "SIGTERM", IN_ALL),
)
TRIGGERERS = [
    Case(
        point=point,
        event=event,
        mode="deferred",
        then="-",
        seed=LONG if "another" in event else AWHILE if point == "while deferred" else {},
        expected=_UNTOUCHED,
        level=level,
    )
    for point, event, level in _TRIGGERER
]

HANGS = {"steps": [{"behaviour": "hang", "node": "chaos", "step": "*", "times": 1}]}
_CANCELLED = Outcome(state="failed", tries=1, runs=(STOPPED,))
_CANCELS = {
    "failed": _CANCELLED,
    "success": Outcome(tries=1, runs=(STOPPED,)),
    "clear": Outcome(runs=(STOPPED, SUCCESS)),
    "timeout": _CANCELLED,
    "execution_timeout": _CANCELLED,
    "dagrun_timeout": Outcome(state="skipped", tries=1, runs=(STOPPED,)),
}
BY_HAND = ("failed", "success", "clear")
CANCELS = [
    Case(
        point="not held",
        event="a user" if how in BY_HAND else f"{LIMIT} seconds have passed",
        mode=mode,
        then=how,
        kind="usual" if how in BY_HAND else how,
        seed=HANGS,
        expected=expected,
        level=IN_SMOKE if how in BY_HAND else IN_ALL,
    )
    for how, expected in _CANCELS.items()
    for mode in MODES
]

"""What happens in a soak, and when: drawn from one number, so that it can be had again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.soak.kinds import GENERATIONS, KINDS, dag_of, node_of

RUNS_PER_MINUTE = 20 / 3
FAULTY = 0.1
"""The share of calls that meet a fault."""

KILLS = {
    "task": 30,
    "supervisor": 20,
    "supervisor and task": 20,
    "triggerer, SIGKILL": 12,
    "triggerer, SIGTERM": 8,
    "scheduler, SIGTERM": 4,
}
CANCELS = ("clear", "failed")
_KILL_EVERY_SECONDS, _CANCEL_EVERY_SECONDS = 12, 60

_WEATHER: tuple[Mapping[str, Any], ...] = (
    {"behaviour": "http", "status": 429, "code": "Throttling.User"},
    {"behaviour": "http", "status": 503, "code": "ServiceUnavailable", "retry_after": 500},
    {"behaviour": "http", "status": 500},
    {"behaviour": "http", "status": 500, "done": True},
    {"behaviour": "reset"},
    {"behaviour": "reset", "done": True},
    {"behaviour": "close"},
    {"behaviour": "close", "done": True},
    {"behaviour": "later", "seconds": 3},
    {"behaviour": "delay", "seconds": 2},
    {"behaviour": "hang"},
    {"behaviour": "hang", "done": True},
    {"behaviour": "html"},
    {"behaviour": "garbage"},
    {"behaviour": "garbage", "done": True},
    {"behaviour": "truncated"},
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happens.

    :param at: seconds from the beginning.
    :param what: ``run``, ``kill`` or ``cancel``.
    :param how: the DAG that runs, what is killed, or how it is cancelled.
    :param steps: behaviour of the steps of the next runs of the node, as a seed of the emulator has it.
    """

    at: float
    what: str
    how: str
    steps: tuple[Mapping[str, Any], ...] = ()


def weather(random: Random) -> list[dict[str, Any]]:
    """Faults of which each call meets one with the chance :data:`FAULTY`, each kind as often as any other."""
    share = FAULTY / len(_WEATHER)
    return [
        # each is drawn for the calls that the ones before it have spared
        {**fault, "times": None, "chance": share / (1 - share * position), "draw": random.randrange(10**9)}
        for position, fault in enumerate(_WEATHER)
    ]


def plan(random: Random, minutes: float) -> list[Event]:
    """Draw what happens, in its order."""
    return sorted(
        [*_runs(random, minutes), *_kills(random, minutes), *_cancels(random, minutes)], key=lambda event: event.at
    )


def _runs(random: Random, minutes: float) -> Iterator[Event]:
    number = round(minutes * RUNS_PER_MINUTE)
    for at in sorted(random.uniform(0, minutes * 60) for _ in range(number)):
        (kind,) = random.choices(list(KINDS), list(KINDS.values()))
        yield Event(at=at, what="run", how=dag_of(kind, random.choice(GENERATIONS)), steps=_steps(random, kind))


def _steps(random: Random, kind: str) -> tuple[Mapping[str, Any], ...]:
    drawn = random.random()
    if kind == "doomed" or drawn > 0.45:
        return ()
    once = {"node": node_of(kind), "step": "*", "times": 1}
    if drawn < 0.2:
        return ({**once, "behaviour": "fail"},)
    return ({**once, "behaviour": "slow", "seconds": random.uniform(10, 40)},)


def _kills(random: Random, minutes: float) -> Iterator[Event]:
    for at in _moments(random, minutes, _KILL_EVERY_SECONDS):
        (what,) = random.choices(list(KILLS), list(KILLS.values()))
        yield Event(at=at, what="kill", how=what)


def _cancels(random: Random, minutes: float) -> Iterator[Event]:
    for at in _moments(random, minutes, _CANCEL_EVERY_SECONDS):
        yield Event(at=at, what="cancel", how=random.choice(CANCELS))


def _moments(random: Random, minutes: float, every: float) -> Iterator[float]:
    at = random.expovariate(1 / every)
    while at < minutes * 60:
        yield at
        at += random.expovariate(1 / every)

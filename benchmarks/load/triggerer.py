"""One process that runs triggers in one event loop, and measures itself; driven by lines on its standard streams.

It reads a plan, prints ``ready``, reads when the window begins and ends, and prints what it measured:

* processor time and memory over those of as many triggers that only sleep, in the same process;
* the longest lateness of a task that wants to wake up every five milliseconds;
* the moment of every event.

One trigger is run before, so that imports, which happen once per process, are not in the figures.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

from airflow.triggers.base import BaseTrigger

from benchmarks.load.triggers import idle, make

_BEAT = 0.005
_BASELINE_SECONDS = 3.0
_WARM_UP_SECONDS = 4.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Heart:
    """Beats every five milliseconds, and keeps how late it ever was."""

    def __init__(self) -> None:
        self.worst = 0.0

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            due = time.perf_counter() + _BEAT
            await asyncio.sleep(_BEAT)
            self.worst = max(self.worst, time.perf_counter() - due)


def _cpu() -> float:
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def _resident() -> float:
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * _PAGE / 2**20


class Triggerer:
    """Runs the triggers of a plan.

    :param plan: subject, runs and connection, see :mod:`benchmarks.load.measure`.
    :param out: where the lines go.
    """

    def __init__(self, plan: dict[str, Any], out: TextIO) -> None:
        self._plan, self._out = plan, out
        self._events: dict[int, float] = {}
        self._failures: list[str] = []

    async def run(self) -> None:
        """Do all of it."""
        heart = Heart()
        beating = asyncio.create_task(heart.beat())
        await self._warm_up()
        triggers = make(self._plan)
        idle_cpu, idle_memory = await self._measure_idle(len(triggers))
        self._say("ready")
        start, begin, end, last = json.loads(await asyncio.to_thread(sys.stdin.readline))
        await asyncio.sleep(start - time.time())
        tasks = [asyncio.create_task(self._follow(number, trigger)) for number, trigger in enumerate(triggers)]
        await asyncio.sleep(begin - time.time())
        heart.worst, cpu, started = 0.0, _cpu(), time.perf_counter()
        await asyncio.sleep(end - time.time())
        seconds = time.perf_counter() - started
        figures = {
            "cpu": (_cpu() - cpu) / seconds - idle_cpu,
            "stall": heart.worst,
            "mebibytes": _resident() - idle_memory,
        }
        expected = set(self._plan["ending"])
        while time.time() < last and not expected <= set(self._events):
            await asyncio.sleep(0.2)
        self._say(json.dumps({**figures, "events": self._events, "failures": self._failures}))
        # what still runs ends with the process: a thousand cancellations are not what is measured
        beating.cancel()
        for task in tasks:
            task.cancel()

    async def _warm_up(self) -> None:
        (trigger,) = make({**self._plan, "runs": self._plan["runs"][:1]})
        await self._run_for(_WARM_UP_SECONDS, [trigger])

    async def _measure_idle(self, count: int) -> tuple[float, float]:
        """Return processor share and memory of as many triggers that only sleep."""
        cpu, started = _cpu(), time.perf_counter()
        tasks = [asyncio.create_task(_exhaust(trigger)) for trigger in idle(count)]
        await asyncio.sleep(_BASELINE_SECONDS / 2)
        cpu, started = _cpu(), time.perf_counter()
        await asyncio.sleep(_BASELINE_SECONDS)
        figures = (_cpu() - cpu) / (time.perf_counter() - started), _resident()
        await _cancel(tasks)
        return figures

    async def _run_for(self, seconds: float, triggers: Sequence[BaseTrigger]) -> None:
        tasks = [asyncio.create_task(_exhaust(trigger)) for trigger in triggers]
        await asyncio.sleep(seconds)
        await _cancel(tasks)

    async def _follow(self, number: int, trigger: BaseTrigger) -> None:
        await asyncio.sleep(self._plan["ramp"] * number / len(self._plan["runs"]))
        try:
            await _exhaust(trigger)
        except Exception as error:
            # as in Airflow, where it fails the task that waits
            self._failures.append(f"{type(error).__name__}: {error}"[:300])
        self._events[number] = time.time()

    def _say(self, line: str) -> None:
        print(line, file=self._out, flush=True)


async def _exhaust(trigger: BaseTrigger) -> None:
    async for _ in trigger.run():
        return


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    """Run as a process of its own; what else is printed, the log above all, goes nowhere."""
    out = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    plan = json.loads(sys.stdin.readline())
    asyncio.run(Triggerer(plan, out).run())
    os._exit(0)


if __name__ == "__main__":
    main()

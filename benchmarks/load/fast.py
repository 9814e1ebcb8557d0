"""An event loop in which an hour passes at once: whenever it would wait, its clock and the emulator's move on instead.

For loads of hours. The process lives in simulated time from then on, so it must be one of its own:
``python -m benchmarks.load.fast '{"runs": 1, "ends": [3600]}'`` prints the calls and the delays.
"""

from __future__ import annotations

import asyncio
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, Unpack

from airflow_provider_pai_designer.emulator.control_client import ClockControl
from airflow_provider_pai_designer.emulator.launch import launch
from benchmarks.load.case import Case
from benchmarks.load.world import connection, write

_Arguments = TypeVarTuple("_Arguments")
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class Watching:
    """What it took to see some runs end.

    :param calls: of all operations together.
    :param delays: seconds from the end of a run to its trigger's event.
    """

    calls: int
    delays: tuple[float, ...]


def watch(ends: Sequence[float], **arguments: Any) -> Watching:
    """Watch runs that begin together, in a process of its own.

    :param ends: seconds after which each of them ends.
    :param arguments: of the triggers.
    """
    command = ["nice", sys.executable, "-m", "benchmarks.load.fast", json.dumps({"ends": ends, "arguments": arguments})]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    result = json.loads(output.splitlines()[-1])
    return Watching(calls=result["calls"], delays=tuple(result["delays"]))


class _Time:
    """Simulated time: it stands still but where the loop would wait."""

    def __init__(self, clock: ClockControl) -> None:
        self._clock = clock
        self._now = clock.read().now / 1000
        self.busy = 0

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now = self._clock.advance(seconds).now / 1000


class _Selector(selectors.DefaultSelector):
    """Waits for sockets and threads in real time, and for the clock not at all."""

    def __init__(self, simulated: _Time) -> None:
        super().__init__()
        self._time = simulated

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._time.busy or timeout is None:
            return super().select(None)
        # a clock of milliseconds must get beyond the moment that is waited for
        self._time.advance(timeout + 0.001)
        return []


class _Loop(asyncio.SelectorEventLoop):
    """Knows which threads work for it: time must not pass meanwhile."""

    def __init__(self, simulated: _Time) -> None:
        super().__init__(_Selector(simulated))
        self._simulated = simulated

    def time(self) -> float:
        return self._simulated.now()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Arguments]], _Result], *args: *_Arguments
    ) -> asyncio.Future[_Result]:
        self._simulated.busy += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._rest)
        return future

    def _rest(self, _: object) -> None:
        self._simulated.busy -= 1


async def _follow(runs: Sequence[dict[str, Any]], arguments: dict[str, Any]) -> list[float]:
    from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger

    async def event_of(run: dict[str, Any]) -> float:
        plain = {name: value for name, value in run.items() if name != "since"}
        trigger = PaiDesignerRunTrigger(
            pai_designer_conn_id="pai_designer_default", run=plain, since=run["since"], **arguments
        )
        async for _ in trigger.run():
            break
        return time.time()

    return await asyncio.gather(*(event_of(run) for run in runs))


def main() -> None:
    """Watch, and print a line of JSON."""
    asked = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="pai-designer-bench-") as scratch:
        folder = Path(scratch) / "data"
        folder.mkdir()
        # the seconds in which the emulator counts calls are real ones
        watched = write(folder, Case(runs=len(asked["ends"])), ages=(0, 0), ends=asked["ends"], quota="off")
        with launch(data=folder) as emulator:
            os.environ.update(connection(emulator.url))
            import airflow.triggers.base  # noqa: F401 - what Airflow reads of the time at its import is the real one

            simulated = _Time(emulator.control.clock)
            time.time = time.monotonic = simulated.now
            with asyncio.Runner(loop_factory=lambda: _Loop(simulated)) as runner:
                events = runner.run(_follow([item.run for item in watched], asked["arguments"]))
            finished = {row["id"]: row["finished"] / 1000 for row in emulator.control.rows("instances")}
            delays = [event - finished[item.identity] for event, item in zip(events, watched, strict=True)]
            print(json.dumps({"calls": emulator.control.calls(), "delays": delays}), file=out, flush=True)


if __name__ == "__main__":
    main()

"""Measuring loads: a service, the triggerers, a window, and the figures."""

from __future__ import annotations

import json
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from benchmarks.load.case import DATABRICKS, DBT, INTERVALS, MANY, OURS, SDK, Case, Load
from benchmarks.load.services import Door, JobService, Relay, certificate, listening
from benchmarks.load.world import ACCESS_KEY_ID, ACCESS_KEY_SECRET, WORKSPACES, Watched, connection, spread, write

_MOST_ENDS = 100
_AGES = (2400.0, 700.0)
"""Seconds since the first and the last run of ours was started: all of them are polled as rarely as any run is."""

_OFFSETS = {DBT: 12.0}
"""Seconds by which the triggers begin later, so that the bursts of the two providers do not meet."""

_SETTLING_SECONDS, _SETTLING_MANY_SECONDS = 8.0, 30.0
"""Seconds between the start of our triggers and the window: a watch makes its first calls at once, and five watches
that share the account's rate need longer for them. The peers poll in step from the first second on, so that a window of
whole intervals holds as many polls wherever it begins."""

_PATIENCE = {OURS: 95.0, SDK: 35.0, DATABRICKS: 35.0, DBT: 65.0}
"""Seconds after the window in which ends of the window must have been seen."""

_NOTICE = 2.0
"""Seconds before the triggers begin, in which all processes are told."""

CALLS_PER_SECOND = 5.0
_READY_SECONDS = 240


@dataclass(kw_only=True)
class Site:
    """A case with its service and its triggerers.

    :param door: what the triggerers reach; of an emulator a relay before it, which sees the connections.
    :param begin: when the window begins, epoch seconds.
    """

    case: Case
    door: Door
    emulator: Emulator | None
    watched: Sequence[Watched]
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    begin: float = 0.0
    requests: int = 0
    throttled: int = 0
    handshakes: int = 0
    _lag: float = 0.0

    def start(self) -> None:
        """Let the time of the service begin to pass."""
        if self.emulator:
            # its clock lies behind by the time that everything took to start
            self._lag = time.time() - self.emulator.control.clock.resume().now / 1000
        elif isinstance(self.door, JobService):
            now = time.time()
            self.door.ends = {item.identity: now + item.ends for item in self.watched if item.ends is not None}

    def begin_window(self) -> None:
        """Count from here."""
        requests, throttled = self._count()
        self.requests, self.throttled = -requests, -throttled
        self.handshakes, self.door.most_open = -self.door.connections, self.door.open

    def end_window(self) -> None:
        """Count up to here."""
        requests, throttled = self._count()
        self.requests += requests
        self.throttled += throttled
        self.handshakes += self.door.connections

    def ends(self) -> dict[int, float]:
        """Tell when the runs that have ended did so: number of the run to epoch seconds."""
        if isinstance(self.door, JobService):
            ended = dict(self.door.ends)
        else:
            assert self.emulator is not None
            rows = self.emulator.control.rows("instances")
            ended = {row["id"]: row["finished"] / 1000 + self._lag for row in rows if row["finished"]}
        return {number: ended[item.identity] for number, item in enumerate(self.watched) if item.identity in ended}

    def plan(self, index: int, bundle: Path) -> dict[str, Any]:
        """Return what one of the processes needs to know."""
        share = self.watched[index :: self.case.processes]
        return {
            "subject": self.case.subject,
            "runs": [item.run for item in share],
            "ending": [number for number, item in enumerate(share) if item.ends is not None],
            "ramp": INTERVALS.get(self.case.subject, 0) if self.case.runs >= MANY else 0,
            "endpoint": f"127.0.0.1:{self.door.port}",
            "bundle": str(bundle),
            "key": [ACCESS_KEY_ID, ACCESS_KEY_SECRET],
            "workspace_id": WORKSPACES[self.case.new].id,
        }

    def airflow_connections(self) -> dict[str, str]:
        """Return the environment variables that are the Airflow connections of the subjects."""
        # what the account has; a process cannot know of the others
        ours = connection(
            f"http://127.0.0.1:{self.door.port}",
            new=self.case.new,
            calls_per_second=CALLS_PER_SECOND / self.case.processes,
        )
        peers: dict[str, dict[str, Any]] = {
            "DATABRICKS_DEFAULT": {
                "conn_type": "databricks",
                "host": "127.0.0.1",
                "port": self.door.port,
                "schema": "https",
                "password": "token",
            },
            "DBT_CLOUD_DEFAULT": {
                "conn_type": "dbt_cloud",
                "host": f"127.0.0.1:{self.door.port}",
                "login": "1",
                "password": "token",
            },
        }
        return ours | {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in peers.items()}

    def _count(self) -> tuple[int, int]:
        """Return the requests so far, and those that were refused for there being too many."""
        if self.emulator is None:
            return self.door.requests, 0
        counters = self.emulator.control.counters()
        refused = sum(item.calls for item in counters if item.outcome.startswith("Throttling"))
        return sum(item.calls for item in counters), refused


def measure(cases: Sequence[Case], *, seconds: float) -> dict[Case, Load]:
    """Measure cases at the same time, each with its own service and processes.

    :param seconds: length of the window.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pai-designer-bench-")))
        tls = certificate(folder)
        contexts = [_site(case, folder / str(number), tls, seconds) for number, case in enumerate(cases)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            sites = list(pool.map(stack.enter_context, contexts))
        for site in sites:
            for process in site.processes:
                _line(process, _READY_SECONDS)
        return _watch(sites, seconds)


def _watch(sites: Sequence[Site], seconds: float) -> dict[Case, Load]:
    started = time.time() + _NOTICE
    moments: list[tuple[float, Callable[[], None]]] = []
    for site in sites:
        start = started + _OFFSETS.get(site.case.subject, 0)
        site.begin = start + _settling(site.case)
        site.start()
        window = [start, site.begin, site.begin + seconds, site.begin + seconds + _PATIENCE[site.case.subject]]
        for process in site.processes:
            assert process.stdin is not None
            print(json.dumps(window), file=process.stdin, flush=True)
        moments += [(site.begin, site.begin_window), (site.begin + seconds, site.end_window)]
    for moment, act in sorted(moments, key=lambda item: item[0]):
        time.sleep(max(0.0, moment - time.time()))
        act()
    return {site.case: _figures(site, seconds) for site in sites}


def _figures(site: Site, seconds: float) -> Load:
    measured = [json.loads(_line(process, seconds + _READY_SECONDS)) for process in site.processes]
    # process k has the runs k, k + processes, k + 2 * processes, ...
    events = {
        int(number) * len(site.processes) + index: moment
        for index, result in enumerate(measured)
        for number, moment in result["events"].items()
    }
    failures = [failure for result in measured for failure in result["failures"]]
    for failure in sorted(set(failures))[:3]:
        print(f"  {site.case.subject}, {site.case.runs} runs: {failure}", file=sys.stderr)
    ended = {number: moment for number, moment in site.ends().items() if site.begin <= moment < site.begin + seconds}
    return Load(
        calls=site.requests / seconds,
        connections=site.door.most_open,
        handshakes=site.handshakes / seconds,
        throttled=site.throttled,
        failures=len(failures),
        cpu=sum(result["cpu"] for result in measured),
        mebibytes=sum(result["mebibytes"] for result in measured),
        stall=max(result["stall"] for result in measured),
        delays=tuple(sorted(max(0.0, events[number] - end) for number, end in ended.items() if number in events)),
        ends=len(ended),
    )


def _settling(case: Case) -> float:
    if case.subject != OURS:
        return 0.0
    return _SETTLING_MANY_SECONDS if case.runs >= MANY else _SETTLING_SECONDS


@contextmanager
def _site(case: Case, folder: Path, tls: tuple[ssl.SSLContext, Path], seconds: float) -> Iterator[Site]:
    folder.mkdir()
    count = min(_MOST_ENDS, max(1, case.runs // 5)) if case.runs < MANY else 0
    lead = _NOTICE + _OFFSETS.get(case.subject, 0) + _settling(case)
    ends = [lead + seconds * (number * 0.618 % 1) for number in range(count)]
    with ExitStack() as stack:
        emulator: Emulator | None = None
        door: Door
        if case.subject in (OURS, SDK):
            watched = write(folder, case, ages=_AGES, ends=ends)
            emulator = stack.enter_context(launch(data=folder))
            door = Relay(int(emulator.url.rpartition(":")[2]), None if case.subject == OURS else tls[0])
        else:
            ending = spread(ends, case.runs)
            watched = [Watched(run={"id": n}, identity=n, ends=ending.get(n)) for n in range(case.runs)]
            door = JobService(tls[0])
        stack.enter_context(listening(door))
        site = Site(case=case, door=door, emulator=emulator, watched=watched)
        for index in range(case.processes):
            home = folder / f"airflow-{index}"
            home.mkdir()
            site.processes.append(stack.enter_context(_triggerer(site, index, home, tls[1])))
        yield site


@contextmanager
def _triggerer(site: Site, index: int, home: Path, bundle: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that runs its share of the triggers."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment = {
        **inherited,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/none.db",
        "SSL_CERT_FILE": str(bundle),
        **site.airflow_connections(),
    }
    with (home / "errors").open("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load.triggerer"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdin is not None
        print(json.dumps(site.plan(index, bundle)), file=process.stdin, flush=True)
        try:
            yield process
        except EOFError:
            errors.seek(0)
            print(errors.read()[-3000:], file=sys.stderr)
            raise
        finally:
            process.kill()
            process.wait()


def _line(process: subprocess.Popen[str], seconds: float) -> str:
    """Read a line of a process.

    :raises EOFError: it ended, or did not say anything in time.
    """
    assert process.stdout is not None
    patience = threading.Timer(seconds, process.kill)
    patience.start()
    try:
        line = process.stdout.readline()
    finally:
        patience.cancel()
    if not line:
        raise EOFError("A triggerer ended before it had measured.")
    return line

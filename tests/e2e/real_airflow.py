"""An Airflow with its components as processes of their own: REST API, DAG processor, scheduler, triggerer."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

_START_SECONDS = 90
_END_SECONDS = 15
_WITH_LOG_SERVER = ("scheduler", "triggerer")


class RealAirflow:
    """A fresh Airflow that listens on the loopback interface alone.

    :param home: a folder of its own; DAG files go into ``home / "dags"``.
    :param database: address of an empty database; None for a SQLite file.
    :param variables: more environment variables of every component: connections, settings.
    """

    def __init__(self, home: Path, *, database: str | None = None, variables: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.dags = home / "dags"
        self.dags.mkdir(parents=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._token = ""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self._environment = {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database or f"sqlite:///{home}/airflow.db",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            # Airflow may learn this late that a task has deferred, and runs it anew, or fails it, if it has resumed.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            **(variables or {}),
        }

    def migrate(self) -> None:
        """Make the database."""
        self.run("db", "migrate")

    def run(self, *command: str) -> None:
        """Run a command of Airflow's command line and wait for its end.

        :raises AssertionError: it failed; the message has the ends of the logs, its own among them.
        """
        code = self.start(*command).wait(_START_SECONDS)
        assert code == 0, f"airflow {' '.join(command)} ended with {code}; logs: {self.ends_of_logs()}"

    def start(self, *command: str, name: str = "") -> subprocess.Popen[bytes]:
        """Start a component, such as ``scheduler``; its output goes into a file of that name, or another one."""
        name = name or command[0]
        if command[0] in _WITH_LOG_SERVER:
            # a log server listens on every interface, and the log files are at hand
            command = (*command, "--skip-serve-logs")
        with (self.home / f"{name}.log").open("wb") as log:
            self._processes[name] = subprocess.Popen(
                ["airflow", *command],
                env=self._environment,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._processes[name]

    @contextmanager
    def running(self, *dag_ids: str) -> Iterator[None]:
        """Run all components for the length of a ``with`` block, with these DAGs, and no others, switched on."""
        try:
            self.migrate()
            for component in ("api-server", "scheduler", "dag-processor", "triggerer"):
                self.start(component)
            self.log_in()
            self.wait_for("all components", self.is_healthy)
            self.wait_for("the DAGs", lambda: self.call("/dags")["total_entries"] == len(dag_ids))
            for dag_id in dag_ids:
                self.call(f"/dags/{dag_id}", {"is_paused": False}, method="PATCH")
            yield
        finally:
            self.stop()

    def kill(self, name: str) -> None:
        """End a component and its children as a crash would, with SIGKILL."""
        self.signal(name, signal.SIGKILL)
        self._processes.pop(name).wait()

    def end(self, name: str) -> None:
        """End a component as a deployment does, with SIGTERM."""
        _end([self._processes.pop(name)])

    def signal(self, name: str, what: signal.Signals) -> None:
        """Send a signal to a component and its children."""
        component = psutil.Process(self._processes[name].pid)
        for member in (component, *component.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                member.send_signal(what)

    def is_healthy(self) -> bool:
        """Whether every component says that it works."""
        health = self.call("/monitor/health")
        return all(health[name]["status"] == "healthy" for name in ("scheduler", "triggerer", "dag_processor"))

    def stop(self) -> None:
        """End every component that was started, with its children; the scheduler first.

        A task that still runs ends with the scheduler, and for that it needs the REST API.
        """
        scheduler = self._processes.pop("scheduler", None)
        if scheduler is not None:
            _end([scheduler])
        _end(self._processes.values())

    def log_in(self) -> None:
        """Wait for the REST API and get a token from it."""

        def token() -> Any:
            with urllib.request.urlopen(f"{self.url}/auth/token", timeout=5) as reply:
                return json.load(reply)["access_token"]

        self._token = str(self.wait_for("the REST API", token))

    @property
    def authorization(self) -> dict[str, str]:
        """The header that every request needs."""
        return {"Authorization": f"Bearer {self._token}"}

    def call(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Call the REST API; a body makes it a POST."""
        request = urllib.request.Request(
            f"{self.url}/api/v2{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={**self.authorization, "Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error} {error.read().decode()}") from None

    def wait_for(self, what: str, ask: Callable[[], Any], seconds: float = _START_SECONDS) -> Any:
        """Ask again and again until there is an answer that is true.

        :raises AssertionError: it took too long; the message has the ends of the components' logs.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(OSError):  # it does not listen yet
                if answer := ask():
                    return answer
            time.sleep(0.3)
        raise AssertionError(f"waited {seconds} s for {what}; logs: {self.ends_of_logs()}")

    def ends_of_logs(self) -> str:
        """Give the ends of the components' logs, to be shown with a failure."""
        ends = {path.name: path.read_text(errors="replace")[-3000:] for path in self.home.glob("*.log")}
        return json.dumps(ends, indent=1)


def _end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """End processes and all that they started; a task is a session of its own, which no signal to a group reaches."""
    # the id of one that was waited for may belong to a stranger by now
    running = [process for process in processes if process.returncode is None]
    families = [(process, psutil.Process(process.pid).children(recursive=True)) for process in running]
    for process in running:
        process.terminate()
    for process, descendants in families:
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(ProcessLookupError):  # it left nothing behind
            os.killpg(process.pid, signal.SIGKILL)
        for descendant in descendants:
            with suppress(psutil.NoSuchProcess):  # it ended with its parent
                descendant.kill()

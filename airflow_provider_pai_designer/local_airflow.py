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
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

USER = "admin"
"""Whom Airflow's simple auth manager knows when nothing else is configured."""

_START_SECONDS = 90
_END_SECONDS = 15
_WITH_LOG_SERVER = ("scheduler", "triggerer")


class LocalAirflowError(Exception):
    """A component did not do what it should; the message has the ends of the logs."""


class LocalAirflow:
    """An Airflow that listens on the loopback interface alone.

    :param home: a folder of its own, which keeps its state.
    :param dags: folder with DAG files; None for ``home / "dags"``.
    :param port: of the REST API and the pages; 0 takes a free one.
    :param database: address of a database; None for a SQLite file.
    :param with_password: let in only who knows :attr:`password`, instead of everybody on this machine.
    :param variables: more environment variables of every component: connections, settings.
    """

    def __init__(
        self,
        home: Path,
        *,
        dags: Path | None = None,
        port: int = 0,
        database: str | None = None,
        with_password: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self.dags = dags or home / "dags"
        for folder in (self.home, self.dags):
            folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{port or free_port()}"
        self._with_password = with_password
        self._token = ""
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **environment_of(home, self.dags),
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": str(not with_password),
            **({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database} if database else {}),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": self.url.rpartition(":")[2],
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

        :raises LocalAirflowError: it failed; the message has the ends of the logs, its own among them.
        """
        code = self.start(*command).wait(_START_SECONDS)
        if code != 0:
            raise LocalAirflowError(f"airflow {' '.join(command)} ended with {code}; logs: {self.ends_of_logs()}")

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

    def start_all(self) -> None:
        """Start every component, and wait until all say that they work."""
        for component in ("api-server", "scheduler", "dag-processor", "triggerer"):
            self.start(component)
        self.log_in()
        self.wait_for("all components", self.is_healthy)

    def switch_on(self, dag_id: str) -> None:
        """Let a DAG run."""
        self.call(f"/dags/{dag_id}", {"is_paused": False}, method="PATCH")

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
            end([scheduler])
        end(self._processes.values())

    def log_in(self) -> None:
        """Wait for the REST API and get a token from it."""

        def token() -> Any:
            login = {"username": USER, "password": self.password} if self._with_password else None
            request = urllib.request.Request(
                f"{self.url}/auth/token",
                data=json.dumps(login).encode() if login else None,
                headers={"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=5) as reply:
                return json.load(reply)["access_token"]

        self._token = str(self.wait_for("the REST API", token))

    @property
    def password(self) -> str:
        """The password of :data:`USER`, which Airflow makes at its first start."""
        file = self.home / "simple_auth_manager_passwords.json.generated"
        return str(json.loads(file.read_text(encoding="utf-8"))[USER])

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
        """Call the REST API; a body makes it a POST.

        :raises LocalAirflowError: it was refused.
        """
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
            raise LocalAirflowError(f"{path}: {error} {error.read().decode()}") from None

    def wait_for(self, what: str, ask: Callable[[], Any], seconds: float = _START_SECONDS) -> Any:
        """Ask again and again until there is an answer that is true.

        :raises LocalAirflowError: it took too long; the message has the ends of the components' logs.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(OSError):  # it does not listen yet
                if answer := ask():
                    return answer
            time.sleep(0.3)
        raise LocalAirflowError(f"waited {seconds} s for {what}; logs: {self.ends_of_logs()}")

    def ends_of_logs(self) -> str:
        """Give the ends of the components' logs, to be shown with a failure."""
        ends = {path.name: path.read_text(errors="replace")[-3000:] for path in self.home.glob("*.log")}
        return json.dumps(ends, indent=1)


def environment_of(home: Path, dags: Path) -> dict[str, str]:
    """Return the environment variables of an Airflow of its own; nothing in it is of one that this machine may have."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
    }


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
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

"""Start an emulator as a process of its own, and end it: for the demo, for tests and for benchmarks."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_provider_pai_designer.emulator.command import TOKEN_VARIABLE
from airflow_provider_pai_designer.emulator.control_client import Control

_END_SECONDS = 10


class LaunchError(RuntimeError):
    """The emulator did not start; the message holds what it printed."""


class Emulator:
    """A running emulator; made by :func:`launch`.

    :param data: folder of its state.
    :param seed: seed file of the first start.
    :param port: where it listens; 0 takes a free port, which a restart keeps.
    """

    def __init__(self, *, data: Path, seed: Path | None, port: int, time_scale: float | None) -> None:
        self._data = data
        self._seed = seed
        self._port = port
        self._time_scale = time_scale
        self._token = secrets.token_urlsafe(24)
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens, such as ``http://127.0.0.1:8080``."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Id of its process."""
        return self._running().pid

    @property
    def control(self) -> Control:
        """Its own side: state, clock, counters, seed."""
        return Control(url=self.url, token=self._token)

    @property
    def access_key_id(self) -> str:
        """The id of the seed's first key."""
        return str(self._first_key()["id"])

    @property
    def access_key_secret(self) -> str:
        """The secret of the seed's first key."""
        return str(self._first_key()["secret"])

    def connection(self, workspace: str | None = None) -> str:
        """Return a connection to it in Airflow's JSON form, for ``AIRFLOW_CONN_<ID>``.

        :param workspace: identifier of one of its workspaces; None for the one with the smallest number.
        :raises KeyError: there is no such workspace.
        """
        found = {row["identifier"]: row for row in sorted(self.control.rows("workspaces"), key=lambda row: row["id"])}
        chosen = found[next(iter(found)) if workspace is None else workspace]
        key = self._first_key()
        return json.dumps(
            {
                "conn_type": "pai_designer",
                "login": key["id"],
                "password": key["secret"],
                "extra": {
                    "region": chosen["region"],
                    "workspace": chosen["identifier"],
                    "data_studio": chosen["data_studio"],
                    "timezone": chosen["time_zone"],
                    "dataworks_endpoint": self.url,
                    "paiflow_endpoint": self.url,
                    "paistudio_endpoint": self.url,
                },
            }
        )

    def start(self) -> None:
        """Start the process and wait until it answers.

        :raises LaunchError: it ended, or did not answer in time.
        """
        command = [sys.executable, "-m", "airflow_provider_pai_designer.emulator"]
        options: dict[str, object] = {
            "--port": self._port,
            "--data": self._data,
            "--seed": self._seed,
            "--time-scale": self._time_scale,
        }
        for name, value in options.items():
            if value is not None:
                command += [name, str(value)]
        with (self._data / "emulator.log").open("a") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, TOKEN_VARIABLE: self._token},
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._not_started()
        self._port = int(json.loads(line)["url"].rpartition(":")[2])
        # It listens already, so this waits until it serves.
        if not self.control.healthy():
            raise self._not_started()
        # a restart finds the clock as it was left
        self._time_scale = None

    def stop(self) -> None:
        """End the process, if it still runs."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def kill(self) -> None:
        """End the process as a crash would, with SIGKILL."""
        process = self._running()
        process.kill()
        process.wait()

    def restart(self) -> None:
        """Start it again on the same state and the same port."""
        self.stop()
        self.start()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise LaunchError("The emulator does not run.")
        return self._process

    def _first_key(self) -> Mapping[str, Any]:
        return min(self.control.rows("access_keys"), key=lambda key: int(key["position"]))

    def _not_started(self) -> LaunchError:
        self.stop()
        return LaunchError(f"The emulator did not start: {(self._data / 'emulator.log').read_text().strip()}")


@contextmanager
def launch(
    data: Path | None = None,
    seed: Path | Mapping[str, Any] | None = None,
    port: int = 0,
    time_scale: float = 1.0,
) -> Iterator[Emulator]:
    """Run an emulator for the length of a ``with`` block.

    :param data: folder that keeps the state; None for one that is removed afterwards.
    :param seed: seed file or document, see :mod:`airflow_provider_pai_designer.emulator.seed`; it counts where the
        folder holds no state yet.
    :param port: port on 127.0.0.1; 0 takes a free one.
    :param time_scale: simulated seconds per real second.
    :raises LaunchError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="pai-designer-emulator-") as scratch:
        folder = data or Path(scratch) / "data"
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(seed, Mapping):
            document, seed = seed, Path(scratch) / "seed.json"
            seed.write_text(json.dumps(document), encoding="utf-8")
        emulator = Emulator(data=folder, seed=seed, port=port, time_scale=time_scale)
        try:
            emulator.start()
            yield emulator
        finally:
            emulator.stop()

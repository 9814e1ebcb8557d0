"""What a user would lose: one command that shows Airflow and the emulator side by side, and that ends both."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from airflow_provider_pai_designer.local_airflow import free_port
from tests.conftest import DAGS_FOLDER

_END_SECONDS = 60


def test_both_come_up_and_both_end(tmp_path: Path) -> None:
    taken = free_port()
    command = [sys.executable, "-m", "airflow_provider_pai_designer.cli", "ui"]
    options = ["--home", tmp_path, "--dags", DAGS_FOLDER, "--port", taken, "--emulator-port", free_port()]
    with subprocess.Popen([*command, *map(str, options)], stdout=subprocess.PIPE, text=True) as process:
        said = ""
        try:
            for line in process.stdout or ():
                said += line
                if "Ctrl-C" in line:
                    break
            found = re.search(r"Airflow +(\S+) +user admin, password (\w+)\n +Operation Center +(\S+)\n", said)
            assert found, said
            airflow, _, pages = found.groups()
            assert airflow.endswith(f":{taken}")
            for url in (airflow, pages):
                with urllib.request.urlopen(url, timeout=10) as reply:
                    assert reply.status == 200
            # who does not know the password is not let in
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"{airflow}/api/v2/dags", timeout=10)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.stdout is not None
            assert any("Ending" in line for line in process.stdout)
            # who is impatient breaks nothing off
            process.send_signal(signal.SIGINT)
            assert process.wait(_END_SECONDS) == 0
    for url in (airflow, pages):
        with pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(url, timeout=10)


def test_a_terminal_that_is_closed_leaves_nothing_running(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "airflow_provider_pai_designer.cli", "ui", "--home", str(tmp_path)]
    options = ["--dags", str(DAGS_FOLDER), "--port", str(free_port()), "--emulator-port", str(free_port())]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "Starting" in process.stdout.readline()
        first = tmp_path / "airflow" / "api-server.log"
        until = time.monotonic() + _END_SECONDS
        while not first.exists() or not first.stat().st_size:
            assert time.monotonic() < until
            time.sleep(0.1)
        started = psutil.Process(process.pid).children(recursive=True)
        process.stdout.close()
        process.send_signal(signal.SIGHUP)
        process.wait(_END_SECONDS)
    assert len(started) > 1
    assert not psutil.wait_procs(started, timeout=5)[1]


def test_a_folder_without_the_examples_is_an_error_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "airflow_provider_pai_designer.cli", "ui", "--dags", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (ended.returncode, "run this in a checkout of the project" in ended.stdout) == (2, True)
    assert not list(tmp_path.iterdir())

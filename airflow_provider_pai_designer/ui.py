"""``pai-designer ui``: a real Airflow with the example DAGs, and the emulator's Operation Center beside it."""

from __future__ import annotations

import argparse
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from airflow_provider_pai_designer.emulator.launch import launch
from airflow_provider_pai_designer.local_airflow import USER, LocalAirflow, LocalAirflowError, free_port

_FIRST_DAG = "example_pai_designer_node"
_REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.add_argument("--home", type=Path, default=Path(".demo/ui"), help="where both keep their state (%(default)s)")
    parser.add_argument("--dags", type=Path, default=Path("example_dags"), help="folder with the DAGs (%(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="of Airflow's pages (%(default)s)")
    parser.add_argument("--emulator-port", type=int, default=8081, help="of the emulator (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Run both until somebody ends them; return the exit code."""
    if not (arguments.dags / f"{_FIRST_DAG}.py").is_file():
        missing = f"There is no {_FIRST_DAG}.py in {arguments.dags}"
        print(f"{missing}: run this in a checkout of the project, or give --dags.")
        return 2
    # However it is asked to end, or its terminal is closed: everything that was started ends first. The first is for
    # where it runs in the background of a script, which does not hear Ctrl-C otherwise.
    for request in _REQUESTS:
        signal.signal(request, _leave)
    started = time.monotonic()
    home = arguments.home.resolve()
    try:
        with launch(data=home / "emulator", port=_unless_taken(arguments.emulator_port)) as emulator:
            airflow = LocalAirflow(
                home / "airflow",
                dags=arguments.dags.resolve(),
                port=_unless_taken(arguments.port),
                with_password=True,
                variables={
                    "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT": emulator.connection(),
                    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
                },
            )
            try:
                print("Starting Airflow and the emulator; the first time that takes a minute ...", flush=True)
                airflow.migrate()
                airflow.start_all()
                airflow.wait_for("the example DAGs", lambda: _has_first_dag(airflow))
                airflow.switch_on(_FIRST_DAG)
                _say_where(airflow, f"{emulator.url}/console/", time.monotonic() - started)
                threading.Event().wait()
            finally:
                with suppress(OSError):  # nobody may read it any more
                    print("Ending both ...", flush=True)
                airflow.stop()
    except KeyboardInterrupt:
        return 0
    except LocalAirflowError as error:
        print(error)
        return 1
    return 0


def _say_where(airflow: LocalAirflow, pages: str, seconds: float) -> None:
    print(
        f"""
  Airflow           {airflow.url}   user {USER}, password {airflow.password}
  Operation Center  {pages}

Both are ready after {seconds:.0f} s. {_FIRST_DAG} is switched on, and runs for yesterday; its buttons
"Operation Center" and "PAI Designer" lead to its run and its node. State and logs: {airflow.home.parent}
Ctrl-C ends both.""",
        flush=True,
    )


def _has_first_dag(airflow: LocalAirflow) -> bool:
    listed = airflow.call("/dags?limit=100")["dags"]
    return any(dag["dag_id"] == _FIRST_DAG for dag in listed)


def _unless_taken(port: int) -> int:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            other = free_port()
            print(f"Port {port} is taken, so it is {other} this time.")
            return other
    return port


def _leave(*_: object) -> NoReturn:
    for request in _REQUESTS:
        # a second one must not break off the ending, which takes seconds
        signal.signal(request, signal.SIG_IGN)
    raise KeyboardInterrupt

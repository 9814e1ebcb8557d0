"""``pai-designer demo``: an example DAG in a real Airflow, against the emulator, and what came of it."""

from __future__ import annotations

import argparse
import re
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airflow_provider_pai_designer.designer.log import resolved_parameters
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.local_airflow import environment_of

_DAG_ID = "example_pai_designer_node"
_PROGRESS = re.compile(
    r"\S+ \[(?P<level>\w+) *\] (?P<text>.*?) +\[(airflow\.task\.hooks\.)?airflow_provider_pai_designer\.[\w.]+\] loc="
)
"""A line of Airflow's console log in which the provider says what it does; the operator's own lines repeat the remote
log, whose end is shown in the summary."""

_LAST_LOG_LINES = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the subcommand."""
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="where the demo keeps its state")
    parser.add_argument("--dags", type=Path, default=Path("example_dags"), help="folder with the example DAGs")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo and return its exit code."""
    if not (arguments.dags / f"{_DAG_ID}.py").is_file():
        print(
            f"There is no {_DAG_ID}.py in {arguments.dags}: run the demo in a checkout of the project, or give --dags."
        )
        return 2
    demo = Demo(home=arguments.home.resolve(), dags=arguments.dags.resolve())
    demo.home.mkdir(parents=True, exist_ok=True)
    return demo.run()


@dataclass(frozen=True, kw_only=True)
class Demo:
    """One demonstration; its state stays in ``home`` for the next one."""

    home: Path
    dags: Path
    started: float = field(default_factory=time.monotonic)

    def run(self) -> int:
        with launch(data=self.home / "emulator") as emulator:
            self._say(f"a local DataWorks answers at {emulator.url}")
            environment = self._airflow_environment(emulator)
            migrated = self.home / "airflow" / "migrated"
            if not migrated.exists():
                self._say("making Airflow's database")
                subprocess.run(["airflow", "db", "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
                migrated.touch()
            emulator.control.reset_counters()
            self._say(f"running the DAG {_DAG_ID} in Airflow")
            code = self._run_dag(environment)
            if code == 0:
                self._summarise(emulator)
        return code

    def _airflow_environment(self, emulator: Emulator) -> dict[str, str]:
        return {
            **environment_of(self.home / "airflow", self.dags),
            "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
            "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT": emulator.connection(),
            "NO_COLOR": "1",
        }

    def _run_dag(self, environment: Mapping[str, str]) -> int:
        """Run the DAG; the whole log goes into a file, what the provider says is shown as it comes."""
        log = self.home / "airflow.log"
        with (
            log.open("w", encoding="utf-8") as copy,
            subprocess.Popen(
                ["airflow", "dags", "test", _DAG_ID],
                env=dict(environment),
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            for line in process.stdout or ():
                copy.write(line)
                if progress := _PROGRESS.match(line):
                    self._say(progress["text"])
        if process.returncode != 0:
            self._say(f"the DAG run did not succeed; its whole log is in {log}")
        return process.returncode

    def _summarise(self, emulator: Emulator) -> None:
        """Print what happened, as the other side of the wire knows it."""
        state = emulator.control.state()
        run = max(state["runs"], key=lambda row: int(row["id"]))
        instance = next(row for row in state["instances"] if row["run_id"] == run["id"])
        node = next(row for row in state["nodes"] if row["id"] == instance["node_id"])
        attempt = [row for row in state["attempts"] if row["instance_id"] == instance["id"]][-1]
        log = [text for _, _, text in attempt["log"]]
        calls = Counter({row.operation: 0 for row in emulator.control.counters()})
        for row in emulator.control.counters():
            calls[row.operation] += row.calls
        written = [partition for partition in state["partitions"] if partition["instance_id"] == instance["id"]]
        facts = {
            "node": f"{node['name']}, node id {node['id']}, file id {node['file_id']}: {_what_was_done(calls)}",
            "run name": run["name"],
            "remote ids": f"DAG {run['id']}, instance {instance['id']}",
            "instance status": instance["status"],
            "parameters, as declared": instance["parameters"],
            "parameters, as resolved": resolved_parameters("\n".join(log)),
            "partition written": ", ".join(f"{row['table_name']} {row['partition']}" for row in written),
            "calls made": ", ".join(f"{name} {count}" for name, count in sorted(calls.items())),
            "last lines of the log": "".join(f"\n    {line}" for line in log[-_LAST_LOG_LINES:]),
            "time taken": f"{time.monotonic() - self.started:.1f} s",
        }
        print()
        for name, fact in facts.items():
            print(f"{name:>24}: {fact}")
        print("\nRun it again: the node is unchanged then, and only a new Test run is started.")

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:5.1f} s] {text}", flush=True)


def _what_was_done(calls: Mapping[str, int]) -> str:
    steps = {"CreateFile": "created", "UpdateFile": "updated", "SubmitFile": "submitted", "DeployFile": "deployed"}
    return ", ".join(done for operation, done in steps.items() if calls.get(operation)) or "unchanged"

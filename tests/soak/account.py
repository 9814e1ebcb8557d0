"""What a soak came to: every task beside the runs that DataWorks has of it, and what is wrong with them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow_provider_pai_designer.designer.run import read_run_name, run_stem
from airflow_provider_pai_designer.emulator.control_client import Control
from tests.soak.hazards import Hazards, RestartedAirflow

STOPS_WITHIN_SECONDS = 20
"""How long a run may go on after its task has ended: a stop takes time to be sent, and to be obeyed."""

_FINAL = ("SUCCESS", "FAILURE")
_LAST_LINES = ("Post Execute", "Terminating process", "Pausing task as DEFERRED")
"""One of these is in the log of a task that ends by itself, is told to, or waits in the triggerer."""


@dataclass(frozen=True, kw_only=True)
class RemoteRun:
    """All that DataWorks has under one run name.

    :param epoch: of the task that asked.
    :param number: of the ask in this epoch.
    :param starts: how often a run of this name was started.
    :param status: ``SUCCESS``, ``FAILURE``, or ``active``.
    :param began: epoch seconds.
    :param ended: epoch seconds, None while it goes on.
    """

    epoch: int
    number: int
    starts: int
    status: str
    began: float
    ended: float | None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task instance that has asked for runs, and what it got.

    :param tries: how many it has had, of how many it may have.
    :param ended: epoch seconds.
    :param cancelled: what users did to it.
    :param asked: epoch and number of its last ask, as it remembers; None where it has asked for nothing.
    :param silent: whether the log of its last try tells no error.
    :param cut_off: whether that log ends in the middle: the process was killed, and told nothing before.
    """

    dag_id: str
    run_id: str
    state: str
    tries: tuple[int, int]
    ended: float | None
    cancelled: tuple[str, ...]
    asked: tuple[int, int] | None
    silent: bool
    cut_off: bool
    runs: tuple[RemoteRun, ...]

    @property
    def last(self) -> RemoteRun | None:
        """The run that was asked for last."""
        return self.runs[-1] if self.runs else None

    @property
    def waits(self) -> bool:
        """Whether the task awaits its run, or leaves that to a sensor."""
        return "sensor" not in self.dag_id

    @property
    def exhausted(self) -> bool:
        """Whether it was killed with no tries left: the documented hole."""
        return self.state == "failed" and not self.cancelled and self.silent and self.tries[0] >= self.tries[1]

    @property
    def abandoned(self) -> bool:
        """Whether nobody was left to stop its run, for it was killed and then marked: the other documented hole."""
        return self.exhausted or (self.state == "failed" and "failed" in self.cancelled and self.cut_off)

    def wrongs(self) -> list[str]:
        """What is not as it has to be."""
        found = [f"run {run.epoch}-{run.number} was started {run.starts} times" for run in self.runs if run.starts > 1]
        found += self._wrong_end() + self._wrong_numbers() + self._at_once()
        if not self.abandoned:
            found += self._outlived()
        return found

    def _wrong_end(self) -> list[str]:
        if self.state not in ("success", "failed"):
            return [f"the task is {self.state}"]
        if self.exhausted or "failed" in self.cancelled:
            return []
        if not self.waits:
            return [] if (self.state == "success") == bool(self.runs) else ["started and not told, or the reverse"]
        last = self.last.status if self.last else "none"
        return [] if (self.state == "success") == (last == "SUCCESS") else [f"it ended otherwise than its run: {last}"]

    def _wrong_numbers(self) -> list[str]:
        if self.asked is None:
            return ["it has runs, and remembers no ask"] if self.runs else []
        found = []
        for epoch in {run.epoch for run in self.runs} | {self.asked[0]}:
            numbers = [run.number for run in self.runs if run.epoch == epoch]
            if numbers != list(range(1, len(numbers) + 1)):
                found.append(f"the runs of epoch {epoch} have the numbers {numbers}")
            # a task that was cancelled, or killed with no tries left, may have died between its record and its call
            excused = bool(self.cancelled) or self.exhausted
            if epoch == self.asked[0] and len(numbers) != self.asked[1] and not excused:
                found.append(f"it asked for {self.asked[1]} runs and has {len(numbers)}")
        return found

    def _at_once(self) -> list[str]:
        return [
            f"runs {run.epoch}-{run.number} and {following.epoch}-{following.number} went on at once"
            for run, following in zip(self.runs, self.runs[1:], strict=False)
            if run.ended is None or run.ended > following.began
        ]

    def _outlived(self) -> list[str]:
        active = [f"run {run.epoch}-{run.number} is active" for run in self.runs if run.status == "active"]
        if not self.waits or self.ended is None:
            return active
        return active + [
            f"run {run.epoch}-{run.number} went on for {run.ended - self.ended:.0f} s without its task"
            for run in self.runs
            if run.ended is not None and run.ended > self.ended + STOPS_WITHIN_SECONDS
        ]


@dataclass(frozen=True, kw_only=True)
class Account:
    """Everything that is to be told of a soak.

    :param strangers: names of runs for which no task has asked.
    :param sensors: what sensors have ended otherwise than their run.
    :param leaks: files of logs with the secret in them.
    :param out_of_sight: files of logs with that error in them.
    :param errors: how many tries ended with each error.
    """

    tasks: tuple[Task, ...]
    strangers: tuple[str, ...]
    sensors: tuple[str, ...]
    leaks: tuple[str, ...]
    out_of_sight: tuple[str, ...]
    errors: Mapping[str, int]
    calls: Mapping[str, int]
    happened: Mapping[str, int]
    ended_by_itself: Mapping[str, int]

    def wrongs(self) -> list[str]:
        """What is not as it has to be, each as a line."""
        return [
            *(f"{_row(task)} {'; '.join(wrongs)}" for task in self.tasks if (wrongs := task.wrongs())),
            *(f"nobody asked for the run {name}" for name in self.strangers),
            *self.sensors,
            *(f"the secret is in {path}" for path in self.leaks),
            *(f"RunOutOfSight is in {path}" for path in self.out_of_sight),
            *(f"{name} ended by itself {times} times" for name, times in self.ended_by_itself.items() if times),
        ]

    def table(self) -> str:
        """Every task with its runs, a line each."""
        return "\n".join(_row(task) for task in self.tasks)

    def figures(self) -> str:
        """The figures, a line each."""
        runs = [run for task in self.tasks for run in task.runs]
        late = sorted(
            task.ended - task.last.ended
            for task in self.tasks
            if task.waits and not task.cancelled and task.ended and task.last and task.last.ended
        )
        faults = {name: calls for name, calls in self.calls.items() if name.startswith("fault:")}
        total = sum(self.calls.values())
        lines = {
            "tasks that asked": f"{len(self.tasks)}, {_counted(Counter(task.state for task in self.tasks))}",
            "tries": f"{sum(task.tries[0] for task in self.tasks)}",
            "tries that ended with an error": _counted(self.errors),
            "killed with no tries left": f"{sum(task.exhausted for task in self.tasks)}",
            "remote runs": f"{len(runs)}, {_counted(Counter(run.status for run in runs))}",
            "duplicates": f"{sum(run.starts - 1 for run in runs)}",
            "calls": f"{total}, with faults {sum(faults.values())} ({sum(faults.values()) / max(total, 1):.1%})",
            "faults": _counted(faults),
            "kills and cancels": _counted(self.happened),
            "the end of a run was seen after": f"{_at(late, 0.5)} s, 95 %: {_at(late, 0.95)} s, last: {_at(late, 1)} s",
        }
        return "\n".join(f"{name:32} {text}" for name, text in lines.items())


def settle(airflow: RestartedAirflow, control: Control, hazards: Hazards, *, secret: str, logs: list[Path]) -> Account:
    """Read what Airflow and DataWorks have, and put it side by side.

    :param logs: files of logs beside those of Airflow.
    """
    instances = airflow.instances()
    remote = _remote(control)
    tasks = tuple(_task(airflow, item, remote, hazards) for item in instances if item["task_id"] == "run")
    files = [*airflow.log_files(), *logs]
    texts = {str(path): path.read_text(errors="replace") for path in files}
    known = {name for task in tasks for name in _names(remote, task.dag_id, task.run_id)}
    calls: Counter[str] = Counter()
    for count in control.counters():
        calls[count.outcome] += count.calls
    return Account(
        tasks=tasks,
        strangers=tuple(sorted({*remote} - known)),
        sensors=tuple(_sensors(instances, tasks)),
        leaks=tuple(path for path, text in texts.items() if secret in text),
        out_of_sight=tuple(path for path, text in texts.items() if "RunOutOfSight" in text),
        errors=Counter(error for path, text in texts.items() if "attempt=" in path for error in _errors(text)),
        calls=calls,
        happened=hazards.happened,
        ended_by_itself=airflow.ended_by_itself,
    )


def _remote(control: Control) -> dict[str, list[dict[str, Any]]]:
    """By run name the rows of its runs, each with its instances."""
    instances = defaultdict(list)
    for row in control.rows("instances"):
        instances[row["run_id"]].append(row)
    runs = defaultdict(list)
    for row in control.rows("runs"):
        runs[row["name"]].append({**row, "instances": instances[row["id"]]})
    return runs


def _names(remote: Iterable[str], dag_id: str, run_id: str) -> dict[str, tuple[int, int]]:
    """The names that a task has given, with epoch and number."""
    stem = run_stem(f"{dag_id}.run", (dag_id, run_id, "run", -1))
    return {name: counters for name in remote if (counters := read_run_name(name, stem))}


def _task(
    airflow: RestartedAirflow, item: Mapping[str, Any], remote: Mapping[str, list[dict[str, Any]]], hazards: Hazards
) -> Task:
    dag_id, run_id = item["dag_id"], item["dag_run_id"]
    kept = airflow.call(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/run/state-store")["task_state_store"]
    record = next((entry["value"] for entry in kept if entry["key"] == "pai_designer_run"), None)
    names = _names(remote, dag_id, run_id)
    folder = airflow.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / "task_id=run"
    last_log = folder / f"attempt={item['try_number']}.log"
    told = last_log.read_text(errors="replace") if last_log.exists() else ""
    return Task(
        dag_id=dag_id,
        run_id=run_id,
        state=str(item["state"]),
        tries=(int(item["try_number"]), int(item["max_tries"]) + 1),
        ended=datetime.fromisoformat(item["end_date"]).timestamp() if item["end_date"] else None,
        cancelled=tuple(hazards.cancelled.get((dag_id, run_id), ())),
        asked=(int(record["epoch"]), int(record["number"])) if record else None,
        silent=not _errors(told),
        cut_off=not any(line in told for line in _LAST_LINES),
        runs=tuple(_run(counters, remote[name]) for name, counters in sorted(names.items(), key=lambda one: one[1])),
    )


def _run(counters: tuple[int, int], rows: list[dict[str, Any]]) -> RemoteRun:
    instances = [instance for row in rows for instance in row["instances"]]
    over = bool(instances) and all(instance["status"] in _FINAL for instance in instances)
    good = over and all(instance["status"] == "SUCCESS" for instance in instances)
    return RemoteRun(
        epoch=counters[0],
        number=counters[1],
        starts=len({row["operation_id"] for row in rows}),
        status="SUCCESS" if good else "FAILURE" if over else "active",
        began=min(row["created"] for row in rows) / 1000,
        ended=max(instance["finished"] for instance in instances) / 1000 if over else None,
    )


def _sensors(instances: list[dict[str, Any]], tasks: tuple[Task, ...]) -> Iterable[str]:
    runs = {(task.dag_id, task.run_id): task.last for task in tasks}
    for item in instances:
        if item["task_id"] == "sense":
            run = runs[item["dag_id"], item["dag_run_id"]]
            if (item["state"] == "success") != (run is not None and run.status == "SUCCESS"):
                yield f"the sensor of {item['dag_id']} {item['dag_run_id']} is {item['state']}, its run: {run}"


def _errors(text: str) -> list[str]:
    """The types of the errors with which the tries of a task log ended."""
    found = []
    for line in text.splitlines():
        if '"error_detail"' in line and line.startswith("{"):
            details = json.loads(line).get("error_detail") or []
            found += [str(details[0]["exc_type"])] if details else []
    return found


def _row(task: Task) -> str:
    runs = ",".join(f"{run.epoch}-{run.number}:{run.status}" for run in task.runs)
    tries = "/".join(map(str, task.tries))
    return f"{task.dag_id:22} {task.run_id:10} {task.state:8} {tries:6} {','.join(task.cancelled) or '-':8} [{runs}]"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"


def _at(values: list[float], share: float) -> str:
    return f"{values[min(len(values) - 1, int(share * len(values)))]:.1f}" if values else "-"

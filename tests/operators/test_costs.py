"""What a user would lose: an account's calls, counted as the page of quotas says."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.monitor.watch import RunWatch
from airflow_provider_pai_designer.operators.pai_designer import PaiDesignerNodeOperator, PaiDesignerTestNodeOperator
from tests.conftest import DAGS_FOLDER
from tests.generations import Generation
from tests.operators.support import Task

PAGE = (Path(__file__).parent.parent.parent / "docs" / "quotas.md").read_text(encoding="utf-8")
LOOKS = {"ListInstances", "ListTaskInstances", "ListWorkflowInstances"}
NODE: dict[str, Any] = {
    "task_id": "features",
    "node_name": "costed",
    "folder": "Business Flow/demo/Algorithm",
    "poll_interval": 1,
}
DECLARED: dict[str, Any] = {
    **NODE,
    "content": (DAGS_FOLDER / "pipelines" / "daily_features.json").read_text(encoding="utf-8"),
}


def row(begin: str) -> list[int]:
    """The numbers of a row of the page."""
    (cells,) = re.findall(rf"^\| {re.escape(begin)}.*?\|(.*)\|$", PAGE, re.MULTILINE)
    return [int(number) for number in re.findall(r"\d+", cells)]


def calls(emulator: Emulator) -> Counter[str]:
    counted: Counter[str] = Counter()
    for count in emulator.control.counters():
        counted[count.operation] += count.calls
    return counted


def besides_looks(emulator: Emulator, operator: Any) -> int:
    before = calls(emulator)
    operator.execute(Task().context)
    return sum(made for operation, made in (calls(emulator) - before).items() if operation not in LOOKS)


def test_a_run_takes_no_more_calls_than_the_page_says(connected: Emulator, generation: Generation) -> None:
    parameters = {"bizdate": "$bizdate"}
    column = ["legacy", "new"].index(generation.name)
    tasks = {
        "`PaiDesignerNodeOperator`, node created": PaiDesignerNodeOperator(**DECLARED, parameters=parameters),
        "`PaiDesignerNodeOperator`, node as declared": PaiDesignerNodeOperator(**DECLARED, parameters=parameters),
        "`PaiDesignerTestNodeOperator`": PaiDesignerTestNodeOperator(**NODE),
    }
    for begin, operator in tasks.items():
        assert besides_looks(connected, operator) <= row(begin)[column], begin


@pytest.mark.parametrize(("begin", "seconds"), [("10 minutes", 600), ("1 hour", 3600), ("6 hours", 6 * 3600)])
def test_a_run_is_looked_at_as_often_as_the_page_says(begin: str, seconds: float) -> None:
    def looks(poll_interval: float | None) -> int:
        watch, now, looks = RunWatch(since=0.0, poll_interval=poll_interval), 0.0, 0
        while (now := now + watch.pause(now=now)) <= seconds:
            looks += 1
        return looks

    for poll_interval, said in zip((None, 600.0), row(begin), strict=True):
        assert looks(poll_interval) == pytest.approx(said, rel=0.05, abs=2)

"""What a user would lose: a provider that also works where the vendor meant something else than we assume.

A fixed set of stories, from the first creation of a node to its deletion, told with every reading of every doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.node import EnsuredNode, Node, RerunPolicy, Schedule
from airflow_provider_pai_designer.designer.run import InstanceStatus, Outcome, Run, RunReport
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import (
    DeploymentError,
    NodeDefinitionError,
    NotFoundError,
    PaiDesignerError,
    RunFailedError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.monitor.watch import RunWatch, Verdict
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.conftest import connection
from tests.contents import read_content
from tests.emulator.support import STANDARD, DataWorks
from tests.emulator.vendor_requests import valid_requests
from tests.operators.support import Task
from tests.operators.test_node_operator import operator

__all__ = ["valid_requests"]

DEV, PROD = Environment.DEV, Environment.PROD
FOLDER = "Business Flow/demo/Algorithm"
DAY = date(2026, 11, 22)
DEFAULTS = {name: doubt.default for name, doubt in DOUBTS.items()}
_NUMBERS = count(1)


class Teller:
    """What a story is told with: a hook, and an emulator whose time passes only while the hook waits."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.hook = self.hook_of("demo_project")

    def hook_of(self, workspace: str) -> PaiDesignerHook:
        hook = PaiDesignerHook(workspace=workspace)
        hook.pause = self.advance  # type: ignore[method-assign]
        return hook

    def advance(self, seconds: float) -> None:
        self.emulator.control.clock.advance(seconds)

    def node(self, **changes: Any) -> Node:
        values: dict[str, Any] = {
            "name": f"node_{next(_NUMBERS)}",
            "folder": FOLDER,
            "content": read_content("global_variable"),
            "parameters": SchedulingParameters.from_mapping({"bizdate": "$bizdate"}),
        }
        return Node(**{**values, **changes})

    def ensured(self, environment: Environment = DEV, **changes: Any) -> EnsuredNode:
        return self.hook.ensure_node(self.node(**changes), environment=environment)

    def test(self, node: EnsuredNode, environment: Environment = DEV, **fields: Any) -> Run:
        return self.hook.test_node(
            node.node_id, business_date=DAY, name=f"run {next(_NUMBERS)}", environment=environment, **fields
        )

    def wait(self, run: Run) -> RunReport:
        """Follow a run to its end, as the operator does."""
        watch = RunWatch(poll_interval=10)
        for _ in range(200):
            report = self.hook.get_run(run)
            if watch.observe(report.instances, now=self.emulator.control.clock.read().now / 1000) is Verdict.ENDED:
                return report
            self.advance(10)
        raise AssertionError(f"the run did not end: {report}")

    def behave(self, **rule: Any) -> None:
        self.emulator.control.seed({"steps": [rule]})


def ensure_in_both_environments(teller: Teller) -> None:
    wanted = teller.node()
    for environment in (DEV, PROD):
        assert teller.hook.ensure_node(wanted, environment=environment).actions
        assert teller.hook.ensure_node(wanted, environment=environment).actions == ()


def change_a_node(teller: Teller) -> None:
    wanted = teller.node()
    teller.hook.ensure_node(wanted)
    changed = replace(wanted, description="new")
    assert teller.hook.ensure_node(changed).actions == ("updated: description", "submitted")
    assert teller.hook.ensure_node(changed).actions == ()


def ensure_in_a_basic_workspace(teller: Teller) -> None:
    hook, wanted = teller.hook_of("demo_mc_project"), teller.node()
    assert hook.ensure_node(wanted, environment=PROD).actions == ("created", "deployed")
    assert hook.ensure_node(wanted, environment=PROD).actions == ()


def run_wait_and_log(teller: Teller) -> None:
    for environment in (DEV, PROD):
        run = teller.test(teller.ensured(environment), environment, parameters="bizdate=20200131")
        report = teller.wait(run)
        assert report.outcome is Outcome.SUCCESS
        log = teller.hook.get_log(report.instances[0], environment).text
        assert "bizdate=20200131" in log
        assert "Exit code of the task: 0" in log


def run_as_a_task(teller: Teller) -> None:
    """By default the effective window lies far in the future, so that only Airflow starts the node."""
    run_task(teller)


def run_in_an_effective_window(teller: Teller) -> None:
    run_task(teller, schedule={"start": "2026-11-01", "end": "2026-12-31"})


def run_task(teller: Teller, **arguments: Any) -> None:
    """Run a task in place, which waits in real time."""
    teller.emulator.control.clock.resume()
    try:
        assert Task().run(operator(**arguments))["outcome"] == "success"
    finally:
        teller.emulator.control.clock.freeze()


def run_an_hourly_node(teller: Teller) -> None:
    report = teller.wait(teller.test(teller.ensured(schedule=Schedule(cron="00 10 00-23/1 * * ?"))))
    assert report.outcome is Outcome.SUCCESS
    assert report.instances


def rerun_by_itself(teller: Teller) -> None:
    teller.behave(behaviour="fail", times=1)
    report = teller.wait(teller.test(teller.ensured(rerun=RerunPolicy(times=1, interval_seconds=60))))
    assert report.outcome is Outcome.SUCCESS


def fail_for_good(teller: Teller) -> None:
    teller.behave(behaviour="fail", message="no disk")
    report = teller.wait(teller.test(teller.ensured(rerun=RerunPolicy(times=1, interval_seconds=60))))
    assert report.outcome is Outcome.FAILURE
    assert "no disk" in teller.hook.get_log(report.instances[0], DEV).text


def stop_what_runs(teller: Teller) -> None:
    teller.behave(behaviour="hang")
    run = teller.test(teller.ensured(rerun=RerunPolicy(times=2, interval_seconds=60)))
    teller.advance(30)
    assert teller.hook.stop_run(run)
    teller.wait(run)
    assert [item.status for item in teller.hook.list_instances(run)] == [InstanceStatus.FAILURE]
    teller.hook.stop_run(run)


def stop_what_has_only_begun(teller: Teller) -> None:
    teller.behave(behaviour="hang")
    run = teller.test(teller.ensured())
    # the hook looks again in real time
    teller.emulator.control.clock.resume()
    assert teller.hook.stop_run(run)
    teller.emulator.control.clock.freeze()
    teller.wait(run)


def backfill(teller: Teller) -> None:
    run = teller.hook.backfill_node(
        Backfill(node_id=teller.ensured(PROD).node_id, first=date(2026, 11, 18), last=DAY, parallel_dates=2),
        environment=PROD,
        name=f"run {next(_NUMBERS)}",
    )
    report = teller.wait(run)
    assert report.outcome is Outcome.SUCCESS
    assert [item.business_date.day for item in sorted(report.instances, key=lambda item: item.id)] == [*range(18, 23)]


def backfill_of_more_than_a_page(teller: Teller) -> None:
    node_id = teller.ensured(schedule=Schedule(cron="00 00/10 * * * ?")).node_id
    run = teller.hook.backfill_node(
        Backfill(node_id=node_id, first=DAY, last=DAY), environment=DEV, name=f"run {next(_NUMBERS)}"
    )
    teller.advance(60)
    found = [item.id for item in teller.hook.list_instances(run)]
    assert len(set(found)) == 144
    assert len(found) == 144


def run_again(teller: Teller) -> None:
    teller.behave(behaviour="fail", times=1)
    run = teller.test(teller.ensured())
    (instance,) = teller.wait(run).instances
    assert [item.id for item in teller.hook.rerun_failed(run)] == [instance.id]
    report = teller.wait(run)
    assert report.outcome is Outcome.SUCCESS
    assert [item.id for item in report.instances] == [instance.id]


def delete(teller: Teller) -> None:
    wanted = teller.node()
    node = teller.hook.ensure_node(wanted, environment=PROD)
    assert teller.hook.delete_node(name=wanted.name, folder=FOLDER).actions
    for environment in (DEV, PROD):
        with pytest.raises(NotFoundError):
            teller.hook.get_node(node.node_id, environment=environment)
    assert teller.hook.compare_node(wanted) is None
    assert teller.hook.delete_node(name=wanted.name, folder=FOLDER).actions == ()


def keep_what_others_need(teller: Teller) -> None:
    """DataStudio gives the parent its output; the child names it."""
    studio, parent = DataWorks(emulator=teller.emulator), teller.node()
    output = f"demo_project.{parent.name}_out"
    file_id = int(teller.hook.ensure_node(parent, environment=PROD).file_id)
    studio.call("UpdateFile", project_id=STANDARD, file_id=file_id, output_list=output)
    studio.release(file_id)
    child = teller.node(parents=(output,))
    teller.hook.ensure_node(child, environment=PROD)
    with pytest.raises(NodeDefinitionError, match=f"{child.name}.* in PROD"):
        teller.hook.delete_node(name=parent.name, folder=FOLDER)
    for node in (child, parent):
        assert teller.hook.delete_node(name=node.name, folder=FOLDER).actions


def see_what_dataworks_started(teller: Teller) -> None:
    node = teller.ensured(PROD, schedule=Schedule(start=0))
    present = datetime.fromtimestamp(teller.emulator.control.clock.read().now / 1000, teller.hook.timezone)
    teller.advance(3 * 24 * 3600)
    # whenever in the day this is told, tonight or tomorrow night makes the instance of tomorrow's business date
    (instance,) = teller.hook.list_scheduled_instances(
        node.node_id, environment=PROD, business_date=present.date() + timedelta(days=1)
    )
    assert instance.outcome is Outcome.SUCCESS
    teller.hook.delete_node(name=instance.node_name, folder=FOLDER)


def delete_what_was_never_submitted(teller: Teller) -> None:
    wanted = teller.node()
    teller.emulator.control.seed({"deployments": [{"stage": "submit", "behaviour": "fail", "message": "not today"}]})
    with pytest.raises(DeploymentError, match="not today"):
        teller.hook.ensure_node(wanted)
    assert teller.hook.delete_node(name=wanted.name, folder=FOLDER).actions
    assert teller.hook.compare_node(wanted) is None


Story = Callable[[Teller], None]
STORIES: list[Story] = [
    ensure_in_both_environments,
    change_a_node,
    ensure_in_a_basic_workspace,
    run_wait_and_log,
    run_as_a_task,
    run_in_an_effective_window,
    run_an_hourly_node,
    rerun_by_itself,
    fail_for_good,
    stop_what_runs,
    stop_what_has_only_begun,
    backfill,
    backfill_of_more_than_a_page,
    run_again,
    delete,
    keep_what_others_need,
    delete_what_was_never_submitted,
    see_what_dataworks_started,
]

TOUCHED: dict[str, tuple[Story, ...]] = {
    "backfill_dags": (backfill,),
    "node_params": (run_wait_and_log,),
    "smoke_node_params": (run_wait_and_log,),
    "update_omitted": (change_a_node,),
    "duplicate_file": (change_a_node,),
    "instance_lag": (stop_what_has_only_begun,),
    "effective_window": (run_as_a_task, run_in_an_effective_window),
    "frozen_test": (fail_for_good,),
    "node_id_envs": (run_wait_and_log, delete, keep_what_others_need, see_what_dataworks_started),
    "submit_in_basic": (ensure_in_a_basic_workspace,),
    "transient_failure": (rerun_by_itself, run_again),
    "list_order": (backfill_of_more_than_a_page,),
    "business_errors": (delete, keep_what_others_need, run_wait_and_log),
    "smoke_cycles": (run_an_hourly_node,),
    "future_test": (rerun_by_itself,),
    "stop_finished": (stop_what_runs,),
    "stopped_reruns": (stop_what_runs,),
    "deletion_id": (delete_what_was_never_submitted,),
    "restart_active": (run_again,),
    "restart_rerun_mode": (run_again,),
}
"""The stories that a doubt can change."""

TOLD: list[tuple[str, str, Story]] = [
    *(("", "", story) for story in STORIES),
    *(
        (name, reading, story)
        for name, told in TOUCHED.items()
        for reading in DOUBTS[name].readings[1:]
        for story in told
    ),
]
TOLD_BY_NAME: dict[tuple[str, Story], tuple[type[PaiDesignerError], str]] = {
    ("update_omitted", change_a_node): (NodeDefinitionError, "did not keep"),
    ("effective_window", run_as_a_task): (
        RunFailedError,
        r"without running the pipeline \(task type SKIP\).* effective window \(schedule start and end\) that holds",
    ),
}
"""Where a story cannot go well, and the user is told why and what to do; of the second one, the next story does it."""


@pytest.fixture(scope="module")
def frozen() -> Iterator[Emulator]:
    with launch() as emulator:
        emulator.control.clock.freeze()
        emulator.control.clock.set_scale(20)
        yield emulator


@pytest.fixture
def teller(frozen: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teller]:
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(frozen))
    yield Teller(frozen)
    frozen.control.clear_behaviours()
    frozen.control.seed({"doubts": DEFAULTS})


@pytest.mark.parametrize(
    ("name", "reading", "story"),
    [pytest.param(*told, id=f"{told[0] or 'defaults'}-{told[1]}-{told[2].__name__}") for told in TOLD],
)
def test_the_story_ends_well_under_the_reading(teller: Teller, name: str, reading: str, story: Story) -> None:
    teller.emulator.control.seed({"doubts": {name: reading} if name else {}})
    if (name, story) in TOLD_BY_NAME:
        error, words = TOLD_BY_NAME[name, story]
        with pytest.raises(error, match=words):
            story(teller)
    else:
        story(teller)


def test_every_doubt_is_told_of() -> None:
    """Those of the new Data Studio, a service of its own, are not for these stories."""
    assert set(TOUCHED) == {name for name in DOUBTS if not name.startswith("new_")}

"""What a user would lose: a provider that also works where the vendor meant something else than we assume.

A fixed set of stories, from the first creation of a node to its deletion, told of both generations of DataStudio and
with every reading of every doubt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.designer.node import EnsuredNode, Node, RerunPolicy, Schedule
from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun, PipelineRunStatus, WantedPipeline
from airflow_provider_pai_designer.designer.run import InstanceStatus, Outcome, Run, RunReport
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import (
    DeploymentError,
    NodeDefinitionError,
    NotFoundError,
    PaiDesignerError,
    PipelineError,
    RejectedError,
    RunFailedError,
)
from airflow_provider_pai_designer.hooks.loading import load_pipeline
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.hooks.pipeline_runs import PipelineRuns
from airflow_provider_pai_designer.monitor.watch import RunWatch, Verdict
from airflow_provider_pai_designer.operators.run_pipeline import PaiDesignerRunPipelineOperator
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.conftest import connection
from tests.contents import read_content
from tests.drawing import MERGE, WRITE, draw, redraw, run_whole
from tests.emulator.support import STANDARD, DataWorks
from tests.emulator.vendor_requests import valid_requests
from tests.generations import GENERATIONS, LEGACY, NEW, Generation
from tests.operators.support import Task
from tests.operators.test_node_operator import operator
from tests.operators.test_run_pipeline import CYCLE

__all__ = ["valid_requests"]

DEV, PROD = Environment.DEV, Environment.PROD
FOLDER = "Business Flow/demo/Algorithm"
DAY = date(2026, 11, 22)
DEFAULTS = {name: doubt.default for name, doubt in DOUBTS.items()}
_NUMBERS = count(1)


class Teller:
    """What a story is told with: a hook, and an emulator whose time passes only while the hook waits."""

    def __init__(self, emulator: Emulator, generation: Generation) -> None:
        self.emulator = emulator
        self.generation = generation
        self.hook = self.hook_of(generation.workspace)

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

    def output_of(self, parent: Node) -> str:
        """Deploy a node, and return the output by which others name it: in the legacy DataStudio users write it."""
        ensured = self.hook.ensure_node(parent, environment=PROD)
        if self.generation is NEW:
            return f"{NEW.workspace}.{parent.name}"
        output, studio = f"{LEGACY.workspace}.{parent.name}_out", DataWorks(emulator=self.emulator)
        studio.call("UpdateFile", project_id=STANDARD, file_id=ensured.file_id, output_list=output)
        studio.release(int(ensured.file_id))
        return output

    def wait_until(self, condition: Callable[[], bool]) -> None:
        for _ in range(100):
            if condition():
                return
            self.advance(5)
        raise AssertionError("it did not come to that")

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
    assert teller.hook.ensure_node(changed).actions == ("updated: description", *teller.generation.into[DEV])
    assert teller.hook.ensure_node(changed).actions == ()


def change_what_belongs_together(teller: Teller) -> None:
    """Of a schedule that is sent in part, the rest must stay."""
    wanted = teller.node(schedule=Schedule(start=1_700_000_000_000), rerun=RerunPolicy(times=1, interval_seconds=60))
    teller.hook.ensure_node(wanted)
    changed = replace(wanted, schedule=replace(wanted.schedule, cron="00 30 03 * * ?"))
    assert teller.hook.ensure_node(changed).actions == ("updated: cron", *teller.generation.into[DEV])
    assert teller.hook.ensure_node(changed).actions == ()


def ensure_in_a_basic_workspace(teller: Teller) -> None:
    hook, wanted = teller.hook_of(teller.generation.basic_workspace), teller.node()
    assert hook.ensure_node(wanted, environment=PROD).actions == ("created", teller.generation.into_basic)
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
    with real_time(teller):
        assert Task().run(operator(**arguments))["outcome"] == "success"


def run_an_hourly_node(teller: Teller) -> None:
    report = teller.wait(teller.test(teller.ensured(schedule=Schedule(cron="00 10 00-23/1 * * ?"))))
    assert report.outcome is Outcome.SUCCESS
    assert report.instances


def rerun_by_itself(teller: Teller) -> None:
    teller.behave(behaviour="fail", times=1)
    report = teller.wait(teller.test(teller.ensured(rerun=RerunPolicy(times=1, interval_seconds=60))))
    assert report.outcome is Outcome.SUCCESS


def take_a_failed_try_for_the_end(teller: Teller) -> None:
    """Of an instance the new Data Studio does not say whether it will be rerun by itself."""
    teller.behave(behaviour="fail", times=1)
    run = teller.test(teller.ensured(rerun=RerunPolicy(times=1, interval_seconds=60)))
    assert teller.wait(run).outcome is Outcome.FAILURE
    teller.advance(120)
    assert teller.hook.get_run(run).outcome is Outcome.SUCCESS


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
    parent = teller.node()
    child = teller.node(parents=(teller.output_of(parent),))
    teller.hook.ensure_node(child, environment=PROD)
    with pytest.raises(NodeDefinitionError, match=f"depend on it.*{child.name}"):
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
    rule = {"stage": teller.generation.first_stage, "behaviour": "fail", "message": "not today"}
    teller.emulator.control.seed({"deployments": [rule]})
    with pytest.raises(DeploymentError, match="not today"):
        teller.hook.ensure_node(wanted)
    assert teller.hook.delete_node(name=wanted.name, folder=FOLDER).actions
    assert teller.hook.compare_node(wanted) is None


def recognise_the_other_generation(teller: Teller) -> None:
    (other,) = {LEGACY, NEW} - {teller.generation}
    with pytest.raises(PaiDesignerError, match="the other generation.* data_studio of the connection"):
        teller.hook_of(other.workspace).find_node(name="somebody's", folder=FOLDER)


def run_a_pipeline_by_itself(teller: Teller) -> None:
    with real_time(teller):
        result = Task().run(pipeline_task(pipeline="churn"))
    assert (result["outcome"], {step["status"] for step in result["steps"]}) == ("success", {"Succeeded"})


def ask_for_a_pipeline_once(teller: Teller) -> None:
    """The answer is lost, and so is the process that would have looked for the run; an older Airflow kept nothing."""
    task, before = Task(remembers=False), len(teller.emulator.control.rows("flow_runs"))
    teller.emulator.control.seed(
        {"faults": [{"behaviour": "close", "done": True, "operation": "CreatePipelineRun", "times": 1}]}
    )
    with real_time(teller), pytest.MonkeyPatch.context() as patch:
        patch.setattr(PipelineRuns, "identify", killed)
        with pytest.raises(KeyboardInterrupt):
            task.run(pipeline_task(pipeline="churn"))
        patch.undo()
        task.retry()
        assert task.run(pipeline_task(pipeline="churn"))["outcome"] == "success"
    assert len(teller.emulator.control.rows("flow_runs")) == before + 1


def killed(*_: Any) -> None:
    raise KeyboardInterrupt


def run_in_designer(teller: Teller, task: Task, draft: str) -> str:
    result = task.run(pipeline_task(pipeline_id=draft, in_designer=True))
    assert result["outcome"] == "success"
    return str(result["job_id"])


def run_a_new_pipeline_once_and_load_it(teller: Teller) -> None:
    draft, wanted = draw(teller.emulator, teller.generation, ran=False), Task()
    with real_time(teller):
        run_in_designer(teller, wanted, draft)
    run = teller.test(teller.hook.ensure_node(load(teller, draft, kept=None)))
    assert teller.wait(run).outcome is Outcome.SUCCESS


def ask_for_a_job_once(teller: Teller) -> None:
    """The answer is lost, and so is the process that would have looked for the job."""
    draft, task = draw(teller.emulator, ran=False), Task()
    teller.emulator.control.seed(
        {"faults": [{"behaviour": "close", "done": True, "operation": "CreateJob", "times": 1}]}
    )
    with real_time(teller), pytest.MonkeyPatch.context() as patch:
        patch.setattr(PipelineRuns, "identify", killed)
        with pytest.raises(KeyboardInterrupt):
            run_in_designer(teller, task, draft)
        patch.undo()
        task.retry()
        run_in_designer(teller, task, draft)
    assert len([job for job in teller.emulator.control.rows("draft_jobs") if job["draft"] == draft]) == 1


def ask_for_a_job_while_another_goes_on(teller: Teller) -> None:
    teller.behave(behaviour="hang", times=1)
    draft = draw(teller.emulator, ran=False)
    teller.hook.paistudio.create_job(draft)
    with real_time(teller):
        run_in_designer(teller, Task(), draft)


def stop_a_pipeline(teller: Teller) -> None:
    teller.behave(behaviour="hang")
    run = Task().run(pipeline_task(pipeline="churn", wait_for_completion=False))
    asked = AskedPipelineRun.from_dict(run)
    teller.advance(10)
    assert teller.hook.pipeline_runs.stop(asked)
    teller.advance(30)
    teller.hook.pipeline_runs.stop(asked)
    assert teller.hook.paiflow.get_run(asked.id).status is PipelineRunStatus.TERMINATED


def run_what_cannot_run(teller: Teller) -> None:
    said = ""
    try:
        run = teller.hook.pipeline_runs.start(f"run {next(_NUMBERS)}", manifest=CYCLE)
    except RejectedError as error:
        said = str(error)
    else:
        teller.advance(30)
        report = teller.hook.pipeline_runs.report(run)
        assert report.outcome is Outcome.FAILURE
        said = report.run.message
    assert "cycle" in said


def await_many_pipelines(teller: Teller) -> None:
    triggers = []
    for _ in range(25):
        with pytest.raises(TaskDeferred) as deferral:
            pipeline_task(pipeline="churn", deferrable=True).execute(Task().context)
        triggers.append(deferral.value.trigger)

    async def first(trigger: Any) -> str:
        async for event in trigger.run():
            return str(event.payload["verdict"])
        raise AssertionError("the trigger fired nothing")

    async def await_all() -> list[str]:
        return await asyncio.gather(*map(first, triggers))

    with real_time(teller):
        assert asyncio.run(await_all()) == ["ended"] * 25


def see_the_step_that_failed(teller: Teller) -> None:
    teller.behave(behaviour="fail", message="no disk", step="Merge*")
    with pytest.raises(RunFailedError, match="Failed step: Merge Columns-1.*no disk"):
        run_task(teller)


def pipeline_task(**arguments: Any) -> PaiDesignerRunPipelineOperator:
    return PaiDesignerRunPipelineOperator(task_id="run", poll_interval=0.1, settle=10, **arguments)


@contextmanager
def real_time(teller: Teller) -> Iterator[None]:
    """Let time pass, for what waits by itself."""
    teller.emulator.control.clock.resume()
    try:
        yield
    finally:
        teller.emulator.control.clock.freeze()


def load_a_pipeline(teller: Teller) -> None:
    """Where PAI hands out the values of variables, a node must not keep those of the run that it was loaded from."""
    draft, table = draw(teller.emulator, teller.generation), f"table_{next(_NUMBERS)}"
    redraw(teller.hook, draft, WRITE, "outputTableName", table)
    run_whole(teller.hook, draft, teller.wait_until)
    node = load(teller, draft, kept=None)
    run = teller.test(teller.hook.ensure_node(node))
    assert teller.wait(run).outcome is Outcome.SUCCESS
    assert f"dt={DAY:%Y%m%d}" in teller.emulator.control.tables()[table]


def reload_a_pipeline(teller: Teller) -> None:
    draft = draw(teller.emulator, teller.generation)
    node = load(teller, draft, kept=None)
    teller.hook.ensure_node(node)
    run_whole(teller.hook, draft, teller.wait_until)
    kept = load(teller, draft, kept=NodeContent.parse(node.content))
    assert teller.hook.ensure_node(replace(kept, name=node.name)).actions == ()
    redraw(teller.hook, draft, MERGE, "leftColumns", "uid")
    run_whole(teller.hook, draft, teller.wait_until)
    loaded = load_pipeline(
        teller.hook, teller.hook.get_pipeline(draft), kept=NodeContent.parse(node.content), parameters=VARIABLES
    )
    (change,) = loaded.changes
    assert change.startswith(f"steps: changed {MERGE} (id-")


VARIABLES = {"global_var1": "$bizdate"}


def load(teller: Teller, draft: str, *, kept: NodeContent | None) -> Node:
    """A node as which a pipeline runs, found by its name."""
    pipeline = teller.hook.find_pipeline(draft.removeprefix("draft-"))
    loaded = load_pipeline(teller.hook, pipeline, kept=kept, parameters=VARIABLES)
    return teller.node(content=loaded.content.render(), parameters=SchedulingParameters.from_mapping(VARIABLES))


def create_a_pipeline_in_the_root(teller: Teller) -> None:
    create(teller, "root")


def create_a_pipeline_in_a_folder(teller: Teller) -> None:
    name = f"folder_{next(_NUMBERS)}"
    teller.hook.paistudio.gateway.write(
        "CreateExperimentFolder", workspace_id=str(teller.hook.workspace.id), name=name, parent_folder_id="root"
    )
    create(teller, name)


def create(teller: Teller, folder: str) -> None:
    wanted = WantedPipeline(
        name=f"pipeline_{next(_NUMBERS)}", folder=folder, description="", template="template-demo-sql"
    )
    made = teller.hook.ensure_pipeline(wanted)
    assert made.created
    assert teller.hook.ensure_pipeline(wanted) == replace(made, created=False)
    teller.hook.delete_pipeline(made.id)
    assert teller.hook.ensure_pipeline(wanted).created


Story = Callable[[Teller], None]
STORIES: list[Story] = [
    ensure_in_both_environments,
    change_a_node,
    change_what_belongs_together,
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
    recognise_the_other_generation,
    see_the_step_that_failed,
    load_a_pipeline,
    reload_a_pipeline,
    run_a_new_pipeline_once_and_load_it,
    create_a_pipeline_in_the_root,
    create_a_pipeline_in_a_folder,
]
OF_PIPELINES: list[Story] = [
    run_a_pipeline_by_itself,
    ask_for_a_pipeline_once,
    ask_for_a_job_once,
    ask_for_a_job_while_another_goes_on,
    stop_a_pipeline,
    run_what_cannot_run,
    await_many_pipelines,
]
"""Stories of PAIFlow, which knows no generations."""

_OF_THE_SCHEDULER: dict[str, tuple[Story, ...]] = {
    "node_params": (run_wait_and_log,),
    "effective_window": (run_as_a_task, run_in_an_effective_window),
    "frozen_test": (fail_for_good,),
    "transient_failure": (rerun_by_itself, run_again),
    "list_order": (backfill_of_more_than_a_page,),
    "smoke_cycles": (run_an_hourly_node,),
    "future_test": (rerun_by_itself,),
    "stop_finished": (stop_what_runs,),
    "restart_active": (run_again,),
    "restart_rerun_mode": (run_again,),
}
"""What both generations have behind them, and the stories that it can change."""

_OF_PAI: dict[str, tuple[Story, ...]] = {
    "pai_name_filter": (load_a_pipeline, create_a_pipeline_in_the_root),
    "pai_run_id_lag": (load_a_pipeline, run_a_new_pipeline_once_and_load_it),
    "pai_job_lag": (load_a_pipeline, run_a_new_pipeline_once_and_load_it),
    "pai_job_variables": (load_a_pipeline, reload_a_pipeline, run_a_new_pipeline_once_and_load_it),
    "pai_root_folder": (create_a_pipeline_in_the_root, create_a_pipeline_in_a_folder),
}
"""What is drawn in PAI Designer comes into nodes of both generations; the other doubts of PAI touch no node."""

TOUCHED: dict[Generation, dict[str, tuple[Story, ...]]] = {
    LEGACY: {
        **_OF_THE_SCHEDULER,
        **_OF_PAI,
        "backfill_dags": (backfill,),
        "smoke_node_params": (run_wait_and_log,),
        "update_omitted": (change_a_node, change_what_belongs_together),
        "duplicate_file": (change_a_node,),
        "instance_lag": (stop_what_has_only_begun,),
        "node_id_envs": (run_wait_and_log, delete, keep_what_others_need, see_what_dataworks_started),
        "submit_in_basic": (ensure_in_a_basic_workspace,),
        "business_errors": (delete, keep_what_others_need, run_wait_and_log),
        "stopped_reruns": (stop_what_runs,),
        "deletion_id": (delete_what_was_never_submitted,),
        "pai_id_in_log": (see_the_step_that_failed,),
        "pai_bad_manifest": (run_what_cannot_run,),
        "pai_terminate_ended": (stop_a_pipeline,),
        "pai_list_lag": (ask_for_a_pipeline_once,),
        "pai_status_ids": (await_many_pipelines,),
        "pai_name_filter": (*_OF_PAI["pai_name_filter"], ask_for_a_pipeline_once),
        "pai_job_lag": (*_OF_PAI["pai_job_lag"], ask_for_a_job_once),
        "pai_run_id_lag": (*_OF_PAI["pai_run_id_lag"], ask_for_a_job_once),
        "pai_second_job": (ask_for_a_job_while_another_goes_on,),
    },
    NEW: {
        **_OF_THE_SCHEDULER,
        **_OF_PAI,
        "transient_failure": (take_a_failed_try_for_the_end, run_again),
        "new_dependencies_version": (ensure_in_both_environments, change_a_node, keep_what_others_need),
        "new_dependencies_dropped": (ensure_in_both_environments, change_a_node, keep_what_others_need),
        "new_update_depth": (change_a_node, change_what_belongs_together),
        "new_dev_task_id": (ensure_in_both_environments, run_wait_and_log, delete, delete_what_was_never_submitted),
        "new_task_id_envs": (run_wait_and_log, delete, keep_what_others_need, see_what_dataworks_started),
        "new_second_publish": (ensure_in_both_environments, change_a_node, run_wait_and_log, delete),
        "new_periods_required": (run_wait_and_log,),
        "new_instances_lag": (run_wait_and_log, stop_what_has_only_begun, backfill),
        "new_wrong_generation": (recognise_the_other_generation,),
    },
}
"""The stories that a doubt can change."""

TOLD: list[tuple[Generation, str, str, Story]] = [
    *((generation, "", "", story) for generation in GENERATIONS for story in STORIES),
    *((LEGACY, "", "", story) for story in OF_PIPELINES),
    *(
        (generation, name, reading, story)
        for generation, touched in TOUCHED.items()
        for name, told in touched.items()
        for reading in DOUBTS[name].readings[1:]
        for story in told
    ),
]
_NOT_KEPT = (NodeDefinitionError, "did not keep")
_DRY_RUN = (
    RunFailedError,
    r"without running the pipeline \(task type SKIP\).* effective window \(schedule start and end\) that holds",
)
_GOES_ON = (PipelineError, "goes on: wait until that has ended")
_NO_ROOT = (PipelineError, "name a folder")
TOLD_BY_NAME: dict[tuple[Generation, str, Story], tuple[type[PaiDesignerError], str]] = {
    (LEGACY, "update_omitted", change_a_node): _NOT_KEPT,
    (LEGACY, "update_omitted", change_what_belongs_together): _NOT_KEPT,
    (LEGACY, "effective_window", run_as_a_task): _DRY_RUN,
    (NEW, "effective_window", run_as_a_task): _DRY_RUN,
    (LEGACY, "pai_root_folder", create_a_pipeline_in_the_root): _NO_ROOT,
    (LEGACY, "pai_second_job", ask_for_a_job_while_another_goes_on): _GOES_ON,
    (NEW, "pai_root_folder", create_a_pipeline_in_the_root): _NO_ROOT,
}
"""Where a story cannot go well, and the user is told why and what to do; of a dry run, the next story does it."""


@pytest.fixture(scope="module")
def frozen() -> Iterator[Emulator]:
    """Runs are made at once: nobody would let time pass while the start of a run waits for them."""
    with launch(seed={"timing": {"creation_seconds": 0}}) as emulator:
        emulator.control.clock.freeze()
        emulator.control.clock.set_scale(20)
        yield emulator


@pytest.fixture
def teller(frozen: Emulator, generation: Generation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Teller]:
    monkeypatch.setenv("AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(frozen, generation=generation))
    yield Teller(frozen, generation)
    frozen.control.clear_behaviours()
    frozen.control.seed({"doubts": DEFAULTS})


@pytest.mark.parametrize(
    ("generation", "name", "reading", "story"),
    [pytest.param(*told, id=f"{told[0].name}-{told[1] or 'defaults'}-{told[2]}-{told[3].__name__}") for told in TOLD],
)
def test_the_story_ends_well_under_the_reading(
    teller: Teller, generation: Generation, name: str, reading: str, story: Story
) -> None:
    teller.emulator.control.seed({"doubts": {name: reading} if name else {}})
    if (generation, name, story) in TOLD_BY_NAME:
        error, words = TOLD_BY_NAME[generation, name, story]
        with pytest.raises(error, match=words):
            story(teller)
    else:
        story(teller)


def test_every_doubt_is_told_of() -> None:
    """Those of the new Data Studio are of a service of its own, and it has none of those of the legacy service.

    Those of PAI are of both, as far as a node has to do with them; a pipeline that runs by itself is told of once.
    """
    ours = {name for name in DOUBTS if name.startswith("new_")}
    # nothing is rerun there
    assert set(TOUCHED[LEGACY]) == set(DOUBTS) - ours - {"pai_rerun"}
    assert set(TOUCHED[NEW]) == ours | set(_OF_THE_SCHEDULER) | set(_OF_PAI)
    assert all(name.startswith("pai_") for name in _OF_PAI)

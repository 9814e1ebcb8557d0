"""What a user would lose: runs that come to the same ends, by the same ways, as in DataWorks."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.emulator.seed import content
from tests.emulator.support import BASIC, STANDARD, DataWorks, RefusedError

SHANGHAI = ZoneInfo("Asia/Shanghai")
OUTPUT = "demo_project.demo_output_table"
RERUNS: dict[str, Any] = {"auto_rerun_times": 2, "auto_rerun_interval_millis": 60_000}


def behave(dataworks: DataWorks, **behaviour: Any) -> None:
    dataworks.emulator.control.seed({"steps": [behaviour]})


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp() * 1000)


def written(dataworks: DataWorks) -> list[str]:
    return dataworks.emulator.control.tables().get(OUTPUT, [])


def test_the_life_of_an_instance(dataworks: DataWorks) -> None:
    """Each state can be met by a poll, and the run's own status follows."""
    run = dataworks.start_test(dataworks.create_node())
    seen = []
    for _ in range(10):
        status = dataworks.instance(run)["Status"]
        seen.append((status, dataworks.call("GetDag", dag_id=run, project_env="DEV")["Status"]))
        dataworks.advance(0.5)
    assert seen == [
        ("NOT_RUN", "CREATED"),
        ("WAIT_TIME", "RUNNING"),
        ("WAIT_RESOURCE", "RUNNING"),
        *[("RUNNING", "RUNNING")] * 6,
        ("SUCCESS", "SUCCESS"),
    ]


def test_what_an_instance_tells_of_itself(dataworks: DataWorks) -> None:
    run = dataworks.tested(para_value="bizdate=$bizdate hour=$[hh24]")
    instance = dataworks.instance(run)
    assert instance["DagType"] == "SMOKE_TEST"
    assert instance["TaskType"] == "NORMAL(0)"
    assert instance["ParamValues"] == "bizdate=$bizdate hour=$[hh24]"
    assert instance["Bizdate"] == milliseconds("2026-11-22")
    assert instance["CycTime"] == milliseconds("2026-11-23 00:05")
    times = [instance[f"{name}Time"] for name in ("Create", "BeginWaitTime", "BeginWaitRes", "BeginRunning", "Finish")]
    assert [later - times[0] for later in times] == [0, 500, 1000, 1500, 4500]
    single = dataworks.call("GetInstance", instance_id=instance["InstanceId"], project_env="DEV")
    assert single == {**instance, "Owner": "1000000000000001", "PeriodNumber": 1}


def test_ids_need_more_than_32_bits(dataworks: DataWorks) -> None:
    assert dataworks.instance(dataworks.tested())["InstanceId"] > 2**32


def test_the_log_is_that_of_a_dataworks_instance(dataworks: DataWorks) -> None:
    """The resolved scheduling parameters are nowhere else."""
    log = dataworks.log(dataworks.tested())
    assert "Resource group: group_demo_default\n" in log
    for line in ("BIZDATE=20261122", "CYCTIME=20261123000500", "PARAVALUE=bizdate=20261122"):
        assert f"INFO SKYNET_{line}\n" in log
    assert "flow-" in log
    assert log.rstrip().endswith("Exit code of the task: 0")
    steps = [line.split("[")[1].split("]")[0] for line in log.splitlines() if "] start:" in line]
    assert sorted(steps[:2]) == ["Read Table-1", "Read Table-2"]
    assert steps[2:] == ["Merge Columns-1", "Write Table-1"]


def test_the_log_grows_with_the_run(dataworks: DataWorks) -> None:
    run = dataworks.start_test(dataworks.create_node())
    assert dataworks.log(run) == ""
    logs = []
    for _ in range(3):
        dataworks.advance(1.5)
        logs.append(dataworks.log(run))
    assert len(set(logs)) == 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(logs))


def test_log_times_are_in_the_zone_of_the_workspace(dataworks: DataWorks) -> None:
    run = dataworks.tested()
    started = datetime.fromtimestamp(dataworks.instance(run)["BeginRunningTime"] / 1000, SHANGHAI)
    assert dataworks.log(run).startswith(started.strftime("%Y-%m-%d %H:%M:%S "))


def test_a_written_partition_can_be_asked_for_when_it_is_there(dataworks: DataWorks) -> None:
    """The partition carries the business date through two replacements: node parameter, then pipeline variable."""
    run = dataworks.start_test(dataworks.create_node(), bizdate="2026-02-28 00:00:00")
    dataworks.advance(4.4)
    assert "dt=20260228" not in written(dataworks)
    dataworks.advance(0.1)
    assert dataworks.instance(run)["Status"] == "SUCCESS"
    assert "dt=20260228" in written(dataworks)


def test_a_parameter_with_the_variables_own_name_reaches_the_manifest(dataworks: DataWorks) -> None:
    """The way the vendor's documentation recommends."""
    dataworks.tested(para_value="global_var1=x$bizdate", bizdate="2026-03-01 00:00:00")
    assert "dt=x20260301" in written(dataworks)


def test_the_older_bare_content_runs_too(dataworks: DataWorks) -> None:
    run = dataworks.tested(content=content("global_variable_bare"), bizdate="2026-03-02 00:00:00")
    assert dataworks.instance(run)["Status"] == "SUCCESS"
    assert "dt=20260302" in written(dataworks)


@pytest.mark.parametrize("name", ["three_steps", "thirteen_steps"])
def test_variables_of_the_engine_are_not_undefined(dataworks: DataWorks, name: str) -> None:
    """``${t1}`` names an input port of a SQL component."""
    assert dataworks.instance(dataworks.tested(content=content(name)))["Status"] == "SUCCESS"


def test_an_undefined_variable_fails_as_the_engine_would(dataworks: DataWorks) -> None:
    """A forgotten scheduling parameter is found at run time only, and this is what it looks like."""
    run = dataworks.tested(para_value="other=1", bizdate="2026-03-03 00:00:00")
    assert dataworks.instance(run)["Status"] == "FAILURE"
    assert "ODPS-0130161:[1,4] Parse exception - invalid token '$'" in dataworks.log(run)
    assert dataworks.log(run).rstrip().endswith("Exit code of the task: 1")
    assert not [partition for partition in written(dataworks) if "$" in partition]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("bdp.system.bizdate", "20260304"), ("bdp.system.cyctime", "20260305000500")],
)
def test_system_variables_need_no_parameter(dataworks: DataWorks, variable: str, value: str) -> None:
    code = content("global_variable").replace("${bizdate}", f"${{{variable}}}")
    dataworks.tested(content=code, para_value="", bizdate="2026-03-04 00:00:00")
    assert f"dt={value}" in written(dataworks)


def test_a_parameter_that_cannot_be_evaluated_fails_the_instance(dataworks: DataWorks) -> None:
    run = dataworks.tested(para_value="bizdate=$[yyyyqq]")
    assert dataworks.instance(run)["Status"] == "FAILURE"
    assert "params format error" in dataworks.log(run)


def test_content_that_is_none_fails_the_instance(dataworks: DataWorks) -> None:
    run = dataworks.tested(content="SELECT 1")
    assert dataworks.instance(run)["Status"] == "FAILURE"
    assert "cannot be read" in dataworks.log(run)


def test_nodes_of_other_types_run_as_one_step(dataworks: DataWorks) -> None:
    run = dataworks.tested(file_type=10, content="SELECT '${bizdate}';")
    assert dataworks.instance(run)["Status"] == "SUCCESS"
    assert dataworks.instance(dataworks.tested(file_type=10, content="SELECT ${x};"))["Status"] == "FAILURE"


def test_a_slow_step(dataworks: DataWorks) -> None:
    behave(dataworks, behaviour="slow", node="slow_one", step="Merge Columns-1", seconds=600)
    run = dataworks.start_test(dataworks.create_node(file_name="slow_one"))
    dataworks.advance(600)
    assert dataworks.instance(run)["Status"] == "RUNNING"
    dataworks.advance(10)
    assert dataworks.instance(run)["Status"] == "SUCCESS"


def test_a_failing_step_ends_the_run_with_its_message(dataworks: DataWorks) -> None:
    behave(dataworks, behaviour="fail", node="failing", step="AppendColumns", message="ODPS-0010000: no disk")
    run = dataworks.tested(file_name="failing", bizdate="2026-03-06 00:00:00")
    assert dataworks.instance(run)["Status"] == "FAILURE"
    assert dataworks.call("GetDag", dag_id=run, project_env="DEV")["Status"] == "FAILURE"
    log = dataworks.log(run)
    assert "[Merge Columns-1] FAILED: ODPS-0010000: no disk" in log
    assert "Write Table-1" not in log
    assert "dt=20260306" not in written(dataworks)


def test_a_behaviour_can_be_meant_for_one_environment(dataworks: DataWorks) -> None:
    behave(dataworks, behaviour="fail", node="prod_only", environment="PROD")
    node_id = dataworks.create_node(file_name="prod_only")
    runs = {environment: dataworks.start_test(node_id, environment) for environment in ("DEV", "PROD")}
    dataworks.advance(60)
    assert {name: dataworks.instance(run, name)["Status"] for name, run in runs.items()} == {
        "DEV": "SUCCESS",
        "PROD": "FAILURE",
    }


def test_automatic_reruns_count_down_until_one_ends_well(dataworks: DataWorks) -> None:
    """The vendor counts the first try: 3 for two reruns, and one less after each failure."""
    behave(dataworks, behaviour="fail", node="recovers", step="Write Table-1", times=1)
    run = dataworks.start_test(dataworks.create_node(file_name="recovers", **RERUNS))
    assert dataworks.instance(run)["TaskRerunTime"] == 3
    dataworks.advance(10)
    waiting = dataworks.instance(run)
    assert (waiting["Status"], waiting["TaskRerunTime"]) == ("WAIT_TIME", 2)
    assert "FAILED" in dataworks.log(run)
    dataworks.advance(120)
    ended = dataworks.instance(run)
    assert (ended["Status"], ended["InstanceId"]) == ("SUCCESS", waiting["InstanceId"])
    assert "FAILED" not in dataworks.log(run)


def test_automatic_reruns_are_used_up(dataworks: DataWorks) -> None:
    behave(dataworks, behaviour="fail", node="hopeless")
    run = dataworks.tested(file_name="hopeless", **RERUNS)
    assert (dataworks.instance(run)["Status"], dataworks.instance(run)["TaskRerunTime"]) == ("FAILURE", 0)
    attempts = [row for row in dataworks.emulator.control.rows("attempts") if not row["succeeded"]]
    assert [row["number"] for row in attempts if row["instance_id"] == dataworks.instance(run)["InstanceId"]] == [
        1,
        2,
        3,
    ]


def test_the_log_of_an_earlier_attempt_is_kept(dataworks: DataWorks) -> None:
    behave(dataworks, behaviour="fail", node="twice", times=1)
    run = dataworks.tested(file_name="twice", **RERUNS)
    fields = {"instance_id": dataworks.instance(run)["InstanceId"], "project_env": "DEV"}
    assert "FAILED" in dataworks.call("GetInstanceLog", instance_history_id=1, **fields)
    assert "FAILED" not in dataworks.call("GetInstanceLog", **fields)


def test_failure_may_show_between_two_tries(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    """A client that takes the first FAILURE for the end would fail a run that recovers."""
    reading("transient_failure", "yes")
    behave(dataworks, behaviour="fail", node="flickers", times=1)
    run = dataworks.start_test(dataworks.create_node(file_name="flickers", **RERUNS))
    dataworks.advance(10)
    assert (dataworks.instance(run)["Status"], dataworks.instance(run)["TaskRerunTime"]) == ("FAILURE", 2)
    assert dataworks.call("GetDag", dag_id=run, project_env="DEV")["Status"] == "RUNNING"
    dataworks.advance(120)
    assert dataworks.instance(run)["Status"] == "SUCCESS"


def test_a_node_that_may_not_rerun_does_not(dataworks: DataWorks) -> None:
    behave(dataworks, behaviour="fail", node="never_again")
    run = dataworks.tested(file_name="never_again", rerun_mode="ALL_DENIED", **RERUNS)
    assert dataworks.instance(run)["Status"] == "FAILURE"
    assert "TaskRerunTime" not in dataworks.instance(run)
    assert dataworks.instance(run)["Repeatability"] is False


def test_a_hanging_step_runs_until_it_is_stopped(dataworks: DataWorks) -> None:
    behave(dataworks, behaviour="hang", node="stuck", step="Write Table-1")
    run = dataworks.tested(file_name="stuck", bizdate="2026-03-07 00:00:00", **RERUNS)
    instance = dataworks.instance(run)
    assert instance["Status"] == "RUNNING"
    assert dataworks.call("StopInstance", instance_id=instance["InstanceId"], project_env="DEV") is True
    assert dataworks.instance(run)["Status"] == "RUNNING"
    dataworks.advance(1)
    stopped = dataworks.instance(run)
    assert (stopped["Status"], stopped["TaskRerunTime"]) == ("FAILURE", 0)
    assert "The task was killed" in dataworks.log(run)
    assert "dt=20260307" not in written(dataworks)
    dataworks.advance(3600)
    assert dataworks.instance(run)["Status"] == "FAILURE"


def test_a_stopped_instance_may_still_show_reruns(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    """A client that waits for the reruns of a stopped instance would wait for ever."""
    reading("stopped_reruns", "kept")
    run = dataworks.start_test(dataworks.create_node(**RERUNS))
    dataworks.call("StopInstance", instance_id=dataworks.instance(run)["InstanceId"], project_env="DEV")
    dataworks.advance(60)
    assert (dataworks.instance(run)["Status"], dataworks.instance(run)["TaskRerunTime"]) == ("FAILURE", 3)


def test_an_instance_that_ends_before_the_stop_takes_effect_keeps_its_end(dataworks: DataWorks) -> None:
    run = dataworks.start_test(dataworks.create_node())
    dataworks.advance(4.3)
    dataworks.call("StopInstance", instance_id=dataworks.instance(run)["InstanceId"], project_env="DEV")
    dataworks.advance(60)
    assert dataworks.instance(run)["Status"] == "SUCCESS"
    assert "killed" not in dataworks.log(run)


def test_stopping_what_has_ended(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    fields = {"instance_id": dataworks.instance(dataworks.tested())["InstanceId"], "project_env": "DEV"}
    assert dataworks.call("StopInstance", **fields) is True
    reading("stop_finished", "refuse")
    with pytest.raises(RefusedError, match="InstanceFinished"):
        dataworks.call("StopInstance", **fields)


@pytest.mark.parametrize("frozen", [{"scheduler_type": "PAUSE"}, {"stop": True}])
def test_a_frozen_node_fails_at_its_start(dataworks: DataWorks, frozen: dict[str, Any]) -> None:
    run = dataworks.tested(bizdate="2026-03-08 00:00:00", **frozen, **RERUNS)
    assert (dataworks.instance(run)["Status"], dataworks.instance(run)["TaskType"]) == ("FAILURE", "PAUSE(2)")
    assert "frozen" in dataworks.log(run)
    assert "dt=20260308" not in written(dataworks)


def test_a_frozen_node_may_run_in_a_test(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    reading("frozen_test", "run")
    run = dataworks.tested(scheduler_type="PAUSE")
    assert (dataworks.instance(run)["Status"], dataworks.instance(run)["TaskType"]) == ("SUCCESS", "NORMAL(0)")


def test_a_dry_run_succeeds_and_does_nothing(dataworks: DataWorks) -> None:
    """SUCCESS without a table: why a client must look at the task type."""
    run = dataworks.tested(scheduler_type="SKIP", bizdate="2026-03-09 00:00:00")
    assert (dataworks.instance(run)["Status"], dataworks.instance(run)["TaskType"]) == ("SUCCESS", "SKIP(3)")
    assert "Dry run" in dataworks.log(run)
    assert "dt=20260309" not in written(dataworks)


def test_a_day_on_which_the_node_is_not_due_is_a_dry_run(dataworks: DataWorks) -> None:
    """Weekly, early in the week; 2026-11-26 is a Thursday."""
    run = dataworks.tested(cron_express="00 05 00 * * 2", bizdate="2026-11-25 00:00:00")
    assert (dataworks.instance(run)["Status"], dataworks.instance(run)["TaskType"]) == ("SUCCESS", "SKIP_CYCLE(5)")


def test_an_hourly_node_is_tested_for_one_cycle_or_for_all(
    dataworks: DataWorks, reading: Callable[[str, str], None]
) -> None:
    node_id = dataworks.create_node(cron_express="00 10 00-23/6 * * ?", cycle_type="NOT_DAY")
    assert len(dataworks.instances(dataworks.start_test(node_id))) == 1
    reading("smoke_cycles", "all")
    instances = dataworks.instances(dataworks.start_test(node_id))
    hours = [datetime.fromtimestamp(item["CycTime"] / 1000, SHANGHAI).hour for item in instances]
    assert sorted(hours) == [0, 6, 12, 18]


def test_a_test_outside_the_effective_window(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    """The usual way to keep DataWorks from starting a node by itself: its window lies far in the future."""
    node_id = dataworks.create_node(start_effect_date=4070880000000, end_effect_date=4102416000000)
    first = dataworks.start_test(node_id)
    reading("effective_window", "dry_run")
    second = dataworks.start_test(node_id)
    assert [dataworks.instance(run)["TaskType"] for run in (first, second)] == ["NORMAL(0)", "SKIP(3)"]


def test_a_test_whose_time_is_to_come_may_wait(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    reading("future_test", "waits")
    now = datetime.fromtimestamp(dataworks.emulator.control.clock.read().now / 1000, SHANGHAI)
    run = dataworks.start_test(dataworks.create_node(), bizdate=f"{now:%Y-%m-%d} 00:00:00")
    dataworks.advance(60)
    assert dataworks.instance(run)["Status"] == "WAIT_TIME"
    dataworks.advance(25 * 3600)
    assert dataworks.instance(run)["Status"] == "SUCCESS"


@pytest.mark.parametrize("reading_of_merge", ["merge", "replace"])
def test_parameters_of_a_run_go_over_those_of_the_node(
    dataworks: DataWorks, reading: Callable[[str, str], None], reading_of_merge: str
) -> None:
    reading("smoke_node_params", "plain")
    reading("node_params", reading_of_merge)
    node_id = dataworks.create_node(para_value="bizdate=$bizdate other=1")
    run = dataworks.start_test(node_id, node_params="bizdate=19990101")
    dataworks.advance(60)
    kept = "other=1 " if reading_of_merge == "merge" else ""
    assert f"SKYNET_PARAVALUE={kept}bizdate=19990101\n" in dataworks.log(run)
    assert "dt=19990101" in written(dataworks)


def test_parameters_of_a_run_come_in_the_form_of_the_reading(
    dataworks: DataWorks, reading: Callable[[str, str], None]
) -> None:
    node_id = dataworks.create_node()
    as_json = json.dumps({str(node_id): "bizdate=19990102"})
    with pytest.raises(RefusedError, match=r"Invalid\.Wkbench\.Parameter"):
        dataworks.start_test(node_id, node_params="bizdate=19990102")
    reading("smoke_node_params", "plain")
    with pytest.raises(RefusedError, match=r"Invalid\.Wkbench\.Parameter"):
        dataworks.start_test(node_id, node_params=as_json)
    dataworks.start_test(node_id, node_params="bizdate=19990102")
    dataworks.advance(60)
    assert "dt=19990102" in written(dataworks)


def test_instances_may_be_listed_later_than_they_exist(
    dataworks: DataWorks, reading: Callable[[str, str], None]
) -> None:
    """An empty list is not the end of a run."""
    reading("instance_lag", "5")
    run = dataworks.start_test(dataworks.create_node())
    assert dataworks.instances(run) == []
    dataworks.advance(5)
    assert len(dataworks.instances(run)) == 1


def test_instances_are_found_by_what_is_asked_for(dataworks: DataWorks) -> None:
    behave(dataworks, behaviour="fail", node="one_of_two")
    failing, fine = dataworks.create_node(file_name="one_of_two"), dataworks.create_node()
    runs = [dataworks.start_test(node, bizdate="2025-05-05 00:00:00") for node in (failing, fine)]
    dataworks.advance(60)
    newest_first = list(reversed(runs))

    def found(**filters: Any) -> list[int]:
        data = dataworks.call("ListInstances", project_id=STANDARD, project_env="DEV", **filters)
        return [item["DagId"] for item in data["Instances"]]

    day = "2025-05-05 00:00:00"
    assert found(bizdate=day) == newest_first
    assert found(bizdate=day, order_by="CREATE_TIME_DESC") == newest_first
    assert found(bizdate=day, biz_name="demo", program_type="PAI_STUDIO") == newest_first
    assert found(bizdate=day, status="FAILURE") == runs[:1]
    assert found(node_id=fine) == runs[1:]
    assert found(node_name="one_of_two") == runs[:1]
    assert found(begin_bizdate="2025-05-04 00:00:00", end_bizdate="2025-05-06 00:00:00") == newest_first
    assert found(bizdate="2025-05-06 00:00:00") == []
    assert found(bizdate=day, biz_name="other") == []
    assert found(bizdate=day, page_size=1, page_number=2) == runs[:1]


def test_the_name_of_a_run_can_be_read_again(dataworks: DataWorks) -> None:
    """By it a run is found after a lost reply: there is no client token."""
    run = dataworks.start_test(dataworks.create_node(), name="n" * 128)
    dag = dataworks.call("GetDag", dag_id=run, project_env="DEV")
    assert (dag["Name"], dag["Type"], dag["Bizdate"]) == ("n" * 128, "SMOKE_TEST", milliseconds("2026-11-22"))
    with pytest.raises(RefusedError, match=r"Invalid\.Param"):
        dataworks.start_test(dataworks.create_node(), name="n" * 129)


@pytest.mark.parametrize("text", ["2026-11-22", "22.11.2026 00:00:00", "2026-13-01 00:00:00"])
def test_a_business_date_has_one_form(dataworks: DataWorks, text: str) -> None:
    with pytest.raises(RefusedError, match=r"Invalid\.Wkbench\.Parameter"):
        dataworks.start_test(dataworks.create_node(), bizdate=text)


def test_runs_and_instances_belong_to_one_environment(dataworks: DataWorks) -> None:
    run = dataworks.tested()
    instance_id = dataworks.instance(run)["InstanceId"]
    for operation, fields in {"GetDag": {"dag_id": run}, "GetInstance": {"instance_id": instance_id}}.items():
        with pytest.raises(RefusedError, match="NotExists"):
            dataworks.call(operation, project_env="PROD", **fields)


def test_a_node_that_was_not_deployed_cannot_be_tested_in_production(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    dataworks.call("SubmitFile", project_id=STANDARD, file_id=file_id)
    dataworks.advance(1)
    node_id = dataworks.file(file_id)["File"]["NodeId"]
    dataworks.start_test(node_id, "DEV")
    with pytest.raises(RefusedError, match="NodeNotExists"):
        dataworks.start_test(node_id, "PROD")


def test_production_of_a_basic_workspace(dataworks: DataWorks) -> None:
    run = dataworks.start_test(dataworks.create_node(BASIC), "PROD")
    dataworks.advance(60)
    assert dataworks.instance(run, "PROD", BASIC)["Status"] == "SUCCESS"
    assert "project demo_mc_project\n" in dataworks.log(run, "PROD", BASIC)


def test_dates_are_days_in_the_zone_of_the_workspace(dataworks: DataWorks) -> None:
    """A workspace in Berlin: the same text is another moment than in Shanghai."""
    folder = "Business Flow/demo/Algorithm"
    workspace = {"id": 100009, "identifier": "berlin", "time_zone": "Europe/Berlin", "folders": [folder]}
    dataworks.emulator.control.seed({"workspaces": [workspace]})
    file_id = dataworks.create_file(project_id=100009, cron_express="00 30 02 * * ?")
    dataworks.call("SubmitFile", project_id=100009, file_id=file_id)
    dataworks.advance(1)
    run = dataworks.start_test(dataworks.file(file_id, 100009)["File"]["NodeId"], bizdate="2026-07-01 00:00:00")
    instance = dataworks.instance(run, workspace=100009)
    berlin = ZoneInfo("Europe/Berlin")
    assert datetime.fromtimestamp(instance["Bizdate"] / 1000, berlin).isoformat() == "2026-07-01T00:00:00+02:00"
    assert datetime.fromtimestamp(instance["CycTime"] / 1000, berlin).isoformat() == "2026-07-02T02:30:00+02:00"


def test_errors_may_come_as_http_errors(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    reading("business_errors", "http")
    with pytest.raises(RefusedError) as caught:
        dataworks.call("GetInstance", instance_id=1, project_env="DEV")
    assert (caught.value.http, caught.value.code) == (400, "Undocumented.InstanceNotExists")

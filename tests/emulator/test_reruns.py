"""What a user would lose: a failed instance run again, with the log of every attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.support import DataWorks, RefusedError


def failed(dataworks: DataWorks, **fields: Any) -> dict[str, Any]:
    dataworks.emulator.control.seed({"steps": [{"behaviour": "fail", "times": 1, "message": "no disk"}]})
    return dataworks.instance(dataworks.tested(**fields))


def restart(dataworks: DataWorks, instance: dict[str, Any]) -> None:
    dataworks.call("RestartInstance", instance_id=instance["InstanceId"], project_env="DEV")


def history(dataworks: DataWorks, instance: dict[str, Any]) -> list[dict[str, Any]]:
    reply = dataworks.reply("ListInstanceHistory", instance_id=instance["InstanceId"], project_env="DEV")
    return list(reply["Instances"])


def test_a_restarted_instance_keeps_its_id_and_its_earlier_log(dataworks: DataWorks) -> None:
    first = failed(dataworks)
    assert history(dataworks, first) == []
    restart(dataworks, first)
    dataworks.advance(60)
    again = dataworks.instance(first["DagId"])
    assert (again["InstanceId"], again["Status"]) == (first["InstanceId"], "SUCCESS")
    (attempt,) = history(dataworks, first)
    assert (attempt["Status"], attempt["FinishTime"]) == ("FAILURE", first["FinishTime"])
    identity: dict[str, Any] = {"instance_id": first["InstanceId"], "project_env": "DEV"}
    assert "no disk" not in dataworks.call("GetInstanceLog", **identity)
    earlier = dataworks.call("GetInstanceLog", instance_history_id=attempt["InstanceHistoryId"], **identity)
    assert "no disk" in earlier


def test_automatic_reruns_are_in_the_history_too(dataworks: DataWorks) -> None:
    instance = failed(dataworks, auto_rerun_times=2, auto_rerun_interval_millis=60000)
    assert instance["Status"] == "SUCCESS"
    assert [attempt["Status"] for attempt in history(dataworks, instance)] == ["FAILURE"]


def test_an_instance_that_has_not_ended(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    instance = dataworks.instance(dataworks.start_test(dataworks.create_node()))
    with pytest.raises(RefusedError, match="has not ended"):
        restart(dataworks, instance)
    reading("restart_active", "accept")
    restart(dataworks, instance)
    dataworks.advance(60)
    assert history(dataworks, instance) == []


def test_the_rerun_mode_of_the_node(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    denied = failed(dataworks, rerun_mode="ALL_DENIED")
    with pytest.raises(RefusedError, match="ALL_DENIED"):
        restart(dataworks, denied)
    good = dataworks.instance(dataworks.tested(rerun_mode="FAILURE_ALLOWED"))
    with pytest.raises(RefusedError, match="FAILURE_ALLOWED"):
        restart(dataworks, good)
    restart(dataworks, failed(dataworks, rerun_mode="FAILURE_ALLOWED"))
    reading("restart_rerun_mode", "ignored")
    restart(dataworks, denied)

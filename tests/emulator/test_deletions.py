"""What a user would lose: a node that is gone when it was deleted, first in development, then in production."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.emulator.support import BASIC, STANDARD, DataWorks, RefusedError


def delete(dataworks: DataWorks, file_id: int, workspace: int = STANDARD) -> Any:
    return dataworks.reply("DeleteFile", project_id=workspace, file_id=file_id).get("DeploymentId")


def environments(dataworks: DataWorks, node_id: int, workspace: int = STANDARD) -> list[str]:
    """The environments that list a node."""
    wanted = ("DEV", "PROD") if workspace == STANDARD else ("PROD",)
    return [
        environment
        for environment in wanted
        for node in dataworks.call("ListNodes", project_id=workspace, project_env=environment, page_size=100)["Nodes"]
        if node["NodeId"] == node_id
    ]


def test_a_file_that_was_never_submitted_is_gone_at_once(
    dataworks: DataWorks, reading: Callable[[str, str], None]
) -> None:
    assert delete(dataworks, dataworks.create_file(file_name="twice")) == 0
    reading("deletion_id", "absent")
    assert delete(dataworks, dataworks.create_file(file_name="twice")) is None
    assert dataworks.call("ListFiles", project_id=STANDARD, exact_file_name="twice")["TotalCount"] == 0


def test_in_standard_mode_a_deletion_is_deployed(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    node_id = dataworks.release(file_id)
    deployment = delete(dataworks, file_id)
    assert dataworks.deployment(deployment)["Status"] == 0
    dataworks.advance(5)
    assert dataworks.deployment(deployment)["Status"] == 1
    assert environments(dataworks, node_id) == ["PROD"]
    dataworks.call("DeployFile", project_id=STANDARD, file_id=file_id)
    dataworks.advance(5)
    assert environments(dataworks, node_id) == []
    assert dataworks.file(file_id)["File"]["DeletedStatus"] == "DELETED"


def test_in_basic_mode_a_deletion_takes_one_step(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file(BASIC)
    node_id = dataworks.release(file_id, BASIC)
    delete(dataworks, file_id, BASIC)
    dataworks.advance(5)
    assert environments(dataworks, node_id, BASIC) == []


def test_what_is_deleted_cannot_be_changed_or_deleted_again(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    delete(dataworks, file_id)
    named: dict[str, Any] = {"project_id": STANDARD, "file_id": file_id}
    for operation, fields in {"DeleteFile": {}, "SubmitFile": {}, "UpdateFile": {"content": "{}"}}.items():
        with pytest.raises(RefusedError, match="does not exist"):
            dataworks.call(operation, **named, **fields)


def test_an_instance_of_a_deleted_node_fails_and_says_why(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    run = dataworks.start_test(dataworks.release(file_id))
    dataworks.emulator.control.seed({"timing": {"waiting_seconds": 60}})
    later = dataworks.start_test(dataworks.file(file_id)["File"]["NodeId"])
    dataworks.emulator.control.seed({"timing": {"waiting_seconds": 0.5}})
    delete(dataworks, file_id)
    dataworks.advance(3600)
    assert dataworks.instance(run)["Status"] == "FAILURE"
    assert "does not exist any more" in dataworks.log(later)


def test_a_node_is_taken_offline_and_can_be_deployed_again(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    node_id = dataworks.release(file_id)
    assert dataworks.reply("OfflineNode", project_id=STANDARD, node_id=node_id)["Success"] == "true"
    assert environments(dataworks, node_id) == ["DEV"]
    dataworks.call("DeployFile", project_id=STANDARD, file_id=file_id)
    dataworks.advance(5)
    assert environments(dataworks, node_id) == ["DEV", "PROD"]

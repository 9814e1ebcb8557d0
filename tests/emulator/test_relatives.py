"""What a user would lose: a warning before a node is deleted on which other nodes depend."""

from __future__ import annotations

import pytest

from tests.emulator.support import BASIC, ROOT, STANDARD, DataWorks, RefusedError


def relatives(dataworks: DataWorks, operation: str, node_id: int, environment: str = "PROD") -> list[int]:
    found = dataworks.call(operation, node_id=node_id, project_env=environment)["Nodes"]
    return [node["NodeId"] for node in found]


def test_children_are_the_nodes_that_read_an_output(dataworks: DataWorks) -> None:
    parent = dataworks.create_node(output_list="demo_project.a_out,demo_project.b_out")
    first = dataworks.create_node(input_list="demo_project.a_out")
    second = dataworks.create_node(input_list=f"{ROOT[STANDARD]}, demo_project.b_out")
    dataworks.create_node()
    assert relatives(dataworks, "GetNodeChildren", parent) == [first, second]
    assert relatives(dataworks, "GetNodeParents", first) == [parent]
    assert relatives(dataworks, "GetNodeChildren", first) == []


def test_a_child_may_be_in_another_workspace(dataworks: DataWorks) -> None:
    parent = dataworks.create_node(output_list="demo_project.c_out")
    child = dataworks.create_node(BASIC, input_list="demo_project.c_out")
    (node,) = dataworks.call("GetNodeChildren", node_id=parent, project_env="PROD")["Nodes"]
    assert (node["NodeId"], node["ProjectId"]) == (child, BASIC)
    assert relatives(dataworks, "GetNodeChildren", parent, "DEV") == []


def test_what_is_shown_of_a_relative(dataworks: DataWorks) -> None:
    """The types are those of the SDK's model, which passes anything through."""
    parent = dataworks.create_node(output_list="demo_project.d_out")
    child = dataworks.create_node(input_list="demo_project.d_out", file_name="child of d")
    (node,) = dataworks.call("GetNodeChildren", node_id=parent, project_env="DEV")["Nodes"]
    assert node == {
        "NodeId": child,
        "NodeName": "child of d",
        "ProjectId": STANDARD,
        "OwnerId": "1000000000000001",
        "CronExpress": "00 05 00 * * ?",
        "SchedulerType": "NORMAL",
        "ProgramType": "PAI_STUDIO",
        "Priority": 1,
        "Repeatability": True,
        "StepType": "0",
    }


@pytest.mark.parametrize("operation", ["GetNodeChildren", "GetNodeParents"])
def test_a_node_that_does_not_exist_has_no_relatives(dataworks: DataWorks, operation: str) -> None:
    with pytest.raises(RefusedError, match="NodeNotExists"):
        relatives(dataworks, operation, 1)

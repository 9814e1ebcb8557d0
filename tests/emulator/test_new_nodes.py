"""What a user would lose: nodes of the new Data Studio that are kept and changed as the vendor does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.seed import content
from tests.emulator.new_support import SIMPLE, STANDARD, DataStudio, on_root, output, spec
from tests.emulator.support import STANDARD as LEGACY
from tests.emulator.support import DataWorks, RefusedError

Choose = Callable[[str, str], None]


def _create(**changes: Any) -> dict[str, Any]:
    return {"ProjectId": STANDARD, "Scene": "DATAWORKS_PROJECT", "Spec": spec(**changes)}


def test_a_node_is_found_as_it_was_created(studio: DataStudio) -> None:
    node_id = studio.create(name="as_created")
    node = studio.node(node_id)
    assert (node["Id"], node["Name"], node["ProjectId"]) == (node_id, "as_created", STANDARD)
    assert len(node_id) == 19
    assert "TaskId" not in node
    stored = studio.spec_of(node_id)
    assert stored["id"] == node_id
    assert stored["script"]["content"] == content("global_variable")
    assert stored["script"]["parameters"][0]["value"] == "$bizdate"


def test_what_was_not_given_gets_the_services_defaults(studio: DataStudio) -> None:
    node = studio.spec_of(studio.create())
    assert (node["recurrence"], node["instanceMode"], node["rerunMode"]) == ("Normal", "T+1", "Allowed")
    assert node["trigger"]["timezone"] == "Asia/Shanghai"
    assert node["trigger"]["endTime"] == "9999-01-01 00:00:00"
    assert node["runtimeResource"]["resourceGroup"].startswith("Serverless_res_group_")
    assert node["owner"] == "1000000000000001"


def test_an_update_changes_what_it_names_and_nothing_else(studio: DataStudio) -> None:
    node_id = studio.create(depends=on_root(), rerunTimes=2)
    before = studio.spec_of(node_id)
    studio.update(node_id, recurrence="Pause", trigger={"cron": "00 30 02 * * ?"})
    after = studio.spec_of(node_id)
    changed = {**before, "recurrence": "Pause", "trigger": {**before["trigger"], "cron": "00 30 02 * * ?"}}
    assert after == changed
    assert studio.parents(node_id) == ["demo_studio_project_root"]


def test_an_update_may_reset_the_rest_of_a_member(studio: DataStudio, reading: Choose) -> None:
    """Nobody says whether a part of a member may be sent alone."""
    node_id = studio.create(rerunTimes=2)
    reading("new_update_depth", "members")
    studio.update(node_id, trigger={"cron": "00 30 02 * * ?"})
    trigger = studio.spec_of(node_id)["trigger"]
    assert (trigger["cron"], trigger["startTime"]) == ("00 30 02 * * ?", "1970-01-01 00:00:00")
    assert studio.spec_of(node_id)["rerunTimes"] == 2
    assert studio.call("ListNodes", ProjectId=STANDARD)["PagingInfo"]["Nodes"]


@pytest.mark.parametrize("version", ["1.1.0", "2.0.0"])
def test_dependencies_are_kept_in_both_versions_of_the_format(studio: DataStudio, version: str) -> None:
    parent = studio.create(name=f"parent_{version}", outputs=output(f"demo_studio_project.parent_{version}"))
    depends = [*on_root(), {"type": "Normal", "output": f"demo_studio_project.parent_{version}"}]
    node_id = studio.create(version=version, depends=depends)
    assert studio.parents(node_id) == [f"parent_{version}", "demo_studio_project_root"]
    assert json.loads(studio.node(parent)["Spec"])["spec"]["flow"] == [{"nodeId": parent, "depends": []}]


def test_only_dependencies_of_version_2_are_kept(studio: DataStudio, reading: Choose) -> None:
    reading("new_dependencies_version", "only_2.0.0")
    assert studio.parents(studio.create(version="1.1.0", depends=on_root())) == []
    assert studio.parents(studio.create(version="2.0.0", depends=on_root())) == ["demo_studio_project_root"]


def test_dependencies_are_lost_where_id_and_name_differ(studio: DataStudio, reading: Choose) -> None:
    """Until an update names them again."""
    node_id = studio.create(id="another", depends=on_root())
    assert studio.parents(node_id) == []
    studio.call("UpdateNode", ProjectId=STANDARD, Id=node_id, Spec=spec(id=node_id, depends=on_root()))
    assert studio.parents(node_id) == ["demo_studio_project_root"]
    reading("new_dependencies_dropped", "kept")
    assert studio.parents(studio.create(id="another", depends=on_root())) == ["demo_studio_project_root"]


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        "{}",
        '{"version": "1.1.0", "kind": "Node", "spec": {"nodes": []}}',
        spec(script={"path": "no_command", "content": "{}"}),
        spec(script="text"),
        spec(name=""),
        spec(recurrence="Sometimes"),
        spec(rerunTimes="many"),
        spec(rerunInterval=2**63),
        spec(owner={}),
        spec(datasource="text"),
        spec(script={"path": "x", "runtime": {"command": "PAI_STUDIO"}, "content": {}}),
        spec(trigger={"type": "Scheduler", "cron": "00 05 00 * * ?", "startTime": "tomorrow"}),
        spec(runtimeResource="group"),
        spec(outputs={"nodeOutputs": [{}]}),
        spec(depends=[1]),  # type: ignore[list-item]
    ],
)
def test_a_document_that_is_no_flow_spec_is_refused_with_the_vendors_code(studio: DataStudio, broken: str) -> None:
    error = studio.refused("CreateNode", ProjectId=STANDARD, Scene="DATAWORKS_PROJECT", Spec=broken)
    assert (error.http, error.code) == (400, "58014884415")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trigger": {"type": "Scheduler", "cron": "at noon"}}, "invalid cron"),
        ({"runtimeResource": {"resourceGroup": "nobodys"}}, "resource group not found"),
        ({"script": {"path": "x", "runtime": {"command": "NOTHING"}, "content": ""}}, "no node type"),
    ],
)
def test_what_a_node_cannot_be_is_refused(studio: DataStudio, changes: dict[str, Any], message: str) -> None:
    error = studio.refused("CreateNode", **_create(**changes))
    assert error.http == 400
    assert message in str(error)


def test_a_name_is_used_once_in_a_workspace(studio: DataStudio) -> None:
    """In whatever folder: a second node would take the first one's place in lists by name."""
    studio.create(name="taken")
    assert "node name exists" in str(studio.refused("CreateNode", **_create(name="taken")))
    other = studio.create(name="free")
    document = json.loads(spec(name="taken"))
    error = studio.refused("UpdateNode", ProjectId=STANDARD, Id=other, Spec=json.dumps(document))
    assert "node name exists" in str(error)
    assert studio.create(SIMPLE, name="taken")


def test_an_update_of_another_kind_is_refused(studio: DataStudio) -> None:
    node_id = studio.create()
    document = json.dumps({**json.loads(spec()), "kind": "CycleWorkflow"})
    error = studio.refused("UpdateNode", ProjectId=STANDARD, Id=node_id, Spec=document)
    assert "spec kind and request not match" in str(error)


def test_the_type_of_a_node_stays(studio: DataStudio) -> None:
    node_id = studio.create()
    with pytest.raises(RefusedError, match="type of a node"):
        studio.update(node_id, script={"runtime": {"command": "DIDE_SHELL"}})


def test_a_node_in_a_container_is_not_modelled(studio: DataStudio) -> None:
    assert studio.refused("CreateNode", **_create(), ContainerId="1").code == "InvalidParameter"
    manual = {**_create(), "Scene": "DATAWORKS_MANUAL_WORKFLOW"}
    assert "ContainerId is required" in str(studio.refused("CreateNode", **manual))


def test_nodes_are_listed_by_part_of_their_name(studio: DataStudio) -> None:
    """A client that wants one name must compare: the filter is fuzzy."""
    for name in ("fuzzy", "fuzzy_too"):
        studio.create(name=name)
    listed = studio.call("ListNodes", ProjectId=STANDARD, Name="fuzzy", PageSize=1)["PagingInfo"]
    assert [node["Name"] for node in listed["Nodes"]] == ["fuzzy_too"]
    assert (listed["TotalCount"], listed["PageNumber"], listed["PageSize"]) == ("2", "1", "1")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"Recurrence": "Pause"}, 1),
        ({"Recurrence": "Skip"}, 0),
        ({"RerunMode": "Denied"}, 1),
        ({"Scene": "DataworksProject"}, 1),
        ({"Scene": "DATAWORKS_MANUAL_TASK"}, 0),
        ({"ContainerId": "1"}, 0),
        ({"PageNumber": 2}, 0),
    ],
)
def test_nodes_are_filtered(studio: DataStudio, fields: dict[str, Any], found: int) -> None:
    listed = studio.call("ListNodes", ProjectId=STANDARD, Name="the_frozen")["PagingInfo"]["Nodes"]
    if not listed:
        studio.create(name="the_frozen", recurrence="Pause", rerunMode="Denied")
    listed = studio.call("ListNodes", ProjectId=STANDARD, Name="the_frozen", **fields)["PagingInfo"]["Nodes"]
    assert len(listed) == found


def test_a_node_is_renamed_and_moved(studio: DataStudio) -> None:
    node_id = studio.create(name="old_name")
    studio.call("RenameNode", ProjectId=STANDARD, Id=node_id, Name="new_name")
    studio.call("MoveNode", ProjectId=STANDARD, Id=node_id, Path="elsewhere")
    assert studio.spec_of(node_id)["script"]["path"] == "elsewhere/new_name"
    assert studio.node(node_id)["Name"] == "new_name"


def test_a_deleted_node_is_gone(studio: DataStudio) -> None:
    node_id = studio.create(name="deleted")
    studio.call("DeleteNode", ProjectId=STANDARD, Id=node_id)
    assert studio.refused("GetNode", ProjectId=STANDARD, Id=node_id).http == 400
    assert studio.create(name="deleted")


def test_a_published_node_is_deleted_only_after_it_went_offline(studio: DataStudio) -> None:
    """Also after it was published to development only: otherwise its task would be left without a node."""
    node_id = studio.create()
    studio.publish(node_id, AutoRunUntilStage="DEV")
    assert "offline" in str(studio.refused("DeleteNode", ProjectId=STANDARD, Id=node_id))
    assert studio.publish(node_id, Type="Offline")["Status"] == "Success"
    studio.call("DeleteNode", ProjectId=STANDARD, Id=node_id)


def test_a_node_of_another_workspace_is_not_found(studio: DataStudio) -> None:
    assert "NodeNotExists" in studio.refused("GetNode", ProjectId=SIMPLE, Id=studio.create()).code


def test_the_wrong_generation_is_named_by_the_legacy_service(dataworks: DataWorks) -> None:
    """Files of the legacy DataStudio in a workspace of the new one."""
    calls: dict[str, dict[str, Any]] = {
        "ListFiles": {},
        "CreateFile": {"file_name": "f", "file_type": 1117},
        "CreateFolder": {"folder_path": "a"},
        "ListDeployments": {},
    }
    for operation, fields in calls.items():
        with pytest.raises(RefusedError) as caught:
            dataworks.call(operation, project_id=STANDARD, **fields)
        assert caught.value.code == "1201111431"
    assert dataworks.call("ListNodes", project_id=STANDARD, project_env="PROD")["Nodes"] == []


def test_the_new_service_in_a_legacy_workspace(studio: DataStudio, reading: Choose) -> None:
    for operation, fields in {"ListNodes": {}, "GetNode": {"Id": "1"}, "ListPipelineRuns": {}}.items():
        error = studio.refused(operation, ProjectId=LEGACY, **fields)
        assert (error.http, error.code) == (400, "Undocumented.LegacyDataStudio")
    reading("new_wrong_generation", "empty")
    assert studio.call("ListNodes", ProjectId=LEGACY)["PagingInfo"]["Nodes"] == []


def test_pai_must_be_enabled(studio: DataStudio) -> None:
    workspace = {"id": 100013, "identifier": "no_pai", "data_studio": "new", "pai_authorised": False}
    studio.dataworks.emulator.control.seed({"workspaces": [workspace]})
    assert studio.call("GetProject", Id=100013)["Project"]["PaiTaskEnabled"] is False
    assert "PAI" in str(studio.refused("CreateNode", **{**_create(), "ProjectId": 100013}))

"""What a user would lose: to learn here, and not in production, what DataStudio refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.seed import CONTENTS, content
from tests.emulator.support import FOLDER, STANDARD, DataWorks, RefusedError


def refused(dataworks: DataWorks, operation: str, **fields: Any) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        dataworks.call(operation, **{"project_id": STANDARD, **fields})
    return caught.value


def files(dataworks: DataWorks, **filters: Any) -> list[str]:
    data = dataworks.call("ListFiles", **{"project_id": STANDARD, "page_size": 100, **filters})
    return [file["FileName"] for file in data["Files"]]


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_keeps_what_it_was_given(dataworks: DataWorks, name: str) -> None:
    """The content is a text of many kilobytes with JSON and YAML inside: not one character may change."""
    found = dataworks.file(dataworks.create_file(content=content(name), para_value="a=$bizdate b=$[hh24]"))
    assert found["File"]["Content"] == content(name)
    assert found["NodeConfiguration"]["ParaValue"] == "a=$bizdate b=$[hh24]"


def test_a_new_file_has_no_node_and_no_version(dataworks: DataWorks) -> None:
    file = dataworks.file(dataworks.create_file())["File"]
    assert "NodeId" not in file
    assert (file["CommitStatus"], file["CurrentVersion"]) == (0, 0)


def test_a_folder_must_exist_unless_it_may_be_made(dataworks: DataWorks) -> None:
    path = f"{FOLDER}/made/deep"
    with pytest.raises(RefusedError, match="FolderNotExists"):
        dataworks.create_file(file_folder_path=path, create_folder_if_not_exists=False)
    dataworks.create_file(file_folder_path=path, create_folder_if_not_exists=True)
    assert dataworks.call("GetFolder", project_id=STANDARD, folder_path=f"{FOLDER}/made")["FolderId"]


def test_folders_are_listed_level_by_level(dataworks: DataWorks) -> None:
    for path in ("listed/a", "listed/b", "listed/b/deeper"):
        dataworks.call("CreateFolder", project_id=STANDARD, folder_path=f"{FOLDER}/{path}")
    fields = {"project_id": STANDARD, "parent_folder_path": f"{FOLDER}/listed", "page_number": 1, "page_size": 10}
    data = dataworks.call("ListFolders", **fields)
    assert [folder["FolderPath"] for folder in data["Folders"]] == [f"{FOLDER}/listed/a", f"{FOLDER}/listed/b"]


def test_a_folder_that_is_not_there(dataworks: DataWorks) -> None:
    assert "FolderNotExists" in refused(dataworks, "GetFolder", folder_path="Business Flow/none").code


def test_a_name_can_be_taken_once_in_a_folder(dataworks: DataWorks) -> None:
    dataworks.create_file(file_name="taken")
    with pytest.raises(RefusedError, match="FileExists"):
        dataworks.create_file(file_name="taken")
    dataworks.create_file(file_name="taken", file_folder_path=f"{FOLDER}/2", create_folder_if_not_exists=True)


def test_a_repeated_create_may_make_a_second_file(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    """No operation has a client token: a client that repeats a create must be able to meet its own first try."""
    reading("duplicate_file", "allow")
    assert dataworks.create_file(file_name="twice") != dataworks.create_file(file_name="twice")
    assert files(dataworks, exact_file_name="twice") == ["twice", "twice"]


def test_files_are_found_by_what_is_asked_for(dataworks: DataWorks) -> None:
    sql = dataworks.create_file(file_name="find_sql", file_type=10, owner="42")
    designer = dataworks.create_file(file_name="find_designer")
    assert files(dataworks, keyword="find_") == ["find_sql", "find_designer"]
    assert files(dataworks, keyword="find_", file_types="1117,6") == ["find_designer"]
    assert files(dataworks, owner="42") == ["find_sql"]
    assert files(dataworks, exact_file_name="find_sql") == ["find_sql"]
    assert files(dataworks, exact_file_name="find") == []
    assert files(dataworks, file_id_in=f"{sql},{designer}") == ["find_sql", "find_designer"]
    assert files(dataworks, exact_file_name="find_sql", file_folder_path="Business Flow/demo") == []


def test_files_are_listed_page_by_page(dataworks: DataWorks) -> None:
    for number in range(5):
        dataworks.create_file(file_name=f"paged_{number}")
    fields = {"project_id": STANDARD, "keyword": "paged_", "page_size": 2}
    pages = [dataworks.call("ListFiles", page_number=number, **fields) for number in (1, 2, 3, 4)]
    assert [len(page["Files"]) for page in pages] == [2, 2, 1, 0]
    assert {page["TotalCount"] for page in pages} == {5}


def test_content_is_listed_on_demand_only(dataworks: DataWorks) -> None:
    dataworks.create_file(file_name="heavy")
    fields = {"project_id": STANDARD, "exact_file_name": "heavy"}
    assert "Content" not in dataworks.call("ListFiles", **fields)["Files"][0]
    assert dataworks.call("ListFiles", need_content=True, **fields)["Files"][0]["Content"]


def test_an_update_changes_what_is_sent_and_keeps_the_rest(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file(file_description="before")
    dataworks.call("UpdateFile", project_id=STANDARD, file_id=file_id, file_description="after", stop=True)
    found = dataworks.file(file_id)
    assert found["File"]["FileDescription"] == "after"
    assert found["File"]["Content"] == content("global_variable")
    assert found["NodeConfiguration"]["Stop"] is True
    assert found["NodeConfiguration"]["ParaValue"] == "bizdate=$bizdate"


def test_an_update_may_clear_what_is_not_sent(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    """A client that trusts omitted fields to stay would empty the node's content on such a service."""
    reading("update_omitted", "clear")
    file_id = dataworks.create_file()
    dataworks.call("UpdateFile", project_id=STANDARD, file_id=file_id, file_description="after")
    found = dataworks.file(file_id)
    assert found["File"]["Content"] == ""
    assert "ParaValue" not in found["NodeConfiguration"]


@pytest.mark.parametrize(
    "same",
    [
        {"content": content("global_variable")},
        {"para_value": "bizdate=$bizdate"},
        {"cron_express": "00 05 00 * * ?"},
        {"scheduler_type": "NORMAL"},
        {"file_folder_path": FOLDER},
        {"stop": False},
    ],
)
def test_a_value_that_is_there_already_is_refused(dataworks: DataWorks, same: dict[str, Any]) -> None:
    file_id = dataworks.create_file()
    error = refused(dataworks, "UpdateFile", file_id=file_id, file_description="new", **same)
    assert "UnchangedValue" in error.code
    assert dataworks.file(file_id)["File"]["FileDescription"] == ""


def test_the_number_of_automatic_reruns_may_stay_the_same(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file(auto_rerun_times=3)
    dataworks.call("UpdateFile", project_id=STANDARD, file_id=file_id, auto_rerun_times=3, file_description="new")


@pytest.mark.parametrize(
    "value",
    [
        {"auto_rerun_times": 11},
        {"auto_rerun_interval_millis": 1_800_001},
        {"rerun_mode": "SOMETIMES"},
        {"scheduler_type": "FROZEN"},
    ],
)
def test_values_outside_the_schema_are_refused(dataworks: DataWorks, value: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match=r"Invalid\.Param"):
        dataworks.create_file(**value)


def test_a_resource_group_must_be_one_for_scheduling(dataworks: DataWorks) -> None:
    dataworks.create_file(resource_group_identifier="group_demo_exclusive")
    for group in ("group_nowhere", "group_demo_integration"):
        with pytest.raises(RefusedError, match="ResourceGroup"):
            dataworks.create_file(resource_group_identifier=group)


def test_pai_must_be_authorised_for_designer_nodes(dataworks: DataWorks) -> None:
    """Every new user meets this once: the message must name the role that is missing."""
    workspace = {"id": 100003, "identifier": "no_pai", "pai_authorised": False, "folders": [FOLDER]}
    dataworks.emulator.control.seed({"workspaces": [workspace]})
    with pytest.raises(RefusedError, match="AliyunServiceRoleForDataworksEngine"):
        dataworks.create_file(project_id=100003)
    dataworks.create_file(project_id=100003, file_type=10)


def test_a_file_of_another_workspace_is_not_found(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    assert "FileNotExists" in refused(dataworks, "GetFile", project_id=100002, file_id=file_id).code


def test_a_file_is_found_by_its_node(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    node_id = dataworks.release(file_id)
    assert dataworks.call("GetFile", project_id=STANDARD, node_id=node_id)["File"]["FileId"] == file_id

"""What a user would lose: a client that waits for submit and deploy, and tells what went wrong with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.emulator.support import BASIC, STANDARD, DataWorks, RefusedError


def submit(dataworks: DataWorks, file_id: int, workspace: int = STANDARD, *, skip: bool = False) -> int:
    return int(
        dataworks.call("SubmitFile", project_id=workspace, file_id=file_id, skip_all_deploy_file_extensions=skip)
    )


def deploy(dataworks: DataWorks, file_id: int, workspace: int = STANDARD) -> int:
    return int(dataworks.call("DeployFile", project_id=workspace, file_id=file_id))


def versions(dataworks: DataWorks, file_id: int, workspace: int = STANDARD) -> list[tuple[int, str, bool]]:
    data = dataworks.call("ListFileVersions", project_id=workspace, file_id=file_id)
    return [(item["FileVersion"], item["Status"], item["IsCurrentProd"]) for item in data["FileVersions"]]


def has_node(dataworks: DataWorks, node_id: int, environment: str) -> bool:
    return bool(dataworks.reply("GetNode", node_id=node_id, project_env=environment)["Success"])


def test_a_submit_takes_its_time(dataworks: DataWorks) -> None:
    """A client that goes on at once has no node id."""
    file_id = dataworks.create_file()
    deployment_id = submit(dataworks, file_id)
    assert dataworks.deployment(deployment_id)["Status"] == 0
    assert "NodeId" not in dataworks.file(file_id)["File"]
    dataworks.advance(1)
    assert dataworks.deployment(deployment_id)["Status"] == 1
    file = dataworks.file(file_id)["File"]
    assert (file["CommitStatus"], file["CurrentVersion"]) == (1, 1)
    assert has_node(dataworks, file["NodeId"], "DEV")
    assert not has_node(dataworks, file["NodeId"], "PROD")


def test_a_deploy_brings_the_node_to_production(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    submit(dataworks, file_id)
    dataworks.advance(1)
    deployment_id = deploy(dataworks, file_id)
    assert versions(dataworks, file_id) == [(1, "DEPLOYING", False)]
    dataworks.advance(1)
    deployment = dataworks.deployment(deployment_id)
    assert (deployment["Status"], deployment["FromEnvironment"], deployment["ToEnvironment"]) == (1, 1, 2)
    assert versions(dataworks, file_id) == [(1, "DEPLOYED", True)]
    assert has_node(dataworks, dataworks.file(file_id)["File"]["NodeId"], "PROD")


def test_in_basic_mode_a_deploy_is_all(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file(BASIC)
    deployment_id = deploy(dataworks, file_id, BASIC)
    assert "NodeId" not in dataworks.file(file_id, BASIC)["File"]
    dataworks.advance(1)
    deployment = dataworks.deployment(deployment_id, BASIC)
    assert (deployment["Status"], deployment["FromEnvironment"], deployment["ToEnvironment"]) == (1, 0, 2)
    assert has_node(dataworks, dataworks.file(file_id, BASIC)["File"]["NodeId"], "PROD")


def test_a_submit_in_basic_mode_does_nothing(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file(BASIC)
    deployment_id = submit(dataworks, file_id, BASIC)
    dataworks.advance(1)
    assert dataworks.deployment(deployment_id, BASIC)["Status"] == 1
    assert "NodeId" not in dataworks.file(file_id, BASIC)["File"]


def test_a_submit_in_basic_mode_may_be_an_error(dataworks: DataWorks, reading: Callable[[str, str], None]) -> None:
    reading("submit_in_basic", "error")
    with pytest.raises(RefusedError, match="BasicMode"):
        submit(dataworks, dataworks.create_file(BASIC), BASIC)


def test_a_file_without_a_parent_is_refused(dataworks: DataWorks) -> None:
    """The commonest mistake with nodes made by a program."""
    with pytest.raises(RefusedError, match="upstream node must not be empty"):
        submit(dataworks, dataworks.create_file(input_list=""))
    with pytest.raises(RefusedError, match="upstream node must not be empty"):
        deploy(dataworks, dataworks.create_file(BASIC, input_list=""), BASIC)


def test_the_next_step_must_wait_for_the_one_before(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    submit(dataworks, file_id)
    for step in (deploy, submit):
        with pytest.raises(RefusedError, match="cannot be packed"):
            step(dataworks, file_id)
    dataworks.advance(1)
    deploy(dataworks, file_id)
    with pytest.raises(RefusedError, match="cannot be packed"):
        submit(dataworks, file_id)


@pytest.mark.parametrize("workspace", [STANDARD, BASIC])
def test_what_is_deployed_cannot_be_deployed_again(dataworks: DataWorks, workspace: int) -> None:
    file_id = dataworks.create_file(workspace)
    dataworks.release(file_id, workspace)
    with pytest.raises(RefusedError) as caught:
        deploy(dataworks, file_id, workspace)
    assert caught.value.code == "1201111179"


def test_a_file_that_was_never_submitted_cannot_be_deployed(dataworks: DataWorks) -> None:
    with pytest.raises(RefusedError, match="1201111179"):
        deploy(dataworks, dataworks.create_file())


def test_a_deploy_needs_a_file_or_a_node(dataworks: DataWorks) -> None:
    with pytest.raises(RefusedError, match="1201111279"):
        dataworks.call("DeployFile", project_id=STANDARD)


def test_a_change_needs_a_new_submit_and_production_keeps_the_old_one(dataworks: DataWorks) -> None:
    file_id = dataworks.create_file()
    node_id = dataworks.release(file_id)
    dataworks.call("UpdateFile", project_id=STANDARD, file_id=file_id, para_value="bizdate=$cyctime")
    assert dataworks.file(file_id)["File"]["CommitStatus"] == 0
    submit(dataworks, file_id)
    dataworks.advance(1)
    declared = [
        dataworks.call("GetNode", node_id=node_id, project_env=environment)["ParamValues"]
        for environment in ("DEV", "PROD")
    ]
    assert declared == ["bizdate=$cyctime", "bizdate=$bizdate"]
    assert versions(dataworks, file_id) == [(2, "COMMITTED", False), (1, "DEPLOYED", True)]
    assert dataworks.release(file_id) == node_id
    assert versions(dataworks, file_id)[0][1:] == ("DEPLOYED", True)


def test_a_change_made_during_a_submit_is_not_submitted(dataworks: DataWorks) -> None:
    """Two people, one node: the second one's change must not look committed."""
    file_id = dataworks.create_file()
    submit(dataworks, file_id)
    dataworks.call("UpdateFile", project_id=STANDARD, file_id=file_id, para_value="bizdate=$cyctime")
    dataworks.advance(1)
    file = dataworks.file(file_id)["File"]
    assert file["CommitStatus"] == 0
    node = dataworks.call("GetNode", node_id=file["NodeId"], project_env="DEV")
    assert node["ParamValues"] == "bizdate=$bizdate"


@pytest.mark.parametrize(("stage", "item_status"), [("submit", 2), ("deploy", 4)])
def test_a_failed_deployment_says_why_and_can_be_repeated(dataworks: DataWorks, stage: str, item_status: int) -> None:
    name = f"broken_{stage}"
    behaviour = {"behaviour": "fail", "file": name, "stage": stage, "times": 1, "message": "no quota left"}
    dataworks.emulator.control.seed({"deployments": [behaviour]})
    file_id = dataworks.create_file(file_name=name)
    if stage == "deploy":
        submit(dataworks, file_id)
        dataworks.advance(1)
    step = {"submit": submit, "deploy": deploy}[stage]
    deployment_id = step(dataworks, file_id)
    dataworks.advance(1)
    data = dataworks.call("GetDeployment", project_id=STANDARD, deployment_id=deployment_id)
    assert (data["Deployment"]["Status"], data["Deployment"]["ErrorMessage"]) == (2, "no quota left")
    assert data["DeployedItems"][0]["Status"] == item_status
    deployment_id = step(dataworks, file_id)
    dataworks.advance(1)
    assert dataworks.deployment(deployment_id)["Status"] == 1


@pytest.mark.parametrize(("behaviour", "status"), [("check_passes", None), ("check_fails", 7)])
def test_a_checker_decides_after_the_submit(dataworks: DataWorks, behaviour: str, status: int | None) -> None:
    """Status 1 alone does not mean that a deploy may follow."""
    name = f"checked_{behaviour}"
    dataworks.emulator.control.seed({"deployments": [{"behaviour": behaviour, "file": name, "seconds": 3}]})
    file_id = dataworks.create_file(file_name=name)
    deployment_id = submit(dataworks, file_id)
    dataworks.advance(1)
    assert (dataworks.deployment(deployment_id)["Status"], dataworks.deployment(deployment_id)["CheckingStatus"]) == (
        1,
        8,
    )
    with pytest.raises(RefusedError, match="1201111179"):
        deploy(dataworks, file_id)
    dataworks.advance(3)
    assert dataworks.deployment(deployment_id).get("CheckingStatus") == status
    if status is None:
        assert versions(dataworks, file_id) == [(1, "CHECK_OK", False)]
        deploy(dataworks, file_id)
    else:
        with pytest.raises(RefusedError, match="1201111179"):
            deploy(dataworks, file_id)


def test_checkers_can_be_skipped(dataworks: DataWorks) -> None:
    dataworks.emulator.control.seed({"deployments": [{"behaviour": "check_fails", "file": "unchecked"}]})
    file_id = dataworks.create_file(file_name="unchecked")
    deployment_id = submit(dataworks, file_id, skip=True)
    dataworks.advance(1)
    assert "CheckingStatus" not in dataworks.deployment(deployment_id)


def test_a_slow_submit(dataworks: DataWorks) -> None:
    dataworks.emulator.control.seed({"deployments": [{"behaviour": "slow", "file": "lazy", "seconds": 90}]})
    deployment_id = submit(dataworks, dataworks.create_file(file_name="lazy"))
    dataworks.advance(89)
    assert dataworks.deployment(deployment_id)["Status"] == 0
    dataworks.advance(1)
    assert dataworks.deployment(deployment_id)["Status"] == 1


def test_the_two_environments_may_number_their_nodes_differently(
    dataworks: DataWorks, reading: Callable[[str, str], None]
) -> None:
    reading("node_id_envs", "differ")
    node_id = dataworks.create_node()
    assert has_node(dataworks, node_id, "DEV")
    assert not has_node(dataworks, node_id, "PROD")
    assert has_node(dataworks, node_id + 1, "PROD")


def test_basic_mode_has_no_development(dataworks: DataWorks) -> None:
    node_id = dataworks.create_node(BASIC)
    with pytest.raises(RefusedError) as caught:
        dataworks.call("GetNode", node_id=node_id, project_env="DEV")
    assert (caught.value.http, caught.value.code) == (200, "Undocumented.EnvironmentNotSupported")
    with pytest.raises(RefusedError, match="EnvironmentNotSupported"):
        dataworks.call("ListInstances", project_id=BASIC, project_env="DEV")

"""Submit and deploy: how a file becomes a node in development and in production. Both take their time.

Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-submitfile
and ``...-deployfile``, ``...-getdeployment``; codes of refusals: https://developer.aliyun.com/ask/595336
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict

from airflow_provider_pai_designer.emulator import generation
from airflow_provider_pai_designer.emulator.errors import BusinessError, not_found
from airflow_provider_pai_designer.emulator.seed import DeploymentBehaviour
from airflow_provider_pai_designer.emulator.world import World, local

LOCAL, DEVELOPMENT, PRODUCTION = 0, 1, 2
"""From and to environment of a deployment, as the vendor numbers them."""
UNDER_WAY, SUCCEEDED, FAILED = 0, 1, 2
"""Status of a deployment."""
CHECK_FAILED, CHECKING = 7, 8
"""Checking status of a deployment; none where nothing is, or is left, to be checked."""


def submit(world: World, file: sqlite3.Row, *, comment: str, skip_checkers: bool, account: str) -> int:
    """Push a file into the development environment; return the id of the deployment.

    :raises BusinessError: the file has no parent, or is being submitted or deployed already.
    """
    workspace = world.workspace(file["workspace_id"])
    if workspace["mode"] == "basic" and world.reading("submit_in_basic") == "error":
        raise BusinessError(
            "Undocumented.SubmitInBasicMode", "Files of a workspace in basic mode are deployed, not submitted."
        )
    if file["deleted_status"] != "NORMAL":
        raise not_found("File", file["id"])
    _check_parent(file)
    _check_idle(world, file)
    version = file["version"]
    if workspace["mode"] == "standard":
        version = add_version(world, file, comment=comment, status="COMMITTING", account=account)
    return _add_deployment(
        world, file, version, stage="submit", origin=LOCAL, skip_checkers=skip_checkers, account=account
    )


def deploy(world: World, file: sqlite3.Row, *, comment: str, account: str) -> int:
    """Release the newest version of a file to production; return the id of the deployment.

    :raises BusinessError: nothing to deploy, not passed by the checkers, or an earlier step is not finished.
    """
    basic = world.workspace(file["workspace_id"])["mode"] == "basic"
    _check_idle(world, file)
    version = file["version"]
    if basic and not file["committed"]:
        _check_parent(file)
        version = add_version(world, file, comment=comment, status="COMMITTED", account=account)
        world.store.update("files", {"id": file["id"]}, committed=1, version=version)
    status = world.store.value(
        "SELECT status FROM file_versions WHERE file_id = ? AND version = ?", file["id"], version
    )
    if status not in ("COMMITTED", "CHECK_OK") or _unchecked(world, file["id"], version):
        raise BusinessError(
            "1201111179",
            f"The deployment package cannot be created: version {version} of the file is already deployed or has not "
            "passed its check.",
        )
    _set_version(world, file["id"], version, status="DEPLOYING")
    origin = LOCAL if basic else DEVELOPMENT
    return _add_deployment(world, file, version, stage="deploy", origin=origin, skip_checkers=True, account=account)


def delete(world: World, file: sqlite3.Row, *, account: str) -> int | None:
    """Delete a file; return the id of the deployment that takes its node away, None where it never had one.

    In standard mode that is the development node: the deletion must be deployed as a change is.
    https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-deletefile

    :raises BusinessError: the file is being submitted or deployed, or is deleted already.
    """
    if file["deleted_status"] != "NORMAL":
        raise not_found("File", file["id"])
    _check_idle(world, file)
    world.store.update("files", {"id": file["id"]}, deleted_status="DELETED", edited=world.clock.now())
    if file["node_id"] is None:
        return None
    standard = world.workspace(file["workspace_id"])["mode"] == "standard"
    status = "COMMITTING" if standard else "DEPLOYING"
    version = add_version(world, file, comment="", status=status, account=account, change_type="DELETE")
    stage = "submit" if standard else "deploy"
    return _add_deployment(world, file, version, stage=stage, origin=LOCAL, skip_checkers=True, account=account)


def take_offline(world: World, node: sqlite3.Row) -> None:
    """Take a node out of production; its file stays, and its version can be deployed again."""
    remove_node(world, node["environment"], _file(world, node["file_id"]))
    world.store.update(
        "file_versions", {"file_id": node["file_id"], "in_production": 1}, in_production=0, status="COMMITTED"
    )


def on_event(world: World, deployment_id: int, at: int) -> None:
    """Complete a deployment, or the check that follows it."""
    deployment = world.store.row("SELECT * FROM deployments WHERE id = ?", deployment_id)
    assert deployment is not None
    behaviour = DeploymentBehaviour(**json.loads(deployment["behaviour"])) if deployment["behaviour"] else None
    if deployment["status"] != UNDER_WAY:
        assert behaviour is not None
        _end_check(world, deployment, behaviour)
    elif behaviour and behaviour.behaviour == "fail":
        _fail(world, deployment, at, behaviour.message)
    else:
        _succeed(world, deployment, at, behaviour)


def _check_parent(file: sqlite3.Row) -> None:
    if not json.loads(file["settings"]).get("InputList"):
        raise BusinessError(
            "Undocumented.UpstreamEmpty", "The upstream node must not be empty: the file has no parent in its cycle."
        )


def _check_idle(world: World, file: sqlite3.Row) -> None:
    if world.store.value("SELECT 1 FROM deployments WHERE file_id = ? AND status = ?", file["id"], UNDER_WAY):
        raise BusinessError(
            "Undocumented.CannotPack", "The file cannot be packed: its previous submit or deploy is not finished."
        )


def _unchecked(world: World, file_id: int, version: int) -> bool:
    """Whether a checker still has, or had, something against a submitted version."""
    query = "SELECT checking_status FROM deployments WHERE file_id = ? AND version = ? ORDER BY id DESC"
    return world.store.value(query, file_id, version) is not None


def add_version(
    world: World, file: sqlite3.Row, *, comment: str, status: str, account: str, change_type: str = "UPDATE"
) -> int:
    """Keep a file as it is now as its next version; return the number of the version."""
    version = 1 + int(
        world.store.value("SELECT COALESCE(MAX(version), 0) FROM file_versions WHERE file_id = ?", file["id"])
    )
    world.store.insert(
        "file_versions",
        file_id=file["id"],
        version=version,
        name=file["name"],
        content=file["content"],
        settings=file["settings"],
        status=status,
        change_type="CREATE" if version == 1 else change_type,
        comment=comment,
        committer=account,
        committed=world.clock.now(),
    )
    return version


def _add_deployment(
    world: World, file: sqlite3.Row, version: int, *, stage: str, origin: int, skip_checkers: bool, account: str
) -> int:
    now, timing = world.clock.now(), world.timing
    seconds = timing.submit_seconds if stage == "submit" else timing.deploy_seconds
    behaviour = behaviour_of(world, file["name"], stage)
    if behaviour and behaviour.behaviour == "slow":
        seconds = behaviour.seconds
    deployment_id = world.store.next_id("deployment")
    world.store.insert(
        "deployments",
        id=deployment_id,
        workspace_id=file["workspace_id"],
        file_id=file["id"],
        version=version,
        name=f"{file['name']}-{local(now, world.zone(file['workspace_id'])):%Y-%m-%d}_{account}",
        from_environment=origin,
        to_environment=DEVELOPMENT if stage == "submit" else PRODUCTION,
        status=UNDER_WAY,
        behaviour=json.dumps(asdict(behaviour)) if behaviour else None,
        skip_checkers=skip_checkers,
        creator=account,
        created=now,
    )
    world.store.schedule(now + int(seconds * 1000), "deployment", deployment_id)
    return deployment_id


def behaviour_of(world: World, file_name: str, stage: str) -> DeploymentBehaviour | None:
    """Return the seeded behaviour that a stage follows, and count that it was used; None for an ordinary one."""
    for identity, rule in world.behaviours("deployment"):
        behaviour = DeploymentBehaviour(**rule)
        if behaviour.matches(file=file_name, stage=stage):
            world.use_behaviour(identity)
            return behaviour
    return None


def _fail(world: World, deployment: sqlite3.Row, at: int, message: str) -> None:
    submitting = deployment["to_environment"] == DEVELOPMENT
    status = "CANCELLED" if submitting else "COMMITTED"
    _set_version(world, deployment["file_id"], deployment["version"], status=status)
    _set_deployment(world, deployment["id"], status=FAILED, error_message=message, executed=at)


def _succeed(world: World, deployment: sqlite3.Row, at: int, behaviour: DeploymentBehaviour | None) -> None:
    checked = behaviour is not None and behaviour.behaviour.startswith("check") and not deployment["skip_checkers"]
    if deployment["to_environment"] == PRODUCTION:
        _release(world, deployment, at)
    elif world.workspace(deployment["workspace_id"])["mode"] == "standard":
        _commit(world, deployment, at)
    _set_deployment(
        world, deployment["id"], status=SUCCEEDED, checking_status=CHECKING if checked else None, executed=at
    )
    if checked and behaviour:
        world.store.schedule(at + int(behaviour.seconds * 1000), "deployment", deployment["id"])


def _end_check(world: World, deployment: sqlite3.Row, behaviour: DeploymentBehaviour) -> None:
    if behaviour.behaviour == "check_passes":
        _set_deployment(world, deployment["id"], checking_status=None)
        _set_version(world, deployment["file_id"], deployment["version"], status="CHECK_OK")
    else:
        _set_deployment(world, deployment["id"], checking_status=CHECK_FAILED, error_message=behaviour.message)


def _commit(world: World, deployment: sqlite3.Row, at: int) -> None:
    """The submitted version is in development now."""
    store, file_id, version = world.store, deployment["file_id"], deployment["version"]
    _set_version(world, file_id, version, status="COMMITTED")
    submitted = _version(world, file_id, version)
    file = _file(world, file_id)
    if submitted["change_type"] == "DELETE":
        remove_node(world, "DEV", file)
        store.update("files", {"id": file_id}, committed=1, version=version)
        return
    same = (file["content"], file["settings"]) == (submitted["content"], submitted["settings"])
    node_id = write_node(world, "DEV", file, submitted, at)
    store.update("files", {"id": file_id}, committed=int(same), version=version, node_id=node_id)


def _release(world: World, deployment: sqlite3.Row, at: int) -> None:
    """The deployed version is in production now."""
    store, file_id, version = world.store, deployment["file_id"], deployment["version"]
    store.update("file_versions", {"file_id": file_id}, in_production=0)
    file, deployed = _file(world, file_id), _version(world, file_id, version)
    if deployed["change_type"] == "DELETE":
        _set_version(world, file_id, version, status="DEPLOYED")
        remove_node(world, "PROD", file)
        return
    _set_version(world, file_id, version, status="DEPLOYED", in_production=1)
    node_id = write_node(world, "PROD", file, deployed, at)
    if file["node_id"] is None:
        store.update("files", {"id": file_id}, node_id=node_id)
    generation.plan(world, file["workspace_id"], at)


def write_node(
    world: World,
    environment: str,
    file: sqlite3.Row,
    version: sqlite3.Row,
    at: int,
    *,
    doubt: str = "node_id_envs",
) -> int:
    """Give an environment a version of a file as its node; return the id of the node.

    :param doubt: tells whether the node has one id in all environments.
    """
    store = world.store
    existing = store.row("SELECT * FROM nodes WHERE file_id = ? AND environment = ?", file["id"], environment)
    if existing:
        node_id = existing["id"]
    elif file["node_id"] and world.reading(doubt) == "same":
        node_id = file["node_id"]
    else:
        node_id = store.next_id("node")
    store.upsert(
        "nodes",
        environment=environment,
        id=node_id,
        workspace_id=file["workspace_id"],
        file_id=file["id"],
        version=version["version"],
        name=version["name"],
        file_type=file["type"],
        folder=file["folder"],
        description=file["description"],
        owner=file["owner"],
        content=version["content"],
        settings=version["settings"],
        created=existing["created"] if existing else at,
        modified=at,
    )
    return int(node_id)


def remove_node(world: World, environment: str, file: sqlite3.Row) -> None:
    """Take the node of a file out of an environment."""
    world.store.execute("DELETE FROM nodes WHERE file_id = ? AND environment = ?", file["id"], environment)


def _file(world: World, file_id: int) -> sqlite3.Row:
    row = world.store.row("SELECT * FROM files WHERE id = ?", file_id)
    assert row is not None
    return row


def _version(world: World, file_id: int, version: int) -> sqlite3.Row:
    row = world.store.row("SELECT * FROM file_versions WHERE file_id = ? AND version = ?", file_id, version)
    assert row is not None
    return row


def _set_version(world: World, file_id: int, version: int, **changes: object) -> None:
    world.store.update("file_versions", {"file_id": file_id, "version": version}, **changes)


def _set_deployment(world: World, deployment_id: int, **changes: object) -> None:
    world.store.update("deployments", {"id": deployment_id}, **changes)

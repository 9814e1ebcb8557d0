"""Making a node be as it is declared: create, update, submit, deploy, each step only if it is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.cloud.settle import Settler
from airflow_provider_pai_designer.cloud.verbs import Pause
from airflow_provider_pai_designer.designer.node import (
    Change,
    DeployedNode,
    EnsuredNode,
    Node,
    StoredNode,
    difference,
)
from airflow_provider_pai_designer.designer.record import SETTLE_SECONDS
from airflow_provider_pai_designer.designer.workspace import Deployment, DeploymentStatus, Environment, Workspace
from airflow_provider_pai_designer.exceptions import (
    DeploymentError,
    NodeDefinitionError,
    NotFoundError,
    RejectedError,
    UnclearError,
)

if TYPE_CHECKING:
    from airflow_provider_pai_designer.cloud.dataworks import DataWorks

DEPLOYMENT_PATIENCE_SECONDS = 900.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0

UNDER_WAY = (DeploymentStatus.PENDING, DeploymentStatus.CHECKING)
"""A deployment that has not ended, or whose checks have not."""

log = logging.getLogger(__name__)


class NodeEnsurer:
    """Ensures nodes in one workspace; may be asked again after any failure, and goes on from what is there.

    :param pause: waits for some seconds; may raise to end the work between two steps.
    :param settle: for how many seconds the service may still act on a call that was given up.
    """

    def __init__(
        self,
        *,
        dataworks: DataWorks,
        workspace: Workspace,
        pause: Pause = lambda _: None,
        settle: float = SETTLE_SECONDS,
    ) -> None:
        self._dataworks = dataworks
        self._workspace = workspace
        self._pause = pause
        self._steps = Steps(dataworks=dataworks, workspace=workspace, pause=pause, settle=settle)

    def ensure(self, node: Node, *, environment: Environment, create_folder: bool) -> EnsuredNode:
        """See :meth:`~airflow_provider_pai_designer.hooks.pai_designer.PaiDesignerHook.ensure_node`."""
        wanted = self._with_parent(node)
        stored, actions = self._store(wanted, create_folder)
        self._pause(0)
        if self._workspace.standard_mode and not _is_submitted(stored):
            actions += self._submit(stored)
            stored = self._submitted(stored, wanted)
        self._pause(0)
        running = None
        if environment is Environment.PROD:
            running = None if actions else self._in_production(stored)
            if running is None and (actions or not self._is_in_production(stored)):
                self._deploy(stored)
                actions.append("deployed")
                stored = self._submitted(stored, wanted)
        return EnsuredNode(
            file_id=stored.file_id,
            node_id=running.id if running else self._node_id(stored, environment),
            actions=tuple(actions),
            version=stored.version or None,
        )

    def compare(self, node: Node) -> tuple[Change, ...] | None:
        """See :meth:`~airflow_provider_pai_designer.cloud.verbs.Verbs.compare_node`."""
        wanted = self._with_parent(node)
        file_id = self._dataworks.find_file(self._workspace, name=wanted.name, folder=wanted.folder)
        return None if file_id is None else tuple(difference(self._read(file_id, wanted).node, wanted))

    def find(self, name: str, folder: str, environment: Environment) -> int:
        """See :meth:`~airflow_provider_pai_designer.cloud.verbs.Verbs.find_node`."""
        file_id = self._dataworks.find_file(self._workspace, name=name, folder=folder)
        if file_id is None:
            raise NodeDefinitionError(
                f"There is no PAI Designer node {name!r} in the folder {folder!r} of the workspace "
                f"{self._workspace.identifier!r}: correct the name or the folder, or deploy the node first."
            )
        stored = self._dataworks.read_node(self._workspace, file_id, folder=folder)
        if stored.node_id is None:
            raise NodeDefinitionError(
                f"The node {name!r} (file id {file_id}) was never submitted, so there is nothing to run: deploy it "
                "first, with PaiDesignerDeployNodeOperator or in DataStudio."
            )
        return self._node_id(stored, environment)

    def _with_parent(self, node: Node) -> Node:
        # DataWorks refuses to submit a node without a parent; the workspace's root is the parent of last resort.
        return node if node.parents else replace(node, parents=(self._workspace.root_output,))

    def _store(self, wanted: Node, create_folder: bool) -> tuple[StoredNode, list[str]]:
        """Make the file be as wanted, whoever creates it; return it, and what was done."""
        file_id = self._find(wanted)
        if file_id is not None:
            return self._update(file_id, wanted)
        created = self._create(wanted, create_folder)
        file_id = self._find(wanted) or created
        if file_id is None:
            raise UnclearError(
                f"ListFiles: the node {wanted.name!r} was there, and is not any more. Run the task again.",
                operation="ListFiles",
            )
        if file_id != created:
            return self._update(file_id, wanted)
        log.info("Created the node %r in %r (file id %s)", wanted.name, wanted.folder, file_id)
        return StoredNode(file_id=file_id, node_id=None, committed=False, version=0, node=wanted), ["created"]

    def _find(self, wanted: Node) -> int | None:
        """Find the file of a node; of several that tasks have created at the same time the one with the lowest id."""
        found = self._files(wanted)
        for file_id in found[1:]:
            self._delete_twin(file_id, wanted)
        return found[0] if found else None

    def _delete_twin(self, file_id: int, wanted: Node) -> None:
        """Delete a second file of one name; only one that is as declared and was never submitted has nothing to lose.

        :raises NodeDefinitionError: it is somebody's work.
        """
        twin = self._latest(file_id, wanted)
        if twin.node_id is not None or difference(twin.node, replace(wanted, resource_group=None)):
            # Raises, and says which files there are; unless one of them has gone by now.
            self._dataworks.find_file(self._workspace, name=wanted.name, folder=wanted.folder)
            return
        log.info("The node %r was created twice at the same time; the file %s goes", wanted.name, file_id)
        self._steps.settled(
            f"the deletion of the file {file_id}, a second one of the node {wanted.name!r}",
            lambda: self._dataworks.delete_file(self._workspace, file_id),
            look=lambda: file_id not in self._files(wanted),
        )

    def _files(self, wanted: Node) -> list[int]:
        return self._dataworks.find_files(self._workspace, name=wanted.name, folder=wanted.folder)

    def _create(self, wanted: Node, create_folder: bool) -> int | None:
        """Create the file of a node; return its id, None where it is there and perhaps another task's."""
        if not create_folder:
            self._dataworks.check_folder(self._workspace, wanted.folder)
        return self._steps.settled(
            f"the creation of the node {wanted.name!r} in {wanted.folder!r}",
            lambda: self._dataworks.create_node(self._workspace, wanted, create_folder=create_folder),
            look=lambda: bool(self._files(wanted)),
        )

    def _update(self, file_id: int, wanted: Node) -> tuple[StoredNode, list[str]]:
        stored = self._read(file_id, wanted)
        changes = difference(stored.node, wanted)
        if not changes:
            return stored, []
        for change in changes:
            log.info("Changed: %s", change)
        self._steps.settled(
            f"the update of the node {wanted.name!r} (file id {file_id})",
            lambda: self._dataworks.update_node(self._workspace, file_id, changes, rerun=wanted.rerun),
            look=lambda: self._is_stored(file_id, wanted),
        )
        kept = self._latest(file_id, wanted)
        self._check_kept(kept.node, wanted)
        return kept, [f"updated: {', '.join(change.name for change in changes)}"]

    def _is_stored(self, file_id: int, wanted: Node) -> bool:
        stored = self._read(file_id, wanted)
        # The resource group of a file shows once it was submitted; until then the other properties must do.
        comparable = wanted if stored.committed else replace(wanted, resource_group=None)
        return not difference(stored.node, comparable)

    def _submit(self, stored: StoredNode) -> list[str]:
        # In this order: a submit of another task that ends between the two looks is seen by the second.
        self._steps.let_end(stored.file_id, stored.node.name)
        if _is_submitted(self._latest(stored.file_id, stored.node)):
            return []
        self._steps.take(
            "submit",
            lambda: self._dataworks.submit(self._workspace, stored.file_id),
            name=stored.node.name,
            file_id=stored.file_id,
            done=lambda: _is_submitted(self._latest(stored.file_id, stored.node)),
        )
        return ["submitted"]

    def _deploy(self, stored: StoredNode) -> None:
        self._steps.take(
            "deploy",
            lambda: self._dataworks.deploy(self._workspace, stored.file_id),
            name=stored.node.name,
            file_id=stored.file_id,
            done=lambda: self._is_in_production(self._latest(stored.file_id, stored.node)),
        )

    def _latest(self, file_id: int, wanted: Node) -> StoredNode:
        return self._dataworks.read_node(self._workspace, file_id, folder=wanted.folder)

    def _read(self, file_id: int, wanted: Node) -> StoredNode:
        stored = self._latest(file_id, wanted)
        if wanted.resource_group is None or stored.node_id is None:
            return stored
        # The definition of a file does not name its resource group; the node that was made from it first does.
        first = Environment.DEV if self._workspace.standard_mode else Environment.PROD
        group = self._dataworks.get_node(stored.node_id, first).resource_group
        return replace(stored, node=replace(stored.node, resource_group=group))

    def _check_kept(self, kept: Node, wanted: Node) -> None:
        """Read what was written: whether fields that are not sent keep their values is not documented."""
        lost = difference(kept, replace(wanted, resource_group=None))
        if lost:
            raise NodeDefinitionError(
                f"DataWorks did not keep {', '.join(change.name for change in lost)} of the node {wanted.name!r} as it "
                "was sent. The node was not submitted: look at it in DataStudio, or give these properties other values."
            )

    def _in_production(self, stored: StoredNode) -> DeployedNode | None:
        """Read the node that production has of this version; None where that cannot be told from the node itself."""
        if not stored.committed or stored.node_id is None:
            return None
        try:
            node = self._dataworks.get_node(stored.node_id, Environment.PROD)
        except (NotFoundError, RejectedError):
            return None
        return node if (node.file_id, node.version) == (stored.file_id, stored.version) else None

    def _is_in_production(self, stored: StoredNode) -> bool:
        return stored.committed and any(
            item.in_production and item.number == stored.version
            for item in self._dataworks.list_versions(self._workspace, stored.file_id)
        )

    def _node_id(self, stored: StoredNode, environment: Environment) -> int:
        node_id = stored.node_id
        assert node_id is not None
        if environment is Environment.DEV or not self._workspace.standard_mode:
            return node_id
        # Whether a file's node has one id in both environments is not documented.
        try:
            return self._dataworks.get_node(node_id, environment).id
        except (NotFoundError, RejectedError):
            nodes = self._dataworks.list_nodes(self._workspace, environment, name=stored.node.name)
        found = [item.id for item in nodes if item.file_id in (stored.file_id, None) and item.name == stored.node.name]
        if len(found) == 1:
            return found[0]
        raise NodeDefinitionError(
            f"The node {stored.node.name!r} cannot be told from others: {len(found)} nodes of {environment.value} have "
            "its name. Give it a name that no other node of the workspace has."
        )

    def _submitted(self, stored: StoredNode, wanted: Node) -> StoredNode:
        """Read what a submit has made of a node: its id, its version, and the resource group, which no file shows."""
        read = self._read(stored.file_id, wanted)
        if read.node_id is None:
            raise UnclearError(
                f"GetFile: the node {wanted.name!r} was submitted and has no node id yet. Try again in a minute.",
                operation="GetFile",
            )
        if wanted.resource_group not in (None, read.node.resource_group):
            raise NodeDefinitionError(
                f"The node {wanted.name!r} was submitted with the resource group {read.node.resource_group!r} instead "
                f"of {wanted.resource_group!r}. Run the task again; if it stays so, look at the node in DataStudio."
            )
        return read


class Steps(Settler):
    """The steps of ensuring and removing: writes whose reply may get lost, and deployments that others may have begun.

    :param pause: waits for some seconds; may raise to end the work between two steps.
    :param settle: for how many seconds the service may still act on a call that was given up.
    """

    def __init__(self, *, dataworks: DataWorks, workspace: Workspace, pause: Pause, settle: float) -> None:
        super().__init__(pause=pause, settle=settle)
        self._dataworks = dataworks
        self._workspace = workspace

    def take(self, step: str, write: Callable[[], int], *, name: str, file_id: int, done: Callable[[], bool]) -> None:
        """Start a submit or a deploy of a file, and wait for its end; or for that of the one that is under way.

        :param step: what it is, in a word.
        :param write: starts it and returns the id of the deployment, 0 where there is nothing to wait for.
        :param done: tells whether the file has come there.
        :raises DeploymentError: it failed, was refused by a checker, or takes longer than 15 minutes.
        """
        while (started := self._start(step, write, name, file_id, done)) is None:
            if deployment := self._under_way(file_id, name):
                self._wait(step, deployment.id)
            if done():
                return
        if started:
            self._wait(step, started)

    def let_end(self, file_id: int, name: str) -> None:
        """Give a submit or a deploy of a file that is under way the settle time to end, well or badly."""
        for _ in self.looks():
            deployment = self._under_way(file_id, name)
            if deployment is None or deployment.status is not DeploymentStatus.PENDING:
                return
            log.info("The node %r is being submitted or deployed already (deployment %s)", name, deployment.id)

    def _start(
        self, step: str, write: Callable[[], int], name: str, file_id: int, done: Callable[[], bool]
    ) -> int | None:
        return self.settled(
            f"the {step} of the node {name!r} (file id {file_id})",
            write,
            look=lambda: self._under_way(file_id, name) is not None or done(),
        )

    def _under_way(self, file_id: int, name: str) -> Deployment | None:
        return self._dataworks.find_deployment(self._workspace, file_id, name=name)

    def _wait(self, step: str, deployment_id: int) -> None:
        """Wait until a submit or a deploy has ended well."""
        give_up = monotonic() + DEPLOYMENT_PATIENCE_SECONDS
        seconds = _FIRST_PAUSE_SECONDS
        said = None
        while (deployment := self._dataworks.get_deployment(self._workspace, deployment_id)).status in UNDER_WAY:
            if deployment.status is not said:
                said = deployment.status
                log.info("The %s (deployment %s) is %s", step, deployment_id, said.value)
            if monotonic() > give_up:
                raise _deployment_error(step, deployment, f"it is still {deployment.status.value} after 15 minutes")
            self._pause(seconds)
            seconds = min(seconds * 1.5, _LONGEST_PAUSE_SECONDS)
        if deployment.status is DeploymentStatus.FAILED:
            raise _deployment_error(step, deployment, deployment.message or "the service gave no message")
        if deployment.status is DeploymentStatus.CHECK_FAILED:
            raise _deployment_error(step, deployment, f"a checker refused it. {deployment.message}".strip())
        log.info("The %s (deployment %s) succeeded", step, deployment_id)


def _is_submitted(stored: StoredNode) -> bool:
    return stored.committed and stored.node_id is not None


def _deployment_error(step: str, deployment: Deployment, reason: str) -> DeploymentError:
    return DeploymentError(
        f"The {step} of the node did not succeed (deployment {deployment.id}): {reason}. Look at the deployment in "
        "DataStudio (Deploy > Deployment Packages), approve or mend it there, and run the task again.",
        deployment_id=deployment.id,
    )

"""Making a node be as it is declared: create, update, submit, deploy, each step only if it is needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from airflow_provider_pai_designer.cloud.dataworks import DataWorks
from airflow_provider_pai_designer.designer.node import Change, EnsuredNode, Node, StoredNode, difference
from airflow_provider_pai_designer.designer.workspace import Deployment, DeploymentStatus, Environment, Workspace
from airflow_provider_pai_designer.exceptions import (
    DeploymentError,
    NodeDefinitionError,
    NotFoundError,
    RejectedError,
    UnclearError,
)

DEPLOYMENT_PATIENCE_SECONDS = 900.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0

log = logging.getLogger(__name__)


class NodeEnsurer:
    """Ensures nodes in one workspace.

    :param pause: waits for some seconds; may raise to end the work between two steps.
    """

    def __init__(self, *, dataworks: DataWorks, workspace: Workspace, pause: Callable[[float], None]) -> None:
        self._dataworks = dataworks
        self._workspace = workspace
        self._pause = pause

    def ensure(self, node: Node, *, environment: Environment, create_folder: bool) -> EnsuredNode:
        """See :meth:`~airflow_provider_pai_designer.hooks.pai_designer.PaiDesignerHook.ensure_node`."""
        # DataWorks refuses to submit a node without a parent; the workspace's root is the parent of last resort.
        wanted = node if node.parents else replace(node, parents=(self._workspace.root_output,))
        file_id = self._dataworks.find_file(self._workspace, name=wanted.name, folder=wanted.folder)
        if file_id is None:
            stored, actions = self._create(wanted, create_folder), ["created"]
        else:
            stored, actions = self._update(file_id, wanted)
        self._pause(0)
        if self._workspace.standard_mode and (not stored.committed or stored.node_id is None):
            self._finish("submit", self._dataworks.submit(self._workspace, stored.file_id))
            actions.append("submitted")
        self._pause(0)
        if environment is Environment.PROD and (actions or not self._is_in_production(stored)):
            self._finish("deploy", self._dataworks.deploy(self._workspace, stored.file_id))
            actions.append("deployed")
        return EnsuredNode(
            file_id=stored.file_id,
            node_id=self._node_id(stored, environment),
            actions=tuple(actions),
        )

    def _create(self, wanted: Node, create_folder: bool) -> StoredNode:
        if not create_folder:
            self._dataworks.check_folder(self._workspace, wanted.folder)
        file_id = self._dataworks.create_node(self._workspace, wanted, create_folder=create_folder)
        log.info("Created the node %r in %r (file id %s)", wanted.name, wanted.folder, file_id)
        return StoredNode(file_id=file_id, node_id=None, committed=False, version=0, node=wanted)

    def _update(self, file_id: int, wanted: Node) -> tuple[StoredNode, list[str]]:
        stored = self._read(file_id, wanted)
        changes = difference(stored.node, wanted)
        if not changes:
            return stored, []
        for change in changes:
            log.info("%s", _describe(change))
        self._dataworks.update_node(self._workspace, file_id, changes, rerun=wanted.rerun)
        kept = self._dataworks.read_node(self._workspace, file_id, folder=wanted.folder)
        self._check_kept(kept.node, wanted)
        return kept, [f"updated: {', '.join(change.name for change in changes)}"]

    def _read(self, file_id: int, wanted: Node) -> StoredNode:
        stored = self._dataworks.read_node(self._workspace, file_id, folder=wanted.folder)
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

    def _is_in_production(self, stored: StoredNode) -> bool:
        versions = self._dataworks.list_versions(self._workspace, stored.file_id)
        return stored.committed and any(item.in_production and item.number == stored.version for item in versions)

    def _node_id(self, stored: StoredNode, environment: Environment) -> int:
        node_id = stored.node_id or self._new_node_id(stored)
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

    def _new_node_id(self, stored: StoredNode) -> int:
        read = self._dataworks.read_node(self._workspace, stored.file_id, folder=stored.node.folder)
        if read.node_id is None:
            raise UnclearError(
                f"GetFile: the node {stored.node.name!r} was submitted and has no node id yet. Try again in a minute.",
                operation="GetFile",
            )
        return read.node_id

    def _finish(self, step: str, deployment_id: int) -> None:
        """Wait until a submit or a deploy has ended well."""
        give_up = monotonic() + DEPLOYMENT_PATIENCE_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        said = None
        while (deployment := self._dataworks.get_deployment(self._workspace, deployment_id)).status in (
            DeploymentStatus.PENDING,
            DeploymentStatus.CHECKING,
        ):
            if deployment.status is not said:
                said = deployment.status
                log.info("The %s (deployment %s) is %s", step, deployment_id, said.value)
            if monotonic() > give_up:
                raise _deployment_error(step, deployment, f"it is still {deployment.status.value} after 15 minutes")
            self._pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        if deployment.status is DeploymentStatus.FAILED:
            raise _deployment_error(step, deployment, deployment.message or "the service gave no message")
        if deployment.status is DeploymentStatus.CHECK_FAILED:
            raise _deployment_error(step, deployment, f"a checker refused it. {deployment.message}".strip())
        log.info("The %s (deployment %s) succeeded", step, deployment_id)


def _deployment_error(step: str, deployment: Deployment, reason: str) -> DeploymentError:
    return DeploymentError(
        f"The {step} of the node did not succeed (deployment {deployment.id}): {reason}. Look at the deployment in "
        "DataStudio (Deploy > Deployment Packages), approve or mend it there, and run the task again.",
        deployment_id=deployment.id,
    )


def _describe(change: Change) -> str:
    if change.name == "content":
        return "Changed: content"
    return f"Changed: {change.name}, from {change.stored!r} to {change.wanted!r}"

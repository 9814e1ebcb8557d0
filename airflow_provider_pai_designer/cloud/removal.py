"""Taking a node away: out of production, its file, and the node that was made of it, each step only if it is needed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.cloud.ensure import Steps
from airflow_provider_pai_designer.cloud.verbs import Pause
from airflow_provider_pai_designer.designer.node import DeletedNode, DeployedNode
from airflow_provider_pai_designer.designer.record import SETTLE_SECONDS
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import NodeDefinitionError, NotFoundError, RejectedError, UnclearError

if TYPE_CHECKING:
    from airflow_provider_pai_designer.cloud.dataworks import DataWorks

_LOOKS, _PAUSE_SECONDS = 60, 1.0

log = logging.getLogger(__name__)


class NodeRemover:
    """Removes nodes of one workspace.

    :param pause: waits for some seconds; may raise to end the work between two steps.
    :param settle: for how many seconds the service may still act on a call that was given up.
    """

    def __init__(
        self, *, dataworks: DataWorks, workspace: Workspace, pause: Pause, settle: float = SETTLE_SECONDS
    ) -> None:
        self._dataworks = dataworks
        self._workspace = workspace
        self._pause = pause
        self._steps = Steps(dataworks=dataworks, workspace=workspace, pause=pause, settle=settle)

    def remove(self, name: str, folder: str) -> DeletedNode:
        """See :meth:`~airflow_provider_pai_designer.cloud.verbs.Verbs.delete_node`."""
        file_id = self._dataworks.find_file(self._workspace, name=name, folder=folder)
        if file_id is None:
            return DeletedNode(actions=())
        nodes = self._nodes(name, file_id, folder)
        self._check_childless(name, nodes)
        actions = []
        if self._workspace.standard_mode and Environment.PROD in nodes:
            self._take_offline(nodes[Environment.PROD])
            actions.append("taken offline")
        self._pause(0)
        self._delete(name, file_id, folder)
        actions.append("deleted")
        if "taken offline" in actions:
            self._deploy_deletion(name, file_id)
            actions.append("deletion deployed")
        return DeletedNode(actions=tuple(actions))

    def _nodes(self, name: str, file_id: int, folder: str) -> dict[Environment, DeployedNode]:
        """The nodes that were made of a file, by environment."""
        stored = self._dataworks.read_node(self._workspace, file_id, folder=folder)
        if stored.node_id is None:
            return {}
        return {
            environment: node
            for environment in self._workspace.environments
            for node in self._dataworks.list_nodes(self._workspace, environment, name=name)
            if node.id == stored.node_id or (node.file_id == file_id and node.name == name)
        }

    def _check_childless(self, name: str, nodes: dict[Environment, DeployedNode]) -> None:
        children = {
            f"{child} in {environment.value}"
            for environment, node in nodes.items()
            for child in self._children(node, environment)
        }
        if children:
            raise NodeDefinitionError(
                f"The node {name!r} was not deleted, because other nodes depend on it: {', '.join(sorted(children))}. "
                "Delete these first, or give them other parents."
            )

    def _children(self, node: DeployedNode, environment: Environment) -> list[str]:
        try:
            return self._dataworks.list_children(node.id, environment)
        except NotFoundError:  # another task has just removed it
            return []

    def _take_offline(self, node: DeployedNode) -> None:
        self._steps.settled(
            f"taking the node {node.name!r} (id {node.id}) out of production",
            lambda: self._dataworks.offline_node(self._workspace, node.id),
            look=lambda: self._is_offline(node),
        )
        for _ in range(_LOOKS):
            if self._is_offline(node):
                log.info("The node %s is out of production", node.id)
                return
            self._pause(_PAUSE_SECONDS)
        raise UnclearError(
            f"OfflineNode: the node {node.id} is still in production after a minute. Look at it in Operation Center.",
            operation="OfflineNode",
        )

    def _is_offline(self, node: DeployedNode) -> bool:
        try:
            self._dataworks.get_node(node.id, Environment.PROD)
        except (NotFoundError, RejectedError):
            return True
        return False

    def _delete(self, name: str, file_id: int, folder: str) -> None:
        self._steps.take(
            "deletion",
            lambda: self._dataworks.delete_file(self._workspace, file_id) or 0,
            name=name,
            file_id=file_id,
            done=lambda: file_id not in self._dataworks.find_files(self._workspace, name=name, folder=folder),
        )

    def _deploy_deletion(self, name: str, file_id: int) -> None:
        self._steps.take(
            "deployed deletion",
            lambda: self._dataworks.deploy(self._workspace, file_id),
            name=name,
            file_id=file_id,
            done=lambda: self._is_deletion_deployed(file_id),
        )

    def _is_deletion_deployed(self, file_id: int) -> bool:
        """Tell whether the newest version, which is the deletion, was deployed; production shows no version then."""
        versions = self._dataworks.list_versions(self._workspace, file_id)
        return bool(versions) and versions[0].status == "DEPLOYED"

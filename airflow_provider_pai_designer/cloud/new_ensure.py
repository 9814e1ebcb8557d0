"""Making a node of the new Data Studio be as it is declared, and taking it away: each step only if it is needed."""

from __future__ import annotations

import logging
from dataclasses import replace
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.cloud.errors import OTHER_GENERATION
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.new_replies import Task
from airflow_provider_pai_designer.cloud.publish import Publisher
from airflow_provider_pai_designer.cloud.studio_nodes import StudioNodes
from airflow_provider_pai_designer.cloud.verbs import Pause
from airflow_provider_pai_designer.designer.flow_spec import (
    StudioNode,
    same_code,
    storable,
    write_changes,
    write_dependencies,
)
from airflow_provider_pai_designer.designer.node import Change, DeletedNode, EnsuredNode, Node, difference
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import NodeDefinitionError, UnclearError

log = logging.getLogger(__name__)


class StudioEnsurer:
    """Ensures, compares, finds and removes nodes of one workspace.

    :param zone: of the workspace.
    """

    def __init__(self, *, gateway: Gateway, workspace: Workspace, zone: ZoneInfo) -> None:
        self._gateway = gateway
        self._nodes = StudioNodes(gateway=gateway, workspace=workspace, zone=zone)
        self._workspace = workspace
        self._zone = zone

    def ensure(self, node: Node, *, environment: Environment, pause: Pause) -> EnsuredNode:
        """See :meth:`~airflow_provider_pai_designer.cloud.verbs.Verbs.ensure_node`."""
        wanted = storable(node, self._workspace, self._zone)
        row = self._nodes.find(wanted.name, wanted.folder)
        stored, actions = self._create(wanted) if row is None else self._update(row.id, wanted)
        pause(0)
        task = self._nodes.task(wanted.name, stored.task_id, environment)
        if actions or task is None or not self._is_current(task, wanted):
            Publisher(gateway=self._gateway, workspace=self._workspace, pause=pause).publish(stored, environment)
            actions.append(f"published to {environment.value}")
            task = self._nodes.task(wanted.name, self._nodes.read(stored.id).task_id, environment)
        if task is None:
            raise UnclearError(
                f"GetTask: the node {wanted.name!r} was published and {environment.value} has no task of it yet. Try "
                "again in a minute.",
                operation="GetTask",
            )
        return EnsuredNode(file_id=stored.id, node_id=task.id, actions=tuple(actions))

    def compare(self, node: Node) -> tuple[Change, ...] | None:
        """See :meth:`~airflow_provider_pai_designer.cloud.verbs.Verbs.compare_node`."""
        wanted = storable(node, self._workspace, self._zone)
        row = self._nodes.find(wanted.name, wanted.folder)
        return None if row is None else difference(self._nodes.read(row.id).node, wanted)

    def find(self, name: str, folder: str, environment: Environment) -> int:
        """See :meth:`~airflow_provider_pai_designer.cloud.verbs.Verbs.find_node`."""
        row = self._nodes.find(name, folder)
        if row is None:
            raise NodeDefinitionError(
                f"The workspace {self._workspace.identifier!r} has no PAI Designer node {name!r} in {folder!r}: check "
                f"the name or the folder. {OTHER_GENERATION}"
            )
        task = self._nodes.task(name, row.task_id, environment)
        if task is None:
            raise NodeDefinitionError(
                f"The node {name!r} is not published to {environment.value}: publish it in Data Studio, or let a task "
                f'ensure it with environment="{environment.value}".'
            )
        return task.id

    def remove(self, name: str, folder: str, *, pause: Pause) -> DeletedNode:
        """See :meth:`~airflow_provider_pai_designer.cloud.verbs.Verbs.delete_node`."""
        row = self._nodes.find(name, folder)
        if row is None:
            return DeletedNode(actions=())
        if dependents := self._nodes.dependents(row):
            raise NodeDefinitionError(
                f"The node {name!r} was not deleted, because other nodes depend on it: {', '.join(dependents)}. Delete "
                "these first, or give them other parents."
            )
        actions = []
        if any(self._nodes.task(name, row.task_id, environment) for environment in self._workspace.environments):
            pause(0)
            Publisher(gateway=self._gateway, workspace=self._workspace, pause=pause).take_offline(row.id)
            actions.append("taken offline")
        pause(0)
        self._nodes.delete(row.id)
        return DeletedNode(actions=(*actions, "deleted"))

    def _create(self, wanted: Node) -> tuple[StudioNode, list[str]]:
        # A folder needs no making: it is nothing but the path in the spec.
        node_id = self._nodes.create(wanted)
        log.info("Created the node %r in %r (id %s)", wanted.name, wanted.folder, node_id)
        stored = self._read_back(node_id, wanted)
        self._keep_parents(stored, wanted)
        return stored, ["created"]

    def _update(self, node_id: str, wanted: Node) -> tuple[StudioNode, list[str]]:
        stored = self._nodes.read(node_id)
        if stored.workflow is not None:
            raise NodeDefinitionError(
                f"The node {wanted.name!r} is part of the workflow {stored.workflow!r} of Data Studio, which schedules "
                "and publishes it. Take it out of the workflow, or give the node another name."
            )
        changed = {change.name: change for change in difference(stored.node, wanted)}
        if not changed:
            return stored, []
        for change in changed.values():
            log.info("%s", _describe(change))
        self._nodes.update(node_id, write_changes(node_id, wanted, changed, self._zone))
        stored = self._read_back(node_id, wanted)
        if "parents" in changed:
            self._keep_parents(stored, wanted)
        return stored, [f"updated: {', '.join(changed)}"]

    def _read_back(self, node_id: str, wanted: Node) -> StudioNode:
        """Read what was written; dependencies are looked at by themselves."""
        stored = self._nodes.read(node_id)
        lost = difference(replace(stored.node, parents=wanted.parents), wanted)
        if lost:
            raise NodeDefinitionError(
                f"Data Studio did not keep {', '.join(change.name for change in lost)} of the node {wanted.name!r} as "
                "it was sent. The node was not published: look at it in Data Studio, or give these properties other "
                "values."
            )
        return stored

    def _keep_parents(self, stored: StudioNode, wanted: Node) -> None:
        """See that the node depends on its parents: the service may drop dependencies without a word."""
        if not self._wrong_parents(stored, wanted):
            return
        log.info("Data Studio did not take the parents of the node %r; they are set again", wanted.name)
        self._nodes.update(stored.id, write_dependencies(stored.id, wanted.parents))
        if wrong := self._wrong_parents(self._nodes.read(stored.id), wanted):
            raise NodeDefinitionError(
                f"Data Studio does not let the node {wanted.name!r} depend on {', '.join(wanted.parents)} alone: "
                f"{', '.join(wrong)} is missing, or too much. The node was not published: check that nodes have these "
                "output names, or set the parents in Data Studio."
            )

    def _wrong_parents(self, stored: StudioNode, wanted: Node) -> list[str]:
        lost = self._nodes.lost_parents(stored, wanted.parents)
        return sorted({*lost} | ({*stored.node.parents} ^ {*wanted.parents}))

    def _is_current(self, task: Task, wanted: Node) -> bool:
        """Tell whether an environment runs what is wanted.

        The task itself is asked: a list of pipeline runs says neither what each of them carried, nor what was changed
        in Operation Center since. Whether a task names the workspace's root among its dependencies is not documented.
        """
        there, root = task.node, {self._workspace.root_output}
        if same_code(there.content, wanted.content):
            there = replace(there, content=wanted.content)
        changes = difference(
            replace(there, parents=tuple({*there.parents} - root)),
            replace(wanted, parents=tuple({*wanted.parents} - root)),
        )
        for change in changes:
            log.info("What is published differs. %s", _describe(change))
        return not changes


def _describe(change: Change) -> str:
    if change.name == "content":
        return "Changed: content"
    return f"Changed: {change.name}, from {change.stored!r} to {change.wanted!r}"

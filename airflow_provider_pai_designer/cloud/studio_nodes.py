"""The nodes of one workspace of the new Data Studio, and the tasks that were made of them.

Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2024-05-18-createnode
and its siblings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.cloud.errors import OTHER_GENERATION
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.new_replies import (
    NodeRow,
    Task,
    read_id,
    read_node_row,
    read_page,
    read_pages,
    read_task,
)
from airflow_provider_pai_designer.cloud.replies import understood
from airflow_provider_pai_designer.designer.flow_spec import COMMAND, StudioNode, read_node, script_path, write_node
from airflow_provider_pai_designer.designer.node import Node
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NodeDefinitionError,
    NotFoundError,
    RejectedError,
)


class StudioNodes:
    """The calls on nodes and tasks of one workspace.

    :param zone: of the workspace.
    """

    def __init__(self, *, gateway: Gateway, workspace: Workspace, zone: ZoneInfo) -> None:
        self._gateway = gateway
        self._workspace = workspace
        self._zone = zone

    def find(self, name: str, folder: str) -> NodeRow | None:
        """Find the PAI Designer node of this name in this folder, None where no node has the name.

        :raises NodeDefinitionError: the workspace has a node of this name, and not this one.
        """
        named = [row for row in self._list(name=name) if row.name == name]
        path = script_path(name, folder)
        found = [row for row in named if row.path == path]
        if not named:
            return None
        if len(found) != 1:
            raise NodeDefinitionError(
                f"The workspace {self._workspace.identifier!r} has the name {name!r} at "
                f"{', '.join(repr(row.path) for row in named)}, and a name stands once in a workspace of the new Data "
                f"Studio. Give the node another name, or write the folder that it is in instead of {folder!r}."
            )
        if found[0].command.upper() != COMMAND:
            raise NodeDefinitionError(
                f"The node {path!r} is of the type {found[0].command}, which cannot be changed. Give the PAI Designer "
                "node another name."
            )
        return found[0]

    def read(self, node_id: str) -> StudioNode:
        """Read a node as it is stored."""
        reply = self._gateway.read("GetNode", project_id=self._workspace.id, id=node_id)
        return understood("GetNode", reply, lambda data: read_node(data, self._zone), member="Node")

    def create(self, node: Node) -> str:
        """Create a node and return its id; nothing is published yet."""
        reply = self._gateway.write(
            "CreateNode",
            project_id=self._workspace.id,
            scene="DATAWORKS_PROJECT",
            spec=write_node(node, self._workspace, self._zone),
        )
        return understood("CreateNode", reply, read_id, member="Id")

    def update(self, node_id: str, spec: str) -> None:
        """Change what a spec says of a node; the rest stays."""
        self._gateway.write("UpdateNode", project_id=self._workspace.id, id=node_id, spec=spec)

    def delete(self, node_id: str) -> None:
        """Delete a node that no environment has."""
        self._gateway.write("DeleteNode", project_id=self._workspace.id, id=node_id)

    def lost_parents(self, stored: StudioNode, parents: tuple[str, ...]) -> list[str]:
        """Return the parents on which a stored node does not depend, whatever its spec says.

        The root is no node that can be listed, so the spec is believed for it.
        """
        rows = self._pages("ListNodeDependencies", id=stored.id)
        kept = {output for row in rows for output in row.outputs}
        kept |= {self._workspace.root_output} & {*stored.node.parents}
        return [parent for parent in parents if parent not in kept]

    def dependents(self, row: NodeRow) -> list[str]:
        """Return the names of the nodes of the workspace that depend on a node."""
        return sorted(other.name for other in self._list() if other.id != row.id and {*other.inputs} & {*row.outputs})

    def task(self, name: str, task_id: int | None, environment: Environment) -> Task | None:
        """Read what an environment has of a node, None where it has nothing.

        :param task_id: the one that the node names. Whether a node has one task id in both environments is not
            documented, so the environment's own list is asked where that id does not lead to it.
        """
        if task_id is not None and (task := self._known_task(task_id, environment)) and task.node.name == name:
            return task
        found = [
            int(row_id) for row_id, row_name in self._task_names(name=name, environment=environment) if row_name == name
        ]
        if len(found) > 1:
            raise NodeDefinitionError(
                f"The node {name!r} cannot be told from others: {len(found)} tasks of {environment.value} have its "
                "name. Give it a name that no other node of the workspace has."
            )
        return self._known_task(found[0], environment) if found else None

    def _known_task(self, task_id: int, environment: Environment) -> Task | None:
        try:
            task = get_task(self._gateway, task_id, environment, self._zone)
        except (NotFoundError, RejectedError):
            return None
        return task if task.environment in (environment, None) else None

    def _task_names(self, *, name: str, environment: Environment) -> Any:
        return read_pages(
            self._gateway,
            "ListTasks",
            "Tasks",
            lambda row: (int(row["Id"]), str(row["Name"])),
            project_id=self._workspace.id,
            name=name,
            project_env=environment.value.capitalize(),
        )

    def count(self) -> int:
        """Count the nodes of the workspace, of every type."""
        with _other_generation_named():
            _, total = read_page(
                self._gateway, "ListNodes", "Nodes", read_node_row, page=1, page_size=1, project_id=self._workspace.id
            )
        return total

    def _list(self, **filters: Any) -> list[NodeRow]:
        with _other_generation_named():
            return self._pages("ListNodes", **filters)

    def _pages(self, operation: str, **filters: Any) -> list[NodeRow]:
        pages = read_pages(self._gateway, operation, "Nodes", read_node_row, project_id=self._workspace.id, **filters)
        # Rows may move from one page to the next while they are read.
        return list({row.id: row for row in pages}.values())


@contextmanager
def _other_generation_named() -> Iterator[None]:
    """Explain a refusal where nothing but the workspace and a name is asked for."""
    try:
        yield
    except RejectedError as error:
        raise ConfigurationError(f"{str(error).rstrip('.')}. {OTHER_GENERATION}") from None


def get_task(gateway: Gateway, task_id: int, environment: Environment, zone: ZoneInfo) -> Task:
    """Read what an environment has of a node, by its task id."""
    reply = gateway.read("GetTask", id=task_id, project_env=environment.value.capitalize())
    return understood("GetTask", reply, lambda data: read_task(data, zone), member="Task")

"""What the hook asks of DataWorks, whichever generation of DataStudio the workspace has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import date
from typing import Protocol

from airflow_provider_pai_designer.designer.backfill import Backfill
from airflow_provider_pai_designer.designer.log import InstanceLog
from airflow_provider_pai_designer.designer.node import Change, DeletedNode, DeployedNode, EnsuredNode, Node
from airflow_provider_pai_designer.designer.run import Instance, InstancePage, Run
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import ServiceError

Pause = Callable[[float], None]
"""Waits for some seconds; may raise to end the work between two steps."""


LAST_PAGE = 100
"""The service shows no page after this one."""


class Verbs(Protocol):
    """The verbs of one account in one region; every one raises :class:`ServiceError` where a call does not succeed.

    :var calls_per_second: how many calls this process makes for the account; infinite without a limit.
    :var lists_many_days: whether one list shows the instances of several business dates.
    :var ids_at_once: how many instances one call reads by their ids.
    """

    lists_many_days: bool
    ids_at_once: int

    @property
    def calls_per_second(self) -> float: ...

    def get_workspace(self, name_or_id: str) -> Workspace:
        """Look a workspace up by its identifier or its number.

        :raises NotFoundError: there is none, or not for this key.
        """

    def list_workspace_names(self) -> list[str]:
        """List the identifiers of the workspaces that the key can see: the first page, which is one call."""

    def count_nodes(self, workspace: Workspace) -> int:
        """Count the nodes in DataStudio, of every type, by one call.

        :raises ConfigurationError, ServiceError: they cannot be read; perhaps the workspace is of the other generation.
        """

    def ensure_node(
        self, workspace: Workspace, node: Node, *, environment: Environment, create_folder: bool, pause: Pause
    ) -> EnsuredNode:
        """Make a node be as declared in an environment; each step is taken only if it is needed.

        :raises DeploymentError: a step was refused, with the service's own message.
        """

    def compare_node(self, workspace: Workspace, node: Node) -> tuple[Change, ...] | None:
        """Tell how a declared node differs from the stored one, None where there is none; nothing is written."""

    def find_node(self, workspace: Workspace, *, name: str, folder: str, environment: Environment) -> int:
        """Return the id by which an environment runs the node of this name.

        :raises NodeDefinitionError: there is no such node, or this environment does not have it.
        """

    def get_content(self, workspace: Workspace, *, name: str, folder: str) -> str | None:
        """Read the content that a node has in DataStudio, None where there is no such node.

        :raises NodeDefinitionError: there is a node of this name, and it is not a PAI Designer node in this folder.
        """

    def get_node_content(self, node_id: int, environment: Environment) -> str:
        """Read the content that an environment has of a node; perhaps only what its scheduler gets.

        :raises NotFoundError: the environment has no such node.
        """

    def get_node(self, node_id: int, environment: Environment) -> DeployedNode:
        """Read a node as an environment has it.

        :raises NotFoundError: the environment has no such node.
        """

    def delete_node(self, workspace: Workspace, *, name: str, folder: str, pause: Pause) -> DeletedNode:
        """Take a node out of every environment and delete it; each step is taken only if it is needed.

        :raises NodeDefinitionError: other nodes depend on it; the message lists them, and nothing was changed.
        :raises DeploymentError: a step was refused, with the service's own message.
        """

    def start_test(
        self,
        workspace: Workspace,
        *,
        node_id: int,
        environment: Environment,
        business_date: date,
        name: str,
        parameters: str | None = None,
    ) -> Run:
        """Start a Test run of a node.

        :param name: the run name, unique; at most 128 characters.
        :param parameters: the complete scheduling parameters of this run; None keeps those of the node.
        """

    def start_backfill(self, workspace: Workspace, backfill: Backfill, *, environment: Environment, name: str) -> Run:
        """Start a Backfill run.

        :param name: the run name, unique; at most 128 characters.
        """

    def get_run(self, remote_dag_ids: Sequence[int], environment: Environment) -> Run:
        """Read a run by the ids that its start gave.

        :raises NotFoundError: the service does not know them, or no longer.
        """

    def find_runs(
        self, workspace: Workspace, *, node_id: int, environment: Environment, business_date: date, prefix: str
    ) -> list[Run]:
        """Find the runs of a node for a business date whose names have this beginning, the oldest first.

        :param business_date: of a backfill its first.
        """

    def list_instances(self, workspace: Workspace, run: Run) -> tuple[Instance, ...]:
        """List the instances of a run; none while it is young."""

    def list_scheduled_instances(
        self, workspace: Workspace, *, node_id: int, environment: Environment, business_date: date
    ) -> tuple[Instance, ...]:
        """List the instances that DataWorks' own schedule has made of a node for a business date, by schedule time."""

    def list_newest(
        self, workspace: Workspace, environment: Environment, *, first: date, last: date, page: int
    ) -> InstancePage:
        """List a page of all instances of an environment for a span of business dates, the newest first.

        :param page: from 1 to :data:`LAST_PAGE`.
        """

    def list_by_ids(
        self, workspace: Workspace, environment: Environment, *, business_date: date, ids: Collection[int]
    ) -> tuple[Instance, ...]:
        """Read instances of one business date by their ids, at most :attr:`ids_at_once`; what is gone is left out."""

    def get_log(self, instance_id: int, environment: Environment) -> InstanceLog:
        """Read the log of an instance as far as it has been written."""

    def stop_instances(self, ids: Sequence[int], environment: Environment) -> Iterator[tuple[int, ServiceError | None]]:
        """Ask for instances to be stopped; they stop some time later.

        :return: each id as soon as it was asked for, with the error if it is refused; that keeps no other going.
        """

    def restart_instance(self, instance_id: int, environment: Environment) -> None:
        """Run an ended instance again, under the same id."""

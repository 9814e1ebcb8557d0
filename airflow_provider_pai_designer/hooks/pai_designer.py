"""From an Airflow connection to PAI Designer nodes and their runs."""

from __future__ import annotations

from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_pai_designer.designer.run import Instance, Outcome, Run, RunReport, run_outcome
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    RunNotStoppedError,
    RunStoppedError,
    ServiceError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from zoneinfo import ZoneInfo

    from airflow.sdk import Connection

    from airflow_provider_pai_designer.cloud.dataworks import DataWorks
    from airflow_provider_pai_designer.designer.node import EnsuredNode, Node


def configured_timezone() -> str:
    """Return ``[pai_designer] timezone``: the zone of workspaces whose connection names none."""
    return str(conf.get("pai_designer", "timezone", fallback="Asia/Shanghai"))


_LOOKS_FOR_INSTANCES = 10


class PaiDesignerHook(BaseHook):
    """Creates and deploys PAI Designer nodes of DataWorks, runs them, and looks at their runs.

    The connection is read, and the vendor's SDK imported, at the first call.

    :param pai_designer_conn_id: connection of type ``pai_designer``.
    :param workspace: identifier or number of the workspace, instead of the connection's.
    :param region: region id, instead of the connection's.
    """

    conn_name_attr = "pai_designer_conn_id"
    default_conn_name = "pai_designer_default"
    conn_type = "pai_designer"
    hook_name = "Alibaba Cloud PAI Designer (DataWorks)"

    def __init__(
        self,
        pai_designer_conn_id: str = default_conn_name,
        workspace: str | int | None = None,
        region: str | None = None,
    ) -> None:
        super().__init__()
        self.pai_designer_conn_id = pai_designer_conn_id
        self._workspace_argument = workspace
        self._region_argument = region
        self._released = Event()

    @cached_property
    def timezone(self) -> ZoneInfo:
        """The workspace's scheduling time zone: the connection's, else ``[pai_designer] timezone``.

        :raises ConfigurationError: there is no such zone.
        """
        from airflow_provider_pai_designer.scheduling import workspace_zone

        return workspace_zone(str(self._extra.get("timezone") or configured_timezone()))

    @cached_property
    def dataworks(self) -> DataWorks:
        """The verbs of DataWorks for this connection.

        :raises ConfigurationError: the connection is not complete, or names an unknown region.
        """
        from airflow.sdk.log import mask_secret

        from airflow_provider_pai_designer.cloud.credentials import Authentication, Credentials
        from airflow_provider_pai_designer.cloud.dataworks import DataWorks
        from airflow_provider_pai_designer.cloud.endpoints import find_endpoint
        from airflow_provider_pai_designer.cloud.gateway import DataWorksGateway

        extra = self._extra
        where = {
            "region": self._required("region", self._region_argument, "such as cn-shanghai"),
            "network": extra.get("network") or "public",
        }
        credentials = Credentials(
            authentication=extra.get("authentication") or Authentication.ACCESS_KEY,
            access_key_id=self._connection.login or "",
            access_key_secret=self._connection.password or "",
            security_token=extra.get("sts_token") or "",
            role=extra.get("role_arn") or "",
            session_name=extra.get("role_session_name") or "airflow",
            sts=find_endpoint("sts", **where, override=extra.get("sts_endpoint")),
        )
        gateway = DataWorksGateway(
            endpoint=find_endpoint("dataworks", **where, override=extra.get("dataworks_endpoint")),
            credentials=credentials,
            on_secret=mask_secret,
        )
        return DataWorks(gateway=gateway, timezone=self.timezone)

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace, as DataWorks knows it.

        :raises NotFoundError: there is none of that name, or not for this key.
        """
        name = self._required("workspace", self._workspace_argument, "the identifier or number of your workspace")
        return self.dataworks.get_workspace(name)

    def ensure_node(
        self, node: Node, *, environment: str = Environment.DEV, create_folder: bool = False
    ) -> EnsuredNode:
        """Make a node be as declared in an environment; each step is taken only if it is needed.

        Creates it, or updates what differs; submits it to DEV; deploys it to PROD. Source:
        https://www.alibabacloud.com/help/en/dataworks/user-guide/api-call-examples-in-datastudio

        :param environment: ``DEV``, or ``PROD`` to deploy to production too.
        :param create_folder: make the node's folder where it does not exist.
        :raises NodeDefinitionError, ContentError: the declaration is not valid; nothing was sent.
        :raises ConfigurationError: the workspace has no such environment; nothing was changed.
        :raises DeploymentError: a submit or deploy failed, with the deployment's own message.
        """
        from airflow_provider_pai_designer.cloud.ensure import NodeEnsurer

        node.check()
        target = self.workspace.check_environment(environment)
        ensurer = NodeEnsurer(dataworks=self.dataworks, workspace=self.workspace, pause=self.pause)
        ensured = ensurer.ensure(node, environment=target, create_folder=create_folder)
        self.log.info(
            "Node %r: %s (file id %s, node id %s)", node.name, ensured.summary, ensured.file_id, ensured.node_id
        )
        return ensured

    def test_node(
        self,
        node_id: int,
        *,
        business_date: date,
        name: str,
        environment: str = Environment.DEV,
        parameters: Mapping[str, str] | None = None,
    ) -> Run:
        """Start a Test run of a submitted node.

        :param name: the run name: unique, at most 128 characters.
        :param parameters: the complete scheduling parameters of this run; None keeps those of the node.
        :raises ConfigurationError: the workspace has no such environment; nothing was started.
        """
        from airflow_provider_pai_designer.scheduling import SchedulingParameters

        target = self.workspace.check_environment(environment)
        self.pause(0)
        text = None if parameters is None else SchedulingParameters.from_mapping(parameters).render()
        run = self.dataworks.start_test(
            node_id=node_id, environment=target, business_date=business_date, name=name, parameters=text
        )
        self.log.info("Started the run %s of node %s for business date %s", run.name, node_id, business_date)
        return run

    def list_instances(self, run: Run) -> tuple[Instance, ...]:
        """List the instances of a run; none while it is young."""
        return self.dataworks.list_instances(self.workspace, run)

    def get_run(self, run: Run) -> RunReport:
        """Read what a run has come to, instance by instance."""
        return RunReport(run=run, instances=self.list_instances(run))

    def get_log(self, instance: Instance, environment: str) -> str:
        """Read the log of an instance as far as it has been written."""
        return self.dataworks.get_log(instance.id, Environment(environment))

    def stop_run(self, run: Run) -> tuple[Instance, ...]:
        """Ask for every unfinished instance of a run to be stopped, and return these instances.

        DataWorks stops them some time later; the engine's own job may outlive them. A run that is too young to have
        instances is looked at again for some seconds.

        :raises RunNotStoppedError: an instance could not be asked to stop, or none was there to be asked.
        """
        instances = self.list_instances(run)
        for _ in range(_LOOKS_FOR_INSTANCES):
            if instances:
                break
            Event().wait(1)
            instances = self.list_instances(run)
        else:
            raise RunNotStoppedError(f"The run {run.name} shows no instance yet that could be stopped.")
        unfinished = tuple(item for item in instances if item.outcome is Outcome.ACTIVE)
        refusals = [refusal for item in unfinished if (refusal := self._stop_instance(item, run))]
        if refusals and run_outcome(self.list_instances(run)) is Outcome.ACTIVE:
            raise RunNotStoppedError(f"Of the run {run.name} not all could be stopped: {'; '.join(map(str, refusals))}")
        return unfinished

    def _stop_instance(self, instance: Instance, run: Run) -> ServiceError | None:
        """Ask for one instance to be stopped; a refusal (it may just have ended) must not keep the others going."""
        try:
            self.dataworks.stop_instance(instance.id, Environment(run.environment))
        except ServiceError as error:
            return error
        self.log.info("Asked DataWorks to stop instance %s of the run %s", instance.id, run.name)
        return None

    def pause(self, seconds: float) -> None:
        """Wait between two steps of a task.

        :raises RunStoppedError: :meth:`release` was called.
        """
        if self._released.wait(seconds):
            raise RunStoppedError("The task was killed; it does nothing more.")

    def release(self) -> None:
        """End every :meth:`pause`, now and later."""
        self._released.set()

    @cached_property
    def _connection(self) -> Connection:
        try:
            return self.get_connection(self.pai_designer_conn_id)
        except AirflowNotFoundException:
            raise ConfigurationError(
                f"There is no connection {self.pai_designer_conn_id!r}: create it under Admin > Connections with the "
                f"type {self.hook_name}, or give the id of another one as pai_designer_conn_id=."
            ) from None

    @cached_property
    def _extra(self) -> dict[str, Any]:
        extra = self._connection.extra_dejson
        if not isinstance(extra, dict):
            raise ConfigurationError(
                f"The extra of the connection {self.pai_designer_conn_id!r} must be a JSON object with members such as "
                "region and workspace."
            )
        return extra

    def _required(self, field: str, argument: object, example: str) -> str:
        value = str(argument or self._extra.get(field) or "").strip()
        if not value:
            raise ConfigurationError(
                f"No {field}: set the field {field.capitalize()} of the connection {self.pai_designer_conn_id!r} "
                f"({example}), or give {field}=."
            )
        return value

"""From an Airflow connection to PAI Designer nodes and their runs."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_pai_designer.designer.run import Instance, InstanceStatus, Outcome, Run, RunReport, young_dags
from airflow_provider_pai_designer.designer.workspace import Environment, Workspace
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    PaiDesignerError,
    RunNotStoppedError,
    RunStoppedError,
    ServiceError,
    UnclearError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from contextlib import AbstractContextManager
    from datetime import date
    from zoneinfo import ZoneInfo

    from airflow.sdk import Connection

    from airflow_provider_pai_designer.cloud.credentials import Credentials
    from airflow_provider_pai_designer.cloud.endpoints import Endpoint
    from airflow_provider_pai_designer.cloud.gateway import Gateway
    from airflow_provider_pai_designer.cloud.paiflow import PaiFlow
    from airflow_provider_pai_designer.cloud.paistudio import PaiStudio
    from airflow_provider_pai_designer.cloud.verbs import Verbs
    from airflow_provider_pai_designer.designer.backfill import Backfill
    from airflow_provider_pai_designer.designer.log import InstanceLog
    from airflow_provider_pai_designer.designer.node import Change, DeletedNode, DeployedNode, EnsuredNode, Node
    from airflow_provider_pai_designer.designer.pipeline import EnsuredPipeline, Pipeline, Template, WantedPipeline
    from airflow_provider_pai_designer.hooks.pipeline_runs import PipelineRuns


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
    def dataworks(self) -> Verbs:
        """The verbs of DataWorks for this connection: those of the generation of DataStudio that it names.

        :raises ConfigurationError: the connection is not complete, or names an unknown region or generation.
        """
        from airflow_provider_pai_designer.cloud.dataworks import DataWorks
        from airflow_provider_pai_designer.cloud.gateway import LEGACY_VERSION, NEW_VERSION
        from airflow_provider_pai_designer.cloud.new_data_studio import NewDataStudio

        generations: dict[str, tuple[str, Callable[..., Verbs]]] = {
            "legacy": (LEGACY_VERSION, DataWorks),
            "new": (NEW_VERSION, NewDataStudio),
        }
        version, verbs = generations[self._chosen("data_studio", generations, default="legacy")]
        return verbs(gateway=self.gateway(version), timezone=self.timezone)

    @cached_property
    def paiflow(self) -> PaiFlow:
        """The verbs of PAIFlow: start, find, watch and stop runs of pipelines without a node, read logs and outputs.

        https://www.alibabacloud.com/help/en/pai/developer-reference/api-paiflow-2021-02-02-overview

        :raises ConfigurationError: the connection is not complete, or the vendor lists no endpoint in its region.
        """
        from airflow_provider_pai_designer.cloud.gateway import PAI_VERSION, PAIFLOW
        from airflow_provider_pai_designer.cloud.paiflow import PaiFlow

        return PaiFlow(gateway=self.gateway(PAI_VERSION, product=PAIFLOW))

    @cached_property
    def paistudio(self) -> PaiStudio:
        """The verbs of PaiStudio: list, find, create and delete pipelines, list templates, find the job to load.

        https://help.aliyun.com/zh/pai/developer-reference/api-paistudio-2021-02-02-dir-workflow-draft

        :raises ConfigurationError: the connection is not complete, or the vendor lists no endpoint in its region.
        """
        from airflow_provider_pai_designer.cloud.gateway import PAI_VERSION, PAISTUDIO
        from airflow_provider_pai_designer.cloud.paistudio import PaiStudio

        return PaiStudio(gateway=self.gateway(PAI_VERSION, product=PAISTUDIO))

    @cached_property
    def pipeline_runs(self) -> PipelineRuns:
        """Runs of pipelines by PAIFlow, without a node: start, find, read and stop them."""
        from airflow_provider_pai_designer.hooks.pipeline_runs import PipelineRuns

        return PipelineRuns(self)

    def gateway(self, version: str, *, product: str = "dataworks") -> Gateway:
        """Make what calls the operations of a version of an API by their names: for what there is no verb.

        :param product: ``dataworks``, ``paiflow`` or ``paistudio``.
        :raises ConfigurationError: the connection is not complete, or names an unknown region.
        """
        from airflow.sdk.log import mask_secret

        from airflow_provider_pai_designer.cloud.gateway import Gateway

        return Gateway(
            endpoint=self._endpoint(product),
            product=product,
            version=version,
            credentials=self._credentials,
            edition=self.edition,
            calls_per_second=self._calls_per_second,
            on_secret=mask_secret,
        )

    def test_connection(self) -> tuple[bool, str]:
        """Say in words whether the connection works, after two reads at most; no secret is in the words."""
        from airflow_provider_pai_designer.hooks.connection_check import try_connection

        try:
            with self.one_attempt():
                works, said = True, try_connection(self)
        except PaiDesignerError as error:
            works, said = False, str(error)
        return works, self.without_secrets(said)

    def without_secrets(self, text: str) -> str:
        """Blot out the connection's secrets, whoever wrote them: the service, a proxy, or who filled in a form."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace, as DataWorks knows it.

        :raises NotFoundError: there is none of that name, or not for this key.
        """
        return self.dataworks.get_workspace(self._required_workspace)

    @cached_property
    def pai_workspace_id(self) -> str:
        """The workspace, as PAI knows it: by its number, which DataWorks is asked for where the connection has a name.

        That PAI counts a workspace by the number that DataWorks gives it is what all samples show, and nobody's written
        word.
        """
        name = self._required_workspace
        return name if name.isdecimal() else str(self.workspace.id)

    @property
    def _required_workspace(self) -> str:
        return self._required("workspace", self._workspace_argument, "the identifier or number of your workspace")

    @property
    def known_workspace(self) -> Workspace | None:
        """The workspace, if it was read already; nothing is asked of the service."""
        return self.__dict__.get("workspace")

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
        node.check()
        target = self.workspace.check_environment(environment)
        ensured = self.dataworks.ensure_node(
            self.workspace, node, environment=target, create_folder=create_folder, pause=self.pause
        )
        self.log.info(
            "Node %r: %s (file id %s, node id %s)", node.name, ensured.summary, ensured.file_id, ensured.node_id
        )
        return ensured

    def compare_node(self, node: Node) -> tuple[Change, ...] | None:
        """Tell how a declared node differs from the stored one, None where there is none; nothing is written.

        :raises NodeDefinitionError, ContentError: the declaration is not valid; nothing was sent.
        """
        node.check()
        return self.dataworks.compare_node(self.workspace, node)

    def get_content(self, *, name: str, folder: str) -> str | None:
        """Read the content that a node has in DataStudio, None where there is no such node.

        :raises NodeDefinitionError: there is a node of this name, and it is not a PAI Designer node in this folder.
        """
        return self.dataworks.get_content(self.workspace, name=name, folder=folder)

    def get_node_content(self, node_id: int, *, environment: str = Environment.DEV) -> str:
        """Read the content that an environment has of a node; perhaps only what its scheduler gets.

        :raises NotFoundError: the environment has no such node.
        """
        return self.dataworks.get_node_content(node_id, self.workspace.check_environment(environment))

    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """Read a pipeline of PAI Designer (``draft-...``, older ``experiment-...``).

        :raises NotFoundError: there is none of this id.
        """
        return self.paistudio.get_pipeline(pipeline_id)

    def find_pipeline(self, name: str) -> Pipeline:
        """Return the pipeline of PAI Designer that has exactly this name in the workspace.

        :raises PipelineError: there is none, and the message names the nearest, or there are several, and it lists
            their ids.
        """
        return self.paistudio.find_pipeline(workspace_id=str(self.workspace.id), name=name)

    def list_pipelines(self) -> tuple[Pipeline, ...]:
        """Return the pipelines of the workspace in PAI Designer."""
        return self.paistudio.list_pipelines(str(self.workspace.id))

    def list_templates(self) -> tuple[Template, ...]:
        """Return the templates that the workspace offers, preset and custom ones together."""
        return self.paistudio.list_templates(str(self.workspace.id))

    def ensure_pipeline(
        self, wanted: WantedPipeline, *, may_exist: bool = True, settle: float = 60.0
    ) -> EnsuredPipeline:
        """Return the pipeline of a name; create it, blank or from a template, where there is none.

        :param may_exist: False takes a pipeline that is there already for an error.
        :param settle: for how many seconds a pipeline whose creation was not confirmed is looked for.
        :raises PipelineError: name, template or folder cannot be told, or the pipeline is there and may not; nothing
            was created.
        :raises UnclearError: nobody knows whether it was created.
        """
        from airflow_provider_pai_designer.cloud.pipelines import ensure_pipeline

        wanted.check()
        return ensure_pipeline(
            self.paistudio,
            wanted,
            workspace_id=str(self.workspace.id),
            may_exist=may_exist,
            pause=self.pause,
            settle=settle,
        )

    def delete_pipeline(self, pipeline_id: str) -> None:
        """Delete a pipeline of PAI Designer; nodes that carry a copy of it keep the copy."""
        self.paistudio.delete_pipeline(pipeline_id)

    def find_node(self, *, name: str, folder: str, environment: str = Environment.DEV) -> int:
        """Return the id by which an environment runs the node of this name.

        :raises NodeDefinitionError: there is no such node, or this environment does not have it.
        """
        target = self.workspace.check_environment(environment)
        return self.dataworks.find_node(self.workspace, name=name, folder=folder, environment=target)

    def get_node(self, node_id: int, *, environment: str = Environment.DEV) -> DeployedNode:
        """Read a node as an environment has it.

        :raises NotFoundError: the environment has no such node.
        """
        return self.dataworks.get_node(node_id, self.workspace.check_environment(environment))

    def delete_node(self, *, name: str, folder: str) -> DeletedNode:
        """Take a node out of every environment and delete it; each step is taken only if it is needed.

        :raises NodeDefinitionError: other nodes depend on it; the message lists them, and nothing was changed.
        :raises DeploymentError: a step was refused, with the service's own message.
        """
        deleted = self.dataworks.delete_node(self.workspace, name=name, folder=folder, pause=self.pause)
        self.log.info("Node %r: %s", name, deleted.summary)
        return deleted

    def test_node(
        self,
        node_id: int,
        *,
        business_date: date,
        name: str,
        environment: str = Environment.DEV,
        parameters: str | None = None,
    ) -> Run:
        """Start a Test run of a submitted node.

        :param name: the run name: unique, at most 128 characters.
        :param parameters: the complete scheduling parameters of this run; None keeps those of the node.
        :raises ConfigurationError: the workspace has no such environment; nothing was started.
        """
        target = self.workspace.check_environment(environment)
        self.pause(0)
        run = self.dataworks.start_test(
            self.workspace,
            node_id=node_id,
            environment=target,
            business_date=business_date,
            name=name,
            parameters=parameters,
        )
        self.log.info("Started the %s for business date %s", run, business_date)
        return run

    def backfill_node(self, backfill: Backfill, *, name: str, environment: str = Environment.DEV) -> Run:
        """Start a Backfill run of a submitted node.

        :param name: the run name: unique, at most 128 characters.
        :raises ConfigurationError: an argument is out of range, or the workspace has no such environment.
        :raises PermissionDeniedError: the key may not, or the edition offers no backfill.
        """
        backfill.check()
        target = self.workspace.check_environment(environment)
        self.pause(0)
        run = self.dataworks.start_backfill(self.workspace, backfill, environment=target, name=name)
        self.log.info("Started the %s for business dates %s to %s", run, backfill.first, backfill.last)
        return run

    def find_runs(
        self, prefix: str, *, node_id: int, business_date: date, environment: str = Environment.DEV
    ) -> list[Run]:
        """Find the runs of a node whose names have this beginning, the oldest first.

        :param business_date: the runs'; of a backfill its first.
        """
        target = self.workspace.check_environment(environment)
        return self.dataworks.find_runs(
            self.workspace, node_id=node_id, environment=target, business_date=business_date, prefix=prefix
        )

    def identify(self, run: Run) -> Run:
        """Complete a run of which only the name is known; it stays without remote DAG ids where there is none (yet)."""
        if run.remote_dag_ids:
            return run
        found = self._namesakes(run)
        if len(found) > 1:
            self.log.warning("There are %s runs with the name %s; the oldest one counts.", len(found), run.name)
        return found[0] if found else run

    def stop_others(self, run: Run) -> None:
        """Stop runs that have the same name as this one: it was asked for twice, and the service acted very late."""
        for other in self._namesakes(run):
            if other.remote_dag_ids != run.remote_dag_ids:
                self.log.error("The service has started the %s twice; stopping %s.", run, other.remote_dag_ids)
                self.stop_run(other)

    def _namesakes(self, run: Run) -> list[Run]:
        if run.node_id is None:
            return []
        found = self.find_runs(
            run.name, node_id=run.node_id, business_date=run.business_date, environment=run.environment
        )
        return [item for item in found if item.name == run.name]

    def read_run(self, remote_dag_ids: Sequence[int], *, environment: str = Environment.DEV) -> Run:
        """Read a run by the ids that its start gave.

        :raises NotFoundError: the service does not know them, or no longer.
        """
        return self.dataworks.get_run(remote_dag_ids, self.workspace.check_environment(environment))

    def list_scheduled_instances(
        self, node_id: int, *, business_date: date, environment: str = Environment.PROD
    ) -> tuple[Instance, ...]:
        """List the instances that DataWorks' own schedule has made of a node for a business date, by schedule time."""
        target = self.workspace.check_environment(environment)
        return self.dataworks.list_scheduled_instances(
            self.workspace, node_id=node_id, environment=target, business_date=business_date
        )

    def rerun_failed(self, run: Run) -> tuple[Instance, ...]:
        """Run the failed instances of a run again, under the same ids, and return them."""
        failed = tuple(item for item in self.list_instances(run) if item.outcome in (Outcome.FAILURE, Outcome.FROZEN))
        refusals = [refusal for item in failed if (refusal := self._restart_instance(item, run))]
        if failed and len(refusals) == len(failed):
            raise refusals[0]
        self._await_change(run, failed)
        return failed

    def _restart_instance(self, instance: Instance, run: Run) -> ServiceError | None:
        """Ask for one instance to run again; whether a call without an answer was heard shows in its state."""
        self.pause(0)
        try:
            self.dataworks.restart_instance(instance.id, Environment(run.environment))
        except UnclearError as error:
            self.log.warning("It is not clear whether instance %s runs again: %s", instance.id, error)
        except ServiceError as error:
            self.log.error("Instance %s does not run again: %s", instance.id, error)
            return error
        else:
            self.log.info("Asked DataWorks to run instance %s of the %s again", instance.id, run)
        return None

    def _await_change(self, run: Run, before: tuple[Instance, ...]) -> None:
        """Wait until instances are no longer as they were: what is asked for may show some seconds later."""
        for _ in range(_LOOKS_FOR_INSTANCES):
            # What was asked for was accepted; that it cannot be seen at the moment is no failure of it.
            with suppress(ServiceError):
                if not set(before) & set(self.list_instances(run)):
                    return
            self.pause(1)

    def operation_center(self, environment: str, run: Run | None = None) -> str:
        """Return the address of the workspace's Operation Center; of the emulator's, the page of the run."""
        return self._consoles(self.workspace, environment, run)["Operation Center"]

    def console_addresses(self, environment: str, run: Run | None = None) -> dict[str, str]:
        """Return where people see the workspace, by the name of the page, as far as that is known without a call.

        :param run: what is to be seen there; the emulator has pages of runs and nodes, of Alibaba Cloud's consoles the
            addresses of such are not documented.
        """
        known = self.known_workspace
        return {} if known is None else self._consoles(known, environment, run)

    def _consoles(self, workspace: Workspace, environment: str, run: Run | None) -> dict[str, str]:
        from airflow_provider_pai_designer.designer import console

        if self._speaks_to_emulator:
            seen: dict[str, Any] = {"workspace_id": workspace.id, "environment": environment, "run": run}
            address = self.endpoint.url
            return {
                "Operation Center": console.emulated_operation_center(address, **seen),
                "PAI Designer": console.emulated_pai_designer(address, **seen),
            }
        where: dict[str, Any] = {"region": self.region, "workspace_id": workspace.id}
        return {
            "Operation Center": console.operation_center(**where, environment=environment),
            "PAI Designer": console.pai_designer(**where),
        }

    def pipeline_addresses(self, run_id: str = "") -> dict[str, str]:
        """Return where people see pipelines, and a run of one, by the name of the page; no service is asked for it.

        :param run_id: ``flow-...``; empty for the workspace alone.
        """
        from airflow_provider_pai_designer.designer.console import pai_designer, pipeline_run

        known = self.__dict__.get("pai_workspace_id")
        if known is None or self._speaks_to_emulator:
            return {}
        pages = {"PAI Designer": pai_designer(region=self.region, workspace_id=int(known))}
        if run_id:
            pages["Pipeline run"] = pipeline_run(region=self.region, workspace_id=known, run_id=run_id)
        return pages

    def one_attempt(self) -> AbstractContextManager[None]:
        """Make each call inside a ``with`` block only once: for who looks again later anyway."""
        from airflow_provider_pai_designer.cloud.gateway import one_attempt

        return one_attempt()

    def list_instances(self, run: Run) -> tuple[Instance, ...]:
        """List the instances of a run; none while it is young."""
        return self.dataworks.list_instances(self.workspace, run)

    def get_run(self, run: Run) -> RunReport:
        """Read what a run has come to, instance by instance."""
        return RunReport(run=run, instances=self.list_instances(run))

    def get_log(self, instance: Instance, environment: str) -> InstanceLog:
        """Read the log of an instance as far as it has been written."""
        return self.dataworks.get_log(instance.id, Environment(environment))

    def stop_run(self, run: Run, *, seen: Sequence[Instance] = ()) -> tuple[Instance, ...]:
        """Ask for every unfinished instance of a run to be stopped, and return these instances.

        DataWorks stops them some time later; the engine's own job may outlive them. A run that is too young to have
        instances is looked at again for some seconds.

        :param seen: instances as they were seen last, for who has not the time to look first.
        :raises RunNotStoppedError: an instance could not be asked to stop, or none was there to be asked.
        """
        asked: dict[int, Instance] = {}
        refusals: dict[int, ServiceError] = {}

        def ask(instances: Sequence[Instance]) -> None:
            unasked = {item.id: item for item in instances if item.outcome is Outcome.ACTIVE and item.id not in asked}
            # What runs, first: the time of who asks may be short.
            first = sorted(unasked, key=lambda identity: unasked[identity].status is not InstanceStatus.RUNNING)
            for identity, refusal in self.dataworks.stop_instances(first, Environment(run.environment)):
                if refusal:
                    refusals[identity] = refusal
                else:
                    refusals.pop(identity, None)
                    self.log.info("Asked DataWorks to stop instance %s of the %s", identity, run)
                if not (refusal and refusal.retryable):
                    asked[identity] = unasked[identity]

        ask(seen)
        for look in range(_LOOKS_FOR_INSTANCES + 1):
            Event().wait(min(look, 1))
            run = self.identify(run)
            ask(instances := self.list_instances(run))
            missed = any(item.outcome is Outcome.ACTIVE and item.id not in asked for item in instances)
            if run.remote_dag_ids and not young_dags(run, instances) and not missed:
                break
        if not run.remote_dag_ids or (young := young_dags(run, instances)):
            missing = f" (remote DAG {', '.join(map(str, sorted(young)))})" if run.remote_dag_ids else ""
            raise RunNotStoppedError(f"The {run} shows no instance yet that could be stopped{missing}.")
        # Who is refused may just have ended.
        active = {item.id for item in self.list_instances(run) if item.outcome is Outcome.ACTIVE} if refusals else set()
        if going_on := [str(refusal) for identity, refusal in refusals.items() if identity in active]:
            raise RunNotStoppedError(f"Of the {run} not all could be stopped: {'; '.join(going_on)}")
        return tuple(item for identity, item in asked.items() if identity not in refusals)

    def pause(self, seconds: float) -> None:
        """Wait between two steps of a task.

        :raises RunStoppedError: :meth:`release` was called.
        """
        if self._released.wait(seconds):
            raise RunStoppedError("The task was killed; it does nothing more.")

    def release(self) -> None:
        """End every :meth:`pause`, now and later."""
        self._released.set()

    @property
    def _calls_per_second(self) -> float | None:
        from airflow_provider_pai_designer.hooks.arguments import read_number

        value = self._extra.get("calls_per_second")
        return None if value in (None, "") else read_number("calls_per_second", value, least=0.01, most=1000)

    @property
    def region(self) -> str:
        """The region: the argument's, else the connection's.

        :raises ConfigurationError: neither names one.
        """
        return self._required("region", self._region_argument, "such as cn-shanghai")

    @property
    def workspace_name(self) -> str:
        """What the argument, else the connection, calls the workspace; empty where neither does."""
        return str(self._workspace_argument or self._extra.get("workspace") or "").strip()

    @property
    def edition(self) -> str:
        """The edition of DataWorks that the connection names."""
        from airflow_provider_pai_designer.cloud.limiter import CALLS_PER_SECOND, DEFAULT_EDITION

        return self._chosen("edition", CALLS_PER_SECOND, default=DEFAULT_EDITION)

    def _chosen(self, field: str, choices: Collection[str], *, default: str) -> str:
        value = str(self._extra.get(field) or default)
        if value not in choices:
            raise ConfigurationError(f"Unknown {field} {value!r} in the connection; write one of {', '.join(choices)}.")
        return value

    def _endpoint(self, product: str) -> Endpoint:
        from airflow_provider_pai_designer.cloud.endpoints import find_endpoint

        extra = self._extra
        return find_endpoint(
            product,
            region=self.region,
            network=extra.get("network") or "public",
            override=extra.get(f"{product}_endpoint"),
        )

    @property
    def endpoint(self) -> Endpoint:
        """Where DataWorks answers."""
        return self._endpoint("dataworks")

    @property
    def _speaks_to_emulator(self) -> bool:
        # nothing else is spoken to without TLS, and the emulator only on this machine: see ``find_endpoint``
        return self.endpoint.protocol == "http"

    @property
    def _credentials(self) -> Credentials:
        from airflow_provider_pai_designer.cloud.credentials import Authentication, Credentials

        extra = self._extra
        access_key_id, access_key_secret = self._access_key
        return Credentials(
            authentication=extra.get("authentication") or Authentication.ACCESS_KEY,
            access_key_id=access_key_id,
            access_key_secret=access_key_secret,
            security_token=extra.get("sts_token") or "",
            role=extra.get("role_arn") or "",
            session_name=extra.get("role_session_name") or "airflow",
            sts=self._endpoint("sts"),
        )

    @property
    def _access_key(self) -> tuple[str, str]:
        connection, extra = self._connection, self._extra
        if connection.login or connection.password:
            return connection.login or "", connection.password or ""
        # Where a connection of the type alibaba_cloud has its pair.
        return str(extra.get("access_key_id") or ""), str(extra.get("access_key_secret") or "")

    @property
    def _secrets(self) -> tuple[str, ...]:
        """What nobody may read, as far as the connection has it."""
        try:
            given = (self._connection.password, self._extra.get("access_key_secret"), self._extra.get("sts_token"))
        except ConfigurationError:
            return ()
        return tuple(str(secret) for secret in given if secret)

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

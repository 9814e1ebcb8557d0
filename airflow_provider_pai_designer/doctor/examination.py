"""The checks of a connection, in the order in which one needs the other. Nothing here writes to the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from airflow_provider_pai_designer.cloud.dataworks import DataWorks
from airflow_provider_pai_designer.cloud.errors import SERVICE_ROLE
from airflow_provider_pai_designer.cloud.gateway import LEGACY_VERSION, NEW_VERSION, Gateway
from airflow_provider_pai_designer.cloud.new_replies import day_in_milliseconds
from airflow_provider_pai_designer.designer.node import FILE_TYPE
from airflow_provider_pai_designer.designer.workspace import Workspace
from airflow_provider_pai_designer.doctor.findings import Finding, Verdict, look_at
from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    NotSentError,
    PaiDesignerError,
    PermissionDeniedError,
    QuotaExhaustedError,
    ServiceError,
    ThrottledError,
    UnclearError,
)
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

_BLAMED: tuple[tuple[tuple[type[ServiceError], ...], str], ...] = (
    ((NotSentError, UnclearError), "endpoint"),
    ((AuthenticationError,), "key"),
    ((PermissionDeniedError,), "permission"),
    ((ThrottledError, QuotaExhaustedError), "quota"),
)
_CLOCK = "InvalidTimeStamp.Expired"


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A workspace that can be reached.

    :param gateway: of the version that serves the workspace's generation.
    """

    hook: PaiDesignerHook
    workspace: Workspace
    gateway: Gateway

    @property
    def legacy(self) -> DataWorks | None:
        """The verbs of the legacy DataStudio; None in the new Data Studio."""
        found = self.hook.dataworks
        return found if isinstance(found, DataWorks) else None

    @property
    def yesterday(self) -> date:
        """The newest complete business date."""
        return datetime.now(self.hook.timezone).date() - timedelta(days=1)


def examine_account(hook: PaiDesignerHook) -> Iterator[Finding]:
    """Look at what every call needs; the first failure is the last finding, for nothing behind it could be told."""
    try:
        hook.dataworks  # noqa: B018
    except PaiDesignerError as error:
        yield Finding(check="connection", verdict=Verdict.FAIL, said=str(error))
        return
    yield Finding(check="connection", verdict=Verdict.PASS, said=f"it is complete; the region is {hook.region}")
    try:
        workspace, missing = _find_workspace(hook)
    except ServiceError as error:
        yield Finding(check=_blamed(error), verdict=Verdict.FAIL, said=str(error))
        return
    yield Finding(check="endpoint", verdict=Verdict.PASS, said=f"{hook.endpoint.url} answers")
    yield Finding(check="key", verdict=Verdict.PASS, said="the service knows it, and its signature")
    yield Finding(check="clock", verdict=Verdict.PASS, said="it is right to 15 minutes, or the call were refused")
    if workspace is None:
        yield Finding(check="workspace", verdict=Verdict.FAIL, said=missing)
        return
    yield Finding(check="workspace", verdict=Verdict.PASS, said=f"{workspace.identifier} ({workspace.id})")


def _find_workspace(hook: PaiDesignerHook) -> tuple[Workspace | None, str]:
    """Find the workspace, or say what there is instead.

    :raises ServiceError: the service did not even say that it is not there.
    """
    try:
        return hook.workspace, ""
    except (ConfigurationError, NotFoundError) as error:
        names = hook.dataworks.list_workspace_names()
        return None, f"{error} The key sees {', '.join(names[:10]) or 'no workspace'} in {hook.region}."


def _blamed(error: ServiceError) -> str:
    if error.code == _CLOCK:
        return "clock"
    return next((check for kinds, check in _BLAMED if isinstance(error, kinds)), "service")


def examine_workspace(patient: Patient) -> Iterator[Finding]:
    """Look at what runs of PAI Designer nodes need of a workspace; a failure does not end the examination."""
    checks: dict[str, Callable[[Patient], tuple[Verdict, str]]] = {
        "mode": _mode,
        "DataStudio": _data_studio,
        "node type": _node_type,
        "PAI tasks": _pai_tasks,
        "service-linked role": _service_role,
        "resource groups": _resource_groups,
        "time zone": _time_zone,
        "edition": _edition,
    }
    for name, check in checks.items():
        yield look_at(name, partial(check, patient))
    for operation, parameters in _reads(patient).items():
        yield look_at(f"read {operation}", partial(_read, patient, operation, parameters))


def _mode(patient: Patient) -> tuple[Verdict, str]:
    mode = "standard: DEV and PROD" if patient.workspace.standard_mode else 'basic: write environment="PROD"'
    return Verdict.PASS, mode


def _data_studio(patient: Patient) -> tuple[Verdict, str]:
    nodes = patient.hook.dataworks.count_nodes(patient.workspace)
    return Verdict.PASS, f"{'legacy' if patient.legacy else 'new'}, with {nodes} node(s) of every type"


def _node_type(patient: Patient) -> tuple[Verdict, str]:
    if patient.legacy is None:
        return Verdict.UNKNOWN, "the new Data Studio does not list its node types"
    if FILE_TYPE in patient.legacy.list_file_types(patient.workspace):
        return Verdict.PASS, f"the workspace offers PAI Designer nodes (type {FILE_TYPE})"
    return Verdict.FAIL, (
        f"The workspace offers no node of the type {FILE_TYPE} (PAI Designer): look whether its region and edition "
        "have PAI Designer, and whether PAI tasks are allowed in Management Center."
    )


def _pai_tasks(patient: Patient) -> tuple[Verdict, str]:
    if patient.legacy is not None:
        return Verdict.UNKNOWN, "the API of the legacy DataStudio does not show whether PAI tasks may be scheduled"
    reply = patient.gateway.read("GetProject", id=patient.workspace.id)
    if (reply.get("Project") or {}).get("PaiTaskEnabled"):
        return Verdict.PASS, "they may be scheduled in the workspace"
    return Verdict.FAIL, "PAI tasks are not allowed: turn Schedule PAI algorithm tasks on in Management Center."


def _service_role(patient: Patient) -> tuple[Verdict, str]:
    return Verdict.UNKNOWN, (
        f"no read of DataWorks tells whether {SERVICE_ROLE} exists: look for it under Identities > Roles of the RAM "
        "console, or let --write create a node"
    )


def _resource_groups(patient: Patient) -> tuple[Verdict, str]:
    if patient.legacy is not None:
        names = [group.name for group in patient.legacy.list_resource_groups()]
    else:
        paging = patient.gateway.read("ListResourceGroups", project_id=patient.workspace.id).get("PagingInfo") or {}
        names = [str(group.get("Name")) for group in paging.get("ResourceGroupList") or ()]
    if names:
        return Verdict.PASS, ", ".join(names)
    return Verdict.FAIL, "There is no resource group on which a node could run: buy one, and bind it to the workspace."


def _time_zone(patient: Patient) -> tuple[Verdict, str]:
    return Verdict.UNKNOWN, (
        f"taken for {patient.hook.timezone.key}; DataWorks does not say over its API which it is: compare it with the "
        "scheduling time zone in Management Center, and with the times in Operation Center"
    )


def _edition(patient: Patient) -> tuple[Verdict, str]:
    return Verdict.UNKNOWN, (
        f"taken for {patient.hook.edition}; DataWorks does not say over its API which it is: the console of DataWorks "
        "shows it on its overview page"
    )


def _reads(patient: Patient) -> Mapping[str, Mapping[str, Any]]:
    """The lists that operators, sensors and triggers read besides that of the nodes, each asked for one row."""
    one = {"project_id": patient.workspace.id, "page_number": 1, "page_size": 1}
    day = patient.yesterday
    if patient.legacy is not None:
        return {
            "ListDeployments": one,
            "ListNodes": {**one, "project_env": "PROD"},
            "ListInstances": {**one, "project_env": "PROD", "bizdate": f"{day} 00:00:00"},
        }
    milliseconds = day_in_milliseconds(day, patient.hook.timezone)
    return {
        "ListPipelineRuns": one,
        "ListTasks": {**one, "project_env": "Prod"},
        "ListWorkflowInstances": {**one, "biz_date": milliseconds},
        "ListTaskInstances": {**one, "project_env": "Prod", "bizdate": milliseconds},
    }


def _read(patient: Patient, operation: str, parameters: Mapping[str, Any]) -> tuple[Verdict, str]:
    patient.gateway.read(operation, **parameters)
    return Verdict.PASS, "allowed"


def patient_of(hook: PaiDesignerHook) -> Patient:
    """Take a workspace that was found for a closer look."""
    version = LEGACY_VERSION if isinstance(hook.dataworks, DataWorks) else NEW_VERSION
    return Patient(hook=hook, workspace=hook.workspace, gateway=hook.gateway(version))

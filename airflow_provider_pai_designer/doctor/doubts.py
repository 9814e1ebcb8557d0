"""The open questions that reads can answer on a real account; what the others would take is in their table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from airflow_provider_pai_designer.cloud.gateway import NEW_VERSION
from airflow_provider_pai_designer.cloud.new_replies import day_in_milliseconds
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.doctor.examination import Patient
from airflow_provider_pai_designer.doctor.findings import Finding, Verdict
from airflow_provider_pai_designer.doctor.questions import told, untold
from airflow_provider_pai_designer.doctor.readings import flow_in
from airflow_provider_pai_designer.exceptions import NotFoundError, PaiDesignerError, RejectedError

_PAGE_SIZE, _MOST_PAGES = 10, 5
Reader = Callable[[Patient], str | None]
"""Tells the reading of a doubt; None where the workspace has nothing to tell it by."""


def examine_doubts(patient: Patient) -> Iterator[Finding]:
    """Read what can be read about the doubts of the workspace's generation."""
    for name, reader in (_LEGACY if patient.legacy is not None else _NEW).items():
        yield _read(patient, name, reader)


def _read(patient: Patient, name: str, reader: Reader) -> Finding:
    try:
        reading = reader(patient)
    except PaiDesignerError as error:
        return Finding(check=f"doubt {name}", verdict=Verdict.FAIL, said=str(error))
    return untold(name, "there is too little in the workspace to tell") if reading is None else told(name, reading)


def _business_errors(patient: Patient) -> str | None:
    try:
        patient.gateway.read("GetFile", project_id=patient.workspace.id, file_id=1)
    except (NotFoundError, RejectedError) as error:
        return {200: "soft", 400: "http"}.get(error.http_status or 0)
    return None


def _node_id_envs(patient: Patient) -> str | None:
    return _same_in_both(
        patient, "ListNodes", "Data", "Nodes", key="FileId", number="NodeId", words=lambda name: name.upper()
    )


def _new_task_id_envs(patient: Patient) -> str | None:
    return _same_in_both(
        patient, "ListTasks", "PagingInfo", "Tasks", key="Name", number="Id", words=lambda name: name.capitalize()
    )


def _same_in_both(
    patient: Patient, operation: str, member: str, items: str, *, key: str, number: str, words: Callable[[str], str]
) -> str | None:
    """Compare the ids of what both environments have.

    :param key: what the two have in common.
    :param words: how an environment is written.
    """
    found: list[dict[Any, Any]] = []
    for environment in patient.workspace.environments:
        reply = patient.gateway.read(
            operation,
            project_id=patient.workspace.id,
            project_env=words(environment.value),
            page_number=1,
            page_size=100,
        )
        rows = (reply.get(member) or {}).get(items) or ()
        found.append({row[key]: row[number] for row in rows if row.get(key) and row.get(number)})
    shared = set.intersection(*map(set, found)) if len(found) == len(Environment) else set()
    if not shared:
        return None
    return "same" if all(found[0][item] == found[1][item] for item in shared) else "differ"


def _list_order(patient: Patient) -> str | None:
    day = f"{patient.yesterday} 00:00:00"
    return _order(patient, "ListInstances", "Data", "Instances", number="InstanceId", project_env="PROD", bizdate=day)


def _new_list_order(patient: Patient) -> str | None:
    day = day_in_milliseconds(patient.yesterday, patient.hook.timezone)
    return _order(
        patient, "ListTaskInstances", "PagingInfo", "TaskInstances", number="Id", project_env="Prod", bizdate=day
    )


def _order(patient: Patient, operation: str, member: str, items: str, *, number: str, **filters: Any) -> str | None:
    """Read some pages, and see whether a row comes twice."""
    pages: list[list[Any]] = []
    for page in range(1, _MOST_PAGES + 1):
        reply = patient.gateway.read(
            operation, project_id=patient.workspace.id, page_number=page, page_size=_PAGE_SIZE, **filters
        )
        pages.append([row.get(number) for row in (reply.get(member) or {}).get(items) or ()])
        if len(pages[-1]) < _PAGE_SIZE:
            break
    seen = [row for page_rows in pages for row in page_rows]
    if len(seen) <= _PAGE_SIZE:
        return None
    return "stable" if len(seen) == len(set(seen)) else "shifts"


def _new_wrong_generation(patient: Patient) -> str | None:
    try:
        patient.hook.gateway(NEW_VERSION).read("ListNodes", project_id=patient.workspace.id, page_number=1, page_size=1)
    except RejectedError:
        return "error"
    return "empty"


def _pai_id_in_log(patient: Patient) -> str | None:
    day = f"{patient.yesterday} 00:00:00"
    found = _designer_instances(
        patient, "ListInstances", "Data", "Instances", project_env="PROD", bizdate=day, program_type="PAI_STUDIO"
    )
    ended = (row["InstanceId"] for row in found if str(row.get("Status")).startswith(("SUCCESS", "FAILURE")))
    return _named_flow(patient, next(ended, None))


def _new_pai_id_in_log(patient: Patient) -> str | None:
    day = day_in_milliseconds(patient.yesterday, patient.hook.timezone)
    found = _designer_instances(
        patient,
        "ListTaskInstances",
        "PagingInfo",
        "TaskInstances",
        project_env="Prod",
        bizdate=day,
        task_type="PAI_STUDIO",
    )
    ended = (row["Id"] for row in found if row.get("Status") in ("Success", "Failure"))
    return _named_flow(patient, next(ended, None))


def _designer_instances(patient: Patient, operation: str, member: str, items: str, **filters: Any) -> list[Any]:
    reply = patient.gateway.read(
        operation, project_id=patient.workspace.id, page_number=1, page_size=_PAGE_SIZE, **filters
    )
    return list((reply.get(member) or {}).get(items) or ())


def _named_flow(patient: Patient, instance_id: int | None) -> str | None:
    if instance_id is None:
        return None
    return flow_in(patient.hook.dataworks.get_log(instance_id, Environment.PROD).text)


_LEGACY: Mapping[str, Reader] = {
    "business_errors": _business_errors,
    "node_id_envs": _node_id_envs,
    "list_order": _list_order,
    "new_wrong_generation": _new_wrong_generation,
    "pai_id_in_log": _pai_id_in_log,
}
_NEW: Mapping[str, Reader] = {
    "new_task_id_envs": _new_task_id_envs,
    "list_order": _new_list_order,
    "pai_id_in_log": _new_pai_id_in_log,
}

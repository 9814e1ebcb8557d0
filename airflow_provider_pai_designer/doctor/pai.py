"""PAI, which only tasks need that load, create or run pipelines there: what lacks is unknown, and no failure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from airflow_provider_pai_designer.designer.pipeline import Pipeline
from airflow_provider_pai_designer.doctor.examination import Patient
from airflow_provider_pai_designer.doctor.findings import Finding, Verdict
from airflow_provider_pai_designer.doctor.questions import told, untold
from airflow_provider_pai_designer.exceptions import (
    ConfigurationError,
    NotFoundError,
    PaiDesignerError,
    PermissionDeniedError,
    PipelineError,
)

_OPTIONAL = "Only tasks that load, create or list pipelines of PAI Designer need it"
_STUDIO_RIGHTS = (
    "the policy AliyunPAIFullAccess, or the actions paidesigner:ListPipelineDrafts, GetPipelineDraft, ListJobs and "
    "GetJob to load pipelines, and paidesigner:CreatePipelineDraft, GetPipelineDraftFolderChildren and "
    "DeletePipelineDraft to create and delete them"
)
_FLOW_RIGHTS = "the policy AliyunPAIFullAccess, or the actions paiflow:ListPipelineRuns and GetPipelineRun"
_VARIABLE = re.compile(r"\$\{(?!t[1-4]\}|pai_system_)\w+\}")
_MOST_PIPELINES = 5
"""How many pipelines are looked into for one with a variable."""


def examine_pai(patient: Patient) -> Iterator[Finding]:
    """Look whether PAI answers, whether it knows the workspace, and what reads tell of its open questions."""
    pipelines: tuple[Pipeline, ...] | None = None
    try:
        pipelines = patient.hook.list_pipelines()
    except NotFoundError as error:
        yield _known("PaiStudio", "answers")
        said = (
            f"PAI does not know the workspace {patient.workspace.id}: enable PAI for it (Schedule PAI algorithm tasks "
            f"in Management Center). {_OPTIONAL}. {error}"
        )
        yield Finding(check="PAI workspace", verdict=Verdict.UNKNOWN, said=said)
    except PaiDesignerError as error:
        yield _lacking("PaiStudio", error, _STUDIO_RIGHTS, "paistudio_endpoint")
        yield Finding(check="PAI workspace", verdict=Verdict.UNKNOWN, said="PaiStudio would have to say it")
    else:
        yield _known("PaiStudio", "answers")
        said = f"PAI knows the workspace by the number {patient.workspace.id}, with {len(pipelines)} pipeline(s)"
        yield _known("PAI workspace", said)
    yield _paiflow(patient)
    for name, look in (("pai_name_filter", name_filter), ("pai_job_variables", _job_variables)):
        yield _read(patient, name, look, pipelines)


def _known(check: str, said: str) -> Finding:
    return Finding(check=check, verdict=Verdict.PASS, said=said)


def _lacking(check: str, error: PaiDesignerError, rights: str, field: str) -> Finding:
    if isinstance(error, PermissionDeniedError):
        said = f"no: the key has no right to it. {_OPTIONAL}: then give the RAM user {rights}. {error}"
    elif isinstance(error, ConfigurationError):
        said = f"{error} {_OPTIONAL}."
    else:
        said = f"it does not answer. {_OPTIONAL}: then look at {field} of the connection. {error}"
    return Finding(check=check, verdict=Verdict.UNKNOWN, said=said)


def _paiflow(patient: Patient) -> Finding:
    try:
        patient.hook.paiflow.gateway.read(
            "ListPipelineRuns", workspace_id=str(patient.workspace.id), page_number=1, page_size=1
        )
    except NotFoundError:
        return _known("PAIFlow", "answers")
    except PaiDesignerError as error:
        return _lacking("PAIFlow", error, _FLOW_RIGHTS, "paiflow_endpoint")
    return _known("PAIFlow", "answers")


_Look = Callable[[Patient, tuple[Pipeline, ...]], str | None]


def _read(patient: Patient, name: str, look: _Look, pipelines: tuple[Pipeline, ...] | None) -> Finding:
    if pipelines is None:
        return untold(name, "PaiStudio shows no pipelines")
    try:
        reading = look(patient, pipelines)
    except PaiDesignerError as error:
        return untold(name, str(error))
    return untold(name, "there is too little in PAI Designer to tell") if reading is None else told(name, reading)


def name_filter(patient: Patient, pipelines: tuple[Pipeline, ...]) -> str | None:
    """Ask for a pipeline by a part of its name that is nobody's whole name."""
    names = {pipeline.name for pipeline in pipelines}
    whole = next((name for name in sorted(names) if len(name) > 1 and name[:-1] not in names), None)
    if whole is None:
        return None
    reply = patient.hook.paistudio.gateway.read(
        "ListExperiments", workspace_id=str(patient.workspace.id), name=whole[:-1], page_number=1, page_size=1
    )
    return "part" if reply.get("Experiments") else "exact"


def _job_variables(patient: Patient, pipelines: tuple[Pipeline, ...]) -> str | None:
    """Compare the variables of a pipeline, as it is drawn, with the manifest of its newest whole job."""
    studio, looked_into = patient.hook.paistudio, 0
    for pipeline in pipelines:
        if looked_into == _MOST_PIPELINES:
            return None
        looked_into += 1
        variables = {*_VARIABLE.findall(studio.read_drawing(pipeline.id))}
        if not variables:
            continue
        try:
            job = studio.latest_whole_job(pipeline)
        except PipelineError:
            continue
        return "kept" if variables & {*_VARIABLE.findall(job.manifest)} else "replaced"
    return None

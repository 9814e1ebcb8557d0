"""What the doctor can say of each open question: how it is answered, and what this provider does under each answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_pai_designer.doctor.findings import Finding, Verdict
from airflow_provider_pai_designer.emulator.doubts import DOUBTS

READS, WRITES, NOT = "reads", "`--write`", "no"
"""How the doctor answers a question: by reads alone, on the throw-away node, or not at all."""


@dataclass(frozen=True, kw_only=True)
class Treatment:
    """How a question is treated.

    :param answered: :data:`READS`, :data:`WRITES` or :data:`NOT`.
    :param deeds: reading to what the provider does under it.
    """

    answered: str
    deeds: Mapping[str, str]


def _either(name: str, deed: str) -> dict[str, str]:
    return dict.fromkeys(DOUBTS[name].readings, deed)


_DEEDS: Mapping[str, Mapping[str, str]] = {
    "backfill_dags": {
        "per_date": "a run keeps the remote DAG ids of all its business dates",
        "single": "a run keeps the one remote DAG id, which has the instances of all business dates",
    },
    "node_params": _either("node_params", "a run is sent the complete list of parameters, so both come to the same"),
    "smoke_node_params": {
        "json": "parameters are sent as JSON",
        "plain": "what is refused as JSON is said again as plain pairs",
    },
    "update_omitted": {
        "keep": "only what differs is sent",
        "clear": "a changed node that lost other properties is not submitted; a NodeDefinitionError names them",
    },
    "duplicate_file": {
        "refuse": "of two tasks that create one node, the second takes the file of the first",
        "allow": "of two tasks that create one node, the newer file is deleted, or an error lists both",
    },
    "instance_lag": _either("instance_lag", "a run without instances is young, and is looked at again"),
    "effective_window": {
        "runs": "the default schedule, whose window lies in 2099, lets runs work",
        "dry_run": "a run outside the window fails as a dry run: give the schedule a start and end that hold its date",
    },
    "frozen_test": _either("frozen_test", "a run of a node declared frozen (PAUSE) is refused before it starts"),
    "node_id_envs": {
        "same": "the id of the file is used",
        "differ": "production is asked for its own id",
    },
    "submit_in_basic": _either("submit_in_basic", "nothing is submitted in basic mode, only deployed"),
    "transient_failure": {
        "no": "a FAILURE is the end",
        "yes": (
            "in the legacy DataStudio a FAILURE with automatic reruns left is no end; in the new Data Studio, which "
            "does not show them, a task takes the first failed try for the end: let Airflow retry, not DataWorks"
        ),
    },
    "list_order": {
        "stable": "lists are read page by page",
        "shifts": "a row that comes twice counts once, and one that was missed is read at the next look",
    },
    "business_errors": _either("business_errors", "both become the same typed errors"),
    "smoke_cycles": _either("smoke_cycles", "a run has come to what all its instances have come to, be it one or more"),
    "future_test": {
        "runs": "a run begins at once",
        "waits": "a task waits until the schedule time: leave it the time, or take an earlier business date",
    },
    "stop_finished": _either("stop_finished", "that what has ended cannot be stopped is no error"),
    "stopped_reruns": _either("stopped_reruns", "a run that was stopped has ended, whatever reruns its instances show"),
    "deletion_id": _either("deletion_id", "nothing is waited for where a deletion has no deployment"),
    "restart_active": _either("restart_active", "only what has failed is run again"),
    "restart_rerun_mode": {
        "governs": "a rerun of a node with ALL_DENIED fails with what DataWorks says",
        "ignored": "what has failed is run again, whatever the rerun mode of the node",
    },
    "new_dependencies_version": {
        "any": "dependencies are written once",
        "only_2.0.0": "dependencies that were not taken are written again, in the form of 2.0.0",
    },
    "new_dependencies_dropped": _either("new_dependencies_dropped", "a new node has its name for its id"),
    "new_update_depth": _either("new_update_depth", "a member of the spec is sent whole"),
    "new_dev_task_id": {
        "yes": "the task id of the node is used",
        "no": "development is asked for its own list of tasks",
    },
    "new_task_id_envs": {
        "same": "the task id of the node is used",
        "differ": "the environment is asked for its own list of tasks",
    },
    "new_second_publish": {
        "accept": "a node is published again at once",
        "refuse": "a publishing run of ours that waits after development is ended first",
    },
    "new_periods_required": _either("new_periods_required", "the business date of a test is always sent"),
    "new_instances_lag": _either("new_instances_lag", "a run without instances is young, and is looked at again"),
    "new_wrong_generation": {
        "error": "the refusal becomes an error that names data_studio",
        "empty": "a node that is not found is told together with data_studio",
    },
    "pai_id_in_log": {
        "yes": "the error of a failed run names the step that failed, with the end of its log",
        "no": "the error of a failed run has the log of the instance alone",
    },
    "pai_rerun": _either("pai_rerun", "no operator depends on it"),
    "pai_bad_manifest": _either("pai_bad_manifest", "a manifest is checked before it is sent"),
    "pai_terminate_ended": _either("pai_terminate_ended", "that what has ended cannot be stopped is no error"),
    "pai_list_lag": _either("pai_list_lag", "a run whose creation is not clear is not created again"),
    "pai_name_filter": _either("pai_name_filter", "whole names are sent, and compared again"),
    "pai_status_ids": {
        "any": "the states of fifty runs are asked for in one call",
        "20": "where a call for many runs is refused, fewer are asked for",
    },
    "pai_run_id_lag": _either("pai_run_id_lag", "the run of a job is waited for"),
    "pai_job_lag": _either("pai_job_lag", "a job whose creation is not clear is looked for before another one is made"),
    "pai_second_job": {
        "accept": "a pipeline runs beside a job of it that goes on",
        "refuse": "a PipelineError names the job that goes on",
    },
    "pai_job_variables": {
        "kept": "variables are bound to the scheduling parameters of their names",
        "replaced": "variables are put back from what is drawn, and the log names them",
    },
    "pai_root_folder": {
        "accept": "a pipeline is created in the root folder where none is named",
        "refuse": "a PipelineError asks for a folder",
    },
}

_A_JOB = "it takes a job of a pipeline of yours"
_NOT_ANSWERED = {
    "pai_run_id_lag": _A_JOB,
    "pai_job_lag": _A_JOB,
    "pai_second_job": _A_JOB,
    "pai_status_ids": "it takes more runs than a workspace may have",
}


def _answered(name: str) -> str:
    if name in _NOT_ANSWERED:
        return NOT
    return READS if DOUBTS[name].check.startswith("Reads only") else WRITES


TREATMENTS: Mapping[str, Treatment] = {name: Treatment(answered=_answered(name), deeds=_DEEDS[name]) for name in DOUBTS}


def told(name: str, reading: str, seen: str = "") -> Finding:
    """Say which reading an account shows, and what this provider does then.

    :param seen: what was seen, where the reading alone does not say it.
    """
    taken = "as assumed" if reading == DOUBTS[name].default else "not the usual assumption, and provided for"
    return Finding(
        check=f"doubt {name}",
        verdict=Verdict.PASS,
        said=f"{reading} ({taken}){f', {seen}' if seen else ''}. {DOUBTS[name].question} "
        f"With this provider {TREATMENTS[name].deeds[reading]}.",
    )


def untold(name: str, why: str) -> Finding:
    """Say why a reading is not known."""
    return Finding(check=f"doubt {name}", verdict=Verdict.UNKNOWN, said=f"{why.rstrip('.')}. {DOUBTS[name].question}")


def as_markdown() -> str:
    """Return the table of the page "How proven is each claim"."""
    rows = [
        f"| `{doubt.name}` | {doubt.question} | {doubt.default} | {', '.join(doubt.readings[1:])} "
        f"| {_deeds(doubt.name)} | {doubt.check} | {TREATMENTS[doubt.name].answered} "
        f"| [{re.split('[/-]', doubt.source)[-1]}]({doubt.source}) |"
        for doubt in DOUBTS.values()
    ]
    heads = (
        *("switch", "question", "default", "also played", "what the provider does"),
        *("what would answer it", "doctor", "left open by"),
    )
    return "\n".join([f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *rows])


def _deeds(name: str) -> str:
    deeds = TREATMENTS[name].deeds
    if len({*deeds.values()}) == 1:
        return next(iter(deeds.values()))
    return "; ".join(f"{reading}: {deed}" for reading, deed in deeds.items())

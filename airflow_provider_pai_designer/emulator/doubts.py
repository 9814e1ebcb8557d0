"""What the vendor does not document, as named switches: each has its readings, and the emulator plays any of them.

A client that passes with every reading does not depend on what nobody could check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_HELP = "https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-"


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One open question.

    :param readings: the possible answers; the first is the default.
    :param source: where the documentation leaves it open.
    """

    name: str
    question: str
    readings: tuple[str, ...]
    source: str

    @property
    def default(self) -> str:
        """The reading played unless the seed chooses another one."""
        return self.readings[0]


_ALL = (
    Doubt(
        name="backfill_dags",
        question="Does a backfill over several business dates make one remote DAG per date, or one for all?",
        readings=("per_date", "single"),
        source=_HELP + "runcycledagnodes",
    ),
    Doubt(
        name="node_params",
        question="Do the parameters given with a run merge over the node's own, or replace all of them?",
        readings=("merge", "replace"),
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="smoke_node_params",
        question="Is NodeParams of RunSmokeTest JSON by node id (the page's text) or plain k=v (its sample)?",
        readings=("json", "plain"),
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="update_omitted",
        question="Does UpdateFile keep the values that are not sent, or reset them to their defaults?",
        readings=("keep", "clear"),
        source=_HELP + "updatefile",
    ),
    Doubt(
        name="duplicate_file",
        question="Does CreateFile refuse a name that the folder already has?",
        readings=("refuse", "allow"),
        source=_HELP + "createfile",
    ),
    Doubt(
        name="instance_lag",
        question="How many seconds after a run was started does ListInstances show its instances?",
        readings=("0", "5"),
        source=_HELP + "listinstances",
    ),
    Doubt(
        name="effective_window",
        question="Does a test outside the node's effective window run, or end as a dry run?",
        readings=("runs", "dry_run"),
        source=_HELP + "createfile",
    ),
    Doubt(
        name="frozen_test",
        question="Does a test of a frozen node (PAUSE) fail at its start, or run?",
        readings=("fail", "run"),
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="node_id_envs",
        question="Does one file have the same node id in DEV and in PROD?",
        readings=("same", "differ"),
        source=_HELP + "getfile",
    ),
    Doubt(
        name="submit_in_basic",
        question="What does SubmitFile do in a basic-mode workspace: nothing, successfully, or an error?",
        readings=("noop", "error"),
        source=_HELP + "submitfile",
    ),
    Doubt(
        name="transient_failure",
        question="Does an instance show FAILURE between a failed try and its automatic rerun?",
        readings=("no", "yes"),
        source=_HELP + "getinstance",
    ),
    Doubt(
        name="list_order",
        question="Does a list keep its order while it is paged through, or do rows shift between pages?",
        readings=("stable", "shifts"),
        source=_HELP + "listinstances",
    ),
    Doubt(
        name="business_errors",
        question="Do errors of the service come with HTTP 200 and Success false, or with HTTP 400?",
        readings=("soft", "http"),
        source=_HELP + "errorcodes",
    ),
    Doubt(
        name="smoke_cycles",
        question="Does a test of an hourly node make one instance for the first cycle of the day, or one per cycle?",
        readings=("first", "all"),
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="future_test",
        question="Does a test whose schedule time is still to come run at once, or wait for that time?",
        readings=("runs", "waits"),
        source=_HELP + "runsmoketest",
    ),
    Doubt(
        name="stop_finished",
        question="Is StopInstance of an instance that has ended accepted without effect, or refused?",
        readings=("accept", "refuse"),
        source=_HELP + "stopinstance",
    ),
    Doubt(
        name="stopped_reruns",
        question="Does a stopped instance show 0 automatic reruns left, or the number it had?",
        readings=("zero", "kept"),
        source=_HELP + "stopinstance",
    ),
    Doubt(
        name="deletion_id",
        question="Is DeploymentId 0 or absent when DeleteFile deletes a file that was never submitted?",
        readings=("zero", "absent"),
        source=_HELP + "deletefile",
    ),
    Doubt(
        name="restart_active",
        question="Is RestartInstance of an instance that has not ended refused, or accepted without effect?",
        readings=("refuse", "accept"),
        source=_HELP + "restartinstance",
    ),
    Doubt(
        name="restart_rerun_mode",
        question="Does the node's rerun mode govern RestartInstance, or is it ignored there?",
        readings=("governs", "ignored"),
        source=_HELP + "restartinstance",
    ),
)

DOUBTS: Mapping[str, Doubt] = {doubt.name: doubt for doubt in _ALL}


def as_markdown() -> str:
    """Return the table of the page "How proven is each claim"."""
    rows = [
        f"| `{doubt.name}` | {doubt.question} | {doubt.default} | {', '.join(doubt.readings[1:])} "
        f"| [{doubt.source.removeprefix(_HELP)}]({doubt.source}) |"
        for doubt in _ALL
    ]
    return "\n".join(["| switch | question | default | also played | left open by |", "|---|---|---|---|---|", *rows])


def check(chosen: Mapping[str, str]) -> None:
    """Check a choice of readings.

    :raises ValueError: a name or a reading that the table does not have.
    """
    for name, reading in chosen.items():
        if name not in DOUBTS:
            raise ValueError(f"There is no doubt {name!r}; known: {', '.join(sorted(DOUBTS))}.")
        if reading not in DOUBTS[name].readings:
            raise ValueError(f"The doubt {name!r} has no reading {reading!r}: {', '.join(DOUBTS[name].readings)}.")

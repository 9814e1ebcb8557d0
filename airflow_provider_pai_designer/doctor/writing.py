"""``pai-designer doctor --write``: what it is going to do, and that it removes what it made whatever happens."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from airflow_provider_pai_designer.doctor.examination import Patient
from airflow_provider_pai_designer.doctor.findings import Finding, Verdict
from airflow_provider_pai_designer.doctor.pai_trial import PaiTrial
from airflow_provider_pai_designer.doctor.throw_away import FOLDER, ThrowAway
from airflow_provider_pai_designer.doctor.trial import Trial

LEGACY_CALLS, NEW_CALLS, PAI_CALLS = 120, 150, 40
"""About how many calls are made, of the version of DataWorks and of PAI."""

_BASIC_CALLS_A_DAY = 100


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is going to be done.

    :param text: the same in words, for whoever must say yes.
    """

    thing: ThrowAway
    text: str


def plan_of(patient: Patient) -> Plan:
    """Say what would be made, where, and what it costs."""
    thing, workspace, hook = ThrowAway.declare(patient), patient.workspace, patient.hook
    calls = NEW_CALLS if patient.legacy is None else LEGACY_CALLS
    lines = [
        f"--write makes the node {thing.node.name!r} in the folder {FOLDER!r} of the workspace "
        f"{workspace.identifier!r} ({workspace.id}, {hook.region}), publishes it to {thing.environment.value},",
        "starts three tests and one backfill of it, stops what goes on of them, reads a log, and removes it all. Its "
        "only step is a SQL that the engine refuses to parse, so nothing is computed.",
        "It makes a pipeline and two runs in PAI, which are not to compute anything, and removes them.",
        f"That takes about {calls} calls of DataWorks and {PAI_CALLS} of PAI, at the pace of the edition "
        f"{hook.edition!r}, and about ten minutes.",
    ]
    if hook.edition == "basic":
        lines.append(
            f"The edition basic has {_BASIC_CALLS_A_DAY} calls a day: they may end before the node is removed, "
            "which you would then have to do in the console."
        )
    return Plan(thing=thing, text="\n".join(lines))


def by_writing(patient: Patient, plan: Plan) -> tuple[list[Finding], bool]:
    """Do what was planned, and remove it whatever happens.

    :return: what was found, and whether somebody has interrupted it.
    """
    trials = (Trial(patient=patient, thing=plan.thing), PaiTrial(patient=patient, name=plan.thing.node.name))
    found: list[Finding] = []
    why = ""
    with _signals(signal.default_int_handler):
        try:
            for trial in trials:
                trial.go()
        except KeyboardInterrupt as error:
            why = "the examination was interrupted"
            plan.thing.failed(error)
        except Exception as error:  # whatever it was, what was made must go
            why = f"the doctor itself failed: {type(error).__name__}: {error}"
            plan.thing.failed(error)
            found.append(Finding(check="doctor", verdict=Verdict.FAIL, said=why))
        finally:
            with _signals(_not_now):
                for trial in trials:
                    trial.leave(why)
                    found += trial.told.values()
                found += [finding for removing in (plan.thing, trials[1]) for finding in removing.remove()]
    return found, why.endswith("interrupted")


@contextmanager
def _signals(handler: signal._HANDLER) -> Iterator[None]:
    """Take Ctrl-C, and what ends a process politely, in one way."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _not_now(number: int, frame: FrameType | None) -> None:
    print("The throw-away node is being removed; Ctrl-\\ ends that too, and leaves it to you.", file=sys.stderr)

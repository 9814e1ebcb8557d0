"""``pai-designer doctor``: what of an account, a connection and a workspace works, told by reads, or by writes too."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_pai_designer import connected

if TYPE_CHECKING:
    from airflow_provider_pai_designer.doctor.examination import Patient
    from airflow_provider_pai_designer.doctor.findings import Finding
    from airflow_provider_pai_designer.doctor.writing import Plan
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook

__all__ = ["add_arguments", "examine", "run"]

_INTERRUPTED = 130
"""The exit code of what Ctrl-C has ended, as shells have it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    connected.add_arguments(parser)
    parser.add_argument("--write", action="store_true", help="also make, run and remove a throw-away node")
    parser.add_argument("--yes", action="store_true", help="do not ask before --write makes it")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found, and return 1 where a check failed, 130 where Ctrl-C ended the examination."""
    from airflow_provider_pai_designer.doctor.findings import Verdict, as_json, as_table, newest

    # Airflow's log goes to the standard output, which is to have nothing but the findings.
    with redirect_stdout(sys.stderr):
        hook = connected.hook_of(arguments)
        found, interrupted = _examined(hook, arguments)
        findings = [replace(item, said=hook.without_secrets(item.said)) for item in newest(found)]
    print(as_json(findings) if arguments.json else as_table(findings))
    if interrupted:
        return _INTERRUPTED
    return int(any(finding.verdict is Verdict.FAIL for finding in findings))


def _examined(hook: PaiDesignerHook, arguments: argparse.Namespace) -> tuple[list[Finding], bool]:
    """Make every check, and say whether somebody has interrupted it."""
    from airflow_provider_pai_designer.doctor.examination import patient_of
    from airflow_provider_pai_designer.doctor.findings import Finding, Verdict, newest
    from airflow_provider_pai_designer.doctor.writing import by_writing, plan_of

    found, interrupted = list(examine(hook)), False
    if not any(item.check == "workspace" and item.verdict is Verdict.PASS for item in found):
        return found, False
    patient = patient_of(hook)
    if arguments.write:
        plan, why_not = plan_of(patient), ""
        if any(item.check == "DataStudio" and item.verdict is Verdict.FAIL for item in found):
            why_not = "not made: let DataStudio pass first"
        elif not _confirmed(plan, said_yes=arguments.yes):
            why_not = "not made: nobody said yes (--yes says it beforehand)"
        if why_not:
            found.append(Finding(check="throw-away node", verdict=Verdict.UNKNOWN, said=why_not))
        else:
            written, interrupted = by_writing(patient, plan)
            found += written
    found.append(_others(patient, newest(found), written=arguments.write))
    return found, interrupted


def examine(hook: PaiDesignerHook) -> Iterator[Finding]:
    """Make every check that reads can make."""
    from airflow_provider_pai_designer.doctor.doubts import examine_doubts
    from airflow_provider_pai_designer.doctor.examination import examine_account, examine_workspace, patient_of
    from airflow_provider_pai_designer.doctor.findings import Verdict
    from airflow_provider_pai_designer.doctor.pai import examine_pai

    with hook.one_attempt():
        for finding in examine_account(hook):
            yield finding
            if finding.verdict is Verdict.FAIL:
                return
        patient = patient_of(hook)
        yield from examine_workspace(patient)
        yield from examine_doubts(patient)
        yield from examine_pai(patient)


def _confirmed(plan: Plan, *, said_yes: bool) -> bool:
    """Say what is going to be done, and ask unless somebody has said yes already."""
    print(plan.text, file=sys.stderr)
    if said_yes:
        return True
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _others(patient: Patient, found: list[Finding], *, written: bool) -> Finding:
    from airflow_provider_pai_designer.doctor.findings import Finding, Verdict
    from airflow_provider_pai_designer.emulator.doubts import DOUBTS

    open_still = [name for name in DOUBTS if f"doubt {name}" not in {item.check for item in found}]
    other = "new Data Studio" if patient.legacy else "legacy DataStudio"
    how = f"a workspace of the other mode or of the {other}" if written else "writing (--write), or another workspace"
    said = f"{len(open_still)} more take {how}: {', '.join(open_still)}"
    return Finding(check="other doubts", verdict=Verdict.UNKNOWN, said=said)

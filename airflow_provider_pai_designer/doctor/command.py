"""``pai-designer doctor``: what of an account, a connection and a workspace works, told by reads alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.connected import add_arguments, hook_of

if TYPE_CHECKING:
    from airflow_provider_pai_designer.doctor.findings import Finding
    from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook


__all__ = ["add_arguments", "examine", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Print what was found, and return 1 where a check failed."""
    from airflow_provider_pai_designer.doctor.findings import Verdict, as_json, as_table

    # Airflow's log goes to the standard output, which is to have nothing but the findings.
    with redirect_stdout(sys.stderr):
        findings = _findings(arguments)
    print(as_json(findings) if arguments.json else as_table(findings))
    return int(any(finding.verdict is Verdict.FAIL for finding in findings))


def _findings(arguments: argparse.Namespace) -> list[Finding]:
    hook = hook_of(arguments)
    return [replace(finding, said=hook.without_secrets(finding.said)) for finding in examine(hook)]


def examine(hook: PaiDesignerHook) -> Iterator[Finding]:
    """Make every check that can be made."""
    from airflow_provider_pai_designer.doctor.doubts import examine_doubts
    from airflow_provider_pai_designer.doctor.examination import examine_account, examine_workspace, patient_of
    from airflow_provider_pai_designer.doctor.findings import Verdict

    with hook.one_attempt():
        for finding in examine_account(hook):
            yield finding
            if finding.verdict is Verdict.FAIL:
                return
        patient = patient_of(hook)
        yield from examine_workspace(patient)
        yield from examine_doubts(patient)

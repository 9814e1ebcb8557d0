"""What a user would lose: the truth about an account that only writing tells, and a workspace left as it was found."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pai_designer import cli
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.designer.node import DeletedNode
from airflow_provider_pai_designer.doctor import writing
from airflow_provider_pai_designer.doctor.questions import TREATMENTS, WRITES
from airflow_provider_pai_designer.doctor.trial import Trial
from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.emulator.seed import starting_document
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from tests.conftest import connection
from tests.doctor.test_doctor import CONNECTION, PAGE, Doctor, doctor, own
from tests.generations import GENERATIONS, LEGACY, NEW, Generation, on_both
from tests.operators.support import writes

__all__ = ["doctor", "own"]

pytestmark = pytest.mark.usefixtures("own")

WORKSPACES = {
    generation.name + mode: workspace
    for generation in GENERATIONS
    for mode, workspace in (("", generation.workspace), (" basic", generation.basic_workspace))
}
OF_ONE_KIND = {"submit_in_basic": "legacy basic", "new_dev_task_id": "new"}
OF_LEGACY = {
    *("backfill_dags", "smoke_node_params", "update_omitted", "duplicate_file"),
    *("instance_lag", "stopped_reruns", "deletion_id"),
}


def asked(kind: str) -> set[str]:
    """The questions that writing to a workspace can answer."""
    told = {name for name, treatment in TREATMENTS.items() if treatment.answered == WRITES}
    return {
        name
        for name in told
        if OF_ONE_KIND.get(name, kind) == kind
        and (name not in OF_LEGACY or kind.startswith("legacy"))
        and (not name.startswith("new_") or kind.startswith("new"))
    }


PLAYED: list[tuple[str, dict[str, str]]] = [
    ("legacy", {}),
    ("legacy basic", {}),
    ("new", {}),
    ("new basic", {}),
    (
        "legacy",
        {
            "backfill_dags": "single",
            "node_params": "replace",
            "smoke_node_params": "plain",
            "duplicate_file": "allow",
            "instance_lag": "5",
            "deletion_id": "absent",
            "pai_root_folder": "refuse",
        },
    ),
    (
        "legacy",
        {
            "frozen_test": "run",
            "transient_failure": "yes",
            "smoke_cycles": "all",
            "future_test": "waits",
            "stop_finished": "refuse",
            "stopped_reruns": "kept",
            "pai_list_lag": "5",
        },
    ),
    (
        "legacy basic",
        {
            "submit_in_basic": "error",
            "restart_active": "accept",
            "restart_rerun_mode": "ignored",
            "business_errors": "http",
            "pai_rerun": "new_run",
            "pai_terminate_ended": "accept",
            "pai_bad_manifest": "run_fails",
        },
    ),
    ("legacy", {"effective_window": "dry_run"}),
    ("legacy", {"update_omitted": "clear"}),
    ("legacy", {"pai_id_in_log": "no", "pai_name_filter": "exact"}),
    (
        "new",
        {
            "frozen_test": "run",
            "transient_failure": "yes",
            "smoke_cycles": "all",
            "future_test": "waits",
            "stop_finished": "refuse",
            "new_instances_lag": "5",
        },
    ),
    (
        "new",
        {
            "restart_active": "accept",
            "restart_rerun_mode": "ignored",
            "node_params": "replace",
            "new_dependencies_version": "only_2.0.0",
            "new_update_depth": "members",
            "new_dev_task_id": "no",
            "new_second_publish": "refuse",
            "new_periods_required": "yes",
        },
    ),
    ("new basic", {"new_dependencies_dropped": "kept", "new_second_publish": "refuse", "pai_id_in_log": "no"}),
    ("new", {"effective_window": "dry_run"}),
]


def noon() -> str:
    """A zone in which it is about noon: a question is put before the evening only."""
    offset = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"


def always(operation: str, code: str, status: int) -> dict[str, Any]:
    return {"faults": [refused(operation, code, status)]}


def refused(operation: str, code: str, status: int, message: str = "you may not") -> dict[str, Any]:
    return {
        "behaviour": "http",
        "operation": operation,
        "status": status,
        "code": code,
        "message": message,
        "times": None,
    }


@contextmanager
def account(kind: str, monkeypatch: pytest.MonkeyPatch, **seed: Any) -> Iterator[Emulator]:
    """An account of its own, behind the default connection; who waits lets its time pass."""
    workspaces = [{**workspace, "time_zone": noon()} for workspace in starting_document()["workspaces"]]
    with launch(seed={"workspaces": workspaces, **seed}) as emulator:
        document = json.loads(emulator.connection(WORKSPACES[kind]))
        extra = {**document["extra"], "timezone": noon()}
        monkeypatch.setenv(CONNECTION, json.dumps({**document, "extra": extra}))
        hurry(emulator, monkeypatch)
        yield emulator


def hurry(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    def pause(_: PaiDesignerHook, seconds: float) -> None:
        if seconds:
            emulator.control.clock.advance(seconds)

    monkeypatch.setattr(PaiDesignerHook, "pause", pause)


def left_behind(emulator: Emulator) -> dict[str, list[Any]]:
    """What of the doctor's is there, by kind; empty where all is gone."""
    emulator.control.clock.advance(30)
    state = emulator.control.state()

    def ours(row: Mapping[str, Any]) -> bool:
        return "pai_designer_doctor" in json.dumps(row)

    found = {
        "files": [row for row in state["files"] if ours(row) and row["deleted_status"] == "NORMAL"],
        "nodes": [row for row in state["nodes"] if ours(row)],
        "instances": [row for row in state["instances"] if ours(row) and row["open"]],
        "drafts": [row for row in state["drafts"] if ours(row)],
        "flow_runs": [row for row in state["flow_runs"] if ours(row) and not row["deleted"] and not row["instance_id"]],
    }
    return {kind: rows for kind, rows in found.items() if rows}


@pytest.mark.parametrize(
    ("kind", "doubts"), PLAYED, ids=lambda value: value if isinstance(value, str) else "-".join(value) or "as-assumed"
)
def test_each_reading_that_writing_can_tell_is_recognised_and_nothing_is_left(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, kind: str, doubts: dict[str, str]
) -> None:
    with account(kind, monkeypatch, doubts=doubts) as emulator:
        found = doctor.findings("--write", "--yes")
        assert left_behind(emulator) == {}
    expected = {name: doubts.get(name, DOUBTS[name].default) for name in (doubts if doubts else asked(kind))}
    seen = {name: found[f"doubt {name}"] for name in expected}
    assert {name: (verdict, said.split(" ")[0]) for name, (verdict, said) in seen.items()} == {
        name: ("pass", reading) for name, reading in expected.items()
    }
    for name, reading in expected.items():
        assert TREATMENTS[name].deeds[reading] in seen[name][1]
    assert (doctor.code, found["removal"][0]) == (0, "pass")


def test_every_reading_of_every_question_that_writing_can_tell_is_played() -> None:
    played = {(name, reading) for _, doubts in PLAYED for name, reading in doubts.items()}
    assert {
        (name, reading)
        for name, treatment in TREATMENTS.items()
        if treatment.answered == WRITES
        for reading in DOUBTS[name].readings[1:]
    } <= played


def test_every_question_has_a_treatment_of_each_reading() -> None:
    assert {name: {*treatment.deeds} for name, treatment in TREATMENTS.items()} == {
        name: {*doubt.readings} for name, doubt in DOUBTS.items()
    }


@on_both
def test_no_more_calls_are_made_than_were_announced(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, generation: Generation
) -> None:
    with account(generation.name, monkeypatch) as emulator:
        doctor.findings()
        read = emulator.control.calls()
        doctor.findings("--write", "--yes")
        written = emulator.control.calls() - 2 * read
    announced = writing.LEGACY_CALLS if generation is LEGACY else writing.NEW_CALLS
    assert written <= announced + writing.PAI_CALLS


@on_both
@pytest.mark.parametrize("answer", ["n\n", "", "perhaps\n"])
def test_nothing_is_made_unless_somebody_says_yes(
    doctor: Doctor,
    connected: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    capsys: pytest.CaptureFixture[str],
    generation: Generation,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    before = connected.control.calls(generation.list_nodes)
    assert cli.main(["doctor", "--write"]) == 0
    shown = capsys.readouterr()
    assert connected.control.calls(generation.list_nodes) == before + 1, "one of the examination"
    for word in ("pai_designer_doctor_throw_away", generation.workspace, "DEV", "calls", "Go on? [y/N]"):
        assert word in shown.err
    assert "not made: nobody said yes" in shown.out
    assert left_behind(connected) == {}


def test_yes_is_enough(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    with account("legacy", monkeypatch):
        assert doctor.findings("--write")["throw-away node"][0] == "pass"


def test_a_basic_edition_is_warned_that_its_calls_may_not_last(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    monkeypatch.setenv(CONNECTION, connection(emulator, edition="basic"))
    cli.main(["doctor", "--write"])
    assert "100 calls a day" in capsys.readouterr().err


FAILURES = [
    (LEGACY, "drafts", "CreateFile"),
    (LEGACY, "drafts", "UpdateFile"),
    (LEGACY, "throw-away node", "SubmitFile"),
    (LEGACY, "test", "RunSmokeTest"),
    (LEGACY, "call GetInstanceLog", "GetInstanceLog"),
    (LEGACY, "backfill", "RunCycleDagNodes"),
    (NEW, "drafts", "CreateNode"),
    (NEW, "throw-away node", "CreatePipelineRun"),
    (NEW, "test", "CreateWorkflowInstances"),
    (NEW, "call RerunTaskInstances", "RerunTaskInstances"),
]


@pytest.mark.parametrize(
    ("generation", "check", "operation"), FAILURES, ids=lambda value: getattr(value, "name", value)
)
def test_what_the_key_may_not_do_fails_by_its_name_and_the_node_goes(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, generation: Generation, check: str, operation: str
) -> None:
    # No more than a key of read rights would meet: looking and removing go on to work.
    with account(generation.name, monkeypatch, **always(operation, "Forbidden.Access", 403)) as emulator:
        found = doctor.findings("--write", "--yes")
        emulator.control.clear_behaviours()
        left = left_behind(emulator)
    assert (left, found["removal"][0]) == ({}, "pass")
    assert (found[check][0], "AliyunDataWorksFullAccess" in found[check][1]) == ("fail", True)
    assert doctor.code == 1


def test_a_backfill_that_the_edition_lacks_is_told_and_the_rest_is_looked_at(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with account("legacy", monkeypatch, **always("RunCycleDagNodes", "Forbidden.Access", 403)):
        found = doctor.findings("--write", "--yes")
    assert "Enterprise Edition" in found["backfill"][1]
    assert found["doubt backfill_dags"][0] == "unknown"
    assert found["doubt frozen_test"][0] == "pass"


def test_a_missing_service_role_is_told_by_its_name(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = {"id": 7, "identifier": "poor", "pai_authorised": False, "time_zone": noon()}
    with launch(seed={"workspaces": [poor]}) as emulator:
        monkeypatch.setenv(CONNECTION, emulator.connection("poor"))
        hurry(emulator, monkeypatch)
        verdict, said = doctor.findings("--write", "--yes")["service-linked role"]
    assert (verdict, "AliyunServiceRoleForDataworksEngine" in said) == ("fail", True)


@on_both
def test_what_cannot_be_removed_is_named_with_its_place(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, generation: Generation
) -> None:
    operation = {"legacy": "DeleteFile", "new": "DeleteNode"}[generation.name]
    with account(generation.name, monkeypatch, **always(operation, "Forbidden.Access", 403)) as emulator:
        found = doctor.findings("--write", "--yes")
        emulator.control.clear_behaviours()
        names = [row["name"] for row in left_behind(emulator)["files"]]
    verdict, said = found["removal"]
    assert (verdict, doctor.code) == ("fail", 1)
    for word in (*names, generation.workspace, "Business Flow/pai_designer_doctor/Algorithm"):
        assert word in said


@pytest.mark.parametrize(("operation", "check"), [("ListExperiments", "PaiStudio"), ("ListPipelineRuns", "PAIFlow")])
def test_a_key_without_rights_in_pai_is_no_failure_and_is_told_what_to_give(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, operation: str, check: str
) -> None:
    with account("legacy", monkeypatch, **always(operation, "NoPermission", 403)):
        found = doctor.findings()
    verdict, said = found[check]
    assert (verdict, said.startswith("no: "), doctor.code) == ("unknown", True, 0)
    action = {"ListExperiments": "paidesigner:ListPipelineDrafts", "ListPipelineRuns": "paiflow:ListPipelineRuns"}
    assert action[operation] in said


def test_a_key_that_may_not_write_to_pai_leaves_its_questions_open(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [
        refused(name, "NoPermission", 403)
        for name in ("CreateExperiment", "CreatePipelineRun", "ListExperiments", "ListPipelineRuns")
    ]
    with account("legacy", monkeypatch, faults=faults):
        found = doctor.findings("--write", "--yes")
    asked_of_pai = [name for name in asked("legacy") if name.startswith("pai_")]
    assert {found[f"doubt {name}"][0] for name in asked_of_pai} == {"unknown"}
    assert "paiflow:CreatePipelineRun" in found["doubt pai_rerun"][1]
    assert doctor.code == 0


def test_a_workspace_that_pai_does_not_know_and_an_endpoint_that_is_away_are_no_failures(
    emulator: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with account("legacy", monkeypatch, **always("ListExperiments", "WorkspaceNotExists", 404)):
        found = doctor.findings()
    assert found["PaiStudio"][0] == "pass"
    assert (found["PAI workspace"][0], "enable PAI" in found["PAI workspace"][1]) == ("unknown", True)
    away: dict[str, Any] = {"paistudio_endpoint": "http://127.0.0.1:9", "paiflow_endpoint": "http://127.0.0.1:9"}
    monkeypatch.setenv(CONNECTION, connection(emulator, **away))
    found = doctor.findings()
    assert {found[check][0] for check in ("PaiStudio", "PAIFlow", "PAI workspace")} == {"unknown"}
    assert "paistudio_endpoint" in found["PaiStudio"][1]
    assert doctor.code == 0


@on_both
def test_the_node_is_gone_after_an_interruption_at_any_write(
    monkeypatch: pytest.MonkeyPatch, generation: Generation, capsys: pytest.CaptureFixture[str]
) -> None:
    """The hardest moment: the service has carried a call out, and nobody has read its reply."""
    write = Gateway.write
    countdown, interrupted = [0], []

    def interrupting(self: Gateway, operation: str, **parameters: Any) -> Mapping[str, Any]:
        reply = write(self, operation, **parameters)
        countdown[0] -= 1
        if countdown[0] == 0:
            interrupted.append(operation)
            os.kill(os.getpid(), signal.SIGINT)
        return reply

    monkeypatch.setattr(Gateway, "write", interrupting)
    with account(generation.name, monkeypatch) as emulator:
        for number in range(1, 100):
            countdown[0] = number
            code = cli.main(["doctor", "--write", "--yes", "--json"])
            found = {item["check"]: item for item in json.loads(capsys.readouterr().out)}
            assert left_behind(emulator) == {}, interrupted
            assert found["removal"]["verdict"] == "pass", found["removal"]
            if code == 0:  # it came to the removal, which lets nobody interrupt it
                break
            assert (code, "doubt pai_rerun" in found) == (130, True)
    assert {generation.start_test, generation.start_backfill} <= {*interrupted}
    assert "CreateExperiment" in interrupted


def test_the_node_is_gone_after_a_fault_of_the_doctor_itself(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Trial) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Trial, "_backfill", broken)
    with account("legacy", monkeypatch) as emulator:
        found = doctor.findings("--write", "--yes")
        assert left_behind(emulator) == {}
    assert (found["doctor"][0], found["removal"][0], doctor.code) == ("fail", "pass", 1)
    assert found["doubt smoke_cycles"][0] == "pass"
    assert found["doubt frozen_test"][0] == "unknown"


def test_impatience_does_not_keep_the_node_from_being_removed(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    delete = PaiDesignerHook.delete_node

    def impatient(self: PaiDesignerHook, *, name: str, folder: str) -> DeletedNode:
        os.kill(os.getpid(), signal.SIGINT)
        return delete(self, name=name, folder=folder)

    monkeypatch.setattr(PaiDesignerHook, "delete_node", impatient)
    with account("legacy", monkeypatch) as emulator:
        found = doctor.findings("--write", "--yes")
        assert left_behind(emulator) == {}
    assert (found["removal"][0], doctor.code) == ("pass", 0)


@on_both
def test_nothing_is_written_to_a_workspace_of_the_other_generation(
    emulator: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, generation: Generation
) -> None:
    other = NEW if generation is LEGACY else LEGACY
    fields: dict[str, Any] = {"data_studio": generation.name, "workspace": other.workspace}
    monkeypatch.setenv(CONNECTION, connection(emulator, **fields))
    with writes(emulator) as written:
        found = doctor.findings("--write", "--yes")
    assert (written, found["throw-away node"][1]) == ([], "not made: let DataStudio pass first")


def test_a_reply_that_was_lost_leaves_nothing(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [{"behaviour": "close", "operation": "CreateFile", "done": True}]
    with account("legacy", monkeypatch, faults=lost) as emulator:
        found = doctor.findings("--write", "--yes")
        assert left_behind(emulator) == {}
    assert found["removal"][0] == "pass"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_the_node_is_gone_after_a_signal(number: signal.Signals) -> None:
    with launch() as emulator:
        command = [str(Path(sys.executable).parent / "pai-designer"), "doctor", "--write", "--yes", "--json"]
        environment = {**os.environ, CONNECTION: emulator.connection()}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        give_up = time.monotonic() + 120
        while emulator.control.calls("RunSmokeTest") == 0 and time.monotonic() < give_up:
            time.sleep(0.2)
        looks = emulator.control.calls("ListInstances")
        while emulator.control.calls("ListInstances") == looks and time.monotonic() < give_up:
            time.sleep(0.2)
        process.send_signal(number)
        out, err = process.communicate(timeout=150)
        assert left_behind(emulator) == {}
    found = {item["check"]: item["verdict"] for item in json.loads(out)}
    assert (process.returncode, found["removal"], found["test"]) == (130, "pass", "pass"), err
    assert found["doubt frozen_test"] == "unknown"


def test_a_secret_in_what_the_service_says_is_not_shown(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    secret: Any = "this-is-a-secret-of-somebody"
    with launch(time_scale=20) as emulator:
        hurry(emulator, monkeypatch)
        monkeypatch.setenv(CONNECTION, connection(emulator, access_key_secret=secret))
        faults = [
            refused(name, "Wrong", 400, f"the key {secret}")
            for name in ("CreateFile", "CreateExperiment", "DeleteFile", "ListExperiments")
        ]
        emulator.control.seed({"faults": faults})
        found = doctor.findings("--write", "--yes")
    assert "the key ***" in json.dumps(found)
    assert secret not in json.dumps(found)


def test_every_check_of_writing_is_on_the_page(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for kind in ("legacy", "new"):
        with account(kind, monkeypatch):
            for check in doctor.findings("--write", "--yes"):
                assert f"`{check}`" in page or check.removeprefix("doubt ") in DOUBTS

"""What a user would lose: a first look at an account that names what is wrong, changes nothing and shows no key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from airflow_provider_pai_designer import cli
from airflow_provider_pai_designer.doctor.questions import READS, TREATMENTS
from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from tests.conftest import connection
from tests.generations import GENERATIONS, LEGACY, NEW, Generation, on_both, only_legacy
from tests.operators.support import writes
from tests.test_example_dags import node_of_the_examples

CONNECTION = "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT"
PAGE = Path(__file__).parent.parent.parent / "docs" / "doctor.md"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says to Airflow what process it is; that must not outlive the test."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")


pytestmark = pytest.mark.usefixtures("own")


class Doctor:
    """Calls the doctor, and keeps what it found."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.code = -1

    def findings(self, *options: str) -> dict[str, tuple[str, str]]:
        """By check: verdict and words."""
        self._capsys.readouterr()
        self.code = cli.main(["doctor", "--json", *options])
        return {item["check"]: (item["verdict"], item["said"]) for item in json.loads(self._capsys.readouterr().out)}

    def failed(self, *options: str) -> list[str]:
        """The checks that failed."""
        found = self.findings(*options)
        return [check for check, (verdict, _) in found.items() if verdict == "fail"]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    return Doctor(capsys)


@pytest.fixture
def quiet(emulator: Emulator) -> Iterator[Emulator]:
    """The emulator, without the faults of the test once it has ended."""
    yield emulator
    emulator.control.clear_behaviours()


def fault(operation: str, code: str, status: int = 400) -> dict[str, Any]:
    return {"faults": [{"behaviour": "http", "operation": operation, "status": status, "code": code}]}


@on_both
def test_a_good_account_passes_and_nothing_is_written(connected: Emulator, doctor: Doctor) -> None:
    with writes(connected) as written:
        assert doctor.failed() == []
    assert (written, doctor.code) == ([], 0)


@on_both
@pytest.mark.usefixtures("connected")
def test_the_table_has_a_line_for_every_check_and_a_sum(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    found = doctor.findings()
    assert cli.main(["doctor"]) == 0
    *lines, empty, total = capsys.readouterr().out.splitlines()
    assert [line[9:].startswith(check) for line, check in zip(lines, found, strict=True)] == [True] * len(found)
    assert (empty, total.split(", ")[1]) == ("", "0 fail")


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda generation: generation.name)
@pytest.mark.parametrize(
    ("check", "fields", "faults"),
    [
        ("connection", {"region": "cn-shangai"}, {}),
        ("connection", {"timezone": "Mars/Olympus"}, {}),
        ("connection", {"password": ""}, {}),
        ("endpoint", {"dataworks_endpoint": "http://127.0.0.1:9"}, {}),
        ("endpoint", {}, fault("*Project*", "InternalError", 500)),
        ("key", {"login": "LTAI-nobody-knows"}, {}),
        ("clock", {}, fault("*Project*", "InvalidTimeStamp.Expired")),
        ("permission", {}, fault("*Project*", "Forbidden.Access", 403)),
        ("quota", {}, fault("*Project*", "Throttling.Api.Risk", 429)),
        ("service", {}, fault("*Project*", "9990010001")),
        ("workspace", {"workspace": "elsewhere"}, {}),
        ("workspace", {"workspace": None}, {}),
    ],
)
def test_the_first_failure_is_named_and_ends_the_examination(
    quiet: Emulator,
    doctor: Doctor,
    generation: Generation,
    monkeypatch: pytest.MonkeyPatch,
    check: str,
    fields: dict[str, Any],
    faults: dict[str, Any],
) -> None:
    monkeypatch.setenv(CONNECTION, connection(quiet, generation=generation, **fields))
    quiet.control.seed(faults)
    found = doctor.findings()
    assert [name for name, (verdict, _) in found.items() if verdict == "fail"] == [check]
    assert list(found)[-1] == check
    assert doctor.code == 1


@pytest.mark.parametrize(
    ("generation", "check", "operation"),
    [
        (LEGACY, "node type", "ListFileType"),
        (LEGACY, "resource groups", "ListResourceGroups"),
        (LEGACY, "read ListDeployments", "ListDeployments"),
        (LEGACY, "read ListNodes", "ListNodes"),
        (LEGACY, "read ListInstances", "ListInstances"),
        (LEGACY, "DataStudio", "ListFiles"),
        (NEW, "PAI tasks", "GetProject"),
        (NEW, "resource groups", "ListResourceGroups"),
        (NEW, "DataStudio", "ListNodes"),
        (NEW, "read ListPipelineRuns", "ListPipelineRuns"),
        (NEW, "read ListTasks", "ListTasks"),
        (NEW, "read ListWorkflowInstances", "ListWorkflowInstances"),
        (NEW, "read ListTaskInstances", "ListTaskInstances"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_read_that_is_not_allowed_fails_with_what_to_do_and_the_rest_is_looked_at(
    quiet: Emulator, connected: Emulator, doctor: Doctor, check: str, operation: str
) -> None:
    quiet.control.seed(fault(operation, "Forbidden.Access", 403))
    found = doctor.findings()
    verdict, said = found[check]
    assert (verdict, "AliyunDataWorksFullAccess" in said) == ("fail", True)
    assert list(found)[-1] == "other doubts"
    assert doctor.code == 1


@pytest.mark.parametrize(
    "fields",
    [{"data_studio": "legacy", "workspace": NEW.workspace}, {"data_studio": "new", "workspace": LEGACY.workspace}],
)
def test_the_other_generation_is_recognised(
    emulator: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    monkeypatch.setenv(CONNECTION, connection(emulator, **fields))
    verdict, said = doctor.findings()["DataStudio"]
    assert verdict == "fail"
    assert "Set data_studio of the connection to legacy or new" in said


@pytest.mark.parametrize("generation", GENERATIONS, ids=lambda generation: generation.name)
def test_what_a_workspace_lacks_is_named(
    doctor: Doctor, generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor = {"id": 7, "identifier": "poor", "data_studio": generation.name, "pai_authorised": False}
    with launch(seed={"workspaces": [poor], "resource_groups": []}) as emulator:
        monkeypatch.setenv(CONNECTION, emulator.connection())
        failed = doctor.failed()
    assert failed == (["resource groups"] if generation is LEGACY else ["PAI tasks", "resource groups"])


def test_a_workspace_without_the_node_type_is_told(
    connected: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The emulator always offers it.
    monkeypatch.setattr(
        "airflow_provider_pai_designer.cloud.dataworks.DataWorks.list_file_types", lambda *_: {10: "ODPS SQL"}
    )
    assert doctor.failed() == ["node type"]


READINGS = [
    *((LEGACY, name) for name in ("business_errors", "node_id_envs", "list_order", "new_wrong_generation")),
    *((NEW, name) for name in ("new_task_id_envs", "list_order")),
    *((generation, "pai_id_in_log") for generation in GENERATIONS),
]
OF_PAI = [(LEGACY, "pai_name_filter"), (LEGACY, "pai_job_variables"), (NEW, "pai_name_filter")]


@pytest.mark.parametrize(
    ("generation", "doubt", "reading"),
    [(generation, name, reading) for generation, name in READINGS for reading in DOUBTS[name].readings],
    ids=lambda value: getattr(value, "name", value),
)
def test_each_reading_that_reads_can_tell_is_recognised(
    doctor: Doctor, generation: Generation, monkeypatch: pytest.MonkeyPatch, doubt: str, reading: str
) -> None:
    with launch(seed={"doubts": {doubt: reading}}, time_scale=1000) as emulator:
        monkeypatch.setenv(CONNECTION, emulator.connection(generation.workspace))
        hook = PaiDesignerHook()
        node = hook.ensure_node(node_of_the_examples("doubted"), environment="PROD")
        now = datetime.fromtimestamp(emulator.control.clock.read().now / 1000, hook.timezone)
        yesterday = (datetime.now(hook.timezone) - timedelta(days=1)).date()
        assert yesterday <= now.date()
        for number in range(12):
            hook.test_node(node.node_id, business_date=yesterday, name=f"run {number}", environment="PROD")
        verdict, said = doctor.findings()[f"doubt {doubt}"]
    assert (verdict, said.partition(" ")[0]) == ("pass", reading)


@pytest.mark.parametrize(
    ("generation", "doubt", "reading"),
    [(generation, name, reading) for generation, name in OF_PAI for reading in DOUBTS[name].readings],
    ids=lambda value: getattr(value, "name", value),
)
def test_each_reading_that_the_pipelines_of_pai_tell_is_recognised(
    doctor: Doctor, generation: Generation, monkeypatch: pytest.MonkeyPatch, doubt: str, reading: str
) -> None:
    with launch(seed={"doubts": {doubt: reading}}) as emulator:
        monkeypatch.setenv(CONNECTION, emulator.connection(generation.workspace))
        verdict, said = doctor.findings()[f"doubt {doubt}"]
    assert (verdict, said.partition(" ")[0]) == ("pass", reading)


def test_every_doubt_that_reads_can_tell_is_told() -> None:
    by_reads = {name for name, treatment in TREATMENTS.items() if treatment.answered == READS}
    assert {name for _, name in READINGS + OF_PAI} == by_reads


@only_legacy
@pytest.mark.usefixtures("connected")
def test_a_doubt_that_an_empty_workspace_cannot_answer_stays_open(doctor: Doctor) -> None:
    with launch() as emulator, pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONNECTION, emulator.connection())
        found = doctor.findings()
    assert {found[f"doubt {name}"][0] for name in ("node_id_envs", "list_order")} == {"unknown"}


def test_a_secret_in_the_wrong_field_is_not_shown(
    emulator: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret: Any = "this-is-a-secret-of-somebody"
    monkeypatch.setenv(CONNECTION, connection(emulator, password=secret, region=secret))
    assert secret not in json.dumps(doctor.findings())


@pytest.mark.usefixtures("airflow_database")
def test_a_connection_that_was_made_in_airflows_pages_is_found(emulator: Emulator) -> None:
    inherited = {name: value for name, value in os.environ.items() if name != "_AIRFLOW_PROCESS_CONTEXT"}
    # In its tests Airflow makes another one in each process.
    environment = {**inherited, "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode()}
    scripts = Path(sys.executable).parent
    add = [str(scripts / "airflow"), "connections", "add", "made_in_the_pages", "--conn-json", connection(emulator)]
    subprocess.run(add, check=True, capture_output=True, env=environment, timeout=200)
    ask = [str(scripts / "pai-designer"), "doctor", "--json", "--connection", "made_in_the_pages"]
    ended = subprocess.run(ask, check=False, capture_output=True, text=True, env=environment, timeout=200)
    assert (ended.returncode, json.loads(ended.stdout)[0]["verdict"]) == (0, "pass"), ended.stdout


def test_every_check_is_on_the_page(emulator: Emulator, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for generation in GENERATIONS:
        monkeypatch.setenv(CONNECTION, connection(emulator, generation=generation))
        for check in doctor.findings():
            assert f"`{check}`" in page

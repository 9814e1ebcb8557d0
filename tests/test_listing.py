"""What a user would lose: the names and ids that a DAG can be written with."""

from __future__ import annotations

import json

import pytest

from airflow_provider_pai_designer import cli
from airflow_provider_pai_designer.emulator.launch import Emulator
from tests.conftest import connection
from tests.generations import NEW


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says to Airflow what process it is; that must not outlive the test."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")


def test_the_pipelines_of_a_workspace_are_listed(connected: Emulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["pipelines"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "name", "modified", "description"]
    (churn,) = [row for row in rows if row.startswith("draft-demo-churn ")]
    assert churn.split(maxsplit=3)[1::2] == ["churn", "Two SQL steps"]
    assert cli.main(["pipelines", "--json", "--workspace", str(NEW.workspace_id)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert "draft-demo-studio-churn" in [item["id"] for item in listed]
    assert {item["workspace_id"] for item in listed} == {str(NEW.workspace_id)}


def test_preset_and_custom_templates_are_listed_together_with_their_types(
    connected: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["templates", "--json"]) == 0
    listed = {item["id"]: item["kind"] for item in json.loads(capsys.readouterr().out)}
    assert listed["template-demo-binary"] != listed["template-demo-binary-custom"] != ""
    assert cli.main(["templates"]) == 0
    assert "template-demo-daily" in capsys.readouterr().out


def test_what_cannot_be_listed_is_said_beside_the_list_and_shows_no_secret(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT", connection(emulator, password="not-the-secret", workspace="demo_project")
    )
    assert cli.main(["pipelines"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "Password field" in output.err
    assert "not-the-secret" not in output.err

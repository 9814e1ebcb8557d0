"""What a user would lose: an emulator that can be trusted with state, that starts and ends, and that is not open."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator import seed
from airflow_provider_pai_designer.emulator.control_client import Control, ControlError
from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.launch import LaunchError, launch
from tests.emulator.support import STANDARD, DataWorks, send, signed_headers


def test_a_crash_loses_nothing(tmp_path: Path) -> None:
    """A run in flight goes on, the clock does not jump, and the address stays."""
    with launch(data=tmp_path) as emulator:
        dataworks = DataWorks(emulator=emulator)
        emulator.control.clock.freeze()
        run = dataworks.start_test(dataworks.create_node())
        dataworks.advance(2)
        before, url, pid = dataworks.instance(run), emulator.url, emulator.pid
        clock = emulator.control.clock.read()
        emulator.kill()
        emulator.restart()
        assert emulator.pid != pid
        assert emulator.url == url
        assert emulator.control.clock.read() == clock
        assert dataworks.instance(run) == before
        assert before["Status"] == "RUNNING"
        dataworks.advance(10)
        assert dataworks.instance(run)["Status"] == "SUCCESS"


def test_the_state_of_another_version_is_left_alone(tmp_path: Path) -> None:
    """Who upgrades gets an emulator that starts, and keeps what the older one knew."""
    older = tmp_path / "emulator.sqlite"
    with contextlib.closing(sqlite3.connect(older)) as connection:
        connection.execute("CREATE TABLE runs (id INTEGER PRIMARY KEY)")
    before = older.read_bytes()
    with launch(data=tmp_path) as emulator:
        DataWorks(emulator=emulator).create_file()
        emulator.restart()
        assert len(emulator.control.rows("files")) == 1
    assert older.read_bytes() == before
    said = (tmp_path / "emulator.log").read_text(encoding="utf-8").splitlines()
    assert len(said) == 1
    assert "emulator.sqlite" in said[0]


def test_a_nonce_is_remembered_through_a_restart(tmp_path: Path) -> None:
    with launch(data=tmp_path) as emulator:
        headers = signed_headers(emulator.url, body=b"ProjectId=100001")
        assert send(emulator.url, headers=headers, body=b"ProjectId=100001")[0] == 200
        emulator.restart()
        status, reply = send(emulator.url, headers=headers, body=b"ProjectId=100001")
        assert (status, reply["Code"]) == (400, "SignatureNonceUsed")


def test_the_process_is_gone_afterwards() -> None:
    with launch() as emulator:
        pid = emulator.pid
        assert emulator.control.healthy()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_time_can_be_scaled(tmp_path: Path) -> None:
    with launch(data=tmp_path, time_scale=500) as emulator:
        assert emulator.control.clock.read().scale == 500
        emulator.control.clock.freeze()
        first = emulator.control.clock.read()
        assert emulator.control.clock.read() == first
        assert emulator.control.clock.advance(60).now == first.now + 60_000
        assert emulator.control.clock.resume().frozen is False
        assert emulator.control.clock.set_scale(2).scale == 2


def test_a_seed_replaces_what_it_names_and_leaves_the_rest() -> None:
    document = {
        "workspaces": [{"id": 7, "identifier": "mine", "mode": "basic"}],
        "access_keys": [{"id": "LTAI-mine", "secret": "s"}],
        "timing": {"step_seconds": 0.1},
        "doubts": {"frozen_test": "run"},
    }
    with launch(seed=document) as emulator:
        state = emulator.control.state()
        assert (emulator.access_key_id, emulator.access_key_secret) == ("LTAI-mine", "s")
        assert [row["identifier"] for row in state["workspaces"]] == ["mine"]
        assert len(state["resource_groups"]) == len(seed.starting_document()["resource_groups"])
        assert (state["timing"]["step_seconds"], state["timing"]["submit_seconds"]) == (0.1, 1.0)
        assert state["doubts"]["frozen_test"] == "run"
        assert set(state["doubts"]) == set(DOUBTS)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"workspace": []}, "no member 'workspace'"),
        ({"steps": [{"behaviour": "explode"}]}, "slow"),
        ({"steps": [{"step": "x"}]}, "behaviour"),
        ({"doubts": {"gravity": "off"}}, "no doubt 'gravity'"),
        ({"doubts": {"frozen_test": "maybe"}}, "fail, run"),
        ({"timing": {"steps": 1}}, "step_seconds"),
        ({"workspaces": [{"id": 1, "identifier": "a", "time_zone": "Mars/Base"}]}, "Mars"),
    ],
)
def test_a_seed_with_a_mistake_says_which(document: Mapping[str, Any], message: str) -> None:
    with pytest.raises(seed.SeedError, match=message):
        seed.parse(document)


def test_a_launch_that_fails_says_why() -> None:
    with pytest.raises(LaunchError, match="no member 'typo'"), launch(seed={"typo": 1}):
        pass


def test_the_start_line_is_json_and_names_address_and_token(tmp_path: Path) -> None:
    """Who starts it by hand needs no more than this line; and a state that nobody asked to keep is removed."""
    command = [sys.executable, "-m", "airflow_provider_pai_designer.emulator"]
    environment = {name: value for name, value in os.environ.items() if name != "PAI_DESIGNER_EMULATOR_TOKEN"}
    environment["TMPDIR"] = str(tmp_path)
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        try:
            start = json.loads(process.stdout.readline())
            assert start["url"].startswith("http://127.0.0.1:")
            assert len(start["token"]) >= 24
            assert list(tmp_path.iterdir())
        finally:
            process.terminate()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "emulator.local:80", "0.0.0.0"])
def test_other_hosts_are_refused(dataworks: DataWorks, host: str) -> None:
    """A page in a browser can make its own name point to 127.0.0.1, but not send another Host."""
    for path in ("/", "/_emulator/health"):
        status, reply = send(dataworks.emulator.url + path, headers={"Host": host})
        assert (status, reply) == (400, {"text": "Invalid host header"})


def test_localhost_is_accepted(dataworks: DataWorks) -> None:
    url = dataworks.emulator.url
    host = "localhost:" + url.rpartition(":")[2]
    body = b"ProjectId=100001"
    status, _ = send(url, headers=signed_headers(url, body=body, host=host), body=body)
    assert status == 200


@pytest.mark.parametrize("path", ["state", "tables", "clock", "counters", "state/access_keys"])
def test_the_control_side_needs_its_token(dataworks: DataWorks, path: str) -> None:
    """It tells secrets and changes everything."""
    for token in ("", "wrong", "wröng"):
        control = Control(url=dataworks.emulator.url, token=token.encode().decode("latin-1"))
        with pytest.raises(ControlError, match="X-Emulator-Token"):
            control.request("GET", f"/{path}")
        assert control.healthy()


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:3000", "http://127.0.0.1", "https://{own}", "{own}", "null"]
)
@pytest.mark.parametrize("path", ["/_emulator/clock", "/_emulator/seed"])
def test_a_foreign_page_changes_nothing(dataworks: DataWorks, path: str, origin: str) -> None:
    """Though it got hold of the token: a browser says itself which page asks."""
    control = dataworks.emulator.control
    before = control.clock.read()
    headers = {
        "X-Emulator-Token": control.token,
        "Content-Type": "text/plain",
        "Origin": origin.format(own=control.url.removeprefix("http://")),
    }
    status, reply = send(control.url + path, headers=headers, body=b'{"advance": 3600}')
    assert status == 403
    assert f"only pages of {control.url} have" in reply["error"]
    assert control.clock.read() == before


def test_a_page_of_its_own_may_ask(dataworks: DataWorks) -> None:
    control = dataworks.emulator.control
    headers = {"X-Emulator-Token": control.token, "Origin": control.url}
    assert send(f"{control.url}/_emulator/clock", headers=headers, body=b"{}")[0] == 200


def test_the_control_side_explains_mistakes(dataworks: DataWorks) -> None:
    control = dataworks.emulator.control
    for method, path, body, message in (
        ("GET", "/nothing", None, "GET /state"),
        ("GET", "/state/nothing", None, "Known"),
        ("POST", "/clock", {"speed": 2}, "scale"),
        ("POST", "/clock", {"advance": -1}, "go back"),
        ("POST", "/clock", {"scale": 0}, "positive"),
        ("POST", "/seed", {"typo": 1}, "no member"),
        ("POST", "/seed", [], "object"),
    ):
        with pytest.raises(ControlError, match=message):
            control.request(method, path, body)  # type: ignore[arg-type]


def test_calls_are_counted_by_operation_key_and_outcome(dataworks: DataWorks) -> None:
    """What polling costs is what the service bills."""
    control = dataworks.emulator.control
    control.reset_counters()
    dataworks.call("GetProject", project_id=STANDARD)
    dataworks.call("GetProject", project_id=STANDARD)
    dataworks.reply("GetFile", project_id=STANDARD, file_id=1)
    counted = {(count.operation, count.access_key_id, count.outcome) for count in control.counters()}
    assert counted == {
        ("GetProject", "LTAI-emulator-demo", "ok"),
        ("GetFile", "LTAI-emulator-demo", "Undocumented.FileNotExists"),
    }
    assert (control.calls("GetProject"), control.calls()) == (2, 3)


def test_state_shows_every_kind_of_object(dataworks: DataWorks) -> None:
    dataworks.tested()
    state = dataworks.emulator.control.state()
    for kind in ("workspaces", "files", "file_versions", "nodes", "deployments", "runs", "instances", "partitions"):
        assert state[kind]
    assert dataworks.emulator.control.rows("instances") == state["instances"]


def test_every_doubt_says_where_it_comes_from_and_what_would_end_it() -> None:
    for doubt in DOUBTS.values():
        assert len(doubt.readings) == 2
        assert doubt.question.endswith("?")
        assert doubt.check.endswith(".")
        assert doubt.source.startswith("https://")

"""What a user would lose: a Test button that says which field to mend, and shows no key to whoever presses it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pai_designer.cloud.limiter import CALLS_PER_SECOND
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import ConfigurationError
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.provider_info import get_provider_info
from tests.conftest import connection
from tests.generations import GENERATIONS, LEGACY, NEW, Generation
from tests.operators.support import Task
from tests.operators.test_node_operator import operator

CONNECTION = "AIRFLOW_CONN_PAI_DESIGNER_DEFAULT"
STRANGER = {"id": "LTAI-of-a-stranger", "secret": "secret-of-a-stranger", "workspaces": []}


@pytest.fixture(params=GENERATIONS, ids=lambda generation: generation.name)
def generation(request: pytest.FixtureRequest) -> Generation:
    """Both generations are tested alike."""
    chosen: Generation = request.param
    return chosen


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def press_test(monkeypatch: pytest.MonkeyPatch, text: str) -> tuple[bool, str]:
    """Press the Test button of a connection."""
    monkeypatch.setenv(CONNECTION, text)
    return PaiDesignerHook().test_connection()


def test_a_good_connection_says_what_it_reaches_after_two_reads(
    emulator: Emulator, generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.control.reset_counters()
    works, said = press_test(monkeypatch, connection(emulator, generation=generation))
    assert works
    assert said.startswith(
        f"The key works in cn-shanghai: workspace '{generation.workspace}' ({generation.workspace_id}, standard mode), "
    )
    assert emulator.control.calls() == 2


def test_a_workspace_in_basic_mode_is_told_with_what_it_asks_of_operators(
    emulator: Emulator, generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = connection(emulator, generation=generation, workspace=generation.basic_workspace)
    assert 'basic mode: write environment="PROD"' in press_test(monkeypatch, text)[1]


def test_each_fault_has_a_sentence_of_its_own_that_names_the_cure(
    emulator: Emulator, generation: Generation, monkeypatch: pytest.MonkeyPatch, nobody: str
) -> None:
    emulator.control.seed({"access_keys": [STRANGER]})
    stranger = {"login": STRANGER["id"], "password": STRANGER["secret"]}
    faults: dict[str, dict[str, Any]] = {
        "Check the AccessKey id in the Login field": {"login": "LTAI-nobody-knows"},
        "Check the AccessKey secret in the Password field": {"password": "not-the-secret-of-this-key"},
        "sees no workspace at all in eu-central-1: set Region": {**stranger, "region": "eu-central-1"},
        "DataWorks has no region 'cn-shangai'": {"region": "cn-shangai"},
        "sees no workspace 'elsewhere' there; it sees demo_project, demo_mc_project": {"workspace": "elsewhere"},
        "sees no workspace '999' there; it sees demo_project": {"workspace": "999"},
        "could not be reached": {"dataworks_endpoint": nobody},
    }
    for cure, fields in faults.items():
        works, said = press_test(monkeypatch, connection(emulator, generation=generation, **fields))
        assert not works
        assert [sentence for sentence in faults if sentence in said] == [cure], said


@pytest.mark.parametrize(
    "fields",
    [{"data_studio": "legacy", "workspace": NEW.workspace}, {"data_studio": "new", "workspace": LEGACY.workspace}],
)
def test_the_other_generation_of_datastudio_is_told(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    works, said = press_test(monkeypatch, connection(emulator, **fields))
    assert not works
    assert f"sees the workspace '{fields['workspace']}' in cn-shanghai, but not its nodes." in said
    assert "Set data_studio of the connection to legacy or new" in said


def test_a_connection_of_many_workspaces_is_good_without_one(
    emulator: Emulator, generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    works, said = press_test(monkeypatch, connection(emulator, generation=generation, workspace=None))
    assert works
    assert "sees demo_project, demo_mc_project" in said
    assert "give workspace= to every operator" in said


def test_no_answer_is_waited_for_twice(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    emulator.control.seed({"faults": [{"behaviour": "http", "operation": "GetProject", "status": 503, "times": 1}]})
    emulator.control.reset_counters()
    works, _ = press_test(monkeypatch, connection(emulator))
    assert (works, emulator.control.calls()) == (False, 1)


@pytest.mark.parametrize("field", ["region", "network", "data_studio", "edition", "timezone"])
@pytest.mark.parametrize("secret", ["password", "sts_token"])
def test_a_secret_that_was_put_into_another_field_is_not_shown(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch, field: str, secret: str
) -> None:
    value: Any = "this-is-a-secret-of-somebody"
    works, said = press_test(monkeypatch, connection(emulator, **{secret: value, field: value}))
    assert not works
    assert value not in said


@pytest.mark.parametrize("extra", ['["a list"]', '"text"'])
def test_an_extra_of_another_shape_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch, extra: str) -> None:
    text = json.dumps({"conn_type": "pai_designer", "login": "a", "password": "b", "extra": extra})
    assert press_test(monkeypatch, text)[0] is False


def test_an_existing_alibaba_cloud_connection_works_with_workspace_and_region_of_the_operator(
    emulator: Emulator, generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = {"access_key_id": emulator.access_key_id, "access_key_secret": emulator.access_key_secret, "auth_type": "AK"}
    # What the Alibaba provider does not know: where the emulator is, and its generation.
    ours = {"dataworks_endpoint": emulator.url, "data_studio": generation.name}
    monkeypatch.setenv(
        "AIRFLOW_CONN_ALIBABACLOUD_DEFAULT", json.dumps({"conn_type": "alibaba_cloud", "extra": {**pair, **ours}})
    )
    where = {"pai_designer_conn_id": "alibabacloud_default", "workspace": generation.workspace}
    result = Task().run(operator(**where, region="cn-shanghai", deferrable=True))
    assert result["outcome"] == "success"
    with pytest.raises(ConfigurationError, match="No region: .* or give region="):
        Task().run(operator(**where))


def test_half_a_pair_is_not_filled_up_with_the_other_half_of_another(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = connection(emulator, password="", access_key_id="other", access_key_secret="secret-of-the-other")
    works, said = press_test(monkeypatch, text)
    assert not works
    assert "no complete AccessKey pair" in said


def test_the_edition_says_how_many_calls_a_second_the_account_has(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = {}
    info: dict[str, Any] = get_provider_info()
    (kind,) = info["connection-types"]
    schema = kind["conn-fields"]["edition"]["schema"]
    for edition in schema["enum"]:
        text = connection(emulator, edition=edition, dataworks_endpoint=None)
        monkeypatch.setenv(CONNECTION, text)
        allowed[edition] = PaiDesignerHook().dataworks.calls_per_second
    assert allowed == CALLS_PER_SECOND
    monkeypatch.setenv(CONNECTION, connection(emulator, dataworks_endpoint=None))
    assert PaiDesignerHook().dataworks.calls_per_second == allowed[schema["default"]]
    monkeypatch.setenv(CONNECTION, connection(emulator, dataworks_endpoint=None, calls_per_second="2", edition="basic"))
    assert PaiDesignerHook().dataworks.calls_per_second == 2


def test_a_basic_edition_is_told_what_the_test_took_of_its_calls(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    works, said = press_test(monkeypatch, connection(emulator, edition="basic"))
    assert works
    assert "100 calls a day, and this test took two" in said

"""What a user would lose: learning that a deployment polls too much for its edition before production does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_pai_designer.emulator import quota, seed
from airflow_provider_pai_designer.emulator.control_client import ControlError
from airflow_provider_pai_designer.emulator.errors import GatewayError
from airflow_provider_pai_designer.emulator.launch import launch
from airflow_provider_pai_designer.emulator.operations import Caller
from airflow_provider_pai_designer.emulator.world import World
from tests.emulator.support import STANDARD, DataWorks, RefusedError

DAY = 24 * 3600
CALLER = Caller(access_key_id="LTAI-emulator-demo", account="1000000000000001", workspaces=None)
STRANGER = Caller(access_key_id="LTAI-emulator-stranger", account="1000000000000002", workspaces=frozenset())


def document(edition: str, **members: object) -> dict[str, object]:
    return {"workspaces": [{"id": STANDARD, "identifier": "demo_project", "edition": edition}], **members}


def world_of(folder: Path, edition: str) -> World:
    parsed = seed.parse(seed.starting_document(document(edition, quota="enforced")))
    return World.open(folder / "emulator.sqlite", seed=parsed)


def let_in(world: World, operation: str, caller: Caller = CALLER) -> tuple[int, str]:
    """Call until a call is refused; return how many came through, and the status and code of the refusal."""
    for calls in range(1000):
        try:
            quota.use(world, caller, operation)
        except GatewayError as error:
            return calls, f"{error.status} {error.code}"
    return 1000, ""


@pytest.fixture
def basic() -> Iterator[DataWorks]:
    """The emulator of an account with the Basic edition, which enforces its quota."""
    with launch(seed=document("basic", quota="enforced")) as emulator:
        emulator.control.clock.freeze()
        yield DataWorks(emulator=emulator)


def refusals(dataworks: DataWorks, calls: int) -> list[str]:
    """Call so many times, and return the code of each call, empty for one that came through."""
    return [_code(dataworks) for _ in range(calls)]


def _code(dataworks: DataWorks) -> str:
    try:
        dataworks.reply("GetProject", project_id=STANDARD)
    except RefusedError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("edition", "operation", "most"),
    [
        ("basic", "GetInstance", 5),
        ("standard", "GetInstance", 5),
        ("professional", "RunSmokeTest", 5),
        ("enterprise", "ListInstances", 50),
        ("enterprise", "RunSmokeTest", 20),
        ("enterprise", "CheckFileDeployment", 50),
    ],
)
def test_an_edition_has_so_many_calls_a_second(tmp_path: Path, edition: str, operation: str, most: int) -> None:
    calls, code = let_in(world_of(tmp_path, edition), operation)
    assert code == "429 Throttling.User"
    # the burst may lie across the border of two seconds
    assert most <= calls <= 2 * most


def test_reads_and_writes_are_counted_apart_on_enterprise_only(tmp_path: Path) -> None:
    (tmp_path / "enterprise").mkdir()
    enterprise, standard = world_of(tmp_path / "enterprise", "enterprise"), world_of(tmp_path, "standard")
    assert let_in(enterprise, "RunSmokeTest")[0] >= 20
    assert let_in(enterprise, "GetInstance")[0] >= 50
    assert let_in(standard, "RunSmokeTest")[0] >= 5
    assert let_in(standard, "GetInstance")[0] <= 5


def test_all_keys_of_an_account_share_its_quota(tmp_path: Path) -> None:
    """A second key does not help; what another account does does not matter."""
    world = world_of(tmp_path, "enterprise")
    second_key = Caller(access_key_id="LTAI-second", account=CALLER.account, workspaces=None)
    assert let_in(world, "GetInstance")[0] >= 50
    assert let_in(world, "GetInstance", second_key)[0] <= 50
    assert let_in(world, "GetInstance", STRANGER)[0] >= 5


def test_a_day_of_the_basic_edition_has_100_calls_and_failed_ones_count(basic: DataWorks) -> None:
    """Whoever goes on calling after a refusal uses up the day by that alone."""
    codes = refusals(basic, 100)
    assert set(codes) == {"", "Throttling.User"}
    assert refusals(basic, 3) == ["Throttling.Api.Risk"] * 3
    basic.advance(DAY)
    assert "Throttling.Api.Risk" not in refusals(basic, 3)


def test_the_day_survives_a_restart(basic: DataWorks) -> None:
    refusals(basic, 100)
    basic.emulator.kill()
    basic.emulator.restart()
    assert _code(basic) == "Throttling.Api.Risk"


def test_a_request_that_nobody_signed_uses_up_nothing(basic: DataWorks) -> None:
    """Otherwise anybody could use up the day of others."""
    impostor = DataWorks(emulator=basic.emulator, access_key_secret="wrong")
    assert refusals(impostor, 101) == ["SignatureDoesNotMatch"] * 101
    assert _code(basic) == ""


def test_nothing_is_refused_unless_the_seed_says_so() -> None:
    """Tests and the demo call as fast as they can."""
    with launch(seed=document("basic")) as emulator:
        assert refusals(DataWorks(emulator=emulator), 101) == [""] * 101
        emulator.control.seed({"quota": "enforced"})
        assert "Throttling.User" in refusals(DataWorks(emulator=emulator), 30)
        emulator.control.seed({"quota": "off"})
        assert set(refusals(DataWorks(emulator=emulator), 30)) == {""}


def test_calls_are_counted_by_operation_key_and_outcome(basic: DataWorks) -> None:
    """What the provider costs can be read off, enforced or not."""
    refusals(basic, 30)
    counts = basic.emulator.control.counters()
    assert {(count.operation, count.access_key_id, count.outcome) for count in counts} == {
        ("GetProject", "LTAI-emulator-demo", "ok"),
        ("GetProject", "LTAI-emulator-demo", "Throttling.User"),
    }
    assert basic.emulator.control.calls("GetProject") == 30


def test_a_seed_cannot_name_what_does_not_exist(dataworks: DataWorks) -> None:
    with pytest.raises(ControlError, match=r"one of basic, standard, professional, enterprise, not 'free'"):
        dataworks.emulator.control.seed(document("free"))
    with pytest.raises(ControlError, match="'off' or 'enforced', not 'on'"):
        dataworks.emulator.control.seed({"quota": "on"})
    with pytest.raises(ControlError, match="acs:ram::<account>:role/<name>, not 'airflow'"):
        dataworks.emulator.control.seed({"roles": [{"arn": "airflow"}]})

"""What a user would lose: a run started twice because its reply was lost, or a task failed by one hiccup of a read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.cloud.dataworks import DataWorks
from airflow_provider_pai_designer.designer.node import Node
from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.emulator.seed import FAULTS
from airflow_provider_pai_designer.exceptions import (
    NotSentError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RejectedError,
    ServiceError,
    ThrottledError,
    UnclearError,
)
from tests.cloud.support import client_of
from tests.cloud.test_gateway import no_waiting
from tests.contents import read_content

__all__ = ["no_waiting"]

DEV = Environment.DEV
DAY = date(2026, 11, 22)

UNCLEAR: list[dict[str, Any]] = [
    {"behaviour": "close"},
    {"behaviour": "close", "done": True},
    {"behaviour": "later", "seconds": 30},
    {"behaviour": "reset"},
    {"behaviour": "reset", "done": True},
    {"behaviour": "hang"},
    {"behaviour": "hang", "done": True},
    {"behaviour": "delay", "seconds": 2},
    {"behaviour": "http"},
    {"behaviour": "http", "done": True},
    {"behaviour": "html"},
    {"behaviour": "html", "done": True},
    {"behaviour": "truncated"},
    {"behaviour": "garbage"},
    {"behaviour": "garbage", "done": True},
    {"behaviour": "contradict"},
]
"""After these nobody can know whether the call was carried out."""

REFUSALS: list[tuple[dict[str, Any], type[ServiceError]]] = [
    ({"behaviour": "refuse", "code": "1201111179"}, RejectedError),
    ({"behaviour": "http", "status": 403, "code": "Forbidden.Access"}, PermissionDeniedError),
    ({"behaviour": "http", "status": 429, "code": "Throttling.Api.Risk"}, QuotaExhaustedError),
    ({"behaviour": "http", "status": 429, "code": "Throttling.Resource"}, QuotaExhaustedError),
    ({"behaviour": "http", "status": 500, "code": "Forbidden.Not.Server"}, RejectedError),
]
"""These are an answer: no."""


@pytest.fixture(scope="module")
def frozen() -> Iterator[Emulator]:
    with launch() as emulator:
        emulator.control.clock.freeze()
        yield emulator


@pytest.fixture(scope="module")
def cloud(frozen: Emulator) -> DataWorks:
    """A client that waits half a second for a reply."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("airflow_provider_pai_designer.cloud.gateway.READ_TIMEOUT_MILLISECONDS", 500)
        return DataWorks(gateway=client_of(frozen), timezone=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(scope="module")
def node_id(frozen: Emulator, cloud: DataWorks) -> int:
    workspace = cloud.get_workspace("demo_project")
    node = Node(
        name="n",
        folder="Business Flow/demo/Algorithm",
        content=read_content("global_variable"),
        parents=(workspace.root_output,),
    )
    file_id = cloud.create_node(workspace, node, create_folder=False)
    cloud.submit(workspace, file_id)
    frozen.control.clock.advance(5)
    return cloud.read_node(workspace, file_id, folder="").node_id or 0


@pytest.fixture(autouse=True)
def no_faults(frozen: Emulator) -> Iterator[None]:
    """Every test begins and ends with a network that works."""
    frozen.control.reset_counters()
    yield
    frozen.control.clear_behaviours()


def meet(emulator: Emulator, operation: str, fault: dict[str, Any]) -> None:
    emulator.control.seed({"faults": [{"operation": operation, **fault}]})


def start(cloud: DataWorks, node_id: int, name: str = "r") -> Run:
    return cloud.start_test(node_id=node_id, environment=DEV, business_date=DAY, name=name)


def runs(emulator: Emulator) -> int:
    return len(emulator.control.rows("runs"))


def label(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for value in fault.values())


@pytest.mark.parametrize("fault", UNCLEAR, ids=label)
def test_a_write_of_unknown_fate_is_made_once(
    frozen: Emulator, cloud: DataWorks, node_id: int, fault: dict[str, Any]
) -> None:
    before = runs(frozen)
    meet(frozen, "RunSmokeTest", {**fault, "times": None})
    with pytest.raises(UnclearError):
        start(cloud, node_id)
    assert frozen.control.calls("RunSmokeTest") == 1
    frozen.control.clock.advance(60)
    carried_out = fault.get("done") or fault["behaviour"] in ("later", "delay", "truncated", "contradict")
    assert runs(frozen) - before == (1 if carried_out else 0)


@pytest.mark.parametrize(("fault", "error"), REFUSALS, ids=lambda value: label(value) if type(value) is dict else "")
def test_a_write_that_is_refused_is_made_once_and_says_so(
    frozen: Emulator, cloud: DataWorks, node_id: int, fault: dict[str, Any], error: type[ServiceError]
) -> None:
    before = runs(frozen)
    meet(frozen, "RunSmokeTest", {**fault, "times": None})
    with pytest.raises(error) as caught:
        start(cloud, node_id)
    assert not isinstance(caught.value, UnclearError)
    assert (frozen.control.calls("RunSmokeTest"), runs(frozen)) == (1, before)


@pytest.mark.parametrize("code", ["Throttling.Api", "Throttling.System", "Throttling.User"])
def test_a_throttled_write_was_not_carried_out_and_is_made_again(
    frozen: Emulator, cloud: DataWorks, node_id: int, code: str
) -> None:
    before = runs(frozen)
    meet(frozen, "RunSmokeTest", {"behaviour": "http", "status": 429, "code": code, "times": 2})
    start(cloud, node_id)
    assert (frozen.control.calls("RunSmokeTest"), runs(frozen)) == (3, before + 1)


@pytest.mark.parametrize("fault", UNCLEAR, ids=label)
def test_a_read_is_made_again(frozen: Emulator, cloud: DataWorks, node_id: int, fault: dict[str, Any]) -> None:
    run = start(cloud, node_id)
    meet(frozen, "GetDag", {**fault, "times": 2})
    assert cloud.get_remote_dag(run.remote_dag_ids[0], DEV).name == "r"
    assert frozen.control.calls("GetDag") == 3


def test_a_read_that_never_succeeds_ends(frozen: Emulator, cloud: DataWorks, node_id: int) -> None:
    run = start(cloud, node_id)
    meet(frozen, "GetDag", {"behaviour": "http", "status": 429, "code": "Throttling.User", "times": None})
    with pytest.raises(ThrottledError):
        cloud.get_remote_dag(run.remote_dag_ids[0], DEV)
    assert frozen.control.calls("GetDag") == 5


def test_only_the_chosen_call_fails(frozen: Emulator, cloud: DataWorks, node_id: int) -> None:
    meet(frozen, "RunSmokeTest", {"behaviour": "refuse", "after": 1})
    start(cloud, node_id)
    with pytest.raises(RejectedError):
        start(cloud, node_id)
    start(cloud, node_id)


def test_a_postponed_call_is_carried_out_in_its_own_time(frozen: Emulator, cloud: DataWorks, node_id: int) -> None:
    """A client that looks for its run at once and does not find it must not start another one."""
    meet(frozen, "RunSmokeTest", {"behaviour": "later", "seconds": 30})
    began = frozen.control.clock.read().now
    with pytest.raises(UnclearError):
        start(cloud, node_id, name="late")
    assert all(run["name"] != "late" for run in frozen.control.rows("runs"))
    frozen.control.clock.advance(100)
    (run,) = (run for run in frozen.control.rows("runs") if run["name"] == "late")
    assert run["created"] == began + 30_000


def test_an_emulator_that_is_gone_was_not_called() -> None:
    with launch() as emulator:
        cloud = DataWorks(gateway=client_of(emulator), timezone=ZoneInfo("Asia/Shanghai"))
        emulator.stop()
        with pytest.raises(NotSentError):
            start(cloud, 1)


def test_every_fault_is_tried() -> None:
    assert {fault["behaviour"] for fault in [*UNCLEAR, *(fault for fault, _ in REFUSALS)]} == set(FAULTS)

"""What a user would lose: a node made twice, or a task that fails, because a reply got lost or two tasks met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from itertools import count
from threading import Barrier, Event
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.cloud.dataworks import DataWorks
from airflow_provider_pai_designer.cloud.ensure import NodeEnsurer
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.removal import NodeRemover
from airflow_provider_pai_designer.designer.node import DeletedNode, EnsuredNode, Node
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import (
    DeploymentError,
    NodeDefinitionError,
    RejectedError,
    ServiceError,
    UnclearError,
)
from tests.cloud.support import client_of
from tests.cloud.test_gateway import no_waiting
from tests.contents import read_content

__all__ = ["no_waiting"]

DEV, PROD = Environment.DEV, Environment.PROD
FOLDER = "Business Flow/demo/Algorithm"
STANDARD, BASIC = "demo_project", "demo_mc_project"
SETTLE, LONG_AFTER = 30.0, 200.0
STAGES = {STANDARD: (1, 2), BASIC: (2,)}
"""Where deployments of a workspace lead, as the service numbers it: development, production."""
_NUMBERS = count(1)

Fault = Mapping[str, Any]
TROUBLES: dict[str, Fault] = {
    "reply lost": {"behaviour": "close", "done": True},
    "failed before": {"behaviour": "close"},
    "acted later": {"behaviour": "later", "seconds": SETTLE - 1},
    "reset": {"behaviour": "reset"},
    "reset after": {"behaviour": "reset", "done": True},
}


class Killed(BaseException):
    """The process of a task is gone."""


class Town:
    """An emulator, and tasks that ensure and remove nodes in it.

    :param pause: what a task does where it waits.
    """

    def __init__(self, emulator: Emulator, *, pause: Callable[[float], Any]) -> None:
        self.control = emulator.control
        self.control.seed({"timing": {"submit_seconds": 0.4, "deploy_seconds": 0.4}})
        self.pause = pause
        self._gateway = client_of(emulator)
        self.cloud = self.cloud_of(self._gateway)
        self.workspaces = {name: self.cloud.get_workspace(name) for name in STAGES}

    def cloud_of(self, gateway: Gateway) -> DataWorks:
        return DataWorks(gateway=gateway, timezone=ZoneInfo("Asia/Shanghai"))

    def gateway(self) -> Gateway:
        """A gateway to meddle with."""
        return copy(self._gateway)

    def node(self, **changes: Any) -> Node:
        values = {"name": f"node_{next(_NUMBERS)}x", "folder": FOLDER, "content": read_content("global_variable")}
        return Node(**{**values, **changes})

    def ensure(self, node: Node, *, workspace: str = STANDARD, gateway: Gateway | None = None) -> EnsuredNode:
        ensurer = NodeEnsurer(**self._tools(workspace, gateway))
        return ensurer.ensure(node, environment=PROD, create_folder=False)

    def remove(self, node: Node, *, gateway: Gateway | None = None) -> DeletedNode:
        return NodeRemover(**self._tools(STANDARD, gateway)).remove(node.name, node.folder)

    def _tools(self, workspace: str, gateway: Gateway | None) -> dict[str, Any]:
        return {
            "dataworks": self.cloud_of(gateway or self._gateway),
            "workspace": self.workspaces[workspace],
            "pause": self.pause,
            "settle": SETTLE,
        }

    def meet(self, operation: str, fault: Fault, *, times: int | None = 1) -> None:
        self.control.seed({"faults": [{**fault, "operation": operation, "times": times}]})

    def later(self) -> None:
        """Whatever the service still does on its own is done."""
        self.control.clock.advance(LONG_AFTER)

    def files(self, node: Node) -> list[dict[str, Any]]:
        rows = self.control.rows("files")
        return [row for row in rows if (row["name"], row["deleted_status"]) == (node.name, "NORMAL")]

    def nodes(self, node: Node) -> list[dict[str, Any]]:
        return [row for row in self.control.rows("nodes") if row["name"] == node.name]

    def deployments(self, node: Node) -> list[int]:
        """Return where each submit and deploy of a node has led, or was to lead."""
        files = {row["id"] for row in self.control.rows("files") if row["name"] == node.name}
        return sorted(row["to_environment"] for row in self.control.rows("deployments") if row["file_id"] in files)

    def check_is_as(self, node: Node, *, workspace: str = STANDARD, releases: int = 1) -> None:
        """One file, one deployment of each release to each stage, and the right node where they lead."""
        self.later()
        assert len(self.files(node)) == 1
        assert self.deployments(node) == sorted(STAGES[workspace] * releases)
        found = self.nodes(node)
        assert len(found) == len(STAGES[workspace])
        assert {(row["content"], row["description"]) for row in found} == {(node.content, node.description)}
        group = node.resource_group
        assert group is None or {row["settings"].get("ResourceGroupIdentifier") for row in found} == {group}
        assert self.ensure(node, workspace=workspace).actions == ()

    def check_is_gone(self, node: Node) -> None:
        self.later()
        assert (self.files(node), self.nodes(node)) == ([], [])
        assert self.remove(node).actions == ()


@pytest.fixture(scope="module")
def frozen() -> Iterator[Town]:
    with launch() as emulator:
        emulator.control.clock.freeze()
        yield Town(emulator, pause=emulator.control.clock.advance)


@pytest.fixture(scope="module")
def moving() -> Iterator[Town]:
    with launch(time_scale=2) as emulator:
        yield Town(emulator, pause=lambda seconds: Event().wait(seconds / 2))


@pytest.fixture
def town(frozen: Town) -> Iterator[Town]:
    """A town in which time passes only where a task waits."""
    yield frozen
    tidy(frozen)


@pytest.fixture
def crowd(moving: Town) -> Iterator[Town]:
    """A town in which time passes for all tasks alike."""
    yield moving
    tidy(moving)


def tidy(town: Town) -> None:
    town.control.clear_behaviours()
    town.control.seed({"doubts": {"duplicate_file": "refuse"}})


def mortal(gateway: Gateway, *, calls: int) -> Gateway:
    """Let a task die when the service has carried out its last call, and before it hears of that.

    :param calls: how many calls it makes before the last one.
    """
    made = count()

    def watched(call: Callable[..., Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
        def made_call(operation: str, **parameters: Any) -> Mapping[str, Any]:
            try:
                return call(operation, **parameters)
            finally:
                if next(made) == calls:
                    raise Killed

        return made_call

    gateway.read, gateway.write = watched(gateway.read), watched(gateway.write)  # type: ignore[method-assign]
    return gateway


def interrupted(gateway: Gateway, operation: str, interruption: Callable[[], object]) -> Gateway:
    """Let something happen just before the first call of a write."""
    write = gateway.write
    waiting = [interruption]

    def interrupted_write(name: str, **parameters: Any) -> Mapping[str, Any]:
        if name == operation and waiting:
            waiting.pop()()
        return write(name, **parameters)

    gateway.write = interrupted_write  # type: ignore[assignment, method-assign]
    return gateway


def gathered(gateway: Gateway, barrier: Barrier, *operations: str) -> Gateway:
    """Let tasks wait for each other before the first call of each of some writes."""
    for operation in operations:
        interrupted(gateway, operation, lambda: barrier.wait(20))
    return gateway


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do things at the same time, each in a thread of its own."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(60) for future in [pool.submit(work) for work in works]]


NEW = [
    (STANDARD, "CreateFile"),
    (STANDARD, "SubmitFile"),
    (STANDARD, "DeployFile"),
    (BASIC, "CreateFile"),
    (BASIC, "DeployFile"),
]
CHANGED = [(STANDARD, "UpdateFile"), (STANDARD, "SubmitFile"), (STANDARD, "DeployFile"), (BASIC, "UpdateFile")]
REMOVED = ["OfflineNode", "DeleteFile", "DeployFile"]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize(("workspace", "operation"), NEW)
def test_a_new_node_is_made_once_whatever_becomes_of_a_reply(
    town: Town, workspace: str, operation: str, trouble: str
) -> None:
    node = town.node()
    town.meet(operation, TROUBLES[trouble])
    town.ensure(node, workspace=workspace)
    town.check_is_as(node, workspace=workspace)


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize(("workspace", "operation"), CHANGED)
def test_a_change_is_made_once_whatever_becomes_of_a_reply(
    town: Town, workspace: str, operation: str, trouble: str
) -> None:
    node = town.node()
    town.ensure(node, workspace=workspace)
    changed = replace(node, description="new", content=read_content("three_steps"))
    town.meet(operation, TROUBLES[trouble])
    town.ensure(changed, workspace=workspace)
    town.check_is_as(changed, workspace=workspace, releases=2)


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("operation", REMOVED)
def test_a_node_is_removed_once_whatever_becomes_of_a_reply(town: Town, operation: str, trouble: str) -> None:
    node = town.node()
    town.ensure(node)
    town.meet(operation, TROUBLES[trouble])
    assert town.remove(node).actions == ("taken offline", "deleted", "deletion deployed")
    town.check_is_gone(node)
    assert town.deployments(node) == [1, 1, 2, 2]


@pytest.mark.parametrize("operation", ["CreateFile", "SubmitFile", "DeployFile", "UpdateFile"])
def test_bad_luck_names_the_node_and_what_to_do_and_the_next_try_goes_on(town: Town, operation: str) -> None:
    node = town.node()
    if operation == "UpdateFile":
        town.ensure(node)
        node = replace(node, description="new")
    town.meet(operation, TROUBLES["failed before"], times=2)
    with pytest.raises(UnclearError, match=f"{operation}.*{node.name}.*run the task again") as caught:
        town.ensure(node)
    assert caught.value.operation == operation
    town.ensure(node)
    town.check_is_as(node, releases=2 if operation == "UpdateFile" else 1)


@pytest.mark.parametrize("operation", REMOVED)
def test_bad_luck_of_a_removal_names_the_node_and_what_to_do(town: Town, operation: str) -> None:
    node = town.node()
    town.ensure(node)
    town.meet(operation, TROUBLES["failed before"], times=2)
    with pytest.raises(UnclearError, match=f"{operation}.*{node.name}.*run the task again"):
        town.remove(node)
    town.remove(node)
    town.check_is_gone(node)


@pytest.mark.usefixtures("no_waiting")
def test_looking_goes_on_while_nothing_can_be_seen(town: Town) -> None:
    node = town.node()
    town.meet("CreateFile", TROUBLES["reply lost"])
    town.control.seed({"faults": [{"behaviour": "close", "operation": "ListFiles", "after": 1, "times": 12}]})
    town.ensure(node)
    town.check_is_as(node)


@pytest.mark.usefixtures("no_waiting")
def test_nothing_is_written_again_by_who_sees_nothing(town: Town) -> None:
    """The first call may have been carried out; a second one would make a second node."""
    town.control.seed({"doubts": {"duplicate_file": "allow"}})
    node = town.node()
    town.meet("CreateFile", TROUBLES["acted later"])
    town.control.seed({"faults": [{"behaviour": "close", "operation": "ListFiles", "after": 1, "times": None}]})
    with pytest.raises(ServiceError):
        town.ensure(node)
    town.control.clear_behaviours()
    town.ensure(node)
    town.check_is_as(node)


def test_a_refusal_that_stays_is_raised_at_once(town: Town) -> None:
    node = town.node()
    before = town.control.clock.read().now
    town.meet("SubmitFile", {"behaviour": "refuse", "code": "1", "message": "the upstream node must not be empty"})
    with pytest.raises(RejectedError, match="upstream"):
        town.ensure(node)
    assert town.control.clock.read().now == before


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_submit_without_a_reply_is_waited_for_with_its_checks(town: Town, trouble: str) -> None:
    node = town.node()
    town.control.seed({"deployments": [{"behaviour": "check_passes", "seconds": 40, "file": node.name}]})
    town.meet("SubmitFile", TROUBLES[trouble])
    town.ensure(node)
    town.check_is_as(node)


@pytest.mark.parametrize("rule", [{"behaviour": "fail", "message": "no room"}, {"behaviour": "check_fails"}])
def test_a_submit_without_a_reply_that_fails_is_told(town: Town, rule: dict[str, Any]) -> None:
    node = town.node()
    town.control.seed({"deployments": [{**rule, "stage": "submit", "file": node.name}]})
    town.meet("SubmitFile", TROUBLES["reply lost"])
    with pytest.raises(DeploymentError, match="did not succeed"):
        town.ensure(node)


def test_whoever_comes_after_a_killed_task_finishes_its_node(town: Town) -> None:
    for calls in count():
        node = town.node(resource_group="group_demo_exclusive")
        try:
            town.ensure(node, gateway=mortal(town.gateway(), calls=calls))
        except Killed:
            town.ensure(node)
            town.check_is_as(node)
        else:
            break
    assert calls > 10


@pytest.mark.parametrize(
    ("field", "values"),
    [("description", ("old", "new")), ("resource_group", ("group_demo_default", "group_demo_exclusive"))],
)
def test_whoever_comes_after_a_killed_task_finishes_its_change(town: Town, field: str, values: tuple[str, str]) -> None:
    node = town.node(**{field: values[1]})
    town.ensure(node)
    for calls in count():
        changes: dict[str, Any] = {field: values[calls % 2]}
        node = replace(node, **changes)
        try:
            town.ensure(node, gateway=mortal(town.gateway(), calls=calls))
        except Killed:
            town.ensure(node)
            town.check_is_as(node, releases=calls + 2)
        else:
            break
    assert calls > 10


def test_whoever_comes_after_a_killed_task_finishes_its_removal(town: Town) -> None:
    for calls in count():
        node = town.node()
        town.ensure(node)
        try:
            town.remove(node, gateway=mortal(town.gateway(), calls=calls))
        except Killed:
            town.remove(node)
            town.check_is_gone(node)
        else:
            break
    assert calls > 10


@pytest.mark.parametrize(
    ("operation", "tasks", "reading"),
    [
        ("CreateFile", 2, "refuse"),
        ("CreateFile", 2, "allow"),
        ("CreateFile", 5, "refuse"),
        ("CreateFile", 5, "allow"),
        ("SubmitFile", 5, "refuse"),
        ("DeployFile", 5, "refuse"),
    ],
)
def test_tasks_that_make_one_node_at_once_make_one(crowd: Town, operation: str, tasks: int, reading: str) -> None:
    crowd.control.seed({"doubts": {"duplicate_file": reading}})
    node, barrier = crowd.node(), Barrier(tasks)
    made = at_once(*[lambda: crowd.ensure(node, gateway=gathered(crowd.gateway(), barrier, operation))] * tasks)
    assert len({(item.file_id, item.node_id) for item in made}) == 1
    crowd.check_is_as(node)


def test_tasks_that_change_one_node_at_once_change_it_once(crowd: Town) -> None:
    node, barrier = crowd.node(), Barrier(3)
    crowd.ensure(node)
    changed = replace(node, description="new")
    at_once(*[lambda: crowd.ensure(changed, gateway=gathered(crowd.gateway(), barrier, "UpdateFile"))] * 3)
    crowd.check_is_as(changed, releases=2)


@pytest.mark.parametrize("operation", REMOVED)
def test_tasks_that_remove_one_node_at_once_remove_it(crowd: Town, operation: str) -> None:
    node, barrier = crowd.node(), Barrier(2)
    crowd.ensure(node)
    together = {"OfflineNode", operation}
    at_once(*[lambda: crowd.remove(node, gateway=gathered(crowd.gateway(), barrier, *together))] * 2)
    crowd.check_is_gone(node)
    assert crowd.deployments(node) == [1, 1, 2, 2]


@pytest.mark.parametrize("reading", ["refuse", "allow"])
@pytest.mark.parametrize("operation", ["CreateFile", "DeployFile"])
def test_a_task_that_comes_too_late_goes_on_with_what_another_made(town: Town, operation: str, reading: str) -> None:
    town.control.seed({"doubts": {"duplicate_file": reading}})
    node = town.node()
    late = interrupted(town.gateway(), operation, lambda: town.ensure(node))
    town.ensure(node, gateway=late)
    town.check_is_as(node)


def test_a_change_that_another_task_was_faster_with_is_none(town: Town) -> None:
    node = town.node()
    town.ensure(node)
    changed = replace(node, description="new", resource_group="group_demo_exclusive")
    town.ensure(changed, gateway=interrupted(town.gateway(), "UpdateFile", lambda: town.ensure(changed)))
    town.later()
    assert len(town.files(node)) == 1
    assert town.ensure(changed).actions == ()


@pytest.mark.parametrize("operation", REMOVED)
def test_a_removal_that_another_task_was_faster_with_is_none(town: Town, operation: str) -> None:
    node = town.node()
    town.ensure(node)
    town.remove(node, gateway=interrupted(town.gateway(), operation, lambda: town.remove(node)))
    town.check_is_gone(node)


def test_what_a_killed_task_left_beside_another_file_is_tidied_up(town: Town) -> None:
    town.control.seed({"doubts": {"duplicate_file": "allow"}})
    node = town.node()
    second = mortal(town.gateway(), calls=2)

    def leave_a_twin() -> None:
        with pytest.raises(Killed):
            town.ensure(node, gateway=second)

    town.ensure(node, gateway=interrupted(town.gateway(), "CreateFile", leave_a_twin))
    town.check_is_as(node)


def test_a_second_node_that_somebody_made_is_left_alone(town: Town) -> None:
    town.control.seed({"doubts": {"duplicate_file": "allow"}})
    node = town.node()
    place = town.workspaces[STANDARD]
    for description in ("", "by hand"):
        by_hand = replace(node, description=description, parents=(place.root_output,))
        town.cloud.create_node(place, by_hand, create_folder=False)
    with pytest.raises(NodeDefinitionError, match="has 2 nodes with the name"):
        town.ensure(node)
    assert len(town.files(node)) == 2

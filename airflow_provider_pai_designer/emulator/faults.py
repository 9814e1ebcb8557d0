"""How the network and the service fail: the seeded faults of single calls, see :class:`~.seed.Fault`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from airflow_provider_pai_designer.emulator import services
from airflow_provider_pai_designer.emulator.errors import BusinessError, GatewayError
from airflow_provider_pai_designer.emulator.operations import Caller
from airflow_provider_pai_designer.emulator.reply import Ending, Reply
from airflow_provider_pai_designer.emulator.seed import Fault
from airflow_provider_pai_designer.emulator.world import World

_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_GARBAGE = "\x16\x03\x01 this is no JSON {]"


def take(world: World, operation: str) -> Fault | None:
    """Return the fault that a call meets, and count the call."""
    for row in world.store.rows("SELECT * FROM behaviours WHERE kind = 'fault' ORDER BY id DESC"):
        fault = Fault(**json.loads(row["rule"]))
        used_up = fault.times is not None and row["used"] >= fault.after + fault.times
        if used_up or not fault.matches(operation=operation):
            continue
        world.use_behaviour(row["id"])
        if row["used"] >= fault.after and fault.strikes(row["used"]):
            return fault
    return None


def refuse(fault: Fault) -> None:
    """Say no, where that is the fault.

    :raises GatewayError: with an HTTP error.
    :raises BusinessError: as the service does.
    """
    if fault.behaviour == "http":
        raise GatewayError(fault.status, fault.code, fault.message)
    if fault.behaviour == "refuse":
        raise BusinessError(fault.code, fault.message)


def spoil(fault: Fault, reply: Reply) -> Reply:
    """Return what becomes of a reply."""
    change = _CHANGES.get(fault.behaviour)
    return change(fault, reply) if change else reply


def postpone(world: World, fault: Fault, caller: Caller, operation: str, arguments: Mapping[str, Any]) -> None:
    """Keep a call that is to be carried out long after its caller has gone.

    :param operation: version and name, such as ``2020-05-18/SubmitFile``.
    """
    identity = world.store.next_id("late_call")
    workspaces = None if caller.workspaces is None else sorted(caller.workspaces)
    world.store.insert(
        "late_calls",
        id=identity,
        operation=operation,
        caller=json.dumps({**vars(caller), "workspaces": workspaces}),
        arguments=json.dumps(arguments),
    )
    world.store.schedule(world.clock.now() + int(fault.seconds * 1000), "late_call", identity)


def on_event(world: World, identity: int, at: int) -> None:
    """Carry out a call that was postponed; nobody is there any more to hear that it was refused."""
    row = world.store.row("SELECT * FROM late_calls WHERE id = ?", identity)
    assert row is not None
    stored = json.loads(row["caller"])
    workspaces = None if stored["workspaces"] is None else frozenset(stored["workspaces"])
    caller = Caller(**{**stored, "workspaces": workspaces})
    with world.clock.standing_at(at), suppress(BusinessError, GatewayError):
        services.find(*row["operation"].split("/")).function(world, caller, json.loads(row["arguments"]))


def _ask_to_wait(fault: Fault, reply: Reply) -> Reply:
    return reply if fault.retry_after is None else replace(reply, headers={"x-acs-retry-after": str(fault.retry_after)})


def _contradict(fault: Fault, reply: Reply) -> Reply:
    assert not isinstance(reply.body, str)
    return replace(reply, body={**reply.body, "Success": False, "ErrorCode": fault.code, "ErrorMessage": fault.message})


_CHANGES: Mapping[str, Callable[[Fault, Reply], Reply]] = {
    "close": lambda _, reply: replace(reply, ending=Ending.CLOSED),
    "later": lambda _, reply: replace(reply, ending=Ending.CLOSED),
    "reset": lambda _, reply: replace(reply, ending=Ending.RESET),
    "hang": lambda _, reply: replace(reply, ending=Ending.HANGING),
    "delay": lambda fault, reply: replace(reply, delay=fault.seconds),
    "http": _ask_to_wait,
    "html": lambda _, reply: replace(reply, status=502, body=_PAGE),
    "truncated": lambda _, reply: replace(reply, body=reply.text[: len(reply.text) // 2]),
    "garbage": lambda _, reply: replace(reply, body=_GARBAGE),
    "contradict": _contradict,
}

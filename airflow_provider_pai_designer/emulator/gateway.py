"""The wire of RPC services: who calls, what is called with what, and how it is answered.

Source: https://help.aliyun.com/en/sdk/product-overview/v3-request-structure-and-signature and the published request
and reply schemas of each operation.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from airflow_provider_pai_designer.emulator import dataworks_2020_05_18, engine, faults, signature
from airflow_provider_pai_designer.emulator.errors import BusinessError, GatewayError
from airflow_provider_pai_designer.emulator.operations import Caller, Operation
from airflow_provider_pai_designer.emulator.reply import Reply
from airflow_provider_pai_designer.emulator.seed import Fault
from airflow_provider_pai_designer.emulator.signature import SignedRequest
from airflow_provider_pai_designer.emulator.world import World

_SERVICES: Mapping[str, Mapping[str, Operation]] = {"2020-05-18": dataworks_2020_05_18.OPERATIONS}
_RECOMMEND = "https://api.aliyun.com/troubleshoot?q={code}&product=dataworks-public"
_LOG = logging.getLogger(__name__)
_JUNK = {"ErrorCode": "Invalid.Tenant.ConnectionNotExists", "ErrorMessage": "The connection does not exist."}


def answer(world: World, request: SignedRequest) -> Reply:
    """Answer one request of an RPC service."""
    request_id = str(uuid4()).upper()
    action = request.headers.get("x-acs-action", "")
    access_key_id = ""
    fault = faults.take(world, action)
    try:
        access_key_id = signature.claimed_key(request)
        caller = _authenticate(world, request, access_key_id)
        body = _perform(world, request, action, caller, request_id=request_id, fault=fault)
        reply = Reply(status=200, body=body)
        outcome = str(body.get("ErrorCode")) if body.get("Success") is False else "ok"
    except GatewayError as error:
        reply, outcome = _refusal(request, error, request_id), error.code
    except Exception:
        # a fault of the emulator: the client sees what it would see of a fault of the service
        _LOG.exception("%s failed", action)
        bug = GatewayError(500, "InternalError.System", "An internal system error occurred. Try again later.")
        reply, outcome = _refusal(request, bug, request_id), bug.code
    if fault:
        reply, outcome = faults.spoil(fault, reply), f"fault:{fault.behaviour}"
    _count(world, action, access_key_id, outcome)
    return reply


def _authenticate(world: World, request: SignedRequest, access_key_id: str) -> Caller:
    key = world.store.row("SELECT * FROM access_keys WHERE id = ?", access_key_id)
    if key is None:
        raise GatewayError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    signature.verify(request, secret=key["secret"])
    if key["security_token"] != request.headers.get("x-acs-security-token"):
        raise GatewayError(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
    _use_nonce(world, request.headers["x-acs-signature-nonce"])
    workspaces = None if key["workspaces"] is None else frozenset(json.loads(key["workspaces"]))
    return Caller(access_key_id=access_key_id, account=key["account"], workspaces=workspaces)


def _use_nonce(world: World, nonce: str) -> None:
    now = int(time.time())
    with world.store.transaction():
        # beyond the window on both sides of the present, the date alone refuses a replay
        world.store.execute("DELETE FROM nonces WHERE seen < ?", now - 2 * signature.VALID_SECONDS)
        if not world.store.execute("INSERT OR IGNORE INTO nonces VALUES (?, ?)", nonce, now):
            raise GatewayError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")


def _perform(
    world: World, request: SignedRequest, action: str, caller: Caller, *, request_id: str, fault: Fault | None
) -> dict[str, Any]:
    operation = _operation(request.headers.get("x-acs-version", ""), action)
    body = dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
    try:
        with world.store.transaction():
            engine.advance(world)
        data = _do(world, operation, caller, operation.read({**request.query, **body}), fault)
    except BusinessError as error:
        return _soft_refusal(world, operation, error, request_id)
    return _envelope(world, operation, data, request_id)


def _do(world: World, operation: Operation, caller: Caller, arguments: dict[str, Any], fault: Fault | None) -> Any:
    """Carry a call out, unless a fault is in the way."""
    data = None
    with world.store.transaction():
        if fault is None or fault.carried_out:
            data = operation.function(world, caller, arguments)
        elif fault.behaviour == "later":
            faults.postpone(world, fault, caller, operation.name, arguments)
    if fault:
        faults.refuse(fault)
    return data


def _operation(version: str, action: str) -> Operation:
    if version not in _SERVICES:
        raise GatewayError(400, "InvalidVersion", "Specified parameter Version is not valid.")
    if action not in _SERVICES[version]:
        raise GatewayError(
            404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
        )
    return _SERVICES[version][action]


def _envelope(world: World, operation: Operation, data: Any, request_id: str) -> dict[str, Any]:
    body = {"RequestId": request_id, **operation.envelope.wrap(data)}
    if operation.envelope.error_fields and world.junk_error_fields:
        body.update(_JUNK)
    return body


def _soft_refusal(world: World, operation: Operation, error: BusinessError, request_id: str) -> dict[str, Any]:
    if not operation.envelope.error_fields or world.reading("business_errors") == "http":
        raise GatewayError(400, error.code, error.message)
    return {
        "RequestId": request_id,
        "HttpStatusCode": 200,
        "Success": False,
        "ErrorCode": error.code,
        "ErrorMessage": error.message,
    }


def _refusal(request: SignedRequest, error: GatewayError, request_id: str) -> Reply:
    body = {
        "RequestId": request_id,
        "HostId": request.headers.get("host", ""),
        "Code": error.code,
        "Message": error.message,
        "Recommend": _RECOMMEND.format(code=error.code),
    }
    return Reply(status=error.status, body=body)


def _count(world: World, action: str, access_key_id: str, outcome: str) -> None:
    world.store.execute(
        "INSERT INTO counters VALUES (?, ?, ?, ?, 1) "
        "ON CONFLICT (minute, operation, access_key_id, outcome) DO UPDATE SET calls = calls + 1",
        int(time.time()) // 60,
        action,
        access_key_id,
        outcome,
    )

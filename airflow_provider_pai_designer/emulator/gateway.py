"""The wire: who calls, what is called with what, and how it is answered.

Operations of RPC services all have one address, those of ROA services (PAI) each its own, with a JSON body.

Source: https://help.aliyun.com/en/sdk/product-overview/v3-request-structure-and-signature and the published request
and reply schemas of each operation.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from airflow_provider_pai_designer.emulator import engine, faults, quota, services
from airflow_provider_pai_designer.emulator.authentication import NOBODY, authenticate
from airflow_provider_pai_designer.emulator.errors import BusinessError, GatewayError
from airflow_provider_pai_designer.emulator.operations import Caller, Operation
from airflow_provider_pai_designer.emulator.reply import Reply
from airflow_provider_pai_designer.emulator.seed import Fault
from airflow_provider_pai_designer.emulator.signature import ApiRequest, claimed_key, signature_of
from airflow_provider_pai_designer.emulator.world import World

_RECOMMEND = "https://api.aliyun.com/troubleshoot?q={code}&product={product}"
_LIMITED = "dataworks-public"
"""The product whose calls an edition limits."""
_LOG = logging.getLogger(__name__)
_JUNK = {"ErrorCode": "Invalid.Tenant.ConnectionNotExists", "ErrorMessage": "The connection does not exist."}


def answer(world: World, request: ApiRequest) -> Reply:
    """Answer one request."""
    request_id = str(uuid4()).upper()
    fault = faults.take(world, request.action)
    try:
        body = _perform(world, request, _caller(world, request), request_id=request_id, fault=fault)
        reply = Reply(status=200, body=body)
        outcome = str(body.get("ErrorCode")) if body.get("Success") is False else "ok"
    except GatewayError as error:
        reply, outcome = _refusal(request, error, request_id), error.code
    except Exception:
        # a fault of the emulator: the client sees what it would see of a fault of the service
        _LOG.exception("%s failed", request.action)
        bug = GatewayError(500, "InternalError.System", "An internal system error occurred. Try again later.")
        reply, outcome = _refusal(request, bug, request_id), bug.code
    if fault:
        reply, outcome = faults.spoil(fault, reply), f"fault:{fault.behaviour}"
    _count(world, request, outcome)
    return reply


def _caller(world: World, request: ApiRequest) -> Caller:
    if not services.must_be_signed(request.version, request.action):
        return NOBODY
    caller = authenticate(world, signature_of(request))
    if services.product_of(request.version, request.action) == _LIMITED:
        quota.use(world, caller, request.action)
    return caller


def _perform(
    world: World, request: ApiRequest, caller: Caller, *, request_id: str, fault: Fault | None
) -> dict[str, Any]:
    operation = services.find(request.version, request.action)
    operation.check_method(request.method)
    try:
        with world.store.transaction():
            engine.advance(world)
        data = _do(world, request, operation, caller, fault)
    except BusinessError as error:
        return _soft_refusal(world, operation, error, request_id)
    return _envelope(world, operation, data, request_id)


def _sent(request: ApiRequest, operation: Operation) -> Mapping[str, Any]:
    in_path = operation.read_path(request.path)
    if operation.path == "/":
        return request.parameters
    if set(operation.parameters) == set(in_path):
        # nothing else is read, so nothing in it can be wrong
        return in_path
    return {**(request.document if request.method in ("POST", "PUT") else request.query), **in_path}


def _do(world: World, request: ApiRequest, operation: Operation, caller: Caller, fault: Fault | None) -> Any:
    """Carry a call out, unless a fault is in the way."""
    arguments = operation.read(_sent(request, operation))
    data = None
    with world.store.transaction():
        if fault is None or fault.carried_out:
            data = operation.function(world, caller, arguments)
        elif fault.behaviour == "later":
            faults.postpone(world, fault, caller, f"{request.version}/{request.action}", arguments)
    if fault:
        faults.refuse(fault)
    return data


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


def _refusal(request: ApiRequest, error: GatewayError, request_id: str) -> Reply:
    body = {
        "RequestId": request_id,
        "HostId": request.headers.get("host", ""),
        "Code": error.code,
        "Message": error.message,
        "Recommend": _RECOMMEND.format(code=error.code, product=services.product_of(request.version, request.action)),
    }
    return Reply(status=error.status, body=body)


def _count(world: World, request: ApiRequest, outcome: str) -> None:
    world.store.execute(
        "INSERT INTO counters VALUES (?, ?, ?, ?, 1) "
        "ON CONFLICT (minute, operation, access_key_id, outcome) DO UPDATE SET calls = calls + 1",
        int(time.time()) // 60,
        request.action,
        claimed_key(request),
        outcome,
    )

"""Assuming a role: with a key that it trusts, or with the token of an identity provider that it trusts."""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_provider_pai_designer.emulator.errors import GatewayError
from airflow_provider_pai_designer.emulator.operations import INTEGER, STRING, Caller, Envelope, Operation, required
from airflow_provider_pai_designer.emulator.world import World

_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
_SHORTEST_SECONDS, _USUAL_SECONDS, _LONGEST_SECONDS = 900, 3600, 43200
_PARAMETERS = {
    "RoleArn": required(STRING),
    "RoleSessionName": required(STRING),
    "DurationSeconds": INTEGER,
    "Policy": STRING,
}


def assume_role(world: World, caller: Caller, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole"""
    role = _role(world, arguments)
    if caller.account not in json.loads(role["trusts"]):
        raise GatewayError(
            403, "NoPermission", "You are not authorized to do this action. You should be authorized by RAM."
        )
    return _begin_session(world, role, arguments)


def assume_role_with_oidc(world: World, _: Caller, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc"""
    role = _role(world, arguments)
    if role["oidc_provider"] != arguments["OIDCProviderArn"]:
        raise GatewayError(403, "AuthenticationFail.NoPermission", "This role does not trust the identity provider.")
    # a file that holds the token often ends with a line break
    if role["oidc_token"] is None or role["oidc_token"] != arguments["OIDCToken"].strip():
        raise GatewayError(400, "AuthenticationFail.OIDCToken.Invalid", "This OIDC token is invalid.")
    return _begin_session(world, role, arguments)


def _role(world: World, arguments: Mapping[str, Any]) -> sqlite3.Row:
    role = world.store.row("SELECT * FROM roles WHERE arn = ?", arguments["RoleArn"])
    if role is None:
        raise GatewayError(404, "EntityNotExist.Role", "The specified Role not exists.")
    return role


def _begin_session(world: World, role: sqlite3.Row, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Make a temporary key; its life is counted in real time, as its user counts it."""
    name, seconds = arguments["RoleSessionName"], arguments.get("DurationSeconds", _USUAL_SECONDS)
    if not _SESSION_NAME.fullmatch(name):
        raise _malformed("RoleSessionName")
    if not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise _malformed("DurationSeconds")
    key_id, secret, token = f"STS.{secrets.token_hex(12)}", secrets.token_urlsafe(32), secrets.token_urlsafe(96)
    account = role["arn"].split(":")[3]
    expires = int(time.time()) + (role["session_seconds"] or seconds)
    world.store.insert(
        "access_keys",
        id=key_id,
        position=world.store.value("SELECT coalesce(max(position), 0) + 1 FROM access_keys"),
        secret=secret,
        account=account,
        security_token=token,
        workspaces=role["workspaces"],
    )
    world.store.insert("sessions", access_key_id=key_id, role=role["arn"], name=name, expires=expires)
    return {
        "AssumedRoleUser": {
            "Arn": f"{role['arn'].replace(':role/', ':assumed-role/')}/{name}",
            "AssumedRoleId": f"{account}:{name}",
        },
        "Credentials": {
            "AccessKeyId": key_id,
            "AccessKeySecret": secret,
            "SecurityToken": token,
            "Expiration": f"{datetime.fromtimestamp(expires, tz=UTC):%Y-%m-%dT%H:%M:%SZ}",
        },
    }


def _malformed(parameter: str) -> GatewayError:
    return GatewayError(400, f"InvalidParameter.{parameter}", f"The parameter {parameter} is wrongly formed.")


_ENVELOPE = Envelope(flat=True, success=None, http_status=False, error_fields=False)

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(
            name="AssumeRole",
            function=assume_role,
            parameters={**_PARAMETERS, "ExternalId": STRING},
            envelope=_ENVELOPE,
        ),
        Operation(
            name="AssumeRoleWithOIDC",
            function=assume_role_with_oidc,
            parameters={**_PARAMETERS, "OIDCProviderArn": required(STRING), "OIDCToken": required(STRING)},
            envelope=_ENVELOPE,
            signed=False,
        ),
    )
}

"""Who calls: keys, temporary keys and used nonces."""

from __future__ import annotations

import json
import sqlite3
import time

from airflow_provider_pai_designer.emulator import signature
from airflow_provider_pai_designer.emulator.errors import GatewayError
from airflow_provider_pai_designer.emulator.operations import Caller
from airflow_provider_pai_designer.emulator.signature import HeaderSignature, ParameterSignature
from airflow_provider_pai_designer.emulator.world import World

NOBODY = Caller(access_key_id="", account="", workspaces=frozenset())
"""Who calls an operation that is not signed."""


def authenticate(world: World, signed: HeaderSignature | ParameterSignature) -> Caller:
    """Find out who calls.

    :raises GatewayError: the key is unknown or has expired, or the request was not signed with it, or was seen before.
    """
    key = world.store.row(
        "SELECT access_keys.*, expires FROM access_keys LEFT JOIN sessions ON access_key_id = id WHERE id = ?",
        signed.access_key_id,
    )
    if key is None:
        raise GatewayError(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    signed.verify(key["secret"])
    _check_token(key, signed.security_token)
    _use_nonce(world, signed.nonce)
    workspaces = None if key["workspaces"] is None else frozenset(json.loads(key["workspaces"]))
    return Caller(access_key_id=key["id"], account=key["account"], workspaces=workspaces)


def _check_token(key: sqlite3.Row, token: str | None) -> None:
    if key["security_token"] and not token:
        raise GatewayError(400, "MissingSecurityToken", "SecurityToken is mandatory for this action.")
    if key["security_token"] != token:
        raise GatewayError(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
    if key["expires"] is not None and key["expires"] <= time.time():
        raise GatewayError(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")


def _use_nonce(world: World, nonce: str) -> None:
    now = int(time.time())
    with world.store.transaction():
        # beyond the window on both sides of the present, the date alone refuses a replay
        world.store.execute("DELETE FROM nonces WHERE seen < ?", now - 2 * signature.VALID_SECONDS)
        if not world.store.execute("INSERT OR IGNORE INTO nonces VALUES (?, ?)", nonce, now):
            raise GatewayError(400, "SignatureNonceUsed", "Specified signature nonce was used already.")

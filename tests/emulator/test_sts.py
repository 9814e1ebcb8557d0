"""What a user would lose: teams that give Airflow a role instead of a key could try nothing of it here."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.emulator.support import BASIC, STANDARD, DataWorks, RefusedError, get, send

ACCOUNT = "acs:ram::1000000000000001"
ROLE = f"{ACCOUNT}:role/airflow"
OIDC = {
    "Action": "AssumeRoleWithOIDC",
    "Version": "2015-04-01",
    "Format": "JSON",
    "RoleArn": ROLE,
    "RoleSessionName": "nightly",
    "OIDCProviderArn": f"{ACCOUNT}:oidc-provider/cluster",
    "OIDCToken": "emulator-demo-oidc-token",
}
"""A good request, as the vendor's credentials library sends it: in the query string, unsigned."""


def assumed(dataworks: DataWorks, role: str = ROLE, **settings: Any) -> Any:
    """Assume a role with the key of ``dataworks`` by the vendor's credentials library."""
    from alibabacloud_credentials.provider import RamRoleArnCredentialsProvider

    provider = RamRoleArnCredentialsProvider(
        access_key_id=dataworks.access_key_id,
        access_key_secret=dataworks.access_key_secret,
        role_arn=role,
        role_session_name="nightly",
        sts_endpoint=dataworks.emulator.url,
        **settings,
    )
    return provider.get_credentials()


def bearer(dataworks: DataWorks, key: Any) -> tuple[DataWorks, dict[str, str]]:
    """Return the client with a temporary key, and the header that must come with it."""
    temporary = replace(dataworks, access_key_id=key.get_access_key_id(), access_key_secret=key.get_access_key_secret())
    return temporary, {"x-acs-security-token": key.get_security_token()}


def refusal(dataworks: DataWorks, headers: dict[str, str]) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        dataworks.reply("GetProject", headers, project_id=STANDARD)
    return caught.value.http, caught.value.code


def test_a_role_is_assumed_and_its_key_calls_dataworks(dataworks: DataWorks) -> None:
    key = assumed(dataworks)
    assert key.get_access_key_id().startswith("STS.")
    temporary, token = bearer(dataworks, key)
    assert temporary.reply("GetProject", token, project_id=STANDARD)["Success"]
    assert dataworks.emulator.control.calls("AssumeRole") == 1
    (session,) = dataworks.emulator.control.rows("sessions")
    assert (session["role"], session["name"]) == (ROLE, "nightly")


def test_a_session_lasts_as_long_as_was_asked_for(dataworks: DataWorks) -> None:
    assert assumed(dataworks, duration_seconds=7200).get_expiration() == pytest.approx(time.time() + 7200, abs=60)


def test_a_temporary_key_needs_its_secret_and_its_token(dataworks: DataWorks) -> None:
    temporary, token = bearer(dataworks, assumed(dataworks))
    _, token_of_another = bearer(dataworks, assumed(dataworks))
    assert refusal(replace(temporary, access_key_secret="wrong"), token) == (400, "SignatureDoesNotMatch")
    assert refusal(temporary, {}) == (400, "MissingSecurityToken")
    assert refusal(temporary, token_of_another) == (400, "InvalidSecurityToken.Malformed")


def test_an_expired_key_is_refused(dataworks: DataWorks) -> None:
    """A task that outlives its session must learn here that it has to ask for a new one."""
    temporary, token = bearer(dataworks, assumed(dataworks))
    dataworks.emulator.control.expire_sessions()
    assert refusal(temporary, token) == (400, "InvalidSecurityToken.Expired")


def test_a_session_ends_by_itself(dataworks: DataWorks) -> None:
    role: dict[str, Any] = {"arn": f"{ACCOUNT}:role/brief", "trusts": ["1000000000000001"], "session_seconds": 1}
    dataworks.emulator.control.seed({"roles": [role]})
    key = assumed(dataworks, role["arn"])
    while time.time() < key.get_expiration():
        dataworks.emulator.control.clock.read()
    assert refusal(*bearer(dataworks, key)) == (400, "InvalidSecurityToken.Expired")


def test_simulated_time_does_not_end_a_session(dataworks: DataWorks) -> None:
    """Its user decides by the real time when to ask for the next one."""
    temporary, token = bearer(dataworks, assumed(dataworks))
    dataworks.advance(timedelta(days=2).total_seconds())
    assert temporary.reply("GetProject", token, project_id=STANDARD)["Success"]


def test_a_role_has_the_permissions_of_its_own(dataworks: DataWorks) -> None:
    role: dict[str, Any] = {"arn": f"{ACCOUNT}:role/limited", "trusts": ["1000000000000001"], "workspaces": [BASIC]}
    dataworks.emulator.control.seed({"roles": [role]})
    temporary, token = bearer(dataworks, assumed(dataworks, role["arn"]))
    assert temporary.reply("GetProject", token, project_id=BASIC)["Success"]
    assert refusal(temporary, token) == (403, "ResourceNotAuthorized.Api")


@pytest.mark.parametrize(
    ("role", "key", "message"),
    [
        (f"{ACCOUNT}:role/trusts-nobody", {}, "http_code: 403.*NoPermission"),
        (
            ROLE,
            {"access_key_id": "LTAI-emulator-stranger", "access_key_secret": "emulator-stranger-secret"},
            "http_code: 403",
        ),
        (f"{ACCOUNT}:role/missing", {}, r"http_code: 404.*EntityNotExist\.Role"),
        (ROLE, {"access_key_secret": "wrong"}, "http_code: 400.*SignatureDoesNotMatch"),
        (ROLE, {"access_key_id": "LTAI-nobody"}, r"http_code: 404.*InvalidAccessKeyId\.NotFound"),
    ],
)
def test_a_role_is_not_for_everybody(dataworks: DataWorks, role: str, key: dict[str, Any], message: str) -> None:
    from alibabacloud_credentials.exceptions import CredentialException

    with pytest.raises(CredentialException, match=message):
        assumed(replace(dataworks, **key), role)


def test_a_temporary_key_assumes_the_next_role(dataworks: DataWorks) -> None:
    key = assumed(dataworks)
    chained, _ = bearer(dataworks, key)
    assert assumed(chained, security_token=key.get_security_token()).get_access_key_id().startswith("STS.")


def test_a_token_of_an_identity_provider_is_enough(dataworks: DataWorks) -> None:
    """Pods with a service account have no key at all; the token's file often ends with a line break."""
    status, reply = get(dataworks.emulator.url, {**OIDC, "OIDCToken": "emulator-demo-oidc-token\n"})
    assert status == 200, reply
    issued = reply["Credentials"]
    temporary = replace(dataworks, access_key_id=issued["AccessKeyId"], access_key_secret=issued["AccessKeySecret"])
    token = {"x-acs-security-token": issued["SecurityToken"]}
    assert temporary.reply("GetProject", token, project_id=STANDARD)["Success"]
    assert reply["AssumedRoleUser"]["Arn"] == f"{ACCOUNT}:assumed-role/airflow/nightly"


def test_a_token_may_come_in_the_body(dataworks: DataWorks) -> None:
    """Other clients of the vendor do not put it into the address, where logs would show it."""
    form = {"content-type": "application/x-www-form-urlencoded"}
    status, reply = send(dataworks.emulator.url, headers=form, body=urlencode(OIDC).encode())
    assert (status, reply["Credentials"]["AccessKeyId"][:4]) == (200, "STS.")
    headers = {**form, "x-acs-action": "AssumeRoleWithOIDC", "x-acs-version": "2015-04-01"}
    fields = {name: value for name, value in OIDC.items() if name not in ("Action", "Version")}
    status, reply = send(dataworks.emulator.url, headers=headers, body=urlencode(fields).encode())
    assert (status, reply["Credentials"]["AccessKeyId"][:4]) == (200, "STS.")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"OIDCToken": "of somebody else"}, 400, "AuthenticationFail.OIDCToken.Invalid"),
        ({"OIDCProviderArn": f"{ACCOUNT}:oidc-provider/other"}, 403, "AuthenticationFail.NoPermission"),
        ({"RoleArn": f"{ACCOUNT}:role/missing"}, 404, "EntityNotExist.Role"),
        ({"RoleArn": f"{ACCOUNT}:role/trusts-nobody"}, 403, "AuthenticationFail.NoPermission"),
        ({"RoleSessionName": "has spaces"}, 400, "InvalidParameter.RoleSessionName"),
        ({"DurationSeconds": "899"}, 400, "InvalidParameter.DurationSeconds"),
        ({"Action": "AssumeRole"}, 400, "MissingAccessKeyId"),
        ({"Version": "2020-05-18"}, 400, "MissingAccessKeyId"),
    ],
)
def test_a_token_is_not_enough_for_everything(
    dataworks: DataWorks, changes: dict[str, str], status: int, code: str
) -> None:
    found, reply = get(dataworks.emulator.url, {**OIDC, **changes})
    assert (found, reply["Code"]) == (status, code)


@pytest.mark.parametrize("missing", ["RoleArn", "RoleSessionName", "OIDCProviderArn", "OIDCToken"])
def test_a_parameter_that_is_missing_is_named(dataworks: DataWorks, missing: str) -> None:
    status, reply = get(dataworks.emulator.url, {name: value for name, value in OIDC.items() if name != missing})
    assert (status, reply["Code"]) == (400, f"Missing{missing}")


def test_sessions_survive_a_crash(dataworks: DataWorks) -> None:
    temporary, token = bearer(dataworks, assumed(dataworks))
    dataworks.emulator.kill()
    dataworks.emulator.restart()
    assert temporary.reply("GetProject", token, project_id=STANDARD)["Success"]

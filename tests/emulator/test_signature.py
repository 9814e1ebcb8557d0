"""What a user would lose: certainty that a client which works here is one that the real gateway lets in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.emulator.support import STANDARD, DataWorks, RefusedError, send, signed_headers

BODY = b"ProjectIdentifier=demo_project"


def refusal(dataworks: DataWorks, headers: dict[str, str] | None = None) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        dataworks.reply("GetProject", headers, project_id=STANDARD)
    return caught.value.http, caught.value.code


def moment(minutes: int) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_good_signature_is_let_in_with_text_that_must_be_escaped(dataworks: DataWorks) -> None:
    """Escaping is where home-made signatures go wrong: spaces, plus signs, other scripts, empty values."""
    awkward = "a b+c/d?e=f&g%20h~*'() 业务流程 ü"
    file_id = dataworks.create_file(file_description=awkward, para_value="")
    assert dataworks.file(file_id)["File"]["FileDescription"] == awkward


def test_query_parameters_are_signed_too(dataworks: DataWorks) -> None:
    """GetProject sends its parameters in the query string, which has a canonical form of its own."""
    assert dataworks.call("GetProject", project_identifier="demo_project")["ProjectId"] == STANDARD


def test_an_unknown_key_is_not_found(dataworks: DataWorks) -> None:
    assert refusal(replace(dataworks, access_key_id="LTAI-nobody")) == (404, "InvalidAccessKeyId.NotFound")


def test_a_wrong_secret_does_not_match(dataworks: DataWorks) -> None:
    assert refusal(replace(dataworks, access_key_secret="wrong")) == (400, "SignatureDoesNotMatch")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_date_away_from_now_is_expired(dataworks: DataWorks, minutes: int) -> None:
    assert refusal(dataworks, {"x-acs-date": moment(minutes)}) == (400, "InvalidTimeStamp.Expired")


def test_the_date_is_compared_with_real_time(dataworks: DataWorks) -> None:
    """Simulated time may be days ahead; clients sign with the real one."""
    dataworks.advance(3 * 24 * 3600)
    assert dataworks.call("GetProject", project_id=STANDARD)["ProjectId"] == STANDARD


def test_a_nonce_can_be_used_once(dataworks: DataWorks) -> None:
    headers = {"x-acs-signature-nonce": "once"}
    assert dataworks.reply("GetProject", headers, project_id=STANDARD)["Success"]
    assert refusal(dataworks, headers) == (400, "SignatureNonceUsed")


def test_a_refused_request_does_not_use_up_a_nonce(dataworks: DataWorks) -> None:
    """Otherwise anybody could block the requests of others."""
    headers = {"x-acs-signature-nonce": "reserved"}
    assert refusal(replace(dataworks, access_key_secret="wrong"), headers) == (400, "SignatureDoesNotMatch")
    assert dataworks.reply("GetProject", headers, project_id=STANDARD)["Success"]


def test_a_request_signed_by_hand_is_let_in(dataworks: DataWorks) -> None:
    """The tests below change one thing of this request each."""
    url = dataworks.emulator.url
    status, reply = send(url, headers=signed_headers(url, body=BODY), body=BODY)
    assert (status, reply["Data"]["ProjectId"]) == (200, STANDARD)


def test_a_body_that_was_not_signed_does_not_match(dataworks: DataWorks) -> None:
    url = dataworks.emulator.url
    status, reply = send(url, headers=signed_headers(url, body=BODY), body=b"ProjectId=100002")
    assert (status, reply["Code"]) == (400, "SignatureDoesNotMatch")


def test_a_body_hash_that_was_changed_with_the_body_does_not_match(dataworks: DataWorks) -> None:
    url, other = dataworks.emulator.url, b"ProjectId=100002"
    forged = signed_headers(url, body=other)["x-acs-content-sha256"]
    status, reply = send(url, headers={**signed_headers(url, body=BODY), "x-acs-content-sha256": forged}, body=other)
    assert (status, reply["Code"]) == (400, "SignatureDoesNotMatch")


def test_a_query_that_was_added_does_not_match(dataworks: DataWorks) -> None:
    url = dataworks.emulator.url
    status, reply = send(f"{url}/?ProjectId=100002", headers=signed_headers(url, body=BODY), body=BODY)
    assert (status, reply["Code"]) == (400, "SignatureDoesNotMatch")


@pytest.mark.parametrize("name", ["x-acs-action", "x-acs-signature-nonce", "x-acs-version"])
def test_a_header_that_decides_must_be_signed(dataworks: DataWorks, name: str) -> None:
    url = dataworks.emulator.url
    headers = signed_headers(url, body=BODY, **{name.replace("-", "_"): None})
    status, reply = send(url, headers={**headers, name: "later"}, body=BODY)
    assert (status, reply["Code"]) == (400, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [(None, "MissingAccessKeyId"), ("Bearer token", "IncompleteSignature")],
)
def test_a_request_without_this_kind_of_signature_is_refused(
    dataworks: DataWorks, authorization: str | None, code: str
) -> None:
    url = dataworks.emulator.url
    headers = {name: value for name, value in signed_headers(url, body=BODY).items() if name != "Authorization"}
    if authorization:
        headers["Authorization"] = authorization
    status, reply = send(url, headers=headers, body=BODY)
    assert (status, reply["Code"]) == (400, code)


def test_a_date_in_another_form_is_refused(dataworks: DataWorks) -> None:
    assert refusal(dataworks, {"x-acs-date": "yesterday"}) == (400, "InvalidTimeStamp.Format")


def test_a_temporary_key_needs_its_token(dataworks: DataWorks) -> None:
    """STS keys come with a security token; a client that forgets to send it must fail here."""
    key = {"id": "STS.emulator", "secret": "temporary", "security_token": "the-token"}
    dataworks.emulator.control.seed({"access_keys": [key]})
    temporary = replace(dataworks, access_key_id="STS.emulator", access_key_secret="temporary")
    assert refusal(temporary) == (400, "MissingSecurityToken")
    with pytest.raises(RefusedError, match="InvalidSecurityToken.Malformed"):
        temporary.reply("GetProject", {"x-acs-security-token": "another"}, project_id=STANDARD)
    headers = {"x-acs-security-token": "the-token"}
    assert temporary.reply("GetProject", headers, project_id=STANDARD)["Success"]

"""Verification of the ACS3-HMAC-SHA256 signature, with the vendor's own library.

Source: https://help.aliyun.com/en/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from types import SimpleNamespace

from airflow_provider_pai_designer.emulator.errors import GatewayError

_ALGORITHM = "ACS3-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    _ALGORITHM + r" Credential=(?P<key>[^,]+),\s*SignedHeaders=(?P<headers>[^,]+),\s*Signature=(?P<signature>[0-9a-f]+)"
)
_MUST_BE_SIGNED = {
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
}
VALID_SECONDS = 15 * 60
"""How far the date of a request may be from the real time, and so how long a nonce must be remembered."""


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """What was received.

    :param headers: names in lower case.
    :param query: decoded parameters of the query string.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def claimed_key(request: SignedRequest) -> str:
    """Return the AccessKey id that the request claims to be signed with.

    :raises GatewayError: there is no signature of the supported kind.
    """
    return _authorization(request)["key"]


def verify(request: SignedRequest, *, secret: str) -> None:
    """Check date, body and signature.

    :raises GatewayError: with the gateway's code for what is wrong.
    """
    _check_date(request.headers.get("x-acs-date"))
    authorization = _authorization(request)
    names = authorization["headers"].split(";")
    if unsigned := _MUST_BE_SIGNED - set(names):
        raise _mismatch(f"the header {sorted(unsigned)[0]} is not signed")
    if request.headers.get("x-acs-content-sha256") != sha256(request.body).hexdigest():
        raise _mismatch("x-acs-content-sha256 is not the hash of the body")
    expected = _expected(request, names, authorization["key"], secret)
    if not hmac.compare_digest(expected.rpartition("=")[2], authorization["signature"]):
        raise _mismatch("it was made with another secret, or for another request")


def _authorization(request: SignedRequest) -> re.Match[str]:
    text = request.headers.get("authorization")
    if not text:
        raise GatewayError(400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action.")
    match = _AUTHORIZATION.fullmatch(text)
    if not match:
        raise GatewayError(400, "IncompleteSignature", f"The request signature is not of the form {_ALGORITHM}.")
    return match


def _check_date(text: str | None) -> None:
    if not text:
        raise GatewayError(400, "MissingTimestamp", "Timestamp is mandatory for this action.")
    try:
        date = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise GatewayError(
            400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
        ) from None
    if abs(time.time() - date.timestamp()) > VALID_SECONDS:
        raise GatewayError(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")


def _expected(request: SignedRequest, names: list[str], key: str, secret: str) -> str:
    # Recomputed by the library that signed it: an implementation of our own would only agree with itself.
    from alibabacloud_tea_openapi.utils import Utils

    signed = SimpleNamespace(
        method=request.method,
        pathname=request.path,
        query=request.query,
        headers={name: request.headers.get(name, "") for name in names},
    )
    payload = request.headers["x-acs-content-sha256"]
    return str(Utils.get_authorization(signed, _ALGORITHM, payload, key, secret))


def _mismatch(reason: str) -> GatewayError:
    return GatewayError(
        400, "SignatureDoesNotMatch", f"Specified signature is not matched with our calculation: {reason}."
    )

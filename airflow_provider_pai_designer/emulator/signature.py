"""Verification of signatures, with the vendor's own library, in the two forms that its clients write.

Source: https://help.aliyun.com/en/sdk/product-overview/v3-request-structure-and-signature and
https://help.aliyun.com/en/sdk/product-overview/rpc-mechanism
"""

from __future__ import annotations

import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from airflow_provider_pai_designer.emulator.errors import GatewayError, invalid, missing

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
class ApiRequest:
    """What was received.

    :param path: as it was sent, nothing in it decoded.
    :param headers: names in lower case.
    :param query: decoded parameters of the query string.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """The parameters of the query string and of the body."""
        return {**self.query, **dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))}

    @property
    def document(self) -> Mapping[str, Any]:
        """The members of a JSON body; one that is null was not sent.

        :raises GatewayError: the body is something else.
        """
        try:
            members = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            members = None
        if not isinstance(members, dict):
            raise invalid("body", "it must be an object in JSON")
        return {name: value for name, value in members.items() if value is not None}

    @property
    def action(self) -> str:
        """Name of the operation."""
        return self._named("x-acs-action", "Action")

    @property
    def version(self) -> str:
        """Version of the API."""
        return self._named("x-acs-version", "Version")

    def _named(self, header: str, parameter: str) -> str:
        if "authorization" in self.headers:
            return self.headers.get(header, "")
        if "AccessKeyId" in self.parameters or parameter in self.parameters:
            # the earlier clients send the headers too, but do not sign them
            return self.parameters.get(parameter, "")
        return self.headers.get(header, "")


@dataclass(frozen=True, kw_only=True)
class HeaderSignature:
    """The signature of current clients: ACS3-HMAC-SHA256 over headers, query and the hash of the body."""

    request: ApiRequest

    @property
    def access_key_id(self) -> str:
        """The AccessKey id that the request claims to be signed with.

        :raises GatewayError: the signature is of another form.
        """
        return self._authorization["key"]

    @property
    def nonce(self) -> str:
        """What makes the request unlike every other."""
        return self.request.headers["x-acs-signature-nonce"]

    @property
    def security_token(self) -> str | None:
        """The token that comes with a temporary key."""
        return self.request.headers.get("x-acs-security-token")

    def verify(self, secret: str) -> None:
        """Check date, body and signature.

        :raises GatewayError: with the gateway's code for what is wrong.
        """
        _check_date(self.request.headers.get("x-acs-date"))
        names = self._authorization["headers"].split(";")
        if unsigned := _MUST_BE_SIGNED - set(names):
            raise _mismatch(f"the header {sorted(unsigned)[0]} is not signed")
        if self.request.headers.get("x-acs-content-sha256") != sha256(self.request.body).hexdigest():
            raise _mismatch("x-acs-content-sha256 is not the hash of the body")
        expected = self._expected(names, secret)
        if not hmac.compare_digest(expected.rpartition("=")[2], self._authorization["signature"]):
            raise _mismatch("it was made with another secret, or for another request")

    @cached_property
    def _authorization(self) -> re.Match[str]:
        match = _AUTHORIZATION.fullmatch(self.request.headers["authorization"])
        if not match:
            raise GatewayError(400, "IncompleteSignature", f"The request signature is not of the form {_ALGORITHM}.")
        return match

    def _expected(self, names: list[str], secret: str) -> str:
        # Recomputed by the library that signed it: an implementation of our own would only agree with itself.
        from alibabacloud_tea_openapi.utils import Utils

        signed = SimpleNamespace(
            method=self.request.method,
            pathname=self.request.path,
            query=self.request.query,
            headers={name: self.request.headers.get(name, "") for name in names},
        )
        payload = self.request.headers["x-acs-content-sha256"]
        return str(Utils.get_authorization(signed, _ALGORITHM, payload, self.access_key_id, secret))


@dataclass(frozen=True, kw_only=True)
class ParameterSignature:
    """The signature of earlier clients, and of all that assume a role: HMAC-SHA1 over every parameter."""

    request: ApiRequest

    @property
    def access_key_id(self) -> str:
        """The AccessKey id that the request claims to be signed with."""
        return self.request.parameters["AccessKeyId"]

    @property
    def nonce(self) -> str:
        """What makes the request unlike every other."""
        return self.request.parameters["SignatureNonce"]

    @property
    def security_token(self) -> str | None:
        """The token that comes with a temporary key."""
        return self.request.parameters.get("SecurityToken")

    def verify(self, secret: str) -> None:
        """Check date and signature.

        :raises GatewayError: with the gateway's code for what is wrong.
        """
        from alibabacloud_tea_openapi.utils import Utils

        parameters = dict(self.request.parameters)
        _check_date(parameters.get("Timestamp"))
        for name in ("SignatureNonce", "Signature"):
            if not parameters.get(name):
                raise missing(name)
        if (parameters.get("SignatureMethod"), parameters.get("SignatureVersion")) != ("HMAC-SHA1", "1.0"):
            raise GatewayError(400, "IncompleteSignature", "The request signature is not HMAC-SHA1 of version 1.0.")
        signature = parameters.pop("Signature")
        expected = str(Utils.get_rpcsignature(parameters, self.request.method, secret))
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise _mismatch("it was made with another secret, or for another request")


def signature_of(request: ApiRequest) -> HeaderSignature | ParameterSignature:
    """Return the signature of a request, still to be verified.

    :raises GatewayError: it has none.
    """
    if request.headers.get("authorization"):
        return HeaderSignature(request=request)
    if request.parameters.get("AccessKeyId"):
        return ParameterSignature(request=request)
    raise GatewayError(400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action.")


def claimed_key(request: ApiRequest) -> str:
    """Return the AccessKey id that a request claims to be signed with, empty where it claims none."""
    try:
        return signature_of(request).access_key_id
    except GatewayError:
        return ""


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


def _mismatch(reason: str) -> GatewayError:
    return GatewayError(
        400, "SignatureDoesNotMatch", f"Specified signature is not matched with our calculation: {reason}."
    )

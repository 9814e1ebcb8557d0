"""Credentials for the vendor's clients, made and refreshed by the vendor's own library.

No field here names a file to read or a URL to fetch: who may edit a connection must not be able to make a worker do
either. What needs one (OIDC, profiles) is configured on the machine and found by the vendor's default chain.
Source: https://www.alibabacloud.com/help/en/sdk/developer-reference/v2-manage-python-access-credentials
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    ConfigurationError,
    NotSentError,
    ServiceError,
)

_HTTP_STATUS = re.compile(r"http_code: (\d{3})")
_ERROR_CODE = re.compile(r"\"Code\": ?\"([A-Za-z.]{1,80})\"")
_SECRET_IN_ADDRESS = re.compile(r"SecurityToken=|Signature=|OIDCToken=")


class Authentication(StrEnum):
    """How calls are authenticated."""

    ACCESS_KEY = "access_key"
    STS = "sts"
    RAM_ROLE_ARN = "ram_role_arn"
    ECS_RAM_ROLE = "ecs_ram_role"
    DEFAULT = "default"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Where the key that signs the calls comes from.

    :param authentication: ``access_key``; ``sts`` (a key with a token); ``ram_role_arn`` (a role assumed with the key);
        ``ecs_ram_role`` (the role of the ECS instance); ``default`` (the vendor's chain: environment, OIDC, profile,
        ECS instance, URI, all configured on the machine).
    :param role: ARN of the role to assume, or name of the ECS instance's role.
    :param session_name: name of the assumed role's session, as it shows in the audit log.
    :param sts: where STS answers.
    """

    authentication: str = Authentication.ACCESS_KEY
    access_key_id: str = ""
    access_key_secret: str = field(default="", repr=False)
    security_token: str = field(default="", repr=False)
    role: str = ""
    session_name: str = "airflow"
    sts: Endpoint | None = None

    @property
    def account(self) -> str:
        """What tells these credentials from others, and is no secret."""
        return f"{self.authentication} {self.access_key_id} {self.role}"

    def check(self) -> None:
        """Check that all parts are there.

        :raises ConfigurationError: a part is missing, or the authentication is unknown.
        """
        known = [kind.value for kind in Authentication]
        if self.authentication not in known:
            raise ConfigurationError(
                f"Unknown authentication {self.authentication!r} in the connection; write one of {', '.join(known)}."
            )
        if any(re.search(r"\s", part) for part in (self.access_key_id, self.access_key_secret, self.security_token)):
            raise ConfigurationError(
                "The AccessKey id, secret or STS token of the connection holds a space or a line break: paste it "
                "again, without what stands around it."
            )
        keyed = (Authentication.ACCESS_KEY, Authentication.STS, Authentication.RAM_ROLE_ARN)
        if self.authentication in keyed and not (self.access_key_id and self.access_key_secret):
            raise ConfigurationError(
                "The connection has no complete AccessKey pair: put the AccessKey id into Login and the AccessKey "
                "secret into Password, or choose an authentication that needs none."
            )
        if self.authentication == Authentication.STS and not self.security_token:
            raise ConfigurationError("The authentication 'sts' needs the field STS token of the connection.")
        if self.authentication == Authentication.RAM_ROLE_ARN and not self.role.startswith("acs:ram::"):
            raise ConfigurationError(
                "The authentication 'ram_role_arn' needs the ARN of a role, such as "
                f"acs:ram::<account id>:role/<name>, not {self.role!r}."
            )


class CredentialsClient:
    """What the vendor's clients ask for the key of each call.

    The vendor's library prints whole tokens into its errors and its log, so neither gets out.

    :param on_secret: told every secret that is read, so that it can be masked.
    """

    def __init__(self, credentials: Credentials, *, on_secret: Callable[[str], None]) -> None:
        credentials.check()
        _quiet_vendor_loggers()
        self._what = credentials.authentication
        self._on_secret = on_secret
        self._told: set[str | None] = set()
        self._vendor = _vendor_client(credentials)

    def get_credential(self) -> Any:
        """Return the vendor's model of the current key.

        :raises AuthenticationError: the key or the role was refused.
        :raises NotSentError: who gives out the key could not be reached.
        """
        failure: ServiceError | None = None
        try:
            model = self._vendor.get_credential()
        except Exception as error:
            # Raised below, outside this block: the vendor's exception must not be kept as context either.
            failure = self._explain(str(error))
        if failure is not None:
            raise failure
        for secret in {model.access_key_secret, model.security_token} - self._told:
            if secret:
                self._on_secret(secret)
                self._told.add(secret)
        return model

    def _explain(self, text: str) -> ServiceError:
        """Say what went wrong in our own words; of the vendor's text only a status and a code are taken."""
        status, code = _HTTP_STATUS.search(text), _ERROR_CODE.search(text)
        if status is not None and status[1].startswith("4"):
            return AuthenticationError(
                f"The credentials of the connection (authentication {self._what!r}) were refused: HTTP {status[1]}"
                f"{f', code {code[1]}' if code else ''}. Check the key, the role, and that the key may assume it.",
                operation="AssumeRole",
                code=code[1] if code else "",
                http_status=int(status[1]),
            )
        if self._what == Authentication.DEFAULT:
            return AuthenticationError(
                "No credentials were found: neither in the environment (ALIBABA_CLOUD_ACCESS_KEY_ID and others), nor "
                "in a profile, nor from OIDC or the ECS instance. Configure one of these on every machine that runs "
                "Airflow tasks, or choose another authentication in the connection.",
                operation="AssumeRole",
            )
        return NotSentError(
            f"The credentials of the connection (authentication {self._what!r}) could not be had: no usable reply "
            "came. Check the way out of this machine.",
            operation="AssumeRole",
            code="NotSent",
        )


def _vendor_client(credentials: Credentials) -> Any:
    from alibabacloud_credentials.client import Client
    from alibabacloud_credentials.models import Config

    if credentials.authentication == Authentication.DEFAULT:
        return Client()
    parts: dict[str, Any] = {"type": credentials.authentication}
    if credentials.authentication == Authentication.ECS_RAM_ROLE:
        parts["role_name"] = credentials.role or None
    else:
        parts["access_key_id"] = credentials.access_key_id
        parts["access_key_secret"] = credentials.access_key_secret
        parts["security_token"] = credentials.security_token or None
    if credentials.authentication == Authentication.RAM_ROLE_ARN:
        sts = credentials.sts
        parts["role_arn"] = credentials.role
        parts["role_session_name"] = credentials.session_name
        # The library writes https:// before a host, and takes an address as it is.
        parts["sts_endpoint"] = None if sts is None else sts.host if sts.protocol == "https" else sts.url
    return Client(Config(**parts))


def _quiet_vendor_loggers() -> None:
    """Keep tokens out of every log: the vendor's libraries write them there, and an address may hold one."""
    for name in ("credentials", "alibabacloud_credentials", "alibabacloud-tea", "Tea", "darabonba-core"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    pool = logging.getLogger("urllib3.connectionpool")
    if _without_secrets not in pool.filters:
        pool.addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    return not _SECRET_IN_ADDRESS.search(record.getMessage())

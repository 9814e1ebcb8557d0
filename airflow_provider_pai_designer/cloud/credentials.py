"""Credentials for the vendor's clients, made by the vendor's own library."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_provider_pai_designer.exceptions import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """A long-lived AccessKey pair."""

    id: str
    secret: str = field(repr=False)


def credentials_client(key: AccessKey) -> Any:
    """Return the vendor's credentials client for a key.

    :raises ConfigurationError: the pair is not complete.
    """
    if not key.id or not key.secret:
        raise ConfigurationError(
            "The connection has no complete AccessKey pair: put the AccessKey id into Login and the AccessKey secret "
            "into Password."
        )
    from alibabacloud_credentials.client import Client
    from alibabacloud_credentials.models import Config

    return Client(Config(type="access_key", access_key_id=key.id, access_key_secret=key.secret))

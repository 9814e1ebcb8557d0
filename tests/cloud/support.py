"""A client of a running emulator."""

from __future__ import annotations

from airflow_provider_pai_designer.cloud.credentials import Credentials
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.cloud.gateway import LEGACY_VERSION, Gateway
from airflow_provider_pai_designer.cloud.verbs import Verbs
from airflow_provider_pai_designer.designer.workspace import Environment
from airflow_provider_pai_designer.emulator.launch import Emulator


def stop(cloud: Verbs, instance_id: int, environment: Environment) -> None:
    """Ask for one instance to be stopped, and raise what it is refused with."""
    ((_, refusal),) = cloud.stop_instances([instance_id], environment)
    if refusal:
        raise refusal


def client_of(emulator: Emulator, version: str = LEGACY_VERSION) -> Gateway:
    """Return a gateway that calls the emulator with its first key."""
    return Gateway(
        endpoint=Endpoint(protocol="http", host=emulator.url.removeprefix("http://")),
        credentials=Credentials(access_key_id=emulator.access_key_id, access_key_secret=emulator.access_key_secret),
        version=version,
    )

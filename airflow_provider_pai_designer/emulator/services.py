"""The one table in which every operation is found: by the version of its API, which no two services share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_pai_designer.emulator import dataworks_2020_05_18, dataworks_2024_05_18, sts_2015_04_01
from airflow_provider_pai_designer.emulator.errors import GatewayError
from airflow_provider_pai_designer.emulator.operations import Operation


@dataclass(frozen=True, kw_only=True)
class Service:
    """One version of the API of a product.

    :param product: the vendor's code of the product.
    """

    product: str
    operations: Mapping[str, Operation]


SERVICES: Mapping[str, Service] = {
    "2015-04-01": Service(product="Sts", operations=sts_2015_04_01.OPERATIONS),
    "2020-05-18": Service(product="dataworks-public", operations=dataworks_2020_05_18.OPERATIONS),
    "2024-05-18": Service(product="dataworks-public", operations=dataworks_2024_05_18.OPERATIONS),
}


def must_be_signed(version: str, action: str) -> bool:
    """Tell whether a request must be signed; one for an operation that does not exist must."""
    operation = SERVICES[version].operations.get(action) if version in SERVICES else None
    return operation is None or operation.signed


def find(version: str, action: str) -> Operation:
    """Return an operation.

    :raises GatewayError: there is no such version, or no such operation in it.
    """
    if version not in SERVICES:
        raise GatewayError(400, "InvalidVersion", "Specified parameter Version is not valid.")
    if action not in SERVICES[version].operations:
        raise GatewayError(
            404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
        )
    return SERVICES[version].operations[action]


def product_of(version: str) -> str:
    """Return the code of the product that has this version, empty where none has."""
    return SERVICES[version].product if version in SERVICES else ""

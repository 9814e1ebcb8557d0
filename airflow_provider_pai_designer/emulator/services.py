"""The one table in which every operation is found: by the version of its API and its name.

PAIFlow and PaiStudio have the same version; they share no name of an operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from airflow_provider_pai_designer.emulator import (
    dataworks_2020_05_18,
    dataworks_2024_05_18,
    paiflow_2021_02_02,
    paistudio_2021_02_02,
    sts_2015_04_01,
)
from airflow_provider_pai_designer.emulator.errors import GatewayError, action_not_found
from airflow_provider_pai_designer.emulator.operations import Operation


@dataclass(frozen=True, kw_only=True)
class Service:
    """One version of the API of a product.

    :param product: the vendor's code of the product.
    """

    product: str
    version: str
    operations: Mapping[str, Operation]


SERVICES = (
    Service(product="Sts", version="2015-04-01", operations=sts_2015_04_01.OPERATIONS),
    Service(product="dataworks-public", version="2020-05-18", operations=dataworks_2020_05_18.OPERATIONS),
    Service(product="dataworks-public", version="2024-05-18", operations=dataworks_2024_05_18.OPERATIONS),
    Service(product="PAIFlow", version="2021-02-02", operations=paiflow_2021_02_02.OPERATIONS),
    Service(product="PaiStudio", version="2021-02-02", operations=paistudio_2021_02_02.OPERATIONS),
)
_PRODUCTS = {(service.version, action): service.product for service in SERVICES for action in service.operations}
_OPERATIONS = {
    (service.version, action): operation for service in SERVICES for action, operation in service.operations.items()
}


def must_be_signed(version: str, action: str) -> bool:
    """Tell whether a request must be signed; one for an operation that does not exist must."""
    operation = _OPERATIONS.get((version, action))
    return operation is None or operation.signed


def find(version: str, action: str) -> Operation:
    """Return an operation.

    :raises GatewayError: there is no such version, or no such operation in it.
    """
    if all(service.version != version for service in SERVICES):
        raise GatewayError(400, "InvalidVersion", "Specified parameter Version is not valid.")
    if (version, action) not in _OPERATIONS:
        raise action_not_found()
    return _OPERATIONS[version, action]


def product_of(version: str, action: str) -> str:
    """Return the code of the product that has an operation, or else this version; empty where none has."""
    of_version = (service.product for service in SERVICES if service.version == version)
    return _PRODUCTS.get((version, action)) or next(of_version, "")

"""Where a product answers, by region and network.

The SDKs' own maps are wrong for some regions and know no VPC hosts, so the host is always set by us.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import ip_address
from urllib.parse import urlsplit

from airflow_provider_pai_designer.exceptions import ConfigurationError

_REGIONAL = frozenset(
    [
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-southeast-1",
        "ap-southeast-3",
        "ap-southeast-5",
        "ap-southeast-7",
        "cn-beijing",
        "cn-beijing-finance-1",
        "cn-chengdu",
        "cn-hangzhou",
        "cn-hongkong",
        "cn-north-2-gov-1",
        "cn-shanghai",
        "cn-shanghai-finance-1",
        "cn-shenzhen",
        "cn-shenzhen-finance-1",
        "cn-wulanchabu",
        "cn-zhangjiakou",
        "eu-central-1",
        "eu-west-1",
        "me-central-1",
        "me-east-1",
        "us-east-1",
        "us-west-1",
    ]
)
_CENTRAL = frozenset(["ap-south-1", "ap-southeast-2", "cn-hangzhou-finance", "cn-huhehaote", "cn-qingdao"])
_PAIFLOW = frozenset(
    [
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-5",
        "cn-beijing",
        "cn-hangzhou",
        "cn-hongkong",
        "cn-shanghai",
        "cn-shenzhen",
        "cn-wulanchabu",
        "eu-central-1",
        "us-east-1",
        "us-west-1",
    ]
)
_PAISTUDIO = (_PAIFLOW - {"ap-south-1"}) | {"ap-northeast-1", "ap-southeast-3"}
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A host that answers API calls; plain HTTP only on the loopback interface.

    :param host: name, with the port where it is not the protocol's own.
    """

    protocol: str
    host: str

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"{self.protocol}://{self.host}"


@dataclass(frozen=True, kw_only=True)
class Product:
    """Where a product answers.

    :param name: name in the connection and in messages.
    :param host: first part of its host names.
    :param regional: regions with a host of their own.
    :param central: regions served by the host without a region.
    :param vpc: regions with a host inside the region's network.
    :param source: page of the vendor that lists them.
    """

    name: str
    host: str
    regional: frozenset[str]
    central: frozenset[str]
    vpc: frozenset[str]
    source: str


PRODUCTS = {
    product.name: product
    for product in (
        Product(
            name="dataworks",
            host="dataworks",
            regional=_REGIONAL,
            central=_CENTRAL,
            vpc=_REGIONAL - {"ap-southeast-7", "cn-beijing-finance-1", "cn-north-2-gov-1"},
            source=(
                "https://www.alibabacloud.com/help/en/dataworks/developer-reference/"
                "api-dataworks-public-2020-05-18-endpoint"
            ),
        ),
        Product(
            name="paiflow",
            host="paiflow",
            regional=_PAIFLOW,
            central=frozenset(),
            vpc=_PAIFLOW,
            source="https://www.alibabacloud.com/help/en/pai/developer-reference/api-paiflow-2021-02-02-overview",
        ),
        Product(
            name="paistudio",
            host="pai",
            regional=_PAISTUDIO,
            central=frozenset(),
            vpc=_PAISTUDIO,
            source="https://help.aliyun.com/zh/pai/user-guide/api-paistudio-2021-02-02-endpoint",
        ),
        Product(
            name="sts",
            host="sts",
            regional=_REGIONAL | _CENTRAL,
            central=frozenset(),
            vpc=_REGIONAL | _CENTRAL,
            source="https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-endpoint",
        ),
    )
}


def find_endpoint(product: str, *, region: str, network: str = "public", override: str | None = None) -> Endpoint:
    """Find the endpoint of a product.

    :param product: name in :data:`PRODUCTS`.
    :param region: region id, such as ``cn-shanghai``.
    :param network: ``public``, or ``vpc`` from inside the region's network.
    :param override: a host name, or ``http://`` with a loopback address (the emulator).
    :raises ConfigurationError: unknown region or network, or an override that is neither.
    """
    if network not in ("public", "vpc"):
        raise ConfigurationError(f"Unknown network {network!r} in the connection; write 'public' or 'vpc'.")
    known = _REGIONAL | _CENTRAL
    if region not in known:
        near = get_close_matches(region, known, n=3) or sorted(known)[:3]
        raise ConfigurationError(
            f"DataWorks has no region {region!r}; write the region id of your workspace, such as {', '.join(near)}."
        )
    if override:
        return _read_override(override)
    hosts = PRODUCTS[product]
    if network == "vpc" and region not in hosts.vpc:
        raise ConfigurationError(
            f"{product} has no VPC endpoint in {region}; set the network of the connection to 'public'."
        )
    if network == "vpc":
        return Endpoint(protocol="https", host=f"{hosts.host}-vpc.{region}.aliyuncs.com")
    if region not in hosts.regional | hosts.central:
        raise ConfigurationError(
            f"The vendor lists no endpoint of {product} in {region}; set {product}_endpoint in the extras of the "
            "connection if your region has one."
        )
    host = f"{hosts.host}.aliyuncs.com" if region in hosts.central else f"{hosts.host}.{region}.aliyuncs.com"
    return Endpoint(protocol="https", host=host)


def _read_override(override: str) -> Endpoint:
    if _HOST.fullmatch(override):
        return Endpoint(protocol="https", host=override)
    try:
        parts = urlsplit(override)
        loopback = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
        plain = not (parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"))
        if parts.scheme == "http" and loopback and plain and parts.port:
            return Endpoint(protocol="http", host=f"{parts.hostname}:{parts.port}")
    except ValueError:
        pass
    raise ConfigurationError(
        f"{override!r} cannot be an endpoint: write a host name without https:// and path, such as "
        "dataworks.cn-shanghai.aliyuncs.com, or http:// with a loopback address and port for the emulator."
    )

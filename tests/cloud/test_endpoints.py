"""What a user would lose: calls, and keys, that go to a host nobody meant."""

from __future__ import annotations

import pytest

from airflow_provider_pai_designer.cloud.endpoints import find_endpoint
from airflow_provider_pai_designer.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("region", "network", "url"),
    [
        ("cn-shanghai", "public", "https://dataworks.cn-shanghai.aliyuncs.com"),
        ("ap-southeast-7", "public", "https://dataworks.ap-southeast-7.aliyuncs.com"),
        ("cn-qingdao", "public", "https://dataworks.aliyuncs.com"),
        ("cn-shanghai", "vpc", "https://dataworks-vpc.cn-shanghai.aliyuncs.com"),
    ],
)
def test_the_host_follows_the_vendors_table(region: str, network: str, url: str) -> None:
    assert find_endpoint("dataworks", region=region, network=network).url == url


def test_an_unknown_region_names_the_nearest_ones() -> None:
    with pytest.raises(ConfigurationError, match="no region 'cn-shangai'; .*cn-shanghai"):
        find_endpoint("dataworks", region="cn-shangai")


def test_a_region_without_a_vpc_host_says_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="no VPC endpoint in cn-qingdao; .*'public'"):
        find_endpoint("dataworks", region="cn-qingdao", network="vpc")
    with pytest.raises(ConfigurationError, match="Unknown network 'private'"):
        find_endpoint("dataworks", region="cn-shanghai", network="private")


@pytest.mark.parametrize(
    ("override", "url"),
    [
        ("dataworks.example.com", "https://dataworks.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
    ],
)
def test_an_override_is_a_host_or_a_loopback_address(override: str, url: str) -> None:
    assert find_endpoint("dataworks", region="cn-shanghai", override=override).url == url


@pytest.mark.parametrize(
    "override",
    [
        "http://dataworks.example.com",
        "http://10.0.0.1:80",
        "https://127.0.0.1:8080",
        "https://dataworks.example.com",
        "http://127.0.0.1:8080/path",
        "http://user:secret@127.0.0.1:8080",
        "http://127.0.0.1",
        "http://127.0.0.1.example.com:80",
        "file:///etc/passwd",
        "host/path",
        "host name",
        "-",
    ],
)
def test_no_other_override_is_taken(override: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be an endpoint"):
        find_endpoint("dataworks", region="cn-shanghai", override=override)


@pytest.mark.parametrize(
    ("product", "network", "host"),
    [
        ("paiflow", "public", "paiflow.cn-hangzhou.aliyuncs.com"),
        ("paiflow", "vpc", "paiflow-vpc.cn-hangzhou.aliyuncs.com"),
        ("paistudio", "public", "pai.cn-hangzhou.aliyuncs.com"),
        ("paistudio", "vpc", "pai-vpc.cn-hangzhou.aliyuncs.com"),
    ],
)
def test_pai_is_called_in_its_region_where_the_sdks_own_maps_are_wrong(product: str, network: str, host: str) -> None:
    assert find_endpoint(product, region="cn-hangzhou", network=network).host == host


def test_a_region_without_pai_says_which_extra_to_set() -> None:
    with pytest.raises(ConfigurationError, match="paiflow_endpoint"):
        find_endpoint("paiflow", region="me-east-1")

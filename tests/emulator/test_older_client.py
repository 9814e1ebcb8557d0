"""What a user would lose: scripts with the vendor's earlier client, which signs every parameter with HMAC-SHA1."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_pai_designer.emulator.seed import content
from tests.emulator.support import BUSINESS_DATE, FAR_FUTURE, FOLDER, ROOT, STANDARD, DataWorks, RefusedError, get

_REQUESTS = "aliyunsdkdataworks_public.request.v20200518"


@dataclass(frozen=True, kw_only=True)
class OlderClient:
    """``aliyun-python-sdk-core`` with ``aliyun-python-sdk-dataworks-public``, as they are published."""

    url: str
    access_key_id: str = "LTAI-emulator-demo"
    access_key_secret: str = "emulator-demo-secret"

    def reply(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation of DataWorks 2020-05-18; parameters have the vendor's names."""
        from aliyunsdkcore.acs_exception.exceptions import ServerException
        from aliyunsdkcore.client import AcsClient

        client = AcsClient(self.access_key_id, self.access_key_secret, "cn-shanghai", auto_retry=False)
        request = getattr(import_module(f"{_REQUESTS}.{operation}Request"), f"{operation}Request")()
        request.set_endpoint(self.url.removeprefix("http://"))
        request.set_protocol_type("http")
        for name, value in parameters.items():
            getattr(request, f"set_{name}")(value)
        try:
            reply: dict[str, Any] = json.loads(client.do_action_with_exception(request))
        except ServerException as error:
            raise RefusedError(error.http_status, error.error_code, error.message) from None
        return reply

    def call(self, operation: str, **parameters: Any) -> Any:
        """Call an operation and return its data."""
        reply = self.reply(operation, **parameters)
        assert reply["Success"], reply
        return reply["Data"]


@pytest.fixture
def older(dataworks: DataWorks) -> OlderClient:
    """The earlier client on the emulator of this module."""
    return OlderClient(url=dataworks.emulator.url)


def test_a_node_is_created_released_tested_and_read(dataworks: DataWorks, older: OlderClient) -> None:
    file_id = older.call(
        "CreateFile",
        ProjectId=STANDARD,
        FileName="node of an older client",
        FileDescription="a b+c/d?e=f&g%20h~*'() 业务流程 ü",
        FileType=1117,
        FileFolderPath=FOLDER,
        Content=content("global_variable"),
        ParaValue="bizdate=$bizdate",
        InputList=ROOT[STANDARD],
        CronExpress="00 05 00 * * ?",
        StartEffectDate=FAR_FUTURE,
    )
    for operation in ("SubmitFile", "DeployFile"):
        older.call(operation, ProjectId=STANDARD, FileId=file_id)
        dataworks.advance(5)
    file = older.call("GetFile", ProjectId=STANDARD, FileId=file_id)["File"]
    assert file["FileDescription"] == "a b+c/d?e=f&g%20h~*'() 业务流程 ü"
    run = older.call("RunSmokeTest", ProjectEnv="PROD", NodeId=file["NodeId"], Bizdate=BUSINESS_DATE, Name="a test")
    dataworks.advance(3600)
    assert older.call("GetNode", ProjectEnv="PROD", NodeId=file["NodeId"])["NodeName"] == "node of an older client"
    (instance,) = older.call("ListInstances", ProjectId=STANDARD, ProjectEnv="PROD", DagId=run)["Instances"]
    assert instance["Status"] == "SUCCESS"


def test_both_clients_see_the_same_workspace(dataworks: DataWorks, older: OlderClient) -> None:
    """GetProject of this client puts its parameters into the query string instead of the body."""
    assert older.call("GetProject", ProjectId=STANDARD) == dataworks.call("GetProject", project_id=STANDARD)


def test_the_current_client_can_be_told_to_sign_the_earlier_way(dataworks: DataWorks) -> None:
    from alibabacloud_dataworks_public20200518.client import Client
    from alibabacloud_dataworks_public20200518.models import GetProjectRequest
    from alibabacloud_tea_openapi.models import Config

    config = Config(
        access_key_id=dataworks.access_key_id,
        access_key_secret=dataworks.access_key_secret,
        endpoint=dataworks.emulator.url.removeprefix("http://"),
        protocol="http",
        signature_algorithm="v2",
    )
    reply = Client(config).get_project(GetProjectRequest(project_id=STANDARD))
    assert reply.body.data.project_id == STANDARD


@pytest.mark.parametrize(
    ("key", "refusal"),
    [
        ({"access_key_id": "LTAI-nobody"}, (404, "InvalidAccessKeyId.NotFound")),
        ({"access_key_secret": "wrong"}, (400, "SignatureDoesNotMatch")),
    ],
)
def test_a_wrong_key_is_refused(dataworks: DataWorks, key: dict[str, str], refusal: tuple[int, str]) -> None:
    with pytest.raises(RefusedError) as caught:
        OlderClient(url=dataworks.emulator.url, **key).reply("GetProject", ProjectId=STANDARD)
    assert (caught.value.http, caught.value.code) == refusal


def signed_query(**changes: str) -> dict[str, str]:
    """Sign a request for GetProject as the older client does; ``changes`` are made before it is signed."""
    from alibabacloud_credentials.utils.parameter_helper import compose_string_to_sign
    from aliyunsdkcore.auth.algorithm import sha_hmac1
    from aliyunsdkcore.utils.parameter_helper import get_iso_8061_date, get_uuid

    parameters = {
        "Action": "GetProject",
        "Version": "2020-05-18",
        "Format": "JSON",
        "ProjectId": str(STANDARD),
        "AccessKeyId": "LTAI-emulator-demo",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": get_uuid(),
        "Timestamp": get_iso_8061_date(),
        **changes,
    }
    signature = sha_hmac1.get_sign_string(compose_string_to_sign("GET", parameters), "emulator-demo-secret&")
    return {**parameters, "Signature": signature}


def test_a_request_counts_once(dataworks: DataWorks) -> None:
    """Whoever records a request must not be able to repeat it."""
    query = signed_query()
    assert get(dataworks.emulator.url, query)[0] == 200
    status, reply = get(dataworks.emulator.url, query)
    assert (status, reply["Code"]) == (400, "SignatureNonceUsed")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Timestamp": "2020-01-01T00:00:00Z"}, "InvalidTimeStamp.Expired"),
        ({"Timestamp": "yesterday"}, "InvalidTimeStamp.Format"),
        ({"Timestamp": ""}, "MissingTimestamp"),
        ({"SignatureNonce": ""}, "MissingSignatureNonce"),
        ({"SignatureMethod": "HMAC-MD5"}, "IncompleteSignature"),
        ({"SecurityToken": "of-no-key"}, "InvalidSecurityToken.Malformed"),
    ],
)
def test_a_request_that_proves_nothing_is_refused(dataworks: DataWorks, changes: dict[str, str], code: str) -> None:
    status, reply = get(dataworks.emulator.url, signed_query(**changes))
    assert (status, reply["Code"]) == (400, code)


@pytest.mark.parametrize("change", [{"ProjectId": "100002"}, {"Action": "ListProjects"}, {"PageSize": "1"}])
def test_a_parameter_that_was_changed_afterwards_does_not_match(dataworks: DataWorks, change: dict[str, str]) -> None:
    status, reply = get(dataworks.emulator.url, {**signed_query(), **change})
    assert (status, reply["Code"]) == (400, "SignatureDoesNotMatch")


def test_headers_do_not_say_what_is_called(dataworks: DataWorks) -> None:
    """This signature does not cover headers, so a header must not turn a signed read into another call."""
    status, reply = get(dataworks.emulator.url, signed_query(), {"x-acs-action": "ListProjects"})
    assert (status, reply["Data"]["ProjectId"]) == (200, STANDARD)
    status, reply = get(dataworks.emulator.url, signed_query(Action=""), {"x-acs-action": "ListProjects"})
    assert (status, reply["Code"]) == (404, "InvalidAction.NotFound")

"""From what the vendor's SDK raises, or the service says in a reply, to the typed errors of this provider.

Error codes: https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-errorcodes
The pages of the operations of 2024-05-18 list none; their codes here were seen in
https://github.com/aliyun/alibabacloud-aiops-skills (DataWorks).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RejectedError,
    ServiceError,
    ThrottledError,
    UnclearError,
)

SERVICE_ROLE = "AliyunServiceRoleForDataworksEngine"
_SDK_FRAME = re.compile(r"^code: \d+, (?P<message>.*?)(?: request id: \S*)?$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a code means to us.

    :param kind: the error to raise.
    :param advice: what the user can do.
    """

    kind: type[ServiceError]
    advice: str = ""


_PERMISSION = (
    "Give the RAM user the policy AliyunDataWorksFullAccess (action dataworks:*), and a role in the workspace: Develop "
    "to edit nodes, O&M to deploy and run them. Some operations also need a higher DataWorks edition, and those on "
    "pipelines of PAI need the policy AliyunPAIFullAccess (paidesigner:*, paiflow:*)."
)
_WORKSPACE = "Check the workspace (name or id) and the region of the connection, and that the key is a member of it."
_TOKEN = Meaning(
    kind=AuthenticationError,
    advice=(
        "The security token is missing, wrong, or has expired: with authentication sts put a new one into the "
        "connection, or choose a way that renews it, such as ram_role_arn."
    ),
)
_UNREADABLE_SPEC = Meaning(
    kind=RejectedError,
    advice="Data Studio could not read the definition of the node: look for what is unusual in its arguments.",
)
OTHER_GENERATION = (
    "Perhaps the workspace has the other generation of DataStudio: the legacy DataStudio is served by version "
    "2020-05-18 of the API, the new Data Studio by 2024-05-18. Set data_studio of the connection to legacy or new."
)
_MEANINGS = {
    "InvalidAccessKeyId.NotFound": Meaning(
        kind=AuthenticationError, advice="Check the AccessKey id in the Login field of the connection."
    ),
    "InvalidAccessKeyId.Inactive": Meaning(
        kind=AuthenticationError, advice="The AccessKey is disabled: enable it, or put another one into the connection."
    ),
    "SignatureDoesNotMatch": Meaning(
        kind=AuthenticationError, advice="Check the AccessKey secret in the Password field of the connection."
    ),
    "InvalidSecurityToken.Expired": _TOKEN,
    "InvalidSecurityToken.Malformed": _TOKEN,
    "MissingSecurityToken": _TOKEN,
    "InvalidTimeStamp.Expired": Meaning(
        kind=AuthenticationError, advice="The clock of this machine is wrong by more than 15 minutes: set it."
    ),
    "SignatureNonceUsed": Meaning(kind=ThrottledError),
    "Forbidden.Access": Meaning(kind=PermissionDeniedError, advice=_PERMISSION),
    "ResourceNotAuthorized.Api": Meaning(kind=PermissionDeniedError, advice=_PERMISSION),
    "Forbidden.Not.Server": Meaning(
        kind=RejectedError, advice="The service is not offered in this region: check the region of the connection."
    ),
    "Invalid.Tenant.ProjectNotExists": Meaning(kind=NotFoundError, advice=_WORKSPACE),
    "ProjectNotFound": Meaning(kind=NotFoundError, advice=_WORKSPACE),
    "InstanceNotFound": Meaning(kind=NotFoundError),
    "NoPermission": Meaning(kind=PermissionDeniedError, advice=_PERMISSION),
    "Forbidden": Meaning(kind=PermissionDeniedError, advice=_PERMISSION),
    "Forbidden.RAM": Meaning(kind=PermissionDeniedError, advice=_PERMISSION),
    "9990010001": Meaning(
        kind=RejectedError, advice="Activate DataWorks for the account in the region of the connection."
    ),
    "9990020002": Meaning(kind=ThrottledError),
    "1201111431": Meaning(kind=RejectedError, advice=OTHER_GENERATION),
    "58014884415": _UNREADABLE_SPEC,
    "0x5083000000000005": _UNREADABLE_SPEC,
    "5801489541076353033": Meaning(
        kind=NotFoundError,
        advice=(
            "Data Studio knows nothing of this id that it could publish. A node in a workflow is published with its "
            f"workflow only. {OTHER_GENERATION}"
        ),
    ),
    "Invalid.Tenant.ConnectionNotExists": Meaning(kind=NotFoundError),
    "InvalidAction.NotFound": Meaning(
        kind=RejectedError, advice="This endpoint does not offer the operation: check the endpoint of the connection."
    ),
    "Throttling.Api.Risk": Meaning(
        kind=QuotaExhaustedError, advice="The calls of the day are used up: wait for tomorrow, or raise the edition."
    ),
    "Throttling.Resource": Meaning(
        kind=QuotaExhaustedError, advice="The edition's quota is used up: raise the edition, or wait for its renewal."
    ),
}
_ADVICE_BY_TEXT = {
    SERVICE_ROLE: Meaning(
        kind=PermissionDeniedError,
        advice=(
            f"DataWorks is not authorised for PAI: the service-linked role {SERVICE_ROLE} is missing. The main "
            "account, or a RAM user with AliyunDataWorksFullAccess, creates it with one click on the page of any PAI "
            "Designer node."
        ),
    ),
    "multiple nodes into the same output": Meaning(
        kind=RejectedError,
        advice="Another node of the workspace has this output name already: give the node another name.",
    ),
}


_ADVICE_BY_REFUSED_OPERATION = {
    "UpdateFile": (
        "By the newest documentation, changing a node over the API needs DataWorks Enterprise Edition: change the node "
        "in DataStudio instead, and run it with PaiDesignerTestNodeOperator."
    ),
    "RunCycleDagNodes": (
        "By the newest documentation, a Backfill over the API needs DataWorks Enterprise Edition. A Test does the same "
        'for one business date: use run_mode="test" or PaiDesignerTestNodeOperator, one task for each day.'
    ),
}
"""What else a 403 of these operations may mean."""


def reply_error(
    *,
    operation: str,
    code: object,
    message: object,
    request_id: object = "",
    http_status: int | None = None,
    recommendation: object = "",
    retry_after_seconds: float | None = None,
) -> ServiceError:
    """Make the typed error for a reply in which the service says no.

    :param code: the service's code; text or number.
    :param message: the service's message.
    """
    code, message = str(code or ""), str(message or "").strip()
    meaning = next((meaning for text, meaning in _ADVICE_BY_TEXT.items() if text in message), None) or _MEANINGS.get(
        code, _by_status(code, http_status)
    )
    advice = meaning.advice
    if meaning.kind is PermissionDeniedError and operation in _ADVICE_BY_REFUSED_OPERATION:
        advice = f"{advice} {_ADVICE_BY_REFUSED_OPERATION[operation]}"
    details = ", ".join(f"{name} {value}" for name, value in (("code", code), ("request id", request_id)) if value)
    return meaning.kind(
        f"{operation}: {message or 'the service gave no message'}"
        + (f" ({details})" if details else "")
        + (f". {advice}" if advice else ""),
        operation=operation,
        code=code,
        request_id=str(request_id or ""),
        http_status=http_status,
        recommendation=str(recommendation or ""),
        retry_after_seconds=retry_after_seconds,
    )


def _by_status(code: str, http_status: int | None) -> Meaning:
    if http_status == 429 or code.startswith("Throttling"):
        return Meaning(kind=ThrottledError)
    if http_status == 403:
        return Meaning(kind=PermissionDeniedError, advice=_PERMISSION)
    if http_status is not None and (http_status == 408 or http_status >= 500):
        return Meaning(kind=UnclearError)
    # The products of PAI document no codes. An operation that a service does not have is no missing object.
    missing = http_status == 404 and not code.startswith("InvalidAction")
    if missing or code.endswith("NotExists") or code.endswith("NotExist"):
        return Meaning(kind=NotFoundError)
    return Meaning(kind=RejectedError)


def sdk_error(operation: str, error: Exception) -> ServiceError:
    """Make the typed error for what the vendor's SDK raised.

    The SDK wraps every transport failure alike; what happened is in the chain behind it. Its exceptions hold the
    signed request, so they are never kept as a cause.
    """
    from alibabacloud_tea_openapi.exceptions import AlibabaCloudException

    if isinstance(error, AlibabaCloudException):
        data: Mapping[str, Any] = error.data if isinstance(error.data, Mapping) else {}
        framed = _SDK_FRAME.match(error.message or "")
        return reply_error(
            operation=operation,
            code=error.code,
            message=data.get("Message") or (framed["message"] if framed else error.message),
            request_id=error.request_id,
            http_status=error.status_code,
            recommendation=data.get("Recommend"),
            retry_after_seconds=error.retry_after / 1000 if error.retry_after else None,
        )
    return _transport_error(operation, error)


def _transport_error(operation: str, error: Exception) -> ServiceError:
    import requests
    import urllib3

    chain = list(_chain(error))
    if ours := next((link for link in chain if isinstance(link, ServiceError)), None):
        return ours
    not_sent = (
        requests.exceptions.SSLError,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
    )
    if any(isinstance(link, not_sent) for link in chain):
        return NotSentError(
            f"{operation}: the service could not be reached ({_last_words(chain)}). Check the region, network and "
            "endpoint of the connection, and the way out of this machine.",
            operation=operation,
            code="NotSent",
        )
    return UnclearError(
        f"{operation}: no usable reply came ({_last_words(chain)}). The call may or may not have been carried out.",
        operation=operation,
        code="Unclear",
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "inner_exception", None) or error.__context__


def _last_words(chain: list[BaseException]) -> str:
    """The innermost exception that has a text; a reply's body may be long, its beginning is enough."""
    text = next((str(link) for link in reversed(chain) if len(str(link)) > 3), type(chain[-1]).__name__)
    return " ".join(text.split())[:200]

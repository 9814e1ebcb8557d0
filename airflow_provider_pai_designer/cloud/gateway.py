"""One way to call a product of Alibaba Cloud: the official synchronous client, with time-outs, retries and errors.

The SDK's own asynchronous methods build a TLS context for every request, so they are not used anywhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from inspect import signature
from typing import Any

from airflow_provider_pai_designer.cloud.credentials import Credentials, CredentialsClient
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.cloud.errors import reply_error, sdk_error
from airflow_provider_pai_designer.cloud.limiter import CALLS_PER_SECOND, DEFAULT_EDITION, limiter_of
from airflow_provider_pai_designer.exceptions import ServiceError, UnclearError

LEGACY_VERSION, NEW_VERSION = "2020-05-18", "2024-05-18"
"""Versions of the API: for workspaces of the legacy DataStudio, and of the new Data Studio."""

PAI_VERSION = "2021-02-02"
"""Version of the APIs of PAIFlow and PaiStudio."""

DATAWORKS, PAIFLOW, PAISTUDIO = "dataworks", "paiflow", "paistudio"
"""Products, as endpoints name them."""

_PACKAGES = {DATAWORKS: "dataworks_public", PAIFLOW: PAIFLOW, PAISTUDIO: PAISTUDIO}

CONNECT_TIMEOUT_MILLISECONDS = 5_000
READ_TIMEOUT_MILLISECONDS = 10_000
_ATTEMPTS = ContextVar("attempts", default=5)
_LONGEST_WAIT_SECONDS = 30.0
_REQUESTS = ("request", "tmp_req")
"""What the SDK's methods call the model with the parameters of an operation."""


@contextmanager
def one_attempt() -> Iterator[None]:
    """Make each call inside the block only once: for who comes back later by himself, and must not add to a storm."""
    token = _ATTEMPTS.set(1)
    try:
        yield
    finally:
        _ATTEMPTS.reset(token)


class Gateway:
    """Calls operations of one version of a product by name: of ``dataworks-public``, or of a product of PAI.

    :param endpoint: where the service answers; the same host serves both versions of DataWorks.
    :param product: :data:`DATAWORKS`, :data:`PAIFLOW` or :data:`PAISTUDIO`.
    :param version: :data:`LEGACY_VERSION` or :data:`NEW_VERSION`; :data:`PAI_VERSION` for the products of PAI.
    :param credentials: where the key that signs the calls comes from.
    :param edition: of the account, one of :data:`~.limiter.CALLS_PER_SECOND`.
    :param calls_per_second: how many calls this process makes for the account, over all gateways; None for what the
        edition allows, and for no limit on loopback.
    :param on_secret: told every secret that is read, so that it can be masked.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        credentials: Credentials,
        product: str = DATAWORKS,
        version: str = LEGACY_VERSION,
        edition: str = DEFAULT_EDITION,
        calls_per_second: float | None = None,
        on_secret: Callable[[str], None] = lambda _: None,
    ) -> None:
        from alibabacloud_tea_openapi.utils_models import Config
        from darabonba.runtime import RuntimeOptions

        package = f"alibabacloud_{_PACKAGES[product]}{version.replace('-', '')}"
        client = import_module(f"{package}.client")
        self._models = import_module(f"{package}.models")
        self._runtime = RuntimeOptions()
        usual = CALLS_PER_SECOND[edition] if endpoint.protocol == "https" else math.inf
        self.calls_per_second = calls_per_second or usual
        self._limiter = limiter_of(f"{endpoint.url} {credentials.account}", self.calls_per_second)
        self._client = client.Client(
            Config(
                credential=CredentialsClient(credentials, on_secret=on_secret),
                endpoint=endpoint.host,
                protocol=endpoint.protocol,
                connect_timeout=CONNECT_TIMEOUT_MILLISECONDS,
                read_timeout=READ_TIMEOUT_MILLISECONDS,
                # The SDK takes HTTP_PROXY from the environment wherever none is given, and does not know NO_PROXY.
                # Plain HTTP is spoken on loopback only; there the endpoint stands in as its own proxy.
                http_proxy=endpoint.url if endpoint.protocol == "http" else None,
            )
        )

    def read(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Call an operation that changes nothing; passing failures are tried again.

        :param operation: name as the vendor writes it, such as ``GetFile``.
        :param parameters: names as in the SDK's request model; a nested model is a mapping with the vendor's own names.
        :return: the reply's body.
        :raises ServiceError: the service refused, or could not be reached.
        """
        return self._repeat(lambda error: error.retryable, operation, parameters)

    def write(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Call an operation that changes something; it is repeated only if it was certainly not carried out.

        :raises UnclearError: it is not known whether the operation was carried out; look before asking again.
        """
        return self._repeat(lambda error: error.retryable and not error.acted, operation, parameters)

    def _repeat(
        self, may_repeat: Callable[[ServiceError], bool], operation: str, parameters: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, ServiceError) and may_repeat(error)),
            stop=stop_after_attempt(_ATTEMPTS.get()),
            wait=_wait_as_told,
            reraise=True,
        )
        return retrying(self._call, operation, parameters)

    def _call(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        method = getattr(self._client, f"{_snake_case(operation)}_with_options")
        arguments = self._arguments(operation, list(signature(method).parameters), parameters)
        reply: Mapping[str, Any] = {}
        self._limiter.wait()
        try:
            body = method(*arguments).body
            reply = body.to_map()
            failure = None
        except Exception as error:
            # Whatever a reply does to the SDK's parser becomes one of our errors.
            failure = sdk_error(operation, error)
        if failure is not None:
            # Raised out here, so that the SDK's exception, which holds the signed request, is not kept as context.
            raise failure
        # Most operations of the newer version have no such member: there every refusal is an error of the SDK.
        _check_success(operation, reply, expected=hasattr(body, "success"))
        return reply

    def _arguments(self, operation: str, names: list[str], parameters: Mapping[str, Any]) -> list[Any]:
        """Arrange what a method of the SDK takes; the products of PAI want ids of the path one by one."""
        fields = {name: value for name, value in parameters.items() if name not in names}
        known = {"headers": {}, "runtime": self._runtime, **parameters}
        return [self._request(operation, fields) if name in _REQUESTS else known[name] for name in names]

    def _request(self, operation: str, parameters: Mapping[str, Any]) -> Any:
        model = f"{operation}Request"
        fields = {
            name: getattr(self._models, model + _camel_case(name))().from_map(value)
            if isinstance(value, Mapping)
            else value
            for name, value in parameters.items()
        }
        return getattr(self._models, model)(**fields)


_ENVELOPE = ("RequestId", "HttpStatusCode", "Success", "ErrorCode", "ErrorMessage")


def _check_success(operation: str, reply: Mapping[str, Any], *, expected: bool) -> None:
    """Judge a reply by ``Success`` alone: the service may set an error code beside ``Success: true``."""
    success = str(reply.get("Success")).lower()
    if success == "true" or not expected:
        return
    given = ", ".join(f"{name} {value}" for name, value in reply.items() if value and name not in _ENVELOPE)
    if success == "false" and given:
        raise UnclearError(
            f"{operation}: the reply says both yes ({given[:80]}) and no ({reply.get('ErrorCode') or 'no code'}: "
            f"{reply.get('ErrorMessage') or 'no message'}; request id {reply.get('RequestId')}).",
            operation=operation,
            code=str(reply.get("ErrorCode") or ""),
            request_id=str(reply.get("RequestId") or ""),
        )
    if success == "false":
        raise reply_error(
            operation=operation,
            code=reply.get("ErrorCode"),
            message=reply.get("ErrorMessage"),
            request_id=reply.get("RequestId"),
            http_status=200,
        )
    raise UnclearError(
        f"{operation}: the reply does not say whether it succeeded (request id {reply.get('RequestId') or 'none'}).",
        operation=operation,
        code="MalformedReply",
    )


def _wait_as_told(state: Any) -> float:
    """Wait as long as the service asks, else about 0.5, 1, 2, 4 seconds."""
    from tenacity import wait_random_exponential

    error = state.outcome.exception()
    if error.retry_after_seconds:
        return min(float(error.retry_after_seconds), _LONGEST_WAIT_SECONDS)
    return float(wait_random_exponential(multiplier=1, max=8)(state)) + 0.25


def _camel_case(parameter: str) -> str:
    return "".join(word.capitalize() for word in parameter.split("_"))


def _snake_case(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()

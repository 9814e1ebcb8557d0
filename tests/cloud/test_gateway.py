"""What a user would lose: a write repeated that was carried out, a read lost to a hiccup, a secret in an error."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airflow_provider_pai_designer.cloud.credentials import Credentials
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RejectedError,
    ServiceError,
    ThrottledError,
    UnclearError,
)

SECRET = "not-a-real-secret"
KEY = Credentials(access_key_id="LTAI-test", access_key_secret=SECRET)
Reply = tuple[int, bytes]


class Script:
    """A server that answers with the given replies, one after the other; the last one stays. None hangs up."""

    def __init__(self) -> None:
        self.replies: list[Reply | None] = []
        self.calls = 0
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                reply = script.replies[min(script.calls, len(script.replies) - 1)]
                script.calls += 1
                if reply is None:
                    self.close_connection = True
                    return
                status, body = reply
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def gateway(self) -> Gateway:
        endpoint = Endpoint(protocol="http", host=f"127.0.0.1:{self.server.server_port}")
        return Gateway(endpoint=endpoint, credentials=KEY)


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_pai_designer.cloud.gateway._wait_as_told", lambda _: 0)


def envelope(**members: Any) -> Reply:
    return 200, json.dumps({"RequestId": "request-1", "Success": True, **members}).encode()


def gateway_error(status: int, code: str, message: str = "words of the service") -> Reply:
    return status, json.dumps({"Code": code, "Message": message, "RequestId": "request-1"}).encode()


def write(gateway: Gateway) -> Any:
    return gateway.write("RunSmokeTest", node_id=1, name="n", bizdate="2026-11-22 00:00:00", project_env="DEV")


def read(gateway: Gateway) -> Any:
    return gateway.read("GetDag", dag_id=1, project_env="DEV")


GOOD = envelope(Data=7)
WEATHER = [
    None,
    (502, b"<html>bad gateway</html>"),
    (200, b"<html>hello</html>"),
    (200, b'{"Success": tr'),
    (200, b"[]"),
    (200, b""),
    (200, b'{"RequestId": "request-1"}'),
    gateway_error(500, "InternalError.System"),
    gateway_error(503, "ServiceUnavailable"),
    envelope(Success=False, Data=7, ErrorCode="Odd", ErrorMessage="yes and no"),
]


@pytest.mark.parametrize("weather", WEATHER, ids=repr)
def test_a_write_without_a_clear_answer_is_never_repeated(script: Script, weather: Reply | None) -> None:
    script.replies = [weather, GOOD]
    with pytest.raises(UnclearError) as caught:
        write(script.gateway)
    assert caught.value.acted
    assert script.calls == 1


@pytest.mark.parametrize("weather", WEATHER[:-1], ids=repr)
def test_a_read_gets_through_a_hiccup(script: Script, weather: Reply | None) -> None:
    script.replies = [weather, weather, envelope(Data={"DagId": 1})]
    assert read(script.gateway)["Data"]["DagId"] == 1


@pytest.mark.parametrize("call", [read, write])
def test_a_throttled_call_is_made_again(script: Script, call: Callable[[Gateway], Any]) -> None:
    script.replies = [gateway_error(429, "Throttling.User"), envelope(Data={"DagId": 1} if call is read else 7)]
    call(script.gateway)
    assert script.calls == 2


@pytest.mark.parametrize("call", [read, write])
@pytest.mark.parametrize(
    ("reply", "kind", "advice"),
    [
        (gateway_error(404, "InvalidAccessKeyId.NotFound"), AuthenticationError, "AccessKey id in the Login"),
        (gateway_error(400, "SignatureDoesNotMatch"), AuthenticationError, "secret in the Password"),
        (gateway_error(400, "InvalidTimeStamp.Expired"), AuthenticationError, "clock"),
        (gateway_error(403, "Forbidden.Access"), PermissionDeniedError, "AliyunDataWorksFullAccess"),
        (gateway_error(403, "NoPermission"), PermissionDeniedError, "AliyunDataWorksFullAccess"),
        (gateway_error(429, "Throttling.Api.Risk"), QuotaExhaustedError, "tomorrow"),
        (gateway_error(500, "Forbidden.Not.Server"), RejectedError, "region"),
        (gateway_error(404, "InvalidAction.NotFound"), RejectedError, "endpoint"),
        (
            envelope(Success=False, ErrorCode="Invalid.Tenant.ProjectNotExists", ErrorMessage="no project"),
            NotFoundError,
            "workspace",
        ),
        (envelope(Success=False, ErrorCode=1201111179, ErrorMessage="words"), RejectedError, "1201111179"),
        (
            envelope(Success=False, ErrorMessage="role AliyunServiceRoleForDataworksEngine missing"),
            PermissionDeniedError,
            "main account",
        ),
    ],
)
def test_a_no_is_final_and_says_what_to_do(
    script: Script, call: Callable[[Gateway], Any], reply: Reply, kind: type[ServiceError], advice: str
) -> None:
    script.replies = [reply, GOOD]
    with pytest.raises(kind, match=advice) as caught:
        call(script.gateway)
    assert script.calls == 1
    assert caught.value.request_id == "request-1"
    assert "request-1" in str(caught.value)


def test_throttling_without_end_is_said_at_last(script: Script) -> None:
    script.replies = [gateway_error(429, "Throttling.System")]
    with pytest.raises(ThrottledError, match="words of the service"):
        read(script.gateway)


def test_a_code_beside_success_is_no_error(script: Script) -> None:
    script.replies = [envelope(Data=7, ErrorCode="Invalid.Tenant.ConnectionNotExists", ErrorMessage="noise")]
    assert write(script.gateway)["Data"] == 7


def test_a_service_that_is_not_there_was_certainly_not_asked() -> None:
    gateway = Gateway(endpoint=Endpoint(protocol="http", host="127.0.0.1:1"), credentials=KEY)
    with pytest.raises(NotSentError, match="could not be reached.*region, network and endpoint") as caught:
        write(gateway)
    assert not caught.value.acted


def test_no_error_keeps_the_signed_request_or_the_secret(script: Script) -> None:
    for reply in (None, gateway_error(400, "SignatureDoesNotMatch"), (200, b"garbage")):
        script.replies = [reply]
        with pytest.raises(ServiceError) as caught:
            write(script.gateway)
        assert caught.value.__context__ is None
        shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
        assert SECRET not in shown
        assert "Signature=" not in shown


def test_proxies_are_kept_out_of_loopback(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    script.replies = [GOOD]
    assert write(script.gateway)["Data"] == 7


@pytest.mark.parametrize("pair", [("", SECRET), ("LTAI-test", "")])
def test_half_a_key_is_refused_before_any_call(pair: tuple[str, str]) -> None:
    endpoint = Endpoint(protocol="http", host="127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="no complete AccessKey pair"):
        Gateway(endpoint=endpoint, credentials=Credentials(access_key_id=pair[0], access_key_secret=pair[1]))


def test_a_key_does_not_show_its_secret() -> None:
    assert SECRET not in repr(KEY)

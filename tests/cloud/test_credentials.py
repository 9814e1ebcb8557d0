"""What a user would lose: a secret in a log, or a refused role without a reason."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airflow_provider_pai_designer.cloud.credentials import Credentials, CredentialsClient
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.exceptions import AuthenticationError, ConfigurationError, NotSentError, ServiceError

SECRET = "not-a-real-secret"
TOKEN = "not-a-real-token-of-the-session"
ROLE = "acs:ram::1000000000000001:role/airflow"
ISSUED = {
    "AccessKeyId": "STS.issued",
    "AccessKeySecret": "not-a-real-issued-secret",
    "SecurityToken": "not-a-real-issued-token",
    "Expiration": "2099-01-01T00:00:00Z",
}


class Sts:
    """A token service that gives one answer; None hangs up."""

    def __init__(self) -> None:
        self.answer: tuple[int, str] | None = None
        self.asked: list[str] = []
        sts = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sts.asked.append(self.path)
                if sts.answer is None:
                    self.close_connection = True
                    return
                status, body = sts.answer
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def credentials(self, **changes: Any) -> Credentials:
        values: dict[str, Any] = {
            "authentication": "ram_role_arn",
            "access_key_id": "LTAI-test",
            "access_key_secret": SECRET,
            "role": ROLE,
            "sts": Endpoint(protocol="http", host=f"127.0.0.1:{self.server.server_port}"),
        }
        return Credentials(**{**values, **changes})


@pytest.fixture
def sts() -> Iterator[Sts]:
    service = Sts()
    yield service
    service.server.shutdown()
    service.server.server_close()


def test_a_role_is_assumed_with_the_key_and_its_secrets_are_told(sts: Sts) -> None:
    sts.answer = 200, json.dumps({"Credentials": ISSUED})
    secrets: list[str] = []
    client = CredentialsClient(sts.credentials(session_name="nightly"), on_secret=secrets.append)
    assert client.get_credential().access_key_id == "STS.issued"
    client.get_credential()
    assert {ISSUED["AccessKeySecret"], ISSUED["SecurityToken"]} <= set(secrets)
    assert len(sts.asked) == 1, "the session is kept, not asked for again at every call"
    assert "RoleSessionName=nightly" in sts.asked[0]


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (
            (403, json.dumps({"Code": "NoPermission", "Message": f"no {TOKEN}"})),
            AuthenticationError,
            "HTTP 403, code NoPermission",
        ),
        ((400, f"garbage {TOKEN}"), AuthenticationError, "HTTP 400. Check the key, the role"),
        ((500, f"garbage {TOKEN}"), NotSentError, "no usable reply"),
        ((200, f"garbage {TOKEN}"), NotSentError, "no usable reply"),
        ((200, json.dumps({"Credentials": {"SecurityToken": TOKEN}})), NotSentError, "no usable reply"),
        (None, NotSentError, "no usable reply"),
    ],
)
def test_nothing_of_a_bad_answer_gets_out(
    sts: Sts,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    answer: tuple[int, str] | None,
    kind: type[ServiceError],
    message: str,
) -> None:
    sts.answer = answer
    client = CredentialsClient(sts.credentials(security_token=TOKEN), on_secret=lambda _: None)
    with caplog.at_level(logging.DEBUG), pytest.raises(kind, match=message) as caught:
        client.get_credential()
    printed = capfd.readouterr()
    shown = caplog.text + printed.out + printed.err + "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    for secret in (TOKEN, SECRET, "Signature="):
        assert secret not in shown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"authentication": "magic"}, "Unknown authentication 'magic'.*access_key, sts"),
        ({"authentication": "sts"}, "needs the field STS token"),
        ({"role": ""}, "needs the ARN of a role"),
        ({"role": "airflow"}, "needs the ARN of a role"),
        ({"access_key_secret": ""}, "no complete AccessKey pair"),
        ({"access_key_id": "LTAI-test\n"}, "a space or a line break"),
    ],
)
def test_an_incomplete_connection_is_refused_before_any_call(sts: Sts, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CredentialsClient(sts.credentials(**changes), on_secret=lambda _: None)
    assert sts.asked == []


def test_a_key_with_a_token_is_used_as_it_is(sts: Sts) -> None:
    credentials = sts.credentials(authentication="sts", security_token=TOKEN)
    model = CredentialsClient(credentials, on_secret=lambda _: None).get_credential()
    assert (model.access_key_id, model.security_token) == ("LTAI-test", TOKEN)


def test_the_default_chain_reads_the_machines_environment() -> None:
    script = (
        "from airflow_provider_pai_designer.cloud.credentials import Credentials, CredentialsClient\n"
        "client = CredentialsClient(Credentials(authentication='default'), on_secret=lambda _: None)\n"
        "print(client.get_credential().access_key_id)"
    )
    # The vendor's library reads the environment once, when it is imported: so in a process of its own.
    environment = {
        **os.environ,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-environment",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "LTAI-environment"


def test_no_part_of_credentials_shows_a_secret(sts: Sts) -> None:
    shown = repr(sts.credentials(security_token=TOKEN))
    assert SECRET not in shown
    assert TOKEN not in shown

"""What a user would lose: deployments without a key of their own, which get one from STS and get the next in time.

The vendor's library speaks to STS by TLS and under its public name alone when it has the token of an identity provider.
So that nothing of it is patched, the process under test finds that name at a TLS door in front of the emulator, and
trusts the door's certificate through ``SSL_CERT_FILE``.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest

from airflow_provider_pai_designer.cloud.credentials import Credentials
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.cloud.gateway import Gateway, one_attempt
from airflow_provider_pai_designer.emulator.launch import Emulator, launch
from airflow_provider_pai_designer.exceptions import AuthenticationError, NotSentError, ServiceError

ACCOUNT = "acs:ram::1000000000000001"
PROVIDER = f"{ACCOUNT}:oidc-provider/cluster"
STS = "sts.cn-shanghai.aliyuncs.com"
TOKEN, NEXT_TOKEN = "token-of-the-pod", "next-token-of-the-pod"
BRIEF: dict[str, Any] = {
    "arn": f"{ACCOUNT}:role/brief",
    "trusts": ["1000000000000001"],
    "oidc_provider": PROVIDER,
    "oidc_token": TOKEN,
    # the vendor's library asks for the next key a quarter of an hour before the end
    "session_seconds": 900,
}
READING = """
import socket, sys
from airflow_provider_pai_designer.cloud.credentials import Credentials
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.exceptions import AuthenticationError

_, emulator, sts, door = sys.argv
resolve = socket.getaddrinfo

def resolve_sts_to_the_door(host, port, *rest, **more):
    return resolve(*(("127.0.0.1", int(door)) if host == sts else (host, port)), *rest, **more)

socket.getaddrinfo = resolve_sts_to_the_door
gateway = Gateway(
    endpoint=Endpoint(protocol="http", host=emulator), credentials=Credentials(authentication="default"))
while True:
    try:
        print(gateway.read("GetProject", project_identifier="demo_project")["Data"]["ProjectId"], flush=True)
    except AuthenticationError as error:
        print(error, flush=True)
    if not sys.stdin.readline():
        break
"""
"""Reads a workspace with the vendor's default chain, once more for every line it is sent."""


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with launch(seed={"roles": [BRIEF, {"arn": f"{ACCOUNT}:role/trusts-nobody"}]}) as running:
        yield running


def with_role(emulator: Emulator, role: str) -> Gateway:
    here = Endpoint(protocol="http", host=emulator.url.removeprefix("http://"))
    credentials = Credentials(
        authentication="ram_role_arn",
        access_key_id=emulator.access_key_id,
        access_key_secret=emulator.access_key_secret,
        role=role,
        session_name="nightly",
        sts=here,
    )
    return Gateway(endpoint=here, credentials=credentials)


def workspace(gateway: Gateway) -> int:
    return int(gateway.read("GetProject", project_identifier="demo_project")["Data"]["ProjectId"])


def readers(emulator: Emulator) -> set[str]:
    """Return the keys with which the workspace was read."""
    calls = emulator.control.counters()
    return {count.access_key_id for count in calls if (count.operation, count.outcome) == ("GetProject", "ok")}


def test_a_workspace_is_read_with_an_assumed_role(emulator: Emulator) -> None:
    assert workspace(with_role(emulator, BRIEF["arn"])) == 100001
    (session,) = emulator.control.rows("sessions")
    assert (session["role"], session["name"]) == (BRIEF["arn"], "nightly")
    assert readers(emulator) == {session["access_key_id"]}


def test_the_next_key_is_had_when_the_session_ends(emulator: Emulator) -> None:
    """A run of several hours outlives every session."""
    gateway = with_role(emulator, BRIEF["arn"])
    assert workspace(gateway) == 100001
    emulator.control.expire_sessions()
    assert workspace(gateway) == 100001
    assert len(readers(emulator)) == 2


def test_a_key_with_a_token_is_used_until_it_expires(emulator: Emulator) -> None:
    workspace(with_role(emulator, BRIEF["arn"]))
    (key,) = [key for key in emulator.control.rows("access_keys") if key["security_token"]]
    credentials = Credentials(
        authentication="sts",
        access_key_id=key["id"],
        access_key_secret=key["secret"],
        security_token=key["security_token"],
    )
    gateway = Gateway(
        endpoint=Endpoint(protocol="http", host=emulator.url.removeprefix("http://")), credentials=credentials
    )
    assert workspace(gateway) == 100001
    emulator.control.expire_sessions()
    with pytest.raises(ServiceError, match=r"InvalidSecurityToken\.Expired"):
        workspace(gateway)


def test_a_short_failure_of_sts_is_no_failure_of_the_task(emulator: Emulator) -> None:
    emulator.control.seed({"faults": [{"behaviour": "http", "operation": "AssumeRole", "status": 503}]})
    assert workspace(with_role(emulator, BRIEF["arn"])) == 100001
    assert emulator.control.calls("AssumeRole") == 2


def test_a_role_that_does_not_trust_the_key_is_named_as_the_reason(emulator: Emulator) -> None:
    with pytest.raises(AuthenticationError, match="'ram_role_arn'.*HTTP 403, code NoPermission.*may assume it"):
        workspace(with_role(emulator, f"{ACCOUNT}:role/trusts-nobody"))


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A process whose environment says where the token of its identity provider is, and no key."""

    token: Path
    process: subprocess.Popen[str]

    def line(self) -> str:
        """Return what the process printed."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def read_again(self) -> str:
        """Let it read the workspace once more, and return what it printed."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.line()

    def end(self) -> str:
        """Let it end, and return what it wrote to its error output."""
        return self.process.communicate(timeout=30)[1]


@pytest.fixture
def pod(emulator: Emulator, tmp_path: Path) -> Iterator[Pod]:
    token, certificate = tmp_path / "token", tmp_path / "certificate.pem"
    token.write_text(TOKEN)
    door = _door(emulator, certificate)
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = subprocess.Popen(
        [sys.executable, "-c", READING, emulator.url.removeprefix("http://"), STS, str(door.server_port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **{name: value for name, value in own.items() if not name.startswith("ALIBABA_CLOUD_")},
            "ALIBABA_CLOUD_ROLE_ARN": BRIEF["arn"],
            "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": PROVIDER,
            "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token),
            "ALIBABA_CLOUD_ROLE_SESSION_NAME": "pod",
            "ALIBABA_CLOUD_STS_REGION": "cn-shanghai",
            "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
            "HOME": str(tmp_path),
            "SSL_CERT_FILE": str(certificate),
        },
    )
    yield Pod(token=token, process=process)
    process.kill()
    process.communicate()
    door.shutdown()
    door.server_close()


def test_a_workspace_is_read_with_the_token_of_a_pod(emulator: Emulator, pod: Pod) -> None:
    assert pod.line() == "100001"
    (session,) = emulator.control.rows("sessions")
    assert (session["role"], session["name"]) == (BRIEF["arn"], "pod")
    assert readers(emulator) == {session["access_key_id"]}


def test_a_pod_whose_token_was_renewed_gets_the_next_key(emulator: Emulator, pod: Pod) -> None:
    """The cluster writes a new token into the file long before the process ends."""
    assert pod.line() == "100001"
    pod.token.write_text(NEXT_TOKEN)
    emulator.control.seed({"roles": [{**BRIEF, "oidc_token": NEXT_TOKEN}]})
    emulator.control.expire_sessions()
    assert pod.read_again() == "100001"
    assert len(readers(emulator)) == 2


def test_a_token_that_is_not_accepted_is_named_as_the_reason_and_not_shown(emulator: Emulator, pod: Pod) -> None:
    assert pod.line() == "100001"
    emulator.control.seed({"roles": [{**BRIEF, "oidc_token": NEXT_TOKEN}]})
    emulator.control.expire_sessions()
    printed = pod.read_again()
    assert "HTTP 400, code AuthenticationFail.OIDCToken.Invalid" in printed
    assert TOKEN not in printed + pod.end()


def test_a_service_without_a_certificate_to_trust_is_told_nothing(emulator: Emulator, tmp_path: Path) -> None:
    door = _door(emulator, tmp_path / "certificate.pem")
    calls = emulator.control.calls("GetProject")
    gateway = Gateway(
        endpoint=Endpoint(protocol="https", host=f"localhost:{door.server_port}"),
        credentials=Credentials(access_key_id=emulator.access_key_id, access_key_secret=emulator.access_key_secret),
    )
    with one_attempt(), pytest.raises(NotSentError, match="(?i)certificate"):
        gateway.read("GetProject", project_id=100001)
    door.shutdown()
    assert emulator.control.calls("GetProject") == calls


def _door(emulator: Emulator, certificate: Path) -> ThreadingHTTPServer:
    """Open a TLS door to the emulator that shows a certificate for the public name of STS."""
    opener = build_opener(ProxyHandler({}))

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                with opener.open(f"{emulator.url}{self.path}", timeout=10) as reply:
                    status, body = reply.status, reply.read()
            except HTTPError as error:
                with error:
                    status, body = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certify(certificate))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


def _certify(path: Path) -> Path:
    """Write a key and a certificate for the public name of STS that it signed itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, STS)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(STS)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path

"""A service that answers every operation as a test says, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from airflow_provider_pai_designer.cloud.credentials import Credentials
from airflow_provider_pai_designer.cloud.endpoints import Endpoint
from airflow_provider_pai_designer.cloud.gateway import DATAWORKS, NEW_VERSION, Gateway


class Refusal:
    """An answer with an HTTP error."""

    def __init__(self, code: str, message: str = "words of the service", *, status: int = 400) -> None:
        self.status = status
        self.body = {"Code": code, "Message": message, "RequestId": "request-1"}

    def __repr__(self) -> str:
        return f"Refusal({self.status}, {self.body['Code']})"


Answer = Mapping[str, Any] | Refusal | bytes | None


class Wire:
    """Answers the calls of a gateway.

    :param version: of the API that the gateway speaks.
    :param product: whose API it is.
    """

    def __init__(self, version: str = NEW_VERSION, product: str = DATAWORKS) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.calls: list[tuple[str, dict[str, str]]] = []
        wire = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
                # DataWorks takes a form, the products of PAI take JSON and name their objects in the path.
                fields = json.loads(body) if body.startswith("{") else dict(parse_qsl(body))
                address = urlsplit(self.path)
                asked = {"path": address.path, **dict(parse_qsl(address.query)), **fields}
                answer = wire.answer(self.headers["x-acs-action"], asked)
                if answer is None:
                    self.close_connection = True
                    return
                status = answer.status if isinstance(answer, Refusal) else 200
                content = answer.body if isinstance(answer, Refusal) else answer
                text = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - the names are the standard library's

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.gateway = Gateway(
            endpoint=Endpoint(protocol="http", host=f"127.0.0.1:{self._server.server_port}"),
            credentials=Credentials(access_key_id="LTAI-test", access_key_secret="not-a-real-secret"),
            version=version,
            product=product,
        )

    def will(self, operation: str, *answers: Answer) -> None:
        """Answer an operation with these, one after the other; the last one stays. None hangs up."""
        self.answers[operation] = list(answers)

    def answer(self, operation: str, asked: dict[str, str]) -> Answer:
        """Return the next answer of an operation; what a test says nothing about is refused."""
        self.calls.append((operation, asked))
        left = self.answers.get(operation) or [Refusal("Unexpected", operation)]
        answer = left.pop(0) if len(left) > 1 else left[0]
        return {"RequestId": "request-1", **answer} if isinstance(answer, Mapping) else answer

    def asked(self, operation: str) -> list[dict[str, str]]:
        """Return what an operation was asked, call by call."""
        return [asked for name, asked in self.calls if name == operation]

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

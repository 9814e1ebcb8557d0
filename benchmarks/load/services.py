"""The doors that loads go through, each of which counts: to an emulator, and to a fake of the peers' services."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import re
import ssl
import threading
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_RUN = re.compile(rb"/runs/(\d+)/")
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Door:
    """A port on the loopback interface.

    :param tls: what it proves itself with; None for plain HTTP.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.port = 0
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.requests = 0

    async def listen(self) -> asyncio.Server:
        """Begin to listen on a free port."""
        server = await asyncio.start_server(self._count, "127.0.0.1", 0, ssl=self.tls, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _count(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self.answer(reader, writer)
        finally:
            self.open -= 1
            writer.close()

    @abstractmethod
    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""


class Relay(Door):
    """Passes connections on to another port, without reading them."""

    def __init__(self, target: int, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self._target = target

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class JobService(Door):
    """Answers what the triggers of Databricks and dbt Cloud ask about a run.

    :param ends: run id to the epoch seconds of its end; any other run goes on for ever.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(tls)
        self.ends: Mapping[int, float] = {}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            self.requests += 1
            reply = json.dumps(self._dbt(head) if b"/accounts/" in head else self._databricks(body)).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(reply) + reply
            )
            await writer.drain()

    def _has_ended(self, run: int) -> bool:
        return time.time() >= self.ends.get(run, float("inf"))

    def _dbt(self, head: bytes) -> object:
        match = _RUN.search(head)
        assert match is not None
        return {"data": {"id": int(match[1]), "status": 10 if self._has_ended(int(match[1])) else 3}}

    def _databricks(self, body: bytes) -> object:
        run = json.loads(body)["run_id"]
        ended = {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS", "state_message": ""}
        running = {"life_cycle_state": "RUNNING", "state_message": ""}
        return {"run_id": run, "state": ended if self._has_ended(run) else running, "tasks": []}


@contextmanager
def listening(*doors: Door) -> Iterator[None]:
    """Serve doors in a thread of their own for the length of a ``with`` block."""
    loop = asyncio.new_event_loop()
    # clients are killed in the middle of whatever they do
    loop.set_exception_handler(lambda *_: None)
    thread = threading.Thread(target=loop.run_forever, name="services", daemon=True)
    thread.start()
    try:
        for door in doors:
            asyncio.run_coroutine_threadsafe(door.listen(), loop).result(30)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(_end_connections(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


async def _end_connections() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for the loopback interface; return what a server needs, and a bundle that trusts it.

    The bundle holds the usual authorities too, as it does where clients pay for reading them.
    """
    import certifi
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + public)
    (folder / "bundle.pem").write_bytes(Path(certifi.where()).read_bytes() + b"\n" + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, folder / "bundle.pem"

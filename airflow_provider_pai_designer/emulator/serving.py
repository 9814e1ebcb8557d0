"""The socket: HTTP on the loopback interface. The only module that knows Starlette and uvicorn.

Requests are answered in the event loop itself, one after the other: see ``store``.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from airflow_provider_pai_designer.emulator import control, gateway
from airflow_provider_pai_designer.emulator.control import ControlRequest
from airflow_provider_pai_designer.emulator.pages import answer as pages
from airflow_provider_pai_designer.emulator.pages.answer import PageRequest
from airflow_provider_pai_designer.emulator.pages.render import PREFIX as PAGES
from airflow_provider_pai_designer.emulator.reply import Ending, Reply
from airflow_provider_pai_designer.emulator.signature import ApiRequest
from airflow_provider_pai_designer.emulator.world import World

_HOSTS = ["127.0.0.1", "localhost"]


def application(world: World, *, token: str) -> Starlette:
    """Return the ASGI application.

    :param token: what requests to the control side must bring.
    """

    async def serve_vendor(request: Request) -> Response:
        if request.url.path == "/" and "text/html" in request.headers.get("Accept", ""):
            # no client of the API asks for that: it is a browser with the address that the emulator has printed
            return RedirectResponse(f"{PAGES}/")
        return await _respond(request, gateway.answer(world, await _received(request)))

    async def serve_control(request: Request) -> Response:
        return await _respond(request, control.answer(world, await _control(request), token=token))

    async def serve_page(request: Request) -> Response:
        return await _respond(request, pages.answer(world, await _page(request)))

    return Starlette(
        routes=[
            Route(PAGES, lambda _: RedirectResponse(f"{PAGES}/"), methods=["GET"]),
            Mount(PAGES, routes=[Route("/{path:path}", serve_page, methods=["GET", "POST"])]),
            Mount(control.PREFIX, routes=[Route("/{path:path}", serve_control, methods=["GET", "POST", "DELETE"])]),
            Route("/{path:path}", serve_vendor, methods=["GET", "POST", "PUT", "DELETE"]),
        ],
        # a web page that a browser on this machine has open must not reach us under a name of its own
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False)],
    )


def serve(world: World, *, token: str, listener: socket.socket) -> None:
    """Serve until the process is asked to end."""
    config = uvicorn.Config(
        application(world, token=token),
        http=_Protocol,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listener])


async def _received(request: Request) -> ApiRequest:
    return ApiRequest(
        method=request.method,
        path=request.scope["raw_path"].decode("latin-1"),
        query=dict(request.query_params),
        headers=dict(request.headers),
        body=await request.body(),
    )


async def _control(request: Request) -> ControlRequest:
    return ControlRequest(
        method=request.method,
        path="/" + request.path_params["path"],
        token=request.headers.get(control.TOKEN_HEADER, ""),
        body=await request.body(),
        origin=request.headers.get("Origin", ""),
        own_origin=f"http://{request.headers['Host']}",
    )


async def _page(request: Request) -> PageRequest:
    return PageRequest(
        # what is asked with HEAD is asked with GET, and its answer is not sent
        method="POST" if request.method == "POST" else "GET",
        path="/" + request.path_params["path"],
        query=dict(request.query_params),
        body=(await request.body()).decode(errors="replace"),
        origin=request.headers.get("Origin", ""),
        own_origin=f"http://{request.headers['Host']}",
    )


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 in which a handler can reach the connection.

    It takes a whole address as the target of a request, as a client writes it that was given a proxy, and as the host,
    as the vendor's credentials library writes it that was given the address of STS.
    """

    def data_received(self, data: bytes) -> None:
        # A client that sends head and body apart waits for the first to be acknowledged, which Linux puts off by 40 ms.
        if sys.platform == "linux":
            connection = self.transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        super().data_received(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value.removeprefix(b"http://") if name.lower() == b"host" else value)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


class _Silence(Response):
    """Nothing is sent: the connection is gone."""

    async def __call__(self, *_: object) -> None:
        return


async def _respond(request: Request, reply: Reply) -> Response:
    await asyncio.sleep(reply.delay)
    if reply.ending is Ending.SENT:
        kind = "text/html" if isinstance(reply.body, str) else "application/json"
        return Response(reply.text, status_code=reply.status, headers=dict(reply.headers), media_type=kind)
    if reply.ending is not Ending.HANGING:
        _cut(request.state.transport, reset=reply.ending is Ending.RESET)
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return _Silence()


def _cut(transport: asyncio.Transport, *, reset: bool) -> None:
    if reset:
        # with nothing to linger for, the system ends the connection with RST instead of FIN
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()

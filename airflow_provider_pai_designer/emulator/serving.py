"""The socket: HTTP on the loopback interface. The only module that knows Starlette and uvicorn.

Requests are answered in the event loop itself, one after the other: see ``store``.
"""

from __future__ import annotations

import json
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from airflow_provider_pai_designer.emulator import control, gateway
from airflow_provider_pai_designer.emulator.control import ControlRequest
from airflow_provider_pai_designer.emulator.gateway import Reply
from airflow_provider_pai_designer.emulator.signature import SignedRequest
from airflow_provider_pai_designer.emulator.world import World

_HOSTS = ["127.0.0.1", "localhost"]


def application(world: World, *, token: str) -> Starlette:
    """Return the ASGI application.

    :param token: what requests to the control side must bring.
    """

    async def serve_vendor(request: Request) -> Response:
        return _response(gateway.answer(world, await _signed(request)))

    async def serve_control(request: Request) -> Response:
        return _response(control.answer(world, await _control(request), token=token))

    return Starlette(
        routes=[
            Mount(control.PREFIX, routes=[Route("/{path:path}", serve_control, methods=["GET", "POST", "DELETE"])]),
            Route("/", serve_vendor, methods=["GET", "POST"]),
        ],
        # a web page that a browser on this machine has open must not reach us under a name of its own
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS, www_redirect=False)],
    )


def serve(world: World, *, token: str, listener: socket.socket) -> None:
    """Serve until the process is asked to end."""
    config = uvicorn.Config(
        application(world, token=token),
        # It takes a whole address as the target of a request, as a client writes it that was given a proxy.
        http="httptools",
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listener])


async def _signed(request: Request) -> SignedRequest:
    return SignedRequest(
        method=request.method,
        path=request.url.path,
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
    )


def _response(reply: Reply) -> Response:
    content = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":"))
    return Response(content, status_code=reply.status, media_type="application/json")

"""A Redis and a PostgreSQL of a test session's own, from the system's packages, on the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = "/usr/lib/postgresql/*/bin"
"""Where Debian puts what only a server needs; elsewhere it is on the PATH."""

_SECONDS = 30
_WITHOUT_ROOT = "postgres" if os.getuid() == 0 else None
"""The user that PostgreSQL runs as: it refuses to run as root, and Debian's package makes this one."""


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Redis for the length of a ``with`` block; gives its address."""
    port = _free_port()
    with _folder(None) as folder:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
        with _served(command, ["redis-cli", "-p", str(port), "ping"], end=signal.SIGTERM, user=None):
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Run a PostgreSQL for the length of a ``with`` block; gives the address of an empty database, without a scheme."""
    port = _free_port()
    with _folder(_WITHOUT_ROOT) as folder:
        data = folder / "data"
        _run([_tool("initdb"), "--auth=trust", "--username=airflow", "--no-sync", "-D", str(data)])
        command = [_tool("postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
        is_ready = [_tool("pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
        # an interrupt closes the connections that are left
        with _served(command, is_ready, end=signal.SIGINT, user=_WITHOUT_ROOT):
            _run([_tool("createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "airflow", "airflow"])
            yield f"airflow@127.0.0.1:{port}/airflow"


@contextmanager
def _served(
    command: Sequence[str], is_ready: Sequence[str], *, end: signal.Signals, user: str | None
) -> Iterator[None]:
    """Run a server from its first answer to the end of the block."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, cwd="/")
    try:
        deadline = time.monotonic() + _SECONDS
        while subprocess.run(is_ready, capture_output=True, check=False).returncode:
            assert server.poll() is None, f"{command[0]} ended with {server.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            time.sleep(0.1)
        yield
    finally:
        server.send_signal(end)
        server.wait(_SECONDS)


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    """A folder that belongs to a user; not in pytest's own, which pytest closes to others."""
    with tempfile.TemporaryDirectory(prefix="pai-designer-cluster-") as name:
        if user:
            shutil.chown(name, user)
        yield Path(name)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, user=_WITHOUT_ROOT, cwd="/")
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"


def _tool(name: str) -> str:
    """Find a program of PostgreSQL."""
    folders = sorted(str(path) for path in Path("/").glob(_DEBIAN.lstrip("/")))
    found = shutil.which(name, path=os.pathsep.join([*reversed(folders), os.environ.get("PATH", "")]))
    assert found, f"{name} is missing: install PostgreSQL"
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port

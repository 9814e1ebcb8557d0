"""A PostgreSQL server for one test session, without a port and without system packages."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from pgserver.postgres_server import get_server


@contextmanager
def empty_database() -> Iterator[str]:
    """Run a server for the length of a ``with`` block; gives the address of a database, as SQLAlchemy writes it."""
    # Not in pytest's own folder, which pytest closes to others: started by root, the server runs as another user.
    with (
        tempfile.TemporaryDirectory(prefix="pai-designer-postgresql-") as folder,
        get_server(folder) as server,
    ):
        server.psql("CREATE DATABASE airflow")
        _, _, address = server.get_uri("airflow").partition("://")
        yield f"postgresql+psycopg2://{address}"

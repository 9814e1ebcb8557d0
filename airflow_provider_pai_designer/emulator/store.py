"""The state of the emulator: one SQLite file, one connection.

All requests are served in one thread, one after the other: a request is a handful of indexed statements, far shorter
than handing it to another thread would take, and the single thread is the only lock needed. Write-ahead logging keeps
every committed transaction through ``kill -9``.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)
_SCHEMA = (Path(__file__).parent / "schema.sql").read_text(encoding="utf-8")

_FIRST_IDS = {
    "file": 500_000_001,
    "node": 700_000_001,
    "deployment": 3_000_001,
    "business_flow": 300_001,
    "late_call": 1,
    "run": 338_450_001,
    "operation": 12_001,
    # beyond 32 bits, as instance ids of DataWorks are
    "instance": 11_713_300_001,
    # nodes of the new Data Studio have ids of 19 digits, and so have the parts of their definition
    "studio_node": 8_604_388_726_201_130_001,
    "spec_part": 5_436_806_778_720_620_001,
    "pipeline_run": 1,
    "creation": 1,
    # behind the ids of PAI, which are texts
    "pai": 1,
}


class Store:
    """Access to the state.

    :param path: the database file; a digest of the schema is put into its name, and it is created where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(_file_of_this_schema(path), isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all changes made inside, or none when an exception leaves the block."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def execute(self, statement: str, *values: Any) -> int:
        """Run a statement and return the number of changed rows."""
        return self._connection.execute(statement, values).rowcount

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query."""
        row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return row

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self._connection.execute(query, values).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        """Return the first value of the first row of a query, None without one."""
        row = self.row(query, *values)
        return row[0] if row else None

    def insert(self, table: str, **values: Any) -> None:
        """Add a row; table and column names come from the code, never from a request."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())

    def upsert(self, table: str, **values: Any) -> None:
        """Add a row, or replace the one with the same key."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", *values.values())

    def update(self, table: str, where: dict[str, Any], **values: Any) -> None:
        """Change the rows whose columns have the values of ``where``."""
        changes = ", ".join(f"{name} = ?" for name in values)
        conditions = " AND ".join(f"{name} = ?" for name in where)
        self.execute(f"UPDATE {table} SET {changes} WHERE {conditions}", *values.values(), *where.values())

    def next_id(self, kind: str) -> int:
        """Return an id that no other object of this kind has or had."""
        self.execute("INSERT OR IGNORE INTO sequences VALUES (?, ?)", kind, _FIRST_IDS[kind] - 1)
        return int(self.value("UPDATE sequences SET value = value + 1 WHERE name = ? RETURNING value", kind))

    def setting(self, name: str) -> Any:
        """Return a stored setting, None where it was never stored."""
        text = self.value("SELECT value FROM settings WHERE name = ?", name)
        return None if text is None else json.loads(text)

    def set_setting(self, name: str, value: Any) -> None:
        """Store a setting: any JSON value."""
        self.upsert("settings", name=name, value=json.dumps(value))

    def schedule(self, due: int, kind: str, subject: int) -> None:
        """Ask the engine to act on an object when the simulated clock reaches ``due``."""
        self.upsert("events", due=due, kind=kind, subject=subject)

    def cancel(self, kind: str, subject: int) -> None:
        """Take back what was scheduled for an object."""
        self.execute("DELETE FROM events WHERE kind = ? AND subject = ?", kind, subject)


def _file_of_this_schema(path: Path) -> Path:
    """A state with other tables cannot be read: it is left as it is, for the version that wrote it."""
    file = path.with_stem(f"{path.stem}-{sha256(_SCHEMA.encode()).hexdigest()[:12]}")
    others = sorted(other.name for other in path.parent.glob(f"{path.stem}*{path.suffix}"))
    if others and not file.exists():
        _LOG.warning("Another version left %s, which stays as it is: a new state begins.", ", ".join(others))
    return file

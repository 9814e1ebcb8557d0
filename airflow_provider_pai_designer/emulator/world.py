"""What every part of the emulator shares: the state, the clock, and the settings that a seed chose."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.emulator import seed as seeds
from airflow_provider_pai_designer.emulator.clock import Clock
from airflow_provider_pai_designer.emulator.doubts import DOUBTS
from airflow_provider_pai_designer.emulator.store import Store


@dataclass(frozen=True, kw_only=True)
class World:
    """The state and the clock of one emulator."""

    store: Store
    clock: Clock

    @classmethod
    def open(cls, path: Path, *, seed: seeds.Seed, time_scale: float | None = None) -> Self:
        """Open the state; a new one gets the seed, one that exists stays as it is."""
        store = Store(path)
        with store.transaction():
            world = cls(store=store, clock=Clock(store, scale=time_scale))
            if not store.setting("seeded"):
                world.clock.begin(days_ago=seed.days_ago)
                seeds.apply(store, seed, now=world.clock.now())
                store.set_setting("seeded", True)
        return world

    @property
    def timing(self) -> seeds.Timing:
        """How long things take."""
        return seeds.Timing(**self.store.setting("timing"))

    @property
    def junk_error_fields(self) -> bool:
        """Whether successful replies carry meaningless error fields, as the vendor's samples do."""
        return bool(self.store.setting("junk_error_fields"))

    def reading(self, doubt: str) -> str:
        """Return the reading that is played for a doubt."""
        chosen: dict[str, str] = self.store.setting("doubts")
        return chosen.get(doubt, DOUBTS[doubt].default)

    def behaviours(self, kind: str) -> list[tuple[int, dict[str, Any]]]:
        """Return the seeded behaviours that are not used up, as (id, rule), the one that wins first."""
        rows = self.store.rows("SELECT * FROM behaviours WHERE kind = ? ORDER BY id DESC", kind)
        found = [(row["id"], json.loads(row["rule"]), row["used"]) for row in rows]
        return [(identity, rule) for identity, rule, used in found if rule["times"] is None or used < rule["times"]]

    def use_behaviour(self, identity: int) -> None:
        """Count one use of a behaviour."""
        self.store.execute("UPDATE behaviours SET used = used + 1 WHERE id = ?", identity)

    def workspace(self, workspace_id: int) -> sqlite3.Row:
        """Return a workspace that is known to exist."""
        row = self.store.row("SELECT * FROM workspaces WHERE id = ?", workspace_id)
        assert row is not None
        return row

    def zone(self, workspace_id: int) -> ZoneInfo:
        """Return the scheduling time zone of a workspace."""
        return ZoneInfo(self.workspace(workspace_id)["time_zone"])


def milliseconds(moment: datetime, zone: ZoneInfo) -> int:
    """Turn a local time into epoch milliseconds."""
    return int(moment.replace(tzinfo=zone).timestamp() * 1000)


def local(moment: int, zone: ZoneInfo) -> datetime:
    """Turn epoch milliseconds into a naive local time."""
    return datetime.fromtimestamp(moment / 1000, tz=UTC).astimezone(zone).replace(tzinfo=None)

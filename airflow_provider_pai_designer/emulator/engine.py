"""Time passes: before anything is read or written, everything that is due by now happens, in its order.

Nothing runs in the background. When nothing is due, bringing the state up to date is one indexed query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow_provider_pai_designer.emulator import faults, generation, releases, scheduler
from airflow_provider_pai_designer.emulator.dataworks_2024_05_18 import creations, publishing
from airflow_provider_pai_designer.emulator.paistudio_2021_02_02 import jobs
from airflow_provider_pai_designer.emulator.world import World

_HANDLERS: Mapping[str, Callable[[World, int, int], None]] = {
    "deployment": releases.on_event,
    "generation": generation.on_event,
    "instance": scheduler.on_event,
    "stop": scheduler.on_stop,
    "late_call": faults.on_event,
    "pipeline_run": publishing.on_event,
    "creation": creations.on_event,
    "draft": jobs.on_event,
}


def advance(world: World) -> None:
    """Let everything happen that is due; call it inside a transaction."""
    now = world.clock.now()
    while event := world.store.row("SELECT * FROM events WHERE due <= ? ORDER BY due LIMIT 1", now):
        due, kind, subject = event
        world.store.execute("DELETE FROM events WHERE due = ? AND kind = ? AND subject = ?", due, kind, subject)
        # it happens when it was due, however late somebody asks
        _HANDLERS[kind](world, subject, due)

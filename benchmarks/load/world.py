"""The state of an emulator with many runs under way, written without a call: a thousand take a second."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.emulator import scheduler, seed
from airflow_provider_pai_designer.emulator.world import World
from benchmarks.load.case import Case

ACCESS_KEY_ID, ACCESS_KEY_SECRET = "LTAI-emulator-demo", "emulator-demo-secret"
ACCOUNT = "1000000000000001"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A workspace of the emulator's default seed."""

    id: int
    identifier: str


WORKSPACES = {
    False: Workspace(id=100001, identifier="demo_project"),
    True: Workspace(id=100003, identifier="demo_studio_project"),
}
"""By whether it has the new Data Studio."""

_NODE, _FOREIGN_NODE = 700_900_001, 700_900_002
_NIGHT_SECONDS = 8 * 3600
_EARLIER = 0.9
"""The share of foreign instances that DataWorks made in the night before; the others came between our runs."""


def connection(endpoint: str, *, new: bool = False, **extra: Any) -> dict[str, str]:
    """Return the environment variable that is the provider's default connection.

    :param endpoint: address of the emulator, or of a door before it.
    """
    fields = {
        "region": "cn-shanghai",
        "workspace": WORKSPACES[new].identifier,
        "data_studio": "new" if new else "legacy",
        "timezone": "Asia/Shanghai",
        "dataworks_endpoint": endpoint,
        **extra,
    }
    value = {"conn_type": "pai_designer", "login": ACCESS_KEY_ID, "password": ACCESS_KEY_SECRET, "extra": fields}
    return {"AIRFLOW_CONN_PAI_DESIGNER_DEFAULT": json.dumps(value)}


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A run.

    :param run: what its trigger is made from.
    :param identity: of its instance; of the fake service its own.
    :param ends: seconds after the clock begins to go at which it ends; None for never.
    """

    run: dict[str, Any]
    identity: int
    ends: float | None


def write(
    folder: Path, case: Case, *, ages: tuple[float, float], ends: Sequence[float], quota: str = "enforced"
) -> list[Watched]:
    """Write a state in which all runs are RUNNING, and whose clock stands still.

    :param ages: seconds since the first and the last run was started.
    :param ends: seconds of that clock after which some of the runs end, spread over all of them.
    :param quota: ``enforced`` for five calls a second; ``off``.
    """
    workspaces = [{**item, "edition": "professional"} for item in seed.starting_document()["workspaces"]]
    document = seed.starting_document({"workspaces": workspaces, "quota": quota})
    world = World.open(folder / "emulator.sqlite", seed=seed.parse(document))
    world.clock.freeze()
    with closing(world.store), world.store.transaction():
        return _Writer(world, case).write(ages=ages, ends=ends)


def spread(ends: Sequence[float], runs: int) -> dict[int, float]:
    """Give ends to some of the runs, evenly: number of the run to end."""
    return {int((number + 0.5) * runs / len(ends)): end for number, end in enumerate(ends)}


class _Writer:
    def __init__(self, world: World, case: Case) -> None:
        self._world, self._store, self._case = world, world.store, case
        self._workspace_id = WORKSPACES[case.new].id
        self._yesterday = date.today() - timedelta(days=1)
        self._now = world.clock.now()

    def write(self, *, ages: tuple[float, float], ends: Sequence[float]) -> list[Watched]:
        case = self._case
        node = self._add_node(_NODE, "watched")
        foreign = self._foreign_template() if case.foreign else 0
        earlier = int(case.foreign * _EARLIER)
        self._clone(foreign, earlier, created=self._now - _NIGHT_SECONDS * 1000)
        ending = spread(ends, case.runs)
        watched = []
        for number in range(case.runs):
            done = (case.foreign - earlier) * number // case.runs
            created = self._now - int((ages[0] + (ages[1] - ages[0]) * number / case.runs) * 1000)
            self._clone(foreign, (case.foreign - earlier) * (number + 1) // case.runs - done, created=created)
            watched.append(self._start(node, number, created=created, ends=ending.get(number)))
        return watched

    def _start(self, node: Any, number: int, *, created: int, ends: float | None) -> Watched:
        business_date = self._yesterday - timedelta(days=number % self._case.dates)
        name = f"benchmark-{number}"
        with self._world.clock.standing_at(created):
            run_id = scheduler.start_test(
                self._world, node=node, name=name, business_date=business_date, override="", account=ACCOUNT
            )
        instance_id = int(self._store.value("SELECT id FROM instances WHERE run_id = ?", run_id))
        self._store.cancel("instance", instance_id)
        self._store.update(
            "instances", {"id": instance_id}, status="RUNNING", attempt=1, wait_time_began=created,
            wait_resource_began=created, running_began=created,
        )  # fmt: skip
        self._store.insert("attempts", instance_id=instance_id, number=1, succeeded=1, log="[]")
        if ends is not None:
            self._store.schedule(self._now + int(ends * 1000), "instance", instance_id)
        run = Run(
            name=name,
            node_id=_NODE,
            environment="DEV",
            business_date=business_date,
            remote_dag_ids=(run_id,),
        )
        return Watched(run={**run.to_dict(), "since": created / 1000}, identity=instance_id, ends=ends)

    def _foreign_template(self) -> int:
        """Add an instance of somebody else's node, which ended in the night, and return its id."""
        node = self._add_node(_FOREIGN_NODE, "foreign")
        night = self._now - _NIGHT_SECONDS * 1000
        with self._world.clock.standing_at(night):
            run_id = scheduler.start_test(
                self._world, node=node, name="foreign", business_date=self._yesterday, override="", account=ACCOUNT
            )
        self._store.update("runs", {"id": run_id}, type="DAILY")
        identity = int(self._store.value("SELECT id FROM instances WHERE run_id = ?", run_id))
        self._store.cancel("instance", identity)
        self._store.update(
            "instances", {"id": identity}, dag_type="DAILY", status="SUCCESS", open=0, attempt=1, finished=night,
            wait_time_began=night, wait_resource_began=night, running_began=night,
        )  # fmt: skip
        return identity

    def _clone(self, template: int, count: int, *, created: int) -> None:
        """Add copies of an instance under the next ids."""
        if not count:
            return
        first = self._store.next_id("instance")
        self._store.execute("UPDATE sequences SET value = value + ? WHERE name = 'instance'", count - 1)
        names = {row["name"] for row in self._store.rows("PRAGMA table_info(instances)")} - {"id", "created"}
        columns = ", ".join(names)
        self._store.execute(
            "WITH RECURSIVE numbers(id) AS (SELECT ? UNION ALL SELECT id + 1 FROM numbers WHERE id < ?) "
            f"INSERT INTO instances (id, created, {columns}) "
            f"SELECT numbers.id, ?, {', '.join(f'instances.{name}' for name in names)} "
            "FROM numbers CROSS JOIN instances WHERE instances.id = ?",
            first,
            first + count - 1,
            created,
            template,
        )

    def _add_node(self, identity: int, name: str) -> Any:
        settings = {"CronExpress": "00 05 00 * * ?", "SchedulerType": "NORMAL", "RerunMode": "ALL_ALLOWED"}
        self._store.insert(
            "nodes",
            environment="DEV",
            id=identity,
            workspace_id=self._workspace_id,
            file_id=identity,
            version=1,
            name=name,
            file_type=1117,
            folder="Business Flow/demo/Algorithm",
            description="",
            owner=ACCOUNT,
            content=seed.content("three_steps"),
            settings=json.dumps(settings),
            created=self._now,
            modified=self._now,
        )
        return self._store.row("SELECT * FROM nodes WHERE id = ?", identity)

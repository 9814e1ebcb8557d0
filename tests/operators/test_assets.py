"""What a user would lose: a DAG that starts when a table has new data, and knows for which day."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time.context import OutletEventAccessor
from jinja2 import Template

from airflow_provider_pai_designer import macros
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.hooks.assets import describe_outlets
from tests.generations import LEGACY, Generation
from tests.operators.support import RUN_AFTER
from tests.operators.test_existing_node import deployed

DOCS = Path(__file__).parent.parent.parent / "docs"
DAGS = """
from datetime import datetime
from airflow.sdk import DAG, Asset, AssetAlias, PartitionedAssetTimetable, task
from airflow_provider_pai_designer.operators.pai_designer import (
    PaiDesignerBackfillNodeOperator, PaiDesignerTestNodeOperator
)
from airflow_provider_pai_designer.sensors.pai_designer import PaiDesignerRunSensor

TABLE, PLAIN = Asset("table_{name}"), Asset("plain_{name}")
WEEK = {{"start_business_date": "2026-01-01", "end_business_date": "2026-01-03", "max_parallel_dates": 3}}
NODE = {{"designer_node_id": {node_id}, "poll_interval": 0.2}}

with DAG("test_{name}", start_date=datetime(2026, 1, 1), schedule=None):
    PaiDesignerTestNodeOperator(
        task_id="run", outlets=[TABLE, AssetAlias("alias_{name}")], business_date="2026-01-01", **NODE
    )
with DAG("backfill_{name}", start_date=datetime(2026, 1, 1), schedule=None):
    PaiDesignerBackfillNodeOperator(task_id="run", outlets=[Asset.ref(name="table_{name}")], **WEEK, **NODE)
with DAG("plain_{name}", start_date=datetime(2026, 1, 1), schedule=None):
    PaiDesignerBackfillNodeOperator(task_id="run", outlets=[PLAIN], partitioned_outlets=False, **WEEK, **NODE)
with DAG("own_{name}", start_date=datetime(2026, 1, 1), schedule=None):
    def mine(context, result):
        context["outlet_events"][TABLE].extra["run_name"] = "mine"
        context["outlet_events"][TABLE].add_partitions("eu")
    PaiDesignerTestNodeOperator(
        task_id="run", outlets=[TABLE], business_date="2026-01-01", post_execute=mine, **NODE
    )
with DAG("sensor_{name}", start_date=datetime(2026, 1, 1), schedule=None):
    start = PaiDesignerTestNodeOperator(
        task_id="start", business_date="2026-01-01", wait_for_completion=False, outlets=[PLAIN], **NODE
    )
    PaiDesignerRunSensor(task_id="gate", run=start.output, outlets=[TABLE], poke_interval=0.2)
with DAG("listener_{name}", schedule=PartitionedAssetTimetable(assets=TABLE)):
    task(lambda: None, task_id="listen")()
with DAG("plain_listener_{name}", schedule=[PLAIN]):
    task(lambda: None, task_id="listen")()
"""

names_partitions = pytest.mark.skipif(
    not hasattr(OutletEventAccessor, "add_partitions"), reason="tasks name partitions from Airflow 3.3 on"
)


@pytest.fixture
def generation() -> Generation:
    return LEGACY


class Dags:
    """DAGs of a file of their own, known to Airflow's database and switched on."""

    def __init__(self, path: Path, name: str) -> None:
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session
        from sqlalchemy import update

        self.name = name
        bag = BundleDagBag(dag_folder=path, bundle_path=path.parent, bundle_name="dags-folder")
        assert not bag.import_errors
        DagBundlesManager().sync_bundles_to_db()
        sync_bag_to_db(bag, "dags-folder", None)
        with create_session() as session:
            session.execute(update(DagModel).where(DagModel.dag_id.in_(bag.dag_ids)).values(is_paused=False))
        self._bag = bag

    def test(self, kind: str) -> Any:
        run = self._bag.dags[f"{kind}_{self.name}"].test()
        assert run.state == "success"
        return run


def events_of(run: Any) -> list[Any]:
    """The asset events that Airflow has recorded of an Airflow run, by their partition keys."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(
            select(AssetEvent).where(AssetEvent.source_dag_id == run.dag_id, AssetEvent.source_run_id == run.run_id)
        ).all()
        session.expunge_all()
    return sorted(found, key=lambda event: str(event.partition_key))


def runs_made_by_the_scheduler(dag_id: str) -> list[Any]:
    """What Airflow's scheduler makes of the events that wait for it."""
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    scheduler = SchedulerJobRunner(job=Job())
    with create_session() as session:
        scheduler._create_dagruns_for_partitioned_asset_dags(session)
    with create_session() as session:
        runs = list(session.scalars(select(DagRun).where(DagRun.dag_id == dag_id)))
        session.expunge_all()
    return runs


def seen_by_a_task(event: Any) -> Any:
    """An asset event as a task of the DAG run that it has triggered sees it."""
    from airflow.sdk.api.datamodels._generated import AssetEventDagRunReference, AssetReferenceAssetEventDagRun
    from airflow.sdk.execution_time.comms import AssetEventDagRunReferenceResult
    from airflow.sdk.execution_time.context import TriggeringAssetEventsAccessor

    reference = AssetEventDagRunReference(
        asset=AssetReferenceAssetEventDagRun(name="table", uri="table", extra={}),
        extra=event.extra,
        source_task_id=event.source_task_id,
        source_dag_id=event.source_dag_id,
        source_run_id=event.source_run_id,
        source_map_index=event.source_map_index,
        source_aliases=[],
        timestamp=event.timestamp,
    )
    return TriggeringAssetEventsAccessor.build(
        [AssetEventDagRunReferenceResult.from_asset_event_dag_run_reference(reference)]
    )


@pytest.fixture
def dags(connected: Emulator, airflow_database: None, tmp_path: Path) -> Dags:
    node = deployed()
    name = f"{node['node_id']}"
    path = tmp_path / f"assets_{name}.py"
    path.write_text(DAGS.format(name=name, node_id=node["node_id"]), encoding="utf-8")
    return Dags(path, name)


@names_partitions
def test_each_business_date_of_a_backfill_gives_a_listening_dag_a_run_of_its_own(dags: Dags) -> None:
    from airflow.partition_mappers.temporal import StartOfMonthMapper

    run = dags.test("backfill")
    events = events_of(run)
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert [event.partition_key for event in events] == days
    (run_name,) = {event.extra["run_name"] for event in events}
    assert run_name.startswith(run.dag_id)
    assert all(event.extra["business_dates"] == days for event in events)
    assert all(event.extra["node_id"] and event.extra["environment"] == "DEV" for event in events)
    listening = runs_made_by_the_scheduler(f"listener_{dags.name}")
    dates = {run.partition_key: macros.bizdate({"dag_run": run}, "yyyy-mm-dd") for run in listening}
    assert dates == {day: day for day in days}
    assert {macros.cyctime({"dag_run": run})[-6:] for run in listening} == {"000000"}
    assert StartOfMonthMapper(input_format="%Y-%m-%d").to_downstream(days[0]) == "2026-01"


@names_partitions
def test_a_test_run_names_its_day_and_an_alias_keeps_out_of_it(dags: Dags) -> None:
    (event,) = events_of(dags.test("test"))
    assert event.partition_key == "2026-01-01"
    assert event.extra["remote_dag_ids"]


def test_dags_that_listen_for_the_asset_alone_are_started_without_partitions(dags: Dags) -> None:
    from airflow.models.asset import AssetDagRunQueue
    from airflow.utils.session import create_session
    from sqlalchemy import select

    (event,) = events_of(dags.test("plain"))
    assert event.partition_key is None
    assert event.extra["business_dates"] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    with create_session() as session:
        queued = session.scalars(select(AssetDagRunQueue.target_dag_id)).all()
    assert f"plain_listener_{dags.name}" in queued
    (template,) = re.findall(r'business_date="(.*?)",', (DOCS / "lineage.md").read_text(encoding="utf-8"))
    assert Template(template).render(triggering_asset_events=seen_by_a_task(event)) == "2026-01-03"


@names_partitions
def test_a_sensor_names_the_day_of_what_it_has_seen_and_a_start_that_of_what_will_come(dags: Dags) -> None:
    run = dags.test("sensor")
    started, seen = sorted(events_of(run), key=lambda event: event.source_task_id, reverse=True)
    for event in (started, seen):
        assert (event.partition_key, event.extra["business_dates"]) == ("2026-01-01", ["2026-01-01"])
    assert seen.extra["run_name"] == started.extra["run_name"]


@names_partitions
def test_what_a_user_puts_into_an_event_stays(dags: Dags) -> None:
    (event,) = events_of(dags.test("own"))
    assert (event.partition_key, event.extra["run_name"]) == ("eu", "mine")
    assert event.extra["business_dates"] == ["2026-01-01"]


class Event(SimpleNamespace):
    """The accessor of Airflow 3.2: it has an extra, and no partitions."""


def described(partition: str | None, day: date, event: Any) -> Any:
    from airflow.sdk import Asset

    run = SimpleNamespace(run_after=RUN_AFTER, data_interval_end=None, partition_key=partition, partition_date=None)
    asset = Asset("table")
    describe_outlets(
        {"dag_run": run, "outlet_events": {asset: event}},  # type: ignore[typeddict-item]
        [asset, "no asset"],
        run={"run_name": "name"},
        business_dates=[day],
        timezone="Asia/Shanghai",
        partitioned=True,
    )
    return event


def test_airflow_3_2_has_the_business_date_in_extra() -> None:
    event = described(None, date(2026, 1, 1), Event(extra={}))
    assert event.extra == {"run_name": "name", "business_dates": ["2026-01-01"]}


@names_partitions
@pytest.mark.parametrize(("day", "keys"), [(date(2026, 1, 1), set()), (date(2026, 1, 2), {"2026-01-02"})])
def test_an_airflow_run_for_a_partition_keeps_its_key_for_its_own_day_alone(day: date, keys: set[str]) -> None:
    from airflow.sdk.definitions.asset import AssetUniqueKey

    event = OutletEventAccessor(key=AssetUniqueKey(name="table", uri="table"))
    assert described("2026-01-01", day, event).partition_keys == keys

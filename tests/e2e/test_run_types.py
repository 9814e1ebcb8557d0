"""What a user would lose: the right business date in every kind of run, as a real Airflow makes them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_pai_designer.scheduling import evaluate
from tests.e2e.dags.run_types import EXPRESSIONS
from tests.e2e.real_airflow import RealAirflow
from tests.versions import BEFORE_3_3

HERE = Path(__file__).parent
SHANGHAI = ZoneInfo("Asia/Shanghai")
PAGE = HERE.parent.parent / "docs" / "macros.md"
ROW = re.compile(r"\| `(\w+)`" + r" \| ([^|`]+)" * 6 + r" \|")
PARTITION_KEYS = {"utc": "2025-03-19T18:30:00", "shanghai": "2025-03-20T02:30:00"}


def documented_rows() -> list[tuple[str, ...]]:
    """The rows of the documentation's table: timetable, run, logical date, partition, cyctime, bizdate, ds."""
    section = PAGE.read_text(encoding="utf-8").partition("### By timetable")[2].partition("\n## ")[0]
    return [match.groups() for match in ROW.finditer(section)]


ROWS = documented_rows()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str, str], dict[str, Any]]]:
    """By timetable, kind of run and zone: the run as the REST API shows it, and what its task recorded.

    All runs are asked for before the scheduler starts: on SQLite the two would lock each other out.
    """
    airflow = RealAirflow(tmp_path_factory.mktemp("airflow"))
    shutil.copy(HERE / "dags" / "run_types.py", airflow.dags)
    try:
        airflow.migrate()
        airflow.start("api-server")
        airflow.start("dag-processor")
        airflow.log_in()
        dag_ids = {f"{row[0]}.{zone}" for row in ROWS for zone in PARTITION_KEYS}
        airflow.wait_for("the DAGs", lambda: airflow.call("/dags?limit=100")["total_entries"] == len(dag_ids))
        kinds = {key: run_id for dag_id in sorted(dag_ids) for key, run_id in ask_for_runs(airflow, dag_id).items()}
        for asset in airflow.call("/assets")["assets"]:
            airflow.call("/assets/events", {"asset_id": asset["id"]})
        airflow.start("scheduler")
        yield airflow.wait_for(f"{2 * len(ROWS)} runs", lambda: ended_runs(airflow, kinds), seconds=120)
    finally:
        airflow.stop()


def ask_for_runs(airflow: RealAirflow, dag_id: str) -> dict[tuple[str, str], str]:
    """Trigger a DAG in every way there is; give the ids of the manual runs, by DAG and kind of run."""
    timetable, _, zone = dag_id.partition(".")
    (date,) = (row[2] for row in ROWS if row[:2] == (timetable, "manual, with a date"))
    bodies: dict[str, dict[str, str | None]] = {
        "manual": {"logical_date": None},
        "manual, with a date": {"logical_date": f"{date.replace(' ', 'T')}:00Z"},
    }
    if timetable == "cron_partition":
        bodies["manual, with a partition"] = {"logical_date": None, "partition_key": PARTITION_KEYS[zone]}
    if timetable != "asset":
        dates = {"from_date": "2025-03-02T18:30:00Z", "to_date": "2025-03-03T18:00:00Z"}
        airflow.call("/backfills", {"dag_id": dag_id, **dates})
    return {
        (dag_id, kind): airflow.call(f"/dags/{dag_id}/dagRuns", body)["dag_run_id"] for kind, body in bodies.items()
    }


def ended_runs(
    airflow: RealAirflow, manual: dict[tuple[str, str], str]
) -> dict[tuple[str, str, str], dict[str, Any]] | None:
    """Give all runs once as many have ended as the documentation has rows, in two zones."""
    found = airflow.call("/dags/~/dagRuns?limit=200")["dag_runs"]
    recorded = [json.loads(path.read_text()) for path in airflow.home.glob("recorded/*.json")]
    by_id = {(record["dag"], record["run_id"]): record for record in recorded}
    if len(found) < 2 * len(ROWS) or any(run["state"] not in {"success", "failed"} for run in found):
        return None
    kinds = {(dag_id, run_id): kind for (dag_id, kind), run_id in manual.items()}
    runs = {}
    for run in found:
        identity = (run["dag_id"], run["dag_run_id"])
        timetable, _, zone = run["dag_id"].partition(".")
        kind = kinds.get(identity, run["run_type"].replace("_", "-"))
        logs = airflow.home.glob(f"logs/dag_id={run['dag_id']}/run_id={run['dag_run_id']}/*/*.log")
        text = "".join(path.read_text() for path in logs)
        runs[timetable, kind, zone] = {**run, "recorded": by_id.get(identity), "log": text}
    return runs


@pytest.mark.parametrize("zone", PARTITION_KEYS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_every_kind_of_run_has_the_documented_dates(
    runs: dict[tuple[str, str, str], dict[str, Any]], row: tuple[str, ...], zone: str
) -> None:
    timetable, kind, logical_date, partition, cyctime, bizdate, ds = row
    run = runs[timetable, kind, zone]
    if BEFORE_3_3 and partition != "none":
        assert (run["state"], run["recorded"]) == ("failed", None)
        assert "which has no date here (Airflow tells it from 3.3 on" in run["log"]
        return
    assert run["state"] == "success"
    record = run["recorded"]
    run_after = datetime.fromisoformat(record["run_after"]).astimezone(SHANGHAI)
    if cyctime == "now":
        cyctime = f"{run_after:%Y%m%d%H%M%S}"
    if bizdate == "yesterday":
        bizdate = f"{run_after - timedelta(days=1):%Y%m%d}"
    assert record["rendered"]["cyctime"] == cyctime
    assert record["rendered"]["bizdate"] == bizdate
    moment = datetime.strptime(cyctime, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    values = {name: evaluate(expression, schedule_time=moment) for name, expression in EXPRESSIONS.items()}
    assert json.loads(record["rendered"]["evaluated"]) == values
    assert json.loads(record["in_code"].pop("evaluated")) == values
    assert record["in_code"] == {"bizdate": bizdate, "cyctime": cyctime}
    assert (record["ds"] or "fails") == ds
    assert shown(run["logical_date"], ZoneInfo("UTC")) == logical_date
    assert shown(None if BEFORE_3_3 else run["partition_date"], SHANGHAI) == partition


def shown(moment: str | None, zone: ZoneInfo) -> str:
    """Write a time as the documentation does."""
    return datetime.fromisoformat(moment).astimezone(zone).strftime("%Y-%m-%d %H:%M") if moment else "none"


def test_no_kind_of_run_is_left_out_of_the_documentation(runs: dict[tuple[str, str, str], dict[str, Any]]) -> None:
    assert len(runs) == 2 * len(ROWS)

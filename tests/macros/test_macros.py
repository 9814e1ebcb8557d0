"""What a user would lose: the right day, in whatever kind of run, wherever they write the macro."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from airflow.sdk import DAG, BaseOperator

from airflow_provider_pai_designer import macros
from airflow_provider_pai_designer.exceptions import ConfigurationError, SchedulingParameterError
from airflow_provider_pai_designer.macros.plugin import PaiDesignerPlugin
from airflow_provider_pai_designer.scheduling.run_times import read_run_times

TICK = datetime(2025, 3, 1, 18, 30, tzinfo=UTC)
"""02:30 on the 2nd in Shanghai: the business date is the 1st there, and February 28 in UTC."""


def context(run_after: datetime = TICK, **facts: Any) -> dict[str, Any]:
    """The context of a task whose run has no logical date, as far as macros need it."""
    run = {"run_after": run_after, "data_interval_end": None, "partition_key": None, **facts}
    return {"dag_run": SimpleNamespace(**run)}


def render(template: str, **facts: Any) -> str:
    """Render as Airflow does: with its environment, and undefined names forbidden."""
    plugin = SimpleNamespace(**{macro.__name__: macro for macro in PaiDesignerPlugin.macros})
    names: Any = {**context(**facts), "macros": SimpleNamespace(pai_designer=plugin)}
    with DAG("rendering", template_undefined=jinja2.StrictUndefined) as dag:
        operator = BaseOperator(task_id="rendering")
    return str(operator.render_template(template, names, dag.get_template_env()))


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("bizdate()", "20250301"),
        ("bizdate('yyyy-mm-dd')", "2025-03-01"),
        ("bizdate('yyyy-mm-dd', -1)", "2025-02-28"),
        ("bizdate('yyyymm', offset=-1)", "202502"),
        ("bizdate(tz='UTC')", "20250228"),
        ("cyctime()", "20250302023000"),
        ("cyctime(fmt='yyyy-mm-dd hh24:mi:ss')", "2025-03-02 02:30:00"),
        ("cyctime(tz='UTC')", "20250301183000"),
        ("gmtdate()", "20250302"),
        ("bizmonth()", "202502"),
        ("evaluate('$[add_months(yyyymmdd,-1)]')", "20250202"),
        ("evaluate('p_$[hh24-3/24]_$taskid')", "p_23_$taskid"),
        ("evaluate_all({'dt': '$bizdate', 'h': '$[hh24]'}) | tojson", '{"dt": "20250301", "h": "02"}'),
    ],
)
def test_a_template_needs_no_arguments_and_no_logical_date(call: str, value: str) -> None:
    assert render(f"{{{{ macros.pai_designer.{call} }}}}") == value


def test_the_macros_are_user_defined_macros_too() -> None:
    environment = jinja2.Environment()
    environment.globals.update(bizdate=macros.bizdate, evaluate=macros.evaluate)
    template = environment.from_string("{{ bizdate() }} {{ evaluate(expression='$[hh24]') }}")
    assert template.render(context()) == "20250301 02"


def test_the_macros_work_in_the_code_of_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow.sdk.get_current_context", context)
    assert macros.bizdate() == "20250301"
    assert macros.bizdate("yyyy") == "2025"
    assert macros.evaluate("$[hh24]", tz="UTC") == "18"
    assert macros.evaluate_all({"dt": "$bizdate"}) == {"dt": "20250301"}
    assert macros.bizdate(context(TICK + timedelta(days=1))) == "20250302"


def test_the_zone_of_a_connection_and_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"timezone": "America/New_York"}
    monkeypatch.setenv("AIRFLOW_CONN_ELSEWHERE", json.dumps({"conn_type": "pai_designer", "extra": extra}))
    assert macros.cyctime(context(), conn_id="elsewhere") == "20250301133000"
    assert macros.cyctime(context(), conn_id="elsewhere", tz="UTC") == "20250301183000"
    monkeypatch.setenv("AIRFLOW__PAI_DESIGNER__TIMEZONE", "Europe/Berlin")
    assert macros.cyctime(context()) == "20250301193000"
    with pytest.raises(ConfigurationError, match="no time zone 'Mars/Olympus'"):
        macros.bizdate(context(), tz="Mars/Olympus")


def test_the_end_of_the_data_interval_goes_before_the_time_of_the_run() -> None:
    assert macros.bizdate(context(TICK, data_interval_end=TICK - timedelta(days=3))) == "20250226"


def test_a_partitioned_run_is_for_the_day_of_its_partition_whatever_else_it_says() -> None:
    partition = {"partition_key": "20250301", "partition_date": TICK - timedelta(days=1)}
    scheduled, backfill = context(TICK, **partition), context(TICK - timedelta(days=1), **partition)
    for run in (scheduled, backfill):
        assert macros.bizdate(run) == "20250301"
        assert macros.cyctime(run) == "20250302023000"
        assert macros.evaluate(run, "${yyyymmdd}=$[yyyymmdd-1]") == "20250301=20250301"


def test_a_partition_whose_key_is_a_day_is_for_that_day() -> None:
    run = context(TICK, partition_key="2025-02-11", partition_date=None)
    assert (macros.bizdate(run), macros.cyctime(run)) == ("20250211", "20250212000000")


@pytest.mark.parametrize(
    "facts",
    [
        {"partition_key": "eu"},
        {"partition_key": "20250301", "partition_date": None},
        {"partition_key": "2025-02-30", "partition_date": None},
    ],
)
def test_a_partition_without_a_date_asks_for_the_business_date(facts: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="give the operator business_date="):
        macros.bizdate(context(**facts))


def test_a_business_date_in_the_future_names_the_cure() -> None:
    later = datetime.now(UTC) + timedelta(days=2)
    with pytest.raises(ConfigurationError, match=r"lies in the future.*run_offset=-1.*business_date="):
        macros.bizdate(context(partition_key="x", partition_date=later))
    with pytest.raises(ConfigurationError, match=r"lies in the future.*logical date that has passed"):
        macros.bizdate(context(data_interval_end=later + timedelta(days=1)))
    now = datetime(2025, 3, 2, 16, tzinfo=UTC)  # the 3rd in Shanghai
    run = context(partition_key="x", partition_date=datetime(2025, 3, 2, 17, tzinfo=UTC))
    assert read_run_times(run, timezone="Asia/Shanghai", now=now).business_date.isoformat() == "2025-03-03"
    with pytest.raises(ConfigurationError, match="2025-03-02 in UTC"):
        read_run_times(context(now + timedelta(days=2)), timezone="UTC", now=now)


@pytest.mark.parametrize("fmt", ["%Y%m%d", "bizdat", "hh24", "yyyymmdd-1/24", ""])
def test_a_format_that_is_none_is_refused(fmt: str) -> None:
    with pytest.raises((ConfigurationError, SchedulingParameterError), match="write"):
        macros.bizdate(context(), fmt)


def test_airflow_finds_the_plugin_under_its_name() -> None:
    (entry,) = metadata.entry_points(group="airflow.plugins", name="pai_designer")
    plugin = entry.load()
    assert plugin is PaiDesignerPlugin
    assert plugin.name == "pai_designer"
    assert {macro.__name__ for macro in plugin.macros} == set(macros.__all__)

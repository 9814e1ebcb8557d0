"""What a user would lose: one value for one expression, whether a template or DataWorks evaluates it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer import macros
from airflow_provider_pai_designer.designer.log import resolved_parameters
from airflow_provider_pai_designer.designer.node import Node, Schedule
from airflow_provider_pai_designer.designer.run import Outcome, Run
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.hooks.pai_designer import PaiDesignerHook
from airflow_provider_pai_designer.scheduling import SchedulingParameters
from tests.contents import read_content
from tests.operators.support import wait_until

SHANGHAI = ZoneInfo("Asia/Shanghai")
NODES, DATES, EXPRESSIONS = 4, 5, 50


def expression(random: Random) -> str:
    """Any form that a parameter's value may have."""
    dates, moments = ["yyyy", "yyyymm", "yyyymmdd", "yyyy-mm-dd", "mm", "dd", "yymm"], ["hh24", "hh24mi", "hh12:mi:ss"]
    shift = random.choice(["", f"-{random.randrange(500)}", f"+{random.randrange(500)}", f"-7*{random.randrange(9)}"])
    hours = random.choice(["", f"-{random.randrange(1, 99)}/24", f"+{random.randrange(1, 999)}/24/60", "-1-1/24"])
    months = f"add_months({random.choice(dates)},{random.randrange(-60, 60)})"
    schedule_time = random.choice([*dates, *moments, "yyyymmddhh24miss", months])
    return random.choice(
        [
            f"${{{random.choice(dates)}{shift}}}",
            f"$[{schedule_time}{hours or shift}]",
            f"p_$[{schedule_time}{hours}]_${{{random.choice(dates)}{shift}}}",
            random.choice(["$bizdate", "$cyctime", "$gmtdate", "$bizmonth", "$yyyymmdd", "v1", "${other}"]),
        ]
    )


def start(
    hook: PaiDesignerHook, random: Random, expressions: dict[str, str], number: int
) -> list[tuple[Run, datetime]]:
    """Start a node's runs for some business dates; give each with its schedule time."""
    moment = time(random.randrange(24), random.randrange(5, 60))
    node = Node(
        name=f"agreement_{number}",
        folder="Business Flow/demo/Algorithm",
        content=read_content("three_steps"),
        parameters=SchedulingParameters.from_mapping(expressions),
        schedule=Schedule(cron=f"00 {moment:%M %H} * * ?"),
    )
    node_id = hook.ensure_node(node).node_id
    runs = []
    for index in range(DATES):
        business_date = date(2019, 1, 1) + timedelta(days=random.randrange(2500))
        run = hook.test_node(node_id, business_date=business_date, name=f"agreement_{number}_{index}")
        runs.append((run, datetime.combine(business_date + timedelta(days=1), moment, tzinfo=SHANGHAI)))
    return runs


def test_dataworks_and_the_macros_agree_on_a_thousand_values(connected: Emulator) -> None:
    random, hook = Random(4), PaiDesignerHook()
    lists = [{f"p{index}": expression(random) for index in range(EXPRESSIONS)} for _ in range(NODES)]
    started = [start(hook, random, expressions, number) for number, expressions in enumerate(lists)]
    compared = 0
    for expressions, runs in zip(lists, started, strict=True):
        for run, schedule_time in runs:
            wait_until(lambda run=run: hook.get_run(run).outcome is not Outcome.ACTIVE)  # type: ignore[misc]
            (instance,) = hook.list_instances(run)
            logged = resolved_parameters(hook.get_log(instance, run.environment).text)
            assert logged is not None
            context: Any = {"dag_run": SimpleNamespace(run_after=schedule_time, data_interval_end=None)}
            assert dict(SchedulingParameters.parse(logged, strict=False)) == macros.evaluate_all(context, expressions)
            assert macros.bizdate(context, "yyyy-mm-dd") == run.business_date.isoformat()
            compared += len(expressions)
    assert compared == 1000

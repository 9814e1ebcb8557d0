"""How many scheduling parameter expressions one core evaluates per second.

Run ``python benchmarks/scheduling.py``. The goals are 100,000 with parsed expressions at hand ("cached") and
20,000 with every expression read anew ("uncached"); a ratio is the median over the goal.
"""

from __future__ import annotations

import time
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

from airflow_provider_pai_designer.scheduling import evaluate, parse

EXPRESSIONS = (
    "$bizdate",
    "p_${yyyymmdd-1}_v1",
    "$[yyyymmddhh24miss-1/24]",
    "$[add_months(yyyy-mm-dd,-12*1)-30/24/60]",
)
SCHEDULE_TIME = datetime(2025, 11, 1, 2, 30, 45, tzinfo=ZoneInfo("Asia/Shanghai"))
ROUNDS = 7
EVALUATIONS = 5_000
GOALS = {"cached": 100_000, "uncached": 20_000}


def evaluations_per_second(expression: str, *, cached: bool) -> float:
    started = time.perf_counter()
    for _ in range(EVALUATIONS):
        if not cached:
            parse.cache_clear()
        evaluate(expression, schedule_time=SCHEDULE_TIME)
    return EVALUATIONS / (time.perf_counter() - started)


def main() -> None:
    print(f"{'expression':42}{'mode':>10}{'per second':>12}{'ratio':>7}")
    for expression in EXPRESSIONS:
        for mode, goal in GOALS.items():
            rate = median(evaluations_per_second(expression, cached=mode == "cached") for _ in range(ROUNDS))
            print(f"{expression:42}{mode:>10}{rate:12,.0f}{rate / goal:7.1f}")


if __name__ == "__main__":
    main()

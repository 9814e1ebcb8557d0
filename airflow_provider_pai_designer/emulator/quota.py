"""How many calls an account has, by its edition; whether that is enforced is up to the seed.

Seconds are real ones, as clients live in them. Days are those of the simulated clock in China's zone, so that the next
one can be reached. The vendor does not say when a day begins, and of what is a read gives only an example.
Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/use-dataworks-openapi
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta

from airflow_provider_pai_designer.emulator.errors import GatewayError
from airflow_provider_pai_designer.emulator.operations import Caller
from airflow_provider_pai_designer.emulator.world import World

_READING = re.compile(r"(Get|List|Search|Query|Check)[A-Z]")
_DAY = timedelta(days=1) // timedelta(milliseconds=1)
_CHINA = timedelta(hours=8) // timedelta(milliseconds=1)


def use(world: World, caller: Caller, operation: str) -> None:
    """Count a call, whatever becomes of it, and refuse it where the account has none left.

    :raises GatewayError: too many calls in this second, or on this day.
    """
    if world.store.setting("quota") != "enforced":
        return
    with world.store.transaction():
        refusals = [
            refusal
            for limit, period, most, refusal in _limits(world, caller.account, operation)
            if _count(world, caller.account, limit, period) > most
        ]
    if refusals:
        raise refusals[0]


def _limits(world: World, account: str, operation: str) -> Iterator[tuple[str, int, int, GatewayError]]:
    """Yield what limits a call: name of the limit, number of the period, most calls in it, and how more are refused."""
    edition = world.store.value("SELECT edition FROM workspaces WHERE owner = ? ORDER BY id", account) or "basic"
    second = int(time.time())
    fast = GatewayError(429, "Throttling.User", "Request was denied due to user flow control.")
    if edition == "basic":
        day = (world.clock.now() + _CHINA) // _DAY
        yield "day", day, 100, GatewayError(429, "Throttling.Api.Risk", "The calls of the day are used up.")
    if edition != "enterprise":
        yield "second", second, 5, fast
    elif _READING.match(operation):
        yield "reads of a second", second, 50, fast
    else:
        yield "writes of a second", second, 20, fast


def _count(world: World, account: str, limit: str, period: int) -> int:
    return int(
        world.store.value(
            "INSERT INTO quota_use VALUES (?, ?, ?, 1) ON CONFLICT (account, quota) DO UPDATE "
            "SET calls = CASE period WHEN excluded.period THEN calls + 1 ELSE 1 END, period = excluded.period "
            "RETURNING calls",
            account,
            limit,
            period,
        )
    )

"""How many calls an account has, by its edition; whether that is enforced is up to the seed.

Seconds are real ones, as clients live in them. Days are those of the simulated clock in China's zone, so that the next
one can be reached. The vendor does not say when a day begins, and of what is a read gives only an example.
Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/use-dataworks-openapi
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import timedelta

from airflow_provider_pai_designer.emulator.errors import GatewayError
from airflow_provider_pai_designer.emulator.operations import Caller
from airflow_provider_pai_designer.emulator.world import World

_READING = re.compile(r"(Get|List|Search|Query|Check)[A-Z]")
_DAY = timedelta(days=1) // timedelta(milliseconds=1)
_CHINA = timedelta(hours=8) // timedelta(milliseconds=1)


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What an edition allows an account.

    :param name: under which calls are counted.
    :param period: ``day`` or ``second``.
    :param calls: which calls count: ``all``, ``reads`` or ``writes``.
    """

    name: str
    period: str
    most: int
    calls: str = "all"

    def counts(self, operation: str) -> bool:
        """Tell whether a call of an operation counts."""
        return self.calls in ("all", "reads" if _READING.match(operation) else "writes")

    @property
    def refusal(self) -> GatewayError:
        """How a call beyond it is refused."""
        if self.period == "day":
            return GatewayError(429, "Throttling.Api.Risk", "The calls of the day are used up.")
        return GatewayError(429, "Throttling.User", "Request was denied due to user flow control.")


_SECOND = Limit(name="second", period="second", most=5)
_LIMITS = {
    "basic": (Limit(name="day", period="day", most=100), _SECOND),
    "enterprise": (
        Limit(name="reads of a second", period="second", most=50, calls="reads"),
        Limit(name="writes of a second", period="second", most=20, calls="writes"),
    ),
}


def is_enforced(world: World) -> bool:
    """Tell whether calls beyond the limits are refused; calls count only then."""
    return bool(world.store.setting("quota") == "enforced")


def limits(world: World, account: str) -> tuple[Limit, ...]:
    """Return what an account may use, by the edition of its first workspace."""
    edition = world.store.value("SELECT edition FROM workspaces WHERE owner = ? ORDER BY id", account) or "basic"
    return _LIMITS.get(edition, (_SECOND,))


def used(world: World, account: str, limit: Limit) -> int:
    """Return how many calls of the present period an account has made."""
    query = "SELECT calls FROM quota_use WHERE account = ? AND quota = ? AND period = ?"
    return int(world.store.value(query, account, limit.name, _period(world, limit)) or 0)


def use(world: World, caller: Caller, operation: str) -> None:
    """Count a call, whatever becomes of it, and refuse it where the account has none left.

    :raises GatewayError: too many calls in this second, or on this day.
    """
    if not is_enforced(world):
        return
    with world.store.transaction():
        exceeded = [
            limit
            for limit in limits(world, caller.account)
            if limit.counts(operation) and _count(world, caller.account, limit) > limit.most
        ]
    if exceeded:
        raise exceeded[0].refusal


def _period(world: World, limit: Limit) -> int:
    return (world.clock.now() + _CHINA) // _DAY if limit.period == "day" else int(time.time())


def _count(world: World, account: str, limit: Limit) -> int:
    return int(
        world.store.value(
            "INSERT INTO quota_use VALUES (?, ?, ?, 1) ON CONFLICT (account, quota) DO UPDATE "
            "SET calls = CASE period WHEN excluded.period THEN calls + 1 ELSE 1 END, period = excluded.period "
            "RETURNING calls",
            account,
            limit.name,
            _period(world, limit),
        )
    )

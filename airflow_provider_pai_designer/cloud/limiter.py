"""How many calls a second this process makes for one account: DataWorks counts all of an account's calls together.

Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/use-dataworks-openapi
"""

from __future__ import annotations

import time
from functools import cache
from threading import Event, Lock

CALLS_PER_SECOND = 5.0
"""What every edition below Enterprise allows the whole account."""


class Limiter:
    """Spaces calls out; after a pause, as many as fit into a second may come at once.

    :param rate: calls per second.
    """

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._lock = Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Return when the next call may be made."""
        with self._lock:
            now = time.monotonic()
            self._next = max(self._next + self._interval, now - 1 + self._interval)
            delay = self._next - now
        if delay > 0:
            Event().wait(delay)


@cache
def limiter_of(account: str, rate: float) -> Limiter:
    """Return the one limiter of this process for an account."""
    return Limiter(rate)

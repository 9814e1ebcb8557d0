"""How many calls a second this process makes for one account: DataWorks counts all of an account's calls together.

Source: https://www.alibabacloud.com/help/en/dataworks/developer-reference/use-dataworks-openapi
"""

from __future__ import annotations

import math
import time
from collections import deque
from functools import cache
from threading import Event, Lock

DEFAULT_EDITION = "standard"
CALLS_PER_SECOND = {"basic": 5.0, DEFAULT_EDITION: 5.0, "professional": 5.0, "enterprise": 20.0}
"""What an edition allows the whole account; of Enterprise this is what it allows of writes, besides 50 reads."""


_SLACK_SECONDS = 0.1
"""Two calls that leave a second apart may arrive a little closer together."""


class Limiter:
    """Lets no second have more calls than are allowed; within it they may come at once.

    :param rate: calls per second.
    """

    def __init__(self, rate: float) -> None:
        at_once = 0 if math.isinf(rate) else max(1, math.floor(rate))
        self._period = at_once / rate + _SLACK_SECONDS
        self._lock = Lock()
        self._last = deque([-math.inf] * at_once, maxlen=at_once)

    def wait(self) -> None:
        """Return when the next call may be made."""
        if not self._last:
            return
        with self._lock:
            now = time.monotonic()
            self._last.append(max(now, self._last[0] + self._period))
            delay = self._last[-1] - now
        if delay > 0:
            Event().wait(delay)


@cache
def limiter_of(account: str, rate: float) -> Limiter:
    """Return the one limiter of this process for an account."""
    return Limiter(rate)

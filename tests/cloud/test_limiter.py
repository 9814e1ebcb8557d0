"""What a user would lose: calls that the account has, or calls that it has not."""

from __future__ import annotations

import time
from threading import Event

from airflow_provider_pai_designer.cloud.limiter import Limiter, limiter_of


def test_calls_of_a_second_come_at_once_and_the_others_wait() -> None:
    limiter = Limiter(20)
    begun = time.monotonic()
    for _ in range(20):
        limiter.wait()
    at_once = time.monotonic() - begun
    for _ in range(10):
        limiter.wait()
    assert at_once < 0.3
    assert time.monotonic() - begun >= 1


def test_no_second_has_more_calls_than_the_account() -> None:
    limiter = Limiter(10)
    times = []
    for pause in (0, 0, 0, 0.7, 0, 0, 0, 0, 0, 0, 0, 0.3, 0, 0, 0, 0, 0, 0, 0):
        Event().wait(pause)
        limiter.wait()
        times.append(time.monotonic())
    assert max(sum(first <= moment < first + 1 for moment in times) for first in times) <= 10


def test_an_account_has_one_limiter_in_a_process() -> None:
    assert limiter_of("one", 5.0) is limiter_of("one", 5.0)
    assert limiter_of("one", 5.0) is not limiter_of("other", 5.0)

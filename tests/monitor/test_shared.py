"""What a user would lose: the quota of his account, or the end of a run, because a thousand tasks wait at once."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import math
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.exceptions import (
    AuthenticationError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    QuotaExhaustedError,
    RejectedError,
    ServiceError,
    ThrottledError,
    UnclearError,
)
from airflow_provider_pai_designer.monitor import shared
from airflow_provider_pai_designer.monitor.figures import Figures
from airflow_provider_pai_designer.monitor.shared import CALLS_AT_ONCE, CALLS_PER_SECOND, REFUSED_SECONDS
from airflow_provider_pai_designer.triggers.pai_designer import PaiDesignerRunTrigger
from tests.monitor import simulation
from tests.monitor.simulation import DAY, Service, Triggerer, simulated

HOUR = 3600.0


@pytest.fixture(autouse=True)
def few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for every state of a thousand runs is what takes longest here."""
    monkeypatch.setattr(logging.getLogger("airflow_provider_pai_designer.monitor.watch"), "disabled", True)


def started(service: Service, count: int, *, days: int = 1, shortest: float = 600, longest: float = HOUR) -> list[Run]:
    """Start runs that end one after the other."""
    step = (longest - shortest) / count
    lengths = [shortest + step * number for number in range(count)]
    random.shuffle(lengths)
    return [service.add(seconds=length, day=DAY - timedelta(days=index % days)) for index, length in enumerate(lengths)]


def lateness(service: Service, triggerer: Triggerer) -> list[float]:
    """How many seconds after its end each run was seen to have ended, in ascending order."""
    ends = {f"run-{instance.remote_dag_id}": end for instance, end in service.rows}
    return sorted(moment - ends[name] for name, moment in triggerer.ends.items())


def watched(service: Service, runs: list[Run], **arguments: Any) -> Triggerer:
    """Await runs to their ends."""
    triggerer = Triggerer(service=service)
    with simulated(service) as run:
        run(triggerer.watch_all(runs, **arguments))
    assert set(triggerer.verdicts) == {item.name for item in runs}
    return triggerer


def verbs(service: Service) -> Counter[str]:
    return Counter(verb for _, verb in service.calls)


@pytest.mark.parametrize(
    ("count", "foreign", "days", "many_days", "most_calls"),
    [
        pytest.param(1, 0, 1, True, 92, id="one run"),
        pytest.param(20, 0, 1, True, 100, id="twenty runs"),
        pytest.param(1000, 0, 1, True, 900, id="a thousand"),
        pytest.param(1000, 20_000, 1, True, 900, id="among many others"),
        pytest.param(1000, 0, 1000, True, 900, id="on as many dates"),
        pytest.param(1000, 0, 1, False, 180, id="new generation"),
        pytest.param(1000, 20_000, 1, False, 180, id="new, among many others"),
    ],
)
def test_many_runs_are_seen_to_end_in_time_for_few_calls(
    count: int, foreign: int, days: int, many_days: bool, most_calls: int
) -> None:
    service = Service(many_days=many_days)
    for _ in range(foreign):
        service.add(seconds=10 * HOUR, node_id=99)
    triggerer = watched(service, started(service, count, days=days, shortest=HOUR - 1 if count < 100 else 600))
    assert len(service.calls) <= most_calls
    late = lateness(service, triggerer)
    assert late[int(0.95 * len(late))] <= 60
    assert late[-1] <= 65


def test_a_key_that_is_changed_makes_no_watch_slow_for_ever() -> None:
    service, refusals = Service(), iter([True])

    def refuse(verb: str) -> None:
        if service.now() > 600 and next(refusals, False):
            raise PermissionDeniedError("an old key", operation=verb)

    service.trouble = refuse
    assert lateness(service, watched(service, started(service, 1000)))[-1] <= 2 * 60


def test_what_cannot_be_listed_together_obeys_the_budget() -> None:
    service = Service(many_days=False)
    triggerer = watched(service, started(service, 300, days=300))
    assert len(service.calls) <= CALLS_PER_SECOND * max(triggerer.ends.values()) + CALLS_AT_ONCE + 1
    times = [moment for moment, _ in service.calls]
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) < 60


def test_a_thousand_triggers_that_come_and_go_at_once_leave_nothing_behind() -> None:
    service = Service()
    runs = started(service, 1000)

    async def scene() -> tuple[int, int]:
        triggerer = Triggerer(service=service)
        tasks = [asyncio.create_task(triggerer.watch(run)) for run in runs]
        await asyncio.sleep(30)
        seen = len(service.calls)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(300)
        assert len(asyncio.all_tasks()) == 1
        return seen, len(service.calls)

    with simulated(service) as run:
        seen, after = run(scene())
    assert 10 <= seen <= CALLS_AT_ONCE + 30 * CALLS_PER_SECOND
    assert after <= seen + 1


def test_a_trigger_that_is_cancelled_touches_no_other() -> None:
    service = Service()
    runs = started(service, 3, longest=700)

    async def scene() -> Triggerer:
        triggerer = Triggerer(service=service)
        first, *others = [asyncio.create_task(triggerer.watch(run)) for run in runs]
        await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.gather(*others)
        return triggerer

    with simulated(service) as run:
        triggerer = run(scene())
    assert set(triggerer.verdicts.values()) == {"ended"}
    assert len(triggerer.verdicts) == 2


def test_the_watch_does_not_write_into_the_log_of_the_first_task() -> None:
    whose = contextvars.ContextVar("whose", default="nobody")
    seen: list[str] = []
    service = Service(trouble=lambda _: seen.append(whose.get()))

    async def scene() -> None:
        whose.set("the first task")
        await Triggerer(service=service).watch(service.add(seconds=5))

    with simulated(service) as run:
        run(scene())
    assert set(seen) == {"nobody"}


def test_a_run_that_vanishes_is_said_to_be_out_of_sight_and_stops_no_other() -> None:
    service = Service()
    runs = started(service, 30)

    async def scene() -> Triggerer:
        triggerer = Triggerer(service=service)
        watching = asyncio.create_task(triggerer.watch_all(runs))
        await asyncio.sleep(120)
        service.remove(runs[3])
        await watching
        return triggerer

    with simulated(service) as run:
        triggerer = run(scene())
    assert triggerer.verdicts.pop(runs[3].name) == "out_of_sight"
    assert triggerer.ends.pop(runs[3].name) < 120 + 300 + 130
    assert set(triggerer.verdicts.values()) == {"ended"}
    assert lateness(service, triggerer)[-1] <= 65


def test_rows_that_move_up_between_two_pages_are_still_seen() -> None:
    service = Service()
    runs = started(service, 400)
    old = [service.add(seconds=0) for _ in range(200)]

    def shrink(verb: str) -> None:
        if verb == "list" and old:
            service.remove(old.pop())

    service.trouble = shrink
    triggerer = watched(service, runs)
    assert lateness(service, triggerer)[-1] <= 65


@pytest.mark.parametrize(("dates", "cycles", "newer"), [(5, 30, 0), (150, 1, 0), (3, 1, 98)])
def test_a_run_whose_instances_lie_on_several_pages_is_seen_to_end(dates: int, cycles: int, newer: int) -> None:
    service = Service()
    for _ in range(200):
        service.add(seconds=0, node_id=99)
    run_to_watch = service.add_backfill(dates=dates, cycles=cycles, seconds=1000)
    for _ in range(newer):
        service.add(seconds=0, node_id=99)
    triggerer = watched(service, [run_to_watch])
    assert triggerer.verdicts == {run_to_watch.name: "ended"}
    assert triggerer.ends[run_to_watch.name] < 1400


def test_a_backfill_over_a_year_keeps_nobody_waiting_on_the_new_data_studio() -> None:
    service = Service(many_days=False)
    runs = started(service, 50, shortest=600, longest=3000)
    year = service.add_backfill(dates=365, cycles=1, seconds=2500)
    triggerer = watched(service, [*runs, year])
    late = triggerer.ends.pop(year.name) - 2500
    assert triggerer.verdicts[year.name] == "ended"
    assert lateness(service, triggerer)[-1] <= 2 * 65
    # at 0.4 calls per second every date takes a call at least
    assert late <= 365 / CALLS_PER_SECOND + 3 * 65


def test_a_failure_of_the_metrics_leaves_no_trigger_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    failures = iter([True])

    def emit(*_: object) -> None:
        if next(failures, False):
            raise RuntimeError("no backend")

    monkeypatch.setattr(Figures, "_emit", emit)
    triggerer = watched(service, started(service, 3))
    assert set(triggerer.verdicts.values()) == {"ended"}


def test_runs_are_found_in_a_list_that_is_not_quite_in_the_order_of_creation() -> None:
    service = Service()
    runs = []
    for _ in range(400):
        # the last of every page
        service.add(seconds=0, node_id=99)
        instance, end = service.rows[-1]
        service.rows[-1] = (replace(instance, created=0), end)
        runs.append(service.add(seconds=3000))
    triggerer = watched(service, runs)
    assert lateness(service, triggerer)[-1] <= 65
    assert verbs(service)["list"] > 10 * verbs(service)["ids"]


def test_runs_beyond_the_last_page_of_the_list_are_read_by_themselves() -> None:
    service = Service()
    runs = started(service, 5, shortest=3000)
    for _ in range(12_000):
        service.add(seconds=10 * HOUR, node_id=99)
    triggerer = watched(service, runs)
    assert len(service.calls) <= 5 * 92
    assert lateness(service, triggerer)[-1] <= 65


def test_clocks_that_differ_keep_nothing_from_being_seen() -> None:
    service = Service()
    runs = started(service, 20, shortest=3000)
    triggerer = Triggerer(service=service)
    with simulated(service) as run:
        run(triggerer.watch_all(runs, since=4e9))
    assert lateness(service, triggerer)[-1] <= 65


def test_a_look_that_the_deadline_breaks_off_neither_hides_the_reason_nor_leaves_the_run_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulation, "_CALL_SECONDS", 5.0)
    service = Service()

    def used_up(verb: str) -> None:
        raise QuotaExhaustedError("no calls left today", operation=verb)

    service.trouble = used_up
    with simulated(service) as run:
        deadline = time.time() + 4 * HOUR
        trigger = PaiDesignerRunTrigger(
            pai_designer_conn_id="c", run=service.add(seconds=9 * HOUR).to_dict(), deadline=deadline
        )

        async def event() -> dict[str, Any]:
            return dict((await anext(trigger.run())).payload)

        said = run(event())
    assert said["verdict"] == "deadline"
    assert "no calls left today" in said["message"]


def hangs(service: Service, seconds: float, when: Callable[[str], bool]) -> Callable[[str], None]:
    """A call that is answered by nobody takes its whole time-out."""

    def trouble(verb: str) -> None:
        if when(verb):
            asyncio.get_running_loop()._leaping.now += seconds  # type: ignore[attr-defined]
            raise UnclearError("no reply", operation=verb)

    return trouble


def test_a_call_that_hangs_delays_the_others_by_no_more_than_its_time_out() -> None:
    service = Service()
    runs = started(service, 200)
    turns = iter(range(10_000))
    service.trouble = hangs(service, 10, lambda _: next(turns) % 5 == 4)
    triggerer = watched(service, runs)
    assert set(triggerer.verdicts.values()) == {"ended"}
    assert lateness(service, triggerer)[-1] <= 2 * 60 + 4 * 10


def test_while_the_service_is_away_few_calls_are_made_and_afterwards_all_is_seen() -> None:
    service = Service(many_days=False)
    runs = started(service, 200, days=200, shortest=2500)

    def away(_: str) -> None:
        if 600 <= service.now() < 1500:
            raise ThrottledError("too many", operation="ListTaskInstances")

    service.trouble = away
    triggerer = watched(service, runs)
    calls = Counter(int(moment // 900) for moment, _ in service.calls)
    storm = [moment for moment, _ in service.calls if 600 <= moment < 1500]
    assert len(storm) < calls[2] / 2
    assert set(triggerer.verdicts.values()) == {"ended"}


@pytest.mark.parametrize("kind", [ThrottledError, UnclearError, NotSentError, AuthenticationError])
@pytest.mark.parametrize("many_days", [True, False])
def test_a_quarter_of_an_hour_of_bad_weather_fails_nothing_and_is_made_up_for(
    kind: type[ServiceError], many_days: bool
) -> None:
    service = Service(many_days=many_days)
    runs = started(service, 300, shortest=300, longest=2700)

    def weather(verb: str) -> None:
        if 600 <= service.now() < 1500:
            raise kind("not now", operation=verb)

    service.trouble = weather
    triggerer = watched(service, runs)
    assert set(triggerer.verdicts.values()) == {"ended"}
    ended_meanwhile = [end for instance, end in service.rows if 600 <= end < 1500]
    assert len(ended_meanwhile) > 50
    seen_in_time = [moment for moment in triggerer.ends.values() if 1500 <= moment <= 1500 + 2 * 60]
    assert len(seen_in_time) >= len(ended_meanwhile)
    before, meanwhile = (sum(first <= moment < first + 300 for moment, _ in service.calls) for first in (300, 1200))
    assert meanwhile < before


def test_a_list_that_is_refused_is_done_without() -> None:
    service = Service()

    def refuse(verb: str) -> None:
        if verb == "list":
            raise RejectedError("not in this edition", operation="ListInstances")

    service.trouble = refuse
    triggerer = watched(service, started(service, 20))
    assert verbs(service)["list"] <= 2 * math.ceil(HOUR / REFUSED_SECONDS)
    assert set(triggerer.verdicts.values()) == {"ended"}


def test_a_connection_that_is_edited_while_it_is_watched_is_read_again() -> None:
    service = Service()
    made: list[float] = []

    def remade(*_: Any, **__: Any) -> Any:
        made.append(service.now())
        return make()

    def revoked(_: str) -> None:
        if 100 <= service.now() < 200 or (service.now() >= 200 and made[-1] < 200):
            raise AuthenticationError("the key is not valid", operation="ListInstances")

    service.trouble = revoked
    run_to_watch = service.add(seconds=1000)
    triggerer = Triggerer(service=service)
    with simulated(service) as run, pytest.MonkeyPatch.context() as patch:
        make = vars(shared)["PaiDesignerHook"]
        patch.setattr(shared, "PaiDesignerHook", remade)
        run(triggerer.watch(run_to_watch))
    assert triggerer.verdicts == {run_to_watch.name: "ended"}
    assert 2 <= len(made) <= 8


def test_a_mistake_in_the_watch_leaves_no_trigger_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    mistakes = iter([True])
    sweep = shared.SharedWatch._sweep

    async def mistaken(*arguments: Any) -> None:
        if next(mistakes, False):
            raise ZeroDivisionError
        await sweep(*arguments)

    monkeypatch.setattr(shared.SharedWatch, "_sweep", mistaken)
    triggerer = watched(service, started(service, 20))
    assert set(triggerer.verdicts.values()) == {"ended"}


def test_an_unknown_workspace_is_no_end_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service()
    run_to_watch = service.add(seconds=60)

    def lost(_: object) -> None:
        raise NotFoundError("no such workspace", operation="GetProject")

    monkeypatch.setattr(shared, "_connect", lost)
    triggerer = watched(service, [run_to_watch])
    assert triggerer.verdicts == {run_to_watch.name: "out_of_sight"}


def test_once_a_minute_the_log_says_what_is_watched(caplog: pytest.LogCaptureFixture) -> None:
    service = Service()
    with caplog.at_level("INFO"):
        watched(service, started(service, 200))
    lines = [record.getMessage() for record in caplog.records if "pai_designer monitor" in record.getMessage()]
    assert 50 <= len(lines) <= 61
    assert lines[0].startswith("pai_designer monitor: 200 runs, ")

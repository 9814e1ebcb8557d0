"""What a user would lose: a call for each of his pipelines at each poll, or the end of one behind another's trouble."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun, PipelineRunState, PipelineRunStatus
from airflow_provider_pai_designer.emulator.launch import Emulator
from airflow_provider_pai_designer.exceptions import (
    NotFoundError,
    PermissionDeniedError,
    RejectedError,
    ServiceError,
    ThrottledError,
    UnclearError,
)
from airflow_provider_pai_designer.monitor.pipeline_runs import RUNS_AT_ONCE
from airflow_provider_pai_designer.monitor.shared import REFUSED_SECONDS
from airflow_provider_pai_designer.triggers.pipeline_run import PaiDesignerPipelineRunTrigger
from tests.monitor.simulation import leaping
from tests.operators.support import Task
from tests.operators.test_run_pipeline import behave, subject

HOUR = 3600.0
RUNNING, SUCCEEDED = PipelineRunStatus.RUNNING, PipelineRunStatus.SUCCEEDED


@pytest.fixture(autouse=True)
def few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for every state of a thousand runs is what takes longest here."""
    monkeypatch.setattr(logging.getLogger("airflow_provider_pai_designer.monitor.watch"), "disabled", True)


@dataclass(kw_only=True)
class PaiFlowInMemory:
    """PAIFlow, as far as a watch needs it.

    :param most: how many runs one call takes.
    :param trouble: called before every call with its verb and the ids; may raise.
    """

    most: int = 10_000
    calls_per_second: float = 5.0
    trouble: Callable[[str, Sequence[str]], None] = lambda *_: None
    ends: dict[str, float] = field(default_factory=dict)
    calls: list[tuple[float, str]] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    now: Callable[[], float] = lambda: 0.0

    def run_statuses(self, *, workspace_id: str, run_ids: Sequence[str]) -> dict[str, PipelineRunStatus]:
        self._called("many", run_ids)
        if len(run_ids) > self.most:
            raise RejectedError("too many", operation="ListPipelineRunsStatus")
        return {run_id: self._status(run_id) for run_id in run_ids if run_id in self.ends}

    def read(self, run: AskedPipelineRun) -> PipelineRunState:
        self._called("one", [run.id])
        if run.id not in self.ends:
            raise NotFoundError("no such run", operation="GetPipelineRun")
        return PipelineRunState(id=run.id, status=self._status(run.id))

    def identify(self, run: AskedPipelineRun) -> AskedPipelineRun:
        self._called("name", [])
        number = run.name.removeprefix("run-")
        return AskedPipelineRun(name=run.name, workspace_id="7", id=f"flow-{number}") if self.now() > 300 else run

    def _status(self, run_id: str) -> PipelineRunStatus:
        if run_id in self.unknown:
            return PipelineRunStatus.UNKNOWN
        return SUCCEEDED if self.now() >= self.ends[run_id] else RUNNING

    def _called(self, verb: str, run_ids: Sequence[str]) -> None:
        self.calls.append((self.now(), verb))
        self.trouble(verb, run_ids)

    @property
    def verbs(self) -> Counter[str]:
        return Counter(verb for _, verb in self.calls)


@dataclass(kw_only=True)
class Seen:
    """When each trigger fired, and what it said."""

    at: dict[str, float] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)


def started(flow: PaiFlowInMemory, count: int) -> list[AskedPipelineRun]:
    """Start runs that end one after the other, within an hour."""
    lengths = [600 + 3000 / count * number for number in range(count)]
    random.shuffle(lengths)
    flow.ends |= {f"flow-{number}": length for number, length in enumerate(lengths)}
    return [AskedPipelineRun(name=f"run-{number}", workspace_id="7", id=f"flow-{number}") for number in range(count)]


def watched(flow: PaiFlowInMemory, runs: Sequence[AskedPipelineRun], **arguments: Any) -> Seen:
    """Await runs to their ends."""
    seen = Seen()
    hook = SimpleNamespace(
        paiflow=flow,
        pipeline_runs=flow,
        pai_workspace_id="7",
        one_attempt=nullcontext,
    )

    async def watch(run: AskedPipelineRun) -> None:
        trigger = PaiDesignerPipelineRunTrigger(pai_designer_conn_id="c", run=run.to_dict(), **arguments)
        async for event in trigger.run():
            seen.at[run.name] = asyncio.get_running_loop().time()
            seen.verdicts[run.name] = event.payload["verdict"]
            assert len(str(event.payload)) < 2000

    async def watch_all() -> None:
        await asyncio.gather(*map(watch, runs))

    with leaping(flow, hook) as run:
        run(watch_all())
    return seen


def lateness(flow: PaiFlowInMemory, seen: Seen) -> list[float]:
    return sorted(at - flow.ends[name.replace("run-", "flow-")] for name, at in seen.at.items())


@pytest.mark.parametrize(("count", "most_calls"), [(1, 92), (20, 100), (1000, 900)])
def test_many_runs_are_seen_to_end_in_time_for_few_calls(count: int, most_calls: int) -> None:
    flow = PaiFlowInMemory()
    seen = watched(flow, started(flow, count))
    assert set(seen.verdicts.values()) == {"ended"}
    assert len(flow.calls) <= most_calls
    late = lateness(flow, seen)
    assert late[int(0.95 * len(late))] <= 60
    assert late[-1] <= 65


def test_a_service_that_takes_fewer_at_once_is_asked_for_fewer() -> None:
    flow = PaiFlowInMemory(most=20)
    seen = watched(flow, started(flow, 200))
    assert set(seen.verdicts.values()) == {"ended"}
    assert RUNS_AT_ONCE > 20
    assert flow.verbs["one"] < 20
    assert lateness(flow, seen)[-1] <= 2 * 60


@pytest.mark.parametrize("kind", [PermissionDeniedError, RejectedError])
def test_a_call_for_many_that_is_refused_is_done_without(kind: type[ServiceError]) -> None:
    flow = PaiFlowInMemory()

    def refuse(verb: str, _: Sequence[str]) -> None:
        if verb == "many":
            raise kind("not for this key", operation="ListPipelineRunsStatus")

    flow.trouble = refuse
    seen = watched(flow, started(flow, 20))
    assert set(seen.verdicts.values()) == {"ended"}
    assert flow.verbs["many"] < 10


@pytest.mark.parametrize("seconds", [1, 120])
def test_a_key_that_is_changed_makes_no_watch_slow_for_ever(seconds: float) -> None:
    flow = PaiFlowInMemory()
    since: list[float] = []

    def refuse(verb: str, _: Sequence[str]) -> None:
        if flow.now() > 300:
            since.append(flow.now())
            if flow.now() < since[0] + seconds:
                raise PermissionDeniedError("an old key", operation=verb)

    flow.trouble = refuse
    seen = watched(flow, started(flow, 1000))
    assert set(seen.verdicts.values()) == {"ended"}
    assert lateness(flow, seen)[-1] <= 2 * 60 + (REFUSED_SECONDS if seconds > 30 else 0)


def test_a_run_that_vanishes_ends_its_own_task_and_no_other() -> None:
    flow = PaiFlowInMemory()
    runs = started(flow, 20)
    del flow.ends["flow-3"]
    seen = watched(flow, runs)
    assert seen.verdicts.pop("run-3") == "out_of_sight"
    assert set(seen.verdicts.values()) == {"ended"}


@pytest.mark.parametrize("kind", [NotFoundError, RejectedError])
def test_a_run_for_which_the_whole_call_is_refused_keeps_no_other_waiting(kind: type[ServiceError]) -> None:
    flow = PaiFlowInMemory()
    runs = started(flow, 200)
    del flow.ends["flow-3"]

    def refuse(verb: str, run_ids: Sequence[str]) -> None:
        if verb == "many" and "flow-3" in run_ids:
            raise kind("no such run: flow-3", operation="ListPipelineRunsStatus")

    flow.trouble = refuse
    seen = watched(flow, runs)
    assert seen.verdicts.pop("run-3") == "out_of_sight"
    assert set(seen.verdicts.values()) == {"ended"}
    assert max(at for name, at in seen.at.items() if name != "run-3") <= HOUR + 65
    assert flow.verbs["one"] < 100


def test_a_hiccup_while_it_is_found_out_which_run_it_is_makes_no_watch_ask_for_fewer() -> None:
    flow = PaiFlowInMemory()
    runs = started(flow, 200)
    del flow.ends["flow-3"]
    sizes: list[tuple[float, int]] = []
    asked = itertools.count(1)

    def refuse(verb: str, run_ids: Sequence[str]) -> None:
        if verb == "many":
            sizes.append((flow.now(), len(run_ids)))
            if "flow-3" in run_ids and next(asked) == 2:
                raise ThrottledError("not now", operation="ListPipelineRunsStatus")
            if "flow-3" in run_ids:
                raise RejectedError("no such run: flow-3", operation="ListPipelineRunsStatus")

    flow.trouble = refuse
    watched(flow, runs)
    assert max(size for at, size in sizes if at > 1000) == RUNS_AT_ONCE


def test_a_call_that_is_refused_once_makes_no_watch_ask_for_fewer() -> None:
    flow = PaiFlowInMemory()
    runs = started(flow, 200)
    sizes: list[tuple[float, int]] = []
    refusals = iter([True])

    def refuse(verb: str, run_ids: Sequence[str]) -> None:
        if verb == "many":
            sizes.append((flow.now(), len(run_ids)))
            if flow.now() > 300 and next(refusals, False):
                raise RejectedError("not this time", operation="ListPipelineRunsStatus")

    flow.trouble = refuse
    watched(flow, runs)
    assert next(refusals, None) is None
    assert max(size for at, size in sizes if at > 1000) == RUNS_AT_ONCE


def test_a_state_that_nobody_knows_is_no_end_and_is_not_waited_out_for_ever() -> None:
    flow = PaiFlowInMemory()
    runs = started(flow, 5)
    flow.unknown.add("flow-2")
    seen = watched(flow, runs, outage_seconds=7200)
    assert seen.verdicts.pop("run-2") == "out_of_sight"
    assert seen.at.pop("run-2") > 7000
    assert set(seen.verdicts.values()) == {"ended"}


def test_a_run_that_is_known_by_its_name_is_found_once_the_service_lists_it() -> None:
    flow = PaiFlowInMemory()
    (run,) = started(flow, 1)
    seen = watched(flow, [AskedPipelineRun(name=run.name, workspace_id="7")])
    assert seen.verdicts == {"run-0": "ended"}
    assert flow.verbs["name"] > 1


@pytest.mark.parametrize("kind", [ThrottledError, UnclearError])
def test_a_quarter_of_an_hour_of_bad_weather_fails_nothing_and_is_made_up_for(kind: type[ServiceError]) -> None:
    flow = PaiFlowInMemory()
    runs = started(flow, 300)

    def weather(verb: str, _: Sequence[str]) -> None:
        if 600 <= flow.now() < 1500:
            raise kind("not now", operation=verb)

    flow.trouble = weather
    seen = watched(flow, runs)
    assert set(seen.verdicts.values()) == {"ended"}
    meanwhile = [end for end in flow.ends.values() if 600 <= end < 1500]
    assert sum(1500 <= at <= 1500 + 2 * 60 for at in seen.at.values()) >= len(meanwhile)
    before, storm = (sum(first <= at < first + 300 for at, _ in flow.calls) for first in (300, 1200))
    assert storm < before


def test_triggers_on_the_wire_share_their_polls(connected: Emulator) -> None:
    task = Task()
    behave(connected, task, behaviour="slow", seconds=60)
    triggers = []
    for index in range(6):
        task.context["ti"].map_index = index
        with pytest.raises(TaskDeferred) as deferral:
            subject(deferrable=True, poll_interval=0.5).execute(task.context)
        triggers.append(deferral.value.trigger)
        task.store.kept.clear()
    many, one = (connected.control.calls(name) for name in ("ListPipelineRunsStatus", "GetPipelineRun"))

    async def first(trigger: Any) -> dict[str, Any]:
        async for event in trigger.run():
            return dict(event.payload)
        raise AssertionError("the trigger fired nothing")

    async def await_all() -> list[dict[str, Any]]:
        return await asyncio.gather(*map(first, triggers))

    events = asyncio.run(await_all())
    assert [event["verdict"] for event in events] == ["ended"] * 6
    assert connected.control.calls("ListPipelineRunsStatus") > many
    assert connected.control.calls("GetPipelineRun") - one < 6

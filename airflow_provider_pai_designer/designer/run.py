"""Runs and their instances: what was asked for, what became of it, and whether it counts as success."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol, TypeVar

RUN_NAME_LIMIT = 128
_COUNTERS_LENGTH = 16
_NUMBERED = re.compile(r"(?P<name>\w+)\s*\(\d+\)")


class InstanceStatus(StrEnum):
    """State of an instance; the texts are DataWorks'. Only SUCCESS and FAILURE are final."""

    NOT_RUN = "NOT_RUN"
    WAIT_TIME = "WAIT_TIME"
    WAIT_RESOURCE = "WAIT_RESOURCE"
    RUNNING = "RUNNING"
    FAILURE = "FAILURE"
    SUCCESS = "SUCCESS"
    CHECKING = "CHECKING"
    CHECKING_CONDITION = "CHECKING_CONDITION"
    WAIT_TRIGGER = "WAIT_TRIGGER"
    UNKNOWN = "UNKNOWN"


class TaskType(StrEnum):
    """What kind of execution an instance is; only NORMAL and MANUAL execute the node."""

    NORMAL = "NORMAL"
    MANUAL = "MANUAL"
    PAUSE = "PAUSE"
    SKIP = "SKIP"
    SKIP_UNCHOOSE = "SKIP_UNCHOOSE"
    SKIP_CYCLE = "SKIP_CYCLE"
    CONDITION_UNCHOOSE = "CONDITION_UNCHOOSE"
    REALTIME_DEPRECATED = "REALTIME_DEPRECATED"
    UNKNOWN = "UNKNOWN"


_STATUS_NUMBERS = {
    "0": InstanceStatus.NOT_RUN,
    "1": InstanceStatus.NOT_RUN,
    "2": InstanceStatus.WAIT_TIME,
    "3": InstanceStatus.WAIT_RESOURCE,
    "4": InstanceStatus.RUNNING,
    "5": InstanceStatus.FAILURE,
    "6": InstanceStatus.SUCCESS,
    "7": InstanceStatus.CHECKING,
    "8": InstanceStatus.CHECKING_CONDITION,
    "9": InstanceStatus.WAIT_TRIGGER,
}
_TASK_TYPE_NUMBERS = {str(number): kind for number, kind in enumerate(list(TaskType)[:-1])}


def read_status(value: object) -> InstanceStatus:
    """Read an instance status as the service prints it: ``SUCCESS``, ``SUCCESS(6)`` or ``6``."""
    text = _enum_text(value)
    return _STATUS_NUMBERS.get(text) or InstanceStatus.__members__.get(text, InstanceStatus.UNKNOWN)


def read_task_type(value: object) -> TaskType:
    """Read a task type as the service prints it: ``NORMAL``, ``NORMAL(0)`` or ``0``."""
    text = _enum_text(value)
    return _TASK_TYPE_NUMBERS.get(text) or TaskType.__members__.get(text, TaskType.UNKNOWN)


def _enum_text(value: object) -> str:
    text = str(value).strip().upper()
    numbered = _NUMBERED.fullmatch(text)
    return numbered["name"] if numbered else text


class Outcome(StrEnum):
    """What an instance, or a whole run, has come to."""

    ACTIVE = "active"
    SUCCESS = "success"
    FAILURE = "failure"
    FROZEN = "frozen"
    DRY_RUN = "dry_run"
    UNKNOWN = "unknown"


class Observed(Protocol):
    """What is watched until it ends: an instance of a node, or a run of PAIFlow.

    :var words: what it is and in which state, for a log.
    :var begins: epoch seconds before which nothing happens; 0 where that is not known.
    :var rerun_seconds: how soon the service should run it again by itself; None where that is not awaited.
    """

    @property
    def id(self) -> int | str: ...
    @property
    def status(self) -> StrEnum: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def words(self) -> str: ...
    @property
    def begins(self) -> float: ...
    @property
    def rerun_seconds(self) -> float | None: ...


class AskedRun(Protocol):
    """A run that was asked for by its name.

    :var is_known: whether an answer has named it, so that it can be looked at.
    """

    @property
    def name(self) -> str: ...
    @property
    def is_known(self) -> bool: ...
    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain JSON."""


Asked = TypeVar("Asked", bound=AskedRun)

_EXECUTED = (TaskType.NORMAL, TaskType.MANUAL)
_OUTCOME_ORDER = (Outcome.FAILURE, Outcome.FROZEN, Outcome.UNKNOWN, Outcome.DRY_RUN, Outcome.SUCCESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One execution of a node.

    :param business_date: the day the data is for.
    :param schedule_time: planned time in the workspace's zone, None where the service gave none.
    :param parameters: scheduling parameters as declared; the resolved values are in the instance's log.
    :param reruns_left: automatic reruns that remain, None where none are configured.
    :param rerun_interval_seconds: pause before an automatic rerun.
    :param kind: what made it, in the service's word: ``SMOKE_TEST``, ``SUPPLY_DATA``, ``DAILY``, ...
    :param created: when the service made it, epoch milliseconds, None where it does not say.
    :param started: when it began to run, epoch milliseconds, None before.
    :param finished: when it ended, epoch milliseconds, None before.
    """

    id: int
    node_id: int
    node_name: str
    remote_dag_id: int
    status: InstanceStatus
    task_type: TaskType
    business_date: date
    schedule_time: datetime | None = None
    parameters: str = ""
    reruns_left: int | None = None
    rerun_interval_seconds: float = 0
    kind: str = ""
    created: int | None = None
    started: int | None = None
    finished: int | None = None

    @property
    def outcome(self) -> Outcome:
        """Success is an allow-list: status SUCCESS of an instance that really executed.

        A failure that DataWorks will still rerun by itself is not an end.
        """
        if self.status is InstanceStatus.SUCCESS:
            if self.task_type in _EXECUTED:
                return Outcome.SUCCESS
            return Outcome.UNKNOWN if self.task_type is TaskType.UNKNOWN else Outcome.DRY_RUN
        if self.status is InstanceStatus.FAILURE:
            if self.task_type is TaskType.PAUSE:
                return Outcome.FROZEN
            return Outcome.ACTIVE if self.reruns_left else Outcome.FAILURE
        return Outcome.ACTIVE

    @property
    def words(self) -> str:
        """The instance and its state, for a log."""
        return f"instance {self.id}: {self._state}"

    @property
    def begins(self) -> float:
        """Epoch seconds before which nothing happens: of an instance that waits for its schedule time, that."""
        waits = self.status is InstanceStatus.WAIT_TIME
        return self.schedule_time.timestamp() if waits and self.schedule_time else 0.0

    @property
    def rerun_seconds(self) -> float | None:
        """How soon a failed instance that has a rerun left should run again."""
        return self.rerun_interval_seconds if self.status is InstanceStatus.FAILURE else None

    @property
    def _state(self) -> str:
        if self.status is InstanceStatus.FAILURE and self.reruns_left:
            return f"FAILURE, {self.reruns_left} automatic rerun(s) left"
        if self.status is InstanceStatus.WAIT_TIME and self.schedule_time:
            return f"WAIT_TIME until {self.schedule_time.isoformat(sep=' ')}"
        return self.status.value

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from start to end, None before the end."""
        if self.started is None or self.finished is None:
            return None
        return (self.finished - self.started) / 1000

    def to_dict(self) -> dict[str, Any]:
        """Return the instance as the plain dict that task results carry."""
        return {
            "instance_id": self.id,
            "business_date": self.business_date.isoformat(),
            "schedule_time": self.schedule_time.isoformat() if self.schedule_time else None,
            "status": self.status.value,
            "outcome": self.outcome.value,
            "duration_seconds": self.duration_seconds,
            "parameters": self.parameters,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One Test or one Backfill started by us.

    :param name: the run name, by which the run can be found again.
    :param node_id: the node; None where only the run's ids are known.
    :param environment: ``DEV`` or ``PROD``.
    :param business_date: the day the data is for; of a backfill the first.
    :param last_business_date: of a backfill the last day; None for a Test.
    :param remote_dag_ids: what DataWorks calls the DAG ids of the run.
    """

    name: str
    node_id: int | None
    environment: str
    business_date: date
    remote_dag_ids: tuple[int, ...]
    last_business_date: date | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """Which run it is, as plain JSON, without its dates."""
        told = self.to_dict()
        return {name: told[name] for name in ("run_name", "node_id", "environment", "remote_dag_ids")}

    @property
    def business_dates(self) -> tuple[date, ...]:
        """Every day from the first to the last; the node may not be due on some of them."""
        days = ((self.last_business_date or self.business_date) - self.business_date).days
        return tuple(self.business_date + timedelta(days=day) for day in range(days + 1))

    @property
    def is_known(self) -> bool:
        """Whether the service has named its remote DAGs."""
        return bool(self.remote_dag_ids)

    def __str__(self) -> str:
        """Name the run in a message."""
        return f"run {self.name}" if self.node_id is None else f"run {self.name} of node {self.node_id}"

    def to_dict(self) -> dict[str, Any]:
        """Return the run as plain JSON, for XCom and for triggers."""
        return {
            "run_name": self.name,
            "node_id": self.node_id,
            "environment": self.environment,
            "business_date": self.business_date.isoformat(),
            "last_business_date": self.last_business_date.isoformat() if self.last_business_date else None,
            "remote_dag_ids": list(self.remote_dag_ids),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Run:
        """Read what :meth:`to_dict` wrote."""
        return cls(
            name=data["run_name"],
            node_id=None if data["node_id"] is None else int(data["node_id"]),
            environment=data["environment"],
            business_date=date.fromisoformat(data["business_date"]),
            remote_dag_ids=tuple(int(dag_id) for dag_id in data["remote_dag_ids"]),
            last_business_date=date.fromisoformat(last) if (last := data.get("last_business_date")) else None,
        )


@dataclass(frozen=True, kw_only=True)
class RemoteDag:
    """What DataWorks calls the DAG of a run.

    :param name: the run name it was started with.
    :param status: the service's word: CREATED, RUNNING, SUCCESS or FAILURE.
    :param operation_id: common to all remote DAGs of one backfill.
    :param created: epoch milliseconds.
    """

    id: int
    name: str
    kind: str
    status: str
    operation_id: int | None
    business_date: date | None
    created: int


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One earlier execution of an instance that was rerun.

    :param id: gives access to the attempt's own log.
    """

    id: int
    status: InstanceStatus
    started: int | None
    finished: int | None


@dataclass(frozen=True, kw_only=True)
class InstancePage:
    """One page of a list of instances, the newest first.

    :param total: how many the whole list has.
    :param size: how many a full page has.
    """

    instances: tuple[Instance, ...]
    total: int
    size: int


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """A run and what became of its instances."""

    run: Run
    instances: tuple[Instance, ...]

    @property
    def outcome(self) -> Outcome:
        """What the run has come to; it goes on while one of its remote DAGs shows no instance yet."""
        return Outcome.ACTIVE if young_dags(self.run, self.instances) else run_outcome(self.instances)

    @property
    def node_id(self) -> int | None:
        """The node, also of a run of which only the ids are known; None where several nodes have run."""
        nodes = {item.node_id for item in self.own_instances}
        return self.run.node_id or (nodes.pop() if len(nodes) == 1 else None)

    @property
    def own_instances(self) -> tuple[Instance, ...]:
        """The instances of the run's node, without those of nodes that a backfill took along."""
        return tuple(item for item in self.instances if self.run.node_id in (None, item.node_id))

    @property
    def goes_on(self) -> bool:
        """Whether something of it is sure to come: more than an automatic rerun, which may not."""
        young = bool(young_dags(self.run, self.instances))
        return young or any(
            item.outcome is Outcome.ACTIVE and item.status is not InstanceStatus.FAILURE for item in self.instances
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as the plain dict that task results carry."""
        return {
            **self.run.to_dict(),
            "outcome": self.outcome.value,
            "instances": [instance.to_dict() for instance in self.instances],
        }


DATES_AT_ONCE = 10
"""How many business dates of a run one look reads: each takes a call, and as many may run at the same time."""


def young_dags(run: Run, instances: Sequence[Instance]) -> set[int]:
    """Tell which remote DAGs of a run show no instance yet."""
    return set(run.remote_dag_ids) - {instance.remote_dag_id for instance in instances}


def next_part(run: Run, known: Collection[Instance], *, after: int = 0) -> Run:
    """Tell what to look at now of a run that may have more business dates than one look should read.

    These are the dates that come next to run, and by turns some of the others. What has ended is not looked at again.

    :param known: what was seen of it before.
    :param after: the last remote DAG of the part before this one.
    """
    ended = {item.remote_dag_id for item in known} - {
        item.remote_dag_id for item in known if item.outcome is Outcome.ACTIVE
    }
    left = sorted(set(run.remote_dag_ids) - ended)
    first, others = left[: DATES_AT_ONCE // 2], left[DATES_AT_ONCE // 2 :]
    turn = sorted(others, key=lambda dag_id: (dag_id <= after, dag_id))[: DATES_AT_ONCE - len(first)]
    return replace(run, remote_dag_ids=(*first, *turn))


def with_part(known: Collection[Instance], part: Run, found: Sequence[Instance]) -> tuple[Instance, ...]:
    """Return what is known of a run, after a part of it was looked at; nothing where the service has forgotten it."""
    looked_at = set(part.remote_dag_ids)
    if not found and any(item.remote_dag_id in looked_at for item in known):
        return ()
    return (*(item for item in known if item.remote_dag_id not in looked_at), *found)


def is_full_and_ended(part: Run, found: Sequence[Instance]) -> bool:
    """Tell whether a look read as much as it may, and all of that has ended: then the next need not wait."""
    full = len(part.remote_dag_ids) == DATES_AT_ONCE and not young_dags(part, found)
    return full and run_outcome(found) is not Outcome.ACTIVE


def run_outcome(instances: Sequence[Observed]) -> Outcome:
    """Tell what a run has come to. A run without instances is young, not done."""
    outcomes = {instance.outcome for instance in instances}
    if not outcomes or Outcome.ACTIVE in outcomes:
        return Outcome.ACTIVE
    return next(outcome for outcome in _OUTCOME_ORDER if outcome in outcomes)


def select_cycle(instances: Sequence[Instance], cycle: int | None) -> Sequence[Instance]:
    """Select from a day's instances, which are in the order of their schedule time.

    :param cycle: 1 for the first; None for all of them.
    """
    return instances if cycle is None else instances[cycle - 1 : cycle]


def run_stem(prefix: str, identity: Sequence[object]) -> str:
    """Build the beginning of all run names of a task: readable prefix, hash of the identity.

    :param identity: what makes a run the same run when it is asked for again.
    """
    digest = sha256("\x00".join(map(str, identity)).encode()).hexdigest()[:16]
    readable = re.sub(r"[^0-9A-Za-z_.-]+", "_", prefix)
    return f"{readable[: RUN_NAME_LIMIT - len(digest) - _COUNTERS_LENGTH - 1]}-{digest}"


def run_name(stem: str, *, epoch: int, number: int) -> str:
    """Build the name of one run.

    :param epoch: of the task, which changes when it is cleared.
    :param number: counts the runs asked for in the epoch.
    """
    return f"{stem}-{epoch}-{number}"


def read_run_name(name: str, stem: str) -> tuple[int, int] | None:
    """Return epoch and number of a run that has a name with this stem; None for any other name."""
    match = re.fullmatch(rf"{re.escape(stem)}-(\d{{1,9}})-(\d{{1,9}})", name)
    return (int(match[1]), int(match[2])) if match else None

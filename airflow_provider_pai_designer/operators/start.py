"""Starting a run: one run for each time that a task is asked for one, however often the task comes back."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_pai_designer.designer.record import SETTLE_SECONDS, Decision, Record, Step, decide
from airflow_provider_pai_designer.designer.run import Asked, Run, read_run_name, run_name, run_stem
from airflow_provider_pai_designer.exceptions import PaiDesignerError, RunStoppedError, UnclearError
from airflow_provider_pai_designer.operators.base import AwaitOperator, RunOperator
from airflow_provider_pai_designer.operators.memory import RunMemory

if TYPE_CHECKING:
    from datetime import date

    from airflow.sdk import Context

    from airflow_provider_pai_designer.designer.backfill import Backfill

NEW, RERUN_FAILED = "new", "rerun_failed"
_MOST_ASKS = 3
_PAUSE_SECONDS = 2.0


def fingerprint_of(*wanted: object) -> str:
    """Return what is the same for two runs of which one can stand for the other."""
    return sha256(repr(wanted).encode()).hexdigest()[:16]


class Wanted(Protocol):
    """A run that is to be started; every argument of the task is read and checked.

    :var fingerprint: the same for two runs of which one can stand for the other.
    :var told: what else the task's result says.
    """

    @property
    def fingerprint(self) -> str: ...
    @property
    def told(self) -> dict[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class WantedRun:
    """A run that is to be started; every argument of the task is read and checked.

    :param node_id: the node; None until it is ensured.
    :param business_date: the day the data is for; of a backfill the first.
    :param parameters: all scheduling parameters of the run, expressions where DataWorks evaluates them.
    :param sent_parameters: the complete list to send with the run; None keeps that of the node.
    :param backfill: how to backfill; None for a Test.
    :param definition: of the node that is to run, as far as the task declares it.
    :param details: what else the task's result says.
    """

    environment: str
    node_id: int | None
    business_date: date
    parameters: str
    sent_parameters: str | None = None
    backfill: Backfill | None = None
    definition: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """The same for two runs of which one can stand for the other."""
        return fingerprint_of(
            self.environment,
            self.business_date,
            self.parameters,
            self.sent_parameters,
            self.backfill,
            self.definition,
        )

    @property
    def told(self) -> dict[str, Any]:
        """What else the task's result says."""
        return {"parameters": self.parameters, **self.details}


class AskOperator(AwaitOperator[Asked]):
    """A task that asks for a run, once however often it comes back, and awaits it.

    :param durable: remember the run over the task's tries, so that a retry joins it; False starts another one in every
        try.
    :param settle: seconds for which a run whose start was not confirmed is looked for, before it is asked for again.
    """

    template_fields: Sequence[str] = (*AwaitOperator.template_fields, "settle")
    _reruns_failed = False
    """Whether a run that failed is continued rather than started anew."""

    def __init__(self, *, durable: bool = True, settle: float | str = SETTLE_SECONDS, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.durable = durable
        self.settle = settle
        self._settle_seconds = SETTLE_SECONDS

    @abstractmethod
    def _want(self, context: Context) -> Any:
        """Read and check every argument, and return what is :class:`Wanted`; nothing is written."""

    def _ready(self, wanted: Any) -> Any:
        """Make ready what is to run."""
        return wanted

    @abstractmethod
    def _name_run(self, wanted: Any, name: str) -> Asked:
        """Return the run that will have this name."""

    @abstractmethod
    def _submit(self, wanted: Any, name: str) -> Asked:
        """Ask the service for the run.

        :raises UnclearError: it may have been started.
        """

    @abstractmethod
    def _find(self, wanted: Any, stem: str) -> Sequence[Asked]:
        """Find the runs of this task by the beginning of their names."""

    @abstractmethod
    def _complete(self, run: Asked) -> Asked:
        """Complete a run of which only the name is known, if the service lists it."""

    @abstractmethod
    def _stop_namesakes(self, run: Asked) -> None:
        """Stop other runs of the same name."""

    def _begin(self, context: Context) -> dict[str, Any]:
        from airflow_provider_pai_designer.hooks.arguments import read_number

        self._settle_seconds = read_number("settle", self.settle, least=1)
        ti: Any = context["ti"]
        wanted: Wanted = self._through_weather(lambda: self._want(context))
        memory = RunMemory(context, read_run=self._read_run, durable=self.durable)
        stem = self._stem(ti)
        recorded = memory.load()
        if recorded is None and self.durable and ti.try_number > 1:
            wanted = self._ready(wanted)
            # What a store has lost, it lost by a clear, which came after the answer or stopped the run itself.
            recorded = self._search(wanted, stem, seconds=0 if memory.outlives_tries else self._settle_seconds)
        if recorded is not None:
            recorded = self._identify(recorded)
        decision = decide(
            recorded,
            None if recorded is None else self._outcome(recorded.run),
            epoch=ti.max_tries,
            fingerprint=wanted.fingerprint,
            rerun_failed=self._reruns_failed,
        )
        record = self._follow(decision, recorded) or self._ask(
            context,
            wanted,
            memory,
            stem=stem,
            epoch=ti.max_tries,
            number=decision.number,
            asks=_asks(decision, recorded),
        )
        if record.asks > 1:
            self._stop_others(record.run)
        return {**record.run.to_dict(), **record.details, **({"asks": record.asks} if record.asks > 1 else {})}

    def _finish(self, started: Mapping[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        if started.get("asks", 1) > 1:
            self._stop_others(self._read_run(started))
        return super()._finish(started, *args, **kwargs)

    def _stop_others(self, run: Asked) -> None:
        """See to it that a run that was asked for twice runs once; that this cannot be seen is no reason to fail."""
        try:
            self._through_weather(lambda: self._stop_namesakes(run))
        except PaiDesignerError as error:
            self.log.error("Look in %s whether the %s runs twice: %s", self._console, run, error)

    def _stem(self, ti: Any) -> str:
        """The beginning that the names of all runs of this task have."""
        identity = (ti.dag_id, ti.run_id, ti.task_id, ti.map_index, *(() if self.durable else (ti.try_number,)))
        return run_stem(f"{ti.dag_id}.{ti.task_id}", identity)

    def _search(self, wanted: Wanted, stem: str, *, seconds: float) -> Record[Asked] | None:
        """Find the newest run of this task by its name, where Airflow keeps no state for it (before 3.3), or lost it.

        An earlier try may have asked for one just before it died, so it is looked for as after any lost answer.

        :param seconds: how long to look; 0 looks once.
        """
        until = time.time() + seconds
        while not (found := self._named(wanted, stem)) and time.time() < until:
            self._hook.pause(_PAUSE_SECONDS)
        if not found:
            return None
        (epoch, number), run = max(found, key=lambda item: item[0])
        return Record(
            epoch=epoch,
            number=number,
            fingerprint=wanted.fingerprint,
            asked_at=0,
            run=run,
            details=wanted.told,
        )

    def _named(self, wanted: Wanted, stem: str) -> list[tuple[tuple[int, int], Asked]]:
        """The runs of this task, each with its epoch and number."""
        runs = self._through_weather(lambda: self._find(wanted, stem))
        return [(counters, run) for run in runs if (counters := read_run_name(run.name, stem))]

    def _identify(self, record: Record[Asked]) -> Record[Asked]:
        """Complete the record of a run whose start was asked for, and not confirmed."""
        if record.run.is_known:
            return record
        self.log.info("The %s was asked for, and no answer was kept; looking for it.", record.run)
        return replace(record, run=self._look_for(record.run, until=record.asked_at + self._settle_seconds))

    def _look_for(self, run: Asked, *, until: float) -> Asked:
        """Look for a run by its name, until it is found or the time has passed in which it may still appear.

        :param until: epoch seconds; it is looked for once more after that.
        """
        while True:
            last_look = time.time() >= until
            found = self._through_weather(lambda: self._complete(run))
            if found.is_known or last_look:
                return found
            self._hook.pause(min(_PAUSE_SECONDS, max(0.0, until - time.time())))

    def _follow(self, decision: Decision, recorded: Record[Asked] | None) -> Record[Asked] | None:
        """Do what is decided about the recorded run; None where another one is to be asked for."""
        if recorded is None:
            return None
        self._run = recorded.run
        if decision.stop_first:
            self.log.info("The %s, which an earlier try asked for, is not the one that is wanted now.", recorded.run)
            self._through_weather(lambda: self._ask_to_stop(recorded.run))
            self._await_end(recorded.run)
        if decision.step in (Step.JOIN, Step.RERUN_FAILED):
            self.log.info("Joining the %s, which an earlier try of this task has started.", recorded.run)
            return recorded
        return None

    def _ask(
        self,
        context: Context,
        wanted: Wanted,
        memory: RunMemory[Asked],
        *,
        stem: str,
        epoch: int,
        number: int,
        asks: int,
    ) -> Record[Asked]:
        """Ask for a run. It is written down first, so that whoever comes next knows its name."""
        ready: Wanted = self._ready(wanted)
        # Now, because the new Data Studio may take a minute to make the run.
        self._show_links(context)
        record = Record(
            epoch=epoch,
            number=number,
            fingerprint=wanted.fingerprint,
            asked_at=time.time(),
            asks=asks,
            run=self._name_run(ready, run_name(stem, epoch=epoch, number=number)),
            details=ready.told,
        )

        def ask() -> Asked:
            nonlocal record
            record = self._write_ahead(memory, record)
            self._run = record.run
            # Whoever kills this process with its last try leaves nothing else to search for.
            self.log.info("Asking for the %s.", record.run)
            return self._submit(ready, record.run.name)

        while True:
            try:
                run = self._through_weather(ask, writes=True)
            except UnclearError as error:
                run = self._find_unconfirmed(record, error)
            if run.is_known:
                break
            record = replace(record, asks=record.asks + 1)
        self._run = run
        record = replace(record, run=run)
        memory.save(record)
        self._end_if_killed(run)
        return record

    def _write_ahead(self, memory: RunMemory[Asked], record: Record[Asked]) -> Record[Asked]:
        """Write the record down, again if that took long: who stood still may have been replaced meanwhile."""
        while True:
            record = replace(record, asked_at=time.time())
            memory.save(record)
            if time.time() - record.asked_at < self._settle_seconds / 2:
                return record

    def _find_unconfirmed(self, record: Record[Asked], error: UnclearError) -> Asked:
        """Look for a run that was perhaps started.

        :raises UnclearError: it is not there, and was asked for often enough.
        """
        self.log.warning("It is not clear whether the %s was started; looking for it. %s", record.run, error)
        found = self._look_for(record.run, until=time.time() + self._settle_seconds)
        if not found.is_known and record.asks >= _MOST_ASKS:
            raise UnclearError(
                f"The {record.run} was asked for {record.asks} times, and never seen. Look for it in "
                f"{self._console} before you run the task again. {error}",
                operation=error.operation,
                code=error.code,
                request_id=error.request_id,
            ) from None
        return found

    def _end_if_killed(self, run: Asked) -> None:
        """End a task that was killed while the run was being asked for; ``on_kill`` could not see the run yet."""
        try:
            self._hook.pause(0)
        except RunStoppedError:
            if self.cancel_on_kill and not self._is_left:
                self._stop(run)
            raise


class StartOperator(AskOperator[Run], RunOperator):
    """A task that starts a run of a node, and awaits it.

    :param durable: remember the run over the task's tries, so that a retry joins it; False starts another one in every
        try.
    :param on_retry: what a retry does about a run that failed: ``new`` starts another one, ``rerun_failed`` runs its
        failed instances again.
    :param settle: seconds for which a run whose start was not confirmed is looked for, before it is asked for again.
    """

    template_fields: Sequence[str] = AskOperator.template_fields

    def __init__(self, *, on_retry: str = NEW, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if on_retry not in (NEW, RERUN_FAILED):
            raise ValueError(f"on_retry must be {NEW!r} or {RERUN_FAILED!r}, not {on_retry!r}.")
        self.on_retry = on_retry
        self._reruns_failed = on_retry == RERUN_FAILED

    def _ensure(self, wanted: WantedRun) -> WantedRun:
        """Make the node ready to run."""
        return wanted

    def _ready(self, wanted: WantedRun) -> WantedRun:
        return wanted if wanted.node_id else self._through_weather(lambda: self._ensure(wanted))

    def _name_run(self, wanted: WantedRun, name: str) -> Run:
        assert wanted.node_id is not None
        return Run(
            name=name,
            node_id=wanted.node_id,
            environment=wanted.environment,
            business_date=wanted.business_date,
            last_business_date=wanted.backfill.last if wanted.backfill else None,
            remote_dag_ids=(),
        )

    def _submit(self, wanted: WantedRun, name: str) -> Run:
        assert wanted.node_id is not None
        if wanted.backfill is None:
            return self._hook.test_node(
                wanted.node_id,
                business_date=wanted.business_date,
                name=name,
                environment=wanted.environment,
                parameters=wanted.sent_parameters,
            )
        backfill = replace(wanted.backfill, node_id=wanted.node_id, parameters=wanted.sent_parameters)
        return self._hook.backfill_node(backfill, name=name, environment=wanted.environment)

    def _find(self, wanted: WantedRun, stem: str) -> Sequence[Run]:
        assert wanted.node_id is not None
        return self._hook.find_runs(
            stem, node_id=wanted.node_id, business_date=wanted.business_date, environment=wanted.environment
        )

    def _complete(self, run: Run) -> Run:
        return self._hook.identify(run)

    def _follow(self, decision: Decision, recorded: Record[Run] | None) -> Record[Run] | None:
        joined = super()._follow(decision, recorded)
        if joined is not None and decision.step is Step.RERUN_FAILED:
            self._through_weather(lambda: self._hook.rerun_failed(joined.run))
        return joined

    def _stop_namesakes(self, run: Run) -> None:
        self._hook.stop_others(run)


def _asks(decision: Decision, recorded: Record[Asked] | None) -> int:
    return recorded.asks + 1 if recorded is not None and decision.step is Step.ASK_AGAIN else 1

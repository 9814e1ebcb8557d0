"""A PAI Designer node by declaration, and the difference between a wanted and a stored one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from airflow_provider_pai_designer.designer.content import NodeContent
from airflow_provider_pai_designer.exceptions import ContentError, NodeDefinitionError
from airflow_provider_pai_designer.scheduling import SchedulingParameters, cycle_type, validate_cron

FILE_TYPE = 1117
"""DataWorks' code for PAI Designer nodes (``PAI_STUDIO``)."""

_FAR_FUTURE = (4070880000000, 4102416000000)
"""2099-01-01 to 2100-01-01 UTC in epoch milliseconds: a window in which nothing is scheduled today."""


class SchedulerType(StrEnum):
    """What DataWorks' own scheduler does with a node."""

    NORMAL = "NORMAL"
    MANUAL = "MANUAL"
    PAUSE = "PAUSE"
    SKIP = "SKIP"


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When DataWorks starts the node by itself.

    The default is a daily node that DataWorks does not start, because its effective window lies far in the future:
    Airflow starts its runs.

    :param cron: six fields, seconds first, such as ``00 30 02 * * ?``; workspace time.
    :param type: ``PAUSE`` fails instances at start, ``SKIP`` runs them dry.
    :param start: first moment of the effective window, epoch milliseconds.
    :param end: last moment of the effective window, epoch milliseconds.
    """

    cron: str = "00 05 00 * * ?"
    type: SchedulerType = SchedulerType.NORMAL
    start: int = _FAR_FUTURE[0]
    end: int = _FAR_FUTURE[1]

    @property
    def cycle_type(self) -> str:
        """``NOT_DAY`` for hourly and minutely crons, else ``DAY``."""
        return cycle_type(self.cron)

    def check(self) -> None:
        """Check the schedule before anything is sent.

        :raises NodeDefinitionError: invalid cron, or a window that ends before it starts.
        """
        validate_cron(self.cron)
        if self.start > self.end:
            raise NodeDefinitionError(
                f"The effective window of the schedule ends ({self.end}) before it starts ({self.start}); give both as "
                "epoch milliseconds, start first."
            )

    def check_runnable(self) -> None:
        """Check that runs of a node with this schedule do real work.

        :raises NodeDefinitionError: the schedule is frozen or a dry run.
        """
        reasons = {
            SchedulerType.PAUSE: "is frozen: DataWorks fails every instance of the node at its start",
            SchedulerType.SKIP: "is a dry run: DataWorks reports success without running the pipeline",
        }
        if reason := reasons.get(self.type):
            raise NodeDefinitionError(
                f"The schedule type {self.type.value} {reason}, so a run of this node cannot do its work. Leave "
                "schedule unset to keep DataWorks from starting the node by itself, or use type NORMAL."
            )


@dataclass(frozen=True, kw_only=True)
class RerunPolicy:
    """How DataWorks reruns a failed instance by itself.

    :param mode: ``ALL_ALLOWED``, ``FAILURE_ALLOWED`` or ``ALL_DENIED``.
    :param times: automatic reruns after a failure, 0 to 10.
    :param interval_seconds: pause between them, at most 1800.
    """

    mode: str = "ALL_ALLOWED"
    times: int = 0
    interval_seconds: int = 120

    def check(self) -> None:
        """Check the policy before anything is sent.

        :raises NodeDefinitionError: unknown mode, or a number out of range.
        """
        modes = ("ALL_ALLOWED", "FAILURE_ALLOWED", "ALL_DENIED")
        if self.mode not in modes:
            raise NodeDefinitionError(f"Unknown rerun mode {self.mode!r}; write one of {', '.join(modes)}.")
        if not 0 <= self.times <= 10:
            raise NodeDefinitionError(f"DataWorks allows 0 to 10 automatic reruns, not {self.times}.")
        if not 0 <= self.interval_seconds <= 1800:
            raise NodeDefinitionError(
                f"DataWorks allows 0 to 1800 seconds between automatic reruns, not {self.interval_seconds}."
            )


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node as somebody wants it, or as DataWorks stores it.

    :param folder: path of the folder in DataStudio, such as ``Business Flow/<flow>/Algorithm``.
    :param content: the content document, see :class:`~.content.NodeContent`.
    :param parents: output names of parent nodes; empty means the workspace's root.
    :param resource_group: identifier of the scheduling resource group; None leaves the workspace's default.
    :param owner: account id of the owner; None leaves the caller, or whoever owns the node already.
    """

    name: str
    folder: str
    content: str
    parameters: SchedulingParameters = field(default_factory=lambda: SchedulingParameters.from_mapping({}))
    schedule: Schedule = field(default_factory=Schedule)
    parents: tuple[str, ...] = ()
    rerun: RerunPolicy = field(default_factory=RerunPolicy)
    resource_group: str | None = None
    owner: str | None = None
    description: str = ""

    def check(self) -> None:
        """Check everything that can be known before a call is made.

        :raises NodeDefinitionError: name, folder, schedule or rerun policy.
        :raises ContentError: content.
        """
        if not self.name or self.name != self.name.strip() or "/" in self.name:
            raise NodeDefinitionError(
                f"{self.name!r} is not a node name: it must not be empty, begin or end with a space, or contain '/'."
            )
        if not self.folder.strip("/ "):
            raise NodeDefinitionError(
                "The node needs a folder: the path in DataStudio, such as 'Business Flow/<flow>/Algorithm'."
            )
        self.schedule.check()
        self.rerun.check()
        NodeContent.parse(self.content).check()


@dataclass(frozen=True, kw_only=True)
class StoredNode:
    """A node as DataWorks has it.

    :param node_id: known once the file was submitted (deployed, in a basic-mode workspace).
    :param committed: whether the stored definition was submitted to the development environment.
    :param version: number of the newest submitted version, 0 before the first.
    """

    file_id: int
    node_id: int | None
    committed: bool
    version: int
    node: Node


@dataclass(frozen=True, kw_only=True)
class FileVersion:
    """One submitted version of a node.

    :param status: the service's word, such as ``COMMITTED`` or ``DEPLOYED``.
    :param in_production: whether production has this version.
    :param committed: when it was submitted, epoch milliseconds.
    """

    number: int
    status: str
    in_production: bool
    committed: int
    comment: str


@dataclass(frozen=True, kw_only=True)
class DeployedNode:
    """A node as an environment has it, apart from the file it came from.

    :param version: number of the file version that was deployed.
    :param parameters: scheduling parameters, as declared.
    :param resource_group: identifier of its scheduling resource group.
    """

    id: int
    name: str
    file_id: int | None
    version: int | None
    cron: str
    scheduler_type: str
    parameters: str
    resource_group: str | None
    owner: str


@dataclass(frozen=True, kw_only=True)
class Change:
    """One property in which a stored node differs from the wanted one."""

    name: str
    stored: Any
    wanted: Any

    def __str__(self) -> str:
        """Tell the change; a content is too long to be shown."""
        if self.name == "content":
            return "content"
        return f"{self.name}, from {self.stored!r} to {self.wanted!r}"


def difference(stored: Node, wanted: Node) -> tuple[Change, ...]:
    """Compare a stored node with the wanted one, property by property.

    What the wanted node leaves open (owner, resource group) is not compared.
    """
    return tuple(_changes(stored, wanted))


def _changes(stored: Node, wanted: Node) -> Iterator[Change]:
    if not _same_content(stored.content, wanted.content):
        yield Change(name="content", stored=stored.content, wanted=wanted.content)
    if stored.parameters != wanted.parameters:
        yield Change(name="parameters", stored=stored.parameters.render(), wanted=wanted.parameters.render())
    pairs: dict[str, tuple[Any, Any]] = {
        "cron": (stored.schedule.cron, wanted.schedule.cron),
        "cycle_type": (_cycle_type(stored.schedule), _cycle_type(wanted.schedule)),
        "scheduler_type": (stored.schedule.type, wanted.schedule.type),
        "effective_start": (stored.schedule.start, wanted.schedule.start),
        "effective_end": (stored.schedule.end, wanted.schedule.end),
        "parents": (tuple(sorted(stored.parents)), tuple(sorted(wanted.parents))),
        "rerun_mode": (stored.rerun.mode, wanted.rerun.mode),
        "rerun_times": (stored.rerun.times, wanted.rerun.times),
        "rerun_interval": (stored.rerun.interval_seconds, wanted.rerun.interval_seconds),
        "description": (stored.description, wanted.description),
    }
    for optional in ("owner", "resource_group"):
        if getattr(wanted, optional) is not None:
            pairs[optional] = (getattr(stored, optional), getattr(wanted, optional))
    for name, (old, new) in pairs.items():
        if old != new:
            yield Change(name=name, stored=old, wanted=new)


def _same_content(stored: str, wanted: str) -> bool:
    try:
        return stored == wanted or NodeContent.parse(stored).same_as(NodeContent.parse(wanted))
    except ContentError:
        return False


@dataclass(frozen=True, kw_only=True)
class EnsuredNode:
    """A node that is as it was wanted.

    :param file_id: of the node in DataStudio; in the new Data Studio 18 or 19 digits, which are text.
    :param node_id: by which the environment runs the node.
    :param actions: what had to be done for that, such as ``created``, or ``updated: content, parameters``; empty where
        the node was so already.
    :param version: number of the submitted version, None where the service counts none.
    """

    file_id: int | str
    node_id: int
    actions: tuple[str, ...]
    version: int | None = None

    @property
    def summary(self) -> str:
        """What was done, in words."""
        return "; ".join(self.actions) or "unchanged"


@dataclass(frozen=True, kw_only=True)
class DeletedNode:
    """A node that is gone.

    :param actions: what had to be done for that, such as ``offline``, ``deleted``; empty where there was none.
    """

    actions: tuple[str, ...]

    @property
    def summary(self) -> str:
        """What was done, in words."""
        return "; ".join(self.actions) or "there was no such node"


def _cycle_type(schedule: Schedule) -> str | None:
    try:
        return schedule.cycle_type
    except NodeDefinitionError:  # a stored cron may be anything
        return None

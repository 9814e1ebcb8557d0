"""What a backfill is asked for: which business dates, which nodes, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

from airflow_provider_pai_designer.exceptions import ConfigurationError

MOST_PARALLEL_DATES = 10
ALERT_ON = ("SUCCESS", "FAILURE", "SUCCESS_FAILURE")
ALERT_BY = ("SMS", "MAIL", "SMS_MAIL")


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """One backfill of a node, over business dates. Source:
    https://www.alibabacloud.com/help/en/dataworks/developer-reference/api-dataworks-public-2020-05-18-runcycledagnodes

    :param node_id: the node, in the environment of the run.
    :param first: first business date.
    :param last: last business date, included.
    :param parallel_dates: business dates that may run at the same time, 1 to 10.
    :param hours: for an hourly node, the first and the last schedule time of each day; None for the whole day.
    :param include_node_ids: downstream nodes that run too.
    :param exclude_node_ids: of these, nodes that run dry.
    :param parameters: the complete scheduling parameters of this run, by node id; None keeps those of the nodes.
    :param future_at_once: whether instances whose schedule time is still to come run at once, or wait for it.
    :param alert_on: ``SUCCESS``, ``FAILURE`` or ``SUCCESS_FAILURE``; None for no alert.
    :param alert_by: ``SMS``, ``MAIL`` or ``SMS_MAIL``.
    """

    node_id: int
    first: date
    last: date
    parallel_dates: int = 1
    hours: tuple[time, time] | None = None
    include_node_ids: tuple[int, ...] = ()
    exclude_node_ids: tuple[int, ...] = ()
    parameters: str | None = None
    future_at_once: bool = False
    alert_on: str | None = None
    alert_by: str | None = None

    def check(self) -> None:
        """Check what can be known before anything is sent.

        :raises ConfigurationError: an argument is out of range, or does not go with another.
        """
        if self.first > self.last:
            raise ConfigurationError(
                f"The backfill begins on {self.first} and ends before that, on {self.last}: give start_business_date "
                "the earlier day."
            )
        if not 1 <= self.parallel_dates <= MOST_PARALLEL_DATES:
            raise ConfigurationError(
                f"max_parallel_dates must be 1 to {MOST_PARALLEL_DATES}, not {self.parallel_dates}."
            )
        if self.hours and self.hours[0] > self.hours[1]:
            raise ConfigurationError(
                f"The hours of the backfill begin at {self.hours[0]} and end before that, at {self.hours[1]}."
            )
        if unknown := sorted(set(self.exclude_node_ids) - set(self.include_node_ids)):
            raise ConfigurationError(
                f"exclude_node_ids names {', '.join(map(str, unknown))}, which include_node_ids does not: only nodes "
                "of the run can run dry."
            )
        if (self.alert_on is None) != (self.alert_by is None):
            raise ConfigurationError("Give alert_on and alert_by together, or neither.")
        for name, value, known in (("alert_on", self.alert_on, ALERT_ON), ("alert_by", self.alert_by, ALERT_BY)):
            if value is not None and value not in known:
                raise ConfigurationError(f"{name} must be one of {', '.join(known)}, not {value!r}.")

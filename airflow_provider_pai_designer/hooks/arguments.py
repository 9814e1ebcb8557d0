"""Reading operator arguments after rendering: a template gives text where a number, a date or a mapping is meant."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, TypeVar

from airflow_provider_pai_designer.designer.node import RerunPolicy, Schedule, SchedulerType
from airflow_provider_pai_designer.designer.pipeline import AskedPipelineRun
from airflow_provider_pai_designer.designer.run import Run
from airflow_provider_pai_designer.exceptions import ConfigurationError

_Declared = TypeVar("_Declared", Schedule, RerunPolicy)


LONGEST_SECONDS = 366 * 86_400.0
"""No time of a task is longer than this: a year."""


def read_text(name: str, value: object) -> str:
    """Read an identifier; a number is taken as its digits.

    :raises ConfigurationError: it is missing, or neither text nor a number.
    """
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise ConfigurationError(f"{name} must be text, not {value!r}.")
    return str(value)


def read_names(name: str, value: object) -> tuple[str, ...]:
    """Read a list of names, which may come as rendered text: a JSON list, or one name.

    :raises ConfigurationError: another shape, or a name with a comma.
    """
    if value is None:
        return ()
    value = _from_json(value)
    if isinstance(value, str) and not value.lstrip().startswith("["):
        value = [value]
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ConfigurationError(f"{name} must be a list of names, not {value!r}.")
    names = tuple(read_text(name, item) for item in value)
    if comma := next((item for item in names if "," in item), None):
        raise ConfigurationError(f"{name} must be a list of names: write {comma!r} as several.")
    return names


def read_number(name: str, value: object, *, least: float = 0, most: float = LONGEST_SECONDS) -> float:
    """Read a number that may come as rendered text.

    :raises ConfigurationError: it is not a number, smaller than ``least`` or greater than ``most``.
    """
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise ConfigurationError(f"{name} must be a number from {least:g} to {most:.0f}, not {value!r}.")
    return number


def read_integer(name: str, value: object) -> int:
    """Read a whole number that may come as rendered text.

    :raises ConfigurationError: it is none.
    """
    try:
        return int(str(value).strip())
    except ValueError:
        raise ConfigurationError(f"{name} must be a whole number, not {value!r}.") from None


def read_integers(name: str, value: object) -> tuple[int, ...]:
    """Read whole numbers: one, a list, or the text of either (``1, 2`` or ``[1, 2]``).

    :raises ConfigurationError: another shape.
    """
    if isinstance(value, str):
        text = value.strip().removeprefix("[").removesuffix("]").strip()
        value = text.split(",") if text else None
    if value is None:
        return ()
    if not isinstance(value, Sequence):
        value = [value]
    return tuple(read_integer(name, item) for item in value)


def read_times(start: object, end: object) -> tuple[time, time] | None:
    """Read the hours of a backfill, ``HH:MM`` each; None where neither is given.

    :raises ConfigurationError: it is no time of the day.
    """
    if start is None and end is None:
        return None
    return _read_time("start_time", start or "00:00"), _read_time("end_time", end or "23:59:59")


def read_node_reference(node_id: object, name: object, folder: object) -> int | tuple[str, str]:
    """Read which node is meant: its id, or its name and folder.

    :raises ConfigurationError: neither, or both.
    """
    if (node_id is None) == (name is None and folder is None):
        raise ConfigurationError("Give the node either as designer_node_id= or as node_name= and folder=.")
    if node_id is not None:
        return read_integer("designer_node_id", node_id)
    return read_text("node_name", name), read_text("folder", folder)


@dataclass(frozen=True, kw_only=True)
class NamedRun:
    """A run that is known by its name and its node."""

    name: str
    node_id: int


def read_run_reference(run: object, node_id: object) -> Run | tuple[int, ...] | NamedRun:
    """Read which run is meant: the dict that a task returned, remote DAG ids, or a name; or the JSON text of these.

    :raises ConfigurationError: another shape, or a name without its node.
    """
    value = _from_json(run)
    if isinstance(value, Mapping):
        try:
            return Run.from_dict(value)
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError(
                "run is a dict, and not that of a run: pass on what the task that started the run returned, such as "
                "run=start.output, or run=\"{{ ti.xcom_pull('start') | tojson }}\"."
            ) from None
    if isinstance(value, int | list | tuple):
        if ids := read_integers("run", value):
            return ids
    elif isinstance(value, str) and value.strip() and value != "None" and value.strip()[0] not in "{[":
        if node_id is None:
            raise ConfigurationError(
                f"The run {value!r} is found by its name among those of a node: give designer_node_id= (and "
                "business_date=) too."
            )
        return NamedRun(name=value.strip(), node_id=read_integer("designer_node_id", node_id))
    raise ConfigurationError(
        "run must be what the task that started it returned, its remote DAG ids, or its name (in a template, "
        f"\"{{{{ ti.xcom_pull('start') | tojson }}}}\"), not {str(run)[:200]!r}."
    )


def read_pipeline_run(run: object, run_name: object, *, workspace_id: str) -> AskedPipelineRun:
    """Read which run of a pipeline is meant: the dict that a task returned (or its JSON text), an id, or a name.

    :param workspace_id: of the run, where it is not in the dict.
    :raises ConfigurationError: another shape; or neither or both of run and name.
    """
    if (run is None) == (run_name is None):
        raise ConfigurationError("Give the run either as run= (a task's result, or an id) or as run_name=.")
    if run_name is not None:
        return AskedPipelineRun(name=read_text("run_name", run_name), workspace_id=workspace_id)
    value = _from_json(run)
    if isinstance(value, Mapping):
        try:
            return AskedPipelineRun.from_dict(value)
        except KeyError:
            raise ConfigurationError(
                "run is a dict, and not that of a run of a pipeline: pass on what the task that started it returned, "
                "such as run=start.output."
            ) from None
    if isinstance(value, str) and value.strip() and value != "None" and value.strip()[0] not in "{[":
        return AskedPipelineRun(name=value.strip(), workspace_id=workspace_id, id=value.strip())
    raise ConfigurationError(f"run must be what the task that started it returned, or its id, not {str(run)[:200]!r}.")


def read_business_date(value: object, *, today: date, name: str = "business_date") -> date:
    """Read a business date given as ``YYYY-MM-DD``, ``YYYYMMDD`` or a date.

    :param today: the day it is in the workspace's zone.
    :raises ConfigurationError: it is no date, or lies in the future.
    """
    try:
        day = value if isinstance(value, date) else date.fromisoformat(str(value).strip())
    except ValueError:
        raise ConfigurationError(
            f"{name} {value!r} is not a date; write it as YYYY-MM-DD or YYYYMMDD, such as {today.isoformat()}."
        ) from None
    day = day.date() if isinstance(day, datetime) else day
    if day > today:
        raise ConfigurationError(
            f"The business date {day} lies in the future (it is {today} in the workspace's time zone): there is no "
            "data for it yet. Give the day that the data is for, the day before the scheduled run."
        )
    return day


def read_schedule(value: object) -> Schedule:
    """Read a schedule: None for the default, or a mapping with ``cron``, ``type``, ``start``, ``end``.

    ``start`` and ``end`` may be days (``YYYY-MM-DD``, in UTC) or epoch milliseconds.

    :raises ConfigurationError: another shape, or an unknown member.
    """
    members = read_mapping("schedule", value)
    for name in ("start", "end"):
        if name in members:
            members[name] = _read_moment(f"schedule[{name!r}]", members[name])
    if "type" in members:
        kinds = [kind.value for kind in SchedulerType]
        if members["type"] not in kinds:
            raise ConfigurationError(f"schedule['type'] must be one of {', '.join(kinds)}, not {members['type']!r}.")
        members["type"] = SchedulerType(members["type"])
    if "cron" in members:
        members["cron"] = read_text("schedule['cron']", members["cron"])
    return _declare("schedule", Schedule, members)


def read_rerun_policy(value: object) -> RerunPolicy:
    """Read a rerun policy: None for the default, or a mapping with ``mode``, ``times``, ``interval_seconds``.

    :raises ConfigurationError: another shape, or an unknown member.
    """
    members = read_mapping("rerun", value)
    for name in ("times", "interval_seconds"):
        if name in members:
            members[name] = int(read_number(f"rerun[{name!r}]", members[name], most=1800))
    return _declare("rerun", RerunPolicy, members)


def read_parameters(name: str, value: object) -> dict[str, str]:
    """Read scheduling parameters: a mapping (or its JSON text) of names to expressions; numbers are taken as text.

    :raises ConfigurationError: another shape.
    """
    members = read_mapping(name, value)
    for member, expression in members.items():
        if isinstance(expression, bool) or not isinstance(expression, str | int | float):
            raise ConfigurationError(f"{name}[{member!r}] must be text or a number, not {expression!r}.")
    return {member: str(expression) for member, expression in members.items()}


def read_mapping(name: str, value: object) -> dict[str, Any]:
    """Read a mapping, or its JSON text; empty where there is none.

    :raises ConfigurationError: another shape.
    """
    if value is None:
        return {}
    members = _from_json(value)
    if not isinstance(members, Mapping):
        raise ConfigurationError(f"{name} must be a mapping (or its JSON text), not {value!r}.")
    return {str(key): member for key, member in members.items()}


def _declare(name: str, kind: type[_Declared], members: Mapping[str, Any]) -> _Declared:
    known = list(kind.__dataclass_fields__)
    if unknown := next((member for member in members if member not in known), None):
        raise ConfigurationError(f"{name} has no member {unknown!r}; it has {', '.join(known)}.")
    return kind(**members)


def _read_moment(name: str, value: object) -> int:
    if str(value).isdecimal() and len(str(value)) > 8:
        return int(str(value))
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise ConfigurationError(
            f"{name} must be a day such as 2026-01-31, or epoch milliseconds, not {value!r}."
        ) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _from_json(value: object) -> object:
    """Read JSON text as what it says; what is no JSON stays as it is."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _read_time(name: str, value: object) -> time:
    try:
        read = value if isinstance(value, time) else time.fromisoformat(str(value).strip())
    except ValueError:
        read = None
    if read is None or read.tzinfo:
        raise ConfigurationError(f"{name} must be a time of the workspace's day such as 09:30, not {value!r}.")
    return read

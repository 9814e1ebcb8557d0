"""The list of scheduling parameters of a node, as DataWorks stores it (``ParaValue``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NoReturn

from airflow_provider_pai_designer.exceptions import SchedulingParameterError
from airflow_provider_pai_designer.scheduling.evaluation import evaluate
from airflow_provider_pai_designer.scheduling.syntax import parse

_WHOLE_STRING = r'-p\s*"'
_WHOLE_STRING_NAME = "-"


@dataclass(frozen=True, kw_only=True, eq=False)
class SchedulingParameters(Mapping[str, str]):
    """Names and their expressions. Equal when the same names have the same expressions, in whatever order.

    Positional values are named "1", "2", ...; a list of the form ``-p"..."`` is a single value named "-".
    """

    entries: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str, *, strict: bool = True) -> SchedulingParameters:
        """Split a list as the vendor's own code does; values are looked at when they are evaluated.

        A word that is not exactly ``name=value`` (``a=`` and ``a=b=c`` are not) is a positional value, see
        ``VariableUtils.getVariables`` in https://github.com/aliyun/dataworks-spec.

        :param text: for example ``dt=$bizdate hour=$[hh24-1/24]``.
        :param strict: refuse a name given twice and the reserved name ``date``, of which one assignment has no
            effect; False for a list that the service stores, which must be readable as it is.
        """
        if re.search(_WHOLE_STRING, text):
            return cls(entries=((_WHOLE_STRING_NAME, text),))
        entries: list[tuple[str, str]] = []
        positional_values = 0
        for word in re.finditer("[^ ]+", text):
            name, _, value = word[0].partition("=")
            if not (name and value) or "=" in value or not _is_named(name):
                positional_values += 1
                name, value = str(positional_values), word[0]
            if strict:
                _check_not_reserved(name, text, word.start())
                if any(name == earlier for earlier, _ in entries):
                    _fail(f"the name {name!r} is given twice; keep one {name}=...", text, word.start())
            entries.append((name, value))
        return cls(entries=tuple(entries))

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, str]) -> SchedulingParameters:
        """Make a list from names and expressions, all of which must be valid.

        :param mapping: for example ``{"dt": "$bizdate"}``; names "1", "2", ... make positional values, which
            stand behind the named ones.
        """
        for name, value in mapping.items():
            if not re.fullmatch("[A-Za-z0-9_]+", name):
                proposal = re.sub("[^A-Za-z0-9_]+", "_", name) or "name"
                reason = f"the name {name!r} may hold letters, digits and underscores only; write {proposal}"
                position = len(name) - len(re.sub("^[A-Za-z0-9_]+", "", name))
                _fail(reason, f"{name}={value}", position)
            _check_not_reserved(name, f"{name}={value}", 0)
            _check_value(name, value)
        positions = [name for name in mapping if not _is_named(name)]
        if set(positions) != {str(index + 1) for index in range(len(positions))}:
            reason = f"positional values must be numbered from 1 without a gap, not {positions}; write '1', '2'"
            _fail(reason, " ".join(mapping), 0)
        entries = sorted(mapping.items(), key=lambda entry: 0 if _is_named(entry[0]) else int(entry[0]))
        return cls(entries=tuple(entries))

    def render(self) -> str:
        """Give the text that DataWorks stores; a parsed list gives the words it was read from."""
        return " ".join(f"{name}={value}" if _is_named(name) else value for name, value in self.entries)

    def evaluate(
        self,
        *,
        schedule_time: datetime,
        current_date: date | None = None,
        context: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Give the value of every parameter at one schedule time; for the arguments see ``evaluate``.

        :raises SchedulingParameterError: a value is no valid expression, or holds what a value must not hold.
        """
        values = {}
        for name, expression in self.entries:
            if name != _WHOLE_STRING_NAME:
                _check_value(name, expression)
            values[name] = evaluate(expression, schedule_time=schedule_time, current_date=current_date, context=context)
        return values

    def __getitem__(self, name: str) -> str:
        return dict(self.entries)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self.entries))

    def __len__(self) -> int:
        return len(dict(self.entries))

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))


def _is_named(name: str) -> bool:
    return not name.isdecimal() and name != _WHOLE_STRING_NAME


def _check_not_reserved(name: str, text: str, position: int) -> None:
    if name == "date":
        reason = "DataWorks gives the name 'date' the value of $bizdate, whatever is assigned; write dt=..."
        _fail(reason, text, position)


def _check_value(name: str, value: str) -> None:
    text = f"{name}={value}"
    if not value:
        _fail(f"the value is missing; write {name}=$bizdate or leave {name!r} out", text, len(text))
    forbidden = re.search(rf"[\s=]|{_WHOLE_STRING}", value)
    if forbidden is None:
        parse(value)
    elif forbidden[0] == "=":
        right = value.rpartition("=")[2] or "$bizdate"
        reason = f"a value holds no '='; write {name}={right} and keep what stands before it in the code"
        _fail(reason, text, len(name) + 1 + forbidden.start())
    else:
        reason = (
            f"a value holds no {forbidden[0]!r}; write two parameters, such as {name}_date=$[yyyy-mm-dd]"
            f" {name}_time=$[hh24:mi:ss], and join them in the code"
        )
        _fail(reason, text, len(name) + 1 + forbidden.start())


def _fail(reason: str, text: str, position: int) -> NoReturn:
    raise SchedulingParameterError(f"{text!r}, position {position}: {reason}", expression=text, position=position)

"""The syntax of scheduling parameter expressions: a typed tree, and the parser that builds it.

The grammar follows "Supported formats of scheduling parameters"
(https://www.alibabacloud.com/help/en/dataworks/user-guide/supported-formats-of-scheduling-parameters)::

    expression    = { text | built-in | reference | business-date | schedule-time }
    built-in      = "$bizdate" | "$cyctime" | "$gmtdate" | ... | "$yyyymmdd" | "$yyyy" | "$mm" | "$dd"
    reference     = "${" name "}"
    business-date = "${" date-format { ("+" | "-") number { "*" number } } "}"
    schedule-time = "$[" ( format | add-months ) { ("+" | "-") number { ("*" | "/") number } } "]"
    add-months    = "add_months(" format "," [ "+" | "-" ] number { "*" number } ")"
    format        = token { { separator } token }
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from math import floor
from typing import NoReturn, TypeAlias

from airflow_provider_pai_designer.exceptions import SchedulingParameterError
from airflow_provider_pai_designer.scheduling.nearest import candidates


@dataclass(frozen=True, kw_only=True)
class Text:
    """Text that stays as it is."""

    source: str


@dataclass(frozen=True, kw_only=True)
class BuiltIn:
    """``$gmtdate``, ``$bizmonth``, ``$jobid``, ``$nodeid`` or ``$taskid``."""

    source: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Reference:
    """``${name}`` that is no date format: another parameter's name, left to whoever knows it."""

    source: str
    name: str


@dataclass(frozen=True, kw_only=True)
class BusinessDate:
    """``${...}`` or ``$bizdate``: the business date, moved by days or months (a year is 12), then formatted."""

    source: str
    format: tuple[str, ...]
    days: int
    months: int


@dataclass(frozen=True, kw_only=True)
class ScheduleTime:
    """``$[...]`` or ``$cyctime``: the schedule time, moved by months, then days, then seconds, then formatted."""

    source: str
    format: tuple[str, ...]
    months: int
    days: int
    seconds: int


Part: TypeAlias = Text | BuiltIn | Reference | BusinessDate | ScheduleTime


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A parsed expression; ``str()`` gives the text it was read from."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return "".join(part.source for part in self.parts)


@lru_cache(maxsize=4096)
def parse(expression: str) -> Expression:
    """Read an expression, with the text around it, into its syntax tree.

    :param expression: for example ``p_${yyyymmdd-1}_v1``.
    :raises SchedulingParameterError: a ``${...}``, ``$[...]`` or bare date form that is not valid.
    """
    parser = Parser(expression)
    try:
        return parser.parse()
    except UnexpectedError as error:
        nearest = error.nearest or _nearest(expression[parser.start :], error.position - parser.start)
        raise SchedulingParameterError(
            f"{expression!r}, position {error.position}: {error.reason} write {nearest}",
            expression=expression,
            position=error.position,
        ) from None


def _nearest(text: str, position: int) -> str:
    return next(candidate for candidate in candidates(text, position) if _is_valid(candidate))


def _is_valid(candidate: str) -> bool:
    try:
        parts = Parser(candidate).parse().parts
    except UnexpectedError:
        return False
    return len(parts) == 1 and not isinstance(parts[0], Text | Reference)


class UnexpectedError(Exception):
    """The parser met what does not fit; ``parse`` turns this into the error that callers see."""

    def __init__(self, position: int, reason: str, nearest: str | None) -> None:
        super().__init__(reason)
        self.position = position
        self.reason = reason
        self.nearest = nearest


# Compiled when first used: this takes longer than all the rest of importing this package.
_compiled = cache(re.compile)

_DATE_TOKENS = "yyyy|yy|mm|dd"
_TOKENS = f"{_DATE_TOKENS}|hh24|hh12|hh|mi|ss"
_SEPARATORS = r"(?:[^\w+*()\[\]{}$=]|_)*"
_BEFORE_TOKEN = rf"(?={_SEPARATORS}(?:{_TOKENS}))"
_TEXT = r"[^$]+"
_WORD = r"\$(?:bizdate|cyctime|gmtdate|bizmonth|jobid|nodeid|taskid)(?![A-Za-z])"
# Possessive repetition (++, *+): "yyyy" is also "yy" twice, and must not be tried both ways.
_TOKEN_RUN = rf"(?:{_TOKENS})++(?![A-Za-z])"
_BARE_FORMAT = rf"\$(?={_DATE_TOKENS}){_TOKEN_RUN}(?:[-/:._]{_TOKEN_RUN})*+"
_NAME = r"\$\{[\w.]++\}"
_DATE_LIKE = rf"(?={_DATE_TOKENS})(?:{_TOKENS})(?:[_.]*+(?:{_TOKENS}))*+"
_ADD_MONTHS = r"add_months\s*\(\s*"
_MONTHS = r"\s*,\s*[+-]?\s*"
_END_OF_MONTHS = r"\s*\)"
_SIGN = r"\s*[+-]\s*(?=[0-9])"
_TIMES = r"\s*\*\s*(?=[0-9])"
_TIMES_OR_OVER = r"\s*[*/]\s*(?=[0-9])"
_BEFORE_OVER = r"(?=\s*/)"
_NUMBER = r"[0-9]+"

_DATE = ("yyyy", "mm", "dd")
_DATE_AND_TIME = ("yyyy", "mm", "dd", "hh24", "mi", "ss")
_NAMED_BUSINESS_DATES: dict[str, tuple[str, ...]] = {
    "bizdate": _DATE,
    "bdp.system.bizdate": _DATE,
    "yyyymmdd": _DATE,
    "yyyy": ("yyyy",),
    "mm": ("mm",),
    "dd": ("dd",),
}
_NAMED_SCHEDULE_TIMES = frozenset({"cyctime", "bdp.system.cyctime"})
_CODE_LEVEL_NAMES = frozenset({"bdp.system.bizdate", "bdp.system.cyctime"})
# Far outside the calendar, and small enough for arithmetic in constant time.
_LIMIT = 10**12
_LONGEST_NUMBER = 12


class Parser:
    """Recursive descent over one text. Nothing is read more than twice, so the work is linear in its length.

    ``steps`` counts the characters read and the attempts made to read some.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.start = 0
        self.position = 0
        self.steps = 0

    def parse(self) -> Expression:
        parts = []
        while self.position < len(self.text):
            self.start = self.position
            parts.append(self._part())
        return Expression(parts=tuple(parts))

    def _take(self, pattern: str) -> str | None:
        match = _compiled(pattern).match(self.text, self.position)
        self.steps += 1
        if match is None:
            return None
        self.steps += match.end() - self.position
        self.position = match.end()
        return match[0]

    def _fail(self, reason: str, nearest: str | None = None) -> NoReturn:
        raise UnexpectedError(self.position, reason, nearest)

    def _source(self) -> str:
        return self.text[self.start : self.position]

    def _part(self) -> Part:
        if (text := self._take(_TEXT)) is not None:
            return Text(source=text)
        if self.text.startswith("${", self.position):
            return self._braces()
        if self.text.startswith("$[", self.position):
            return self._schedule_time()
        if (word := self._take(_WORD)) is not None:
            return self._named(word, word[1:])
        if (bare := self._take(_BARE_FORMAT)) is not None:
            return self._bare_date(bare)
        self.position += 1
        return Text(source="$")

    def _named(self, source: str, name: str) -> BuiltIn | BusinessDate | ScheduleTime:
        if (format_ := _NAMED_BUSINESS_DATES.get(name)) is not None:
            return BusinessDate(source=source, format=format_, days=0, months=0)
        if name in _NAMED_SCHEDULE_TIMES:
            return ScheduleTime(source=source, format=_DATE_AND_TIME, months=0, days=0, seconds=0)
        return BuiltIn(source=source, name=name)

    def _bare_date(self, source: str) -> BuiltIn | BusinessDate | ScheduleTime:
        name = source[1:]
        if name not in _NAMED_BUSINESS_DATES:
            self.position = self.start
            nearest = f"${{{name}}}" if set(name).isdisjoint("his") else f"$[{name}]"
            self._fail("only $yyyymmdd, $yyyy, $mm and $dd may stand without brackets;", nearest)
        return self._named(source, name)

    def _braces(self) -> Part:
        if (source := self._take(_NAME)) is not None:
            name = source[2:-1]
            if name in _CODE_LEVEL_NAMES:
                return self._named(source, name)
            if not _compiled(_DATE_LIKE).fullmatch(name):
                return Reference(source=source, name=name)
        self.position = self.start + 2
        return self._business_date()

    def _business_date(self) -> BusinessDate:
        format_ = self._format(_DATE_TOKENS)
        offset, _ = self._offset(_TIMES)
        if offset and self._take(_BEFORE_OVER) is not None:
            self._fail("${...} knows whole days only; for hours")
        if self._take(_BEFORE_TOKEN) is not None:
            self._fail("${...} knows yyyy, yy, mm and dd only; for the time of day")
        self._close("}")
        if "dd" in format_:
            return BusinessDate(source=self._source(), format=format_, days=offset, months=0)
        months = offset if "mm" in format_ else 12 * offset
        return BusinessDate(source=self._source(), format=format_, days=0, months=months)

    def _schedule_time(self) -> ScheduleTime:
        self.position = self.start + 2
        shifts_months = self._take(_ADD_MONTHS) is not None
        format_ = self._format(_TOKENS)
        months = self._months() if shifts_months else 0
        days, fraction = self._offset(_TIMES_OR_OVER)
        self._close("]")
        return ScheduleTime(
            source=self._source(),
            format=format_,
            months=months,
            days=days,
            seconds=floor(fraction * 86_400 + Fraction(1, 2)),
        )

    def _format(self, token_pattern: str) -> tuple[str, ...]:
        pieces: list[str] = []
        before = self.position
        while (token := self._take(token_pattern)) is not None:
            pieces.append(token)
            before = self.position
            pieces.append(self._take(_SEPARATORS) or "")
        # What stands behind the last token is no separator: it is an offset, or the end.
        self.position = before
        if not pieces:
            self._fail(f"expected one of {token_pattern.replace('|', ', ')};")
        return tuple(filter(None, pieces[:-1]))

    def _months(self) -> int:
        comma_and_sign = self._take(_MONTHS)
        if comma_and_sign is None:
            self._fail("expected a comma and the number of months;")
        months = self._number()
        while self._take(_TIMES) is not None:
            months = self._bounded(months * self._number())
        if self._take(_END_OF_MONTHS) is None:
            self._fail("expected a whole number of months and ')';")
        return int(-months if "-" in comma_and_sign else months)

    def _offset(self, operator_pattern: str) -> tuple[int, Fraction]:
        """Days to move along the calendar, and the rest of a day to move along the absolute time line."""
        days, rest = 0, Fraction()
        while (sign := self._take(_SIGN)) is not None:
            term = self._number()
            while (operator := self._take(operator_pattern)) is not None:
                before = self.position
                factor = self._number()
                if not factor and "/" in operator:
                    self.position = before
                    self._fail("expected a divisor other than zero;")
                term = self._bounded(term * factor if "*" in operator else term / factor)
            if "-" in sign:
                term = -term
            days += int(term)
            rest = self._bounded(rest + term - int(term))
        return days, rest

    def _number(self) -> Fraction:
        before = self.position
        digits = self._take(_NUMBER)
        if digits is None or len(digits) > _LONGEST_NUMBER:
            self.position = before
            self._fail(f"expected a whole number of at most {_LONGEST_NUMBER} digits;")
        return Fraction(int(digits))

    def _bounded(self, value: Fraction) -> Fraction:
        if abs(value.numerator) > _LIMIT or value.denominator > _LIMIT:
            self._fail("this offset leaves the calendar, or is finer than a second;")
        return value

    def _close(self, bracket: str) -> None:
        if not self.text.startswith(bracket, self.position):
            self._fail(f"expected a further part of the format, an offset such as -1, or {bracket!r};")
        self.position += 1

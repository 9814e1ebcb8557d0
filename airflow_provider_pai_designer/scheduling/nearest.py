"""Guesses at what a writer of an invalid expression meant, for error messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

_UNIT_SUFFIX = "(?P<format>.+?)(?P<sign>[+-])(?P<number>[0-9]+)(?P<unit>mi|[dhmy])"
# EMR writes the unit behind the number; the vendor's migration tool translates it like this.
_WITHOUT_UNIT_SUFFIX = {
    "d": "$[{format}{sign}{number}]",
    "h": "$[{format}{sign}{number}/24]",
    "mi": "$[{format}{sign}{number}/24/60]",
    "m": "$[add_months({format},{sign}{number})]",
    "y": "$[add_months({format},{sign}12*{number})]",
}


def candidates(text: str, position: int) -> Iterator[str]:
    """Expressions near to an invalid one, likeliest first; some are invalid too, the last one never is.

    :param text: begins with the opening bracket of the invalid expression.
    :param position: index into ``text`` of the first character that does not fit.
    """
    body = re.match(r"\$[\[{]([^\]}$]*)", text)
    lower_case = _lower_case_tokens(body[1].strip()) if body else ""
    if suffix := re.fullmatch(_UNIT_SUFFIX, lower_case):
        yield _WITHOUT_UNIT_SUFFIX[suffix["unit"]].format_map(suffix.groupdict())
    own, other = ("${%s}", "$[%s]") if text.startswith("${") else ("$[%s]", "${%s}")
    yield own % lower_case
    yield other % lower_case
    yield f"${lower_case}"
    yield own % text[2:position].rstrip(" +-*/:_")
    yield "$[add_months(yyyymmdd,-1)]" if "month" in lower_case else own % "yyyymmdd"


def _lower_case_tokens(body: str) -> str:
    if "MM" in body:
        # Java's date patterns: MM is the month, mm the minute, HH the hour of 24.
        body = body.replace("mm", "mi")
    body = re.sub("HH(?!24|12)", "hh24", body).lower()
    if "-" in body or "+" in body:
        # A name takes no offset; the format that it stands for does.
        body = body.replace("bizdate", "yyyymmdd").replace("cyctime", "yyyymmddhh24miss")
    return body

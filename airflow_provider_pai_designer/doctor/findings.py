"""What the doctor has to say, check by check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from airflow_provider_pai_designer.exceptions import PaiDesignerError


class Verdict(StrEnum):
    """What a check came to; unknown is what reads cannot tell."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The answer to one check.

    :param said: what was seen, and what to do where that is not good.
    """

    check: str
    verdict: Verdict
    said: str


def look_at(check: str, look: Callable[[], tuple[Verdict, str]]) -> Finding:
    """Make a check; an error of ours is a failure that explains itself."""
    try:
        verdict, said = look()
    except PaiDesignerError as error:
        verdict, said = Verdict.FAIL, str(error)
    return Finding(check=check, verdict=verdict, said=said)


def newest(findings: Iterable[Finding]) -> list[Finding]:
    """Keep of each check the last answer that is one, where its first stood: writing may tell what no read could."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        if finding.verdict is not Verdict.UNKNOWN or finding.check not in kept:
            kept[finding.check] = finding
    return list(kept.values())


def as_table(findings: Sequence[Finding]) -> str:
    """Write findings for people, one a line."""
    width = max((len(finding.check) for finding in findings), default=0)
    rows = [f"{finding.verdict.value:<7}  {finding.check:<{width}}  {finding.said}" for finding in findings]
    counts = [f"{sum(item.verdict is verdict for item in findings)} {verdict.value}" for verdict in Verdict]
    return "\n".join([*rows, "", ", ".join(counts)])


def as_json(findings: Sequence[Finding]) -> str:
    """Write findings for programs."""
    return json.dumps([asdict(finding) for finding in findings], indent=2, ensure_ascii=False)

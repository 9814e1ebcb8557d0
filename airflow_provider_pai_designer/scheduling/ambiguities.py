"""Where the vendor's pages are silent or contradict each other: what this package does, and why.

None of these could be checked on a live account. Every row with an example is held by a test.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ambiguity:
    """One open point.

    :param example: an expression, evaluated at ``schedule_time`` (ISO, local) in ``timezone``, gives ``value``;
        without a value it is refused. None where the point is not about a single expression.
    """

    question: str
    decision: str
    reason: str
    example: str | None = None
    schedule_time: str = "2025-11-01T02:30:45"
    timezone: str = "Asia/Shanghai"
    value: str | None = None


AMBIGUITIES = (
    Ambiguity(
        question="Which month does $bizmonth compare the business date with, in a backfill?",
        decision="That of current_date, by default the day of the schedule time; year and month are compared.",
        reason="The pages say only 'current month'. The schedule time gives the same value on every rerun;"
        " the caller can pass today's date instead.",
        example="$bizmonth",
        schedule_time="2025-03-16T00:00:00",
        value="202502",
    ),
    Ambiguity(
        question="Which day is $gmtdate?",
        decision="current_date, by default the day of the schedule time.",
        reason="The pages say 'current date', and business date + 1 for a backfill: that is the schedule day.",
        example="$gmtdate",
        value="20251101",
    ),
    Ambiguity(
        question="Where does add_months lead from the last day of a short month?",
        decision="To the same day number; only a day that the month does not have becomes its last day.",
        reason="That is the stated rule. An old page likens $[...] to Oracle, which would go to the last day.",
        example="$[add_months(yyyymmdd,1)]",
        schedule_time="2025-02-28T00:00:00",
        value="20250328",
    ),
    Ambiguity(
        question="What do hh and hh12 show at midnight and noon?",
        decision="12.",
        reason="The only documented example is 02 at 02:30; Oracle and Java show 12.",
        example="$[hh]/$[hh12]",
        schedule_time="2025-11-01T00:30:00",
        value="12/12",
    ),
    Ambiguity(
        question="Is ${bizdate} filled in where no parameter of that name is declared?",
        decision="No: like every ${name} that is no date format it is kept as it is.",
        reason="Old pages say yes, deployment checks demand a declaration; text left over shows the mistake.",
        example="${bizdate}",
        value="${bizdate}",
    ),
    Ambiguity(
        question="Are ${bdp.system.bizdate} and ${bdp.system.cyctime} filled in?",
        decision="Yes.",
        reason="Documented on older pages and widely used, although current pages do not list them.",
        example="${bdp.system.bizdate} ${bdp.system.cyctime}",
        value="20251031 20251101023045",
    ),
    Ambiguity(
        question="May format parts be written in upper case?",
        decision="No: refused in $[...], and a parameter's name in ${...}.",
        reason="Every page is in lower case, and upper-case parameter names are documented.",
        example="$[YYYYMMDD]",
    ),
    Ambiguity(
        question="What is ${...} made of hour, minute and second only?",
        decision="A parameter's name, kept as it is; together with date parts it is refused.",
        reason="Only date parts are valid, so the former can be a name; the latter is meant as a format.",
        example="${hh24}",
        value="${hh24}",
    ),
    Ambiguity(
        question="What is the unit of a plain number in $[yyyymm-1], $[mm-1] and $[yyyy-1]?",
        decision="The day, as in every $[...].",
        reason="The pages list $[mm-1/24] as the hour before, shown as a month. For months there is add_months.",
        example="$[yyyymm-1]",
        value="202510",
    ),
    Ambiguity(
        question="May a value hold several expressions?",
        decision="Yes, with or without text between them.",
        reason="No page shows it in name=value, but text with several is documented in code and in -p lists.",
        example="$[yyyymmdd-1]$[hh24]",
        value="2025103102",
    ),
    Ambiguity(
        question="What is the unit in ${mm-1} and ${dd-1}?",
        decision="The smallest part of the format: month and day.",
        reason="That is the rule for the documented ${yyyymm-1} and ${yyyymmdd-1}.",
        example="${mm-1} ${dd-1}",
        value="09 30",
    ),
    Ambiguity(
        question="Are quotation marks around a constant part of it?",
        decision="Yes, they are kept.",
        reason="Current pages write constants without quotation marks; taking them off would change a value unasked.",
        example="'aaa'",
        value="'aaa'",
    ),
    Ambiguity(
        question="Is a day 24 hours where the clock changes?",
        decision="A whole day is a calendar day, the rest of an offset runs on the absolute time line; every"
        " term of an offset is split in that way.",
        reason="It keeps ${yyyymmdd} equal to $[yyyymmdd-1], as documented, at half past midnight too.",
        example="$[yyyymmddhh24mi-1] $[yyyymmddhh24mi-1-2/24]",
        schedule_time="2024-04-01T00:30:00",
        timezone="Europe/Berlin",
        value="202403310030 202403302230",
    ),
    Ambiguity(
        question="How is a part of a second rounded?",
        decision="To the nearest second, half a second to the later one.",
        reason="Nothing is documented; schedule times have whole seconds.",
        example="$[hh24miss-1/7]",
        schedule_time="2025-11-01T12:00:00",
        value="083417",
    ),
    Ambiguity(
        question="What are $jobid, $nodeid and $taskid where the ids are not known?",
        decision="Kept as they are.",
        reason="Only DataWorks knows them, and it fills them in when the text reaches it.",
        example="$taskid",
        value="$taskid",
    ),
    Ambiguity(
        question="Where does a name without brackets end?",
        decision="Before the first character that is no letter; $yyyymm, $yyyy-mm-dd and the like are refused.",
        reason="Only $yyyymmdd, $yyyy, $mm and $dd are documented, and half a format is never what is meant.",
        example="p_$bizdate_v1 $bizdates",
        value="p_20251031_v1 $bizdates",
    ),
    Ambiguity(
        question="Are spaces allowed inside $[...]?",
        decision="In an expression yes; in a value of a list they are refused.",
        reason="Old pages show them, and -p lists keep them; the current pages forbid them in a value.",
        example="$[yyyymmdd hh24 - 1/24]",
        value="20251101 01",
    ),
    Ambiguity(
        question="Is a closing bracket without an opening one an error?",
        decision="No, it is text.",
        reason="Values may be JSON or code in which expressions stand between other brackets.",
        example='{"dt":"${yyyymmdd}"}]',
        value='{"dt":"20251031"}]',
    ),
    Ambiguity(
        question="How long may a list or a value be, and how many may there be?",
        decision="No limit is enforced.",
        reason="None is documented.",
    ),
    Ambiguity(
        question="What is the schedule time of a run that was started by hand?",
        decision="What the caller passes.",
        reason="Not documented; the pages say only that the user chooses the business date.",
    ),
    Ambiguity(
        question="Is 00:05 the earliest time for nodes that run several times a day?",
        decision="No, for daily (weekly, monthly) nodes only.",
        reason="The vendor's own example 00 00/10 * * * ? runs at 00:00.",
    ),
)

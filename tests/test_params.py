"""What a user would lose: seeing a parameter's values before they are in a table."""

from __future__ import annotations

import pytest

from airflow_provider_pai_designer.cli import main

LIST = "dt=$bizdate h=$[hh24-1/24]"


def test_every_instance_of_a_day_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", LIST, "--bizdate", "2026-11-22", "--cron", "00 30 02 * * ?"]) == 0
    assert capsys.readouterr().out == "bizdate 2026-11-22, schedule time 2026-11-23 02:30:00: dt=20261122 h=01\n"
    assert main(["params", LIST, "--bizdate", "20261122", "--cron", "00 00 00/12 * * ?"]) == 0
    assert [line.rpartition("=")[2] for line in capsys.readouterr().out.splitlines()] == ["23", "11"]


def test_a_range_has_both_its_ends_and_names_days_without_an_instance(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "dt=$bizdate", "--dates", "2026-11-01:2026-11-03", "--cron", "00 30 02 ? * 1"]) == 0
    monday, *others = capsys.readouterr().out.splitlines()
    assert monday.endswith("dt=20261101")
    assert others == [
        "bizdate 2026-11-02: not due on 2026-11-03",
        "bizdate 2026-11-03: not due on 2026-11-04",
    ]


def test_hours_are_those_of_the_zone(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--bizdate", "2025-03-29", "--cron", "00 30 03 * * ?", "--timezone", "Europe/Berlin"]
    assert main(["params", "h=$[hh24-2/24]", *arguments]) == 0
    assert capsys.readouterr().out.endswith("h=00\n")  # the hour from 02:00 on is left out that night


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dt=${yyyymmdd-1/24}", "--bizdate", "2026-11-22"], "write $[yyyymmdd-1/24]"),
        (["dt=$bizdate", "--bizdate", "2026-11-22", "--cron", "0 2 * * *"], "has 5 fields, not 6"),
        (["dt=$bizdate", "--bizdate", "2026-11-22", "--timezone", "Mars"], "no time zone 'Mars'"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["params", *arguments]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("dates", ["2026-11-05:2026-11-01", "2026-11-05", "soon:later"])
def test_a_range_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], dates: str) -> None:
    with pytest.raises(SystemExit):
        main(["params", "dt=$bizdate", "--dates", dates])
    assert "--dates" in capsys.readouterr().err

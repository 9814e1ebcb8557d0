"""What a user would lose: the reason of a failure in a long log, or a task log that a remote line can forge."""

from __future__ import annotations

from airflow_provider_pai_designer.designer.log import HEAD_CHARACTERS, TAIL_CHARACTERS, log_lines, resolved_parameters


def test_a_long_log_keeps_its_beginning_and_its_end_and_says_what_was_left_out() -> None:
    text = "\n".join(f"line {number}" for number in range(100_000))
    lines = list(log_lines(text))
    assert lines[0] == "line 0"
    assert lines[-1] == "line 99999"
    assert sum(map(len, lines)) <= HEAD_CHARACTERS + TAIL_CHARACTERS + 200
    left_out = len(text) - HEAD_CHARACTERS - TAIL_CHARACTERS
    assert sum(f"{left_out} characters" in line for line in lines) == 1


def test_a_short_log_is_shown_whole() -> None:
    assert list(log_lines("a\nb")) == ["a", "b"]


def test_a_remote_line_cannot_open_a_group_in_the_task_log() -> None:
    assert list(log_lines("::group::x\n  ::endgroup::")) == [" ::group::x", "   ::endgroup::"]


def test_resolved_parameters_are_read_from_the_log() -> None:
    assert resolved_parameters("2026 INFO SKYNET_PARAVALUE=dt=20261122 h=01 \nnext") == "dt=20261122 h=01"
    assert resolved_parameters("nothing here") is None
    assert resolved_parameters("SKYNET_PARAVALUE=\nnext line") == ""

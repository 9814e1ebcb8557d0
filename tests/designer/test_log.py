"""What a user would lose: the reason of a failure in a long log, or a task log that a remote line can forge."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("::group::x\n  ::endgroup::", [": :group::x", "  : :endgroup::"]),
        ("2026 INFO ::group::x", ["2026 INFO : :group::x"]),
        (":::group:::::endgroup::", [":: :group:::: :endgroup::"]),
        ("::gr\x1b[0moup::x", [": :group::x"]),
        ("::gr\x00oup::x", [": :group::x"]),
        ("\x1b[31;1mred\x1b[0m \x1b[2Kgone\x08\x9b1m\x1b]8;;http://x\x07", ["red gone1m]8;;http://x"]),
        ("progress 1\rprogress 2\r\nnext", ["progress 1", "progress 2", "next"]),
        ("a\ttable, 数据, std::group::x<>, ::grouped::", ["a\ttable, 数据, std: :group::x<>, ::grouped::"]),
    ],
)
def test_a_remote_line_cannot_fold_style_or_overwrite_the_task_log(written: str, shown: list[str]) -> None:
    """Airflow looks for the marks of a group anywhere in a line."""
    assert list(log_lines(written)) == shown


def test_parameters_that_are_quoted_from_a_log_cannot_either() -> None:
    assert resolved_parameters("SKYNET_PARAVALUE=dt=1 ::endgroup::\x1b[2K") == "dt=1 : :endgroup::"


@pytest.mark.parametrize("text", ["\x1b[" * 200_000, "\x1b[0" + "0" * 500_000, "::" * 500_000])
def test_a_remote_line_of_nothing_but_control_sequences_is_read_in_no_time(text: str) -> None:
    assert "\x1b" not in "".join(log_lines(text))


def test_resolved_parameters_are_read_from_the_log() -> None:
    assert resolved_parameters("2026 INFO SKYNET_PARAVALUE=dt=20261122 h=01 \nnext") == "dt=20261122 h=01"
    assert resolved_parameters("nothing here") is None
    assert resolved_parameters("SKYNET_PARAVALUE=\nnext line") == ""

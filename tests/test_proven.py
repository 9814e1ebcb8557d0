"""What a user would lose: a page that says what nobody could check, and is right."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_pai_designer.doctor.questions import as_markdown

PAGE = Path(__file__).parent.parent / "docs" / "proven.md"


def test_the_page_lists_the_doubts_that_the_emulator_plays() -> None:
    """When this fails, put what ``as_markdown()`` returns into the page, between the two comments."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("<!-- doubts -->\n")
    table, _, _ = rest.partition("\n<!-- end of doubts -->")
    assert table == as_markdown()

"""Contents of real-world shape, as the emulator ships them."""

from __future__ import annotations

from pathlib import Path

import airflow_provider_pai_designer.emulator

_FOLDER = Path(airflow_provider_pai_designer.emulator.__file__).parent / "seeds" / "contents"

NAMES = ("three_steps", "global_variable", "global_variable_bare", "thirteen_steps")


def read_content(name: str) -> str:
    """Return a content document as text."""
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")

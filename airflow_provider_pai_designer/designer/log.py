"""The log of an instance: what of it is shown, and what it tells about the scheduling parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator

HEAD_CHARACTERS = 64 * 1024
TAIL_CHARACTERS = 256 * 1024
_RESOLVED = re.compile(r"SKYNET_PARAVALUE[ \t]*[=:][ \t]*(?P<values>[^\r\n]*)")


def log_lines(text: str) -> Iterator[str]:
    """Split a log into lines for a task log; of a very long log the middle is left out, with a note.

    A line that begins with ``::`` is indented, so that the remote log cannot open or close groups in the task log.
    """
    if len(text) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        left_out = len(text) - HEAD_CHARACTERS - TAIL_CHARACTERS
        yield from log_lines(text[:HEAD_CHARACTERS])
        yield f"[... {left_out} characters of the remote log left out; the whole log is in Operation Center ...]"
        text = text[-TAIL_CHARACTERS:]
    for line in text.splitlines():
        yield f" {line}" if line.lstrip().startswith("::") else line


def resolved_parameters(text: str) -> str | None:
    """Return the scheduling parameters with their values, as DataWorks resolved them; None where the log has none."""
    match = _RESOLVED.search(text)
    return match["values"].strip() if match else None

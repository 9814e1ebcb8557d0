"""The log of an instance: what of it is shown, and what it tells about parameters and failures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from airflow_provider_pai_designer.exceptions import one_line

HEAD_CHARACTERS = 64 * 1024
TAIL_CHARACTERS = 256 * 1024
# Bounded, because a log may be one line of a megabyte.
_FAILED_STEP = re.compile(
    r"\[(?P<step>[^\[\]\r\n]{1,200})\][ \t]{0,9}FAILED[ \t]{0,9}:?[ \t]{0,9}(?P<message>[^\r\n]{0,500})"
)
_MISSING_MODEL = re.compile(r"\bmodel\b[^\r\n]{0,200}?(?:not exist|not found|no such|cannot be found)", re.IGNORECASE)
_PIPELINE_RUN = re.compile(r"(?<![\w-])flow-[0-9a-z]{4,64}(?![\w-])")
_RESOLVED = re.compile(r"SKYNET_PARAVALUE[ \t]*[=:][ \t]*(?P<values>[^\r\n]*)")


@dataclass(frozen=True, kw_only=True)
class InstanceLog:
    """The log of an instance as far as it has been written.

    :param request_id: what Alibaba Cloud's support asks for.
    """

    text: str
    request_id: str

    @property
    def failed_step(self) -> str:
        """Step and message of the first failure, such as ``Write: no disk``; empty where the log names none."""
        match = _FAILED_STEP.search(self.text)
        return f"{match['step']}: {match['message']}".rstrip(": ") if match else ""

    @property
    def pipeline_run_id(self) -> str:
        """The run of PAIFlow that is the instance's last execution; empty where the log names none."""
        found = _PIPELINE_RUN.findall(self.text)
        return str(found[-1]) if found else ""

    @property
    def misses_model(self) -> bool:
        """Whether a step did not find a model."""
        return _MISSING_MODEL.search(self.text) is not None

    def last_lines(self, number: int) -> list[str]:
        """Return the last lines that say something, each cut to a readable length."""
        return [line[:500] for line in self.text.splitlines() if line.strip()][-number:]


def log_lines(text: str) -> Iterator[str]:
    """Split a log into lines for a task log; of a very long log the middle is left out, with a note."""
    if len(text) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        left_out = len(text) - HEAD_CHARACTERS - TAIL_CHARACTERS
        yield from log_lines(text[:HEAD_CHARACTERS])
        yield f"[... {left_out} characters of the remote log left out; the whole log is in Operation Center ...]"
        text = text[-TAIL_CHARACTERS:]
    yield from map(one_line, text.splitlines())


def resolved_parameters(text: str) -> str | None:
    """Return the scheduling parameters with their values, as DataWorks resolved them; None where the log has none."""
    match = _RESOLVED.search(text)
    return one_line(match["values"]).strip() if match else None

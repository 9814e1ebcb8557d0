"""What is sent back for a request, and how, if at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class Ending(Enum):
    """What becomes of the connection."""

    SENT = "the reply is sent"
    CLOSED = "it is closed without a reply"
    RESET = "it is reset without a reply"
    HANGING = "it stays open without a reply until the client leaves"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is sent back.

    :param body: JSON, or text that is sent as it is.
    :param headers: beside those of every reply.
    :param delay: real seconds before it is sent.
    """

    status: int
    body: Mapping[str, Any] | str
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = Ending.SENT
    delay: float = 0.0

    @property
    def text(self) -> str:
        """The body as it is sent."""
        if isinstance(self.body, str):
            return self.body
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":"))

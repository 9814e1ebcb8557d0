"""A client of the control side, with the standard library alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

_TOKEN_HEADER = "X-Emulator-Token"
_TIMEOUT = 30
# a proxy of the environment must not get between us and the loopback interface
_OPENER = build_opener(ProxyHandler({}))


class ControlError(Exception):
    """The emulator refused; the message is its own."""


@dataclass(frozen=True, kw_only=True)
class ClockReading:
    """What the simulated clock shows.

    :param now: epoch milliseconds.
    :param scale: simulated seconds per real second.
    """

    now: int
    scale: float
    frozen: bool


@dataclass(frozen=True, kw_only=True)
class CallCount:
    """How often an operation was called in one real minute.

    :param minute: minutes since the epoch.
    :param outcome: ``ok``, or the error code.
    """

    minute: int
    operation: str
    access_key_id: str
    outcome: str
    calls: int


@dataclass(frozen=True, kw_only=True)
class Control:
    """The control side of a running emulator.

    :param url: where it listens, such as ``http://127.0.0.1:8080``.
    :param token: what it printed at start.
    """

    url: str
    token: str

    @property
    def clock(self) -> ClockControl:
        """The simulated clock."""
        return ClockControl(control=self)

    def healthy(self) -> bool:
        """Tell whether it answers."""
        try:
            return bool(self.request("GET", "/health").get("status") == "ok")
        except (OSError, ValueError):
            return False

    def state(self) -> dict[str, Any]:
        """Return everything it holds, as lists of rows by kind, and the doubts and timing in force."""
        return self.request("GET", "/state")

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Return one kind of what it holds: ``files``, ``nodes``, ``deployments``, ``runs``, ``instances``, ..."""
        rows: list[dict[str, Any]] = self.request("GET", f"/state/{kind}")[kind]
        return rows

    def tables(self) -> dict[str, list[str]]:
        """Return the tables written so far, each with its partitions."""
        tables: dict[str, list[str]] = self.request("GET", "/tables")["tables"]
        return tables

    def counters(self) -> list[CallCount]:
        """Return how often each operation was called."""
        return [CallCount(**row) for row in self.request("GET", "/counters")["calls"]]

    def calls(self, operation: str | None = None) -> int:
        """Return how often an operation was called, or all of them together."""
        return sum(count.calls for count in self.counters() if operation in (None, count.operation))

    def reset_counters(self) -> None:
        """Count from zero."""
        self.request("DELETE", "/counters")

    def expire_sessions(self) -> None:
        """Let every temporary key that was given out expire now."""
        self.request("DELETE", "/sessions")

    def seed(self, document: Mapping[str, Any]) -> None:
        """Add workspaces, keys, behaviours and faults, or change doubts and timing; the same form as a seed file."""
        self.request("POST", "/seed", document)

    def clear_behaviours(self) -> None:
        """Forget every seeded behaviour of steps and deployments, and every fault."""
        self.request("DELETE", "/behaviours")

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request to the control side.

        :raises ControlError: it was refused.
        """
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/_emulator{path}", data=data, method=method)
        request.add_header(_TOKEN_HEADER, self.token)
        try:
            with _OPENER.open(request, timeout=_TIMEOUT) as reply:
                answer: dict[str, Any] = json.load(reply)
                return answer
        except HTTPError as error:
            with error:
                raise ControlError(error.read().decode(errors="replace")) from None


@dataclass(frozen=True, kw_only=True)
class ClockControl:
    """The simulated clock of a running emulator; every change returns what the clock shows then."""

    control: Control

    def read(self) -> ClockReading:
        """Return what the clock shows."""
        return ClockReading(**self.control.request("GET", "/clock"))

    def freeze(self) -> ClockReading:
        """Let time stand still."""
        return self._change(frozen=True)

    def resume(self) -> ClockReading:
        """Let time pass again."""
        return self._change(frozen=False)

    def set_scale(self, scale: float) -> ClockReading:
        """Let time pass ``scale`` times as fast as real time."""
        return self._change(scale=scale)

    def advance(self, seconds: float) -> ClockReading:
        """Move time forward; everything that is due on the way happens."""
        return self._change(advance=seconds)

    def _change(self, **change: float | bool) -> ClockReading:
        return ClockReading(**self.control.request("POST", "/clock", change))

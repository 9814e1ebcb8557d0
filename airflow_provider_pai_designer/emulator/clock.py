"""The simulated clock: it starts at the real time, and can run faster, stand still and be advanced."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from airflow_provider_pai_designer.emulator.store import Store


@dataclass(frozen=True, kw_only=True)
class ClockSetting:
    """What the clock counts from; stored, so that time also passes while the process is down.

    :param simulated: simulated time at the anchor, epoch milliseconds.
    :param real: real time at the anchor, epoch seconds.
    :param scale: simulated seconds per real second.
    """

    simulated: float
    real: float
    scale: float
    frozen: bool


class Clock:
    """Simulated time in epoch milliseconds.

    :param scale: simulated seconds per real second; None keeps what is stored, 1 at first.
    """

    def __init__(self, store: Store, *, scale: float | None = None) -> None:
        self._store = store
        self._standing: int | None = None
        stored = store.setting("clock")
        real = time.time()
        start = ClockSetting(simulated=real * 1000, real=real, scale=1.0, frozen=False)
        self._setting = ClockSetting(**stored) if stored else start
        self._anchor(scale=self._setting.scale if scale is None else scale)

    @property
    def setting(self) -> ClockSetting:
        """The anchor, scale and state of the clock."""
        return self._setting

    def now(self) -> int:
        """Return the simulated time, epoch milliseconds."""
        return int(self._exact()) if self._standing is None else self._standing

    @contextmanager
    def standing_at(self, moment: int) -> Iterator[None]:
        """Show a moment of the past for the length of a ``with`` block, in which something overdue happens."""
        self._standing = moment
        try:
            yield
        finally:
            self._standing = None

    def begin(self, *, days_ago: float) -> None:
        """Begin some days ago; nothing may have happened yet."""
        self._anchor(simulated=self._exact() - days_ago * 86_400_000)

    def freeze(self) -> None:
        """Let time stand still; it can still be advanced."""
        self._anchor(frozen=True)

    def resume(self) -> None:
        """Let time pass again."""
        self._anchor(frozen=False)

    def set_scale(self, scale: float) -> None:
        """Let time pass ``scale`` times as fast as real time."""
        self._anchor(scale=scale)

    def advance(self, seconds: float) -> None:
        """Move simulated time forward."""
        if seconds < 0:
            raise ValueError("Time cannot go back.")
        self._anchor(simulated=self._exact() + seconds * 1000)

    def _exact(self) -> float:
        setting = self._setting
        passed = 0.0 if setting.frozen else max(time.time() - setting.real, 0.0) * setting.scale
        return setting.simulated + passed * 1000

    def _anchor(self, **changes: float | bool) -> None:
        if changes.get("scale", 1.0) <= 0:
            raise ValueError("The scale of the clock must be positive; freeze it to stop time.")
        anchored = replace(self._setting, simulated=self._exact(), real=time.time())
        self._setting = replace(anchored, **changes)  # type: ignore[arg-type]
        self._store.set_setting("clock", asdict(self._setting))

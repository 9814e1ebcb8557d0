"""Writes whose reply may get lost: their outcome is looked for before they are made again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeVar

from airflow_provider_pai_designer.cloud.verbs import Pause
from airflow_provider_pai_designer.exceptions import NotFoundError, RejectedError, ServiceError, UnclearError

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0
_ATTEMPTS = 2

_Result = TypeVar("_Result")

log = logging.getLogger(__name__)


class Settler:
    """Makes writes, each of them as often as it takes to know what became of it.

    :param pause: waits for some seconds; may raise to end the work between two steps.
    :param settle: for how many seconds the service may still act on a call that was given up.
    """

    def __init__(self, *, pause: Pause, settle: float) -> None:
        self._pause = pause
        self._settle = settle

    def settled(self, what: str, write: Callable[[], _Result], *, look: Callable[[], bool]) -> _Result | None:
        """Make a write. Where its reply is lost, look for its outcome before it is made once more.

        :param what: the write in words.
        :param look: tells whether the outcome is there, whoever brought it about.
        :return: what the write returns; None where it was refused or lost, and its outcome is there.
        :raises UnclearError: the reply was lost each time, and the outcome did not show.
        """
        for _ in range(_ATTEMPTS):
            try:
                return write()
            except (NotFoundError, RejectedError):
                if not look():
                    raise
                log.info("Refused, because it is done or under way already: %s", what)
                return None
            except UnclearError as error:
                lost = error
            log.warning("%s Looking for what it should have done, for at most %g seconds", lost, self._settle)
            if self._shows(look):
                return None
        raise UnclearError(
            f"{lost.operation}: nobody knows what became of {what}: {_ATTEMPTS} times no usable reply came, and after "
            f"{self._settle:g} seconds nothing was to be seen of it. Look at it in the console, and run the task "
            f"again: it goes on from what is there. The last error was: {lost}",
            operation=lost.operation,
            code=lost.code,
            request_id=lost.request_id,
            http_status=lost.http_status,
        ) from None

    def _shows(self, look: Callable[[], bool]) -> bool:
        """Look, until the service can no longer act on what was given up.

        :raises ServiceError: nothing could be seen at last; by then it is safe to begin again.
        """
        blind: ServiceError | None = None
        for _ in self.looks():
            try:
                if look():
                    return True
                blind = None
            except ServiceError as error:
                if not error.retryable:
                    raise
                blind = error
        if blind is not None:
            raise blind
        return False

    def looks(self) -> Iterator[None]:
        """Come back at once, and after ever longer pauses until the settle time is over."""
        left, seconds = self._settle, _FIRST_PAUSE_SECONDS
        yield
        while left > 0:
            self._pause(min(seconds, left))
            left -= seconds
            seconds = min(seconds * 2, _LONGEST_PAUSE_SECONDS)
            yield

"""Lines in a task log that Airflow's page folds under a title."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from airflow_provider_pai_designer.exceptions import one_line

if TYPE_CHECKING:
    from airflow.sdk.types import Logger


def show_lines(log: Logger, title: str, lines: Iterable[str], *, fold: bool = True) -> None:
    """Write lines under a title into a task log; Airflow's page shows the title, and the lines on a click.

    Both marks have the level of the lines, so that a page that is filtered by level shows all of it or nothing.

    :param lines: fit for a log, as :func:`~airflow_provider_pai_designer.exceptions.one_line` makes them.
    :param fold: False for what is to be read as it comes.
    """
    log.info("::group::%s" if fold else "%s:", one_line(title))
    try:
        for line in lines:
            log.info("%s", line)
    finally:
        if fold:
            log.info("::endgroup::")

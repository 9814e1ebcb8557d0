"""Which runs to look for in a list, page by page, and which to read by themselves: whatever takes fewer calls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from airflow_provider_pai_designer.designer.run import InstancePage
from airflow_provider_pai_designer.monitor.watched import Watched


@dataclass(frozen=True, kw_only=True)
class Listing:
    """How far a list was read, the newest instances first.

    A row goes down as newer ones come in above it, so a run that is not on the page on which it was seen last is likely
    on the next one. Each page in vain makes that less likely.

    :param rows: how many were read.
    :param pages_left: how many there still are.
    :param in_vain: how many pages in a row showed nothing that was looked for.
    :param oldest: when the last instance that was read was made, epoch milliseconds.
    """

    rows: int = 0
    size: int = 100
    pages_left: int
    in_vain: int = 0
    oldest: int | None = None

    def after(self, page: InstancePage, *, found: int) -> Listing:
        """Take in a page.

        :param found: how many of those that were looked for it shows.
        """
        rows = self.rows + len(page.instances)
        left = math.ceil((page.total - rows) / page.size) if len(page.instances) == page.size else 0
        return Listing(
            rows=rows,
            size=page.size,
            pages_left=min(self.pages_left - 1, max(0, left)),
            in_vain=0 if found else self.in_vain + 1,
            oldest=page.instances[-1].created if page.instances else None,
        )

    def pages_to(self, watched: Watched) -> float:
        """How many more pages to read until something is likely seen; infinite where the list does not show it."""
        deeper = -1 if watched.row is None else watched.row - self.rows
        if deeper >= 0:
            pages = min(deeper // self.size + 1, self.pages_left)
        elif self.oldest is not None and watched.created > self.oldest:
            return math.inf
        else:
            pages = self.in_vain + 1
        return pages if 0 < pages <= self.pages_left else math.inf


def cheapest(listing: Listing, wanted: Sequence[Watched], *, ids_at_once: int) -> list[Watched]:
    """Choose what to look for in the rest of the list; the others are cheaper to read by themselves.

    :param ids_at_once: how many instances one call reads by their ids.
    """
    nearest = sorted(((listing.pages_to(item), item.price(ids_at_once), item) for item in wanted), key=itemgetter(0))
    chosen, alone = 0, 0.0
    best: float = math.ceil(sum(price for _, price, _ in nearest))
    # all of them out of the list, then all but the deepest, and so on
    for count, (pages, price, _) in zip(range(len(nearest), 0, -1), reversed(nearest), strict=True):
        if pages + math.ceil(alone) < best:
            best, chosen = pages + math.ceil(alone), count
        alone += price
    return [item for _, _, item in nearest[:chosen]]

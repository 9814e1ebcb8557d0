"""Reading lists and texts in the replies of the products of PAI."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from airflow_provider_pai_designer.cloud.gateway import Gateway
from airflow_provider_pai_designer.cloud.replies import understood

_Result = TypeVar("_Result")
_PAGE_SIZE = 50
"""The largest size that the services take is not documented."""


def read_text(data: Mapping[str, Any], member: str) -> str:
    """Read a text that may be missing; the vendor's own samples end in stray line ends."""
    value = data.get(member)
    return "" if value is None else str(value).strip()


def read_id(data: Mapping[str, Any], member: str) -> str:
    """Read an id, without which a reply says nothing.

    :raises ValueError: it is missing or empty.
    """
    text = read_text(data, member)
    if not text:
        raise ValueError(f"{member} is empty")
    return text


def list_pages(
    gateway: Gateway,
    operation: str,
    member: str,
    read: Callable[[Mapping[str, Any]], _Result],
    **parameters: Any,
) -> Iterator[_Result]:
    """Read a list page by page, up to its total, or where the reply has none up to an empty or repeated page.

    :param member: where the reply has the list.
    """
    number, seen, before = 1, 0, None
    while True:
        reply = gateway.read(operation, page_number=number, page_size=_PAGE_SIZE, **parameters)
        page = understood(operation, reply, lambda found: [read(item) for item in found.get(member) or []], member="")
        if not page or page == before:
            return
        yield from page
        number, seen, before = number + 1, seen + len(page), page
        total = reply.get("TotalCount")
        if isinstance(total, int) and seen >= total:
            return

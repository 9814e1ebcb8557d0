"""The provider's own threads for the vendor's synchronous clients, apart from the triggerer's event loop."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

_THREADS = 8
_Result = TypeVar("_Result")


async def in_pool(function: Callable[[], _Result]) -> _Result:
    """Run a blocking function in one of the provider's threads, with the caller's log context."""
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_pool(), context.run, function)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="pai_designer")

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
    return await _run(_pool("poll"), function)


async def surely_in_pool(function: Callable[[], _Result]) -> _Result:
    """Do the same in threads that no poll keeps busy, and do it to its end, though the caller be cancelled."""
    return await asyncio.shield(_run(_pool("stop"), function))


def _run(pool: ThreadPoolExecutor, function: Callable[[], _Result]) -> asyncio.Future[_Result]:
    context = contextvars.copy_context()
    return asyncio.get_running_loop().run_in_executor(pool, context.run, function)


@cache
def _pool(purpose: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix=f"pai_designer-{purpose}")

"""Stores the concurrent writes of several clients in one transaction, before any of them is answered.

A transaction costs as much as the writes in it, so requests that arrive in one turn of the event loop share one.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.emulator.store import Store

T = TypeVar("T")


class GroupCommit:
    """The shared transactions of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[_Write] = []

    async def write(self, act: Callable[[], T]) -> T:
        """Call ``act`` in the next transaction; returns its result once that transaction is stored.

        Raises:
            Exception: the error of ``act``; its writes until then, and those of others, are stored nevertheless.
            sqlite3.Error: the transaction could not be stored.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._commit)
        result: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Write(act, result))
        return await result

    def _commit(self) -> None:
        writes, self._waiting = self._waiting, []
        try:
            with self._store.transaction():
                for write in writes:
                    write.run()
        except Exception as error:  # every kind of error: each request must get its result
            for write in writes:
                write.error = error
        for write in writes:
            write.resolve()


@dataclass(slots=True)
class _Write:
    """One function that shares a transaction, and the future of its result."""

    act: Callable[[], Any]
    result_future: "asyncio.Future[Any]"
    result: Any = None
    error: Exception | None = None

    def run(self) -> None:
        try:
            self.result = self.act()
        except sqlite3.Error:
            raise
        except Exception as error:
            self.error = error

    def resolve(self) -> None:
        if self.result_future.cancelled():
            return
        if self.error:
            self.result_future.set_exception(self.error)
        else:
            self.result_future.set_result(self.result)

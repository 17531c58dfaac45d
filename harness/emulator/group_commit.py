"""What several clients write at one time is stored in one transaction, before any of them is answered.

A transaction costs as much as what it holds: requests that were read in one turn of the event loop share theirs.
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
        """Have ``act`` called in the next transaction; what it returned, as soon as that is stored.

        Raises:
            Exception: what it raised; what it had written by then, and what others wrote, is stored all the same.
            sqlite3.Error: nothing could be stored.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._commit)
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Write(act, done))
        return await done

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            with self._store.transaction():
                for write in waiting:
                    write.run()
        except Exception as error:  # whatever it is: nobody must wait for ever
            for write in waiting:
                write.error = error
        for write in waiting:
            write.tell()


@dataclass(slots=True)
class _Write:
    """One of those that share a transaction, and who waits for it."""

    act: Callable[[], Any]
    done: "asyncio.Future[Any]"
    result: Any = None
    error: Exception | None = None

    def run(self) -> None:
        try:
            self.result = self.act()
        except sqlite3.Error:
            raise
        except Exception as error:
            self.error = error

    def tell(self) -> None:
        if self.done.cancelled():
            return
        if self.error:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)

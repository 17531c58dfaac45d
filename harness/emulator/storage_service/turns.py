"""Turns: requests that change the same file run one after the other, so that file and record stay consistent."""

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Generic, Protocol, TypeVar


class Claim(Protocol):
    """The files that a request will change."""

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the files in the store."""

    @property
    def below(self) -> str:
        """The prefix of the keys of more files that no other request may change at the same time; empty for none."""


C = TypeVar("C", bound=Claim)


class Turns:
    """The files that requests are changing at present, by their keys."""

    def __init__(self) -> None:
        self._busy: dict[str, asyncio.Event] = {}

    def take(self, look: Callable[[], C]) -> "Turn[C]":
        """An asynchronous context manager; in its block no other request changes the same files.

        Args:
            look: finds the files. It is called again after each wait, because another request may have changed them.
        """
        return Turn(self._busy, look)

    async def wait_for_changes(self, prefix: str) -> None:
        """Wait until no request changes a file whose key begins with ``prefix``."""
        while (busy := _below(self._busy, prefix)) is not None:
            await busy.wait()


class Turn(Generic[C]):
    """The turn of one request; a class, because ``asynccontextmanager`` takes ten times as long."""

    __slots__ = ("_busy", "_finished", "_keys", "_look")

    def __init__(self, busy: dict[str, asyncio.Event], look: Callable[[], C]) -> None:
        self._busy = busy
        self._look = look
        self._keys: Sequence[str] = ()
        self._finished = asyncio.Event()

    async def __aenter__(self) -> C:
        claim = self._look()
        while (busy := self._before(claim)) is not None:
            await busy.wait()
            claim = self._look()
        self._keys = claim.keys
        for key in self._keys:
            self._busy[key] = self._finished
        return claim

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key in self._keys:
            self._busy.pop(key, None)  # a rename that changes only the casing has the same key twice
        self._finished.set()

    def _before(self, claim: C) -> asyncio.Event | None:
        """The event of another turn for which this one has to wait; None if there is none."""
        for key in claim.keys:
            if (busy := self._busy.get(key)) is not None:
                return busy
        return _below(self._busy, claim.below) if claim.below else None


def _below(busy: dict[str, asyncio.Event], prefix: str) -> asyncio.Event | None:
    return next((finished for key, finished in busy.items() if key.startswith(prefix)), None)

"""Synchronizes the files of a job between the emulator's machine and one node machine; runs in the driver.

``pull`` copies changes of the job from the node machine, ``push`` copies changes of others to it. If both sides have
changed a file, the later version wins. No path that a node machine sends leads out of the job's directories.
"""

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.compute.ray.messages import Tree
from harness.compute.ray.tree_files import TreeFiles
from harness.compute.ray.trees import (
    CHUNK,
    DIRECTORY,
    PAGE,
    Agreed,
    Change,
    Entry,
    Offer,
    PathRefusedError,
    Piece,
    Signature,
    differing,
    digests_of,
    gone,
    ranges,
)

_OTHER: Signature = (-1, -1, -1, -1)  # of no file, so that the next push sends the emulator's version
_TRIES = 3  # attempts to send contents that change while they are sent; the next push sends the rest
_MOST_DIGESTS = 500_000

KnownDigests = dict[tuple[str, str, Signature], str]  # SHA-256 of files on the emulator's machine


class Mirror:
    """The files of a job on one node machine.

    Args:
        agent: the agent of a node on that machine.
        job: the job directory.
        trees: the directories that are copied.
        files: the same directories on the emulator's machine.
        digests: the known digests of files on the emulator's machine.
        writing: the lock that all mirrors of the job share, since each has to see what another has written.
    """

    def __init__(
        self,
        agent: Any,
        job: str,
        trees: Sequence[Tree],
        files: Sequence[TreeFiles],
        *,
        digests: KnownDigests,
        writing: asyncio.Lock,
    ) -> None:
        self._agent, self._job, self._writing = agent, job, writing
        self._trees, self._files, self._digests = trees, files, digests
        self._known: list[dict[str, Signature]] = [{} for _ in trees]
        self.problems: list[str] = []

    async def learn(self) -> None:
        """Ask the agent which files an earlier driver has already synchronized."""
        for each in await self._call("known"):
            self._note(each)

    async def push(self, here: Mapping[int, Mapping[str, Entry]]) -> None:
        """Copy changes on the emulator's machine to the node machine.

        Args:
            here: the entries on the emulator's machine, by the number of the tree.
        """
        for number, entries in here.items():
            for paths in _pages(gone(entries, self._known[number])):
                await self._call("withdraw", number, paths)
                for path in paths:
                    self._known[number].pop(path, None)
            for paths in _pages(differing(entries, self._known[number])):
                await self._send(number, {path: entries[path] for path in paths})

    async def pull(self) -> bool:
        """Copy changes of the job from the node machine; returns whether there were any."""
        self.problems = []
        found, begin, more = False, True, True
        while more:
            page, more = await self._call("changes", begin=begin)
            if len(page) > PAGE:
                raise PathRefusedError("more changes at once than were asked for")
            begin, found = False, found or bool(page)
            async with self._writing:
                agreed = [each async for each in self._taken(page)]
            await self._call("agree", agreed)
            for each in agreed:
                self._note(each)
        return found

    async def _call(self, method: str, *arguments: object, **named: object) -> Any:
        return await self._agent.files.remote(self._job, method, *arguments, **named)

    def _note(self, agreed: Agreed) -> None:
        if agreed.on_emulator is None:
            self._known[agreed.tree].pop(agreed.path, None)
        else:
            self._known[agreed.tree][agreed.path] = agreed.on_emulator

    async def _send(self, number: int, entries: Mapping[str, Entry]) -> None:
        offers = await asyncio.to_thread(self._offers, number, entries)
        for _ in range(_TRIES):
            answer = await self._call("offer", number, offers)
            missing, refused = set(answer[0]), set(answer[1])
            for offer in offers:
                if offer.path not in refused and offer.digest not in missing:
                    self._known[number][offer.path] = offer.entry.signature
            if not missing:
                return
            offers = [offer for offer in offers if offer.digest in missing and offer.path not in refused]
            for pieces in self._pieces(number, {offer.digest: offer for offer in offers}.values()):
                await self._call("put", pieces)

    def _offers(self, number: int, entries: Mapping[str, Entry]) -> list[Offer]:
        found = []
        for path, entry in entries.items():
            try:
                digest = "" if entry.is_directory else self._digest(number, path, entry)
            except OSError:  # it is gone, or no file any more: the next round sees that
                continue
            found.append(Offer(path, entry, digest))
        return found

    def _digest(self, number: int, path: str, entry: Entry) -> str:
        key = (self._trees[number].path, path, entry.signature)
        if key not in self._digests:
            with self._files[number].opened(path) as file:
                digest = digests_of(file, entry.size).whole
            if len(self._digests) >= _MOST_DIGESTS:
                self._digests.clear()
            self._digests[key] = digest
        return self._digests[key]

    def _pieces(self, number: int, offers: Iterable[Offer]) -> Iterator[list[Piece]]:
        """The offered contents, in lists of a few MiB."""
        pieces, total = [], 0
        for offer in offers:
            offset, size = 0, offer.entry.size
            while offset <= size:
                try:
                    content = self._files[number].read(offer.path, offset, min(CHUNK, size - offset))
                except OSError:
                    break
                pieces.append(Piece(offer.digest, size, offset, content))
                offset, total = offset + len(content), total + len(content)
                if total >= CHUNK or len(pieces) >= PAGE:
                    yield pieces
                    pieces, total = [], 0
                if not content or offset >= size:
                    break
        if pieces:
            yield pieces

    async def _taken(self, page: Sequence[Change]) -> AsyncIterator[Agreed]:
        small: list[Change] = []
        for change in page:
            self._check(change)
            try:
                if change.entry is None or change.entry.is_directory:
                    yield self._take(change, change.entry)
                    continue
                if settled := self._settled(change, change.entry):
                    yield settled
                    continue
                wanted = self._wanted(change)
                if change.entry.size - wanted.start <= CHUNK:
                    small.append(wanted)
                elif agreed := await self._write(wanted, change.entry, self._parts(wanted)):
                    yield agreed
            except OSError as error:
                self._complain(change, error)
        for group in _groups(small):
            async for agreed in self._taken_together(group):
                yield agreed

    async def _taken_together(self, changes: Sequence[Change]) -> AsyncIterator[Agreed]:
        contents = iter(await self._call("read", [part for change in changes for part in ranges(change)]))
        for change in changes:
            content = b"".join([next(contents, None) or b"" for _ in ranges(change)])
            try:
                if change.entry and (agreed := await self._write(change, change.entry, _once(content))):
                    yield agreed
            except OSError as error:
                self._complain(change, error)

    async def _parts(self, change: Change) -> AsyncIterator[bytes]:
        for part in ranges(change):
            answer = await self._call("read", [part])
            if not answer or len(answer[0] or b"") != part.length:  # the file is shorter by now
                return
            yield answer[0]

    def _take(self, change: Change, entry: Entry | None) -> Agreed:
        """Create a directory, or delete what the job has deleted."""
        files, known = self._files[change.tree], self._known[change.tree].get(change.path)
        if entry is not None:
            files.make_directory(change.path)
            return Agreed(change.tree, change.path, DIRECTORY, DIRECTORY, "")
        here = files.entry(change.path)
        if here is not None and here.signature == known:  # else it is another one by now, and goes there again
            files.remove(change.path)
        return Agreed(change.tree, change.path, None, None, "")

    def _settled(self, change: Change, entry: Entry) -> Agreed | None:
        """The agreement on a change whose content is not needed: the same change or a later one was made here."""
        here, known = self._files[change.tree].entry(change.path), self._known[change.tree].get(change.path)
        if here is None or here.is_directory or here.signature == known:
            return None
        if self._digest(change.tree, change.path, here) == change.digest:
            return Agreed(change.tree, change.path, entry.signature, here.signature, change.digest)
        is_begun = known is None and entry.size == 0  # so far it was only opened
        if here.modified > entry.modified or is_begun:
            return Agreed(change.tree, change.path, entry.signature, _OTHER, change.digest)
        return None

    def _wanted(self, change: Change) -> Change:
        """The change with the part that has to be sent: the end of a file, if its beginning exists here."""
        here = self._files[change.tree].entry(change.path) if change.start else None
        if here is not None and here.signature == self._known[change.tree].get(change.path):
            return change
        return dataclasses.replace(change, start=0, rest=change.digest)

    async def _write(self, change: Change, entry: Entry, parts: AsyncIterator[bytes]) -> Agreed | None:
        """Write a received content. Returns None if the file has changed again, so that its digest is another one."""
        files, digest, offset = self._files[change.tree], hashlib.sha256(), change.start
        if change.start:
            async for content in parts:
                files.append(change.path, content, offset)
                digest.update(content)
                offset += len(content)
            here = files.settle(change.path, entry)
        else:
            with files.replacing(change.path, entry) as (write, place):
                async for content in parts:
                    write(content)
                    digest.update(content)
                    offset += len(content)
                if (offset, digest.hexdigest()) != (entry.size, change.rest):
                    return None
                here = place()
        if (offset, digest.hexdigest()) != (entry.size, change.rest):
            return None
        self._digests[self._trees[change.tree].path, change.path, here] = change.digest
        return Agreed(change.tree, change.path, entry.signature, here, change.digest)

    def _check(self, change: Change) -> None:
        if not 0 <= change.tree < len(self._trees) or self._trees[change.tree].is_read_only:
            raise PathRefusedError("a change of no tree that the job may write to")

    def _complain(self, change: Change, error: OSError) -> None:
        self.problems.append(f"{change.path}: {error.strerror or error}")


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _pages(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(paths), PAGE):
        yield paths[first : first + PAGE]


def _groups(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Groups of changes whose contents one request reads."""
    group: list[Change] = []
    total = 0
    for change in changes:
        size = change.entry.size - change.start if change.entry else 0
        if group and total + size > CHUNK:
            yield group
            group, total = [], 0
        group.append(change)
        total += size
    if group:
        yield group

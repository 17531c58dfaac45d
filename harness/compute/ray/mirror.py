"""Synchronizes the files of a job between the emulator's machine and one node machine; runs in the driver.

``pull`` copies the job's changes from the node machine, ``push`` copies other changes to it. If both sides have changed
a file, the later version wins. A path from a node machine cannot lead out of the job's directories.
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
    changed_paths,
    deleted_paths,
    digests_of,
    ranges,
)

_UNKNOWN_VERSION: Signature = (-1, -1, -1, -1)  # no file has it, so the next push sends the emulator's version
_TRIES = 3  # attempts to send contents that change during the transfer; the next push sends the rest
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
        writing: a lock that all mirrors of the job share, so that each sees the files that the others have written.
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
        self._synchronized: list[dict[str, Signature]] = [{} for _ in trees]
        self.problems: list[str] = []

    async def load_synchronized(self) -> None:
        """Ask the agent which files an earlier driver has already synchronized."""
        for agreed in await self._call("known"):
            self._note(agreed)

    async def push(self, trees: Mapping[int, Mapping[str, Entry]]) -> None:
        """Copy the changes on the emulator's machine to the node machine.

        Args:
            trees: the entries on the emulator's machine, by the number of the tree.
        """
        for number, entries in trees.items():
            for paths in _pages(deleted_paths(entries, self._synchronized[number])):
                await self._call("withdraw", number, paths)
                for path in paths:
                    self._synchronized[number].pop(path, None)
            for paths in _pages(changed_paths(entries, self._synchronized[number])):
                await self._send(number, {path: entries[path] for path in paths})

    async def pull(self) -> bool:
        """Copy the job's changes from the node machine; return whether there were any."""
        self.problems = []
        has_changes, begin, more = False, True, True
        while more:
            page, more = await self._call("changes", begin=begin)
            if len(page) > PAGE:
                raise PathRefusedError("more changes at once than were requested")
            begin, has_changes = False, has_changes or bool(page)
            async with self._writing:
                agreed = [item async for item in self._apply_page(page)]
            await self._call("agree", agreed)
            for item in agreed:
                self._note(item)
        return has_changes

    async def _call(self, method: str, *arguments: object, **named: object) -> Any:
        return await self._agent.files.remote(self._job, method, *arguments, **named)

    def _note(self, agreed: Agreed) -> None:
        if agreed.on_emulator is None:
            self._synchronized[agreed.tree].pop(agreed.path, None)
        else:
            self._synchronized[agreed.tree][agreed.path] = agreed.on_emulator

    async def _send(self, number: int, entries: Mapping[str, Entry]) -> None:
        offers = await asyncio.to_thread(self._offers, number, entries)
        for _ in range(_TRIES):
            answer = await self._call("offer", number, offers)
            missing, refused = set(answer[0]), set(answer[1])
            for offer in offers:
                if offer.path not in refused and offer.digest not in missing:
                    self._synchronized[number][offer.path] = offer.entry.signature
            if not missing:
                return
            offers = [offer for offer in offers if offer.digest in missing and offer.path not in refused]
            for pieces in self._pieces(number, {offer.digest: offer for offer in offers}.values()):
                await self._call("put", pieces)

    def _offers(self, number: int, entries: Mapping[str, Entry]) -> list[Offer]:
        offers = []
        for path, entry in entries.items():
            try:
                digest = "" if entry.is_directory else self._digest(number, path, entry)
            except OSError:  # the file was deleted or replaced; the next push handles that
                continue
            offers.append(Offer(path, entry, digest))
        return offers

    def _digest(self, number: int, path: str, entry: Entry) -> str:
        key = (self._trees[number].path, path, entry.signature)
        if key not in self._digests:
            with self._files[number].open_file(path) as file:
                digest = digests_of(file, entry.size).whole
            if len(self._digests) >= _MOST_DIGESTS:
                self._digests.clear()
            self._digests[key] = digest
        return self._digests[key]

    def _pieces(self, number: int, offers: Iterable[Offer]) -> Iterator[list[Piece]]:
        """Yield the offered contents, in lists of a few MiB."""
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

    async def _apply_page(self, page: Sequence[Change]) -> AsyncIterator[Agreed]:
        small: list[Change] = []
        for change in page:
            self._check(change)
            try:
                if change.entry is None or change.entry.is_directory:
                    yield self._apply_existence(change, change.entry)
                    continue
                if agreed := self._resolve_without_content(change, change.entry):
                    yield agreed
                    continue
                part = self._missing_part(change)
                if change.entry.size - part.start <= CHUNK:
                    small.append(part)
                elif agreed := await self._write(part, change.entry, self._parts(part)):
                    yield agreed
            except OSError as error:
                self._add_problem(change, error)
        for group in _groups(small):
            async for agreed in self._apply_group(group):
                yield agreed

    async def _apply_group(self, changes: Sequence[Change]) -> AsyncIterator[Agreed]:
        contents = iter(await self._call("read", [part for change in changes for part in ranges(change)]))
        for change in changes:
            content = b"".join([next(contents, None) or b"" for _ in ranges(change)])
            try:
                if change.entry and (agreed := await self._write(change, change.entry, _single_part(content))):
                    yield agreed
            except OSError as error:
                self._add_problem(change, error)

    async def _parts(self, change: Change) -> AsyncIterator[bytes]:
        for part in ranges(change):
            answer = await self._call("read", [part])
            if not answer or len(answer[0] or b"") != part.length:  # the file has been shortened
                return
            yield answer[0]

    def _apply_existence(self, change: Change, entry: Entry | None) -> Agreed:
        """Create a directory, or delete what the job has deleted."""
        files, synchronized = self._files[change.tree], self._synchronized[change.tree].get(change.path)
        if entry is not None:
            files.make_directory(change.path)
            return Agreed(change.tree, change.path, DIRECTORY, DIRECTORY, "")
        current = files.entry(change.path)
        if current is not None and current.signature == synchronized:  # a file changed since then is sent again
            files.remove(change.path)
        return Agreed(change.tree, change.path, None, None, "")

    def _resolve_without_content(self, change: Change, entry: Entry) -> Agreed | None:
        """Return the agreement on a change if the emulator's machine has the same content or a later one, else None."""
        current = self._files[change.tree].entry(change.path)
        synchronized = self._synchronized[change.tree].get(change.path)
        if current is None or current.is_directory or current.signature == synchronized:
            return None
        if self._digest(change.tree, change.path, current) == change.digest:
            return Agreed(change.tree, change.path, entry.signature, current.signature, change.digest)
        is_only_opened = synchronized is None and entry.size == 0
        if current.modified > entry.modified or is_only_opened:
            return Agreed(change.tree, change.path, entry.signature, _UNKNOWN_VERSION, change.digest)
        return None

    def _missing_part(self, change: Change) -> Change:
        """Return the change with the part to send: only the end of a file whose beginning the emulator has."""
        current = self._files[change.tree].entry(change.path) if change.start else None
        if current is not None and current.signature == self._synchronized[change.tree].get(change.path):
            return change
        return dataclasses.replace(change, start=0, rest=change.digest)

    async def _write(self, change: Change, entry: Entry, parts: AsyncIterator[bytes]) -> Agreed | None:
        """Write a received content. Return None if the file has changed again, so that its digest differs."""
        files, digest, offset = self._files[change.tree], hashlib.sha256(), change.start
        if change.start:
            async for content in parts:
                files.append(change.path, content, offset)
                digest.update(content)
                offset += len(content)
            current = files.set_metadata(change.path, entry)
        else:
            with files.replacing(change.path, entry) as (write, commit):
                async for content in parts:
                    write(content)
                    digest.update(content)
                    offset += len(content)
                if (offset, digest.hexdigest()) != (entry.size, change.rest):
                    return None
                current = commit()
        if (offset, digest.hexdigest()) != (entry.size, change.rest):
            return None
        self._digests[self._trees[change.tree].path, change.path, current] = change.digest
        return Agreed(change.tree, change.path, entry.signature, current, change.digest)

    def _check(self, change: Change) -> None:
        if not 0 <= change.tree < len(self._trees) or self._trees[change.tree].is_read_only:
            raise PathRefusedError("a change outside of the trees that the job may write to")

    def _add_problem(self, change: Change, error: OSError) -> None:
        self.problems.append(f"{change.path}: {error.strerror or error}")


async def _single_part(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _pages(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(paths), PAGE):
        yield paths[first : first + PAGE]


def _groups(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield groups of changes whose contents one request can read."""
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

"""The agent's part of staging a job's files on a machine that does not see the emulator's data directory.

A table has the files that are the same on both machines: the signature of each on this machine and on the emulator's.
If the signature of a file differs from the table, the job has changed the file. The table outlives the driver, so that
the next driver can continue.
"""

import contextlib
import json
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.compute.paths import JobPaths
from harness.compute.ray.contents import Contents
from harness.compute.ray.messages import Tree
from harness.compute.ray.planning import nodes_file
from harness.compute.ray.rewriting import Rewriting, relative_to
from harness.compute.ray.staging_folders import StagingFolders
from harness.compute.ray.tree_files import TreeFiles
from harness.compute.ray.trees import (
    DIRECTORY,
    PAGE,
    Agreed,
    Change,
    Entry,
    Offer,
    Piece,
    Range,
    Signature,
    changed_paths,
    deleted_paths,
    digests_of,
)
from harness.toolkits.ranked import meeting_file

NOTE = "files are copied to and from the nodes, whose machines do not see the emulator's data directory"


@dataclass(frozen=True, slots=True)
class Staging:
    """What an agent needs to stage the files of a job.

    Attributes:
        job: the job directory on the emulator's machine.
        data: the data directory there.
        node: the agent's own node.
        nodes: the directory of each node there.
        trees: the directories that are copied.
    """

    job: str
    data: str
    node: str
    nodes: Mapping[str, str]
    trees: tuple[Tree, ...]


class StagedJob:
    """The files of one job on this machine.

    Raises:
        OSError: the staging folder cannot be created.
    """

    def __init__(self, folders: StagingFolders, staging: Staging) -> None:
        self._folders = folders
        self._folder = folders.hold("job", f"{staging.data}\n{staging.job}")
        # The paths of the other nodes exist too: mpirun starts command lines with paths of the first node on all nodes.
        self._others = [
            folders.hold("node", directory) for node, directory in staging.nodes.items() if node != staging.node
        ]
        nodes = {Path(directory): folders.path("node", directory) for directory in staging.nodes.values()}
        # Ranks on several machines rendezvous at an address, since a lock on a copied file works on one machine only.
        rendezvous = meeting_file(str(JobPaths(Path(staging.job)).shared))
        texts = {rendezvous: f"tcp://@address({staging.node})@:{_free_port()}"} if len(staging.nodes) > 1 else {}
        self.rewriting = Rewriting([(Path(staging.data), self._folder.files), *nodes.items()], texts)
        self.directory = self.rewriting.path(Path(staging.job))
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._contents = Contents(folders.root / "contents")
        self._contents.trim()
        self._trees = staging.trees
        self._files = [self._tree_files(folders.root, Path(staging.data, tree.path), tree) for tree in staging.trees]
        self._on_node: list[dict[str, Signature]] = [{} for _ in staging.trees]
        self._on_emulator: list[dict[str, Signature]] = [{} for _ in staging.trees]
        self._digests: list[dict[str, str]] = [{} for _ in staging.trees]
        self._pending: deque[Change] = deque()

    @property
    def marker(self) -> str:
        """The random text that identifies the staging folder; agents with the same marker share the files."""
        return self._folder.marker

    def offer(self, tree: int, offers: Sequence[Offer]) -> tuple[list[str], list[str]]:
        """Accept the emulator's versions of files.

        A file that the job has changed since then is refused; the emulator gets the job's version instead.

        Returns:
            The digests of contents that the emulator has to send first, and the paths of refused files.
        """
        missing, refused = [], []
        for offer in offers:
            if offer.entry.is_directory:
                self._files[tree].make_directory(offer.path)
                self._agree(Agreed(tree, offer.path, DIRECTORY, offer.entry.signature, ""))
                continue
            entry = self._files[tree].entry(offer.path)
            if self._is_same(tree, offer, entry):
                continue
            if (entry.signature if entry else None) != self._on_node[tree].get(offer.path):
                refused.append(offer.path)
            elif not self._contents.has(offer.digest) or not self._place_content(tree, offer):
                missing.append(offer.digest)
        return missing, refused

    def put(self, pieces: Sequence[Piece]) -> None:
        """Store parts of contents."""
        self._contents.put(pieces)

    def withdraw(self, tree: int, paths: Sequence[str]) -> None:
        """Delete files that were deleted on the emulator's machine, unless the job has changed them since."""
        for path in paths:
            entry = self._files[tree].entry(path)
            if entry is None or entry.signature == self._on_node[tree].get(path):
                self._files[tree].remove(path)
                self._agree(Agreed(tree, path, None, None, ""))

    def changes(self, *, begin: bool) -> tuple[list[Change], bool]:
        """Return a page of the job's changes, and whether there are more.

        Args:
            begin: whether to search for changes again; otherwise the next page of the last search is returned.
        """
        if begin:
            self._pending.clear()
            for number, tree in enumerate(self._trees):
                if not tree.is_read_only:
                    self._scan(number)
        page: list[Change] = []
        while self._pending and len(page) < PAGE:
            change = self._pending.popleft()
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # the file has been deleted again
                if (digested := self._add_digests(change)) is not None:
                    page.append(digested)
        return page, bool(self._pending)

    def read(self, ranges: Sequence[Range]) -> list[bytes | None]:
        """Read parts of files; None for a deleted file."""
        contents: list[bytes | None] = []
        for part in ranges:
            try:
                contents.append(self._files[part.tree].read(part.path, part.offset, part.length))
            except OSError:
                contents.append(None)
        return contents

    def agree(self, agreed: Sequence[Agreed]) -> None:
        """Record files that are now the same on both machines."""
        for item in agreed:
            self._agree(item)

    def known(self) -> list[Agreed]:
        """Return all files that are the same on both machines."""
        return [
            Agreed(number, path, self._on_node[number][path], signature, self._digests[number].get(path, ""))
            for number, tree in enumerate(self._on_emulator)
            for path, signature in tree.items()
        ]

    def plan(self, text: str) -> dict[str, Any]:
        """Return the emulator's plan with the paths of this machine."""
        plan: Any = self.rewriting.value(json.loads(text))
        paths = JobPaths(self.directory)
        for execution in (item for step in plan.get("steps", ()) for item in step["executions"]):
            # The real process writes these files on its own node, and the output of its proxy must not overwrite them.
            if execution["argv"][-2:] == ["run", str(nodes_file(paths))]:
                execution["stdout"] = execution["stderr"] = str(paths.engine_log)
        return {**plan, "notes": [*plan.get("notes", ()), NOTE]}

    def remove(self) -> None:
        """Delete the files of the job."""
        self._folder.remove()
        for other in self._others:
            self._folders.release(other)

    def _tree_files(self, root: Path, path: Path, tree: Tree) -> TreeFiles:
        files = TreeFiles(root, relative_to(self.rewriting.path(path), root), only=tree.only, aside=self._folder.aside)
        files.make_root()
        return files

    def _is_same(self, tree: int, offer: Offer, entry: Entry | None) -> bool:
        """Whether a file on this machine has the offered content."""
        if entry is None or entry.is_directory or entry.size != offer.entry.size:
            return False
        if entry.signature == self._on_node[tree].get(offer.path):
            digest = self._digests[tree].get(offer.path)
        else:
            with self._files[tree].open_file(offer.path) as file:
                digest = digests_of(file, entry.size).whole
        if digest == offer.digest:
            self._agree(Agreed(tree, offer.path, entry.signature, offer.entry.signature, offer.digest))
        return digest == offer.digest

    def _place_content(self, tree: int, offer: Offer) -> bool:
        with self._files[tree].replacing(offer.path, offer.entry) as (write, commit):
            if not self._contents.copy(offer.digest, write):
                return False
            self._agree(Agreed(tree, offer.path, commit(), offer.entry.signature, offer.digest))
        return True

    def _scan(self, number: int) -> None:
        entries = self._files[number].entries()
        for path in deleted_paths(entries, self._on_node[number]):
            self._pending.append(Change(number, path, None))
        for path in changed_paths(entries, self._on_node[number]):
            self._pending.append(Change(number, path, entries[path]))

    def _add_digests(self, change: Change) -> Change | None:
        """Add the digests to a change; return None if the content has not changed."""
        entry, tree, path = change.entry, change.tree, change.path
        if entry is None or entry.is_directory:
            return change
        earlier, digest = self._on_node[tree].get(path, DIRECTORY), self._digests[tree].get(path)
        start = earlier[1] if earlier[0] == entry.signature[0] and earlier[1] <= entry.size else 0
        with self._files[tree].open_file(path) as file:
            digests = digests_of(file, entry.size, start)
        if digests.whole == digest and start == entry.size:
            self._agree(Agreed(tree, path, entry.signature, self._on_emulator[tree].get(path), digests.whole))
            return None
        if start and digests.before == digest:
            return Change(tree, path, entry, digests.whole, start, digests.after)
        return Change(tree, path, entry, digests.whole, 0, digests.whole)

    def _agree(self, agreed: Agreed) -> None:
        tables: tuple[list[dict[str, Any]], ...] = (self._on_node, self._on_emulator, self._digests)
        for table, value in zip(tables, (agreed.on_node, agreed.on_emulator, agreed.digest), strict=True):
            if value is None or agreed.on_node is None:
                table[agreed.tree].pop(agreed.path, None)
            else:
                table[agreed.tree][agreed.path] = value


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port

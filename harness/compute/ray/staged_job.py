"""Staging of a job's files on a machine that does not see the emulator's data directory: the agent's half.

A table holds the files that both machines agree on: the signature of each on this node machine, and on the emulator's.
If the signature of a file differs from the table, the job has changed the file. The agent keeps the table when the
driver ends, so that the next driver can continue.
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
    differing,
    digests_of,
    gone,
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
        # The paths of the other nodes are there, too: mpirun starts a command line with those of the first on each.
        self._others = [folders.hold("node", each) for node, each in staging.nodes.items() if node != staging.node]
        nodes = {Path(each): folders.path("node", each) for each in staging.nodes.values()}
        # Ranks on several machines meet at an address, since a lock on a copied file holds on one machine only.
        meeting = meeting_file(str(JobPaths(Path(staging.job)).shared))
        words = {meeting: f"tcp://@address({staging.node})@:{_free_port()}"} if len(staging.nodes) > 1 else {}
        self.rewriting = Rewriting([(Path(staging.data), self._folder.files), *nodes.items()], words)
        self.directory = self.rewriting.path(Path(staging.job))
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._contents = Contents(folders.root / "contents")
        self._contents.trim()
        self._trees = staging.trees
        self._files = [self._tree_files(folders.root, Path(staging.data, tree.path), tree) for tree in staging.trees]
        self._on_node: list[dict[str, Signature]] = [{} for _ in staging.trees]
        self._on_emulator: list[dict[str, Signature]] = [{} for _ in staging.trees]
        self._digests: list[dict[str, str]] = [{} for _ in staging.trees]
        self._found: deque[Change] = deque()

    @property
    def marker(self) -> str:
        """The random text that identifies the staging folder: agents with the same marker share the files."""
        return self._folder.marker

    def offer(self, tree: int, offers: Sequence[Offer]) -> tuple[list[str], list[str]]:
        """Take the emulator's versions of files.

        A file that the job has changed since is refused; the emulator gets the job's version instead.

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
        """A page of the job's changes, and whether there are more.

        Args:
            begin: search for changes again; otherwise the next page of the last search is returned.
        """
        if begin:
            self._found.clear()
            for number, tree in enumerate(self._trees):
                if not tree.is_read_only:
                    self._look(number)
        page: list[Change] = []
        while self._found and len(page) < PAGE:
            change = self._found.popleft()
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # deleted again
                if (known := self._digested(change)) is not None:
                    page.append(known)
        return page, bool(self._found)

    def read(self, wanted: Sequence[Range]) -> list[bytes | None]:
        """Parts of files; None for a deleted file."""
        found: list[bytes | None] = []
        for each in wanted:
            try:
                found.append(self._files[each.tree].read(each.path, each.offset, each.length))
            except OSError:
                found.append(None)
        return found

    def agree(self, agreed: Sequence[Agreed]) -> None:
        """Note files that are now the same on both machines."""
        for each in agreed:
            self._agree(each)

    def known(self) -> list[Agreed]:
        """All files that are the same on both machines."""
        return [
            Agreed(number, path, self._on_node[number][path], here, self._digests[number].get(path, ""))
            for number, tree in enumerate(self._on_emulator)
            for path, here in tree.items()
        ]

    def plan(self, text: str) -> dict[str, Any]:
        """The emulator's plan with the paths of this machine."""
        plan: Any = self.rewriting.value(json.loads(text))
        paths = JobPaths(self.directory)
        for execution in (each for step in plan.get("steps", ()) for each in step["executions"]):
            # The process writes its files on its own node. Here its output must not overwrite files of the same names.
            if execution["argv"][-2:] == ["run", str(nodes_file(paths))]:
                execution["stdout"] = execution["stderr"] = str(paths.engine_log)
        return {**plan, "notes": [*plan.get("notes", ()), NOTE]}

    def remove(self) -> None:
        """Delete the files of the job."""
        self._folder.remove()
        for other in self._others:
            self._folders.leave(other)

    def _tree_files(self, root: Path, there: Path, tree: Tree) -> TreeFiles:
        here = self.rewriting.path(there)
        files = TreeFiles(root, relative_to(here, root), only=tree.only, aside=self._folder.aside)
        files.make_root()
        return files

    def _is_same(self, tree: int, offer: Offer, entry: Entry | None) -> bool:
        """Whether a file on this machine has the offered content."""
        if entry is None or entry.is_directory or entry.size != offer.entry.size:
            return False
        if entry.signature == self._on_node[tree].get(offer.path):
            digest = self._digests[tree].get(offer.path)
        else:
            with self._files[tree].opened(offer.path) as file:
                digest = digests_of(file, entry.size).whole
        if digest == offer.digest:
            self._agree(Agreed(tree, offer.path, entry.signature, offer.entry.signature, offer.digest))
        return digest == offer.digest

    def _place_content(self, tree: int, offer: Offer) -> bool:
        with self._files[tree].replacing(offer.path, offer.entry) as (write, place):
            if not self._contents.copy(offer.digest, write):
                return False
            self._agree(Agreed(tree, offer.path, place(), offer.entry.signature, offer.digest))
        return True

    def _look(self, number: int) -> None:
        here = self._files[number].entries()
        for path in gone(here, self._on_node[number]):
            self._found.append(Change(number, path, None))
        for path in differing(here, self._on_node[number]):
            self._found.append(Change(number, path, here[path]))

    def _digested(self, change: Change) -> Change | None:
        """A change with its digests; None if the content has not changed."""
        entry, tree, path = change.entry, change.tree, change.path
        if entry is None or entry.is_directory:
            return change
        earlier, digest = self._on_node[tree].get(path, DIRECTORY), self._digests[tree].get(path)
        start = earlier[1] if earlier[0] == entry.signature[0] and earlier[1] <= entry.size else 0
        with self._files[tree].opened(path) as file:
            found = digests_of(file, entry.size, start)
        if found.whole == digest and start == entry.size:
            self._agree(Agreed(tree, path, entry.signature, self._on_emulator[tree].get(path), found.whole))
            return None
        if start and found.before == digest:
            return Change(tree, path, entry, found.whole, start, found.after)
        return Change(tree, path, entry, found.whole, 0, found.whole)

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

"""A job's files on a machine that does not see the emulator's data directory: the half of the node's agent.

What both machines have is a table: the signature of each file here, and that on the emulator's machine. A file whose
signature is another one than in the table was changed by the job. The table outlives the driver: the next one asks.
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
from harness.compute.ray.places import Places
from harness.compute.ray.planning import nodes_file
from harness.compute.ray.rewriting import Rewriting, relative_to
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
    """What an agent has to know of a job whose files are copied.

    Attributes:
        job: the job directory on the emulator's machine.
        data: the data directory there.
        node: the agent's own node.
        nodes: the directory of each node there.
        trees: what is copied.
    """

    job: str
    data: str
    node: str
    nodes: Mapping[str, str]
    trees: tuple[Tree, ...]


class StagedJob:
    """The files of one job.

    Raises:
        OSError: there is no place for them.
    """

    def __init__(self, places: Places, staging: Staging) -> None:
        self._place = places.hold("job", f"{staging.data}\n{staging.job}")
        self._others = [each for node, each in staging.nodes.items() if node != staging.node]
        nodes = {Path(each): places.path("node", each) for each in staging.nodes.values()}
        # Ranks on several machines meet at an address: copies of a file cannot be locked.
        meeting = meeting_file(str(JobPaths(Path(staging.job)).shared))
        words = {meeting: f"tcp://@address({staging.node})@:{_free_port()}"} if len(staging.nodes) > 1 else {}
        self.rewriting = Rewriting([(Path(staging.data), self._place.files), *nodes.items()], words)
        self.directory = self.rewriting.path(Path(staging.job))
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._contents = Contents(places.root / "contents")
        self._contents.trim()
        self._trees = staging.trees
        self._files = [self._tree_files(places.root, Path(staging.data, tree.path), tree) for tree in staging.trees]
        self._there: list[dict[str, Signature]] = [{} for _ in staging.trees]
        self._here: list[dict[str, Signature]] = [{} for _ in staging.trees]
        self._digests: list[dict[str, str]] = [{} for _ in staging.trees]
        self._found: deque[Change] = deque()

    @property
    def marker(self) -> str:
        """Which place it has: agents with the same one share the files."""
        return self._place.marker

    def offer(self, tree: int, offers: Sequence[Offer]) -> tuple[list[str], list[str]]:
        """Take what the emulator has: digests of contents that have to be sent first, and paths that are not taken.

        What the job has changed since is not taken: it goes to the emulator instead.
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
            if (entry.signature if entry else None) != self._there[tree].get(offer.path):
                refused.append(offer.path)
            elif not self._contents.has(offer.digest) or not self._place_content(tree, offer):
                missing.append(offer.digest)
        return missing, refused

    def put(self, pieces: Sequence[Piece]) -> None:
        """Take contents."""
        self._contents.put(pieces)

    def withdraw(self, tree: int, paths: Sequence[str]) -> None:
        """Remove what the emulator has no more, unless the job has changed it since."""
        for path in paths:
            entry = self._files[tree].entry(path)
            if entry is None or entry.signature == self._there[tree].get(path):
                self._files[tree].remove(path)
                self._agree(Agreed(tree, path, None, None, ""))

    def changes(self, *, begin: bool) -> tuple[list[Change], bool]:
        """What the job has changed, a page of it, and whether there is more.

        Args:
            begin: look anew; else the next page of what was found then.
        """
        if begin:
            self._found.clear()
            for number, tree in enumerate(self._trees):
                if not tree.is_read_only:
                    self._look(number)
        page: list[Change] = []
        while self._found and len(page) < PAGE:
            change = self._found.popleft()
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # it is gone again
                if (known := self._digested(change)) is not None:
                    page.append(known)
        return page, bool(self._found)

    def read(self, wanted: Sequence[Range]) -> list[bytes | None]:
        """Parts of files; None for one that is gone."""
        found: list[bytes | None] = []
        for each in wanted:
            try:
                found.append(self._files[each.tree].read(each.path, each.offset, each.length))
            except OSError:
                found.append(None)
        return found

    def agree(self, agreed: Sequence[Agreed]) -> None:
        """Take in what is the same on both machines now."""
        for each in agreed:
            self._agree(each)

    def known(self) -> list[Agreed]:
        """What is the same on both machines."""
        return [
            Agreed(number, path, self._there[number][path], here, self._digests[number].get(path, ""))
            for number, tree in enumerate(self._here)
            for path, here in tree.items()
        ]

    def plan(self, text: str) -> dict[str, Any]:
        """A plan of the emulator's as it is on this machine. What belongs to other nodes is made on theirs."""
        others = [self.rewriting.path(Path(each)) for each in self._others]

        def is_ours(path: str) -> bool:
            return not any(Path(path).is_relative_to(other) for other in others)

        plan: Any = self.rewriting.value(json.loads(text))
        paths = JobPaths(self.directory)
        for execution in (each for step in plan.get("steps", ()) for each in step["executions"]):
            # Its files are written on its own node; what has it run there would write to others of the same names.
            if execution["argv"][-2:] == ["run", str(nodes_file(paths))]:
                execution["stdout"] = execution["stderr"] = str(paths.engine_log)
        return {
            **plan,
            "directories": [path for path in plan["directories"] if is_ours(path)],
            "links": [link for link in plan["links"] if is_ours(link[0])],
            "temporary": [path for path in plan.get("temporary", ()) if is_ours(path)],
            "notes": [*plan.get("notes", ()), NOTE],
        }

    def remove(self) -> None:
        """Remove all."""
        self._place.remove()

    def _tree_files(self, root: Path, there: Path, tree: Tree) -> TreeFiles:
        here = self.rewriting.path(there)
        files = TreeFiles(root, relative_to(here, root), only=tree.only, aside=self._place.aside)
        files.make_root()
        return files

    def _is_same(self, tree: int, offer: Offer, entry: Entry | None) -> bool:
        """Whether a file here has the content that is offered."""
        if entry is None or entry.is_directory or entry.size != offer.entry.size:
            return False
        if entry.signature == self._there[tree].get(offer.path):
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
        for path in gone(here, self._there[number]):
            self._found.append(Change(number, path, None))
        for path in differing(here, self._there[number]):
            self._found.append(Change(number, path, here[path]))

    def _digested(self, change: Change) -> Change | None:
        """A change with its digests; None where the content is what it was."""
        entry, tree, path = change.entry, change.tree, change.path
        if entry is None or entry.is_directory:
            return change
        earlier, digest = self._there[tree].get(path, DIRECTORY), self._digests[tree].get(path)
        start = earlier[1] if earlier[0] == entry.signature[0] and earlier[1] <= entry.size else 0
        with self._files[tree].opened(path) as file:
            found = digests_of(file, entry.size, start)
        if found.whole == digest and start == entry.size:
            self._agree(Agreed(tree, path, entry.signature, self._here[tree].get(path), found.whole))
            return None
        if start and found.before == digest:
            return Change(tree, path, entry, found.whole, start, found.after)
        return Change(tree, path, entry, found.whole, 0, found.whole)

    def _agree(self, agreed: Agreed) -> None:
        tables: list[dict[str, Any]] = [self._there[agreed.tree], self._here[agreed.tree], self._digests[agreed.tree]]
        for table, value in zip(tables, (agreed.there, agreed.here, agreed.digest), strict=True):
            if value is None or agreed.there is None:
                table.pop(agreed.path, None)
            else:
                table[agreed.path] = value


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port

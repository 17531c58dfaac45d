"""Both halves of staging, over a connection that is a call."""

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compute.ray.messages import Tree
from harness.compute.ray.mirror import Mirror
from harness.compute.ray.staged_job import StagedJob, Staging
from harness.compute.ray.staging_folders import StagingFolders
from harness.compute.ray.tree_files import TreeFiles
from harness.compute.ray.trees import CHUNK, PAGE, Change, Entry, PathRefusedError

TREES = (Tree("jobs/job", only=("shared",)), Tree("share"), Tree("input", is_read_only=True))
EMPTY = hashlib.sha256(b"").hexdigest()


class Remote:
    """An agent's method ``files``, called at once."""

    def __init__(self, job: StagedJob) -> None:
        self.job, self.sent = job, 0
        self.altered: Callable[[str, Any], Any] = lambda _, answer: answer

    @property
    def files(self) -> "Remote":
        return self

    async def remote(self, _: str, method: str, *arguments: Any, **named: Any) -> Any:
        if method == "put":
            self.sent += sum(len(piece.content) for piece in arguments[0])
        return self.altered(method, getattr(self.job, method)(*arguments, **named))


@dataclass
class Machine:
    mirror: Mirror
    remote: Remote
    share: Path


class Site:
    """A data directory, and machines that mirror it."""

    def __init__(self, directory: Path, machines: int = 1) -> None:
        self.data = directory / "data"
        for name in ("jobs/job", "share", "input"):
            (self.data / name).mkdir(parents=True)
        self.share = self.data / "share"
        self.writing = asyncio.Lock()
        self.files = [
            TreeFiles(self.data, tree.path, only=tree.only, aside=self.data / "ray" / "staging") for tree in TREES
        ]
        self.machines = [self._machine(directory / f"root{number}") for number in range(machines)]

    def _machine(self, root: Path) -> Machine:
        staging = Staging(str(self.data / "jobs/job"), str(self.data), "n", {"n": str(self.data / "nodes/n")}, TREES)
        job = StagedJob(StagingFolders(root), staging)
        remote = Remote(job)
        return Machine(self.mirror(remote), remote, job.rewriting.path(self.share))

    def mirror(self, remote: Remote) -> Mirror:
        return Mirror(remote, "job", TREES, self.files, digests={}, writing=self.writing)

    def run(self, *, begin: bool = False) -> bool:
        """One round; whether anything has come here."""

        async def go() -> bool:
            found = [await machine.mirror.pull() for machine in self.machines]
            here = {
                number: each.entries()
                for number, each in enumerate(self.files)
                if begin or not TREES[number].is_read_only
            }
            for machine in self.machines:
                await machine.mirror.push(here)
            return any(found)

        return asyncio.run(go())


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def contents(directory: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if not path.is_symlink() and (path.is_dir() or path.is_file())
    }


def test_what_is_here_goes_there_and_what_changes_there_comes_here(site: Site) -> None:
    (site.share / "a").mkdir()
    (site.share / "a" / "data").write_bytes(os.urandom(CHUNK + 10))
    (site.share / "program").write_text("#!/bin/sh\n")
    (site.share / "program").chmod(0o755)
    (site.data / "input" / "read").write_text("only")
    [machine] = site.machines

    site.run(begin=True)

    assert contents(machine.share) == contents(site.share)
    assert (machine.share / "program").stat().st_mode & 0o777 == 0o755
    assert (machine.share.parent / "input" / "read").read_text() == "only"

    (machine.share / "model").write_bytes(os.urandom(CHUNK * 2 + 1))
    (machine.share / "empty").mkdir()
    (machine.share / "program").unlink()
    (machine.share.parent / "input" / "new").write_text("stays there")
    site.run()

    assert contents(machine.share) == contents(site.share)
    assert sorted(contents(site.share)) == ["a", "a/data", "empty", "model"]
    assert list(contents(site.data / "input")) == ["read"]
    assert not site.run()


def test_a_content_is_sent_once(site: Site, tmp_path: Path) -> None:
    for name in ("one", "same"):
        (site.share / name).write_bytes(b"content")
    [machine] = site.machines
    site.run(begin=True)

    assert machine.remote.sent == 7
    machine.remote.job.remove()
    again = Site.__new__(Site)
    again.data, again.share, again.files, again.writing = site.data, site.share, site.files, asyncio.Lock()
    again.machines = [again._machine(tmp_path / "root0")]
    again.run(begin=True)

    assert again.machines[0].remote.sent == 0
    assert contents(again.machines[0].share) == contents(site.share)


def test_of_a_file_that_grows_only_the_end_is_sent(site: Site) -> None:
    [machine] = site.machines
    asked: list[tuple[int, int]] = []

    def noted(method: str, answer: Any) -> Any:
        if method == "changes":
            asked.extend((change.start, change.entry.size) for change in answer[0] if change.entry)
        return answer

    machine.remote.altered = noted
    with (machine.share / "log").open("ab", buffering=0) as log:
        log.write(b"first\n")
        site.run()
        inode = (site.share / "log").stat().st_ino
        log.write(b"second\n")
        site.run()

    assert asked == [(0, 6), (6, 13)]
    assert (site.share / "log").read_bytes() == b"first\nsecond\n"
    assert (site.share / "log").stat().st_ino == inode


def test_a_file_that_grows_and_changes_at_its_beginning_comes_whole(site: Site) -> None:
    [machine] = site.machines
    (machine.share / "file").write_bytes(b"beginning")
    site.run()
    with (machine.share / "file").open("r+b") as stream:
        stream.write(b"BEGINNING, end")

    site.run()

    assert (site.share / "file").read_bytes() == b"BEGINNING, end"


def test_a_later_driver_goes_on_where_the_first_one_was(site: Site) -> None:
    (site.share / "data").write_bytes(b"data")
    [machine] = site.machines
    site.run(begin=True)
    (machine.share / "model").write_bytes(b"model")

    machine.mirror = site.mirror(machine.remote)
    asyncio.run(machine.mirror.learn())
    machine.remote.sent = 0
    site.run()

    assert machine.remote.sent == 0
    assert contents(machine.share) == contents(site.share) == {"data": b"data", "model": b"model"}


@pytest.mark.parametrize("last", [b"the job's", b"a client's"])
def test_the_last_version_wins_where_both_have_changed_a_file(site: Site, last: bytes) -> None:
    (site.share / "file").write_bytes(b"old")
    [machine] = site.machines
    site.run(begin=True)
    (site.share / "file").write_bytes(b"a client's")
    (machine.share / "file").write_bytes(b"the job's")
    later = (machine.share if last == b"the job's" else site.share) / "file"
    os.utime(later, ns=(2 * 10**18, 2 * 10**18))

    for _ in range(2):
        site.run()

    assert contents(machine.share) == contents(site.share) == {"file": last}


@pytest.mark.parametrize("first", [0, 1])
def test_a_file_that_another_node_has_only_opened_loses_nothing(tmp_path: Path, first: int) -> None:
    site = Site(tmp_path, machines=2)
    opened, written = site.machines[first].share / "stdout", site.machines[1 - first].share / "stdout"
    written.write_bytes(b"output")
    opened.write_bytes(b"")
    inode = written.stat().st_ino

    for _ in range(2):
        site.run()

    assert (site.share / "stdout").read_bytes() == opened.read_bytes() == written.read_bytes() == b"output"
    assert written.stat().st_ino == inode


def test_what_somebody_has_changed_here_is_not_removed_for_the_job(site: Site) -> None:
    (site.share / "file").write_bytes(b"old")
    [machine] = site.machines
    site.run(begin=True)
    (site.share / "file").write_bytes(b"a client's")
    (machine.share / "file").unlink()

    site.run()

    assert contents(machine.share) == contents(site.share) == {"file": b"a client's"}


def test_a_link_of_a_job_stays_where_it_is(site: Site, tmp_path: Path) -> None:
    [machine] = site.machines
    (machine.share / "link").symlink_to("/etc")
    (machine.share / "file").write_bytes(b"")

    site.run()

    assert list(site.share.iterdir()) == [site.share / "file"]


def test_a_directory_here_that_became_a_link_is_replaced_and_not_followed(site: Site, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (site.share / "below").mkdir()
    [machine] = site.machines
    site.run(begin=True)
    (machine.share / "below" / "file").write_bytes(b"model")
    (site.share / "below").rmdir()
    (site.share / "below").symlink_to(outside)

    site.run()

    assert list(outside.iterdir()) == []
    assert (site.share / "below" / "file").read_bytes() == b"model"


@pytest.mark.parametrize("path", ["../../secret", "/secret", "below/../../secret", ""])
@pytest.mark.parametrize("kind", ["removal", "file", "directory"])
def test_a_machine_that_lies_reaches_nothing_else(site: Site, path: str, kind: str) -> None:
    secret = site.data / "secret"
    secret.write_text("secret")
    [machine] = site.machines
    entry = None if kind == "removal" else Entry(kind == "directory", 0, 0o600, 0, (1, 0, 1, 1))
    change = Change(1, path, entry, digest=EMPTY, rest=EMPTY)
    machine.remote.altered = lambda method, answer: ([change], False) if method == "changes" else answer

    site.run()

    assert machine.mirror.problems[0].endswith("names nothing below its directory")
    assert secret.read_text() == "secret"
    assert {path.name for path in site.data.iterdir()} - {"ray"} == {"input", "jobs", "secret", "share"}
    assert contents(site.share) == contents(site.data / "input") == {}


@pytest.mark.parametrize("answer", [[], [b""], [None], [b"12345", b"6"]])
@pytest.mark.parametrize("size", [4, 1 << 60])
def test_a_machine_that_announces_what_it_does_not_send_is_not_waited_for(
    site: Site, size: int, answer: list[bytes | None]
) -> None:
    [machine] = site.machines
    change = Change(1, "file", Entry(False, size, 0o600, 0, (1, size, 1, 1)), digest=EMPTY, rest=EMPTY)
    machine.remote.altered = lambda method, told: (
        ([change], False) if method == "changes" else answer if method == "read" else told
    )

    site.run()

    assert contents(site.share) == {}


@pytest.mark.parametrize("tree", [-1, 2, 3])
def test_a_machine_changes_only_what_the_job_may_write_to(site: Site, tree: int) -> None:
    [machine] = site.machines
    machine.remote.altered = lambda method, answer: (
        ([Change(tree, "x", None)], False) if method == "changes" else answer
    )

    with pytest.raises(PathRefusedError, match="no tree that the job may write to"):
        site.run()


def test_a_content_that_is_not_the_announced_one_is_not_taken(site: Site) -> None:
    [machine] = site.machines
    (machine.share / "file").write_bytes(b"announced")
    machine.remote.altered = lambda method, answer: [b"something"] if method == "read" else answer

    site.run()

    assert contents(site.share) == {}
    machine.remote.altered = lambda _, answer: answer
    site.run()
    assert contents(site.share) == {"file": b"announced"}


def test_one_file_that_cannot_be_written_keeps_no_other_back(site: Site) -> None:
    [machine] = site.machines
    (site.share / "place").mkdir()
    (site.share / "place" / "kept").write_bytes(b"")
    site.run(begin=True)
    shutil.rmtree(machine.share / "place")
    (machine.share / "place").write_bytes(b"a file")
    (machine.share / "z").write_bytes(b"another")
    machine.remote.altered = lambda method, answer: (
        ([each for each in answer[0] if each.entry], answer[1]) if method == "changes" else answer
    )

    asyncio.run(machine.mirror.pull())

    assert machine.mirror.problems == ["place: Is a directory"]
    assert (site.share / "z").read_bytes() == b"another"


def test_many_files_take_several_pages(site: Site) -> None:
    [machine] = site.machines
    for number in range(PAGE + 20):
        (machine.share / f"f{number}").write_bytes(b"%d" % number)

    site.run()

    assert contents(machine.share) == contents(site.share)
    assert len(contents(site.share)) == PAGE + 20


NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a"])
DEEDS = st.tuples(st.integers(0, 2), NAMES, st.sampled_from([None, b"", b"one", b"two more"]), st.booleans())


@given(st.lists(st.one_of(DEEDS, st.none()), max_size=14))
def test_in_the_end_all_have_the_same(deeds: list[tuple[int, str, bytes | None, bool] | None]) -> None:
    """Writes, appends and removals on any machine, with rounds (None) between them."""
    with ExitStack() as stack:
        site = Site(Path(stack.enter_context(tempfile.TemporaryDirectory())), machines=2)
        sides = [site.share, *(machine.share for machine in site.machines)]
        for deed in deeds:
            if deed is None:
                site.run()
                continue
            side, name, content, is_appended = deed
            path = sides[side] / name
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes((path.read_bytes() if is_appended and path.exists() else b"") + content)
        for _ in range(4):
            site.run()
        assert contents(sides[0]) == contents(sides[1]) == contents(sides[2])
        assert not site.run()

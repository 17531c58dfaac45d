"""Both parts of staging, connected by direct calls."""

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
    """A fake agent whose method ``files`` calls the staged job directly."""

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


class Deployment:
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
        """Run one round; return whether a machine had changes."""

        async def run_round() -> bool:
            changes = [await machine.mirror.pull() for machine in self.machines]
            entries = {
                number: files.entries()
                for number, files in enumerate(self.files)
                if begin or not TREES[number].is_read_only
            }
            for machine in self.machines:
                await machine.mirror.push(entries)
            return any(changes)

        return asyncio.run(run_round())


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def contents(directory: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(directory)): None if path.is_dir() else path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if not path.is_symlink() and (path.is_dir() or path.is_file())
    }


def test_files_are_copied_to_the_machine_and_its_changes_are_copied_back(deployment: Deployment) -> None:
    (deployment.share / "a").mkdir()
    (deployment.share / "a" / "data").write_bytes(os.urandom(CHUNK + 10))
    (deployment.share / "program").write_text("#!/bin/sh\n")
    (deployment.share / "program").chmod(0o755)
    (deployment.data / "input" / "read").write_text("only")
    [machine] = deployment.machines

    deployment.run(begin=True)

    assert contents(machine.share) == contents(deployment.share)
    assert (machine.share / "program").stat().st_mode & 0o777 == 0o755
    assert (machine.share.parent / "input" / "read").read_text() == "only"

    (machine.share / "model").write_bytes(os.urandom(CHUNK * 2 + 1))
    (machine.share / "empty").mkdir()
    (machine.share / "program").unlink()
    (machine.share.parent / "input" / "new").write_text("stays there")
    deployment.run()

    assert contents(machine.share) == contents(deployment.share)
    assert sorted(contents(deployment.share)) == ["a", "a/data", "empty", "model"]
    assert list(contents(deployment.data / "input")) == ["read"]
    assert not deployment.run()


def test_a_content_is_sent_once(deployment: Deployment, tmp_path: Path) -> None:
    for name in ("one", "same"):
        (deployment.share / name).write_bytes(b"content")
    [machine] = deployment.machines
    deployment.run(begin=True)

    assert machine.remote.sent == 7
    machine.remote.job.remove()
    again = Deployment.__new__(Deployment)
    again.data, again.share, again.files, again.writing = (
        deployment.data,
        deployment.share,
        deployment.files,
        asyncio.Lock(),
    )
    again.machines = [again._machine(tmp_path / "root0")]
    again.run(begin=True)

    assert again.machines[0].remote.sent == 0
    assert contents(again.machines[0].share) == contents(deployment.share)


def test_only_the_end_of_a_growing_file_is_sent(deployment: Deployment) -> None:
    [machine] = deployment.machines
    ranges: list[tuple[int, int]] = []

    def record_ranges(method: str, answer: Any) -> Any:
        if method == "changes":
            ranges.extend((change.start, change.entry.size) for change in answer[0] if change.entry)
        return answer

    machine.remote.altered = record_ranges
    with (machine.share / "log").open("ab", buffering=0) as log:
        log.write(b"first\n")
        deployment.run()
        inode = (deployment.share / "log").stat().st_ino
        log.write(b"second\n")
        deployment.run()

    assert ranges == [(0, 6), (6, 13)]
    assert (deployment.share / "log").read_bytes() == b"first\nsecond\n"
    assert (deployment.share / "log").stat().st_ino == inode


def test_a_file_that_grows_and_changes_at_its_beginning_comes_whole(deployment: Deployment) -> None:
    [machine] = deployment.machines
    (machine.share / "file").write_bytes(b"beginning")
    deployment.run()
    with (machine.share / "file").open("r+b") as stream:
        stream.write(b"BEGINNING, end")

    deployment.run()

    assert (deployment.share / "file").read_bytes() == b"BEGINNING, end"


def test_a_later_driver_continues_the_synchronization_of_the_first_one(deployment: Deployment) -> None:
    (deployment.share / "data").write_bytes(b"data")
    [machine] = deployment.machines
    deployment.run(begin=True)
    (machine.share / "model").write_bytes(b"model")

    machine.mirror = deployment.mirror(machine.remote)
    asyncio.run(machine.mirror.load_synchronized())
    machine.remote.sent = 0
    deployment.run()

    assert machine.remote.sent == 0
    assert contents(machine.share) == contents(deployment.share) == {"data": b"data", "model": b"model"}


@pytest.mark.parametrize("last", [b"the job's", b"a client's"])
def test_the_last_version_wins_where_both_have_changed_a_file(deployment: Deployment, last: bytes) -> None:
    (deployment.share / "file").write_bytes(b"old")
    [machine] = deployment.machines
    deployment.run(begin=True)
    (deployment.share / "file").write_bytes(b"a client's")
    (machine.share / "file").write_bytes(b"the job's")
    later = (machine.share if last == b"the job's" else deployment.share) / "file"
    os.utime(later, ns=(2 * 10**18, 2 * 10**18))

    for _ in range(2):
        deployment.run()

    assert contents(machine.share) == contents(deployment.share) == {"file": last}


@pytest.mark.parametrize("first", [0, 1])
def test_a_file_that_another_node_has_only_opened_loses_nothing(tmp_path: Path, first: int) -> None:
    deployment = Deployment(tmp_path, machines=2)
    opened, written = deployment.machines[first].share / "stdout", deployment.machines[1 - first].share / "stdout"
    written.write_bytes(b"output")
    opened.write_bytes(b"")
    inode = written.stat().st_ino

    for _ in range(2):
        deployment.run()

    assert (deployment.share / "stdout").read_bytes() == opened.read_bytes() == written.read_bytes() == b"output"
    assert written.stat().st_ino == inode


def test_a_file_that_a_client_has_changed_is_not_removed_for_the_job(deployment: Deployment) -> None:
    (deployment.share / "file").write_bytes(b"old")
    [machine] = deployment.machines
    deployment.run(begin=True)
    (deployment.share / "file").write_bytes(b"a client's")
    (machine.share / "file").unlink()

    deployment.run()

    assert contents(machine.share) == contents(deployment.share) == {"file": b"a client's"}


def test_a_link_of_a_job_stays_where_it_is(deployment: Deployment, tmp_path: Path) -> None:
    [machine] = deployment.machines
    (machine.share / "link").symlink_to("/etc")
    (machine.share / "file").write_bytes(b"")

    deployment.run()

    assert list(deployment.share.iterdir()) == [deployment.share / "file"]


def test_a_directory_that_became_a_link_is_replaced_and_not_followed(deployment: Deployment, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (deployment.share / "below").mkdir()
    [machine] = deployment.machines
    deployment.run(begin=True)
    (machine.share / "below" / "file").write_bytes(b"model")
    (deployment.share / "below").rmdir()
    (deployment.share / "below").symlink_to(outside)

    deployment.run()

    assert list(outside.iterdir()) == []
    assert (deployment.share / "below" / "file").read_bytes() == b"model"


@pytest.mark.parametrize("path", ["../../secret", "/secret", "below/../../secret", ""])
@pytest.mark.parametrize("kind", ["removal", "file", "directory"])
def test_a_machine_that_lies_reaches_nothing_else(deployment: Deployment, path: str, kind: str) -> None:
    secret = deployment.data / "secret"
    secret.write_text("secret")
    [machine] = deployment.machines
    entry = None if kind == "removal" else Entry(kind == "directory", 0, 0o600, 0, (1, 0, 1, 1))
    change = Change(1, path, entry, digest=EMPTY, rest=EMPTY)
    machine.remote.altered = lambda method, answer: ([change], False) if method == "changes" else answer

    deployment.run()

    assert machine.mirror.problems[0].endswith("names nothing below its directory")
    assert secret.read_text() == "secret"
    assert {path.name for path in deployment.data.iterdir()} - {"ray"} == {"input", "jobs", "secret", "share"}
    assert contents(deployment.share) == contents(deployment.data / "input") == {}


@pytest.mark.parametrize("answer", [[], [b""], [None], [b"12345", b"6"]])
@pytest.mark.parametrize("size", [4, 1 << 60])
def test_a_content_that_is_announced_but_not_sent_is_not_waited_for(
    deployment: Deployment, size: int, answer: list[bytes | None]
) -> None:
    [machine] = deployment.machines
    change = Change(1, "file", Entry(False, size, 0o600, 0, (1, size, 1, 1)), digest=EMPTY, rest=EMPTY)
    machine.remote.altered = lambda method, result: (
        ([change], False) if method == "changes" else answer if method == "read" else result
    )

    deployment.run()

    assert contents(deployment.share) == {}


@pytest.mark.parametrize("tree", [-1, 2, 3])
def test_a_machine_changes_only_what_the_job_may_write_to(deployment: Deployment, tree: int) -> None:
    [machine] = deployment.machines
    machine.remote.altered = lambda method, answer: (
        ([Change(tree, "x", None)], False) if method == "changes" else answer
    )

    with pytest.raises(PathRefusedError, match="outside of the trees that the job may write to"):
        deployment.run()


def test_a_content_that_is_not_the_announced_one_is_not_taken(deployment: Deployment) -> None:
    [machine] = deployment.machines
    (machine.share / "file").write_bytes(b"announced")
    machine.remote.altered = lambda method, answer: [b"something"] if method == "read" else answer

    deployment.run()

    assert contents(deployment.share) == {}
    machine.remote.altered = lambda _, answer: answer
    deployment.run()
    assert contents(deployment.share) == {"file": b"announced"}


def test_one_file_that_cannot_be_written_keeps_no_other_back(deployment: Deployment) -> None:
    [machine] = deployment.machines
    (deployment.share / "place").mkdir()
    (deployment.share / "place" / "kept").write_bytes(b"")
    deployment.run(begin=True)
    shutil.rmtree(machine.share / "place")
    (machine.share / "place").write_bytes(b"a file")
    (machine.share / "z").write_bytes(b"another")
    machine.remote.altered = lambda method, answer: (
        ([change for change in answer[0] if change.entry], answer[1]) if method == "changes" else answer
    )

    asyncio.run(machine.mirror.pull())

    assert machine.mirror.problems == ["place: Is a directory"]
    assert (deployment.share / "z").read_bytes() == b"another"


def test_many_files_take_several_pages(deployment: Deployment) -> None:
    [machine] = deployment.machines
    for number in range(PAGE + 20):
        (machine.share / f"f{number}").write_bytes(b"%d" % number)

    deployment.run()

    assert contents(machine.share) == contents(deployment.share)
    assert len(contents(deployment.share)) == PAGE + 20


NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a"])
CHANGES = st.tuples(st.integers(0, 2), NAMES, st.sampled_from([None, b"", b"one", b"two more"]), st.booleans())


@given(st.lists(st.one_of(CHANGES, st.none()), max_size=14))
def test_in_the_end_all_machines_have_the_same_files(changes: list[tuple[int, str, bytes | None, bool] | None]) -> None:
    """Writes, appends and removals on any machine, with rounds (None) between them."""
    with ExitStack() as stack:
        deployment = Deployment(Path(stack.enter_context(tempfile.TemporaryDirectory())), machines=2)
        sides = [deployment.share, *(machine.share for machine in deployment.machines)]
        for change in changes:
            if change is None:
                deployment.run()
                continue
            side, name, content, is_appended = change
            path = sides[side] / name
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes((path.read_bytes() if is_appended and path.exists() else b"") + content)
        for _ in range(4):
            deployment.run()
        assert contents(sides[0]) == contents(sides[1]) == contents(sides[2])
        assert not deployment.run()

import contextlib
import fcntl
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from harness.config import Settings
from harness.errors import JournalError
from harness.resources import Entry, Journal
from harness.resources.journal import NoJournal, journal_for
from harness.resources.owner import this_process

LockedJournal = tuple[Path, subprocess.Popen[bytes]]
Fill = Callable[[Path, int], None]


def entry(name: str, state: Literal["creating", "deleted"]) -> Entry:
    return Entry("run", "cluster", "group", name, state)


def test_what_was_not_deleted_is_left_last_made_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for name, state in [("a", "creating"), ("b", "creating"), ("c", "creating"), ("b", "deleted")]:
        journal.append(entry(name, state))
    assert [item.name for item in journal.open_entries()] == ["c", "a"]


def test_a_torn_line_of_a_killed_run_is_passed_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(entry("a", "creating"))
    with journal.path.open("a") as file:
        file.write('{"run": "r')
    assert [item.name for item in journal.open_entries()] == ["a"]


def test_an_entry_after_a_torn_line_is_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_text('{"run": "r')
    journal.append(entry("a", "creating"))
    assert [item.name for item in journal.open_entries()] == ["a"]


def test_entries_tell_cloud_place_expiry_and_owner(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    written = Entry("run", "cluster", "group", "a", "creating", "azure", "sub", "account", "2026-01-02T03:04:05+00:00")
    journal.append(written)
    assert journal.open_entries() == [written]
    assert journal.open_entries()[0].owner == this_process()
    assert journal.open_entries()[0].expiry == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    [
        f'{{"run": "r", "more": {"[" * 99_999}',
        "[]",
        "7",
        '{"run": 1}',
        '{"owner": 3}',
        "\x00",
        '{"owner": {"host": 1}}',
    ],
)
def test_a_line_that_is_no_entry_is_passed_over(tmp_path: Path, line: str) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_text(f"{line}\n")
    journal.append(entry("a", "creating"))
    assert [item.name for item in journal.open_entries()] == ["a"]


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state" / "journal.jsonl")
    journal.append(entry("a", "creating"))
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700


def test_compacting_keeps_what_is_left_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for name, state in [("a", "creating"), ("b", "creating"), ("c", "creating"), ("b", "deleted")]:
        journal.append(entry(name, state))
    journal.compact()
    assert [item.name for item in journal.open_entries()] == ["c", "a"]
    assert journal.path.read_text().count("\n") == 2


def test_no_entry_is_lost_while_another_process_compacts(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    code = (
        "import sys, pathlib; from harness.resources import Entry, Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "for number in range(10): journal.append(Entry('r', 'k', 'g', f'{number}', 'creating'))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as writer:
        while writer.poll() is None:
            Journal(path).compact()
    assert sorted(int(item.name) for item in Journal(path).open_entries()) == list(range(10))


@pytest.fixture
def fill_disk(tmp_path: Path) -> Iterator[Fill]:
    """Limit the size of a file, as on a full disk: it may grow by some bytes, and the kernel writes as many as fit."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(path: Path, free_bytes: int) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + free_bytes, before[1]))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("free_bytes", [0, 1, 100])
def test_an_entry_that_does_not_fit_on_the_disk_is_refused_whole(
    tmp_path: Path, fill_disk: Fill, free_bytes: int
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(entry("a", "creating"))
    before = journal.path.read_bytes()
    fill_disk(journal.path, free_bytes)
    with pytest.raises(JournalError, match=r"journal.jsonl cannot be written: File too large; make it writable, or"):
        journal.append(entry("b", "creating"))
    assert journal.path.read_bytes() == before


def test_an_entry_is_whole_where_the_kernel_writes_it_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, write = Journal(tmp_path / "journal.jsonl"), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:7]))
    journal.append(entry("a", "creating"))
    assert journal.open_entries() == [entry("a", "creating")]


def test_a_torn_line_that_was_whole_but_for_its_end_does_not_swallow_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(entry("a", "creating"))
    os.truncate(journal.path, journal.path.stat().st_size - 1)
    journal.append(entry("b", "creating"))
    assert [item.name for item in journal.open_entries()] == ["b", "a"]


@pytest.fixture
def locked_journal(tmp_path: Path) -> Iterator[LockedJournal]:
    """A journal that another process has locked, and the process."""
    path = tmp_path / "journal.jsonl"
    code = (
        "import fcntl, sys; file = open(sys.argv[1], 'a'); fcntl.flock(file, fcntl.LOCK_EX); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        process.stdout.readline()
        yield path, process
        process.kill()


def test_a_journal_that_another_process_holds_is_refused_after_a_while_and_the_process_is_named(
    locked_journal: LockedJournal,
) -> None:
    path, process = locked_journal
    journal = Journal(path, wait=0.05)
    with pytest.raises(JournalError, match=rf"in use by process {process.pid}, and was not free within 0.05 s"):
        journal.append(entry("a", "creating"))
    assert journal.open_entries() == []


def test_who_waited_in_vain_does_not_wait_again_until_the_journal_was_free(locked_journal: LockedJournal) -> None:
    path, process = locked_journal
    journal = Journal(path, wait=0.05)
    for _ in range(2):
        with pytest.raises(JournalError, match="in use by process"):
            journal.append(entry("a", "creating"))
    process.kill()
    process.wait()
    journal.append(entry("a", "creating"))
    assert journal.open_entries() == [entry("a", "creating")]


def test_who_waits_for_a_journal_gets_it_when_it_is_free(locked_journal: LockedJournal) -> None:
    path, process = locked_journal
    process.stdin.close()  # the process ends soon
    Journal(path, wait=600).append(entry("a", "creating"))
    assert Journal(path).open_entries() == [entry("a", "creating")]


def test_a_lock_is_released_after_a_timeout(locked_journal: LockedJournal) -> None:
    path, process = locked_journal
    with pytest.raises(JournalError, match="in use by process"):
        Journal(path, wait=0.05).append(entry("a", "creating"))
    process.kill()
    process.wait()
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # hangs if the thread that waited keeps it


@pytest.mark.parametrize("spoil", ["directory", "file above", "device", "pipe"])
def test_a_journal_that_cannot_be_written_is_one_sentence(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "journal.jsonl"
    if spoil == "directory":
        path.mkdir()
    elif spoil == "file above":
        path.touch()
        path = path / "journal.jsonl"
    elif spoil == "device":
        path = path.parent / "null"
        path.symlink_to(os.devnull)
    else:
        os.mkfifo(path)
    with pytest.raises(
        JournalError, match=rf"^the journal {path} cannot be written: .*, or name another file"
    ) as caught:
        Journal(path).append(entry("a", "creating"))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_a_journal_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(JournalError, match=f"the journal {path} cannot be read: it is not a regular file"):
            Journal(path).open_entries()


def test_compacting_keeps_what_another_version_wrote(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    unknown = '{"what": "an entry of a later version", "caf\u00e9": 1}'
    journal.path.write_text(f'{unknown}\n{{"run": "torn", "ki\n')
    journal.append(entry("a", "creating"))
    journal.compact()
    assert journal.path.read_text().splitlines()[0] == unknown
    assert "torn" not in journal.path.read_text()
    assert [item.name for item in journal.open_entries()] == ["a"]


@pytest.mark.parametrize("content", ["thesis", "# a script\n", '{\n  "name": "a package"\n}\n', "\n\nA chapter.\n"])
def test_no_line_of_a_file_that_is_no_journal_is_lost(tmp_path: Path, content: str) -> None:
    journal = Journal(tmp_path / "file")
    journal.path.write_text(content)
    for change in (journal.compact, lambda: journal.append(entry("a", "creating"))):
        with contextlib.suppress(JournalError):
            change()
        assert [line for line in content.split("\n") if line] == [
            line for line in journal.path.read_text().split("\n") if line and '"run"' not in line
        ]


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "thesis.tex")
    journal.path.write_text("a thesis")
    with pytest.raises(JournalError, match=r"thesis.tex cannot be written: it is not a journal"):
        journal.append(entry("a", "creating"))
    assert journal.path.read_text() == "a thesis"


def test_compacting_on_a_full_disk_loses_nothing(tmp_path: Path, fill_disk: Fill) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for name in "abc":
        journal.append(entry(name, "creating"))
    before = journal.path.read_bytes()
    fill_disk(journal.path, -1)
    with pytest.raises(JournalError, match="cannot be written"):
        journal.compact()
    assert journal.path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [journal.path]


def test_a_link_to_the_journal_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "journal.jsonl"
    link.symlink_to(tmp_path / "elsewhere" / "journal.jsonl")
    Journal(link).append(entry("a", "creating"))
    Journal(link).compact()
    assert link.is_symlink()
    assert [item.name for item in Journal(link).open_entries()] == ["a"]


def test_compacting_the_journal_of_a_cloud_that_creates_nothing_touches_nothing() -> None:
    before = Path(os.devnull).stat()
    NoJournal().compact()
    assert os.path.samestat(before, Path(os.devnull).stat())


def test_replay_writes_no_journal(tmp_path: Path) -> None:
    assert journal_for("replay", Settings(), {"HOME": str(tmp_path)}).open_entries() == []
    journal_for("replay", Settings(), {"HOME": str(tmp_path)}).append(entry("a", "creating"))
    assert list(tmp_path.iterdir()) == []


def test_every_other_cloud_writes_the_users_journal(tmp_path: Path) -> None:
    journal_for("azure", Settings(), {"HOME": str(tmp_path)}).append(entry("a", "creating"))
    assert journal_for("emulator", Settings(), {"HOME": str(tmp_path)}).open_entries() != []

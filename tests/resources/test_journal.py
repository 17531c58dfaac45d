import subprocess
import sys
from datetime import UTC, datetime

import pytest

from harness.config import Settings
from harness.resources import Entry, Journal
from harness.resources.journal import journal_for
from harness.resources.owner import this_process


def entry(name, state):
    return Entry("run", "cluster", "group", name, state)


def test_what_was_not_deleted_is_left_last_made_first(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    for name, state in [("a", "creating"), ("b", "creating"), ("c", "creating"), ("b", "deleted")]:
        journal.append(entry(name, state))
    assert [left.name for left in journal.left()] == ["c", "a"]


def test_a_torn_line_of_a_killed_run_is_passed_over(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(entry("a", "creating"))
    with journal.path.open("a") as file:
        file.write('{"run": "r')
    assert [left.name for left in journal.left()] == ["a"]


def test_an_entry_after_a_torn_line_is_kept(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_text('{"run": "r')
    journal.append(entry("a", "creating"))
    assert [left.name for left in journal.left()] == ["a"]


def test_entries_tell_cloud_place_expiry_and_owner(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    written = Entry("run", "cluster", "group", "a", "creating", "azure", "sub", "account", "2026-01-02T03:04:05+00:00")
    journal.append(written)
    assert journal.left() == [written]
    assert journal.left()[0].owner == this_process()
    assert journal.left()[0].expiry == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("line", ["[]", "7", '{"run": 1}', '{"owner": 3}', "\x00", '{"owner": {"host": 1}}'])
def test_a_line_that_is_no_entry_is_passed_over(tmp_path, line):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.path.write_text(f"{line}\n")
    journal.append(entry("a", "creating"))
    assert [left.name for left in journal.left()] == ["a"]


def test_only_its_owner_can_read_the_file(tmp_path):
    journal = Journal(tmp_path / "state" / "journal.jsonl")
    journal.append(entry("a", "creating"))
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700


def test_compacting_keeps_what_is_left_in_order(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    for name, state in [("a", "creating"), ("b", "creating"), ("c", "creating"), ("b", "deleted")]:
        journal.append(entry(name, state))
    journal.compact()
    assert [left.name for left in journal.left()] == ["c", "a"]
    assert journal.path.read_text().count("\n") == 2


def test_no_entry_is_lost_while_another_process_compacts(tmp_path):
    path = tmp_path / "journal.jsonl"
    code = (
        "import sys, pathlib; from harness.resources import Entry, Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]))\n"
        "for number in range(10): journal.append(Entry('r', 'k', 'g', f'{number}', 'creating'))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as writer:
        while writer.poll() is None:
            Journal(path).compact()
    assert sorted(int(left.name) for left in Journal(path).left()) == list(range(10))


def test_replay_writes_no_journal(tmp_path):
    assert journal_for("replay", Settings(), {"HOME": str(tmp_path)}).left() == []
    journal_for("replay", Settings(), {"HOME": str(tmp_path)}).append(entry("a", "creating"))
    assert list(tmp_path.iterdir()) == []


def test_every_other_cloud_writes_the_users_journal(tmp_path):
    journal_for("azure", Settings(), {"HOME": str(tmp_path)}).append(entry("a", "creating"))
    assert journal_for("emulator", Settings(), {"HOME": str(tmp_path)}).left() != []

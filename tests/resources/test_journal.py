from harness.resources import Entry, Journal


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

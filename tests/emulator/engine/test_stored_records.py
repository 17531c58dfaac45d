"""Records that an emulator stored before the engine was a separate package: such a data directory still opens.

``records.jsonl`` holds kind, key and value of a real directory's records, one a line, with its account key replaced.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.emulator.engine.model import records
from harness.emulator.engine.repository import Repository
from harness.emulator.store import Store

ROWS: list[tuple[str, str, Any]] = [
    tuple(json.loads(line)) for line in Path(__file__).with_name("records.jsonl").read_text().splitlines()
]


@pytest.mark.parametrize(("kind", "key", "value"), ROWS, ids=[f"{kind}-{key[-8:]}" for kind, key, _ in ROWS])
def test_a_stored_record_keeps_its_key_and_its_form(kind: str, key: str, value: Any) -> None:
    record = msgspec.json.decode(json.dumps(value), type=getattr(records, kind))

    assert json.loads(msgspec.json.encode(record)) == value
    assert getattr(record, "key", key) == key


def test_a_stored_directory_opens_with_its_queue_and_its_running_jobs(tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = [(kind, key, json.dumps(value)) for kind, key, value in ROWS]
        connection.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)

    with closing(Store(path)) as store:
        repository = Repository(store)

        assert {key.rpartition("/")[2] for key in repository.clusters} == {"flat", "none", "two"}
        assert {key.rpartition("/")[2] for key in repository.active} == {"runs"}
        assert [key.rpartition("/")[2] for queue in repository.queues.values() for key in queue] == ["waits"]

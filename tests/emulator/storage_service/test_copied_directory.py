"""A data directory that was copied, or written by an earlier emulator, shows the same as before."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.emulator.paths import DataDirectory
from tests.emulator.storage_service.every_operation import BEFORE
from tests.emulator.storage_service.lone_storage import LoneStorage, lone_storage
from tests.emulator.storage_service.observation import Observation, observe

START = datetime(2030, 1, 1, tzinfo=UTC)


async def played(storage: LoneStorage) -> Observation:
    for call in BEFORE:
        assert (await storage.ask(call)).status < 300
    return lasting(await observe(storage, START))


def shown(root: Path) -> Observation:
    with lone_storage(root, SteppingClock(START)) as storage:
        return lasting(asyncio.run(observe(storage, START)))


def lasting(observed: Observation) -> Observation:
    """All observations but the handles, which end with their emulator."""
    return {key: text for key, text in observed.items() if "comp=listhandles" not in key}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Observation]:
    """A data directory with everything in it, and its observation."""
    root = tmp_path_factory.mktemp("original")
    with lone_storage(root, SteppingClock(START)) as storage:
        return root, asyncio.run(played(storage))


def copy_directory(root: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", str(root), str(target)], check=True)  # which keeps holes


def with_times_in_seconds(root: Path) -> None:
    for path in (path for path in root.rglob("storage/**/*") if path.is_file()):
        seconds = path.stat().st_mtime_ns // 10**9 * 10**9
        os.utime(path, ns=(seconds, seconds))


def as_before_records_named_their_files(root: Path) -> None:
    """Write the store as earlier emulators did: record keys had the share's name, and records identified no file."""
    with closing(sqlite3.connect(DataDirectory(root).database)) as store, store:
        contents = {}
        for kind in ("Share", "DeletedShare", "Container"):
            for key, value in store.execute("SELECT key, value FROM records WHERE kind = ?", (kind,)).fetchall():
                record = json.loads(value)
                inner = record["share"] if kind == "DeletedShare" else record
                account, _, name = key.partition("/")
                contents[account, inner.pop("content")] = (kind, name)
                inner.pop("directory")
                put(store, kind, key, key, record)
        for kind in ("Properties", "Permission", "Blob", "Folder", "EarlierBlob"):
            for key, value in store.execute("SELECT key, value FROM records WHERE kind = ?", (kind,)).fetchall():
                account, content, *path = key.split("/")
                record = json.loads(value)
                record.pop("file", None)
                if modified := record.pop("modified", 0):
                    record["state"] = [0, modified]
                put(store, kind, key, "/".join([account, contents[account, content][1].casefold(), *path]), record)
        store.execute("DELETE FROM records WHERE kind = 'Home'")
        for (account, content), (kind, name) in contents.items():
            for folder_name in ("blocks", "earlier"):
                folder = root / "storage" / account / folder_name / content
                if kind == "Container" and folder.exists():
                    folder.rename(folder.with_name(name))


def put(store: sqlite3.Connection, kind: str, old: str, new: str, record: object) -> None:
    store.execute("DELETE FROM records WHERE kind = ? AND key = ?", (kind, old))
    store.execute("INSERT INTO records VALUES (?, ?, ?)", (kind, new, json.dumps(record)))


@pytest.mark.parametrize(
    "change", [lambda _: None, with_times_in_seconds, as_before_records_named_their_files], ids=["cp -a", "tar", "old"]
)
def test_a_copied_directory_shows_what_the_original_does(
    original: tuple[Path, Observation], tmp_path: Path, change: Callable[[Path], None]
) -> None:
    root, expected = original
    copy_directory(root, tmp_path / "copy")
    change(tmp_path / "copy")

    assert shown(tmp_path / "copy") == expected
    assert shown(tmp_path / "copy") == expected, "and so does the second start"


def test_a_share_whose_files_were_copied_back_shows_no_metadata_of_the_old_ones(
    original: tuple[Path, Observation], tmp_path: Path
) -> None:
    copy_directory(original[0], tmp_path / "copy")
    assert "x-ms-meta-of: f" in shown(tmp_path / "copy")["mine file HEAD data/f?"]
    file = tmp_path / "copy" / "storage" / "mine" / "file" / "data" / "f"
    file.rename(tmp_path / "f")
    shutil.copy2(tmp_path / "f", file)

    assert "x-ms-meta" not in shown(tmp_path / "copy")["mine file HEAD data/f?"]

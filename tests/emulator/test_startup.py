"""Unusable files are reported in one sentence with exit code 2; damaged ones are moved aside, and none is deleted."""

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.cli import main
from harness.emulator.identity import load_identity
from harness.emulator.launch import launch
from harness.emulator.options import Options
from harness.emulator.paths import DataDirectory
from harness.emulator.server_process import server_command
from harness.emulator.startup import open_store
from harness.emulator.storage_service.model import Share, StorageAccount, share_key
from harness.emulator.store import Store
from harness.emulator.tls import server_context
from harness.errors import EmulatorError

pytestmark = pytest.mark.slow  # most start new emulators


@pytest.fixture
def paths(tmp_path: Path) -> DataDirectory:
    """A data directory that an emulator has used."""
    directory = DataDirectory(tmp_path / "a directory")
    directory.prepare()
    load_identity(directory)
    server_context(directory)
    Store(directory.database).close()
    return directory


def start(directory: Path) -> str:
    """The error of an emulator that cannot start."""
    command = server_command(Options(directory))
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def starts(directory: Path) -> bool:
    with launch(directory):
        return True


def test_a_damaged_store_is_moved_aside(paths: DataDirectory) -> None:
    paths.database.write_bytes(b"this is no database, but it may be precious" * 100)
    message = start(paths.root)

    aside = paths.root / "emulator.db.damaged-1"
    assert f"the store {paths.database} is damaged (file is not a database); it was moved to {aside}" in message
    assert aside.read_bytes().startswith(b"this is no database")
    assert starts(paths.root)


def test_a_second_damaged_store_does_not_replace_the_first(paths: DataDirectory) -> None:
    for number in (1, 2):
        paths.database.write_bytes(b"number %d " % number * 1000)
        start(paths.root)

    beginnings = [(paths.root / f"emulator.db.damaged-{number}").read_bytes()[:8] for number in (1, 2)]
    assert beginnings == [b"number 1", b"number 2"]


def test_the_log_of_a_damaged_store_is_kept_with_it(paths: DataDirectory) -> None:
    paths.database.write_bytes(b"x" * 5000)
    Path(f"{paths.database}-wal").write_bytes(b"the newest records")
    start(paths.root)

    assert (paths.root / "emulator.db.damaged-1-wal").read_bytes() == b"the newest records"


def test_a_full_disk_is_a_sentence_with_a_remedy(paths: DataDirectory) -> None:
    full = r"emulator\.db cannot be used: database or disk is full; make room on its disk, or choose another --dir"
    with pytest.raises(EmulatorError, match=full), open_store(paths) as store:
        fill(store)


def fill(store: Store) -> None:
    """Store more records than fit."""
    store._connection.execute("PRAGMA max_page_count=1")
    for number in range(100):
        store.put(str(number), StorageAccount("mine", "eastus", ("x" * 1000, ""), datetime.now(UTC)))


def test_a_storage_directory_that_cannot_be_recovered_is_named(paths: DataDirectory) -> None:
    with closing(Store(paths.database)) as store:
        store.put(share_key("mine", "data"), Share("data", datetime.now(UTC)))
    (paths.storage / "mine").mkdir()
    (paths.storage / "mine" / "file").write_text("where the shares belong")
    message = start(paths.root)

    assert f"the data directory {paths.root} cannot be used: " in message
    assert str(paths.storage / "mine" / "file") in message


def test_a_record_that_cannot_be_read_is_named_and_kept(paths: DataDirectory) -> None:
    store = Store(paths.database)
    store._connection.execute("INSERT INTO records VALUES ('StorageAccount', 'x', '{\"from\": \"the future\"}')")
    store.close()
    message = start(paths.root)

    assert f"the store {paths.database} holds a record that cannot be read: StorageAccount 'x'" in message
    assert paths.database.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'{"tenant_id": 1}'])
def test_a_damaged_identity_is_moved_aside(paths: DataDirectory, content: bytes) -> None:
    paths.identity.write_bytes(content)
    message = start(paths.root)

    assert f"the identity {paths.identity} is damaged" in message
    assert (paths.root / "identity.json.damaged-1").read_bytes() == content
    assert starts(paths.root)


def test_a_signing_key_that_is_none_is_a_damaged_identity(paths: DataDirectory) -> None:
    paths.identity.write_text(paths.identity.read_text().replace("BEGIN PRIVATE KEY", "BEGIN POEM"))

    assert "is damaged" in start(paths.root)


@pytest.mark.parametrize("name", ["ca.pem", "server.pem"])
def test_damaged_certificates_are_moved_aside(paths: DataDirectory, name: str) -> None:
    (paths.root / name).write_text("no certificate")
    message = start(paths.root)

    assert f"the certificates of {paths.root} are damaged" in message
    assert (paths.root / f"{name}.damaged-1").read_text() == "no certificate"
    assert starts(paths.root)


def test_a_certificate_of_another_authority_is_damaged(paths: DataDirectory, tmp_path: Path) -> None:
    other = DataDirectory(tmp_path / "other")
    other.prepare()
    server_context(other)
    paths.authority.write_bytes(other.authority.read_bytes())

    assert f"the certificates of {paths.root} are damaged" in start(paths.root)


def test_certificates_for_fewer_hosts_are_made_again(paths: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    before = paths.authority.read_bytes()
    server_context(paths)
    assert paths.authority.read_bytes() == before
    monkeypatch.setattr("harness.emulator.tls.HOSTS", ("a.new.host",))
    server_context(paths)
    assert paths.authority.read_bytes() != before


@pytest.mark.parametrize("name", ["identity.json", "emulator.db", "lock", "server.pem", "endpoint.json"])
def test_a_directory_where_a_file_belongs_is_named(paths: DataDirectory, name: str) -> None:
    (paths.root / name).unlink(missing_ok=True)
    (paths.root / name).mkdir()
    message = start(paths.root)

    assert f"{paths.root}" in message
    assert "cannot be used" in message or "damaged" in message


@pytest.mark.parametrize(
    "name", ["jobs/train/train.py", "trash/letter.txt", "storage/data", "nodes/list", "ports.json", "ca.pem", "lock"]
)
def test_what_others_have_made_under_names_of_ours_is_refused_and_stays(tmp_path: Path, name: str) -> None:
    foreign = tmp_path / name
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("mine")
    message = start(tmp_path)

    assert f"{tmp_path} holds {name.partition('/')[0]}, but no identity.json" in message
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [foreign]
    assert foreign.read_text() == "mine"


def test_unknown_jobs_are_removed_and_nothing_else_beside_them(paths: DataDirectory) -> None:
    job = paths.jobs / "0b0f3a52-6c1d-4e5f-8a9b-0c1d2e3f4a5b-1"
    foreign = [paths.jobs / "letter.txt", paths.jobs / "thesis" / "chapter.tex"]
    for path in (
        *foreign,
        job / "left",
        job.with_name(f".{job.name}") / "left",
        job.with_name(f"{job.name}-setup") / "left",
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    with launch(paths.root):
        pass

    assert sorted(path for path in paths.jobs.rglob("*") if path.is_file()) == foreign


@pytest.mark.parametrize("name", ["storage", "trash", "nodes", "jobs"])
def test_a_folder_that_leads_elsewhere_is_refused(paths: DataDirectory, tmp_path: Path, name: str) -> None:
    letter = tmp_path / "elsewhere" / "letter.txt"
    letter.parent.mkdir()
    letter.write_text("mine")
    if (paths.root / name).exists():
        (paths.root / name).rmdir()
    (paths.root / name).symlink_to(letter.parent)

    assert f"{name} in {paths.root} is a link" in start(paths.root)
    assert letter.read_text() == "mine"


@pytest.mark.parametrize("options", [[], ["--detach"]], ids=["foreground", "background"])
def test_a_file_is_no_data_directory(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "file").write_text("mine")
    command = [sys.executable, "-P", "-m", "harness", "emulator", "start", "--dir", str(tmp_path / "file"), *options]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert f"{tmp_path / 'file'} is a file, not a data directory; choose another --dir" in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("options", [[], ["--detach"]], ids=["foreground", "background"])
def test_a_directory_that_cannot_be_written_is_named(options: list[str]) -> None:
    command = [sys.executable, "-P", "-m", "harness", "emulator", "start", "--dir", "/proc/self/data", *options]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "the data directory /proc/self/data cannot be used: " in result.stderr
    assert "Traceback" not in result.stderr


def test_stop_status_and_reset_of_a_file_say_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    directory_option = ["--dir", str(tmp_path / "file")]

    assert main(["emulator", "stop", *directory_option]) == 0
    assert main(["emulator", "status", *directory_option]) == 1
    assert main(["emulator", "reset", *directory_option]) == 2


def test_a_launcher_says_that_the_disk_of_temporary_files_is_full(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    launching = "from harness.emulator.launch import launch; launch().__enter__()"
    mounted = f'mount -t tmpfs -o size=64k none {tmp_path}/full || exit 77; TMPDIR={tmp_path}/full exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mounted, "sh", sys.executable, "-c", launching]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 77 or "unshare" in result.stderr:
        pytest.skip(f"this user cannot mount a small disk: {result.stderr.strip()}")
    assert "make room on its disk, or choose another --dir" in result.stderr.strip().splitlines()[-1]

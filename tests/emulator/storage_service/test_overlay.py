"""A data directory in a container image, whose files are copied to another layer at their first write."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from tests.emulator.storage_service.lone_storage import ACCOUNT, Call, lone_storage, run

FILE = (("x-ms-type", "file"), ("x-ms-content-length", "7"), ("x-ms-meta-of", "f"))
RANGE = (("x-ms-write", "update"), ("x-ms-range", "bytes=0-6"))
BEFORE = (
    Call("file", "PUT", "data?restype=share"),
    Call("file", "PUT", "data/f", FILE, b"content"),
    Call("file", "PUT", "data/g", FILE, b"content"),
)


@pytest.fixture
def merged(tmp_path: Path) -> Iterator[Path]:
    """A file system whose lower layer holds a data directory."""
    lower, upper, work, merged = (tmp_path / name for name in ("lower", "upper", "work", "merged"))
    for folder in (lower, upper, work, merged):
        folder.mkdir()
    with lone_storage(lower, SteppingClock()) as storage:
        assert {response.status for response in run(storage, *BEFORE)} == {201}
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    mount = ["mount", "-t", "overlay", "-o", options, "overlay", str(merged)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount an overlay file system")
    yield merged
    subprocess.run(["umount", "-l", str(merged)], check=True)


def test_metadata_stay_when_a_file_is_copied_to_the_upper_layer(merged: Path) -> None:
    with lone_storage(merged, SteppingClock()) as storage:
        (merged / "storage" / ACCOUNT / "file" / "data" / "f").write_bytes(b"by job.")
        written = run(storage, Call("file", "PUT", "data/g?comp=range", RANGE, b"by REST"))
        by_job, by_rest = run(storage, Call("file", "GET", "data/f"), Call("file", "GET", "data/g"))

    assert written[0].status == 201
    assert (by_job.body, dict(by_job.headers).get("x-ms-meta-of")) == (b"by job.", "f")
    assert (by_rest.body, dict(by_rest.headers).get("x-ms-meta-of")) == (b"by REST", "f")

"""The content hash that is the name of a build context's image."""

from pathlib import Path

import pytest

from harness.compute.container.builds import content_hash
from harness.compute.container.orders import Build


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM x\n")
    return tmp_path / "context"


def hash_of(context: Path) -> str:
    return content_hash(Build("", str(context), "Dockerfile", log="", locks=""), "")


def test_the_hash_changes_with_content_and_names(context: Path) -> None:
    hashes = {hash_of(context)}
    (context / "a").write_text("1")
    hashes.add(hash_of(context))
    (context / "a").write_text("2")
    hashes.add(hash_of(context))
    (context / "a").rename(context / "b")
    hashes.add(hash_of(context))
    assert len(hashes) == 4


def test_what_a_symbolic_link_leads_to_is_not_read(context: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    with outside.open("wb") as stream:
        stream.truncate(1 << 40)  # reading it would take minutes
    (context / "link").symlink_to(outside)
    before = hash_of(context)
    outside.write_text("short")
    assert hash_of(context) == before
    (context / "link").unlink()
    (context / "link").symlink_to(tmp_path / "elsewhere")
    assert hash_of(context) != before

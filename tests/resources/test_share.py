from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.errors import JobError, ProvisioningError
from harness.fault_plans import make_plan
from harness.resources import FileShare, Journal, Provisioning, Upload
from harness.resources.owner import Owner, this_process
from harness.resources.tags import metadata_of, read_metadata, share_id
from tests.fakes import injected

ELSEWHERE = Owner("0123456789ab.0123456789ab", 1, "1")


@pytest.fixture
def provisioning(emulator: Endpoint, tmp_path: Path) -> Iterator[Provisioning]:
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("s/share") as clients,
    ):
        yield Provisioning(cloud, clients, Journal(tmp_path / "journal"), lambda _event: None, run=cloud.facts.run)


def share_of(provisioning: Provisioning, **uploads: Upload) -> FileShare:
    named = {name.replace("__", "/"): upload for name, upload in uploads.items()}
    return FileShare(provisioning, group="g", name="uploads", directory="deep/er", uploads=lambda: nullcontext(named))


def test_files_lie_below_the_directory_whose_parents_are_made(provisioning: Provisioning, tmp_path: Path) -> None:
    (tmp_path / "local").write_bytes(b"content")
    files = provisioning.clients.files
    with share_of(provisioning, one=Upload(tmp_path / "local"), folder__two=Upload(b"bytes")):
        assert files.get_file_to_bytes("uploads", "deep/er", "one").content == b"content"
        assert files.get_file_to_bytes("uploads", "deep/er/folder", "two").content == b"bytes"
    assert not files.exists("uploads")


def test_the_share_remembers_which_data_it_holds(provisioning: Provisioning) -> None:
    with share_of(provisioning, script=Upload(b"x"), train=Upload(b"x", "digits")) as share:
        assert share.data == "digits"


def test_without_a_data_set_there_is_none(provisioning: Provisioning) -> None:
    with share_of(provisioning, script=Upload(b"x")) as share:
        assert share.data is None


def test_a_share_that_was_there_before_stays(provisioning: Provisioning) -> None:
    provisioning.clients.files.create_share("uploads")
    with share_of(provisioning):
        pass
    assert provisioning.clients.files.exists("uploads")
    provisioning.clients.files.delete_share("uploads")


def test_no_deletion_is_reported_of_a_share_that_existed_before(provisioning: Provisioning) -> None:
    events: list[str] = []
    provisioning.clients.files.create_share("uploads")
    with share_of(replace(provisioning, sink=lambda event: events.append(str(event)))):
        pass
    assert "file share uploads already exists; the run uses it and keeps it" in events
    assert not [event for event in events if "delet" in event]
    assert provisioning.journal.open_entries() == []
    provisioning.clients.files.delete_share("uploads")


def test_a_share_that_a_run_of_another_machine_may_use_is_refused_and_kept(provisioning: Provisioning) -> None:
    files = provisioning.clients.files
    other_run = replace(provisioning, owner=ELSEWHERE, run="theirs")
    before = metadata_of(other_run, share_id(provisioning.cloud.facts, "uploads"))
    files.create_share("uploads", metadata=before)
    with (
        pytest.raises(ProvisioningError, match="share uploads is in use by run theirs, made on another machine, until"),
        share_of(provisioning),
    ):
        pass
    assert files.get_share_metadata("uploads") == before
    files.delete_share("uploads")


def test_a_share_that_a_run_of_another_machine_has_kept_is_used(provisioning: Provisioning) -> None:
    files = provisioning.clients.files
    other_run = replace(provisioning, owner=ELSEWHERE, run="theirs")
    files.create_share("uploads", metadata=metadata_of(other_run, share_id(provisioning.cloud.facts, "uploads")))
    share_of(other_run).release()
    with share_of(provisioning):
        label = read_metadata(files.get_share_metadata("uploads"))
        assert label is not None
        assert (label.run, label.is_kept) == (provisioning.run, False)
    files.delete_share("uploads")


def test_a_share_that_an_ended_run_left_is_used_and_marked_as_used(provisioning: Provisioning) -> None:
    files = provisioning.clients.files
    ended = replace(provisioning, owner=replace(this_process(), started="1"), run="ended")
    files.create_share("uploads", metadata=metadata_of(ended, share_id(provisioning.cloud.facts, "uploads")))
    with share_of(provisioning):
        label = read_metadata(files.get_share_metadata("uploads"))
        assert label is not None
        assert label.run == provisioning.run
    files.delete_share("uploads")


def test_a_share_that_carries_the_metadata_of_another_is_not_ours(provisioning: Provisioning) -> None:
    files = provisioning.clients.files
    copied = metadata_of(provisioning, share_id(provisioning.cloud.facts, "original"))
    files.create_share("uploads", metadata=copied)
    with share_of(provisioning):
        assert files.get_share_metadata("uploads") == copied
    assert files.exists("uploads")
    files.delete_share("uploads")


@pytest.mark.parametrize("path", ["deep/er/gone.py", "nowhere/gone.py", "gone.py"])
def test_a_file_that_is_required_and_missing_is_named(provisioning: Provisioning, path: str) -> None:
    with share_of(provisioning, script=Upload(b"x")) as share:
        share.require("deep/er/script")
        with pytest.raises(JobError, match=f"{path} is not on share uploads; uploaded to deep/er: script"):
            share.require(path)


def test_a_share_whose_creation_took_effect_though_its_answer_was_lost_is_ours(provisioning: Provisioning) -> None:
    provisioning.clients.files.create_share(
        "uploads", metadata=metadata_of(provisioning, share_id(provisioning.cloud.facts, "uploads"))
    )
    with share_of(provisioning, one=Upload(b"bytes")):
        pass
    assert not provisioning.clients.files.exists("uploads")


def test_a_full_disk_is_reported_and_not_taken_for_a_share_that_exists(provisioning: Provisioning) -> None:
    plan = make_plan("full", {"full-disk": 1}, group="g", share="uploads")
    with (
        injected(provisioning.cloud, plan),
        pytest.raises(
            ProvisioningError, match=r"cannot create file share uploads: .*ShareSizeLimitReached.*disk is full"
        ),
        share_of(provisioning),
    ):
        pass

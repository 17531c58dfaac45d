from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.errors import JobError, ProvisioningError
from harness.fault_plans import make_plan
from harness.resources import BlobContainer, Journal, Provisioning, Upload
from harness.resources.owner import Owner, this_process
from harness.resources.reap import decide, find, reap
from harness.resources.tags import container_id, metadata_of
from tests.fakes import injected

ELSEWHERE = Owner("0123456789ab.0123456789ab", 1, "1")


@pytest.fixture
def provisioning(emulator: Endpoint, tmp_path: Path) -> Iterator[Provisioning]:
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("s/container") as clients,
    ):
        yield Provisioning(cloud, clients, Journal(tmp_path / "journal"), lambda _event: None, run=cloud.facts.run)


@pytest.fixture
def blobs(provisioning: Provisioning) -> Iterator[ContainerClient]:
    client = provisioning.clients.storage(BlobServiceClient, "blob").get_container_client("uploads")
    yield client
    if client.exists():
        client.delete_container()


def container_of(provisioning: Provisioning, **uploads: Upload) -> BlobContainer:
    named = {name.replace("__", "/"): upload for name, upload in uploads.items()}
    return BlobContainer(
        provisioning, group="g", name="uploads", directory="deep/er", uploads=lambda: nullcontext(named)
    )


def test_files_lie_below_the_directory(provisioning: Provisioning, blobs: ContainerClient, tmp_path: Path) -> None:
    (tmp_path / "local").write_bytes(b"content")
    with container_of(provisioning, one=Upload(tmp_path / "local"), folder__two=Upload(b"bytes")):
        assert blobs.download_blob("deep/er/one").readall() == b"content"
        assert blobs.download_blob("deep/er/folder/two").readall() == b"bytes"
    assert not blobs.exists()


def test_the_container_remembers_which_data_it_holds(provisioning: Provisioning, blobs: ContainerClient) -> None:
    with container_of(provisioning, script=Upload(b"x"), train=Upload(b"x", "digits")) as container:
        assert container.data == "digits"


def test_a_container_that_was_there_before_stays(provisioning: Provisioning, blobs: ContainerClient) -> None:
    blobs.create_container()
    with container_of(provisioning, one=Upload(b"first")):
        pass
    with container_of(provisioning, one=Upload(b"second")):
        pass
    assert blobs.download_blob("deep/er/one").readall() == b"second"


def test_a_container_that_a_run_of_another_machine_may_use_is_refused_and_kept(
    provisioning: Provisioning, blobs: ContainerClient
) -> None:
    other_run = replace(provisioning, owner=ELSEWHERE, run="theirs")
    before = metadata_of(other_run, container_id(provisioning.cloud.facts, "uploads"))
    blobs.create_container(metadata=before)
    with (
        pytest.raises(ProvisioningError, match="container uploads is in use by run theirs, made on another machine"),
        container_of(provisioning),
    ):
        pass
    assert blobs.get_container_properties().metadata == before


def test_a_container_that_a_run_of_another_machine_has_kept_is_used(
    provisioning: Provisioning, blobs: ContainerClient
) -> None:
    other_run = replace(provisioning, owner=ELSEWHERE, run="theirs")
    blobs.create_container(metadata=metadata_of(other_run, container_id(provisioning.cloud.facts, "uploads")))
    container_of(other_run).release()
    with container_of(provisioning):
        assert blobs.get_container_properties().metadata["batchaiharnessrun"] == provisioning.run


@pytest.mark.parametrize("path", ["deep/er/gone.py", "gone.py"])
def test_a_file_that_is_required_and_missing_is_named(
    provisioning: Provisioning, blobs: ContainerClient, path: str
) -> None:
    with container_of(provisioning, script=Upload(b"x")) as container:
        container.require("deep/er/script")
        with pytest.raises(JobError, match=f"{path} is not on container uploads; uploaded to deep/er: script"):
            container.require(path)


def test_a_full_disk_is_reported(provisioning: Provisioning, blobs: ContainerClient) -> None:
    plan = make_plan("full", {"full-disk": 1}, group="g", share=["another", "uploads"])
    with (
        injected(provisioning.cloud, plan),
        pytest.raises(ProvisioningError, match="cannot create blob container uploads: "),
        container_of(provisioning),
    ):
        pass


def test_faults_are_survived(provisioning: Provisioning, blobs: ContainerClient) -> None:
    faults = {"throttle": {"rate": 0.3, "seconds": 0.1}, "unavailable": 0.2, "drop": 0.2, "cut": 0.2}
    with (
        injected(provisioning.cloud, make_plan("struck", faults, share="uploads", seed=3)),
        container_of(provisioning, one=Upload(b"bytes")),
    ):
        assert blobs.download_blob("deep/er/one").readall() == b"bytes"
    assert not blobs.exists()


def test_a_container_that_an_ended_run_left_is_reaped(provisioning: Provisioning, blobs: ContainerClient) -> None:
    ended = replace(provisioning, owner=replace(this_process(), started="1"), run="ended")
    blobs.create_container(metadata=metadata_of(ended, container_id(provisioning.cloud.facts, "uploads")))
    resources = find(provisioning.cloud, provisioning.clients)
    (container,) = [item for item in resources if (item.kind, item.name) == ("blob container", "uploads")]
    verdict = decide(container, datetime.now(UTC))
    assert verdict.delete
    reap([verdict], provisioning.cloud, provisioning.clients, report=lambda _result: None)
    assert not blobs.exists()

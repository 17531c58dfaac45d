"""File systems that clusters and jobs mount: blob containers, and volumes of a single job."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from tests.emulator.batchai.conftest import Group

Container = tuple[dict[str, Any], ContainerClient]


@pytest.fixture
def container(group: Group) -> Iterator[Container]:
    """A new container as a mount at ``blobs``, and its client."""
    endpoint = group.endpoint
    account = f"https://{endpoint.storage_account}.blob.core.windows.net"
    with BlobServiceClient(
        account, endpoint.storage_key,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as service:  # fmt: skip
        client = service.create_container(group.share)
        mount = {
            "accountName": endpoint.storage_account,
            "containerName": group.share,
            "credentials": {"accountKey": endpoint.storage_key},
            "relativeMountPath": "blobs",
        }
        yield mount, client
        service.delete_container(group.share)


def test_a_job_reads_and_writes_the_blobs_of_a_container_that_its_cluster_mounts(
    group: Group, container: Container
) -> None:
    mount, client = container
    client.upload_blob("in/data.txt", b"hello")
    shares = {"azureFileShares": [group.mount], "azureBlobFileSystems": [mount]}
    group.make_cluster(nodeSetup={"mountVolumes": shares})
    group.run("job", "cd $AZ_BATCHAI_MOUNT_ROOT/blobs; mkdir out; tr a-z A-Z < in/data.txt > out/data.txt")

    assert client.download_blob("out/data.txt").readall() == b"HELLO"


def test_outputs_in_a_container_are_listed_with_links_and_marked_directories(
    group: Group, container: Container
) -> None:
    mount, _ = container
    group.make_cluster()
    job = group.submit(
        "job",
        "mkdir $AZ_BATCHAI_OUTPUT_OUT/folder; echo text > $AZ_BATCHAI_OUTPUT_OUT/file.txt",
        mountVolumes={"azureBlobFileSystems": [mount]},
        outputDirectories=[{"id": "OUT", "pathPrefix": "$AZ_BATCHAI_JOB_MOUNT_ROOT/blobs"}],
    )
    group.wait_for_end(job)
    files = group.send("POST", f"{job}/listOutputFiles", outputdirectoryid="OUT").json()["value"]

    assert [(item["name"], item["fileType"]) for item in files] == [
        ("file.txt", "file"), ("folder", "file"), ("folder", "directory"),
    ]  # fmt: skip
    assert ".blob.core.windows.net/" in files[0]["downloadUrl"]
    assert "&sr=b&" in files[0]["downloadUrl"]
    assert group.session.get(files[0]["downloadUrl"]).text == "text\n"
    marker = group.session.get(files[1]["downloadUrl"])
    assert (marker.status_code, marker.content, marker.headers["x-ms-meta-hdi_isfolder"]) == (200, b"", "true")


@pytest.mark.parametrize("level", ["cluster", "job"])
def test_an_unmanaged_file_system_is_mounted_by_its_command(group: Group, level: str, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("hello")
    mount = {"unmanagedFileSystems": [{"mountCommand": f"mount --bind {tmp_path}", "relativeMountPath": "data"}]}
    shares = {"azureFileShares": [group.mount]}
    group.make_cluster(nodeSetup={"mountVolumes": shares | (mount if level == "cluster" else {})})
    root = "$AZ_BATCHAI_MOUNT_ROOT" if level == "cluster" else "$AZ_BATCHAI_JOB_MOUNT_ROOT"
    mounted = {"mountVolumes": mount} if level == "job" else {}
    properties = group.run("job", f"cp {root}/data/data.txt {root}/data/copy.txt", **mounted)

    if any("lets the job mount nothing" in error["message"] for error in properties["executionInfo"].get("errors", [])):
        pytest.skip("this machine lets no process of its user mount anything")
    assert properties["executionState"] == "succeeded"
    assert (tmp_path / "copy.txt").read_text() == "hello"


def test_a_mount_command_that_fails_fails_the_job_with_what_it_printed(group: Group) -> None:
    group.make_cluster()
    mount = {"mountCommand": "echo no such server >&2; exit 32 #", "relativeMountPath": "data"}
    properties = group.run("job", mountVolumes={"unmanagedFileSystems": [mount]})

    (error,) = properties["executionInfo"]["errors"]
    assert error["code"] == "UnmanagedMountError"
    assert error["message"] == "Unable to mount unmanaged file system: no such server"
    assert properties["executionInfo"]["exitCode"] == 32

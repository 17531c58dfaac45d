"""File systems that clusters and jobs mount: containers of blobs, and what is there for a job alone."""

import pytest
from azure.storage.blob import BlobServiceClient


@pytest.fixture
def container(group):
    """A container that the account has, as a mount at ``blobs``, and its client."""
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


def test_a_job_reads_and_writes_the_blobs_of_a_container_that_its_cluster_mounts(group, container):
    mount, client = container
    client.upload_blob("in/data.txt", b"hello")
    shares = {"azureFileShares": [group.mount], "azureBlobFileSystems": [mount]}
    group.make_cluster(nodeSetup={"mountVolumes": shares})
    group.run("job", "cd $AZ_BATCHAI_MOUNT_ROOT/blobs; mkdir out; tr a-z A-Z < in/data.txt > out/data.txt")

    assert client.download_blob("out/data.txt").readall() == b"HELLO"


def test_outputs_in_a_container_are_listed_with_links_and_marked_directories(group, container):
    mount, _ = container
    group.make_cluster()
    job = group.submit(
        "job",
        "mkdir $AZ_BATCHAI_OUTPUT_OUT/folder; echo text > $AZ_BATCHAI_OUTPUT_OUT/file.txt",
        mountVolumes={"azureBlobFileSystems": [mount]},
        outputDirectories=[{"id": "OUT", "pathPrefix": "$AZ_BATCHAI_JOB_MOUNT_ROOT/blobs"}],
    )
    group.ended(job)
    listed = group.send("POST", f"{job}/listOutputFiles", outputdirectoryid="OUT").json()["value"]

    assert [(item["name"], item["fileType"]) for item in listed] == [
        ("file.txt", "file"), ("folder", "file"), ("folder", "directory"),
    ]  # fmt: skip
    assert ".blob.core.windows.net/" in listed[0]["downloadUrl"]
    assert "&sr=b&" in listed[0]["downloadUrl"]
    assert group.session.get(listed[0]["downloadUrl"]).text == "text\n"
    marker = group.session.get(listed[1]["downloadUrl"])
    assert (marker.status_code, marker.content, marker.headers["x-ms-meta-hdi_isfolder"]) == (200, b"", "true")


def test_an_unmanaged_file_system_fails_its_job_and_says_why(group):
    group.make_cluster()
    mount = {"mountCommand": "mount -t nfs server:/data", "relativeMountPath": "data"}
    ended = group.run("job", mountVolumes={"unmanagedFileSystems": [mount]})

    assert ended["executionInfo"]["errors"][0]["code"] == "UnmanagedMountError"
    assert "mount -t nfs server:/data" in ended["executionInfo"]["errors"][0]["details"][0]["value"]

"""File servers: directories that clusters mount."""

from typing import Any

from tests.emulator.batchai.conftest import Group

Document = dict[str, Any]


def definition() -> Document:
    return {
        "properties": {
            "vmSize": "STANDARD_D1",
            "sshConfiguration": {"userAccountSettings": {"adminUserName": "me", "adminUserPassword": "a password"}},
            "dataDisks": {"diskSizeInGB": 10, "diskCount": 2, "storageAccountType": "Standard_LRS"},
        }
    }


def make_server(group: Group) -> Document:
    path = f"{group.workspace}/fileServers/nfs"
    group.wait_for_operation(group.send("PUT", path, definition()))
    return group.send("GET", path).json()


def mounting(group: Group, server: Document) -> Document:
    return {
        "mountVolumes": {
            "azureFileShares": [group.mount],
            "fileServers": [{"fileServer": {"id": server["id"]}, "relativeMountPath": "nfs", "mountOptions": "rw"}],
        }
    }


def test_a_file_server_is_shown_with_the_place_it_is_mounted_from(group: Group) -> None:
    server = make_server(group)

    assert server["id"].endswith("/fileservers/nfs")
    assert server["properties"]["mountSettings"]["mountPoint"] == "/data"
    assert server["properties"]["dataDisks"]["cachingType"] == "none"
    assert server["properties"]["sshConfiguration"] == {"userAccountSettings": {"adminUserName": "me"}}


def test_what_one_job_writes_to_a_file_server_the_next_one_reads(group: Group) -> None:
    server = make_server(group)
    cluster = group.make_cluster(nodeSetup=mounting(group, server))
    group.run("producer", "echo 4 > $AZ_BATCHAI_MOUNT_ROOT/nfs/f.txt")
    group.run("consumer", "cat $AZ_BATCHAI_MOUNT_ROOT/nfs/f.txt")

    assert group.read(f"{group.experiment}/jobs/consumer") == "4\n"
    assert cluster["properties"]["subnet"] == server["properties"]["subnet"]


def test_a_file_server_is_not_deleted_while_a_cluster_mounts_it(group: Group) -> None:
    server = make_server(group)
    group.make_cluster(nodeSetup=mounting(group, server))
    path = f"{group.workspace}/fileServers/nfs"

    assert group.send("DELETE", path).json()["error"]["code"] == "FileServerInUse"
    group.wait_for_operation(group.send("DELETE", f"{group.workspace}/clusters/cluster"))
    group.wait_for_operation(group.send("DELETE", path))
    assert group.send("GET", path).json()["error"]["code"] == "FileServerNotFound"
    assert group.send("GET", f"{group.workspace}/fileServers").json() == {"value": []}

"""Every list that has pages, read to its end through the official SDK."""

from collections.abc import Callable, Iterator

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.batchai import BatchAI, models

from harness.emulator.endpoint import Endpoint
from tests.emulator.batchai.conftest import Group

NUMBER = 5
"""Items of each list: three pages of two."""

Listing = Callable[[BatchAI, Group], list[str]]


@pytest.fixture
def batchai(endpoint: Endpoint, credential: ClientSecretCredential) -> Iterator[BatchAI]:
    with BatchAI(
        credential, endpoint.subscription_id,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, polling_interval=0.02,
    ) as client:  # fmt: skip
        yield client


def names(items: Iterator[object]) -> list[str]:
    return [item.name for item in items]


LISTS: dict[str, Listing] = {
    "workspaces of a group": lambda sdk, group: names(
        sdk.workspaces.list_by_resource_group(group.name, models.WorkspacesListByResourceGroupOptions(max_results=2))
    ),
    "workspaces of the subscription": lambda sdk, group: [
        workspace.name
        for workspace in sdk.workspaces.list(models.WorkspacesListOptions(max_results=2))
        if f"/{group.name}/" in workspace.id
    ],
    "experiments": lambda sdk, group: names(
        sdk.experiments.list_by_workspace(group.name, "ws", models.ExperimentsListByWorkspaceOptions(max_results=2))
    ),
    "clusters": lambda sdk, group: names(
        sdk.clusters.list_by_workspace(group.name, "ws", models.ClustersListByWorkspaceOptions(max_results=2))
    ),
    "file servers": lambda sdk, group: names(
        sdk.file_servers.list_by_workspace(group.name, "ws", models.FileServersListByWorkspaceOptions(max_results=2))
    ),
    "jobs": lambda sdk, group: names(
        sdk.jobs.list_by_experiment(group.name, "ws", "exp", models.JobsListByExperimentOptions(max_results=2))
    ),
}


@pytest.fixture
def full(group: Group) -> Group:
    """A group with five of everything."""
    for number in range(1, NUMBER):
        group.send("PUT", f"{group.provider}/workspaces/ws{number}", {"location": "eastus"})
        group.send("PUT", f"{group.workspace}/experiments/exp{number}")
    for number in range(NUMBER):
        group.send("PUT", f"{group.workspace}/clusters/cluster{number}", group.cluster(nodes=0))
        server = {"properties": {
            "vmSize": "STANDARD_D1",
            "sshConfiguration": {"userAccountSettings": {"adminUserName": "me", "adminUserPassword": "a password"}},
            "dataDisks": {"diskSizeInGB": 10, "diskCount": 1, "storageAccountType": "Standard_LRS"},
        }}  # fmt: skip
        assert group.send("PUT", f"{group.workspace}/fileServers/server{number}", server).status_code < 300
        group.submit(f"job{number}", cluster={"id": f"{group.workspace}/clusters/cluster0"})
    return group


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_of_several_pages_is_read_to_its_end(kind: str, batchai: BatchAI, full: Group) -> None:
    items = LISTS[kind](batchai, full)

    assert len(items) == len(set(items)) == NUMBER


def output_files(sdk: BatchAI, group: Group, job: str, directory: str = ".") -> Iterator[models.File]:
    options = models.JobsListOutputFilesOptions(outputdirectoryid="O", directory=directory, max_results=2)
    return iter(sdk.jobs.list_output_files(group.name, "ws", "exp", job, options))


def run_with_files(group: Group, command: str) -> None:
    group.make_cluster()
    output = {"id": "O", "pathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share", "pathSuffix": "o"}
    group.run("job", f"cd $AZ_BATCHAI_OUTPUT_O; {command}", outputDirectories=[output])


def test_the_files_of_a_job_are_listed_over_several_pages(batchai: BatchAI, group: Group) -> None:
    run_with_files(group, "mkdir 'in here'; touch a b c d 'in here/e&f' 'in here/g' 'in here/h'")

    assert names(output_files(batchai, group, "job")) == ["a", "b", "c", "d", "in here"]
    assert names(output_files(batchai, group, "job", "in here")) == ["e&f", "g", "h"]


def test_a_job_has_more_files_than_a_page_can_hold(batchai: BatchAI, group: Group) -> None:
    run_with_files(group, "seq -w 1001 | xargs touch")
    options = models.JobsListOutputFilesOptions(outputdirectoryid="O")
    files = names(batchai.jobs.list_output_files(group.name, "ws", "exp", "job", options))

    assert files == [f"{number:04}" for number in range(1, 1002)]


def test_files_that_appear_or_disappear_between_two_pages_hide_no_other(batchai: BatchAI, group: Group) -> None:
    run_with_files(group, "touch b c d e f")
    pages = output_files(batchai, group, "job")
    first = [next(pages).name, next(pages).name]
    folder = group.send("GET", f"{group.experiment}/jobs/job").json()["properties"]["jobOutputDirectoryPathSegment"]
    group.files.create_file(group.share, f"{folder}/outputs/o", "a", 0)
    group.files.delete_file(group.share, f"{folder}/outputs/o", "c")

    assert first == ["b", "c"]
    assert names(pages) == ["d", "e", "f"]


def test_an_early_client_follows_pages_by_post(group: Group) -> None:
    run_with_files(group, "touch a b c")
    path = f"{group.experiment}/jobs/job/listOutputFiles"
    page = group.send("POST", path, outputdirectoryid="O", maxresults="2").json()

    assert [file["name"] for file in group.send("POST", page["nextLink"]).json()["value"]] == ["c"]

"""Clusters, jobs, file trees and requests from hypothesis strategies, sent to the emulator."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
import requests
from azure.storage.fileshare import ShareClient
from hypothesis import given, settings

from harness import strategies
from harness.emulator.endpoint import Endpoint

ARM = "https://management.azure.com"
SHARES = ("drawnone", "drawntwo")
IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
FEW = settings(max_examples=200 if IS_FULL else 12, derandomize=not IS_FULL)

Open = Callable[[Endpoint], requests.Session]


@pytest.fixture(scope="module")
def signed_in(endpoint: Endpoint, sign_in: Open) -> Iterator[requests.Session]:
    with sign_in(endpoint) as session:
        group = f"{ARM}/subscriptions/{endpoint.subscription_id}/resourceGroups/drawn"
        session.put(group, json={"location": "eastus"}, params={"api-version": "2021-04-01"}).raise_for_status()
        session.put(f"{workspace(endpoint)}", json={"location": "eastus"}).raise_for_status()
        session.put(f"{workspace(endpoint)}/experiments/e").raise_for_status()
        yield session


@pytest.fixture(scope="module")
def shares(endpoint: Endpoint) -> Iterator[list[ShareClient]]:
    """The shares that clusters and jobs mount."""
    clients = [
        ShareClient(
            f"https://{endpoint.storage_account}.file.core.windows.net", name, credential=endpoint.storage_key,
            proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
        )
        for name in SHARES
    ]  # fmt: skip
    for share in clients:
        share.create_share()
    yield clients
    for share in clients:
        share.delete_share()
        share.close()


def workspace(endpoint: Endpoint) -> str:
    group = f"{ARM}/subscriptions/{endpoint.subscription_id}/resourceGroups/drawn"
    return f"{group}/providers/Microsoft.BatchAI/workspaces/w"


def with_account(document: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """A drawn document with the emulator's storage account."""
    mounts = document["properties"].get("nodeSetup", document["properties"])["mountVolumes"]["azureFileShares"]
    for mount in mounts:
        mount["accountName"], mount["credentials"] = endpoint.storage_account, {"accountKey": endpoint.storage_key}
        mount["azureFileUrl"] = mount["azureFileUrl"].replace("mystorageaccount", endpoint.storage_account)
    return document


@FEW
@given(strategies.batchai_clusters(shares=SHARES, most=1), strategies.batchai_jobs(shares=SHARES, most=1))
def test_drawn_clusters_and_jobs_are_taken(
    endpoint: Endpoint,
    signed_in: requests.Session,
    shares: list[ShareClient],
    cluster: dict[str, Any],
    job: dict[str, Any],
) -> None:
    base = workspace(endpoint)
    name = f"c{uuid4().hex[:12]}"  # a cluster that is being deleted cannot be created again
    created = signed_in.put(f"{base}/clusters/{name}", json=with_account(cluster, endpoint))
    assert created.status_code in (200, 202), created.text
    job["properties"]["cluster"] = {"id": f"{base.removeprefix(ARM)}/clusters/{name}"}
    submitted = signed_in.put(f"{base}/experiments/e/jobs/{name}", json=with_account(job, endpoint))
    assert submitted.status_code in (200, 202), submitted.text
    for address in (f"{base}/experiments/e/jobs/{name}", f"{base}/clusters/{name}"):
        assert signed_in.delete(address).status_code in (200, 202)


@settings(derandomize=not IS_FULL)
@given(strategies.wire_requests(group="drawn"))
def test_drawn_requests_are_answered_in_the_services_own_words(
    signed_in: requests.Session, request_: strategies.WireRequest
) -> None:
    response = signed_in.request(
        request_.method,
        f"{ARM}{request_.path}",
        params={"api-version": "", **request_.query},
        headers=request_.headers,
        data=request_.body,
        allow_redirects=False,
    )
    assert response.status_code < 500
    if response.status_code >= 400 and request_.method != "HEAD":
        assert response.json()["error"]["code"]


@FEW
@given(strategies.share_trees())
def test_a_drawn_tree_comes_back_as_it_was(shares: list[ShareClient], tree: dict[str, bytes]) -> None:
    share = shares[0]
    for path, content in tree.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            with suppress(Exception):  # it exists
                share.create_directory("/".join(parts[:depth]))
        share.get_file_client(path).upload_file(content)
    assert {path: share.get_file_client(path).download_file().readall() for path in tree} == tree
    for path in tree:
        share.get_file_client(path).delete_file()

"""Index tags, driven by azure-storage-blob 12.x."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.storage.blob import (
    BlobClient,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)

from harness.emulator.endpoint import Endpoint

TAGS = {"project": "mnist", "Step 1": "a/b:c=d_e-f.g +"}
SOON = datetime.now(UTC) + timedelta(hours=1)


def test_tags_are_written_with_a_blob_and_read(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x", tags=TAGS)
    assert blob.get_blob_tags() == TAGS
    assert blob.get_blob_properties().tag_count == 2

    container.get_blob_client("g").commit_block_list([], tags={"by": "blocks"})
    assert container.get_blob_client("g").get_blob_tags() == {"by": "blocks"}
    blob.upload_blob(b"y", overwrite=True)
    assert (blob.get_blob_tags(), blob.get_blob_properties().tag_count) == ({}, None)


def test_tags_are_set_without_a_change_of_the_blob(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x", tags={"old": "1"})
    before = blob.get_blob_properties()
    blob.set_blob_tags(TAGS)
    assert (blob.get_blob_tags(), blob.get_blob_properties().etag) == (TAGS, before.etag)

    blob.set_blob_metadata({"k": "v"})
    assert blob.get_blob_tags() == TAGS
    blob.set_blob_tags({})
    assert blob.get_blob_tags() == {}


def test_tags_outlive_what_a_job_writes_to_the_file(container: ContainerClient, on_disk: Path) -> None:
    blob = container.upload_blob("f", b"x", tags=TAGS)
    (on_disk / "f").write_bytes(b"longer")

    assert blob.get_blob_tags() == TAGS


def test_a_snapshot_keeps_the_tags_of_its_time(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x", tags=TAGS)
    snapshot = container.get_blob_client("f", snapshot=blob.create_snapshot()["snapshot"])
    blob.set_blob_tags({})

    assert snapshot.get_blob_tags() == TAGS
    with pytest.raises(HttpResponseError, match="InvalidQueryParameterValue"):
        blob.set_blob_tags({}, params={"snapshot": str(snapshot.snapshot)})


def test_listings_count_and_show_tags(container: ContainerClient) -> None:
    container.upload_blob("a", b"x", tags=TAGS)
    container.upload_blob("b", b"x")

    assert [(blob.name, blob.tag_count, blob.tags) for blob in container.list_blobs()] == [
        ("a", 2, None),
        ("b", None, None),
    ]
    assert [blob.tags for blob in container.list_blobs(include=["tags"])] == [TAGS, None]


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ({"": "x"}, "EmptyTagName"),
        ({"k": "ü"}, "InvalidTag"),
        ({"a,b": "x"}, "InvalidTag"),
        ({"k" * 129: "x"}, "TagsTooLarge"),
        ({"k": "x" * 257}, "TagsTooLarge"),
        ({str(number): "x" for number in range(11)}, "TagsTooLarge"),
    ],
)
def test_tags_that_cannot_be_are_refused(container: ContainerClient, tags: dict[str, str], code: str) -> None:
    blob = container.upload_blob("f", b"x", tags=TAGS)
    with pytest.raises(HttpResponseError, match=code):
        blob.set_blob_tags(tags)
    with pytest.raises(HttpResponseError, match=code):
        blob.upload_blob(b"y", overwrite=True, tags=tags)

    assert (blob.get_blob_tags(), blob.download_blob().readall()) == (TAGS, b"x")


def test_a_body_that_is_no_tags_is_refused(container: ContainerClient, endpoint: Endpoint) -> None:
    blob = container.upload_blob("f", b"x", tags=TAGS)
    token = generate_blob_sas(
        endpoint.storage_account, container.container_name, "f",
        account_key=endpoint.storage_key, permission=BlobSasPermissions(tag=True), expiry=SOON,
    )  # fmt: skip
    twice = "<Tag><Key>a</Key><Value>1</Value></Tag>" * 2
    with requests.Session() as web:
        web.trust_env = False
        web.proxies, web.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        for body, code in (
            ("<Tags><TagSet>", "InvalidXmlDocument"),
            ("<Other/>", "InvalidXmlDocument"),
            (f"<Tags><TagSet>{twice}</TagSet></Tags>", "DuplicateTagNames"),
        ):
            assert web.put(f"{blob.url}?comp=tags&{token}", body).headers["x-ms-error-code"] == code

    assert blob.get_blob_tags() == TAGS


def test_what_is_not_there_has_no_tags(container: ContainerClient) -> None:
    blob = container.get_blob_client("f")
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        blob.get_blob_tags()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        blob.set_blob_tags({})


@pytest.mark.parametrize(
    "act",
    [
        lambda blob, holds: blob.upload_blob(b"y", overwrite=True, if_tags_match_condition=holds),
        lambda blob, holds: blob.download_blob(if_tags_match_condition=holds),
        lambda blob, holds: blob.get_blob_properties(if_tags_match_condition=holds),
        lambda blob, holds: blob.set_blob_metadata({"a": "1"}, if_tags_match_condition=holds),
        lambda blob, holds: blob.create_snapshot(if_tags_match_condition=holds),
        lambda blob, holds: blob.acquire_lease(15, if_tags_match_condition=holds),
        lambda blob, holds: blob.get_blob_tags(if_tags_match_condition=holds),
        lambda blob, holds: blob.set_blob_tags({}, if_tags_match_condition=holds),
        lambda blob, holds: blob.delete_blob(if_tags_match_condition=holds),
    ],
)
def test_operations_wait_for_tags(container: ContainerClient, act: Callable[[BlobClient, str], object]) -> None:
    blob = container.upload_blob("f", b"x", tags={"state": "new"})
    with pytest.raises(ResourceModifiedError, match="ConditionNotMet"):
        act(blob, "\"state\" = 'done'")

    act(blob, "\"state\" <> 'done' AND (\"state\" = 'new' OR \"other\" = 'x')")


def test_tags_wait_for_their_blob(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x", tags=TAGS)
    etag = blob.get_blob_properties().etag
    for conditions in (
        {"etag": etag, "match_condition": MatchConditions.IfModified},
        {"if_unmodified_since": datetime(2015, 1, 1, tzinfo=UTC)},
    ):
        with pytest.raises(ResourceModifiedError, match="ConditionNotMet"):
            blob.get_blob_tags(**conditions)
        with pytest.raises(ResourceModifiedError, match="ConditionNotMet"):
            blob.set_blob_tags({}, **conditions)

    assert blob.get_blob_tags(etag=etag, match_condition=MatchConditions.IfNotModified) == TAGS


def test_a_condition_that_cannot_be_read_is_refused(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    with pytest.raises(HttpResponseError, match="InvalidHeaderValue"):
        blob.set_blob_metadata({}, if_tags_match_condition="state is new")
    with pytest.raises(ResourceModifiedError, match="ConditionNotMet"):
        container.get_blob_client("g").upload_blob(b"y", overwrite=True, if_tags_match_condition="\"a\" <> '1'")


def test_a_leased_blob_is_tagged_by_its_holder(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    lease = blob.acquire_lease(15)
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        blob.set_blob_tags(TAGS)

    blob.set_blob_tags(TAGS, lease=lease)
    assert blob.get_blob_tags(lease=lease) == TAGS
    lease.release()


def test_blobs_are_found_by_their_tags(blobs: BlobServiceClient, container: ContainerClient, on_disk: Path) -> None:
    name = container.container_name
    for number in range(5):
        container.upload_blob(f"d/{number}", b"x", tags={"run": name, "n": str(number)})
    container.upload_blob("other", b"x", tags={"run": "no"})
    (on_disk / "d" / "4").unlink()
    where = f"\"run\" = '{name}'"
    blobs_found = list(blobs.find_blobs_by_tags(where))

    assert [(blob.name, blob.container_name) for blob in blobs_found] == [(f"d/{number}", name) for number in range(4)]
    assert blobs_found[1].tags == {"run": name}  # only the tags that the search names
    assert [blob.name for blob in container.find_blobs_by_tags(f"{where} AND \"n\" >= '2'")] == ["d/2", "d/3"]
    assert list(blobs.find_blobs_by_tags(f"@container = 'another' AND {where}")) == []
    assert len(list(blobs.find_blobs_by_tags(f"@container = '{name}' AND {where}"))) == 4
    pages = [[blob.name for blob in page] for page in blobs.find_blobs_by_tags(where, results_per_page=3).by_page()]
    assert pages == [["d/0", "d/1", "d/2"], ["d/3"]]


def test_a_search_that_cannot_be_read_is_refused(blobs: BlobServiceClient, container: ContainerClient) -> None:
    with pytest.raises(HttpResponseError, match=r"InvalidQueryParameterValue[\s\S]*position 5"):
        list(blobs.find_blobs_by_tags("a = b"))
    with pytest.raises(HttpResponseError, match="InvalidQueryParameterValue"):
        list(container.find_blobs_by_tags("a <> 'b'"))


def test_a_sas_needs_the_letters_of_tags(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    blob = container.upload_blob("f", b"x", tags={"a": "1"})

    def ask(method: str, address: str, permissions: str, **headers: str) -> int:
        token = generate_container_sas(
            endpoint.storage_account, container.container_name, account_key=endpoint.storage_key,
            permission=ContainerSasPermissions.from_string(permissions), expiry=SOON,
        )  # fmt: skip
        url = f"{container.url}{address}{'&' if '?' in address else '?'}{token}"
        return session.request(method, url, data=b"", headers=headers).status_code

    put = {"x-ms-blob-type": "BlockBlob", "x-ms-tags": "b=2"}
    assert [ask("GET", "/f?comp=tags", letters) for letters in ("rwdl", "t")] == [403, 200]
    search, listing = "?restype=container&comp=blobs&where=a='1'", "?restype=container&comp=list&include=tags"
    assert [ask("GET", search, letters) for letters in ("rwdlt", "f")] == [403, 200]
    assert [ask("GET", listing, letters) for letters in ("l", "lt")] == [403, 200]
    assert [ask("PUT", "/f", letters, **put) for letters in ("w", "wt")] == [403, 201]
    assert blob.get_blob_tags() == {"b": "2"}


def test_only_the_role_of_an_owner_covers_tags(
    container: ContainerClient, credential: ClientSecretCredential, endpoint: Endpoint
) -> None:
    container.upload_blob("f", b"x", tags=TAGS)
    with ContainerClient(
        container.url.rpartition("/")[0], container.container_name, credential,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, retry_total=0,
    ) as contributor:  # fmt: skip
        assert contributor.download_blob("f").readall() == b"x"
        for act in (
            contributor.get_blob_client("f").get_blob_tags,
            lambda: list(contributor.find_blobs_by_tags("a='1'")),
            lambda: list(contributor.list_blobs(include=["tags"])),
            lambda: contributor.upload_blob("g", b"x", tags=TAGS),
        ):
            with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
                act()

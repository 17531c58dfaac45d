"""Blob Batch, driven by azure-storage-blob 12.x; and the parser of its body."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.storage.blob import (
    AccountSasPermissions,
    ContainerClient,
    ContainerSasPermissions,
    PartialBatchErrorException,
    ResourceTypes,
    Services,
    StandardBlobTier,
    generate_account_sas,
    generate_container_sas,
)
from hypothesis import given
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint
from harness.emulator.providers.blobs.batch_body import Part, PartResponse, boundary_of, parts, response_body
from harness.emulator.storage_service.errors import StorageError

SOON = datetime.now(UTC) + timedelta(hours=1)
NAMES = st.text("acXYZ09-_", min_size=1, max_size=10)  # no "b": a line that begins with the boundary ends a part


def upload_blobs(container: ContainerClient, count: int) -> list[str]:
    names = [f"d {number}/f" for number in range(count)]
    for name in names:
        container.upload_blob(name, b"x")
    return names


def names_in(container: ContainerClient) -> list[str]:
    return [blob.name for blob in container.list_blobs()]


def test_many_blobs_are_deleted_at_once(container: ContainerClient) -> None:
    names = upload_blobs(container, 5)
    answers = list(container.delete_blobs(*names[:3]))

    assert [answer.status_code for answer in answers] == [202] * 3
    assert names_in(container) == names[3:]


def test_each_request_of_a_batch_succeeds_or_fails_by_itself(container: ContainerClient) -> None:
    first, second, third = upload_blobs(container, 3)
    container.get_blob_client(second).create_snapshot()
    with pytest.raises(PartialBatchErrorException) as failed:
        container.delete_blobs(first, "missing", second)
    answers = [(part.status_code, part.headers.get("x-ms-error-code")) for part in failed.value.parts]

    assert answers == [(202, None), (404, "BlobNotFound"), (409, "SnapshotsPresent")]
    assert names_in(container) == [second, third]
    assert [part.status_code for part in container.delete_blobs(second, delete_snapshots="include")] == [202]


def test_many_blobs_change_their_tier_at_once(container: ContainerClient) -> None:
    names = upload_blobs(container, 3)
    answers = list(container.set_standard_blob_tier_blobs(StandardBlobTier.COOL, *names))

    assert [answer.status_code for answer in answers] == [200] * 3
    assert [blob.blob_tier for blob in container.list_blobs()] == ["Cool"] * 3


def test_a_sas_deletes_in_a_batch_what_it_may_delete(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    names = upload_blobs(container, 2)
    for permission, status in ((ContainerSasPermissions(write=True), 403), (ContainerSasPermissions(delete=True), 202)):
        token = generate_container_sas(
            endpoint.storage_account, container.container_name,
            account_key=endpoint.storage_key, permission=permission, expiry=SOON,
        )  # fmt: skip
        with ContainerClient.from_container_url(
            f"{container.url}?{token}", proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path
        ) as client:
            answers = list(client.delete_blobs(*names, raise_on_any_failure=False))
            assert [answer.status_code for answer in answers] == [status] * 2
    assert names_in(container) == []


def body_of(*requests_of_it: str) -> bytes:
    template = "--b\r\nContent-Type: application/http\r\nContent-ID: {}\r\n\r\n{}\r\n\r\n"
    return "".join(template.format(*item) for item in enumerate(requests_of_it)).encode() + b"--b--\r\n"


def test_a_request_of_a_batch_has_to_show_credentials(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    (name,) = upload_blobs(container, 1)
    token = generate_container_sas(
        endpoint.storage_account, container.container_name,
        account_key=endpoint.storage_key, permission=ContainerSasPermissions(delete=True), expiry=SOON,
    )  # fmt: skip
    url, path = f"{container.url}?restype=container&comp=batch&{token}", f"/{container.container_name}/d%200/f"

    def ask(body: bytes) -> requests.Response:
        headers = {"Content-Type": "multipart/mixed; boundary=b", "x-ms-version": "2021-12-02"}
        return session.post(url, body, headers=headers)

    answer = ask(body_of(f"DELETE {path} HTTP/1.1"))
    assert (answer.status_code, "NoAuthenticationInformation" in answer.text) == (202, True)
    assert "HTTP/1.1 401 " in answer.text
    assert names_in(container) == [name]
    for body, code in (
        (body_of(f"GET {path}?{token} HTTP/1.1"), "InvalidInput"),
        (body_of(f"DELETE {path}?{token} HTTP/1.1", f"PUT {path}?comp=tier&{token} HTTP/1.1"), "InvalidInput"),
        (body_of(f"DELETE /other/f?{token} HTTP/1.1"), "InvalidInput"),
        (body_of(f"DELETE /{container.container_name}?restype=container&{token} HTTP/1.1"), "InvalidInput"),
        (body_of(*["DELETE /a/b HTTP/1.1"] * 257), "InvalidInput"),
        (b"x" * ((4 << 20) + 1), "RequestBodyTooLarge"),
        (b"", "InvalidInput"),
    ):
        assert ask(body).headers["x-ms-error-code"] == code
    assert ask(body_of(f"DELETE {path}?{token} HTTP/1.1")).text.count("HTTP/1.1 202 Accepted") == 1
    assert names_in(container) == []


def test_an_account_batch_reaches_its_containers(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    upload_blobs(container, 2)
    token = generate_account_sas(
        endpoint.storage_account, endpoint.storage_key, ResourceTypes(object=True),
        AccountSasPermissions(delete=True), SOON, services=Services(blob=True),
    )  # fmt: skip
    path = f"/{container.container_name}/d%20{{}}/f?{token}"
    body = body_of(*(f"DELETE {path.format(number)} HTTP/1.1" for number in range(2)))
    url = f"https://{endpoint.storage_account}.blob.core.windows.net/?comp=batch&{token}"
    answer = session.post(url, body, headers={"Content-Type": "multipart/mixed; boundary=b"})

    assert (answer.status_code, answer.text.count("HTTP/1.1 202 Accepted")) == (202, 2)
    assert names_in(container) == []


@given(st.lists(st.tuples(NAMES, st.dictionaries(NAMES, NAMES, max_size=3)), min_size=1, max_size=5))
def test_a_body_gives_back_its_requests(expected: list[tuple[str, dict[str, str]]]) -> None:
    text = [
        "\r\n".join([f"DELETE /{name} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())])
        for name, headers in expected
    ]
    batch_parts = parts(body_of(*text), "b")

    for number, (part, (name, headers)) in enumerate(zip(batch_parts, expected, strict=True)):
        lowered = {key.lower(): value for key, value in headers.items()}
        assert part == Part(str(number), "DELETE", f"/{name}".encode(), lowered)


@given(st.binary(max_size=200) | st.text("-b\r\n:/ HTP1.DELcontyp", max_size=100).map(str.encode))
def test_whatever_else_is_sent_is_refused(body: bytes) -> None:
    with pytest.raises(StorageError):
        parts(body, "boundary-that-is-not-in-it")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/mixed; boundary=b", "b"),
        ('Multipart/Mixed;charset=x; boundary="a b"', None),
        ('multipart/mixed; boundary="ab"', "ab"),
        ("application/http", None),
        ("", None),
    ],
)
def test_the_content_type_says_what_is_between(content_type: str, boundary: str | None) -> None:
    if boundary is None:
        with pytest.raises(StorageError, match="content-type"):
            boundary_of(content_type)
    else:
        assert boundary_of(content_type) == boundary


def test_responses_are_distinguished_by_their_ids() -> None:
    body = response_body(
        [PartResponse("7", 404, "gone", [("a", "b")], b"body"), PartResponse("", 202, "ok", [], b"")], "x"
    )

    assert body == (
        b"--x\r\nContent-Type: application/http\r\nContent-ID: 7\r\n\r\nHTTP/1.1 404 gone\r\na: b\r\n"
        b"Content-Length: 4\r\n\r\nbody\r\n"
        b"--x\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 202 ok\r\n\r\n\r\n--x--\r\n"
    )


def test_at_a_plain_port_the_account_is_in_each_path(container: ContainerClient, endpoint: Endpoint) -> None:
    names = upload_blobs(container, 2)
    url = f"{endpoint.blob_url}/{endpoint.storage_account}"
    with ContainerClient(url, container.container_name, endpoint.storage_key, retry_total=0) as client:
        assert [answer.status_code for answer in client.delete_blobs(*names)] == [202] * 2

    assert names_in(container) == []

"""Authorization by SharedKey, SharedKeyLite, account and service SAS, and the code of each error."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.fileshare import (
    AccessPolicy,
    AccountSasPermissions,
    FileSasPermissions,
    ResourceTypes,
    ShareClient,
    ShareSasPermissions,
    ShareServiceClient,
    generate_account_sas,
    generate_file_sas,
    generate_share_sas,
)

from harness.emulator.endpoint import Endpoint

NOW = datetime.now(UTC)
SOON, BEFORE = NOW + timedelta(hours=1), NOW - timedelta(hours=1)
SHARE = "access"


@pytest.fixture(scope="module", autouse=True)
def share(storage: Endpoint) -> Iterator[ShareClient]:
    with ShareServiceClient.from_connection_string(storage.connection_string) as service:
        share_client = service.create_share(SHARE)
        share_client.create_directory("d")
        share_client.get_file_client("d/f").upload_file(b"hello")
        yield share_client
        share_client.delete_share()


@pytest.fixture
def web() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.headers.get("x-ms-error-code", "")


def account_sas(storage: Endpoint, **fields: Any) -> str:
    defaults: dict[str, Any] = {
        "resource_types": ResourceTypes(service=True, container=True, object=True),
        "permission": AccountSasPermissions(read=True, list=True),
        "expiry": SOON,
    }
    return str(generate_account_sas(storage.storage_account, storage.storage_key, **(defaults | fields)))


def file_sas(storage: Endpoint, **fields: Any) -> str:
    defaults: dict[str, Any] = {"permission": FileSasPermissions(read=True), "expiry": SOON}
    key = storage.storage_key
    return str(generate_file_sas(storage.storage_account, SHARE, ["d", "f"], key, **(defaults | fields)))


def share_sas(storage: Endpoint, **fields: Any) -> str:
    defaults: dict[str, Any] = {"permission": ShareSasPermissions(read=True, list=True), "expiry": SOON}
    return str(generate_share_sas(storage.storage_account, SHARE, storage.storage_key, **(defaults | fields)))


def get(web: requests.Session, storage: Endpoint, path: str, token: str, query: str = "") -> requests.Response:
    return web.get(f"{storage.file_url}/{storage.storage_account}/{path}?{query}{'&' if query else ''}{token}")


def test_an_anonymous_request_is_refused(share: ShareClient, storage: Endpoint, web: requests.Session) -> None:
    response = web.get(f"{storage.file_url}/{storage.storage_account}/{SHARE}/d/f")

    assert code(response) == (401, "NoAuthenticationInformation")
    assert "www-authenticate" in response.headers


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", (401, "NoAuthenticationInformation")),
        ("SharedKey", (400, "InvalidAuthenticationInfo")),
        ("SharedKey devstoreaccount1", (400, "InvalidAuthenticationInfo")),
        ("Basic devstoreaccount1:x", (400, "InvalidAuthenticationInfo")),
        ("Bearer abc", (403, "AuthenticationFailed")),
        ("SharedKey other:c2ln", (403, "AuthenticationFailed")),
        ("SharedKey devstoreaccount1:c2ln", (403, "AuthenticationFailed")),
        ("SharedKey devstoreaccount1:!!!", (403, "AuthenticationFailed")),
    ],
)
def test_each_wrong_header_has_its_code(
    storage: Endpoint, web: requests.Session, header: str, expected: tuple[int, str]
) -> None:
    date = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"
    headers = {"Authorization": header, "x-ms-date": date, "x-ms-version": "2020-10-02"}

    assert code(web.get(f"{storage.file_url}/devstoreaccount1/?comp=list", headers=headers)) == expected


def signed(storage: Endpoint, *, lite: bool, date: datetime) -> dict[str, str]:
    """The headers of a List Shares request, signed by hand from Microsoft's description."""
    stamp, version = f"{date:%a, %d %b %Y %H:%M:%S} GMT", "2020-10-02"
    headers = f"x-ms-date:{stamp}\nx-ms-version:{version}\n"
    path = f"/{storage.storage_account}/{storage.storage_account}/"
    text = f"GET\n\n\n\n{headers}{path}?comp=list" if lite else f"GET{chr(10) * 12}{headers}{path}\ncomp:list"
    digest = hmac.new(base64.b64decode(storage.storage_key), text.encode(), hashlib.sha256).digest()
    scheme = "SharedKeyLite" if lite else "SharedKey"
    signature = base64.b64encode(digest).decode()
    authorization = f"{scheme} {storage.storage_account}:{signature}"
    return {"x-ms-date": stamp, "x-ms-version": version, "Authorization": authorization}


@pytest.mark.parametrize("lite", [False, True])
def test_a_request_signed_by_hand_is_accepted(storage: Endpoint, web: requests.Session, lite: bool) -> None:
    url = f"{storage.file_url}/{storage.storage_account}/?comp=list"

    assert web.get(url, headers=signed(storage, lite=lite, date=datetime.now(UTC))).status_code == 200
    old = web.get(url, headers=signed(storage, lite=lite, date=BEFORE))
    assert code(old) == (403, "AuthenticationFailed")
    assert "Request date header too old" in old.text


def test_metadata_is_signed_in_any_order_of_names(share: ShareClient) -> None:
    share.set_share_metadata({"ab": "1", "a_b": "2", "a1": "3", "A2": "4"})

    assert len(share.get_share_properties().metadata) == 4


def test_names_that_are_no_metadata_are_signed_in_the_order_of_the_service(share: ShareClient) -> None:
    """The SDK sorts them as the service does, where a hyphen counts only if all else is equal."""
    for names in ("test test- test-_ test_- test-a testa test_a_ test_a- test_a-_ test__", "+ 1 a ~ ! # ' | ^ _ .1"):
        with pytest.raises(HttpResponseError) as refused:
            share.set_share_metadata(dict.fromkeys(names.split(), "value"))
        assert refused.value.error_code == "InvalidMetadata"


def test_a_value_with_two_blanks_is_signed_as_it_is_or_folded(
    share: ShareClient, storage: Endpoint, web: requests.Session
) -> None:
    """The SDKs sign it as it is; Microsoft's description folds it."""
    share.set_share_metadata({"name": "Utah  Contracts"})
    assert share.get_share_properties().metadata == {"name": "Utah  Contracts"}

    stamp = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"
    path = f"/{storage.storage_account}/{SHARE}"
    lines = f"x-ms-date:{stamp}\nx-ms-meta-name:Utah Contracts\nx-ms-version:2020-10-02\n"
    text = f"PUT{chr(10) * 12}{lines}/{storage.storage_account}{path}\ncomp:metadata\nrestype:share"
    digest = hmac.new(base64.b64decode(storage.storage_key), text.encode(), hashlib.sha256).digest()
    headers = {
        "x-ms-date": stamp,
        "x-ms-version": "2020-10-02",
        "x-ms-meta-name": "Utah  Contracts",
        "content-length": "0",
        "Authorization": f"SharedKey {storage.storage_account}:{base64.b64encode(digest).decode()}",
    }
    assert web.put(f"{storage.file_url}{path}?restype=share&comp=metadata", headers=headers).status_code == 200


@pytest.mark.parametrize("service", ["file", "blob"])
def test_an_account_may_be_in_the_name_of_a_host_on_loopback(
    storage: Endpoint, web: requests.Session, service: str
) -> None:
    url = storage.file_url if service == "file" else storage.blob_url
    address, headers = f"{url}/?comp=list", {"Host": f"{storage.storage_account}.{service}.localhost"}
    token = account_sas(storage, services=service[0])

    assert web.get(f"{address}&{token}", headers=headers).status_code == 200
    assert code(web.get(f"{address}&{token}", headers={"Host": f"other.{service}.localhost"})) == (
        403,
        "AuthenticationFailed",
    )


def test_an_account_sas_opens_what_it_names(share: ShareClient, storage: Endpoint, web: requests.Session) -> None:
    assert get(web, storage, "", account_sas(storage), "comp=list").status_code == 200
    assert get(web, storage, f"{SHARE}/d/f", account_sas(storage)).text == "hello"


def test_a_service_sas_opens_what_it_names(share: ShareClient, storage: Endpoint, web: requests.Session) -> None:
    assert get(web, storage, f"{SHARE}/d/f", file_sas(storage)).text == "hello"
    assert get(web, storage, f"{SHARE}/d/f", share_sas(storage)).text == "hello"
    assert get(web, storage, f"{SHARE}/d", share_sas(storage), "restype=directory&comp=list").status_code == 200


@pytest.mark.parametrize(
    ("fields", "address", "expected"),
    [
        ({"expiry": BEFORE}, "?comp=list", "AuthenticationFailed"),
        ({"start": SOON}, "?comp=list", "AuthenticationFailed"),
        ({"ip": "10.0.0.1"}, "?comp=list", "AuthorizationSourceIPMismatch"),
        ({"ip": "10.0.0.1-10.0.0.9"}, "?comp=list", "AuthorizationSourceIPMismatch"),
        ({"protocol": "https"}, "?comp=list", "AuthorizationProtocolMismatch"),
        ({"permission": AccountSasPermissions(read=True)}, "?comp=list", "AuthorizationPermissionMismatch"),
        ({"resource_types": ResourceTypes(object=True)}, "?comp=list", "AuthorizationResourceTypeMismatch"),
        ({"resource_types": ResourceTypes(service=True)}, f"{SHARE}/d/f?", "AuthorizationResourceTypeMismatch"),
        ({"services": "b"}, "?comp=list", "AuthorizationServiceMismatch"),
        ({}, f"{SHARE}?restype=share&comp=acl", "AuthorizationPermissionMismatch"),
    ],
)
def test_an_account_sas_that_does_not_do_has_its_code(
    storage: Endpoint, web: requests.Session, fields: dict[str, Any], address: str, expected: str
) -> None:
    path, _, query = address.partition("?")
    assert code(get(web, storage, path, account_sas(storage, **fields), query)) == (403, expected)


def test_an_address_and_a_protocol_that_fit_are_accepted(
    share: ShareClient, storage: Endpoint, web: requests.Session
) -> None:
    for fields in ({"ip": "127.0.0.1"}, {"ip": "127.0.0.0-127.0.0.9"}, {"protocol": "https,http"}, {"start": BEFORE}):
        assert get(web, storage, "", account_sas(storage, **fields), "comp=list").status_code == 200


def test_a_service_sas_is_for_its_resource_alone(share: ShareClient, storage: Endpoint, web: requests.Session) -> None:
    assert code(get(web, storage, f"{SHARE}/d/g", file_sas(storage))) == (403, "AuthenticationFailed")
    assert code(get(web, storage, SHARE, share_sas(storage), "restype=share")) == (
        403,
        "AuthorizationPermissionMismatch",
    )
    url = f"{storage.file_url}/{storage.storage_account}/{SHARE}/d/f?{file_sas(storage)}"
    assert code(web.delete(url)) == (403, "AuthorizationPermissionMismatch")
    assert code(web.get(url.replace("sp=r", "sp=rd"))) == (403, "AuthenticationFailed")


def test_a_stored_policy_says_what_the_sas_leaves_out(
    share: ShareClient, storage: Endpoint, web: requests.Session
) -> None:
    policy = AccessPolicy(ShareSasPermissions(read=True), SOON, BEFORE)
    late = AccessPolicy(ShareSasPermissions(read=True), BEFORE, BEFORE - timedelta(hours=1))
    share.set_share_access_policy({"good": policy, "late": late})
    empty = {"permission": None, "expiry": None}

    assert get(web, storage, f"{SHARE}/d/f", file_sas(storage, policy_id="good", **empty)).text == "hello"
    for fields, detail in (
        ({"policy_id": "late", **empty}, "Signature not valid in the specified time frame"),
        ({"policy_id": "none", **empty}, "SAS identifier cannot be found"),
        ({"policy_id": "good"}, "but not both"),
    ):
        response = get(web, storage, f"{SHARE}/d/f", file_sas(storage, **fields))
        assert code(response) == (403, "AuthenticationFailed")
        assert detail in response.text


def test_a_sas_may_set_headers_of_the_response(share: ShareClient, storage: Endpoint, web: requests.Session) -> None:
    token = file_sas(storage, content_type="text/x-mine", cache_control="no-store", content_disposition="inline")
    response = get(web, storage, f"{SHARE}/d/f", token)

    assert (response.headers["content-type"], response.headers["cache-control"]) == ("text/x-mine", "no-store")


def test_only_a_service_sas_sets_headers_of_the_response(
    share: ShareClient, storage: Endpoint, web: requests.Session
) -> None:
    """An account SAS does not sign them, and the account's key makes a SAS irrelevant."""
    unsigned = "rsct=text/html&rscd=attachment&rscc=no-store&rsce=gzip&rscl=de"
    by_account = get(web, storage, f"{SHARE}/d/f", f"{account_sas(storage)}&{unsigned}")
    with ShareServiceClient.from_connection_string(storage.connection_string) as service:
        file = service.get_share_client(SHARE).get_file_client("d/f")
        by_key = file.get_file_properties(params={"rsct": "text/html", "sig": "x"})

    assert by_account.headers["content-type"] == "application/octet-stream"
    assert not {"content-disposition", "cache-control", "content-encoding", "content-language"} & set(
        by_account.headers
    )
    assert by_key.content_settings.content_type == "application/octet-stream"
    assert code(get(web, storage, f"{SHARE}/d/f", f"{file_sas(storage)}&rsct=text/html")) == (
        403,
        "AuthenticationFailed",
    )


def test_only_the_sas_of_a_whole_share_lists(share: ShareClient, storage: Endpoint, web: requests.Session) -> None:
    key = storage.storage_key
    of_directory = generate_file_sas(
        storage.storage_account,
        SHARE,
        ["d"],
        key,
        permission="rl",
        expiry=SOON,
    )
    response = get(web, storage, f"{SHARE}/d", of_directory, "restype=directory&comp=list")

    assert code(response) == (403, "AuthorizationPermissionMismatch")


def test_the_secondary_endpoint_reads_only(share: ShareClient, storage: Endpoint, web: requests.Session) -> None:
    token = account_sas(storage, permission=AccountSasPermissions(read=True, delete=True))
    url = f"{storage.file_url}/{storage.storage_account}-secondary/{SHARE}/d/f?{token}"

    assert web.get(url).text == "hello"
    assert code(web.delete(url)) == (403, "InsufficientAccountPermissions")


def test_another_account_has_its_own_key(storage: Endpoint, web: requests.Session) -> None:
    url = f"{storage.file_url}/other/?comp=list"
    token = generate_account_sas("other", "c2VjcmV0", ResourceTypes(service=True), "l", SOON)

    assert web.get(f"{url}&{token}").status_code == 200
    assert code(web.get(f"{url}&{account_sas(storage)}")) == (403, "AuthenticationFailed")
    assert code(web.get(f"{storage.file_url}/nobody/?comp=list&{token}")) == (403, "AuthenticationFailed")


def test_a_copy_reads_what_its_sas_opens(share: ShareClient, storage: Endpoint) -> None:
    source = share.get_file_client("d/f")
    target = share.get_file_client("from-range")
    target.create_file(5)
    target.upload_range_from_url(f"{source.url}?{file_sas(storage)}", 0, 5, 0)

    assert target.download_file().readall() == b"hello"


HEADERS_OF_A_SAS = ["cache_control", "content_disposition", "content_encoding", "content_language", "content_type"]


@pytest.mark.parametrize("name", HEADERS_OF_A_SAS)
@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=c", "a\nb", "a\rb", "a\x00b", "a\x7fb"])
def test_a_header_of_a_sas_cannot_begin_another_one(
    storage: Endpoint, web: requests.Session, name: str, value: str
) -> None:
    """The response is an error, and the connection stays open."""
    response = get(web, storage, f"{SHARE}/d/f", file_sas(storage, **{name: value}))

    assert code(response) == (400, "InvalidQueryParameterValue")
    assert "set-cookie" not in response.headers
    assert response.headers.get("connection") != "close"


def test_a_refused_header_of_a_sas_keeps_the_operation_from_being_done(
    share: ShareClient, storage: Endpoint, web: requests.Session
) -> None:
    with share.get_file_client("d/kept") as file:
        file.upload_file(b"kept")
        token = share_sas(storage, permission=ShareSasPermissions(delete=True), content_type="a\r\nb")
        response = web.delete(f"{storage.file_url}/{storage.storage_account}/{SHARE}/d/kept?{token}")

        assert code(response) == (400, "InvalidQueryParameterValue")
        assert file.exists()
        file.delete_file()

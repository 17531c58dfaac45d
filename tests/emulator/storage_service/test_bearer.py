"""Authorization by tokens of Microsoft Entra ID: roles, and the code of each error."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential, DefaultAzureCredential
from azure.identity.aio import ClientSecretCredential as AsyncCredential
from azure.storage.blob import (
    BlobSasPermissions,
    BlobServiceClient,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)
from azure.storage.blob.aio import BlobServiceClient as AsyncBlobs
from azure.storage.fileshare import FileSasPermissions, ShareClient, ShareServiceClient, generate_file_sas
from azure.storage.fileshare.aio import ShareServiceClient as AsyncShares

from harness.emulator.auth import STORAGE_AUDIENCE, issuer_of
from harness.emulator.endpoint import Endpoint
from harness.emulator.identity import load_identity, object_id, signing_key
from harness.emulator.launch import launch
from harness.emulator.paths import DataDirectory

GUEST_TENANT = "11111111-2222-3333-4444-555555555555"
SHARE, CONTAINER = "bearer", "bearer"
APPLICATIONS = [
    "owner=owner",
    "reader=reader",
    "nobody=none",
    "delegator=Storage Blob Delegator",
    "files=Storage File Data Privileged Contributor",
]


@pytest.fixture(scope="module")
def entra(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Storage alone, with applications of several roles, a share and a container."""
    directory = Path(tmp_path_factory.mktemp("entra"))
    with launch(directory, only="storage", applications=APPLICATIONS, tenants=[GUEST_TENANT]) as running:
        with ShareServiceClient.from_connection_string(running.connection_string) as shares:
            shares.create_share(SHARE).get_file_client("f").upload_file(b"hello")
        with BlobServiceClient.from_connection_string(running.connection_string) as blobs:
            blobs.create_container(CONTAINER).upload_blob("b", b"hello")
        yield running


@pytest.fixture
def web(entra: Endpoint) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"https": entra.proxy_url}, entra.ca_path
        yield session


def through(endpoint: Endpoint) -> dict[str, Any]:
    return {"proxies": {"https": endpoint.proxy_url}, "connection_verify": endpoint.ca_path}


@pytest.fixture
def credential(entra: Endpoint) -> Iterator[Callable[..., ClientSecretCredential]]:
    """Sign in as an application; the default is the first one."""
    opened: list[ClientSecretCredential] = []

    def sign_in(application: str = "", **more: Any) -> ClientSecretCredential:
        variables = entra.environment(application, by_proxy=True)
        tenant = more.pop("tenant_id", variables["AZURE_TENANT_ID"])
        opened.append(
            ClientSecretCredential(
                tenant, variables["AZURE_CLIENT_ID"], variables["AZURE_CLIENT_SECRET"], **through(entra), **more
            )
        )
        return opened[-1]

    yield sign_in
    for opened_credential in opened:
        opened_credential.close()


def url(endpoint: Endpoint, service: str) -> str:
    return f"https://{endpoint.storage_account}.{service}.core.windows.net"


def shares_of(endpoint: Endpoint, credential: Any, **more: Any) -> ShareServiceClient:
    settings = {"token_intent": "backup", "retry_total": 0} | through(endpoint) | more
    return ShareServiceClient(url(endpoint, "file"), credential, **settings)


def blobs_of(endpoint: Endpoint, credential: Any, **more: Any) -> BlobServiceClient:
    return BlobServiceClient(url(endpoint, "blob"), credential, **({"retry_total": 0} | through(endpoint) | more))


def token(endpoint: Endpoint, **changes: Any) -> str:
    """A token of the first application with changed claims; None omits a claim."""
    identity = load_identity(DataDirectory(Path(endpoint.directory)))
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "aud": STORAGE_AUDIENCE, "iss": issuer_of(identity.tenant_id), "tid": identity.tenant_id, "nbf": now - 60,
        "exp": now + 3600, "appid": identity.client_id, "oid": object_id(identity.client_id),
    }  # fmt: skip
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, signing_key(identity), algorithm="RS256")


def ask(web: requests.Session, address: str, bearer: str, **headers: str) -> requests.Response:
    defaults = {"x-ms-version": "2025-01-05", "x-ms-file-request-intent": "backup", "Authorization": f"Bearer {bearer}"}
    return web.get(address, headers={name: value for name, value in (defaults | headers).items() if value})


def refusal(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.headers.get("x-ms-error-code", "")


def codes(act: Callable[[], Any]) -> tuple[int | None, str]:
    with pytest.raises(HttpResponseError) as caught:
        act()
    code = getattr(caught.value, "error_code", "")
    return caught.value.status_code, str(getattr(code, "value", code))


def test_the_first_application_reads_and_writes_both_services(entra: Endpoint, credential: Callable[..., Any]) -> None:
    with shares_of(entra, credential()) as shares, blobs_of(entra, credential()) as blobs:
        share = shares.create_share("made-by-token")
        share.create_directory("d").upload_file("f", b"abc")
        assert share.get_file_client("d/f").download_file().readall() == b"abc"
        assert [entry.name for entry in share.list_directories_and_files()] == ["d"]
        assert "made-by-token" in [listed_share.name for listed_share in shares.list_shares()]
        share.delete_share()

        container = blobs.create_container("made-by-token")
        container.upload_blob("x/y", b"abc")
        assert container.download_blob("x/y").readall() == b"abc"
        assert container.get_container_access_policy()["public_access"] is None
        assert blobs.get_service_properties()["analytics_logging"] is not None
        container.delete_container()


def test_the_default_credential_of_the_sdks_works_as_it_is(entra: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in entra.environment(by_proxy=True).items():
        monkeypatch.setenv(name, value)
    with DefaultAzureCredential() as default:
        with BlobServiceClient(url(entra, "blob"), default) as blobs:
            assert [listed_container.name for listed_container in blobs.list_containers()] == [CONTAINER]
        with ShareServiceClient(url(entra, "file"), default, token_intent="backup") as shares:
            assert [listed_share.name for listed_share in shares.list_shares()] == [SHARE]


def test_asynchronous_clients_sign_in_too(entra: Endpoint) -> None:
    variables = entra.environment(by_proxy=True)

    async def read() -> tuple[bytes, bytes]:
        settings = {"proxies": {"https": entra.proxy_url}, "connection_verify": entra.ca_path}
        sign_in = AsyncCredential(
            variables["AZURE_TENANT_ID"], variables["AZURE_CLIENT_ID"], variables["AZURE_CLIENT_SECRET"], **settings
        )
        shares = AsyncShares(url(entra, "file"), sign_in, token_intent="backup", **settings)
        blobs = AsyncBlobs(url(entra, "blob"), sign_in, **settings)
        async with sign_in, shares, blobs:
            file = await shares.get_share_client(SHARE).get_file_client("f").download_file()
            blob = await blobs.get_blob_client(CONTAINER, "b").download_blob()
            return await file.readall(), await blob.readall()

    assert asyncio.run(read()) == (b"hello", b"hello")


@pytest.mark.parametrize("service", ["file", "blob"])
def test_a_token_for_one_account_is_accepted_there(
    entra: Endpoint, web: requests.Session, credential: Callable[..., Any], service: str
) -> None:
    address = f"{url(entra, service)}/?comp=list"
    own = credential().get_token(f"{url(entra, service)}/.default").token
    other = credential().get_token(f"https://other.{service}.core.windows.net/.default").token

    assert ask(web, address, own).status_code == 200
    assert refusal(ask(web, address, other)) == (401, "InvalidAuthenticationInfo")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"aud": "https://vault.azure.net"}, "Audience validation failed. Audience did not match."),
        ({"exp": 1_500_000_000}, "Lifetime validation failed. The token is expired."),
        ({"nbf": 4_000_000_000}, "Lifetime validation failed. The token is not yet valid."),
        ({"iss": issuer_of(GUEST_TENANT)}, "Issuer validation failed. Issuer did not match."),
        ({"tid": GUEST_TENANT}, "Issuer validation failed. Issuer did not match."),
        ({"oid": None}, "Signature validation failed."),
    ],
)
@pytest.mark.parametrize("service", ["file", "blob"])
def test_each_fault_of_a_token_has_its_words_and_a_challenge(
    entra: Endpoint, web: requests.Session, service: str, changes: dict[str, Any], detail: str
) -> None:
    response = ask(web, f"{url(entra, service)}/?comp=list", token(entra, **changes))

    assert refusal(response) == (401, "InvalidAuthenticationInfo")
    assert f"<AuthenticationErrorDetail>{detail}" in response.text
    assert response.headers["www-authenticate"] == (
        f"Bearer authorization_uri=https://login.microsoftonline.com/{entra.tenant_id}/oauth2/authorize "
        f"resource_id={STORAGE_AUDIENCE}"
    )


def test_who_comes_with_nothing_learns_where_to_sign_in(entra: Endpoint, web: requests.Session) -> None:
    response = web.get(f"{url(entra, 'blob')}/?comp=list", headers={"x-ms-version": "2025-01-05"})

    assert refusal(response) == (401, "NoAuthenticationInformation")
    assert entra.tenant_id in response.headers["www-authenticate"]


def test_a_credential_of_another_tenant_is_led_to_the_right_one(
    entra: Endpoint, credential: Callable[..., Any]
) -> None:
    """The SDKs answer the challenge by signing in to the tenant that it names."""
    guest = credential(tenant_id=GUEST_TENANT, additionally_allowed_tenants=["*"])
    with blobs_of(entra, guest) as blobs, shares_of(entra, guest) as shares:
        assert blobs.get_blob_client(CONTAINER, "b").exists()
        assert shares.get_share_client(SHARE).get_file_client("f").exists()


def test_a_client_for_a_wrong_audience_is_led_to_the_right_one(entra: Endpoint, credential: Callable[..., Any]) -> None:
    with shares_of(entra, credential(), audience="https://bad.file.core.windows.net") as shares:
        assert shares.get_share_client(SHARE).get_file_client("f").exists()


def test_tokens_need_tls(entra: Endpoint, web: requests.Session) -> None:
    response = ask(web, f"{entra.blob_url}/{entra.storage_account}/?comp=list", token(entra))

    assert refusal(response) == (403, "AuthenticationFailed")
    assert "Authentication scheme Bearer is not allowed with HTTP." in response.text


@pytest.mark.parametrize(
    ("address", "version", "accepted"),
    [
        ("blob/?comp=list", "2017-07-29", False),
        ("blob/?comp=list", "2017-11-09", True),
        ("blob/?comp=list", "", False),
        ("file/bearer/f", "2021-12-02", False),
        ("file/bearer/f", "2022-11-02", True),
        ("file/?comp=list", "2024-08-04", False),
        ("file/?comp=list", "2024-11-04", True),
    ],
)
def test_tokens_are_taken_since_the_version_that_learned_them(
    entra: Endpoint, web: requests.Session, address: str, version: str, accepted: bool
) -> None:
    service, _, path = address.partition("/")
    response = ask(web, f"{url(entra, service)}/{path}", token(entra), **{"x-ms-version": version})

    if accepted:
        assert response.status_code == 200
    else:
        assert refusal(response) == (403, "AuthenticationFailed")
        assert "Authentication scheme Bearer is not supported in this version." in response.text


@pytest.mark.parametrize(("intent", "code"), [("", "MissingRequiredHeader"), ("restore", "InvalidHeaderValue")])
def test_files_are_for_who_says_what_for(entra: Endpoint, web: requests.Session, intent: str, code: str) -> None:
    response = ask(web, f"{url(entra, 'file')}/{SHARE}/f", token(entra), **{"x-ms-file-request-intent": intent})

    assert refusal(response) == (400, code)


MISMATCH = (403, "AuthorizationPermissionMismatch")


def test_a_reader_reads_and_does_nothing_else(entra: Endpoint, credential: Callable[..., Any]) -> None:
    with shares_of(entra, credential("reader")) as shares, blobs_of(entra, credential("reader")) as blobs:
        share, container = shares.get_share_client(SHARE), blobs.get_container_client(CONTAINER)
        assert share.get_file_client("f").download_file().readall() == b"hello"
        assert container.download_blob("b").readall() == b"hello"
        assert [blob.name for blob in container.list_blobs()] == ["b"]

        assert codes(lambda: share.get_file_client("new").create_file(1)) == MISMATCH
        assert codes(lambda: share.get_file_client("f").delete_file()) == MISMATCH
        assert codes(lambda: container.upload_blob("new", b"")) == MISMATCH
        assert codes(lambda: container.delete_blob("b")) == MISMATCH
        assert codes(container.delete_container) == MISMATCH
        assert codes(container.get_container_access_policy) == MISMATCH
        assert codes(lambda: shares.set_service_properties(cors=[])) == MISMATCH
        assert shares.get_service_properties()["cors"] == []


def test_roles_are_for_one_service(entra: Endpoint, credential: Callable[..., Any]) -> None:
    with shares_of(entra, credential("files")) as shares, blobs_of(entra, credential("files")) as blobs:
        shares.get_share_client(SHARE).get_file_client("mine").upload_file(b"x")
        assert codes(lambda: shares.get_share_client(SHARE).get_share_properties()) == MISMATCH  # not data
        assert codes(lambda: blobs.get_blob_client(CONTAINER, "b").get_blob_properties())[0] == 403


def test_who_has_no_role_is_refused(entra: Endpoint, credential: Callable[..., Any]) -> None:
    with blobs_of(entra, credential("nobody")) as blobs:
        assert codes(lambda: list(blobs.list_containers())) == MISMATCH


def test_an_owner_sets_access_policies(entra: Endpoint, credential: Callable[..., Any]) -> None:
    with blobs_of(entra, credential("owner")) as blobs:
        blobs.get_container_client(CONTAINER).set_container_access_policy({})


def hour() -> dict[str, datetime]:
    return {"expiry": datetime.now(UTC) + timedelta(hours=1)}


def delegated(blobs: BlobServiceClient) -> Any:
    return blobs.get_user_delegation_key(datetime.now(UTC) - timedelta(minutes=1), hour()["expiry"])


def test_the_same_request_gets_the_same_user_delegation_key(entra: Endpoint, credential: Callable[..., Any]) -> None:
    start, expiry = datetime.now(UTC), hour()["expiry"]
    with blobs_of(entra, credential()) as blobs, shares_of(entra, credential()) as shares:
        first, second = (blobs.get_user_delegation_key(start, expiry) for _ in range(2))
        of_files = shares.get_user_delegation_key(start=start, expiry=expiry)

        assert first.value == second.value
        assert (first.signed_oid, first.signed_tid) == (object_id(entra.client_id), entra.tenant_id)
        assert (first.signed_service, of_files.signed_service) == ("b", "f")
        assert of_files.value != first.value
        assert codes(lambda: blobs.get_user_delegation_key(start, start + timedelta(days=8)))[0] == 400
        assert codes(lambda: blobs.get_user_delegation_key(start, start - timedelta(days=1)))[0] == 400


def test_a_user_delegation_sas_opens_a_blob_and_lists_a_container(
    entra: Endpoint, web: requests.Session, credential: Callable[..., Any]
) -> None:
    with blobs_of(entra, credential()) as blobs:
        key = delegated(blobs)
    of_blob = generate_blob_sas(
        entra.storage_account, CONTAINER, "b", user_delegation_key=key, permission=BlobSasPermissions(read=True),
        content_type="text/x-mine", **hour(),
    )  # fmt: skip
    of_container = generate_container_sas(
        entra.storage_account, CONTAINER, user_delegation_key=key,
        permission=ContainerSasPermissions(read=True, list=True), **hour(),
    )  # fmt: skip
    address = f"{url(entra, 'blob')}/{CONTAINER}"

    response = web.get(f"{address}/b?{of_blob}")
    assert (response.text, response.headers["content-type"]) == ("hello", "text/x-mine")
    assert web.get(f"{address}?restype=container&comp=list&{of_container}").status_code == 200
    assert refusal(web.delete(f"{address}/b?{of_blob}")) == MISMATCH
    assert refusal(web.get(f"{address}/b?{of_blob.replace('skv=', 'skv=1')}")) == (403, "AuthenticationFailed")
    assert refusal(web.get(f"{address}/other?{of_blob}")) == (403, "AuthenticationFailed")


def test_a_user_delegation_sas_opens_a_file(
    entra: Endpoint, web: requests.Session, credential: Callable[..., Any]
) -> None:
    with shares_of(entra, credential()) as shares:
        key = shares.get_user_delegation_key(start=datetime.now(UTC) - timedelta(minutes=1), **hour())
    sas = generate_file_sas(
        entra.storage_account, SHARE, ["f"], user_delegation_key=key, permission=FileSasPermissions(read=True), **hour()
    )

    assert web.get(f"{url(entra, 'file')}/{SHARE}/f?{sas}").text == "hello"
    assert refusal(web.get(f"{url(entra, 'blob')}/{SHARE}/f?{sas}")) == (403, "AuthenticationFailed")


def test_a_user_delegation_sas_permits_what_the_roles_of_its_owner_permit(
    entra: Endpoint, web: requests.Session, credential: Callable[..., Any]
) -> None:
    for application, service in (("reader", "blob"), ("delegator", "blob")):
        with blobs_of(entra, credential(application)) as blobs:
            sas = generate_blob_sas(
                entra.storage_account, CONTAINER, "b", user_delegation_key=delegated(blobs),
                permission=BlobSasPermissions(read=True, delete=True), **hour(),
            )  # fmt: skip
        address = f"{url(entra, service)}/{CONTAINER}/b?{sas}"
        assert refusal(web.delete(address)) == MISMATCH
        assert web.get(address).ok is (application == "reader")


def test_a_user_delegation_sas_for_one_user_comes_with_a_token_of_that_user(
    entra: Endpoint, web: requests.Session, credential: Callable[..., Any]
) -> None:
    reader = object_id(entra.applications["reader"].client_id)
    with shares_of(entra, credential()) as shares:
        key = shares.get_user_delegation_key(start=datetime.now(UTC) - timedelta(minutes=1), **hour())
    sas = generate_file_sas(
        entra.storage_account, SHARE, ["f"], user_delegation_key=key, user_delegation_oid=reader,
        permission=FileSasPermissions(read=True), **hour(),
    )  # fmt: skip
    address = f"{url(entra, 'file')}/{SHARE}/f?{sas}"

    assert ask(web, address, token(entra, oid=reader)).text == "hello"
    assert refusal(ask(web, address, token(entra))) == (403, "AuthenticationFailed")
    assert refusal(web.get(address)) == (401, "NoAuthenticationInformation")


def test_a_key_is_given_for_a_token_alone(entra: Endpoint) -> None:
    with BlobServiceClient.from_connection_string(entra.connection_string, retry_total=0) as blobs:
        assert codes(lambda: delegated(blobs)) == (403, "AuthenticationFailed")


def test_a_source_is_read_with_a_token_in_a_separate_header(entra: Endpoint, credential: Callable[..., Any]) -> None:
    source = f"{url(entra, 'blob')}/{CONTAINER}/b"
    with ShareServiceClient.from_connection_string(entra.connection_string, retry_total=0) as shares:
        file = shares.get_share_client(SHARE).get_file_client("from-blob")
        file.create_file(5)
        assert codes(lambda: file.upload_range_from_url(source, 0, 5, 0))[0] == 401
        bad = f"Bearer {token(entra, oid=object_id(entra.applications['nobody'].client_id))}"
        assert codes(lambda: file.upload_range_from_url(source, 0, 5, 0, source_authorization=bad))[0] == 403
        file.upload_range_from_url(source, 0, 5, 0, source_authorization=f"Bearer {token(entra)}")
        assert file.download_file().readall() == b"hello"


def test_who_has_a_role_copies_and_renames_within_the_account(entra: Endpoint, credential: Callable[..., Any]) -> None:
    with shares_of(entra, credential()) as shares:
        share: ShareClient = shares.get_share_client(SHARE)
        copy = share.get_file_client("copy")
        copy.start_copy_from_url(share.get_file_client("f").url)
        renamed = copy.rename_file("renamed")
        assert renamed.download_file().readall() == b"hello"


def test_applications_keep_their_credentials_when_the_emulator_starts_again(tmp_path: Path) -> None:
    environments = []
    for role in ("reader", "none"):
        with launch(tmp_path, only="storage", applications=[f"a={role}"]) as running:
            environments.append(running.environment("a"))
            environments[-1].pop("HTTPS_PROXY"), environments[-1].pop("https_proxy")

    assert environments[0] == environments[1]

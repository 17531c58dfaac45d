"""The addresses of an emulator: the same ports at every start, with or without TLS, for this machine by default."""

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.fileshare import ShareServiceClient

from harness.emulator import health
from harness.emulator.development_account import DEVELOPMENT_KEY
from harness.emulator.endpoint import Endpoint
from harness.emulator.identity import load_identity
from harness.emulator.launch import find, launch, start_detached, stop
from harness.emulator.option_texts import parse_listen
from harness.emulator.options import LOOPBACK, Options
from harness.emulator.paths import DataDirectory
from harness.emulator.ports import Ports, is_open_to_others, listening_socket, reachable
from harness.errors import EmulatorError


def held_socket() -> socket.socket:
    """A socket at a port that the kernel does not assign by itself."""
    while True:
        try:
            return listening_socket(LOOPBACK, random.randrange(20_000, 30_000))
        except OSError:
            continue


def port_of(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


@pytest.fixture
def paths(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


def test_the_usual_port_is_taken_at_the_first_start_and_kept(paths: DataDirectory) -> None:
    with held_socket() as free:
        usual = port_of(free)
    first = Ports(paths, LOOPBACK, {"blob": usual})
    with first.open("blob", None) as sock:
        assert port_of(sock) == usual
    first.remember()

    with Ports(paths, LOOPBACK, {}).open("blob", None) as sock:
        assert port_of(sock) == usual


def test_a_port_in_use_is_skipped_and_reported(paths: DataDirectory) -> None:
    with held_socket() as other:
        ports = Ports(paths, LOOPBACK, {"blob": port_of(other)})
        with ports.open("blob", None) as sock:
            assert port_of(sock) not in (0, port_of(other))
            assert ports.notes == [f"port {port_of(other)} is in use: blobs get another one"]


def test_a_port_that_was_asked_for_is_that_one_or_none(paths: DataDirectory) -> None:
    with held_socket() as other:
        number = port_of(other)
        with pytest.raises(EmulatorError) as refused:
            Ports(paths, LOOPBACK).open("file", number)

    expected = f"port {number} cannot be used: Address already in use; choose another with --file-port"
    assert str(refused.value) == expected


def test_a_port_that_was_asked_for_is_not_remembered(paths: DataDirectory) -> None:
    ports = Ports(paths, LOOPBACK)
    ports.open("file", 0).close()
    ports.remember()

    assert not paths.ports.exists()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"file": "x"}'])
def test_what_cannot_be_read_is_no_obstacle(paths: DataDirectory, content: bytes) -> None:
    paths.ports.write_bytes(content)

    Ports(paths, LOOPBACK, {}).open("file", None).close()


@pytest.mark.parametrize(
    ("text", "address", "is_open", "name"),
    [
        ("localhost", "127.0.0.1", False, "127.0.0.1"),
        ("127.0.0.9", "127.0.0.9", False, "127.0.0.9"),
        ("[::1]", "::1", False, "[::1]"),
        ("0.0.0.0", "0.0.0.0", True, "127.0.0.1"),
        ("::", "::", True, "127.0.0.1"),
        ("10.0.0.7", "10.0.0.7", True, "10.0.0.7"),
    ],
)
def test_an_address_to_listen_at(text: str, address: str, is_open: bool, name: str) -> None:
    assert parse_listen(text) == address
    assert is_open_to_others(address) is is_open
    assert reachable(address) == name


def test_a_name_is_no_address_to_listen_at() -> None:
    with pytest.raises(EmulatorError, match=r"--listen nas[.]home: it must be an address of this machine"):
        parse_listen("nas.home")


def test_an_emulator_that_starts_again_answers_where_it_did(tmp_path: Path) -> None:
    with held_socket() as proxy, held_socket() as files, held_socket() as blobs:
        ports = {"proxy": port_of(proxy), "file": port_of(files), "blob": port_of(blobs)}
    load_identity(DataDirectory(tmp_path), {})  # as an earlier emulator would have left it
    DataDirectory(tmp_path).ports.write_bytes(msgspec.json.encode(ports))
    options = Options(tmp_path, None, only="storage", file_port=None, blob_port=None)
    try:
        endpoint = start_detached(options)
        assert endpoint.file_url == f"http://127.0.0.1:{ports['file']}"
        assert endpoint.blob_url == f"http://127.0.0.1:{ports['blob']}"
        assert endpoint.proxy_url == f"http://127.0.0.1:{ports['proxy']}"
        assert f"connection  {endpoint.connection_string}" in (tmp_path / "emulator.log").read_text()
    finally:
        stop(tmp_path)
    assert find(tmp_path) is None


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Storage alone, with TLS at its ports."""
    with launch(tmp_path_factory.mktemp("tls"), only="storage", https=True, host_names=["storage"]) as running:
        yield running


def test_the_ports_of_storage_speak_tls_when_asked(tls: Endpoint) -> None:
    assert tls.connection_string.startswith("DefaultEndpointsProtocol=https;")
    with ShareServiceClient.from_connection_string(tls.connection_string, connection_verify=tls.ca_path) as shares:
        shares.create_share("tls").get_file_client("f").upload_file(b"x")
        assert shares.get_share_client("tls").get_file_client("f").download_file().readall() == b"x"


def test_a_token_is_taken_at_a_port_with_tls(tls: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tls.environment(by_proxy=True).items():
        monkeypatch.setenv(name, value)
    with (
        ClientSecretCredential(tls.tenant_id, tls.client_id, tls.client_secret) as credential,
        BlobServiceClient(f"{tls.blob_url}/{tls.storage_account}", credential) as blobs,
    ):
        blobs.create_container("token")
        assert [container.name for container in blobs.list_containers()] == ["token"]


@pytest.mark.parametrize(
    "host", ["localhost", "devstoreaccount1.file.localhost", "storage", "devstoreaccount1.file.storage"]
)
def test_an_account_may_be_in_the_name_of_a_host(tls: Endpoint, host: str) -> None:
    path = "" if host.startswith("dev") else "devstoreaccount1"
    response = requests.get(f"{tls.file_url}/{path}?comp=list", headers={"Host": host}, verify=tls.ca_path, timeout=60)

    assert response.headers["x-ms-error-code"] == "NoAuthenticationInformation"


def test_only_names_of_the_option_are_answered(tls: Endpoint) -> None:
    for host in ("other", "devstoreaccount1.file.other", "devstoreaccount1.blob.storage", ".file.storage"):
        response = requests.get(tls.file_url, headers={"Host": host}, verify=tls.ca_path, timeout=60)
        assert response.status_code == 421


def test_storage_that_others_can_reach_has_a_secret_key(tmp_path: Path) -> None:
    with launch(tmp_path, only="storage") as alone:
        assert alone.storage_key == DEVELOPMENT_KEY
    with launch(tmp_path, only="storage", listen="0.0.0.0", https=False) as endpoint:
        assert endpoint.storage_account == "devstoreaccount1"
        assert DEVELOPMENT_KEY not in "".join(endpoint.environment().values())
        assert endpoint.storage_key not in "".join(endpoint.lines())
        with ShareServiceClient.from_connection_string(endpoint.connection_string) as shares:
            shares.create_share("mine")
        well_known = endpoint.connection_string_of("devstoreaccount1", DEVELOPMENT_KEY)
        with (
            ShareServiceClient.from_connection_string(well_known, retry_total=0) as shares,
            pytest.raises(HttpResponseError, match="AuthenticationFailed"),
        ):
            shares.create_share("theirs")


def test_the_health_check_asks_at_the_address_of_the_option(tmp_path: Path) -> None:
    with launch(tmp_path, only="storage", listen="127.0.0.2"):
        assert health.main([str(tmp_path)]) == 0


def test_the_well_known_key_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    options = Options(tmp_path, only="storage", listen="0.0.0.0", https=False, development_key=True)
    try:
        assert start_detached(options).storage_key == DEVELOPMENT_KEY
    finally:
        stop(tmp_path)

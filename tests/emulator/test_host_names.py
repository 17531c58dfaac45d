"""Which host names a plain port accepts: not that of a web page whose name resolves to this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.storage.fileshare import ShareServiceClient

from harness.cli import main
from harness.emulator.endpoint import Endpoint
from harness.emulator.host_names import host_of, is_loopback
from harness.emulator.launch import launch
from harness.emulator.option_texts import parse_host_name
from harness.errors import EmulatorError


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """Storage alone, which containers address by another name."""
    with launch(tmp_path_factory.mktemp("named"), only="storage", host_names=["Host.Docker.Internal"]) as running:
        yield running


def status(endpoint: Endpoint, host: str) -> int:
    """The status of a request without a signature; 401 means that the host name is accepted."""
    url = f"{endpoint.file_url}/{endpoint.storage_account}?comp=list"
    return requests.get(url, headers={"Host": host}, timeout=60).status_code


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:10004", "127.8.9.10", "localhost", "LOCALHOST:1", "[::1]:5", "a.file.localhost"]
)
def test_names_of_loopback_are_answered(endpoint: Endpoint, host: str) -> None:
    assert status(endpoint, host) == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example.com", "localhost.evil.com", "127.0.0.1.evil.com", "10.0.0.1", "0.0.0.0", "[::2]", "xlocalhost", ""],
)
def test_any_other_name_is_misdirected(endpoint: Endpoint, host: str) -> None:
    assert status(endpoint, host) == 421


def test_the_refusal_names_the_option(endpoint: Endpoint) -> None:
    response = requests.get(endpoint.blob_url, headers={"Host": "nas.home.arpa"}, timeout=60)

    assert response.text == (
        "The emulator does not play the host 'nas.home.arpa'. At a plain port it answers to names of loopback, and to "
        "those of the option --host-name.\n"
    )


def test_a_name_of_the_option_is_answered(named: Endpoint) -> None:
    assert status(named, "host.docker.internal:10004") == 401
    assert status(named, "other.docker.internal") == 421
    with ShareServiceClient.from_connection_string(named.connection_string) as service:
        assert list(service.list_shares()) == []


@pytest.mark.parametrize(
    ("text", "name"), [("NAS.home", "nas.home"), ("10.0.0.7", "10.0.0.7"), ("[fe80::1]", "fe80::1"), ("a_b", "a_b")]
)
def test_a_host_name_is_a_name_or_an_address(text: str, name: str) -> None:
    assert parse_host_name(text) == name


@pytest.mark.parametrize("text", ["", "a:1", "http://a", "a/b", "a b", "a..b", "-a", "*", "[", "a" * 254])
def test_what_no_host_can_be_called_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EmulatorError, match="--host-name"):
        parse_host_name(text)
    assert main(["emulator", "start", "--dir", str(tmp_path / "data"), f"--host-name={text}"]) == 2
    assert "it must be the name or the address of a host" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("header", "host"),
    [("A.b", "a.b"), ("a:80", "a"), ("[::1]", "::1"), ("[::1]:80", "::1"), ("[::1", "::1"), ("", ""), (":1", "")],
)
def test_a_host_header_has_a_host_and_maybe_a_port(header: str, host: str) -> None:
    assert host_of(header) == host


def test_an_address_is_loopback_only_if_it_is_one() -> None:
    assert is_loopback("::1")
    assert is_loopback("127.255.255.254")
    assert not is_loopback("128.0.0.1")

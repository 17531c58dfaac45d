"""The emulator as a process: its lock, its proxy, its end."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests
import urllib3
from azure.core.exceptions import HttpResponseError
from azure.storage.file import FileService
from azure.storage.fileshare import ShareServiceClient

from harness.cli import main
from harness.compute.process_handle import ends
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import find, launch, start_detached, stop
from harness.emulator.options import Options
from harness.errors import EmulatorError


def behind(endpoint: Endpoint) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # a REQUESTS_CA_BUNDLE of the environment would override ``verify``
    session.proxies, session.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
    return session


def test_the_proxy_refuses_a_host_that_the_emulator_does_not_play(session: requests.Session) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="403 Forbidden"):
        session.get("https://example.com/")


def test_the_proxy_refuses_what_is_not_a_tunnel(endpoint: Endpoint) -> None:
    port = int(endpoint.proxy_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(b"GET http://management.azure.com/ HTTP/1.1\r\n\r\n")

        assert client.recv(100).startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize(("host", "status"), [("management.azure.com", 200), ("example.com", 421)])
def test_a_client_that_takes_no_proxy_is_answered_for_the_hosts_that_the_emulator_plays(
    endpoint: Endpoint, host: str, status: int
) -> None:
    address, port = endpoint.proxy_url.removeprefix("http://").split(":")
    name = "management.azure.com"  # the client resolves it to the address, as with a hosts file
    with urllib3.HTTPSConnectionPool(
        address, int(port), server_hostname=name, assert_hostname=name, ca_certs=endpoint.ca_path, retries=False
    ) as client:
        assert client.request("GET", "/metadata/endpoints?api-version=1.0", headers={"Host": host}).status == status


def test_it_listens_on_loopback_alone(endpoint: Endpoint) -> None:
    listening = [c.laddr.ip for c in psutil.Process(endpoint.pid).net_connections() if c.status == psutil.CONN_LISTEN]

    assert set(listening) == {"127.0.0.1"}


def test_two_emulators_cannot_serve_one_directory(endpoint: Endpoint) -> None:
    with (
        pytest.raises(EmulatorError, match=f"in use by the emulator with process id {endpoint.pid}"),
        launch(Path(endpoint.directory)),
    ):
        pass
    assert find(Path(endpoint.directory)) == endpoint


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_the_emulator_of_another_user_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    """Otherwise a user who can write in the directory could receive the requests of others."""
    with launch(tmp_path / "data") as running:
        (tmp_path / "data" / "endpoint.json").chmod(0o644)
        os.chown(tmp_path / "data" / "endpoint.json", 65534, 65534)
        with pytest.raises(EmulatorError, match=r"another user's emulator serves .* choose another directory"):
            find(Path(running.directory))


def test_secrets_are_readable_by_the_owner_alone(endpoint: Endpoint) -> None:
    for name in ("endpoint.json", "identity.json", "server.pem"):
        assert (Path(endpoint.directory) / name).stat().st_mode & 0o077 == 0
    assert endpoint.client_secret not in repr(endpoint)
    assert endpoint.client_secret not in " ".join(psutil.Process(endpoint.pid).cmdline())


@pytest.mark.slow  # stops and starts a new emulator
def test_a_detached_emulator_keeps_its_identity_over_a_restart(tmp_path: Path) -> None:
    first = start_detached(Options(tmp_path / "data"))
    assert stop(tmp_path / "data")
    second = start_detached(Options(tmp_path / "data"))
    assert stop(tmp_path / "data")

    assert (first.client_secret, first.storage_key) == (second.client_secret, second.storage_key)
    assert find(tmp_path / "data") is None


@pytest.mark.slow  # stops and starts a new emulator
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    first = start_detached(Options(tmp_path / "data"))
    with behind(first) as session:
        files = FileService(first.storage_account, first.storage_key, request_session=session)
        files.create_share("kept")
        files.create_file_from_text("kept", None, "f.txt", "hello", metadata={"a": "b"})
    os.kill(first.pid, signal.SIGKILL)
    assert ends(first.pid, seconds=60)
    assert find(tmp_path / "data") is None

    second = start_detached(Options(tmp_path / "data"))
    with behind(second) as session:
        files = FileService(second.storage_account, second.storage_key, request_session=session)
        assert files.get_file_to_text("kept", None, "f.txt").content == "hello"
        assert files.get_file_metadata("kept", None, "f.txt") == {"a": "b"}
    stop(tmp_path / "data")


@pytest.mark.slow  # stops and starts a new emulator
def test_a_launched_emulator_ends_when_its_launcher_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from harness.emulator.launch import launch\n"
        "with launch(Path(sys.argv[1])) as e: print(e.pid, flush=True); sys.stdin.read()"
    )
    launcher = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with launcher:
        assert launcher.stdout is not None
        emulator = int(launcher.stdout.readline())
        launcher.send_signal(signal.SIGKILL)

    assert ends(emulator, seconds=60)


def test_a_process_has_ended_also_while_it_is_a_zombie() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert ends(process.pid, seconds=0)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmulatorError, match="cannot be used: Not a directory"), launch(tmp_path / "file" / "data"):
        pass


def test_clients_of_a_whole_emulator_choose_their_storage_account_themselves(endpoint: Endpoint) -> None:
    environment = endpoint.environment()

    assert [name for name in environment if name.startswith("AZURE_STORAGE")] == []
    assert environment["HARNESS_STORAGE_CONNECTION_STRING"] == endpoint.connection_string


def test_a_connection_string_ends_with_a_setting(endpoint: Endpoint) -> None:
    settings = [setting.partition("=") for setting in endpoint.connection_string.split(";")]

    assert all(name and value for name, _, value in settings)


@pytest.mark.slow  # starts a new emulator
def test_storage_alone_has_the_well_known_account_at_plain_ports(tmp_path: Path) -> None:
    with launch(tmp_path / "data", only="storage") as endpoint:
        assert endpoint.storage_account == "devstoreaccount1"
        assert list(endpoint.environment()) == [
            "AZURE_STORAGE_CONNECTION_STRING",
            "HARNESS_STORAGE_ACCOUNT",
            "HARNESS_STORAGE_KEY",
        ]
        with ShareServiceClient.from_connection_string(endpoint.connection_string) as service:
            service.create_share("plain")
        with behind(endpoint) as session:
            url = "https://devstoreaccount1.file.core.windows.net/?comp=list"
            assert session.get(url).headers["x-ms-error-code"] == "NoAuthenticationInformation"
            with pytest.raises(requests.exceptions.ProxyError, match="403 Forbidden"):
                session.get("https://management.azure.com/")


@pytest.mark.slow  # starts a new emulator
def test_a_whole_emulator_revokes_the_well_known_key(tmp_path: Path) -> None:
    with launch(tmp_path / "data", only="storage") as alone:
        well_known = alone.storage_key
    with launch(tmp_path / "data") as running:
        connection = running.connection_string_of("devstoreaccount1", well_known)
        with (
            ShareServiceClient.from_connection_string(connection, retry_total=0) as service,
            pytest.raises(HttpResponseError, match="AuthenticationFailed"),
        ):
            list(service.list_shares())


@pytest.mark.slow  # starts a new emulator
def test_accounts_of_ones_own_do_not_show_in_the_process_list(tmp_path: Path) -> None:
    with launch(tmp_path / "data", only="storage", accounts=["mine:c2VjcmV0"]) as endpoint:
        assert "c2VjcmV0" not in " ".join(psutil.Process(endpoint.pid).cmdline())
        connection = endpoint.connection_string_of("mine", "c2VjcmV0")
        with ShareServiceClient.from_connection_string(connection) as service:
            assert list(service.list_shares()) == []


@pytest.mark.parametrize(
    ("account", "message"),
    [("Mine:c2VjcmV0", "is not the name of a storage account"), ("mine:!", "not base64"), ("mine", "not base64")],
)
def test_an_account_that_cannot_be_is_named(tmp_path: Path, account: str, message: str) -> None:
    with pytest.raises(EmulatorError, match=message), launch(tmp_path, only="storage", accounts=[account]):
        pass


@pytest.mark.slow  # starts a new emulator
def test_the_commands_print_a_connection_string(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory_option = ["--dir", str(tmp_path / "data")]
    try:
        assert main(["emulator", "start", *directory_option, "--only", "storage", "--detach"]) == 0
        endpoint = find(tmp_path / "data")
        assert endpoint is not None
        capsys.readouterr()
        assert main(["emulator", "status", *directory_option]) == 0
        assert f"connection  {endpoint.connection_string}" in capsys.readouterr().out
        assert main(["emulator", "env", *directory_option]) == 0
        assert f"export AZURE_STORAGE_CONNECTION_STRING='{endpoint.connection_string}'" in capsys.readouterr().out
    finally:
        assert main(["emulator", "reset", *directory_option]) == 0


def test_what_cannot_be_served_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "start", "--dir", str(tmp_path), "--only", "queues"]) == 2
    assert "the only service that can run alone is storage" in capsys.readouterr().err

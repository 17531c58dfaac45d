"""Applications and their roles, as options name them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobServiceClient

from harness.cli import main
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from harness.emulator.option_texts import parse_application, parse_tenant
from harness.emulator.roles import manages, permits
from harness.errors import EmulatorError


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("a=reader", ("Reader", "Storage Blob Data Reader", "Storage File Data Privileged Reader")),
        ("a=azureml data scientist", ("AzureML Data Scientist",)),
        ("a=storage blob  data owner", ("Storage Blob Data Owner",)),
        ("a=Storage Blob Data Reader,Storage Blob Data Reader", ("Storage Blob Data Reader",)),
        ("a=none", ()),
    ],
)
def test_an_application_has_roles_by_a_word_or_by_their_names(text: str, roles: tuple[str, ...]) -> None:
    assert parse_application(text) == ("a", roles)


@pytest.mark.parametrize("text", ["a", "=reader", "a b=reader", "a=", "a=king", "a=reader,"])
def test_what_is_no_application_is_named(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "start", "--dir", str(tmp_path / "data"), f"--application={text}"]) == 2
    assert f"--application {text}: " in capsys.readouterr().err


def test_what_is_no_tenant_is_named() -> None:
    with pytest.raises(EmulatorError, match="--tenant contoso: it must be a GUID"):
        parse_tenant("contoso")


@pytest.mark.parametrize(
    ("role", "action", "permitted"),
    [
        ("Storage Account Contributor", "blobServices/containers/setAcl/action", True),
        ("Storage Account Contributor", "blobServices/containers/blobs/read", False),
        ("Storage Account Contributor", "fileServices/fileshares/files/write", False),
        ("Storage Blob Data Owner", "blobServices/containers/getAcl/action", True),
        ("Storage Blob Data Contributor", "blobServices/containers/getAcl/action", False),
        ("Storage File Data Privileged Contributor", "fileServices/fileshares/files/delete", True),
        ("Storage File Data Privileged Reader", "fileServices/fileshares/files/delete", False),
        ("Storage File Data Privileged Reader", "fileServices/shares/read", False),
    ],
)
def test_a_role_permits_what_azures_does(role: str, action: str, permitted: bool) -> None:
    assert permits((role,), action) is permitted


@pytest.mark.parametrize(
    ("role", "action", "permitted"),
    [
        ("Owner", "Microsoft.Authorization/roleAssignments/write", True),
        ("Contributor", "Microsoft.Authorization/roleAssignments/write", False),
        ("Contributor", "microsoft.batchai/workspaces/delete", True),
        ("Reader", "Microsoft.BatchAI/workspaces/clusters/read", True),
        ("Reader", "Microsoft.Storage/storageAccounts/listKeys/action", False),
        ("Storage Account Contributor", "Microsoft.Storage/storageAccounts/listKeys/action", True),
        ("Storage Account Contributor", "Microsoft.BatchAI/workspaces/read", False),
        ("Storage Blob Data Owner", "Microsoft.Storage/storageAccounts/read", False),
        ("AzureML Data Scientist", "Microsoft.MachineLearningServices/workspaces/jobs/write", True),
        ("AzureML Data Scientist", "Microsoft.MachineLearningServices/workspaces/computes/write", False),
        ("AzureML Data Scientist", "Microsoft.MachineLearningServices/workspaces/write", False),
    ],
)
def test_a_role_manages_what_azures_does(role: str, action: str, permitted: bool) -> None:
    assert manages((role,), action) is permitted


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Endpoint:
    with launch(tmp_path_factory.mktemp("apps"), only="storage", applications=["reader=reader"]) as started:
        return started


def test_env_signs_in_as_an_application(
    running: Endpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("harness.cli.emulator.control.running", lambda _directory: running)

    assert main(["emulator", "env", "--application", "reader"]) == 0
    output = capsys.readouterr().out
    assert f"AZURE_CLIENT_ID={running.applications['reader'].client_id}" in output
    assert f"HTTPS_PROXY={running.proxy_url}" in output
    assert main(["emulator", "env", "--application", "writer"]) == 2
    assert "no application 'writer'; it has: reader" in capsys.readouterr().err


def test_storage_alone_leaves_the_proxy_alone_unless_it_is_wanted(running: Endpoint) -> None:
    assert "HTTPS_PROXY" not in running.environment()
    assert running.environment(by_proxy=True)["AZURE_TENANT_ID"] == running.tenant_id


def test_no_secret_is_shown(running: Endpoint) -> None:
    secret = running.applications["reader"].client_secret

    assert secret not in repr(running)
    assert secret not in repr(running.applications)


def test_env_of_an_application_has_no_key_of_the_account(running: Endpoint) -> None:
    values = running.environment("reader").values()

    assert not any(running.storage_key in value for value in values)
    assert running.storage_account in values


def test_env_for_another_machine_has_its_name_for_this_one_and_its_copy_of_the_authority(
    running: Endpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("harness.cli.emulator.control.running", lambda _directory: running)
    arguments = ["emulator", "env", "--application", "reader", "--host", "lab.example"]

    assert main([*arguments, "--authority", "/etc/emulator-ca.pem"]) == 0
    output = capsys.readouterr().out
    assert f"HTTPS_PROXY=http://lab.example:{running.proxy_url.rpartition(':')[2]}\n" in output
    assert "REQUESTS_CA_BUNDLE=/etc/emulator-ca.pem\n" in output

    assert main(arguments) == 2
    assert f"the path of its copy of {running.ca_path}" in capsys.readouterr().err


def test_each_of_a_team_signs_in_from_outside_with_the_rights_of_an_application(tmp_path: Path) -> None:
    host, authority = "127.0.0.5", tmp_path / "copy.pem"  # an address that no option names
    team = ["ada=contributor", "bob=reader"]
    with launch(tmp_path / "data", listen="0.0.0.0", https=True, host_names=[host], applications=team) as inside:
        authority.write_bytes(Path(inside.ca_path).read_bytes())
        outside = inside.for_host(host, str(authority))

        with blobs_of(outside, "ada") as blobs:
            blobs.create_container("shared")
        with blobs_of(outside, "bob") as blobs:
            assert "shared" in [container.name for container in blobs.list_containers()]
            with pytest.raises(HttpResponseError, match="not authorized"):
                blobs.create_container("bobs")


@contextmanager
def blobs_of(endpoint: Endpoint, application: str) -> Iterator[BlobServiceClient]:
    """The blobs of the first account, for a client that has only the variables of an application."""
    variables = endpoint.environment(application)
    transport: dict[str, Any] = {
        "proxies": {"https": variables["HTTPS_PROXY"]}, "connection_verify": variables["REQUESTS_CA_BUNDLE"],
    }  # fmt: skip
    names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
    url = f"https://{variables['HARNESS_STORAGE_ACCOUNT']}.blob.core.windows.net"
    with (
        ClientSecretCredential(*(variables[name] for name in names), **transport) as credential,
        BlobServiceClient(url, credential, **transport) as blobs,
    ):
        yield blobs

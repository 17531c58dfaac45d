import logging
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from harness.clouds import Cloud, open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.errors import SettingsError


def test_sessions_that_are_not_recorded_share_one_connection(emulator: Endpoint, tmp_path: Path) -> None:
    with open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud:
        with cloud.clients("a/one") as first, cloud.clients("a/two") as second:
            assert first.session is second.session
        with cloud.clients("a/three") as third:
            assert third.session.get("https://management.azure.com/").status_code == 401


def test_recorded_sessions_are_separate(emulator: Endpoint, tmp_path: Path) -> None:
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, record=True, endpoint=emulator) as cloud,
        cloud.clients("a/one") as first,
        cloud.clients("a/two") as second,
    ):
        assert first.session is not second.session


def test_a_recording_holds_no_identity_of_the_run_and_a_replay_has_the_same(emulator: Endpoint, tmp_path: Path) -> None:
    def tag(cloud: Cloud) -> str:
        with cloud.clients("a/group") as clients:
            groups = clients.resources.resource_groups
            groups.create_or_update("tagged", {"location": "eastus", "tags": {"run": cloud.facts.run}})
            run = groups.get("tagged").tags["run"]
            groups.begin_delete("tagged").result()
        return run

    with open_cloud("emulator", Settings(), cassettes=tmp_path, record=True, endpoint=emulator) as cloud:
        assert tag(cloud) == cloud.facts.run
        recorded = cloud.facts.run
    assert recorded not in (tmp_path / "batchai" / "a" / "group.json").read_text()
    with open_cloud("replay", Settings(), cassettes=tmp_path) as cloud:
        assert tag(cloud) == cloud.facts.run


def test_two_runs_have_different_identities(emulator: Endpoint, tmp_path: Path) -> None:
    runs = []
    for _ in range(2):
        with open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud:
            runs.append(cloud.facts.run)
    assert len(set(runs)) == 2


def test_signing_in_happens_once(emulator: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud:
        with cloud.clients("a/one") as clients:
            urls: list[str] = []
            send = clients.session.send

            def counted(request: requests.PreparedRequest, **options: Any) -> requests.Response:
                urls.append(request.url or "")
                return send(request, **options)

            monkeypatch.setattr(clients.session, "send", counted)
            list(clients.resources.resource_groups.list())
        with cloud.clients("a/two") as clients:
            list(clients.resources.resource_groups.list())
    assert sum("login.microsoftonline.com" in url and "/token" in url for url in urls) == 1


def test_no_log_tells_the_signature_of_a_link(
    emulator: Endpoint, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("a/link") as clients,
    ):
        account = cloud.facts.storage_account
        clients.session.get(f"https://{account}.file.core.windows.net/s/f?sv=2016-05-31&sig=secret%2Fpart&sp=r")
    assert "/s/f?sv=2016-05-31&sig=scrubbed&sp=r" in caplog.text
    assert "secret" not in caplog.text


def test_without_the_accounts_key_containers_are_reached_with_the_sign_in_and_shares_not_at_all(
    emulator: Endpoint, tmp_path: Path
) -> None:
    settings = Settings(storage_auth="identity")
    with (
        open_cloud("emulator", settings, cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("a/one") as clients,
    ):
        assert cloud.facts.storage_key == ""
        blobs = clients.storage(BlobServiceClient, "blob")
        blobs.create_container("signedin")
        assert "signedin" in [container.name for container in blobs.list_containers()]
        blobs.delete_container("signedin")
        with pytest.raises(SettingsError, match="file shares are accessible by key only"):
            _ = clients.files


def test_without_the_accounts_key_nothing_is_recorded(emulator: Endpoint, tmp_path: Path) -> None:
    settings = Settings(storage_auth="identity")
    with (
        pytest.raises(SettingsError, match="a recording is made with the key, so that it replays anywhere"),
        open_cloud("emulator", settings, cassettes=tmp_path, record=True, endpoint=emulator),
    ):
        pass

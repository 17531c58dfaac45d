"""Fixtures for tests of the user's own code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., pytest.RunResult]

USES_STORAGE = """
from azure.storage.fileshare import ShareServiceClient
import pytest

@pytest.mark.parametrize("number", range(4))
def test_shares(storage_emulator, number, tmp_path_factory):
    with ShareServiceClient.from_connection_string(storage_emulator.connection_string) as service:
        service.create_share(f"share-{number}")
    seen = tmp_path_factory.getbasetemp().parent.joinpath("seen")
    seen.mkdir(exist_ok=True)
    seen.joinpath(str(storage_emulator.pid)).touch()
"""

SENDS = """
from azure.storage.blob import BlobServiceClient

def test_containers(recorded_session):
    account = recorded_session.storage_account
    client = BlobServiceClient(f"https://{account}.blob.core.windows.net", recorded_session.storage_key,
                               transport=recorded_session.transport)
    client.create_container("box").upload_blob("b", b"hello")
    assert client.get_blob_client("box", "b").download_blob().readall() == b"hello"
    client.delete_container("box")
    assert PASSES
"""


def cassettes(pytester: pytest.Pytester) -> list[Path]:
    return sorted(pytester.path.joinpath("cassettes").rglob("*.json"))


def test_a_storage_emulator_is_there_for_a_session(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=USES_STORAGE)

    run("test_mine.py").assert_outcomes(passed=4)


@pytest.mark.slow  # starts processes
def test_workers_share_a_storage_emulator_which_ends_with_the_session(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytester.makepyfile(test_mine=USES_STORAGE)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    plugins = ("-p", "harness.plugin", "-p", "xdist.plugin")
    result = pytester.runpytest_subprocess(*plugins, "-n", "2", "--basetemp", str(tmp_path / "base"), "test_mine.py")

    result.assert_outcomes(passed=4)
    [pid] = [int(path.name) for path in tmp_path.rglob("seen/*")]
    directory = next(path for path in tmp_path.rglob("harness-storage") if path.is_dir())
    from harness.compute.process_handle import ends
    from harness.emulator.launch import find

    assert ends(pid, 600)  # far beyond what a busy machine needs
    assert find(directory) is None


@pytest.mark.slow  # an emulator in each session of the plugin
def test_what_a_client_sends_is_recorded_and_replayed(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=SENDS.replace("PASSES", "True"))
    run("test_mine.py", "--cloud", "emulator", "--record").assert_outcomes(passed=1)
    [cassette] = cassettes(pytester)
    recorded = cassette.read_bytes()
    assert json.loads(recorded)["interactions"][0]["request"]["method"] == "PUT"

    run("test_mine.py").assert_outcomes(passed=1)  # offline

    pytester.makepyfile(test_mine=SENDS.replace("PASSES", "False"))
    run("test_mine.py", "--cloud", "emulator", "--record").assert_outcomes(failed=1)
    assert cassette.read_bytes() == recorded  # that of a test that failed is not kept


@pytest.mark.slow  # an emulator
def test_a_recording_without_requests_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine="def test_nothing(recorded_session):\n    assert recorded_session.session\n")
    result = run("test_mine.py", "--cloud", "emulator", "--record")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines("*nothing was sent through recorded_session, so *test_nothing is not written*")
    assert cassettes(pytester) == []


def test_a_test_without_a_recording_says_how_to_make_one(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_mine=SENDS.replace("PASSES", "True"))
    result = run("test_mine.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*there is no cassette *test_containers*--record*")

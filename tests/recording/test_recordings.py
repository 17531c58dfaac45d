"""Microsoft's recordings, unchanged, are replayed by plain requests and by the SDKs of their time."""

import json
import os
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

import pytest
import requests
import yaml

import harness
from harness.recording import blocked_sockets, open_session, unused_answers
from harness.recording.bodies import unwrap_literals

ROOT = Path(harness.__file__).parents[1]
RECORDINGS = ROOT.parent / "shared" / "reference" / "recordings"
PLAYER = Path(__file__).with_name("sdk_player.py")
# The published client that is nearest to the one of the recordings of each API version.
CLIENTS = {"2017-09-01-preview": "0.2.0", "2018-03-01": "1.0.1", "2018-05-01": "2.0.0"}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"Microsoft's recordings are not at {RECORDINGS}"),
]


def recordings(version: str = "*") -> list[Path]:
    return sorted(RECORDINGS.glob(f"{version}/*.yaml"))


@pytest.mark.parametrize("recording", recordings(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_recording_replays_byte_for_byte(recording: Path) -> None:
    interactions = yaml.load(recording.read_bytes(), Loader=yaml.CSafeLoader)["interactions"]
    options = {"replacements": {}, "base": requests.Session, "provenance": {}}

    with open_session(recording, "replay", **options) as session, blocked_sockets():
        for item in interactions:
            request, expected = item["request"], item["response"]
            headers = {name: ", ".join(values) for name, values in request["headers"].items()}
            response = session.request(
                request["method"],
                request["uri"],
                headers=headers,
                data=unwrap_literals((request["body"] or "").encode()),
            )
            assert (response.status_code, response.reason) == (
                expected["status"]["code"],
                expected["status"]["message"],
            )
            assert response.content == expected["body"]["string"].encode()
            assert response.headers.items() >= {
                (name, ", ".join(values))
                for name, values in expected["headers"].items()
                if name not in ("content-length", "transfer-encoding")
            }
        assert unused_answers(session) == []


def play_cassettes(python: str, cassettes: list[Path]) -> list[dict[str, object]]:
    process = subprocess.run(
        [python, "-W", "ignore", str(PLAYER), *map(str, cassettes)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert process.returncode == 0, process.stderr
    return [json.loads(line) for line in process.stdout.splitlines()]


def test_the_last_sdk_replays_every_recording_of_its_api_version() -> None:
    cassettes = recordings("2018-05-01")

    assert [result["unused"] for result in play_cassettes(sys.executable, cassettes)] == [[]] * len(cassettes)


@pytest.mark.slow
@pytest.mark.parametrize("api_version", CLIENTS)
def test_the_sdk_of_its_time_replays_every_recording(
    api_version: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    if api_version != min(CLIENTS) and "slow" not in (pytestconfig.getoption("markexpr") or ""):
        pytest.skip("the oldest SDK is enough of a dose; all of them with: pytest -m slow")
    python = str(tmp_path / "venv" / "bin" / "python")
    venv.create(tmp_path / "venv", with_pip=True)
    packages = [
        f"azure-mgmt-batchai=={CLIENTS[api_version]}",
        "msrestazure",
        "azure-common",
        f"PyYAML=={version('PyYAML')}",
        f"msgspec=={version('msgspec')}",
    ]
    install = [python, "-m", "pip", "install", "-qq", *packages, "setuptools"]
    if subprocess.run(install, check=False, timeout=300).returncode:
        pytest.skip("the SDK of that time cannot be installed: no package index within reach")
    cassettes = recordings(api_version)

    assert [result["unused"] for result in play_cassettes(python, cassettes)] == [[]] * len(cassettes)

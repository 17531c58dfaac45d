"""No planted secret survives, and what referred to each other still does."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.errors import CassetteError
from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.scrub import Scrubber, scrub


def story(uri: str = "https://management.azure.com/", body: str = "", **headers: str) -> Interaction:
    return Interaction(RecordedRequest("GET", uri, headers), RecordedResponse(200, "OK", {}, body.encode()))


# The story's own words, among them a header's name: a secret that is one of them cannot be told from it.
FRAME = str(scrub(story("https://host/", "{}", **{"x-ms-copy-source": "stand-in"}), Scrubber({})))
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40).filter(
    lambda text: text not in FRAME and "stand-in" not in text
)


@given(SECRETS)
def test_no_spelling_of_a_known_secret_survives(secret: str) -> None:
    body = json.dumps({"plain": secret, "packed": base64.b64encode(secret.encode()).decode()})
    planted = story(f"https://host/{quote(secret, safe='')}", body, **{"x-ms-copy-source": secret})

    written = str(scrub(planted, Scrubber({secret: "stand-in"})))

    assert secret not in json.loads(scrub(planted, Scrubber({secret: "stand-in"})).response.body).values()
    assert base64.b64encode(secret.encode()).decode() not in written
    assert quote(secret, safe="") not in written


@given(st.binary(min_size=64, max_size=64).filter(lambda key: any(key[:32])))
def test_a_storage_key_becomes_a_key_that_can_sign(key: bytes) -> None:
    text = base64.b64encode(key).decode()

    scrubbed = Scrubber({}).text(f'{{"keys": [{{"value": "{text}"}}, {{"accountKey": "{text}"}}]}}')

    first, second = json.loads(scrubbed)["keys"]
    assert first["value"] == second["accountKey"] != text
    assert len(base64.b64decode(first["value"])) == 64


@given(st.text())
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    scrubber = Scrubber({"hunter22": "password"})

    assert scrubber.text(scrubber.text(text)) == scrubber.text(text)


@given(st.binary())
def test_bytes_without_secrets_stay_as_they_are(body: bytes) -> None:
    assert Scrubber({"a-long-secret-value": "x"}).body(body) == body


def test_credentials_in_headers_are_not_kept() -> None:
    scrubbed = scrub(story(Authorization="Bearer abc", Cookie="a=b"), Scrubber({}))

    assert scrubbed.request.headers == {}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (f'{{"value": "{base64.b64encode(bytes(range(64))).decode()}"}}', "a storage account key"),
        ("https://a.file.core.windows.net/s/f?sv=2018&sig=abc%3D", "a SAS signature"),
        ('{"adminUserPassword": "hunter22"}', "a secret field"),
        ("token eyJhbGciOi.eyJzdWIiOi.c2ln", "a token"),
        ("x-word hunter22", "a value that the settings know as secret"),
    ],
)
def test_a_cassette_with_a_secret_is_not_written(tmp_path: Path, body: str, what: str) -> None:
    with pytest.raises(CassetteError, match=f"is not written: .* would hold {what}"):
        save_cassette(tmp_path / "a.yaml", [story(body=body)], {}, ["hunter22"])
    assert list(tmp_path.iterdir()) == []


def test_check_finds_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_cassette(tmp_path / "a.yaml", [story(body="harmless")], {})
    text = (tmp_path / "a.yaml").read_text()
    (tmp_path / "a.yaml").write_text(text.replace("harmless", "https://a/b?sig=abcdef"))

    assert main(["cassettes", "check", str(tmp_path)]) == 1
    line = text[: text.index("harmless")].count("\n") + 1
    assert f"{tmp_path / 'a.yaml'}:{line}: looks like a SAS signature" in capsys.readouterr().out


def test_check_looks_into_packed_bodies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import gzip

    body = base64.b64encode(gzip.compress(b'{"password": "hunter22"}')).decode()
    (tmp_path / "a.yaml").write_text(
        "version: 1\ninteractions:\n- request: {method: GET, uri: 'https://a/', body: null, headers: {}}\n"
        "  response:\n    status: {code: 200, message: OK}\n    headers: {Content-Encoding: [gzip]}\n"
        f"    body: {{string: !!binary {body}}}\n"
    )

    assert main(["cassettes", "check", str(tmp_path)]) == 1
    assert "a secret field in the answer's body" in capsys.readouterr().out


def test_show_prints_where_a_cassette_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_cassette(tmp_path / "a.yaml", [story(body="{}")], {"cloud": "emulator"})

    assert main(["cassettes", "show", str(tmp_path / "a.yaml")]) == 0
    out = capsys.readouterr().out
    assert "cloud: emulator" in out
    assert "management.azure.com" in out

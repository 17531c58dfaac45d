"""The text that scrubbing keeps, and the placeholders that it writes; test_canary shows that no secret survives."""

import base64
import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CassetteError
from harness.recording import load_cassette
from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.processors import scrub, scrub_all
from harness.recording.scrub import Scrubber
from harness.recording.secrets import find_secrets, secrets_of_body

Open = Callable[..., AbstractContextManager[requests.Session]]
KEYS = st.binary(min_size=64, max_size=64).filter(lambda key: any(key[:32]))


def interaction(uri: str = "https://management.azure.com/", body: str | bytes = "", **headers: str) -> Interaction:
    data = body.encode() if isinstance(body, str) else body
    return Interaction(RecordedRequest("GET", uri, headers), RecordedResponse(200, "OK", {}, data))


@given(KEYS)
def test_a_storage_key_becomes_a_key_that_can_sign(key: bytes) -> None:
    text = base64.b64encode(key).decode()

    scrubbed = Scrubber({}).text(f'{{"keys": [{{"value": "{text}"}}, {{"accountKey": "{text}"}}]}}')

    first, second = json.loads(scrubbed)["keys"]
    assert first["value"] == second["accountKey"] != text
    assert len(base64.b64decode(first["value"])) == 64


@given(KEYS, KEYS)
def test_values_that_differ_get_placeholders_that_differ(first: bytes, second: bytes) -> None:
    texts = {Scrubber({}).text(base64.b64encode(key).decode()) for key in (first, second)}

    assert len(texts) == len({first, second})


FRAGMENTS = st.sampled_from(
    [
        "password=", '"password": "', '"', "\n", "\\n", "&", "sig=", "hunter22", " ", ":",
        "eyJhbGciOi.eyJzdWIiOi.c2ln",
        "A" * 86 + "==", "https://", "acct1.file.core.windows.net", "/subscriptions/", "storageAccounts/",
        "accountName",
        "7f0b2c4d-91aa-4e0c-b7a5-3c2d1e0f9a8b", "me@corp.com", "<Key>", "</Key>",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB",
        "cGFzc3dvcmQ9aHVudGVy",
    ]
)  # fmt: skip


@given(st.lists(FRAGMENTS | st.text(max_size=5), max_size=12).map("".join))
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    scrubber = Scrubber({"hunter22": "password"})

    assert scrubber.text(scrubber.text(text)) == scrubber.text(text)


@given(st.lists(FRAGMENTS | st.text(max_size=5), max_size=12).map("".join))
def test_what_was_scrubbed_does_not_look_secret(text: str) -> None:
    assert [secret.kind for secret in find_secrets(Scrubber({}).text(text))] == []


@given(st.binary())
def test_bytes_without_secrets_stay_as_they_are(body: bytes) -> None:
    assert Scrubber({"a-long-secret-value": "x"}).body(body) == body


@given(st.lists(FRAGMENTS | st.text(max_size=5), max_size=12).map("".join))
def test_a_part_of_a_file_keeps_its_length(text: str) -> None:
    body = text.encode()

    assert len(Scrubber({"hunter22": "a much longer placeholder"}).body(body, in_place=True)) == len(body)


@given(st.binary(), st.sampled_from(["utf-16-le", "utf-16-be"]))
def test_text_in_utf_16_is_text_even_if_it_is_cut(body: bytes, codec: str) -> None:
    marked = "\ufeffpassword=hunter2222 ".encode(codec)

    scrubbed = Scrubber({}).body(marked + body)

    assert "hunter2222".encode(codec) not in scrubbed or len(body) % 2


@given(st.binary(max_size=200), st.sampled_from([b"me@corp.com", b"pwd=abc", b"\xff"]))
def test_what_scrubbing_leaves_of_other_bytes_can_be_saved(body: bytes, likeness: bytes) -> None:
    data = b"\xff" + body + likeness + b"\xfe"

    assert list(secrets_of_body(Scrubber({}).body(data))) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"code": "InvalidAuthenticationTokenTenant", "message": "The access token is from the wrong issuer"}',
        '{"password": null, "secretUrl": "https://vault/x", "keyName": "key1", "primaryKey": ""}',
        '{"nextLink": "https://management.azure.com/x?$skiptoken=abcdefgh0123", "continuationToken": "abcdefgh0123"}',
        '{"id": "/subscriptions/00000000-0000-0000-0000-000000000000/x"}',
        '{"jobId": "7f0b2c4d-91aa-4e0c-b7a5-3c2d1e0f9a8b"}',
        "Enter password:\nLogin ok\n",
        "contact someone@example.com or git@localhost, see https://docs.microsoft.com/azure",
        "Finished Epoch[1 of 5]: [Training] loss = 1.36 * 9000, metric = 45.5% * 9000 3.2s",
        "data:application/octet-stream;base64," + base64.b64encode(bytes(range(200))).decode(),
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Scrubber({}).text(text) == text


def test_a_short_word_is_replaced_only_where_it_stands_alone() -> None:
    scrubbed = Scrubber({"admin": "harness"}).text('{"adminUserName": "admin", "group": "administrators"}')

    assert scrubbed == '{"adminUserName": "harness", "group": "administrators"}'


def test_credentials_in_headers_are_not_kept() -> None:
    scrubbed = scrub(interaction(Authorization="Bearer abc", Cookie="a=b"), Scrubber({}))

    assert scrubbed.request.headers == {}


def test_json_stays_json() -> None:
    body = {
        "adminUserPassword": 'q"uo\\te\n',
        "text": "line\nme@corp.com",
        "key": base64.b64encode(bytes(range(1, 65))).decode(),
    }

    (scrubbed,), _ = scrub_all([interaction(body=json.dumps(body))], Scrubber({}))

    assert json.loads(scrubbed.response.body)["adminUserPassword"] == "scrubbed"


def test_a_checksum_goes_with_the_body_that_it_was_of() -> None:
    response = RecordedResponse(200, "OK", {"Content-MD5": "abc", "ETag": "1"}, b"password=hunter22")

    scrubbed = scrub(Interaction(RecordedRequest("GET", "https://a/"), response), Scrubber({}))

    assert scrubbed.response.headers == {"ETag": "1"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (f'{{"value": "{base64.b64encode(bytes(range(64))).decode()}"}}', "a storage account key"),
        ("https://a.file.core.windows.net/s/f?sv=2018&sig=abc%3D", "a SAS signature"),
        ('{"adminUserPassword": "hunter22"}', "a secret field"),
        ('{"passwords": [{"name": "password2", "value": "dEf4+abc"}]}', "a secret field"),  # of a container registry
        ('{"environmentVariables": {"HF_TOKEN": "hf_abcdef"}}', "a secret field"),
        ("DB_PASS=hunter22", "a secret field"),
        (f'{{"secretsType": "Certificate", "certificate": "{"MIIKcAIB" * 8}"}}', "a secret field"),  # of a datastore
        ("token eyJhbGciOi.eyJzdWIiOi.c2ln", "a token"),
        ("x-word hunter22", "a value that the settings know as secret"),
        (base64.b64encode(b"x-word hunter22").decode(), "a value that the settings know as secret"),
    ],
)
def test_a_cassette_with_a_secret_is_not_written(tmp_path: Path, body: str, kind: str) -> None:
    with pytest.raises(CassetteError, match=f"is not written: the response body of GET / would hold {kind}"):
        save_cassette(tmp_path / "a.yaml", [interaction(body=body)], {}, ["hunter22"])
    assert list(tmp_path.iterdir()) == []


def test_a_secret_in_the_provenance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="its provenance, cloud, would hold a value that the settings know"):
        save_cassette(tmp_path / "a.yaml", [], {"cloud": "hunter22"}, ["hunter22"])


def test_a_cassette_says_when_against_what_and_with_what_it_was_recorded(
    server: str, open_recorded: Open, cassette: Path
) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/x")

    provenance = json.loads(cassette.read_text())["provenance"]
    assert provenance["cloud"] == "a local server"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", provenance["recorded"])
    assert provenance["requests"] == requests.__version__
    assert load_cassette(cassette)

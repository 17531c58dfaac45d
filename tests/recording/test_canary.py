"""Unique secrets are planted in many locations of a recording, and none of them may survive in a file."""

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.recording.cassette import load_cassette, save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.placeholders import is_placeholder
from harness.recording.processors import scrub_all
from harness.recording.scrub import Scrubber
from harness.recording.secrets import secrets_of_body
from tests.recording.hiding import BYTES, ENCODINGS, Search

Plant = Callable[[str], Interaction]

GUID = "7f0b2c4d-91aa-4e0c-b7a5-3c2d1e0f9a8b"
PASSWORD = "Tr0ub4dor&3/x+y"
ACCOUNT_KEY = base64.b64encode(bytes(range(1, 65))).decode()
SIGNATURE = "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA+/x="
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSIsImFkbWluIjp0cnVlfQ.c2lnbmF0dXJlLW9mLXRva2Vu"
HOST_KEY = "AAAAB3NzaC1yc2EAAAADAQABAAABgQDVeryLongHostKeyOfSomeNode0123456789"
MAIL = "jane.doe+azure@contoso-research.com"
ACCOUNT = "contosodata42"


def response(body: str | bytes, uri: str = "https://management.azure.com/x", **headers: str) -> Interaction:
    data = body.encode() if isinstance(body, str) else body
    return Interaction(RecordedRequest("POST", uri, {}), RecordedResponse(200, "OK", headers, data))


def request(body: str, uri: str = "https://management.azure.com/x", **headers: str) -> Interaction:
    return Interaction(RecordedRequest("PUT", uri, headers, body.encode()), RecordedResponse(200, "OK", {}, b""))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def wrapped_b64(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


def sas(signature: str) -> str:
    return f"https://host/file?sv=2018&sig={quote(signature, safe='')}&se=2019"


PRIVATE = "PRIVATE KEY-----"
MULTIPART = '--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n--b--\r\n'

# Messages with a secret that is recognizable only by its location.
PASSWORD_LOCATIONS: dict[str, Plant] = {
    "JSON": lambda s: request(json.dumps({"userAccountSettings": {"adminUserPassword": s}})),
    "JSON, other spelling": lambda s: response(json.dumps({"client_secret": s})),
    "JSON in JSON": lambda s: response(json.dumps({"log": json.dumps({"password": s})})),
    "a list of secrets": lambda s: request(
        json.dumps({"secrets": [{"name": "A", "value": "ok]"}, {"name": "B", "value": s}]})
    ),
    "an environment variable": lambda s: request(json.dumps({"env": [{"name": "DB_PASSWORD", "value": s}]})),
    "an environment variable, turned": lambda s: request(json.dumps({"env": [{"value": s, "name": "API_KEY"}]})),
    "a form": lambda s: request(urlencode({"grant_type": "client_credentials", "client_secret": s, "x": "y"})),
    "a query": lambda s: response("", f"https://host/login?user=me&password={quote_plus(s)}&x=y"),
    "XML": lambda s: response(f"<a><Password>{escape(s)}</Password></a>"),
    "an XML key": lambda s: response(f"<Keys><Key>{escape(s)}</Key></Keys>"),
    "multi-part": lambda s: request(MULTIPART.format(name="password", value=s)),
    "a log": lambda s: response(f"12:00 starting\n12:01 password = {s}\n12:02 done\n"),
    "an environment dump": lambda s: response(f"HOME=/root\nAZURE_CLIENT_SECRET={s}\nPATH=/bin\n"),
    "a command line": lambda s: response(f"+ run --account-key {s} --verbose\n"),
    "Python's way to show it": lambda s: response(f"{{'a': 1, 'password': {s!r}}}"),
    "a URL": lambda s: response(f"cloning https://me:{quote(s, safe='')}@git.contoso.dev/repo\n"),
    "a header": lambda s: response("", **{"x-api-key": s}),
    "base64 of JSON": lambda s: response(json.dumps({"data": b64(json.dumps({"password": s}))})),
    "base64 in lines": lambda s: response(wrapped_b64(json.dumps({"padding": "x" * 90, "password": s}))),
    "base64 of base64": lambda s: response(b64(json.dumps({"inner": b64(json.dumps({"password": s}))}))),
    "gzip": lambda s: response(gzip.compress(json.dumps({"password": s}).encode())),
    "base64 of gzip": lambda s: response(
        json.dumps({"z": base64.b64encode(gzip.compress(json.dumps({"password": s}).encode())).decode()})
    ),
    "UTF-16": lambda s: response(f"password={s}\r\n".encode("utf-16")),
}

OTHER_LOCATIONS: dict[str, tuple[str, Plant]] = {
    "a key in XML": (ACCOUNT_KEY, lambda s: response(f"<Value>{s}</Value>")),
    "a key in a list": (ACCOUNT_KEY, lambda s: response(json.dumps({"keys": [{"keyName": "key1", "value": s}]}))),
    "a key after an escape": (ACCOUNT_KEY, lambda s: response(json.dumps({"log": f"\n{s}"}))),
    "a connection string": (ACCOUNT_KEY, lambda s: response(f"AccountName=a;AccountKey={s};EndpointSuffix=core")),
    "a key in a form": (ACCOUNT_KEY, lambda s: request(urlencode({"k": s}))),
    "a key in base64": (ACCOUNT_KEY, lambda s: response(b64(f"the key is {s}, keep it"))),
    "a key among bytes": (ACCOUNT_KEY, lambda s: response(b"\xff\x00" + s.encode() + b"\x00\xfe")),
    "a SAS": (SIGNATURE, lambda s: response("", sas(s))),
    "a SAS in JSON": (SIGNATURE, lambda s: response(json.dumps({"url": sas(s)}).replace("&", "\\u0026"))),
    "a SAS in XML": (SIGNATURE, lambda s: response(f"<Url>{escape(sas(s))}</Url>")),
    "a SAS in a query": (SIGNATURE, lambda s: response("", f"https://h/?url={quote(sas(s), safe='')}")),
    "a SAS header": (SIGNATURE, lambda s: request("", **{"x-ms-copy-source": sas(s)})),
    "a token in JSON": (TOKEN, lambda s: response(json.dumps({"t": s}))),
    "a token in a log": (TOKEN, lambda s: response(f"> Authorization: Bearer {s}\n")),
    "basic authentication": (b64("me:" + PASSWORD), lambda s: response(f"Authorization: Basic {s}\n")),
    "shared key": (b64("x" * 32), lambda s: response(f"'Authorization': 'SharedKey acct:{s}'")),
    "a private key": (b64("k" * 300), lambda s: response(f"-----BEGIN RSA {PRIVATE}\n{s}\n-----END RSA {PRIVATE}")),
    "a host key": (HOST_KEY, lambda s: response(f"10.0.0.4 ssh-rsa {s} root@node")),
    "a fingerprint": ("q" * 43, lambda s: response(f"ECDSA host key SHA256:{s} learnt")),
    "a subscription in a URL": (GUID, lambda s: response("", f"https://management.azure.com/subscriptions/{s}/providers")),
    "a subscription in JSON": (GUID, lambda s: response(json.dumps({"subscriptionId": s}))),
    "a tenant": (GUID, lambda s: response(json.dumps({"value": [{"tenantId": s}]}))),
    "an authority": (GUID, lambda s: response(f'authorization_uri="https://login.microsoftonline.com/{s}"')),
    "an address": (MAIL, lambda s: response(json.dumps({"tags": {"owner": s}}))),
    "an address after an escape": (MAIL, lambda s: response(json.dumps({"log": f"\n{s}"}))),
    "an encoded address": (MAIL, lambda s: response("", f"https://h/?user={quote(s, safe='')}")),
    "an account's host": (ACCOUNT, lambda s: response(f"https://{s}.file.core.windows.net/share")),
    "an account's URL": (ACCOUNT, lambda s: response("", f"https://{s}.blob.core.windows.net/c/b")),
    "an account's id": (ACCOUNT, lambda s: response(f'{{"id": "/x/Microsoft.Storage/storageAccounts/{s}"}}')),
    "an account's name": (ACCOUNT, lambda s: response(f'{{"id": "/x/storageAccounts/{s}", "name": "{s}"}}')),
    "an account in settings": (ACCOUNT, lambda s: response(json.dumps({"azureFileShare": {"accountName": s}}))),
}  # fmt: skip


def texts_of(item: Interaction) -> str:
    """The text of an interaction, with its bodies decompressed."""
    bodies = [
        gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in (item.request.body, item.response.body)
    ]
    texts = [body.decode("utf-16" if body[:2] == b"\xff\xfe" else "utf-8", "replace") for body in bodies]
    headers = [*item.request.headers.values(), *item.response.headers.values()]
    return "\n".join([item.request.uri, *headers, *texts])


def encoded_forms(secret: str) -> set[str]:
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        escape(secret),
        repr(secret)[1:-1],
        b64(secret),
    }


def cassette_text(path: Path, *recording: Interaction) -> str:
    """Save a recording, and return the text of its cassette and of all its interactions, with bodies decompressed."""
    items, scrubber = scrub_all(recording, Scrubber({}))
    save_cassette(path, items, {}, scrubber.secret_values)
    return "\n".join([path.read_text(encoding="utf-8"), *map(texts_of, load_cassette(path))])


@pytest.mark.parametrize("location", PASSWORD_LOCATIONS)
def test_a_password_does_not_survive_in(location: str, tmp_path: Path) -> None:
    text = cassette_text(tmp_path / "a.yaml", PASSWORD_LOCATIONS[location](PASSWORD))

    assert not [form for form in encoded_forms(PASSWORD) if form in text]


@pytest.mark.parametrize("location", OTHER_LOCATIONS)
def test_no_secret_survives_in(location: str, tmp_path: Path) -> None:
    secret, plant = OTHER_LOCATIONS[location]

    text = cassette_text(tmp_path / "a.yaml", plant(secret))

    assert not [form for form in encoded_forms(secret) if form in text]


@pytest.mark.parametrize("location", PASSWORD_LOCATIONS)
@pytest.mark.parametrize(
    "bare",
    [
        lambda s: response(f"somebody typed {s} here"),
        lambda s: response(json.dumps({"text": f"somebody typed {s} here"})),
        lambda s: response("", f"https://host/{quote(s, safe='')}/x"),
        lambda s: response(json.dumps({"packed": b64(f"somebody typed {s} here")})),
        lambda s: response(f"<Text>{escape(s)}</Text>"),
    ],
    ids=["text", "JSON", "URL", "base64", "XML"],
)
def test_what_one_message_shows_to_be_secret_survives_in_no_other(location: str, bare: Plant, tmp_path: Path) -> None:
    text = cassette_text(tmp_path / "a.yaml", bare(PASSWORD), PASSWORD_LOCATIONS[location](PASSWORD))

    assert not [form for form in encoded_forms(PASSWORD) if form in text]


EVERYWHERE = [*PASSWORD_LOCATIONS.values(), *(plant for _, plant in OTHER_LOCATIONS.values())]
# Words of the messages themselves, such as the name of a header, cannot be distinguished from an equal secret.
FRAMES = "".join(str(plant("placeholder")) for plant in EVERYWHERE)


SECRET = "Tr0ub4dor&3/x+y\"'=z"
SEARCH = Search([("it", SECRET)])
# The secret alone, in a text, in JSON, and between letters.
FRAMES_OF_TEXT: dict[str, Callable[[str], str]] = {
    "alone": str,
    "text": "somebody typed {} here\n".format,
    "JSON": lambda text: json.dumps({"log": f"somebody typed {text} here\n"}),
    "other letters": "abc{}def".format,
}


def surviving_secrets(path: Path, *recording: Interaction, secret: str = "") -> set[str]:
    """Save a recording, and return the names of secrets in its cassette and in its bodies."""
    items, scrubber = scrub_all(recording, Scrubber({secret: "placeholder"} if secret else {}))
    save_cassette(path, items, {}, scrubber.secret_values)
    bodies = [item.response.body for item in load_cassette(path)]
    return SEARCH.in_data(path.read_bytes()).union(*map(SEARCH.in_data, bodies))


@pytest.mark.parametrize("frame", FRAMES_OF_TEXT)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_of_the_settings_does_not_survive_in_encoding(encoding: str, frame: str, tmp_path: Path) -> None:
    body = FRAMES_OF_TEXT[frame](ENCODINGS[encoding](SECRET))

    assert surviving_secrets(tmp_path / "a.json", response(body), secret=SECRET) == set()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_one_message_shows_to_be_secret_does_not_survive_in_encoding(encoding: str, tmp_path: Path) -> None:
    body = f"somebody typed {ENCODINGS[encoding](SECRET)} here"

    assert surviving_secrets(tmp_path / "a.json", response(json.dumps({"password": SECRET})), response(body)) == set()


@pytest.mark.parametrize("field", [json.dumps({"password": SECRET}), urlencode({"client_secret": SECRET, "x": "y"})])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_secret_field_does_not_survive_in_encoding(encoding: str, field: str, tmp_path: Path) -> None:
    body = f"somebody sent {ENCODINGS[encoding](field)} here"

    assert surviving_secrets(tmp_path / "a.json", response(body)) == set()


@pytest.mark.parametrize("text", [SECRET, b64(SECRET), json.dumps({"password": SECRET})])
@pytest.mark.parametrize("packing", BYTES)
def test_a_secret_does_not_survive_in_bytes(packing: str, text: str, tmp_path: Path) -> None:
    body = BYTES[packing](f"somebody typed {text} here, at noon".encode())

    assert surviving_secrets(tmp_path / "a.json", response(body), secret=SECRET) == set()


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=30).filter(
        lambda text: not is_placeholder(text) and SEARCH.in_data(text.encode()) == set()
    ),
    st.lists(st.sampled_from(list(ENCODINGS)), min_size=1, max_size=2),
    st.sampled_from(["alone", "text", "JSON"]),
)
def test_a_secret_of_the_settings_in_two_encodings_is_replaced_or_refused(
    secret: str, encodings: list[str], frame: str
) -> None:
    text = secret
    for encoding in encodings:
        text = ENCODINGS[encoding](text)
    (item,), scrubber = scrub_all([response(FRAMES_OF_TEXT[frame](text))], Scrubber({secret: "placeholder"}))

    is_refused = any(secrets_of_body(item.response.body, scrubber.secret_values))
    assert is_refused or Search([("it", secret)]).in_data(item.response.body) == set()


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=40).filter(
        lambda text: text not in FRAMES and not is_placeholder(text)
    ),
    st.sampled_from(EVERYWHERE),
)
def test_a_known_secret_survives_nowhere(secret: str, plant: Plant) -> None:
    (item,), scrubber = scrub_all([plant(secret)], Scrubber({secret: "placeholder"}))

    assert not list(scrubber.secret_values.find(texts_of(item)))


@given(st.uuids(version=4).map(str), st.booleans())
def test_equal_secrets_get_equal_placeholders(guid: str, upper: bool) -> None:
    spelled = guid.upper() if upper else guid
    templates = (
        "https://host/subscriptions/{}/x",
        '{{"tenantId": "{}"}}',
        "https://login.microsoftonline.com/{}/oauth2",
    )

    scrubbed = [Scrubber({}).text(template.format(spelled)) for template in templates]

    (placeholder,) = {
        text.removeprefix(template[: template.index("{}")].replace("{{", "{"))[:36]
        for text, template in zip(scrubbed, templates, strict=True)
    }
    assert placeholder not in (guid, spelled)

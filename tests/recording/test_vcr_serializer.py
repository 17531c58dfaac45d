"""vcrpy and the harness replay each other's cassettes without loss."""

import gzip
import io
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests
import vcr
from hypothesis import given
from hypothesis import strategies as st

from harness import VcrSerializer
from harness.errors import CassetteError
from harness.recording import load_cassette, vcr_serializer
from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse

Open = Callable[..., AbstractContextManager[requests.Session]]
Use = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def use(cassette: Path) -> Use:
    """A user's VCR with the harness's serializer, on the cassette."""
    recorder = vcr.VCR()
    recorder.register_serializer("harness", VcrSerializer)

    def use_it(**options: object) -> AbstractContextManager[Any]:
        tape: AbstractContextManager[Any] = recorder.use_cassette(str(cassette), serializer="harness", **options)
        return tape

    return use_it


def test_vcrpy_plays_what_we_write(server: str, open_recorded: Open, use: Use) -> None:
    with open_recorded("record") as session:
        for path in ("hello", "bytes", "poll", "poll", "poll"):
            session.get(f"{server}/{path}")

    with use(record_mode="none"):
        assert requests.get(f"{server}/hello", timeout=5).json() == {"path": "/hello"}
        assert requests.get(f"{server}/bytes", timeout=5).content == bytes(range(256)) * 64
        states = [requests.get(f"{server}/poll", timeout=5).json()["state"] for _ in range(3)]
    assert states == ["running", "running", "done"]


def test_we_play_what_vcrpy_writes(server: str, open_recorded: Open, use: Use) -> None:
    with use():
        requests.get(f"{server}/bytes", timeout=5)
        requests.put(f"{server}/put", data=b"x", timeout=5)

    with open_recorded("replay") as session:
        assert session.get(f"{server}/bytes").content == bytes(range(256)) * 64
        assert session.put(f"{server}/put", data=b"x").text == "put x"


def test_polls_that_were_counted_are_played_as_often(cassette: Path, use: Use) -> None:
    item = Interaction(RecordedRequest("GET", "https://a.example/"), RecordedResponse(200, "OK", {}, b"{}"), 3)
    save_cassette(cassette, [item], {})

    with use(record_mode="none") as tape:
        for _ in range(3):
            requests.get("https://a.example/", timeout=5)
        assert tape.all_played


def test_what_vcrpy_adds_to_a_cassette_of_ours_is_added(
    server: str, open_recorded: Open, use: Use, cassette: Path
) -> None:
    with open_recorded("record") as session:
        session.get(f"{server}/one")

    with use(record_mode="new_episodes"):
        requests.get(f"{server}/two", timeout=5)

    assert [item.request.uri for item in load_cassette(cassette)] == [f"{server}/one", f"{server}/two"]
    assert "provenance" not in json.loads(cassette.read_text())


def test_cookies_stay_lines_of_their_own(cassette: Path, use: Use) -> None:
    response = RecordedResponse(200, "OK", {}, b"", ("a=scrubbed; Path=/", "b=scrubbed; Path=/"))
    save_cassette(cassette, [Interaction(RecordedRequest("GET", "https://a.example/"), response)], {})

    with use(record_mode="none"), requests.Session() as session:
        session.get("https://a.example/", timeout=5)
        assert sorted(session.cookies.keys()) == ["a", "b"]


BODIES = st.none() | st.text(max_size=40) | st.binary(max_size=40) | st.just('{"a":1}')
HEADERS = st.dictionaries(
    st.sampled_from(["ETag", "a", "Set-Cookie"]), st.lists(st.text(max_size=9), min_size=1, max_size=1)
)


@given(st.lists(st.tuples(BODIES, BODIES, HEADERS), max_size=3))
def test_what_is_serialized_is_deserialized(parts: list[tuple[Any, Any, dict[str, list[str]]]]) -> None:
    entries = [
        {
            "request": {"method": "PUT", "uri": "https://a/", "headers": headers, "body": request_body},
            "response": {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": body or ""}},
        }
        for request_body, body, headers in parts
    ]

    restored = vcr_serializer.deserialize(vcr_serializer.serialize({"version": 1, "interactions": entries}))[
        "interactions"
    ]

    for (request_body, body, headers), entry in zip(parts, restored, strict=True):
        assert (entry["request"]["body"] or b"") == _bytes(request_body)
        assert entry["response"]["body"]["string"] == _bytes(body)
        assert entry["response"]["headers"] == headers


def _bytes(body: str | bytes | None) -> bytes:
    return (body or "").encode() if not isinstance(body, bytes) else body


@pytest.mark.parametrize("body", [io.BytesIO(b"ab"), iter([b"a", b"b"]), iter(["a", "b"]), b"ab", "ab"])
def test_a_body_of_any_kind_that_vcrpy_passes_on_is_written(body: object) -> None:
    entry = {
        "request": {"method": "PUT", "uri": "https://a/", "headers": {}, "body": body},
        "response": {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": ""}},
    }

    text = vcr_serializer.serialize({"version": 1, "interactions": [entry]})
    assert vcr_serializer.deserialize(text)["interactions"][0]["request"]["body"] == b"ab"


def test_a_compressed_body_is_written_readable() -> None:
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Encoding": ["gzip"]},
        "body": {"string": gzip.compress(b'{"a":1}')},
    }
    entry = {"request": {"method": "GET", "uri": "https://a/", "headers": {}, "body": None}, "response": response}

    text = vcr_serializer.serialize({"version": 1, "interactions": [entry]})

    assert json.loads(text)["interactions"][0]["response"]["body"] == {"json": {"a": 1}}


def test_metadata_of_vcrpy_is_kept() -> None:
    text = vcr_serializer.serialize({"version": 1, "interactions": [], "metadata": {"seed": [1, None]}})

    assert vcr_serializer.deserialize(text)["metadata"] == {"seed": [1, None]}


@pytest.mark.parametrize("text", ["interactions: []\nversion: 1\n", '{"version": 1, "interactions": []}', ""])
def test_a_cassette_in_another_format_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(CassetteError, match="harness cassettes convert"):
        vcr_serializer.deserialize(text)


def test_a_cassette_with_very_many_repeats_is_refused() -> None:
    entry = '{"count": 1000000, "request": {"method": "GET", "uri": "https://a/"}, "response": {"status": 200}}'

    with pytest.raises(CassetteError, match="more than 100000 requests"):
        vcr_serializer.deserialize(f'{{"version": 2, "interactions": [{entry}]}}')

"""Cassettes on disk: read where they are needed, and whoever wrote them."""

import gzip
import string
import tempfile
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import CassetteError
from harness.recording import load_cassette
from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.reel import open_reel

Open = Callable[..., AbstractContextManager[requests.Session]]
HEADERS = st.dictionaries(
    st.sampled_from(["ETag", "x-ms-version", "P3P"]), st.text("a: '#\"0", min_size=1).map(str.strip)
)
ANSWERS = st.binary(max_size=6000) | st.text(max_size=300).map(str.encode)


def told(uri: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Interaction:
    return Interaction(RecordedRequest("GET", uri), RecordedResponse(200, "OK", headers or {}, body))


@given(st.lists(st.tuples(st.text(string.printable[:90], max_size=20), ANSWERS, HEADERS), min_size=1, max_size=4))
def test_what_is_saved_is_loaded(parts: list[tuple[str, bytes, dict[str, str]]]) -> None:
    story = [told(f"https://a.file.core.windows.net/{path}", body, headers) for path, body, headers in parts]
    with tempfile.TemporaryDirectory() as name:
        save_cassette(Path(name) / "a.yaml", story, {"cloud": "emulator"})

        assert load_cassette(Path(name) / "a.yaml") == story


def test_a_damaged_interaction_spoils_only_itself(opened: Open, cassette: Path) -> None:
    save_cassette(cassette, [told("https://a/1"), told("https://a/2")], {})
    cassette.write_text(cassette.read_text().replace("code: 200", "code: '200", 1))

    with opened("replay") as session:
        assert session.get("https://a/2").json() == {}
        with pytest.raises(CassetteError, match=r"story\.yaml cannot be read"):
            session.get("https://a/1")


@pytest.mark.parametrize("text", ["", "[1, 2]", "interactions: 5", "interactions: [", "a: b", "interactions:\n- 5\n"])
def test_what_is_no_cassette_is_refused(cassette: Path, text: str) -> None:
    cassette.parent.mkdir()
    cassette.write_text(text)

    with pytest.raises(CassetteError, match=str(cassette)):
        load_cassette(cassette)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_either_kind_are_read(cassette: Path, end: str) -> None:
    save_cassette(cassette, [told("https://a/1"), told("https://a/2", b"x" * 5000)], {})
    cassette.write_bytes(cassette.read_text().replace("\n", end).encode())

    assert [item.request.uri for item in load_cassette(cassette)] == ["https://a/1", "https://a/2"]


def test_a_list_beside_the_interactions_is_no_part_of_them(cassette: Path) -> None:
    save_cassette(cassette, [told("https://a/1")], {})
    text = cassette.read_text()
    cassette.write_text(text + text[text.index("interactions:") :].replace("interactions:", "ignored:"))

    assert len(load_cassette(cassette)) == 1


def test_text_that_looks_like_an_interaction_is_none(cassette: Path) -> None:
    body = "a: '\n- request:\n    method: GET\n    uri: https://a/b\n  response:\n"
    save_cassette(cassette, [told("https://a.file.core.windows.net/1", body.encode())], {})

    assert [item.response.body.decode() for item in load_cassette(cassette)] == [body]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bodies_that_vcrpy_kept_encoded_are_decoded(opened: Open, cassette: Path, encoding: str) -> None:
    packed = gzip.compress(b"hello") if encoding == "gzip" else zlib.compress(b"hello")
    answer = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Encoding": [encoding]},
        "body": {"string": packed},
    }
    asked = {"method": "GET", "uri": "https://a/b", "headers": {}, "body": None}
    cassette.parent.mkdir()
    cassette.write_text(yaml.dump({"interactions": [{"request": asked, "response": answer}], "version": 1}))

    with opened("replay") as session:
        assert session.get("https://a/b").text == "hello"


def test_a_header_of_an_encoding_that_is_gone_does_no_harm(opened: Open, cassette: Path) -> None:
    cassette.parent.mkdir()
    cassette.write_text(
        "interactions:\n- request: {body: null, headers: {}, method: GET, uri: 'https://a/b'}\n"
        "  response:\n    body: {string: plain}\n    headers:\n      content-encoding: [gzip]\n"
        "    status: {code: 200, message: OK}\nversion: 1\n"
    )

    with opened("replay") as session:
        assert session.get("https://a/b").text == "plain"


def test_tags_of_vcrpys_older_cassettes_are_read(cassette: Path) -> None:
    cassette.parent.mkdir()
    cassette.write_text(
        "interactions:\n- request:\n    body: !!python/unicode 'x'\n    headers: {}\n    method: POST\n    uri: https://a/b\n"
        "  response:\n    body: {string: !!python/str 'y'}\n    headers: {}\n    status: {code: 200, message: OK}\n"
    )

    assert [item.response.body for item in load_cassette(cassette)] == [b"y"]


def test_yaml_that_wants_python_to_run_something_is_refused(cassette: Path) -> None:
    cassette.parent.mkdir()
    cassette.write_text("interactions:\n- !!python/object/apply:os.system ['true']\n")

    with pytest.raises(CassetteError, match="cannot be read"):
        load_cassette(cassette)


def test_where_it_comes_from_is_told_without_reading_the_rest(cassette: Path) -> None:
    save_cassette(cassette, [told("https://a/1", b"x" * 5000)], {"cloud": "emulator"})
    cassette.write_text(cassette.read_text().replace("code: 200", "code: '200"))

    assert open_reel(cassette).provenance() == {"cloud": "emulator"}

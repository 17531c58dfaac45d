"""Cassettes on disk, of the harness and of other tools: requests are read at once, responses when needed."""

import gzip
import json
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests
import yaml

from harness.errors import CassetteError
from harness.recording import load_cassette
from harness.recording.cassette import save_cassette
from harness.recording.cassette_reader import open_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse

Open = Callable[..., AbstractContextManager[requests.Session]]


def recorded(uri: str, body: bytes = b"{}", headers: dict[str, str] | None = None) -> Interaction:
    return Interaction(RecordedRequest("GET", uri), RecordedResponse(200, "OK", headers or {}, body))


def vcr_entry(body: object = "y", **headers: object) -> dict[str, object]:
    return {
        "request": {"method": "GET", "uri": "https://a/b", "headers": {}, "body": None},
        "response": {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": body}},
    }


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "cassette"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Write = Callable[[str | bytes], Path]


def test_a_damaged_response_spoils_only_itself(open_recorded: Open, cassette: Path) -> None:
    save_cassette(cassette, [recorded("https://a/1"), recorded("https://a/2")], {})
    cassette.write_text(cassette.read_text().replace('"status": 200', '"status": "200"', 1))

    with open_recorded("replay") as session:
        assert session.get("https://a/2").json() == {}
        with pytest.raises(CassetteError, match=r"interaction 1 of cassette .* cannot be read: .*\$\.status"):
            session.get("https://a/1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1, 2]",
        "interactions: 5",
        "interactions: [",
        "a: b",
        "{}",
        '{"version": 2}',
        '{"version": 2, "interactions": [{}]}',
        '{"version": 2, "interactions": [5]}',
        '{"version": 3, "interactions": []}',
        '{"version": 2, "interactions": [{"request": {"method": "GET"}, "response": {"status": 200}}]}',
        '{"version": 2, "interactions": [], "other": 1}',
    ],
)
def test_what_is_no_cassette_is_refused_by_its_name(write_file: Write, text: str) -> None:
    path = write_file(text)

    with pytest.raises(CassetteError, match=str(path)):
        open_cassette(path)


def test_an_entry_of_another_tool_that_is_none_is_refused_when_it_is_read(write_file: Write) -> None:
    cassette = open_cassette(write_file("interactions:\n- 5\n"))

    with pytest.raises(CassetteError, match="interaction 1 of cassette"):
        cassette.interaction(0)


@pytest.mark.parametrize(
    "body",
    [
        '{"text": ["a"], "base64": ["YQ=="]}',
        "{}",
        '{"base64": ["Y"]}',
        '{"base64": ["*"]}',
        '{"text": "a"}',
        '{"text": ["a"], "more": 1}',
    ],
)
def test_a_body_that_is_none_is_refused(write_file: Write, body: str) -> None:
    entry = f'{{"request": {{"method": "GET", "uri": "https://a/"}}, "response": {{"status": 200, "body": {body}}}}}'

    with pytest.raises(CassetteError, match="interaction 1 of cassette"):
        load_cassette(write_file(f'{{"version": 2, "interactions": [{entry}]}}'))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_of_either_kind_are_read(write_file: Write, cassette: Path, end: str) -> None:
    save_cassette(cassette, [recorded("https://a/1"), recorded("https://a/2", b"x" * 5000)], {})
    path = write_file(cassette.read_text().replace("\n", end))

    assert load_cassette(path) == load_cassette(cassette)


def test_a_byte_order_mark_is_passed_over(write_file: Write, cassette: Path) -> None:
    save_cassette(cassette, [recorded("https://a/1")], {})

    assert load_cassette(write_file(b"\xef\xbb\xbf" + cassette.read_bytes())) == load_cassette(cassette)


def test_an_interaction_is_found_at_its_line(cassette: Path) -> None:
    save_cassette(cassette, [recorded(f"https://a/{number}", b"same") for number in range(5)], {"cloud": "emulator"})
    lines = cassette.read_text().splitlines()

    for index in range(5):
        first, text = open_cassette(cassette).span(index)
        (line,) = [number for number, line in enumerate(lines, 1) if f'"https://a/{index}"' in line]
        assert first <= line <= first + text.count("\n")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_bodies_that_vcrpy_kept_encoded_are_decoded(open_recorded: Open, cassette: Path, encoding: str) -> None:
    packed = gzip.compress(b"hello") if encoding == "gzip" else zlib.compress(b"hello")
    entry = vcr_entry(packed, **{"Content-Encoding": [encoding]})
    cassette.parent.mkdir()
    cassette.write_text(yaml.dump({"interactions": [entry], "version": 1}))

    with open_recorded("replay") as session:
        assert session.get("https://a/b").text == "hello"


def test_a_header_of_an_encoding_that_was_undone_does_no_harm(open_recorded: Open, cassette: Path) -> None:
    cassette.parent.mkdir()
    cassette.write_text(yaml.dump({"interactions": [vcr_entry("plain", **{"content-encoding": ["gzip"]})]}))

    with open_recorded("replay") as session:
        assert session.get("https://a/b").text == "plain"


def test_vcrpys_json_is_read(write_file: Write) -> None:
    path = write_file(
        json.dumps({"version": 1, "interactions": [vcr_entry("😀", ETag=["1"])], "metadata": {}}, indent=4)
    )

    (item,) = load_cassette(path)
    assert (item.response.body, item.response.headers) == ("😀".encode(), {"ETag": "1"})


def test_yaml_that_begins_with_a_brace_is_read(write_file: Write) -> None:
    assert load_cassette(write_file("{interactions: [], version: 1}")) == []


def test_tags_of_vcrpys_older_cassettes_are_read(write_file: Write) -> None:
    path = write_file(
        "interactions:\n- request:\n    body: !!python/unicode 'x'\n    headers: {}\n    method: POST\n    uri: https://a/b\n"
        "  response:\n    body: {string: !!python/str 'y'}\n    headers: {}\n    status: {code: 200, message: OK}\n"
    )

    assert [item.response.body for item in load_cassette(path)] == [b"y"]


def test_yaml_that_wants_python_to_run_something_is_refused(write_file: Write) -> None:
    with pytest.raises(CassetteError, match="cannot be read"):
        load_cassette(write_file("interactions:\n- !!python/object/apply:os.system ['true']\n"))


def test_our_yaml_of_before_is_read_with_its_counts_and_provenance(write_file: Write) -> None:
    packed = gzip.compress(b"x" * 5000)
    entry = vcr_entry(packed, **{"Content-Encoding": ["gzip"]})
    path = write_file(
        yaml.dump({"version": 1, "provenance": {"cloud": "emulator"}, "interactions": [{"count": 3, **entry}]})
    )

    cassette = open_cassette(path)
    assert cassette.provenance == {"cloud": "emulator"}
    assert (cassette.interaction(0).count, cassette.interaction(0).response.body) == (3, b"x" * 5000)


def test_a_pipe_is_no_cassette(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(CassetteError, match="is no file"):
        open_cassette(tmp_path / "pipe")

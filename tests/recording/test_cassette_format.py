"""The cassette format of the harness: it preserves every byte, and is readable in a diff."""

import json
import string
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.errors import CassetteError
from harness.recording import load_cassette
from harness.recording.cassette import save_cassette
from harness.recording.cassette_format import Entry, read_document, read_entry, write_document
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.limits import LARGEST_CONTENT

TEXTS = st.text(max_size=30) | st.text(st.sampled_from('a"\\/\n\r\t\x1b\x7f\x85\u2028\u202e\ufeff😀é'), max_size=12)
NUMBERS = st.integers() | st.floats() | st.sampled_from(["1.0", "1E5", "-0", "1e-07", "0.10", "123456789012345678901"])
VALUES = st.recursive(
    st.none() | st.booleans() | TEXTS | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
# JSON in the styles of different programs, and text that resembles JSON.
JSON = st.one_of(
    VALUES.map(lambda value: json.dumps(value, separators=(",", ":"))),
    VALUES.map(json.dumps),
    VALUES.map(lambda value: json.dumps(value, ensure_ascii=False)),
    VALUES.map(lambda value: json.dumps(value, indent=2)),
    VALUES.map(lambda value: json.dumps(value) + "\n"),
    NUMBERS.map(lambda number: f'{{"a":{number}}}'),
    st.text('[]{}:,"1 \\ntrue', max_size=12),
    st.sampled_from(['{"a":1,"a":2}', '["\\ud800"]', '{"a" :1}', "[" * 5000, "[" * 90 + "]" * 90, "[NaN]", "\ufeff{}"]),
).map(lambda text: text.encode("utf-8", "surrogatepass"))
BODIES = st.binary(max_size=300) | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")) | JSON
WORDS = st.text(string.printable[:90], max_size=20)
HEADERS = st.dictionaries(st.sampled_from(["ETag", "x-ms-version", "P3P", "a"]), WORDS, max_size=3)


def recorded(body: bytes = b"", request_body: bytes = b"", headers: dict[str, str] | None = None) -> Interaction:
    request = RecordedRequest("PUT", "https://a.file.core.windows.net/x", headers or {}, request_body)
    return Interaction(request, RecordedResponse(200, "OK", headers or {}, body))


def read_back(item: Interaction) -> Interaction:
    """Write an interaction, and read it again."""
    (entry,) = read_document(write_document([item], {})).interactions
    return read_entry(entry, LARGEST_CONTENT)


def body_of(item: Interaction) -> object:
    return json.loads(write_document([item], {}))["interactions"][0]["response"].get("body")


@given(BODIES, BODIES, HEADERS)
@example(b"{}", b"[]", {})
def test_what_is_written_is_read_to_the_byte(body: bytes, request_body: bytes, headers: dict[str, str]) -> None:
    item = recorded(body, request_body, headers)

    assert read_back(item) == item


@given(st.integers(100, 599), WORDS, st.lists(WORDS, max_size=3).map(tuple), st.integers(1, 1_000_000))
def test_all_that_is_recorded_is_read(status: int, reason: str, cookies: tuple[str, ...], count: int) -> None:
    response = RecordedResponse(status, reason, {}, b"", cookies)
    item = Interaction(RecordedRequest("GET", "https://a/?x=é"), response, count)

    assert read_back(item) == item


@given(st.lists(BODIES, max_size=3))
def test_a_file_holds_every_interaction_in_order(bodies: list[bytes]) -> None:
    items = [recorded(body) for body in bodies]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.json"
        path.write_bytes(write_document(items, {"cloud": "emulator"}))

        assert load_cassette(path) == items


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (b"", None),
        (b'{"b":1,"a":[1.0]}', {"json": {"b": 1, "a": [1.0]}}),
        (b'{"b": 1, "a": [1.0]}', {"json": {"b": 1, "a": [1.0]}, "spaced": True}),
        (b'{"a":1}\n', {"text": ['{"a":1}', ""]}),
        (b"one\r\ntwo", {"text": ["one\r", "two"]}),
        (b"\x1b[31mred", {"text": ["\x1b[31mred"]}),
        ("a\u202eb".encode(), {"base64": ["YeKArmI="]}),
        (b"\xff" * 100, {"base64": ["/" * 120, "/" * 13 + "w=="]}),
        (b"a\0", {"base64": ["YQA="]}),
        ("\ufeff<?xml?>".encode(), {"text": ["\ufeff<?xml?>"]}),
    ],
)
def test_a_body_is_written_in_the_way_that_reads_best(body: bytes, written: object) -> None:
    assert body_of(recorded(body)) == written


def test_a_list_of_many_numbers_is_not_written_a_line_each() -> None:
    body = msgspec.json.encode(list(range(10)) * 1000)

    assert body_of(recorded(body)) == {"text": [body.decode()]}


PINNED = """\
{
  "version": 2,
  "provenance": {
    "cloud": "emulator"
  },
  "interactions": [
    {
      "count": 2,
      "request": {
        "method": "PUT",
        "uri": "https://a/?b=c",
        "headers": {
          "Range": "1",
          "x-ms-type": "file"
        },
        "body": {
          "json": {
            "a": []
          }
        }
      },
      "response": {
        "status": 201,
        "reason": "Created",
        "headers": {
          "Location": "https://b/",
          "Set-Cookie": [
            "a=b",
            "c=d"
          ]
        },
        "body": {
          "text": [
            "one",
            "two"
          ]
        }
      }
    }
  ]
}
"""


def test_a_document_has_its_keys_in_order_and_one_line_for_each_value() -> None:
    request = RecordedRequest("PUT", "https://a/?b=c", {"x-ms-type": "file", "Range": "1"}, b'{"a":[]}')
    response = RecordedResponse(201, "Created", {"Location": "https://b/"}, b"one\ntwo", ("a=b", "c=d"))

    assert write_document([Interaction(request, response, 2)], {"cloud": "emulator"}).decode() == PINNED


def test_equal_recordings_make_equal_files() -> None:
    first, second = (recorded(b"", headers=headers) for headers in ({"b": "1", "A": "2"}, {"A": "2", "b": "1"}))

    assert write_document([first], {}) == write_document([second], {})


def test_a_response_is_not_read_before_it_is_wanted() -> None:
    (entry,) = read_document(write_document([recorded(b"x" * 100)], {})).interactions

    assert isinstance(entry, Entry)
    assert isinstance(entry.response, msgspec.Raw)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.recording.cassette.MOST_INTERACTIONS", 2)

    with pytest.raises(CassetteError, match=r"is not written: it would have 0 MiB and 3 interactions"):
        save_cassette(tmp_path / "a.json", [recorded()] * 3, {})
    assert list(tmp_path.iterdir()) == []

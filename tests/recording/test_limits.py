"""The memory and the time for reading an untrusted cassette are limited.

Each of these files is small, and would take a multiple of its size in memory or time.
"""

import base64
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from harness.errors import CassetteError, UnmatchedRequestError
from harness.recording import cassette_reader, load_cassette, open_session
from harness.recording.check import check_cassette

CONTENT = 2 << 20  # bytes, instead of the real limit
MIB = 1 << 20
ZEROS = bytes(60 * MIB)

HEAD = "interactions:\n"
ENTRY = (
    "- request: {{method: GET, uri: 'https://a/', headers: {{}}, body: null}}\n"
    "  response:\n    status: {{code: 200, message: OK}}\n    headers: {headers}\n    body: {{string: {body}}}\n"
)
REQUEST = {"method": "GET", "uri": "https://a/"}


def yaml_entry(body: str = "''", headers: str = "{}") -> str:
    return ENTRY.format(body=body, headers=headers)


def packed(data: bytes, encoding: str) -> str:
    body = base64.b64encode(data).decode()
    return HEAD + yaml_entry(f"!!binary {body}", f"{{Content-Encoding: ['{encoding}']}}")


def ours(*entries: dict[str, object]) -> str:
    return json.dumps({"version": 2, "interactions": entries})


def response(**parts: object) -> dict[str, object]:
    return {"request": REQUEST, "response": {"status": 200, **parts}}


def base64_lines(data: bytes) -> dict[str, list[str]]:
    return {"base64": [base64.b64encode(data).decode()]}


def laughs(depth: int, width: int) -> str:
    """Nested lists that refer many times to the previous one ("billion laughs")."""
    lists = (f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * width)}]\n" for level in range(1, depth))
    return "l0: &l0 [x]\n" + "".join(lists)


def packed_line(number: int) -> str:
    return base64.b64encode(gzip.compress(bytes(MIB) + number.to_bytes(2, "big"))).decode() + " "


ATTACKS: dict[str, Callable[[], str]] = {
    "gzip": lambda: packed(gzip.compress(ZEROS), "gzip"),
    "gzip in gzip": lambda: packed(gzip.compress(gzip.compress(ZEROS)), "gzip, gzip"),
    "deflate": lambda: packed(zlib.compress(ZEROS), "deflate"),
    "gzip in our format": lambda: ours(
        response(headers={"Content-Encoding": "gzip"}, body=base64_lines(gzip.compress(ZEROS)))
    ),
    "many that are packed a little": lambda: ours(
        *[response(headers={"content-encoding": "gzip"}, body=base64_lines(gzip.compress(bytes(MIB))))] * 60
    ),
    "a body that many share": lambda: (
        f"b: &b {'x' * MIB}\n{HEAD}" + yaml_entry("*b") + "".join([yaml_entry("*b")] * 200)
    ),
    "an interaction that many share": lambda: (
        f"first: &i\n{yaml_entry('x' * MIB).replace('- ', '  ', 1)}" + HEAD + "- *i\n" * 9_000
    ),
    "headers that many share": lambda: (
        "h: &h\n" + "".join(f"  h{n}: [x]\n" for n in range(1000)) + HEAD + yaml_entry(headers="*h") * 2000
    ),
    "lists of lists": lambda: laughs(25, 10) + HEAD + yaml_entry(headers="{a: *l24}"),
    "a body of lists": lambda: laughs(25, 10) + HEAD + yaml_entry(body="*l24"),
    "merge keys": lambda: (
        "m0: &m0 {a: b}\n"
        + "".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}\n" for n in range(1, 9))
        + HEAD
    ),
    "a number of bytes": lambda: HEAD + yaml_entry("10000000000"),
    "keys that collide": lambda: "{" + ", ".join(f"{(2**61 - 1) * n}: 1" for n in range(5_000)) + "}",
    "nested YAML": lambda: "interactions: " + "[" * 100_000,
    "nested blocks of YAML": lambda: "interactions: \n" + "- " * 100_000 + "x",
    "very many values": lambda: HEAD + "- \n" * 200_000,
    "nested JSON": lambda: '{"version": 2, "interactions": ' + "[" * MIB,
    "nested JSON in a body": lambda: ours(response(body={"json": 0})).replace(": 0", ": " + "[" * 9000 + "]" * 9000),
    "very many interactions": lambda: ours(*[{"request": REQUEST, "response": 0}] * 101_000),
    "very many empty interactions": lambda: '{"version": 2, "interactions": [' + "{}," * MIB + "{}]}",
    "a huge count": lambda: ours({"count": 10**15, **response()}),
    "a negative count": lambda: ours({"count": -1, **response()}),
    "a huge count in YAML": lambda: HEAD + yaml_entry().replace("- request", "- count: 99999999999\n  request"),
}
# These are valid cassettes, but the decompressed content of their bodies exceeds the limit of a search for secrets.
HEAVY: dict[str, Callable[[], str]] = {
    "a gzip file": lambda: ours(response(body=base64_lines(gzip.compress(ZEROS)))),
    "gzip in base64": lambda: ours(response(body={"text": [base64.b64encode(gzip.compress(ZEROS)).decode()]})),
    "many gzip files": lambda: ours(*[response(body=base64_lines(gzip.compress(bytes(MIB))))] * 60),
    "gzip files in one body": lambda: ours(response(body={"text": [packed_line(number) for number in range(60)]})),
}


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cassette_reader, "LARGEST_CONTENT", CONTENT)
    monkeypatch.setattr("harness.recording.vcr_format.MOST_YAML_NODES", 150_000)
    monkeypatch.setattr("harness.recording.check.LARGEST_CONTENT", CONTENT)


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """Return the peak memory of Python, in bytes."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def write_cassette(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "cassette"
    path.write_text(content)
    return path


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_cassette_that_costs_too_much_is_refused(attack: str, tmp_path: Path, peak: Callable[[], int]) -> None:
    path = write_cassette(tmp_path, ATTACKS[attack]())
    tracemalloc.reset_peak()

    with pytest.raises(CassetteError, match=str(path)):
        load_cassette(path)
    assert peak() < 16 * CONTENT + 60 * path.stat().st_size


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_replay_of_it_answers_or_hangs(attack: str, tmp_path: Path) -> None:
    path = write_cassette(tmp_path, ATTACKS[attack]())

    with (
        open_session(path, "replay", replacements={}, base=requests.Session, provenance={}) as session,
        suppress(CassetteError, UnmatchedRequestError),
    ):
        assert len(session.get("https://a/").content) <= CONTENT


@pytest.mark.parametrize(
    "number", ["1" + ":1" * 200_000, "1" * 200_000, "0x" + "1" * 200_000, "1" + ":1" * 1000 + ".5"]
)
def test_a_number_that_takes_long_to_compute_is_a_text(number: str, tmp_path: Path) -> None:
    (item,) = load_cassette(write_cassette(tmp_path, HEAD + yaml_entry(number)))

    assert item.response.body == number.encode()


@pytest.mark.parametrize("kind", HEAVY)
def test_looking_for_secrets_has_a_limit(kind: str, tmp_path: Path, peak: Callable[[], int]) -> None:
    path = write_cassette(tmp_path, HEAVY[kind]())
    tracemalloc.reset_peak()

    with pytest.raises(CassetteError, match="gzip files unpack to more than"):
        check_cassette(path)
    assert peak() < 16 * CONTENT + 60 * path.stat().st_size


def test_a_request_is_compared_with_placeholders_in_time(tmp_path: Path) -> None:
    text, recorded = "a" * 20_000, "a" + "scrubbeda" * 2_000 + "b"
    request = {"method": "PUT", "uri": "https://a/", "body": {"json": {"x": recorded}}}
    path = write_cassette(tmp_path, json.dumps({"version": 2, "provenance": {}, "interactions": [
        {"request": request, "response": {"status": 200}},
    ]}))  # fmt: skip

    with open_session(path, "replay", replacements={}, base=requests.Session, provenance={}) as session:
        with pytest.raises(UnmatchedRequestError):
            session.put("https://a/", json={"x": text})
        assert session.put("https://a/", json={"x": f"{text}b"}).ok


def test_a_request_with_a_very_long_url_is_compared_in_time(tmp_path: Path) -> None:
    path = write_cassette(
        tmp_path, ours({"request": {"method": "GET", "uri": "https://a/" + "ab" * MIB}, "response": {"status": 200}})
    )

    with (
        open_session(path, "replay", replacements={}, base=requests.Session, provenance={}) as session,
        pytest.raises(UnmatchedRequestError),
    ):
        session.get("https://a/" + "ba" * 30_000)


@pytest.mark.parametrize(
    "text", ["b'" * 50_000, "b'" + "(" * 50_000 + "'", "b'\\\\x" + "\\" * 50_001 + "'", "{" * 50_000]
)
def test_a_body_that_azures_tools_cannot_have_written_is_taken_as_it_is(text: str, tmp_path: Path) -> None:
    request = {"method": "PUT", "uri": "https://a/", "body": {"text": [text]}}
    path = write_cassette(tmp_path, ours({"request": request, "response": {"status": 200}}))

    with open_session(path, "replay", replacements={}, base=requests.Session, provenance={}) as session:
        assert session.put("https://a/", json={"a": 1}).ok

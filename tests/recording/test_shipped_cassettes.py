"""The shipped cassettes contain nothing about the machine that recorded them."""

import gzip
import re
from pathlib import Path

import pytest

from harness.recording import load_cassette
from harness.recording.escapes import layers
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from harness.recording.nested_encodings import Unpacker
from harness.recording.scrub import Scrubber

CASSETTES = Path(__file__).parents[2] / "cassettes"
INTERPRETER = re.compile(r"interpreter: (?!/opt/)[^\s\"']+")  # a recording replaces it by a path below /opt
HOME = re.compile(r"/(?:root|(?:home|Users)/[^/\s\"']+)/[^\s\"']*")


def machine_paths(item: Interaction) -> set[str]:
    """The machine's paths in an interaction, in plain text, in escapes or in gzip.

    These are paths below a home directory, and paths of interpreters.
    """
    request, response = item.request, item.response
    texts = [request.uri, *request.headers.values(), response.reason, *response.headers.values(), *response.cookies]
    texts += [(Unpacker().unzip(body) or body).decode("latin-1") for body in (request.body, response.body)]
    unescaped = [layer.text for text in texts for layer in layers(text)]
    return {path for text in unescaped for path in (*HOME.findall(text), *INTERPRETER.findall(text))}


@pytest.mark.parametrize(
    "cassette", sorted(CASSETTES.rglob("*.json")), ids=lambda path: str(path.relative_to(CASSETTES))
)
def test_a_shipped_cassette_holds_no_path_of_its_machine(cassette: Path) -> None:
    assert set().union(*map(machine_paths, load_cassette(cassette))) == set()


@pytest.mark.parametrize("path", ["/builds/somebody/.venv/bin/python", "/usr/bin/python3", "/home/müller/bin/python"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_recording_has_an_interpreter_of_no_machine_and_of_the_same_length(path: str, packed: bool) -> None:
    log = f"toolkit: PyTorch\ninterpreter: {path}\n".encode()
    body = Scrubber({}).body(gzip.compress(log) if packed else log)
    scrubbed = gzip.decompress(body) if packed else body
    item = Interaction(RecordedRequest("GET", "https://a.test/", {}), RecordedResponse(200, "OK", {}, body))
    assert len(scrubbed) == len(log)
    assert machine_paths(item) == set()
    assert Scrubber({}).body(body) == body


@pytest.mark.parametrize("written", ["/{}/a", r"\/{}\/a", "%2F{}%2Fa"])
@pytest.mark.parametrize("home", ["root", "home/somebody", "Users/somebody"])
def test_such_a_path_is_found(home: str, written: str) -> None:
    body = f"interpreter: {written.format(home)}".encode()
    item = Interaction(RecordedRequest("GET", "https://a.test/", {}), RecordedResponse(200, "OK", {}, body))
    assert f"/{home}/a" in machine_paths(item)


def test_an_interpreter_of_a_machine_is_found() -> None:
    body = b"toolkit: PyTorch\ninterpreter: /builds/somebody/.venv/bin/python\n"
    item = Interaction(RecordedRequest("GET", "https://a.test/", {}), RecordedResponse(200, "OK", {}, body))
    assert machine_paths(item) == {"interpreter: /builds/somebody/.venv/bin/python"}

"""The comparison detects every change of a recorded response, except for values that differ between runs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.recording import load_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from tests.fidelity.comparison import ActualValues, differences

CASSETTES = Path(__file__).parents[2] / "cassettes" / "batchai"
CASSETTE_NAMES = sorted(path.relative_to(CASSETTES).as_posix() for path in CASSETTES.rglob("*.json"))


def response_with(
    status: int = 200, body: str = "", uri: str = "https://management.azure.com/x", **headers: str
) -> Interaction:
    return Interaction(RecordedRequest("GET", uri), RecordedResponse(status, "", headers, body.encode()))


def changed(item: Interaction, **parts: Any) -> Interaction:
    return replace(item, response=replace(item.response, **parts))


def mutants(item: Interaction) -> Iterator[tuple[str, Interaction]]:
    """Yield responses with one change, and the changed path; a value that differs between runs gets another form."""
    response = item.response
    yield "status", changed(item, status=response.status + 1)
    for name, value in response.headers.items():
        without = {other: text for other, text in response.headers.items() if other != name}
        yield f"header {name}", changed(item, headers=without)
        yield f"header {name}", changed(item, headers={**without, name: f"{value}~"})
    yield "header x-new", changed(item, headers={**response.headers, "x-new": "1"})
    if response.body[:1] == b"{":
        for path, document in changed_documents(json.loads(response.body), "body"):
            yield path, changed(item, body=json.dumps(document).encode())
    elif "execution" not in item.request.uri:  # the log of the machine
        yield "body", changed(item, body=response.body + b"~")


def changed_documents(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield variants of a JSON value with one changed leaf, one omitted key or one additional key."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}", {key: member for key, member in value.items() if key != name}
            for inner_path, variant in changed_documents(inner, f"{path}.{name}"):
                yield inner_path, {**value, name: variant}
        yield f"{path}.new", {**value, "new": 1}
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for inner_path, variant in changed_documents(inner, f"{path}[{at}]"):
                yield inner_path, [*value[:at], variant, *value[at + 1 :]]
        yield path, [*value, {}]
    elif isinstance(value, str):
        yield path, f"{value}~"
    else:
        yield path, value + 1


def ignored_paths(item: Interaction) -> set[str]:
    """The ignored paths of lists of output files: the length of the machine's log, and an empty list."""
    if "/listOutputFiles?" not in item.request.uri:
        return set()
    files = json.loads(item.response.body)["value"]
    logs = [at for at, file in enumerate(files) if file["name"].startswith("execution")]
    return {f"body.value[{at}].properties.contentLength" for at in logs} or ({"body.value"} if not files else set())


@pytest.mark.parametrize("cassette", CASSETTE_NAMES)
def test_every_change_of_a_shipped_answer_is_found(cassette: str) -> None:
    for item in load_cassette(CASSETTES / cassette):
        assert differences(item, item, ActualValues()) == []
        missed = {path for path, mutant in mutants(item) if not differences(item, mutant, ActualValues())}
        assert missed == ignored_paths(item), item.request.uri


@pytest.mark.parametrize(
    ("recorded", "received"),
    [
        ("2026-11-25T20:26:15.185Z", "2027-01-02T03:04:05Z"),
        ("se=2026-11-26T06%3A26%3A15Z&sp=rl", "se=2027-01-26T06%3A26%3A15Z&sp=rl"),
        ("jobs/1df5665c-3cfd-4368-b85f-e60f693d0c42", "jobs/2df5665c-3cfd-4368-b85f-e60f693d0c42"),
        ("Wed, 25 Nov 2026 20:24:03 GMT", "Thu, 26 Nov 2026 20:24:03 GMT"),
    ],
)
def test_times_and_random_names_are_compared_by_form(recorded: str, received: str) -> None:
    item, actual = (response_with(body=json.dumps({"value": text}), location=text) for text in (recorded, received))

    assert differences(item, actual, ActualValues()) == []


def test_a_random_name_stays_the_same_wherever_the_recording_repeats_it() -> None:
    first, second, third = (f"{digit}df5665c-3cfd-4368-b85f-e60f693d0c42" for digit in "123")
    values = ActualValues()

    assert differences(response_with(id=first), response_with(id=second), values) == []
    assert differences(response_with(id=first), response_with(id=second), values) == []
    assert differences(response_with(id=first), response_with(id=third), values) == [
        f"header id: {first!r} was recorded, {third!r} received"
    ]


def test_a_difference_names_the_path_and_both_values() -> None:
    item, actual = (response_with(body=json.dumps({"a": [{"b": text}]})) for text in ("one", "two"))

    assert differences(item, actual, ActualValues()) == ["body.a[0].b: 'one' was recorded, 'two' received"]
    assert differences(response_with(404), response_with(200), ActualValues()) == [
        "status: 404 was recorded, 200 received"
    ]
    assert differences(response_with(), response_with(x="1"), ActualValues()) == [
        "header x: nothing was recorded, '1' received"
    ]

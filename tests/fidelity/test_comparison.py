"""The comparison can fail: whatever is changed in a recorded answer is found, and what nobody can foresee is not."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.recording import load_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse
from tests.fidelity.comparison import Names, differences

CASSETTES = Path(__file__).parents[2] / "cassettes" / "batchai"
FOUND = sorted(path.relative_to(CASSETTES).as_posix() for path in CASSETTES.rglob("*.json"))


def answered(
    status: int = 200, body: str = "", uri: str = "https://management.azure.com/x", **headers: str
) -> Interaction:
    return Interaction(RecordedRequest("GET", uri), RecordedResponse(status, "", headers, body.encode()))


def changed(item: Interaction, **parts: Any) -> Interaction:
    return replace(item, response=replace(item.response, **parts))


def mutants(item: Interaction) -> Iterator[tuple[str, Interaction]]:
    """An answer with one thing changed, and what; a value that nobody can foresee gets another form."""
    answer = item.response
    yield "status", changed(item, status=answer.status + 1)
    for name, value in answer.headers.items():
        without = {other: text for other, text in answer.headers.items() if other != name}
        yield f"header {name}", changed(item, headers=without)
        yield f"header {name}", changed(item, headers={**without, name: f"{value}~"})
    yield "header x-new", changed(item, headers={**answer.headers, "x-new": "1"})
    if answer.body[:1] == b"{":
        for path, document in changed_documents(json.loads(answer.body), "body"):
            yield path, changed(item, body=json.dumps(document).encode())
    elif "execution" not in item.request.uri:  # the log of the machine
        yield "body", changed(item, body=answer.body + b"~")


def changed_documents(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A JSON value with one leaf changed, one key left out, or one more."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}", {other: kept for other, kept in value.items() if other != name}
            for place, other in changed_documents(inner, f"{path}.{name}"):
                yield place, {**value, name: other}
        yield f"{path}.new", {**value, "new": 1}
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for place, other in changed_documents(inner, f"{path}[{at}]"):
                yield place, [*value[:at], other, *value[at + 1 :]]
        yield path, [*value, {}]
    elif isinstance(value, str):
        yield path, f"{value}~"
    else:
        yield path, value + 1


def left_out(item: Interaction) -> set[str]:
    """Of lists of outputs: how long the machine's own log is, and that a job had no files yet."""
    if "/listOutputFiles?" not in item.request.uri:
        return set()
    files = json.loads(item.response.body)["value"]
    logs = [at for at, file in enumerate(files) if file["name"].startswith("execution")]
    return {f"body.value[{at}].properties.contentLength" for at in logs} or ({"body.value"} if not files else set())


@pytest.mark.parametrize("cassette", FOUND)
def test_every_change_of_a_shipped_answer_is_found(cassette: str) -> None:
    for item in load_cassette(CASSETTES / cassette):
        assert differences(item, item, Names()) == []
        missed = {what for what, mutant in mutants(item) if not differences(item, mutant, Names())}
        assert missed == left_out(item), item.request.uri


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2026-11-25T20:26:15.185Z", "2027-01-02T03:04:05Z"),
        ("se=2026-11-26T06%3A26%3A15Z&sp=rl", "se=2027-01-26T06%3A26%3A15Z&sp=rl"),
        ("jobs/1df5665c-3cfd-4368-b85f-e60f693d0c42", "jobs/2df5665c-3cfd-4368-b85f-e60f693d0c42"),
        ("Wed, 25 Nov 2026 20:24:03 GMT", "Thu, 26 Nov 2026 20:24:03 GMT"),
    ],
)
def test_times_and_random_names_are_compared_by_form(one: str, other: str) -> None:
    item, given = (answered(body=json.dumps({"value": text}), told=text) for text in (one, other))

    assert differences(item, given, Names()) == []


def test_a_random_name_stays_the_same_wherever_the_recording_repeats_it() -> None:
    one, another, third = (f"{digit}df5665c-3cfd-4368-b85f-e60f693d0c42" for digit in "123")
    names = Names()

    assert differences(answered(id=one), answered(id=another), names) == []
    assert differences(answered(id=one), answered(id=another), names) == []
    assert differences(answered(id=one), answered(id=third), names) == [
        f"header id: {one!r} was recorded, {third!r} given"
    ]


def test_a_difference_names_the_place_and_both_values() -> None:
    item, given = (answered(body=json.dumps({"a": [{"b": text}]})) for text in ("one", "two"))

    assert differences(item, given, Names()) == ["body.a[0].b: 'one' was recorded, 'two' given"]
    assert differences(answered(404), answered(200), Names()) == ["status: 404 was recorded, 200 given"]
    assert differences(answered(), answered(x="1"), Names()) == ["header x: nothing was recorded, '1' given"]

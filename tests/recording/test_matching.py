"""The recorded response that a request gets."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests

from harness.errors import UnmatchedRequestError
from harness.recording import unused_answers
from harness.recording.cassette import save_cassette
from harness.recording.interactions import Interaction, RecordedRequest, RecordedResponse

Open = Callable[..., AbstractContextManager[requests.Session]]
Write = Callable[..., None]
ARM = "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mine"
CLUSTER = f"{ARM}/providers/Microsoft.BatchAI/workspaces/w/clusters/c?api-version=2018-05-01"
FILE = "https://harnessstorage.file.core.windows.net/share/data.txt"


def interaction(method: str, uri: str, text: str, body: str = "", *, status: int = 200, count: int = 1) -> Interaction:
    response = RecordedResponse(status, "OK", {}, text.encode())
    return Interaction(RecordedRequest(method, uri, {}, body.encode()), response, count)


@pytest.fixture
def write_cassette(cassette: Path) -> Write:
    def write(*interactions: Interaction) -> None:
        save_cassette(cassette, interactions, {"cloud": "a test"})

    return write


def test_polls_that_were_folded_are_answered_as_often(open_recorded: Open, write_cassette: Write) -> None:
    write_cassette(interaction("GET", CLUSTER, "running", count=3), interaction("GET", CLUSTER, "done"))

    with open_recorded("replay") as session:
        assert [session.get(CLUSTER).text for _ in range(5)] == ["running"] * 3 + ["done"] * 2


def test_polls_of_two_things_may_come_in_another_order(open_recorded: Open, write_cassette: Write) -> None:
    other = CLUSTER.replace("/c?", "/d?")
    write_cassette(
        interaction("GET", CLUSTER, "1"),
        interaction("GET", other, "A"),
        interaction("GET", CLUSTER, "2"),
        interaction("GET", other, "B"),
    )

    with open_recorded("replay") as session:
        assert [session.get(url).text for url in (other, other, CLUSTER, CLUSTER)] == ["A", "B", "1", "2"]


def test_a_retry_is_answered_as_it_was(open_recorded: Open, write_cassette: Write) -> None:
    write_cassette(interaction("PUT", CLUSTER, "busy", status=503), interaction("PUT", CLUSTER, "created", status=201))

    with open_recorded("replay") as session:
        assert [session.put(CLUSTER).status_code for _ in range(2)] == [503, 201]


def test_pages_are_followed(open_recorded: Open, write_cassette: Write) -> None:
    first, second = f"{ARM}/jobs?api-version=1", f"{ARM}/jobs?api-version=1&%24skipToken=abc"
    write_cassette(
        interaction("GET", first, f'{{"nextLink": "{second}"}}'), interaction("GET", second, '{"value": [2]}')
    )

    with open_recorded("replay") as session:
        assert session.get(session.get(first).json()["nextLink"]).json() == {"value": [2]}


def test_what_is_read_after_a_deletion_is_what_was_read_after_it(open_recorded: Open, write_cassette: Write) -> None:
    write_cassette(
        interaction("GET", CLUSTER, "there", count=9),
        interaction("DELETE", CLUSTER, ""),
        interaction("GET", CLUSTER, "gone", status=404),
    )

    with open_recorded("replay") as session:
        session.get(CLUSTER)
        session.delete(CLUSTER)
        assert session.get(CLUSTER).text == "gone"


def test_requests_to_one_url_are_distinguished_by_their_json(open_recorded: Open, write_cassette: Write) -> None:
    write_cassette(
        interaction("POST", CLUSTER, "one", '{"a": 1, "b": 2}'), interaction("POST", CLUSTER, "other", '{"a": 2}')
    )

    with open_recorded("replay") as session:
        texts = [session.post(CLUSTER, data=body).text for body in ('{"a":2, "c":null}', '{"b":2,"a":1}')]
    assert texts == ["other", "one"]


def test_other_json_than_the_recorded_is_refused_by_its_path(
    open_recorded: Open, write_cassette: Write, cassette: Path
) -> None:
    write_cassette(interaction("PUT", CLUSTER, "{}", '{"properties": {"vmSize": "STANDARD_NC6", "nodes": [1]}}'))

    with open_recorded("replay") as session, pytest.raises(UnmatchedRequestError) as failure:
        session.put(CLUSTER, json={"properties": {"vmSize": "STANDARD_D1", "nodes": [1]}})
    assert str(failure.value) == (
        f"cassette {cassette} has no answer to\n  PUT {CLUSTER}\nnearest that were recorded:\n  PUT {CLUSTER}\n"
        '    body path properties.vmSize: "STANDARD_D1" was requested, "STANDARD_NC6" recorded\n'
        "record it again with: pytest --cloud emulator --record"
    )


def test_tags_and_secrets_in_json_need_not_be_the_recorded(open_recorded: Open, write_cassette: Write) -> None:
    recorded = '{"tags": {"run": "1"}, "adminUserPassword": "scrubbed", "command": "say scrubbed now", "note": ""}'
    write_cassette(interaction("PUT", CLUSTER, "{}", recorded))
    body = {"tags": {"run": "2"}, "adminUserPassword": "hunter2222", "command": "say hunter2222 now", "note": ""}

    with open_recorded("replay") as session:
        assert session.put(CLUSTER, json=body).ok
        with pytest.raises(UnmatchedRequestError, match=r'body path note: "x" was requested, "" recorded'):
            session.put(CLUSTER, json=body | {"note": "x"})


def test_an_upload_need_not_be_the_recorded(open_recorded: Open, write_cassette: Write) -> None:
    write_cassette(interaction("PUT", FILE, "", "<5000 bytes, sha256:0123>"), interaction("PUT", FILE, "", '{"a": 1}'))

    with open_recorded("replay") as session:
        assert session.put(FILE, data=b"x" * 7000).ok
        assert session.put(FILE, data=b'{"a": 2}').ok


def test_the_same_upload_gets_its_own_answer(open_recorded: Open, server: str) -> None:
    data = [b"1" * 3000, b"2" * 3000]
    with open_recorded("record") as session:
        for body in data:
            session.put(f"{server}/put", data=body)

    with open_recorded("replay") as session:
        assert [session.put(f"{server}/put", data=body).text for body in reversed(data)] == ["put 2", "put 1"]


def test_other_json_is_accepted_of_another_tools_cassette(open_recorded: Open, cassette: Path) -> None:
    cassette.parent.mkdir()
    cassette.write_text(
        "interactions:\n- request:\n    body: 'b''{\"a\": 1}'''\n    headers: {}\n    method: PUT\n    uri: https://a/b\n"
        "  response:\n    body: {string: old}\n    headers: {}\n    status: {code: 200, message: OK}\nversion: 1\n"
    )

    with open_recorded("replay") as session:
        assert session.put("https://a/b", json={"a": 2}).text == "old"


def test_a_recording_without_secrets_is_found_by_requests_with_them(
    open_recorded: Open, write_cassette: Write, server: str
) -> None:
    with open_recorded("record", realaccount7="account") as session:
        session.get(f"{server}/realaccount7/x?sig=abcdefgh&sv=2018")

    with open_recorded("replay") as session:
        assert session.get(f"{server}/account/x?sv=2020&sig=other").ok


@pytest.mark.parametrize(
    ("method", "url", "difference"),
    [
        ("PATCH", CLUSTER, "method: PATCH was requested, GET recorded"),
        ("GET", CLUSTER.replace("clusters/c", "clusters/d"), "clusters/d was requested, /subscriptions/"),
        ("GET", CLUSTER.replace("management", "elsewhere"), "host: elsewhere.azure.com was requested"),
        ("GET", CLUSTER.replace("2018-05-01", "2018-03-01"), "query key api-version: '2018-03-01' was requested"),
        ("GET", f"{CLUSTER}&x=1", "query key x: '1' was requested, 'nothing' recorded"),
    ],
)
def test_the_error_of_an_unmatched_request_names_what_differs(
    open_recorded: Open, write_cassette: Write, method: str, url: str, difference: str
) -> None:
    write_cassette(interaction("GET", CLUSTER, "{}"), *(interaction("GET", f"{ARM}/{n}", "{}") for n in range(50)))

    with open_recorded("replay") as session, pytest.raises(UnmatchedRequestError) as failure:
        session.request(method, url)
    assert difference in str(failure.value).split("nearest that were recorded:")[1].splitlines()[2]


def test_what_was_not_asked_for_is_reported(open_recorded: Open, write_cassette: Write) -> None:
    write_cassette(
        interaction("GET", CLUSTER, "1", count=3), interaction("PUT", FILE, ""), interaction("DELETE", CLUSTER, "")
    )

    with open_recorded("replay") as session:
        session.get(CLUSTER)
        session.put(FILE)
        unused = unused_answers(session)
    assert [(item.request, item.count) for item in unused] == [(f"GET {CLUSTER}", 2), (f"DELETE {CLUSTER}", 1)]


def test_every_answer_is_given_once_to_many_threads(open_recorded: Open, write_cassette: Write) -> None:
    write_cassette(*(interaction("GET", CLUSTER, str(number)) for number in range(200)))

    with open_recorded("replay") as session, ThreadPoolExecutor(8) as threads:
        texts = list(threads.map(lambda _: session.get(CLUSTER).text, range(200)))
        assert unused_answers(session) == []
    assert sorted(texts, key=int) == [str(number) for number in range(200)]

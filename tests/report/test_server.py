"""The server of a report that follows a run: it serves one address on loopback, and refuses other host names."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from harness.report.server import ReportServer

DOCUMENT: dict[str, Any] = {"runs": [{"scenario": "s"}], "live": True, "generated": "now"}


@pytest.fixture
def documents() -> list[dict[str, Any]]:
    """The server's current document is the last of the list."""
    return [DOCUMENT]


@pytest.fixture
def server(documents: list[dict[str, Any]]) -> Iterator[ReportServer]:
    with ReportServer(lambda: documents[-1], token="secret") as report_server:
        thread = threading.Thread(target=report_server.serve_forever)
        thread.start()
        yield report_server
        report_server.shutdown()
        thread.join()


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=60)


def test_the_page_and_its_data_are_at_the_address(server: ReportServer) -> None:
    assert server.url.startswith("http://127.0.0.1:")
    page, data = get(server.url), get(f"{server.url}data.json")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert data.json() == DOCUMENT
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["", "guess/", "guess/data.json", "secret/other", "secret/../../etc/passwd"])
def test_nothing_else_is(server: ReportServer, path: str) -> None:
    assert get(f"http://127.0.0.1:{server.server_port}/{path}").status_code == 404


def test_a_page_elsewhere_that_has_its_name_resolve_here_gets_nothing(server: ReportServer) -> None:
    assert get(server.url, Host="evil.example").status_code == 404
    assert get(server.url, Host=f"localhost:{server.server_port}").status_code == 200


def test_what_did_not_change_is_not_sent_again(server: ReportServer, documents: list[dict[str, Any]]) -> None:
    tag = get(f"{server.url}data.json").headers["ETag"]
    documents.append({**DOCUMENT, "generated": "later"})
    assert get(f"{server.url}data.json", **{"If-None-Match": tag}).status_code == 304
    documents.append({**DOCUMENT, "runs": [{"scenario": "other"}]})
    assert get(f"{server.url}data.json", **{"If-None-Match": tag}).status_code == 200


def test_nothing_can_be_changed(server: ReportServer) -> None:
    assert requests.post(server.url, timeout=60).status_code == 501

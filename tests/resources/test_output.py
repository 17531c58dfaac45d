"""Reading what a job wrote, over a connection that may break."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from harness.clock import SteppingClock
from harness.clouds.patience import LOCAL
from harness.errors import JobError
from harness.resources import JobOutput, OutputFile


class Breaking(BaseHTTPRequestHandler):
    """Says that a file has a hundred bytes, gives three, and hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"abc")

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def file() -> Iterator[OutputFile]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as listening:
        thread = threading.Thread(target=partial(listening.serve_forever, poll_interval=0.01))
        thread.start()
        yield OutputFile("stdouterr", "stderr.txt", 100, f"http://127.0.0.1:{listening.server_port}/f?sig=secret")
        listening.shutdown()
        thread.join()


@pytest.fixture
def output() -> Iterator[JobOutput]:
    with requests.Session() as session:
        clients = SimpleNamespace(session=session, patience=LOCAL)
        made = SimpleNamespace(clients=clients, cloud=SimpleNamespace(clock=SteppingClock()))
        job: Any = SimpleNamespace(name="j", provisioning=made)
        yield JobOutput(job)


def test_a_connection_that_breaks_in_the_middle_of_a_file_is_told_and_leaves_no_part_of_it(
    output: JobOutput, file: OutputFile, tmp_path: Path
) -> None:
    with pytest.raises(JobError, match=r"^cannot read stderr\.txt of job j: \w+$"):
        output.download(file, tmp_path / "stderr.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_breaks_while_a_log_is_followed_is_told(output: JobOutput, file: OutputFile) -> None:
    with pytest.raises(JobError, match=r"^cannot read stderr\.txt of job j: \w+$"):
        output.tail(file, start=0)


def test_a_file_is_shown_without_its_link(file: OutputFile) -> None:
    assert "secret" not in repr(file)

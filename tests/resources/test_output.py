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
from requests.adapters import HTTPAdapter

from harness.clock import SteppingClock
from harness.clouds.creations import Creations
from harness.clouds.patience import Patience
from harness.clouds.repeating import RepeatingAdapter
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
    clock = SteppingClock()
    patience = Patience(first=1.0, longest=1.0, total=60.0, grace=0.0, tries=3)
    adapter = RepeatingAdapter(HTTPAdapter(), patience=patience, clock=clock, creations=Creations(clock))
    with requests.Session() as session:
        session.mount("http://", adapter)
        clients = SimpleNamespace(session=session, patience=patience)
        job: Any = SimpleNamespace(
            name="j", provisioning=SimpleNamespace(clients=clients, cloud=SimpleNamespace(clock=clock))
        )
        yield JobOutput(job)


def test_a_file_that_breaks_off_every_time_is_told_without_its_link_and_leaves_no_part(
    output: JobOutput, file: OutputFile, tmp_path: Path
) -> None:
    with pytest.raises(JobError, match=r"^cannot read all of stderr\.txt of job j: \w+$"):
        output.download(file, tmp_path / "stderr.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_breaks_off_every_time_is_told_without_its_link(output: JobOutput, file: OutputFile) -> None:
    with pytest.raises(JobError, match=r"gave no answer .* given up after 3 tries") as refused:
        output.tail(file, start=0)
    assert "secret" not in str(refused.value)


def test_a_file_is_shown_without_its_link(file: OutputFile) -> None:
    assert "secret" not in repr(file)

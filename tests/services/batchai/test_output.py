"""Reading a job's output files over a connection that may break."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from azure.mgmt.batchai import BatchAI

from harness.clock import SteppingClock
from harness.clouds import open_cloud
from harness.clouds.retry_policy import LOCAL
from harness.config import Settings
from harness.emulator.launch import launch, stop
from harness.errors import JobError, UnreachableError
from harness.resources import Provisioning
from harness.resources.journal import NoJournal
from harness.services.batchai.output import BatchAiJobOutput
from harness.services.service import OutputFile, Tail


class Breaking(BaseHTTPRequestHandler):
    """Announces a hundred bytes, sends three, and closes the connection."""

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


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/f?sig=secret"
        server.shutdown()
        thread.join()


@pytest.fixture
def file() -> Iterator[OutputFile]:
    with listening(Breaking) as address:
        yield OutputFile("stdouterr", "stderr.txt", 100, address)


def listed(name: str, link: str = "https://link") -> Any:
    return SimpleNamespace(name=name, download_url=link, content_length=1)


@pytest.fixture
def output() -> Iterator[BatchAiJobOutput]:
    with requests.Session() as session:
        batchai = SimpleNamespace(jobs=SimpleNamespace())
        clients = SimpleNamespace(session=session, retry_policy=LOCAL, management=lambda _kind: batchai)
        cloud: Any = SimpleNamespace(name="emulator", clock=SteppingClock())
        provisioning = Provisioning(cloud, clients, NoJournal(), lambda _event: None, run="run")
        yield BatchAiJobOutput(provisioning, ("g", "w", "e", "j"))


def test_a_connection_that_breaks_in_the_middle_of_a_file_is_reported_and_leaves_no_part_of_it(
    output: BatchAiJobOutput, file: OutputFile, tmp_path: Path
) -> None:
    with pytest.raises(JobError, match=r"^cannot read stderr\.txt of job j: \w+$"):
        output.download(file, tmp_path / "stderr.txt")
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_breaks_while_a_log_is_followed_is_reported(
    output: BatchAiJobOutput, file: OutputFile
) -> None:
    with pytest.raises(JobError, match=r"^cannot read stderr\.txt of job j: \w+$"):
        output.tail(file, start=0, most=1000)


class Growing(BaseHTTPRequestHandler):
    """Serves ``content``; ``ranges`` tells whether it honours ranges."""

    content = b"0123456789"
    ranges = True

    def do_GET(self) -> None:
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if self.ranges else 200)
        body = self.content[start:] if self.ranges else self.content
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(params=[True, False], ids=["ranges", "no ranges"])
def growing(request: pytest.FixtureRequest) -> Iterator[OutputFile]:
    handler = type("Handler", (Growing,), {"ranges": request.param})
    with listening(handler) as address:
        yield OutputFile("stdouterr", "stdout.txt", 10, address)


def test_of_a_log_that_grows_what_is_new_is_read(output: BatchAiJobOutput, growing: OutputFile) -> None:
    assert output.tail(growing, start=7, most=100) == Tail(7, b"789")
    assert output.tail(growing, start=10, most=100) == Tail(10, b"")


def test_of_a_log_that_grows_too_fast_the_end_is_read(output: BatchAiJobOutput, growing: OutputFile) -> None:
    assert output.tail(growing, start=1, most=4) == Tail(6, b"6789")


def test_a_log_that_was_begun_again_is_read_from_its_beginning(output: BatchAiJobOutput, growing: OutputFile) -> None:
    assert output.tail(growing, start=11, most=100) == Tail(0, b"0123456789")


def test_a_file_whose_name_is_as_long_as_can_be_is_fetched(
    output: BatchAiJobOutput, file: OutputFile, tmp_path: Path
) -> None:
    output.download(replace(file, size=0), tmp_path / ("x" * 255))
    assert [path.name for path in tmp_path.iterdir()] == ["x" * 255]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b", "\ud800"])
def test_a_file_that_no_directory_can_hold_is_a_problem_and_hides_no_other(output: BatchAiJobOutput, name: str) -> None:
    entries = [listed(name), listed("good.txt")]
    output._provisioning.clients.management(BatchAI).jobs.list_output_files = lambda *_: iter(entries)
    listing = output.files("O")

    assert [file.name for file in listing.files] == ["good.txt"]
    assert listing.problems == (f"cannot fetch the file {name!r} of O: its name is not valid on this machine",)


def test_of_too_many_files_the_first_are_taken(output: BatchAiJobOutput, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.services.output_listing._MOST_FILES", 2)
    output._provisioning.clients.management(BatchAI).jobs.list_output_files = lambda *_: map(listed, "abc")

    assert output.files("O").problems == ("O holds more than 2 files; the others are omitted",)
    assert len(output.files("O").files) == 2


def test_directories_are_followed_to_a_depth(output: BatchAiJobOutput) -> None:
    output._provisioning.clients.management(BatchAI).jobs.list_output_files = lambda *_: iter([listed("d", link="")])
    listing = output.files("O")

    assert listing.files == ()
    assert listing.problems == (f"O/{'/'.join('d' * 17)} is omitted: directories are followed 16 levels deep",)


def test_a_file_is_shown_without_its_link(file: OutputFile) -> None:
    assert "secret" not in repr(file)


def test_a_request_without_an_answer_is_unreachable(tmp_path: Path) -> None:
    with launch() as endpoint:
        settings = Settings(emulator_dir=Path(endpoint.directory))
        with open_cloud("emulator", settings, cassettes=tmp_path, endpoint=endpoint) as cloud:
            stop(Path(endpoint.directory))
            with cloud.clients("gone") as clients:
                provisioning = Provisioning(
                    replace(cloud, clock=SteppingClock()), clients, NoJournal(), lambda _event: None, run="run"
                )
                output = BatchAiJobOutput(provisioning, ("g", "w", "e", "j"))
                link = f"https://{endpoint.storage_account}.file.core.windows.net/s/f?sig=secret"

                with pytest.raises(UnreachableError, match="cannot list the files in stdouterr of job j"):
                    output.files("stdouterr")
                with pytest.raises(UnreachableError, match="cannot read") as caught:
                    output.download(OutputFile("stdouterr", "stderr.txt", 3, link), tmp_path / "stderr.txt")
    assert "secret" not in str(caught.value)
